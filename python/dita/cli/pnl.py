"""`dita pnl`: what an account has earned and paid, in all or by period, from its log."""

import argparse
import sys
from typing import Final

from dita.cli.failure import CommandFailure
from dita.cli.hosts import add_host_options, found
from dita.cli.progress import Progress
from dita.text import as_json, exact, table
from dita.timetravel.pnl import LENGTHS_NS, rows_of

DESCRIPTION: Final = """\
Show what each account of a host has earned and paid: on the newest day of its log, or by another UTC
period. It is worked out from the log, also while the host runs: profit of prices, fees, funding, and the
change of equity.

NAME is a host's name; without it the only one that runs is meant."""

EPILOG: Final = """\
examples:
  dita pnl
  dita pnl paper --period hour --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_host_options(parser)
    parser.add_argument(
        "--period",
        choices=("today", "week", "month", "all", *LENGTHS_NS),
        default="today",
        help="the newest day, week or month of the log, all of it, or row by row by the hour or day (today)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> int:
    """Work it out, and show it.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is no such host, no log yet, or it cannot be read.
    """
    directory = found(options)
    names = directory.accounts()
    if not names:
        raise CommandFailure(f"{directory.path}: there is no log yet")
    progress = Progress()

    def listen(number: int, of: int) -> None:
        if progress.is_due():
            progress.show(f"{directory.path.name}: {number} of {of} periods")

    logs = {name: directory.path / "log" / name for name in names}
    rows = {name: list(rows_of(log, options.period, listen)) for name, log in logs.items()}
    progress.close()
    if options.json:
        sys.stdout.write(as_json(rows))
        return 0
    for name, periods in rows.items():
        print(name)
        header = ("period", "asset", "prices", "fees", "funding", "change", "equity")
        cells = [
            (
                str(row["period"]),
                str(row["asset"]),
                exact(row["prices"], sign=True),
                exact(row["fees"]),
                exact(row["funding"], sign=True),
                exact(row["change"], sign=True),
                exact(row["equity"]),
            )
            for row in periods
        ]
        for line in table(header, cells, right="prices fees funding change equity"):
            print(line)
    return 0
