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

EXAMPLE: Final = ("dita example ema-cross my_strategy.py", "a strategy to begin with")

BARS: Final = 2_880
"""Two days: with less, the figures by the day have nothing to go by."""
_BAR_NS: Final = 60_000_000_000
_QUOTES_A_BAR: Final = 240
_FIRST_MINUTE: Final = 1_704_067_200 // 60

_EPILOG: Final = """\
examples:
  dita example
  dita example ema-cross
  dita example breakout my_strategy.py
  dita example --data synth_perp_1m.csv"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command.

    Args:
        commands: The command line's list of commands.
    """
    parser = commands.add_parser(
        "example",
        help="write a sample strategy into a file",
        description=(
            "Write a sample strategy into a file, or print it. Without a name they are listed. "
            "--data writes a market to try it on: two days of one-minute bars, made up, of no real market."
        ),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="which sample")
    parser.add_argument(
        "to", nargs="?", type=Path, metavar="FILE", help="where to; one that is not there yet"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="write a made-up market here; a file that is not there yet"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """List, print or write: a sample, a market, or both.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is no such sample, or a file is there already.
    """
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` answers at once
    from dita.samples import names, path_of  # noqa: PLC0415 - as above

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
    try:
        text = path_of(options.name).read_text(encoding="utf-8")
    except KernelError as error:
        raise CommandFailure(str(error)) from error
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
    from dita.market import Print, Quote, SyntheticMarket  # noqa: PLC0415 - `dita --help` answers at once

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
