"""The command `dita`: its parser, and what an exit code means."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from dita import __version__
from dita.cli import demo
from dita.cli.failure import CommandFailure

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

_DESCRIPTION: Final = """\
DITA owns every trade from intent to closed, and keeps an exact account of the money beside it:
K is what the wallet must hold by the kernel's own ledger, E is what the venue says, and every
difference between them has a name."""

_EPILOG: Final = """\
examples:
  dita demo                      replay a market that DITA makes itself
  dita demo --data FILE          replay a recorded one
  dita demo --json | jq .fees    the same report for machines

exit codes:
  0  done    1  failed, the message says what to do    2  wrong usage

`dita COMMAND --help` tells more about a command."""


def build_parser() -> argparse.ArgumentParser:
    """Build the whole command line, so that it can be parsed, printed and documented."""
    parser = argparse.ArgumentParser(
        prog="dita",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dita {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    demo.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `dita`; None takes those of the process.

    Returns:
        The exit code: 0 done, 1 failed. Wrong usage leaves through argparse with 2.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except CommandFailure as failure:
        print(f"dita {parsed.command}: {failure}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print(f"dita {parsed.command}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone (`dita ... | head`); the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return code
