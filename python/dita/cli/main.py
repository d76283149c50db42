"""The command `dita`: its parser, and what an exit code means."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NoReturn

from dita import __version__
from dita.cli import (
    alert,
    audit,
    backtest,
    backup,
    bots,
    certify_venue,
    configuration,
    convert,
    demo,
    doctor,
    download,
    drift,
    engine,
    example,
    exchange,
    explain,
    follow,
    gateway,
    graphs,
    halt,
    hazelcast,
    hosts,
    journal,
    log_replay,
    log_stats,
    paper,
    pnl,
    portfolio,
    provenance,
    record,
    run,
    second_names,
    serve,
    shadow,
    sweep,
    token,
    torture,
    twin,
    venues,
    verify_log,
    walk_forward,
    watch,
    what_if,
)
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

# Each describes itself, and brings the example that the list of commands shows.
_COMMANDS: Final = (
    demo,
    example,
    backtest,
    paper,
    engine,
    run,
    serve,
    shadow,
    doctor,
    download,
    record,
    convert,
    sweep,
    walk_forward,
    graphs.INSPECT,
    graphs.VERIFY,
    graphs.COMPOSE,
    drift,
    log_replay,
    explain,
    what_if,
    twin,
    verify_log,
    log_stats,
    backup,
    follow,
    audit,
    journal,
    exchange,
    venues,
    certify_venue,
    torture,
    second_names,
    halt.HALT,
    halt.RESUME,
    halt.FLATTEN,
    halt.FREEZE,
    halt.LIMITS,
    hosts.STATUS,
    hosts.ORDERS,
    pnl,
    portfolio,
    provenance,
    bots,
    hosts.STRATEGIES,
    hosts.PAUSE,
    hosts.START,
    hosts.STOP,
    configuration,
    gateway,
    token,
    alert,
    hazelcast,
    watch,
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint says where help is; those of its commands are of its kind."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def build_parser() -> argparse.ArgumentParser:
    """Build the whole command line, so that it can be parsed, printed and documented."""
    parser = _Parser(
        prog="dita",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(examples="\n".join(_examples())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dita {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def _examples() -> Iterator[str]:
    width = max(len(command.EXAMPLE[0]) for command in _COMMANDS)
    for command in _COMMANDS:
        example, what = command.EXAMPLE
        yield f"  {example:{width}}    {what}"


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
    parser = build_parser()
    if not words:
        parser.print_help()
        return EXIT_OK
    parsed = parser.parse_args(words)
    try:
        with _logs() if getattr(parsed, "logs", False) else nullcontext():
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
