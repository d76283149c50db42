"""`import dita` stays light: what is heavy is loaded at first use."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["dita", "dita.cli", "dita.market", "dita.backtest"])
def test_nothing_heavy_is_imported(module: str) -> None:
    heavy = "{'pydantic', 'pandas', 'numpy', 'ccxt', 'asyncio', 'ssl'}"
    program = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
