"""`dita demo`: a market, a strategy, the kernel and the paper venue, and what came of it."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita import KernelError
from dita.backtest.demo_report import DemoReport, as_json, as_text, report_of
from dita.backtest.demo_trader import play_of
from dita.cli.failure import CommandFailure
from dita.cli.gateway import add_web_option
from dita.cli.progress import Progress
from dita.cli.values import positive, whole
from dita.errors import shown
from dita.gateway.backtest import backtest_page, wait_for_end
from dita.market import Market, SyntheticMarket, open_market
from dita.strategy import StrategyError

if TYPE_CHECKING:
    from dita.backtest.play import Play
    from dita.backtest.result import BacktestResult
    from dita.gateway.backtest import BacktestPage

PROGRESS_EVENTS: Final = 1024


DESCRIPTION: Final = """\
Replay a market through a simple strategy on the paper venue, and report the trades with their fees,
K, E and every named cause of a difference, latency and throughput. Without --data the market is one
that DITA generates itself, and the report says so. The strategy is there to show the kernel at work,
not to earn money."""

EPILOG: Final = """\
market files, plain or gzipped, detected by their content:
  a raw Binance USD-M capture    lines of `receive-time-in-ns JSON`: bookTicker, depth, trades, snapshot
  bars                           CSV with timestamp (or date),open,high,low,close,volume; times without
                                 an offset are UTC; a bar is played as open, low, high, close (high before
                                 low where it fell)

examples:
  dita demo
  dita demo --data btcusdt_l2.jsonl.gz --max-trades 50
  dita demo --data btc_perp_1m.csv.gz --capital 50000 --json
  dita demo --web"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="a market file; default: a generated market"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the report")
    add_replay_options(parser)
    add_web_option(parser)


def add_replay_options(parser: argparse.ArgumentParser) -> None:
    """Describe what every replay of a market asks for, but the market.

    Args:
        parser: A command's parser.
    """
    parser.add_argument("--symbol", type=_symbol, help="instrument of a bar file (default: from its name)")
    parser.add_argument(
        "--seed",
        type=whole(0, 2**64 - 1),
        default=1,
        metavar="N",
        help="seed of the venue and the generated market (1)",
    )
    parser.add_argument(
        "--capital", type=positive, default=Decimal(10_000), metavar="X", help="opening balance (10000)"
    )
    parser.add_argument(
        "--max-trades", type=whole(1), metavar="N", help="enter no more after N trades (default: no end)"
    )


def run(options: argparse.Namespace) -> int:
    """Replay and report.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The file cannot be used, or the kernel refused to go on.
    """
    market = market_of(options)
    with backtest_page("demo", options.web) as page:
        report = _replay(market, options, page)
        sys.stdout.write(as_json(report) if options.json else as_text(report))
        if page is not None:
            sys.stdout.flush()
            wait_for_end()
    return 0


def market_of(options: argparse.Namespace) -> Market:
    """Open the market that a command line names, or the generated one.

    Args:
        options: The parsed command line: `data`, `symbol`, `seed`.

    Raises:
        MarketFileError: The file cannot be used.
    """
    if options.data is None:
        return SyntheticMarket(seed=options.seed)
    return open_market(options.data, symbol=options.symbol)


def _replay(market: Market, options: argparse.Namespace, page: BacktestPage | None) -> DemoReport:
    try:
        play, trader, asset = play_of(
            market, capital=options.capital, seed=options.seed, trades_max=options.max_trades
        )
        result = played(play, market, page)
    except StrategyError as error:
        raise CommandFailure(str(error)) from error
    except KernelError as error:
        raise CommandFailure(f"the kernel stopped: {error}") from error
    if not trader.seen:
        raise CommandFailure(f"{market.name}: there is no quote or bar in it, so nothing can be traded")
    if page is not None:
        page.write(result)
    return report_of(result, trader, market, asset, seed=options.seed, capital=options.capital)


def played(play: Play, market: Market, page: BacktestPage | None = None) -> BacktestResult:
    """Play a market to its end, with progress.

    Args:
        play: The run.
        market: What is played.
        page: Shows it in a browser; None where nobody wants that.
    """
    progress = Progress()

    def tell(fraction: float, trades: int) -> None:
        if page is not None:
            page.listen(fraction, trades)
        if progress.is_due():
            progress.show(f"{market.name}: {fraction:4.0%} read, {trades} trades")

    result = play.run(tell)
    progress.close()
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def _symbol(text: str) -> str:
    if not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise argparse.ArgumentTypeError(f"expected letters, digits, - and _, got {shown(text)}")
    return text.upper()
