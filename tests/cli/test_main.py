"""The command line itself: help, exit codes, and errors without tracebacks."""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dita import __version__
from dita.cli import main
from dita.cli.main import build_parser
from dita.cli.reference import parsers_of, reference


def test_help_shows_commands_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    for expected in ("demo", "examples:", "exit codes:"):
        assert expected in text


def commands() -> list[argparse.ArgumentParser]:
    """The parsers of all commands, the command line's own first."""
    return list(parsers_of(build_parser()))


def examples_in(parser: argparse.ArgumentParser) -> list[str]:
    """The lines under "examples:", without what follows the command."""
    _, _, after = parser.format_help().partition("\nexamples:\n")
    lines = after.split("\n\n")[0].splitlines()
    return [re.split(r"\s{3,}| \| ", line.strip())[0] for line in lines]


@pytest.mark.parametrize("parser", commands(), ids=lambda parser: parser.prog)
def test_every_command_has_examples_that_parse(parser: argparse.ArgumentParser) -> None:
    examples = examples_in(parser)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert example.startswith(parser.prog)
        assert build_parser().parse_args(words[1:]).command == words[1]


def test_the_list_of_commands_shows_an_example_of_each() -> None:
    top, *others = commands()
    shown = {shlex.split(example)[1] for example in examples_in(top)}
    assert shown == {parser.prog.split()[1] for parser in others}


@pytest.mark.parametrize("arguments", [["dance"], ["demo", "--seed", "x"]])
def test_a_complaint_says_where_help_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == ("Try `dita demo --help`." if "demo" in arguments else "Try `dita --help`.")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"dita {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "'dance'"),
        (["demo", "--capital", "lots"], "argument --capital: expected a decimal number, got 'lots'"),
        (["demo", "--capital", "NaN"], "argument --capital: expected a finite decimal number, got 'NaN'"),
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


def test_dita_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: dita ")
    assert "dita backtest" in printed


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
    for parser in commands():
        assert f"## {parser.prog}\n" in text
