"""`dita record`: a venue's live market into files that `dita backtest` reads."""

import argparse
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.values import seconds
from dita.cli.venue import place_of_market, symbols_of
from dita.errors import KernelError
from dita.signals import elsewhere
from dita.venues.wire.failures import Failure

DESCRIPTION: Final = """\
Record a venue's market as it comes: best prices, depth, trades, marks. Each instrument has a compressed
file a day (UTC) of raw frames with their receive times; `dita backtest --data FILE` reads one, with the
instruments' rules (--instruments DIR/instruments.json). It needs no key. Where a stream was cut there is a
gap row: a backtest fills nothing from there to the next whole book. Ctrl-C ends it."""

EPILOG: Final = """\
examples:
  dita record -c binance -p BTC/USDT -p ETH/USDT --out market
  dita record -c binance -p BTC/USDT --exchange 127.0.0.1:8686 --for 60 --out market"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("-c", "--connector", choices=["binance"], required=True, help="the venue")
    parser.add_argument(
        "-p", "--pair", action="append", default=[], metavar="PAIR", help="BTC/USDT; again for more"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--for", dest="seconds", type=seconds(0.001, 1e9), metavar="S", help="end after S seconds"
    )
    parser.add_argument("--exchange", metavar="ADDRESS", help="`dita exchange` on this machine")


def run(options: argparse.Namespace) -> int:
    """Record until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0.

    Raises:
        CommandFailure: The venue does not answer, or the files cannot be written.
    """
    place = place_of_market(options)
    symbols = symbols_of(options)
    from dita.live.record import Recording  # noqa: PLC0415 - it needs aiohttp

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, elsewhere(ended.set))
    progress = Progress()
    try:
        recording = Recording(place, symbols, options.out)
    except (KernelError, Failure, TimeoutError, OSError) as error:
        raise CommandFailure(str(error) or "no answer in time") from error
    try:
        until = time.monotonic() + options.seconds if options.seconds else None
        while not ended.wait(0.2) and not recording.error and (until is None or time.monotonic() < until):
            if progress.is_due():
                lines = sum(one.lines for one in recording.captures.values())
                progress.show(f"{lines:,} frames, {recording.cuts} cuts")
    finally:
        recording.close()
        progress.close()
    for capture in recording.captures.values():
        print(f"{capture.path}: {capture.lines:,} frames, {capture.gaps} gaps")
    if recording.error:
        raise CommandFailure(recording.error)
    if any(capture.lost for capture in recording.captures.values()):
        print("some frames came faster than they could be written: gap rows say where", file=sys.stderr)
    return 0
