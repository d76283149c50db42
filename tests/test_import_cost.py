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


@pytest.mark.parametrize("words", [["--help"], [], ["--version"], ["dance"]])
def test_the_command_line_alone_loads_no_command(words: list[str]) -> None:
    program = f"""
import contextlib, io, sys
from dita.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({words!r})
print(sorted(name for name in sys.modules if name == 'dita._kernel' or name.startswith('dita.cli.')))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "['dita.cli.commands', 'dita.cli.failure', 'dita.cli.main']\n"
