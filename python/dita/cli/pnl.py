"""`dita pnl`: what an account has earned and paid, in all or by period, from its log."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.cli.hosts import add_host_options, found
from dita.cli.progress import Progress
from dita.text import as_json, exact, table

DESCRIPTION: Final = """\
Show what each account of a host has earned and paid: on the newest day of its log, or by another UTC
period. It is worked out from the log, also while the host runs: profit of prices, fees, funding, and the
change of equity.

NAME is a host's name; without it the only one that runs is meant."""

EPILOG: Final = """\
examples:
  dita pnl
  dita pnl paper --period hour --json"""

_LENGTHS_NS: Final = {"hour": 3_600_000_000_000, "day": 86_400_000_000_000}
_PERIODS_MAX: Final = 100
_FIGURES: Final = ("k_capital", "equity", "k_realized_pnl", "k_fees_paid", "k_funding_net")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_host_options(parser)
    parser.add_argument(
        "--period",
        choices=("today", "week", "month", "all", *_LENGTHS_NS),
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
    rows = {name: list(_rows(directory.path / "log" / name, options.period)) for name in names}
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


def _rows(log: Path, period: str) -> Iterator[dict[str, Any]]:
    """Each period's changes, the oldest first; of "all" one row for each asset."""
    last = timetravel.replay(log)
    last_ns: int | None = last["time_ns"]
    if last_ns is None:
        return
    bounds = _bounds(log, last_ns, period)
    progress = Progress()
    before: Mapping[str, Mapping[str, Any]] = {}
    for number, (begins_ns, ends_ns) in enumerate(bounds):
        if progress.is_due():
            progress.show(f"{log.name}: {number} of {len(bounds)} periods")
        if ends_ns is None or ends_ns > last_ns:
            state = last
        else:
            state = timetravel.replay(log, timetravel.Moment(time_ns=ends_ns - 1))
        after = {account["asset"]: account for account in state["accounts"]}
        rows = after.items() if begins_ns is not None or period == "all" else ()
        for asset, account in rows:
            yield _row(_named(begins_ns, period), asset, before.get(asset), account)
        before = after
    progress.close()


def _bounds(log: Path, last_ns: int, period: str) -> list[tuple[int | None, int | None]]:

    if period == "all":
        return [(None, None)]
    first_ns: int = timetravel.stats(log)["first_ns"] or last_ns
    if period in ("today", "week", "month"):
        begins_ns = _begin_of(period, last_ns)
        return [(None, begins_ns), (begins_ns, None)] if first_ns < begins_ns else [(begins_ns, None)]
    length = _LENGTHS_NS[period]
    begins = range(first_ns // length * length, last_ns + 1, length)
    if len(begins) > _PERIODS_MAX:
        raise CommandFailure(
            f"{log}: has {len(begins):,} periods of a {period}, more than {_PERIODS_MAX}: take a longer one"
        )
    return [(at, at + length) for at in begins]


def _begin_of(period: str, at_ns: int) -> int:
    """When the day, week (from Monday) or month of a moment begins, UTC, ns."""
    day = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).replace(hour=0, minute=0, second=0)
    if period == "week":
        day -= timedelta(days=day.weekday())
    elif period == "month":
        day = day.replace(day=1)
    return int(day.timestamp()) * 1_000_000_000


def _named(begins_ns: int | None, period: str) -> str:
    if begins_ns is None:
        return "all"
    moment = datetime.fromtimestamp(begins_ns // 1_000_000_000, UTC)
    if period in ("week", "month"):
        return f"{period} from {moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:00}" if period == "hour" else f"{moment:%Y-%m-%d}"


def _row(
    period: str, asset: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> dict[str, Any]:
    was = {name: Decimal(0) if before is None else Decimal(before[name]) for name in _FIGURES}
    now = {name: Decimal(after[name]) for name in _FIGURES}
    # What the wallet began with is what it holds less all that it has earned.
    began = now["k_capital"] - now["k_realized_pnl"] + now["k_fees_paid"] - now["k_funding_net"]
    return {
        "period": period,
        "asset": asset,
        "prices": now["k_realized_pnl"] - was["k_realized_pnl"],
        "fees": now["k_fees_paid"] - was["k_fees_paid"],
        "funding": now["k_funding_net"] - was["k_funding_net"],
        "change": now["equity"] - (began if before is None else was["equity"]),
        "equity": now["equity"],
    }
