"""`dita example`: writes a sample strategy, or a made-up market, into a file."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.market import Print, Quote, SyntheticMarket
from dita.strategy.samples import names, path_of

BARS: Final = 2_880
"""Two days: with less, the figures by the day have nothing to go by."""
_BAR_NS: Final = 60_000_000_000
_QUOTES_A_BAR: Final = 240
_FIRST_MINUTE: Final = 1_704_067_200 // 60

DESCRIPTION: Final = """\
Write a sample strategy into a file, or print it. Without a name they are listed. --data writes a market to
try it on: two days of one-minute bars, made up, of no real market."""
EPILOG: Final = """\
examples:
  dita example
  dita example ema-cross
  dita example breakout my_strategy.py
  dita example --data synth_perp_1m.csv"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="which sample")
    parser.add_argument(
        "to", nargs="?", type=Path, metavar="FILE", help="where to; one that is not there yet"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="write a made-up market here; a file that is not there yet"
    )


def run(options: argparse.Namespace) -> int:
    """List, print or write: a sample, a market, or both.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is no such sample, or a file is there already.
    """
    if options.data is not None:
        progress = Progress()
        try:
            _write(options.data, _shown(_market_lines(), progress))
        finally:
            progress.close()
        print(f"{options.data}: written; {BARS:,} bars of one minute, made up")
    if options.name is None and options.data is None:
        for name in names():
            first = path_of(name).read_text(encoding="utf-8").splitlines()[0].strip('"')
            print(f"  {name:12}  {first}")
        return 0
    if options.name is None:
        return 0
    text = path_of(options.name).read_text(encoding="utf-8")
    if options.to is None:
        sys.stdout.write(text)
        return 0
    _write(options.to, [text])
    data = options.data or "FILE"
    print(f"{options.to}: written; run it: dita backtest {options.to} --data {data}")
    return 0


def _shown(rows: Iterator[str], progress: Progress) -> Iterator[str]:
    for number, row in enumerate(rows):
        if progress.is_due():
            progress.show_share(number / BARS, "written")
        yield row


def _write(path: Path, parts: Iterable[str]) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(parts)
    except OSError as error:
        raise CommandFailure(f"{path}: {error.strerror or error}") from error


def _market_lines() -> Iterator[str]:
    """The synthetic market's bids as bars of one minute; the volume is that of its trades."""
    yield "timestamp,open,high,low,close,volume\n"
    prices: list[Decimal] = []
    volume, minute = Decimal(0), None
    for event in SyntheticMarket(quotes=(BARS + 1) * _QUOTES_A_BAR):
        own = event.ts_ns // _BAR_NS
        if minute is not None and own != minute:
            yield _row(minute, prices, volume)
            prices, volume = [], Decimal(0)
            if own - _FIRST_MINUTE == BARS:
                return
        minute = own
        if isinstance(event, Quote):
            prices.append(Decimal(event.bid))
        elif isinstance(event, Print):
            volume += Decimal(event.size)


def _row(minute: int, prices: list[Decimal], volume: Decimal) -> str:
    moment = datetime.fromtimestamp(minute * _BAR_NS // 1_000_000_000, UTC)
    figures = (prices[0], max(prices), min(prices), prices[-1], volume)
    return ",".join((f"{moment:%Y-%m-%dT%H:%M:%SZ}", *map(str, figures))) + "\n"
