"""C programs, compiled by the system's compiler: the example, and every function well and badly used."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dita import capi

ROOT = Path(__file__).resolve().parents[2]
COMPILER = shutil.which("cc")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler (cc)")


def output_of(source: Path, scratch: Path) -> str:
    """What a program prints."""
    program = scratch / source.stem
    folder = capi.header().parent
    words = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{folder}", str(source)]
    linked = [str(capi.library()), f"-Wl,-rpath,{folder}", "-o", str(program)]
    subprocess.run([str(COMPILER), *words, *linked], check=True, timeout=120)
    # Elsewhere than where it was linked: it finds the library by its name.
    done = subprocess.run(
        [str(program)], capture_output=True, text=True, check=False, timeout=120, cwd=scratch
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_c_example_compiles_without_a_warning_and_trades(tmp_path: Path) -> None:
    said = output_of(ROOT / "examples" / "c" / "first_trade.c", tmp_path)
    assert "exit: OK, CLOSED" in said
    assert "FULL_FILL 60000.0" in said


def test_every_function_well_and_badly_used_from_c_ends_well(tmp_path: Path) -> None:
    assert output_of(ROOT / "tests" / "capi" / "everything.c", tmp_path) == "all of it\n"
