"""`dita replay`: the kernel's state at any moment of its log."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option, read_log
from dita.errors import LogCorrupt
from dita.text import as_json, count, time_text
from dita.timetravel.state_text import state_lines

DESCRIPTION: Final = """\
Show the kernel's state at a moment of its log: what each slot held, which orders were at work, the account
with K, E and their difference, and the positions. The log is replayed into a kernel of its own, from the
newest snapshot before that moment. Where an input gives another result than when it was logged (another
version's rules) that is said.

Reads only, takes no lock, and works beside a running kernel."""

EPILOG: Final = """\
examples:
  dita replay /var/lib/dita/main
  dita replay /var/lib/dita/main --until 2026-03-01T14:30:00Z
  dita replay /var/lib/dita/main --until 18250 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    add_until_option(parser)
    add_json_option(parser)


def add_until_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that names a moment.

    Args:
        parser: A command's parser.
    """
    parser.add_argument(
        "--until",
        metavar="SEQ|TIME",
        help="an input's number, or a time (UTC unless it says otherwise); default: the log's end",
    )


def run(options: argparse.Namespace) -> int:
    """Replay and show.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The log cannot be read, or `--until` is no moment.
    """

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener
        try:
            return timetravel.replay(options.log_dir, options.until, progress=listen)
        except LogCorrupt as error:
            damage = timetravel.verify(options.log_dir)["damage"]
            if damage is None or damage["seq"] <= 1:
                raise
            raise CommandFailure(
                f"{error}; --until {damage['seq'] - 1} shows what stands before it"
            ) from error

    state = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(state))
    else:
        sys.stdout.write("\n".join(_lines(options, state)) + "\n")
    return 0


def _lines(options: argparse.Namespace, state: Mapping[str, Any]) -> Iterator[str]:
    if state["seq"] == 0:
        yield f"{options.log_dir}: nothing had been taken by then"
        return
    yield f"{options.log_dir}: after input {count(state['seq'])}, {time_text(state['time_ns'])} UTC"
    wanted = options.until
    if wanted is not None and wanted.isdecimal() and int(wanted) > state["seq"]:
        yield f"  the log ends here: there is no input {count(int(wanted))} yet"
    at = state["began"]
    began = "the log's beginning" if at is None else f"the snapshot after input {count(at)}"
    yield f"  {count(state['replayed'])} inputs replayed from {began}"
    yield from state_lines(state)
