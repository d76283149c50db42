"""The command `dita`: its parser, and what an exit code means."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Final, NoReturn

from dita import __version__
from dita.cli.commands import COMMANDS, Listed
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
{examples}

exit codes:
  0  done    1  failed, the message says what to do    2  wrong usage    130  interrupted

`dita COMMAND --help` tells more about a command, with more examples."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint says where help is; those of its commands are of its kind."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the command line, so that it can be parsed, printed and documented.

    Args:
        only: The one command that gets its options, which loads its module; None means all of them.
    """
    parser = _Parser(
        prog="dita",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(examples="\n".join(f"  {command.example}" for command in COMMANDS)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dita {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    for listed in COMMANDS:
        if only in (None, listed.name):
            _add(commands, listed)
        else:
            commands.add_parser(listed.name, help=listed.help)
    return parser


def _add(commands: "argparse._SubParsersAction[_Parser]", listed: Listed) -> None:
    module, _, name = listed.place.partition(":")
    found = import_module(f"dita.cli.{module}")
    command = getattr(found, name) if name else found
    parser = commands.add_parser(
        listed.name,
        help=listed.help,
        description=command.DESCRIPTION,
        epilog=command.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=getattr(command, "run", None))
    command.add_options(parser)


def _logs() -> AbstractContextManager[None]:
    """What a program that stays writes to stderr of what happens."""
    from dita.logs import program_logs  # noqa: PLC0415 - `dita --help` answers at once

    return program_logs()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after `dita`; None takes those of the process. Without any it prints the help.

    Returns:
        The exit code: 0 done, 1 failed. Wrong usage leaves through argparse with 2.
    """
    words = sys.argv[1:] if arguments is None else arguments
    # An option before the command, or no command at all, needs the list alone.
    parser = build_parser(words[0] if words else "")
    if not words:
        parser.print_help()
        return EXIT_OK
    parsed = parser.parse_args(words)
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` does not load the kernel

    try:
        with _logs() if getattr(parsed, "logs", False) else nullcontext():
            code: int = parsed.run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"dita {parsed.command}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of the output has gone (`dita ... | head`); the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except (CommandFailure, KernelError, OSError) as failure:
        print(f"dita {parsed.command}: {failure}", file=sys.stderr)
        return EXIT_FAILED
    return code
