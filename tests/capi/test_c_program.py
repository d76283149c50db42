"""The C example, compiled by the system's compiler and run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dita import capi

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "c" / "first_trade.c"
COMPILER = shutil.which("cc")


@pytest.mark.skipif(COMPILER is None, reason="there is no C compiler (cc)")
def test_the_c_example_compiles_without_a_warning_and_trades(tmp_path: Path) -> None:
    program = tmp_path / "first_trade"
    folder = capi.header().parent
    words = [
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        f"-I{folder}",
        str(EXAMPLE),
        "-o",
        str(program),
    ]
    subprocess.run(
        [str(COMPILER), *words, str(capi.library()), f"-Wl,-rpath,{folder}"], check=True, timeout=120
    )
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=60)
    assert "exit: OK, CLOSED" in done.stdout
    assert "FULL_FILL 60000.0" in done.stdout
