"""`dita demo`: a market, a strategy, the kernel and the paper venue, and what came of it."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita import KernelError
from dita.cli.backtest_page import backtest_page, wait_for_end
from dita.cli.demo_trader import play_of
from dita.cli.failure import CommandFailure
from dita.cli.gateway import add_web_option
from dita.cli.progress import Progress
from dita.cli.report import DemoReport, Trade, as_json, as_text
from dita.errors import shown
from dita.market import Market, SyntheticMarket, open_market
from dita.strategy import StrategyError

if TYPE_CHECKING:
    from dita.backtest.play import Play
    from dita.backtest.result import BacktestResult
    from dita.backtest.result import Trade as ResultTrade
    from dita.cli.backtest_page import BacktestPage
    from dita.cli.demo_trader import DemoTrader

PROGRESS_EVENTS: Final = 1024
TRADES_SHOWN: Final = 10


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
        "--seed", type=_seed, default=1, metavar="N", help="seed of the venue and the generated market (1)"
    )
    parser.add_argument(
        "--capital", type=_capital, default=Decimal(10_000), metavar="X", help="opening balance (10000)"
    )
    parser.add_argument(
        "--max-trades", type=_count, metavar="N", help="enter no more after N trades (default: no end)"
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
    return _report(result, trader, asset, market, options)


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


def _report(
    result: BacktestResult, trader: DemoTrader, asset: str, market: Market, options: argparse.Namespace
) -> DemoReport:
    ended = [
        trade_of(one, kind)
        for one, kind in zip(result.trades, trader.kinds, strict=True)
        if one.exit_time_ns is not None
    ]
    return DemoReport(
        market_name=market.name,
        market_kind=market.kind,
        symbol=market.symbol,
        asset=asset,
        seed=options.seed,
        capital=options.capital,
        trades=ended,
        trades_shown=TRADES_SHOWN,
        unfilled_entries=trader.entries - len(trader.kinds),
        refusals=trader.refusals,
        events=result.events,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        elapsed_ns=int(result.seconds * 1_000_000_000),
        intent_ns=trader.intent_ns,
        account=trader.final,
        positions=[_position(slot.to_dict()) for slot in trader.left],
    )


def trade_of(trade: ResultTrade, kind: str) -> Trade:
    """Return a finished trade as the report shows it.

    Args:
        trade: Of a backtest's result.
        kind: How it was entered: "maker" or "taker".
    """
    return Trade(
        trade_id=f"t{trade.number}",
        side=trade.side,
        entry_kind=kind,
        entered_ns=trade.entry_time_ns,
        left_ns=trade.exit_time_ns or trade.entry_time_ns,
        size=trade.size,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        fees=trade.fees,
        funding=trade.funding,
        realized_pnl=trade.gross_pnl,
    )


def _position(slot: dict[str, Any]) -> dict[str, Any]:
    names = ("slot_id", "asset", "side", "size", "entry_price", "unrealized_pnl")
    return {name: slot[name] for name in names}


def _capital(text: str) -> Decimal:
    try:
        capital = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"expected a decimal amount of money, got {shown(text)}") from None
    if not capital.is_finite() or capital <= 0:
        raise argparse.ArgumentTypeError(f"must be above zero, got {shown(text)}")
    return capital


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {shown(text)}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 64:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**64 - 1, got {shown(text)}")
    return int(text)


def _symbol(text: str) -> str:
    if not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        raise argparse.ArgumentTypeError(f"expected letters, digits, - and _, got {shown(text)}")
    return text.upper()
