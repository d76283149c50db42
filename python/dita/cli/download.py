"""`dita download`: a venue's past into a file that `dita backtest` reads."""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.venue import place_of_market
from dita.errors import KernelError, shown
from dita.venues.wire.failures import Failure

DESCRIPTION: Final = """\
Fetch a venue's bars, trades or funding rates into a Parquet file that `dita backtest` reads (--data,
--funding); a file named .csv is written as CSV. It needs no key, and keeps to the venue's rate budget. A file
that is there is gone on with, also after a kill. What the venue does not have is listed as gaps."""

EPILOG: Final = """\
examples:
  dita download -c binance -p BTC/USDT --kind bars --from 2026-01-01
  dita download -c binance -p BTC/USDT --kind trades --from 2026-11-01 --to 2026-11-02 --out trades.parquet
  dita download -c binance -p BTC/USDT --kind funding --from 2026-01-01 --out funding.csv"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("-c", "--connector", choices=["binance", "bybit"], required=True, help="the venue")
    parser.add_argument("-p", "--pair", required=True, metavar="PAIR", help="BTC/USDT")
    parser.add_argument("--kind", choices=["bars", "trades", "funding"], default="bars", help="what (bars)")
    parser.add_argument("--interval", default="1m", metavar="LENGTH", help="of the bars (1m)")
    parser.add_argument("--from", dest="since", type=_time, required=True, metavar="TIME", help="ISO, UTC")
    parser.add_argument("--to", dest="until", type=_time, metavar="TIME", help="ISO, UTC (now)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="Parquet, or CSV where it ends so (BTCUSDT.1m.parquet)"
    )
    parser.add_argument("--exchange", metavar="ADDRESS", help="`dita exchange` on this machine")


def run(options: argparse.Namespace) -> int:
    """Fetch, and say what came of it.

    Args:
        options: The parsed command line.

    Returns:
        0.

    Raises:
        CommandFailure: The venue does not answer, or the file cannot be used.
    """
    place = place_of_market(options)
    from dita.live.download import fetch  # noqa: PLC0415 - it needs aiohttp
    from dita.live.places import symbol_of  # noqa: PLC0415 - as above

    progress, symbol = Progress(), symbol_of(options.pair)
    until = options.until or time.time_ns()
    if until <= options.since:
        raise CommandFailure(f"--to: {_written(until)} is not after --from {_written(options.since)}")
    out = options.out or Path(
        f"{symbol}.{options.interval if options.kind == 'bars' else options.kind}.parquet"
    )

    def listen(at_ns: int) -> None:
        if progress.is_due():
            progress.show(f"up to {_written(at_ns)}")

    try:
        adapter = place.adapter("", "", [symbol])
        try:
            fetched = fetch(
                adapter, options.kind, symbol, options.interval, options.since, until, out, listen
            )
        finally:
            adapter.close()
            progress.close()
    except TimeoutError as error:
        raise CommandFailure("no answer in time; the same command goes on where it was") from error
    except (KernelError, Failure, OSError) as error:
        raise CommandFailure(str(error)) from error
    for begin_ns, end_ns in fetched.gaps:
        print(f"gap: {_written(begin_ns)} to {_written(end_ns)}", file=sys.stderr)
    print(f"{out}: {fetched.rows} rows added, {len(fetched.gaps)} gaps")
    return 0


def _written(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an ISO time, got {shown(text)}") from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * 1_000_000_000
