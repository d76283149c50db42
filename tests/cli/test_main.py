"""The command line itself: help, exit codes, and errors without tracebacks."""

import subprocess
import sys
from pathlib import Path

import pytest

from dita import __version__
from dita.cli import main
from dita.cli.reference import reference


def test_help_shows_commands_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    for expected in ("demo", "examples:", "exit codes:"):
        assert expected in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"dita {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["dance"], "'dance'"),
        (["demo", "--capital", "lots"], "argument --capital: expected a decimal amount of money, got 'lots'"),
        (["demo", "--capital", "NaN"], "argument --capital: must be above zero, got 'NaN'"),
        (["demo", "--capital", "0"], "argument --capital: must be above zero, got '0'"),
        (
            ["demo", "--max-trades", "0"],
            "argument --max-trades: expected a whole number of at least 1, got '0'",
        ),
        (["demo", "--seed", "-1"], "argument --seed"),
        (["demo", "--symbol", "A B"], "argument --symbol: expected letters, digits"),
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("content", "message"), [(None, "No such file"), (b"", "the file is empty")])
def test_a_file_that_cannot_be_used_exits_with_1_and_one_line(
    tmp_path: Path, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "market.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["demo", "--data", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"dita demo: {path}: {message}" if content is not None else "dita demo: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "dita.cli", "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == f"dita {__version__}\n"


def test_the_reference_covers_every_command() -> None:
    text = reference()
    assert "## dita\n" in text
    assert "## dita demo\n" in text
