"""Every program under examples/ runs as a reader would run it, and prints what it is said to print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 5


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_program_prints_what_is_expected(program: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    expected = EXAMPLES / "expected" / f"{program.stem}.txt"
    assert done.stdout == expected.read_text(encoding="utf-8")


def test_nothing_is_expected_of_a_program_that_is_gone() -> None:
    assert {path.stem for path in EXAMPLES.glob("expected/*")} == {program.stem for program in PROGRAMS}


def test_the_list_of_programs_is_whole() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\.py\]\(\1\.py\) \|", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(listed) == [program.stem for program in PROGRAMS]
