"""`dita example`: writes a sample strategy into a file."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure

EXAMPLE: Final = ("dita example ema-cross my_strategy.py", "a strategy to begin with")

_EPILOG: Final = """\
examples:
  dita example
  dita example ema-cross
  dita example breakout my_strategy.py"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command.

    Args:
        commands: The command line's list of commands.
    """
    parser = commands.add_parser(
        "example",
        help="write a sample strategy into a file",
        description="Write a sample strategy into a file, or print it. Without a name they are listed.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="which sample")
    parser.add_argument(
        "to", nargs="?", type=Path, metavar="FILE", help="where to; one that is not there yet"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, print or write.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is no such sample, or the file is there already.
    """
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` answers at once
    from dita.samples import names, path_of  # noqa: PLC0415 - as above

    if options.name is None:
        for name in names():
            first = path_of(name).read_text(encoding="utf-8").splitlines()[0].strip('"')
            print(f"  {name:12}  {first}")
        return 0
    try:
        text = path_of(options.name).read_text(encoding="utf-8")
    except KernelError as error:
        raise CommandFailure(str(error)) from error
    if options.to is None:
        sys.stdout.write(text)
        return 0
    try:
        with options.to.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandFailure(f"{options.to}: {error.strerror or error}") from error
    print(f"{options.to}: written; run it: dita backtest {options.to} --data FILE")
    return 0
