"""`dita explain`: one trade's whole story, or where the difference between K and E comes from."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.cli.log_replay import add_until_option
from dita.cli.log_source import add_json_option, read_log
from dita.text import as_json
from dita.timetravel.story import drift_lines, story_lines

DESCRIPTION: Final = """\
Tell a trade's whole story out of a log, in order: what was asked for and why, what the kernel let through or
refused and by which rule, what was sent, what the venue answered, each fill with its fee, funding, and what
each step did to K; at the end its sums.

With --drift instead: K, E, and each named part of their difference, when it arose and by which input.

Reads only, takes no lock, and works beside a running kernel."""

EPILOG: Final = """\
examples:
  dita explain t17 --log /var/lib/dita/main
  dita explain t17 --log /var/lib/dita/main --json
  dita explain --drift --log /var/lib/dita/main
  dita explain --drift --log /var/lib/dita/main --until 2026-03-01T14:30:00Z"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("trade_id", nargs="?", metavar="TRADE", help="the trade's id")
    parser.add_argument("--log", type=Path, required=True, metavar="DIR", help="the log's directory")
    parser.add_argument("--drift", action="store_true", help="explain E - K instead of a trade")
    add_until_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Read and tell.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The log cannot be read, there is no such trade, or neither or both were asked for.
    """
    if options.drift == (options.trade_id is not None):
        raise CommandFailure("name a trade, or say --drift: one of them")
    if options.until is not None and not options.drift:
        raise CommandFailure("--until goes with --drift: a trade's story is always whole")

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener
        if options.drift:
            return timetravel.explain_drift(options.log, options.until, progress=listen)
        try:
            return timetravel.explain(options.log, options.trade_id, progress=listen)
        except timetravel.UnknownTrade as unknown:
            raise CommandFailure(f"{options.log}: {unknown}") from unknown

    found = read_log(options.log, work)
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        lines = drift_lines(found) if options.drift else story_lines(found)
        sys.stdout.write("\n".join(lines) + "\n")
    return 0
