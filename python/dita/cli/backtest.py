"""`dita backtest`: plays market files to a strategy, and reports what came of it."""

import argparse
import logging
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings, read_instruments, read_latencies
from dita.backtest.twin import read_assumptions
from dita.cli.failure import CommandFailure
from dita.cli.gateway import add_web_option
from dita.cli.progress import Progress
from dita.cli.values import decimal, pair
from dita.errors import shown
from dita.gateway.backtest import backtest_page, wait_for_end
from dita.market import open_market
from dita.market.bars import time_ns
from dita.market.ticks import tick_time_ns
from dita.runtime import load_params, load_strategy
from dita.strategy.samples import names, path_of

if TYPE_CHECKING:
    from dita.backtest import BacktestResult


_DAY_NS: Final = 86_400_000_000_000
DESCRIPTION: Final = """\
Play market files to a strategy on the kernel that also trades live. STRATEGY is a Python file with one
strategy in it (FILE:Class where it has several), a module (module:Class), or a sample's name.
The report opens with what it assumes; --out also writes it as JSON and as one HTML page."""

EPILOG: Final = """\
market files, plain or gzipped, detected by their content:
  bars       CSV timestamp,open,high,low,close,volume; a bar's time is its opening
             (--bar-time close: its close), ISO 8601, or s, ms, us or ns since 1970
  quotes     CSV timestamp,bid,ask and perhaps bid_size,ask_size
  trades     CSV timestamp,price,size
  a capture  raw Binance USD-M lines: `receive-time-in-ns JSON`
  columns    what `dita convert` makes of captures, to be read fast
  Parquet    the columns of one of these CSVs (pip install 'dita[parquet]')
  archives   Binance's zipped klines, trades, aggTrades, bookTicker, under their own names

examples:
  dita backtest ema-cross --data btc_perp_1m.csv.gz
  dita backtest my_strategy.py --data btc_perp_1m.csv.gz --param fast=20 --param slow=60
  dita backtest my_strategy.py --data btc_perp_1m.csv.gz --from 2022-01-01 --to 2022-01-07
  dita backtest my_strategy.py --data btc_perp_1m.csv.gz --taker-rate 0.0005 --out report"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("strategy", metavar="STRATEGY", help="a file, module:Class, or a sample's name")
    add_market_options(parser)
    add_assumptions(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.txt, report.json, report.html")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    add_web_option(parser)


def add_market_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Describe the market and the strategy's parameters.

    Args:
        parser: A command's parser.
        required: Whether there has to be a market file.
    """
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=required,
        metavar="FILE",
        help="a market; again for more",
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="NAME", help="the instrument of each file, in order"
    )
    add_params(parser)


def add_params(
    parser: argparse.ArgumentParser, what: str = "a parameter of the strategy; again for more"
) -> None:
    """Describe the strategy's parameters.

    Args:
        parser: A command's parser.
        what: What the help says.
    """
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=pair(),
        metavar="NAME=VALUE",
        help=what,
    )


def add_assumptions(parser: argparse.ArgumentParser) -> None:
    """Describe what a run assumes.

    Args:
        parser: A command's parser.
    """
    parser.add_argument(
        "--assumptions",
        type=Path,
        metavar="FILE",
        help="latency, slippage and queue as `dita twin` wrote them",
    )
    parser.add_argument("--capital", "--balance", type=decimal, metavar="X", help="opening balance (10000)")
    parser.add_argument("--taker-rate", type=decimal, metavar="X", help="a fraction of the value (0.001)")
    parser.add_argument("--maker-rate", type=decimal, metavar="X", help="a fraction of the value (0.001)")
    parser.add_argument(
        "--fill-at",
        choices=("next_open", "close"),
        help="what an order sent at a bar's close meets (next_open)",
    )
    parser.add_argument(
        "--limit-fill",
        choices=("through", "touch"),
        help="a waiting limit fills where the market goes through it, or at a touch (through)",
    )
    parser.add_argument(
        "--latency-ms", type=decimal, metavar="X", help="a request's round trip; for ticks (0)"
    )
    parser.add_argument(
        "--latency-max-ms",
        type=decimal,
        metavar="X",
        help="draw each round trip from --latency-ms to this",
    )
    parser.add_argument(
        "--latency-file", type=Path, metavar="FILE", help="recorded latency: CSV time,in_ms,back_ms"
    )
    parser.add_argument(
        "--queue-model",
        choices=("first", "risk_averse", "probability"),
        help="where a resting order stands in a book of quotes or depth (first)",
    )
    parser.add_argument("--slippage-bps", type=decimal, metavar="X", help="basis points for takers (0)")
    add_window(parser)
    parser.add_argument("--seed", type=int, metavar="N", help="where chance starts (0)")
    parser.add_argument("--funding", type=Path, metavar="FILE", help="time,symbol,rate,mark: CSV or Parquet")
    parser.add_argument("--instruments", type=Path, metavar="FILE", help="JSON: symbol to rules")
    parser.add_argument(
        "--bar-time", choices=("open", "close"), help="what a bar's time in the file is of it (open)"
    )
    parser.add_argument(
        "--allow-gaps", action="store_const", const=True, help="count missing bars; else one is an error"
    )
    parser.add_argument(
        "--allow-disorder",
        action="store_const",
        const=True,
        help="leave out and count rows whose time goes back; else one is an error",
    )
    parser.add_argument(
        "--round-prices",
        action="store_const",
        const=True,
        help="round prices to the tick, and count them; else one off the grid is an error",
    )


def add_window(parser: argparse.ArgumentParser) -> None:
    """Describe which part of the markets is played.

    Args:
        parser: A command's parser.
    """
    begin, end = parser.add_mutually_exclusive_group(), parser.add_mutually_exclusive_group()
    begin.add_argument("--since", type=_time, metavar="TIME", help="ISO time; play from it on (UTC)")
    begin.add_argument(
        "--from", dest="since", type=_first_day, metavar="DAY", help="YYYY-MM-DD; the first day to play"
    )
    end.add_argument("--until", type=_time, metavar="TIME", help="ISO time; play what ends by it (UTC)")
    end.add_argument(
        "--to", dest="until", type=_last_day, metavar="DAY", help="YYYY-MM-DD; the last day to play"
    )


def run(options: argparse.Namespace) -> int:
    """Play and report.

    Args:
        options: The parsed command line.

    Returns:
        0; 130 where Ctrl-C ended it: the report is of what was played.

    Raises:
        CommandFailure: Strategy, market or settings cannot be used; the text says what to do.
    """
    # A strategy's error ends the run and is printed as one line; without this, logging prints it too.
    logging.getLogger("dita.strategy").addHandler(logging.NullHandler())
    progress = Progress()
    try:
        engine = engine_of(options)

        with backtest_page(Path(options.strategy).stem, options.web) as page:

            def listen(fraction: float, trades: int) -> None:
                if page is not None:
                    page.listen(fraction, trades)
                if progress.is_due():
                    progress.show_share(fraction, f"read, {trades} trades")

            result = engine.run(listen)
            if page is not None:
                page.write(result)
                progress.close()
                code = _report(result, options)
                sys.stdout.flush()
                wait_for_end()
                return code
    finally:
        progress.close()
    return _report(result, options)


def engine_of(options: argparse.Namespace) -> BacktestEngine:
    """Return the engine that a command line means.

    Args:
        options: The parsed command line.

    Raises:
        KernelError: Strategy or settings cannot be used.
        MarketFileError: A file cannot be read.
    """
    strategy = load_strategy(place_of(options.strategy))
    params = load_params(strategy, dict(options.param))
    settings = settings_of(options)
    if len(options.symbol) > len(options.data):
        raise CommandFailure(f"--symbol: {len(options.symbol)} names for {len(options.data)} files")
    symbols = [*options.symbol, *[None] * (len(options.data) - len(options.symbol))]
    markets = [
        open_market(path, symbol=symbol, **settings.reading)
        for path, symbol in zip(options.data, symbols, strict=True)
    ]
    named = Named(strategy.__name__, strategy, params)
    return BacktestEngine([named], markets, settings, name=strategy.__name__, files=options.data)


def place_of(strategy: str) -> str:
    """Return where a strategy is: a sample's file, where the word names one.

    Args:
        strategy: As it was given.
    """
    return str(path_of(strategy)) if strategy in names() else strategy


def settings_of(options: argparse.Namespace) -> BacktestSettings:
    """Return what a command line assumes.

    Args:
        options: The parsed command line.

    Raises:
        InvalidInput: A value cannot be.
    """
    names = (
        "capital",
        "taker_rate",
        "maker_rate",
        "fill_at",
        "limit_fill",
        "latency_ms",
        "latency_max_ms",
        "queue_model",
        "slippage_bps",
        "seed",
        "funding",
        "bar_time",
        "allow_gaps",
        "allow_disorder",
        "round_prices",
    )
    given = {} if options.assumptions is None else read_assumptions(options.assumptions)
    # What the command line says counts before what the file says.
    given |= {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    given.update(
        {
            field: at
            for field, at in (("start_ns", options.since), ("end_ns", options.until))
            if at is not None
        }
    )
    if options.latency_file is not None:
        given["latencies"] = read_latencies(options.latency_file)
    if options.instruments is not None:
        given["instruments"] = read_instruments(options.instruments)
    return BacktestSettings(**given)


def _report(result: "BacktestResult", options: argparse.Namespace) -> int:
    if options.out is not None:
        try:
            *_, page = result.save(options.out)
        except OSError as error:
            raise CommandFailure(f"{options.out}: {error.strerror or error}") from error
        print(f"{page}: written", file=sys.stderr)
    sys.stdout.write(result.to_json().decode() if options.json else result.report_text())
    rate = result.events / result.seconds if result.seconds else 0.0
    print(f"{result.events:,} events in {result.seconds:.2f} s ({rate:,.0f} a second)", file=sys.stderr)
    return 130 if result.interrupted else 0


def _time(text: str) -> int:
    try:
        at_ns = tick_time_ns(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an ISO 8601 time, got {shown(text)}") from None
    if at_ns < 0:
        raise argparse.ArgumentTypeError(f"must not be before 1970, got {shown(text)}")
    return at_ns


def _day(text: str) -> int:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as YYYY-MM-DD, got {shown(text)}") from None
    return time_ns(text)


def _first_day(text: str) -> int:
    """When a day begins, ns."""
    return _day(text)


def _last_day(text: str) -> int:
    """When a day ends, ns."""
    return _day(text) + _DAY_NS
