"""What others publish of their own runs, rebuilt here: one rule set of each, to the last digit they print.

- backtesting.py: the "Quick Start User Guide" of its documentation, on the prices that its package ships.
- nautilus_trader: its acceptance test of an EMA cross on 10,000 minute bars, and on quotes made of them.
- LEAN: its tests of what a row of fills comes to as trades ("flat to flat").
"""

import csv
import importlib.util
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from markets import MINUTE_NS, Listed

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings
from dita.market import Bar, BarFile, Event, Quote
from dita.strategy import Bar as ClosedBar
from dita.strategy import QuoteTick, Strategy

HOUR_NS = 60 * MINUTE_NS
SIGN = {"LONG": 1, "SHORT": -1}


def play(strategy: type[Strategy], market: Any, settings: BacktestSettings) -> BacktestResult:
    return BacktestEngine([Named("s", strategy)], [market], settings).run()


# ------------------------------------------------------------------------------------------- backtesting.py

COMMISSION = Decimal("0.002")
GOOG_SETTINGS = BacktestSettings(
    capital=Decimal(10_000),
    taker_rate=COMMISSION,
    maker_rate=COMMISSION,
    fill_at="close",
    liquidation=False,
    # Its shorts may lose more than stood behind them, and its longs take all of the money and the commission.
    instruments={
        "GOOG": {"tick_size": "0.01", "lot_step": "1", "base": "GOOG", "quote": "USD", "settle": "USD"}
    },
)


def goog() -> Path:
    """The daily prices of Google that backtesting.py ships; nothing of it is imported."""
    found = importlib.util.find_spec("backtesting")
    if found is None or found.origin is None:
        pytest.skip("backtesting.py is not installed: it is in requirements-dev.lock")
    return Path(found.origin).parent / "test" / "GOOG.csv"


def sessions(path: Path) -> Iterator[Event]:
    """Each day as what a trader hears of it: a price as it opens, and its bar as it closes."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for day, first, high, low, last, volume in rows:
            opened = datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)
            at = int(opened.timestamp()) * 1_000_000_000
            yield Quote("GOOG", first, None, first, None, at)
            yield Bar("GOOG", first, high, low, last, volume, at)


class SmaCross(Strategy):
    """All in, long or short, at the open that follows a crossing of the averages of 10 and of 20 closes."""

    slots = 2

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.closes: deque[Decimal] = deque(maxlen=20)
        self.apart: list[Decimal] = []
        self.wanted = ""

    def on_bar(self, bar: ClosedBar) -> None:
        self.closes.append(bar.close)
        if len(self.closes) < 20:
            return
        self.apart = [*self.apart[-1:], sum(islice(self.closes, 10, None)) * 2 - sum(self.closes)]
        if len(self.apart) == 2 and self.apart[0] * self.apart[1] < 0:
            self.wanted = "LONG" if self.apart[1] > 0 else "SHORT"

    def on_quote(self, quote: QuoteTick) -> None:
        if not self.wanted:
            return
        for trade in self.trades():
            assert self.exit(trade).accepted
        size = self.account.capital // (quote.bid * (1 + COMMISSION))
        assert self.enter(quote.symbol, self.wanted, size).accepted
        self.wanted = ""


def test_the_quick_start_of_backtesting_py_comes_to_its_published_figures() -> None:
    result = play(SmaCross, Listed("GOOG", list(sessions(goog())), step_ns=7 * HOUR_NS), GOOG_SETTINGS)
    closed = [trade for trade in result.trades if trade.exit_time_ns is not None]
    # It counts no trade that still runs; ours is the 94th, and its entry's commission is in both ends.
    assert (len(closed), len(result.trades)) == (93, 94)
    assert round(result.equity[-1].equity, 2) == Decimal("56263.52")
    # "Commissions [$]" is of closed trades.
    assert round(sum(trade.fees for trade in closed), 2) == Decimal("10563.95")
    assert round(max(equity for _, equity in result.daily), 2) == Decimal("56309.06")
    assert round(deepest_fall([equity for _, equity in result.daily]) * 100, 2) == Decimal("33.93")
    # Its trades' own figures are those of prices alone.
    gains = [
        (trade.exit_price - trade.entry_price) / trade.entry_price * SIGN[trade.side] for trade in closed
    ]
    assert round(Decimal(sum(gain > 0 for gain in gains)) / len(gains) * 100, 2) == Decimal("54.84")
    assert (round(max(gains) * 100, 2), round(min(gains) * 100, 2)) == (Decimal("57.43"), Decimal("-16.40"))
    longest_ns = max(trade.exit_time_ns - trade.entry_time_ns for trade in closed)
    assert timedelta(microseconds=longest_ns // 1000) == timedelta(days=121)


def deepest_fall(equity: list[Decimal]) -> Decimal:
    peak, deepest = equity[0], Decimal(0)
    for amount in equity:
        peak = max(peak, amount)
        deepest = max(deepest, 1 - amount / peak)
    return deepest


# ------------------------------------------------------------------------------------------ nautilus_trader

BARS = 10_000
BTCUSDT_SETTINGS = BacktestSettings(
    capital=Decimal(10_000_000),
    taker_rate=Decimal("0.001"),
    maker_rate=Decimal("0.001"),
    fill_at="close",
    instruments={
        "BTCUSDT": {
            "tick_size": "0.01",
            "lot_step": "0.000001",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
        }
    },
)


class EmaCross(Strategy):
    """Long while the average of 10 closes is not below that of 20, else short: 0.001 BTC, flat at the end."""

    slots = 2

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.count = 0
        self.fast = self.slow = 0.0
        self.symbol = ""
        self.minute: list[QuoteTick] = []

    def on_bar(self, bar: ClosedBar) -> None:
        self.hear(bar.symbol, bar.close_float, moved=bar.high != bar.low)

    def on_quote(self, quote: QuoteTick) -> None:
        """A minute is four quotes: open, high, low, and the close as it ends."""
        self.minute.append(quote)
        if quote.time_ns % MINUTE_NS == 0:
            bids = [one.bid for one in self.minute]
            self.minute = []
            self.hear(quote.symbol, float(bids[-1]), moved=max(bids) != min(bids))

    def hear(self, symbol: str, close: float, *, moved: bool) -> None:
        self.symbol = symbol
        self.fast = close if not self.count else 2 / 11 * close + (1 - 2 / 11) * self.fast
        self.slow = close if not self.count else 2 / 21 * close + (1 - 2 / 21) * self.slow
        self.count += 1
        if self.count < 20 or not moved:
            return
        side = "LONG" if self.fast >= self.slow else "SHORT"
        if not self.trades():
            self.enter(symbol, side, "0.001")
        elif str(self.trades()[0].side) != side:
            self.exit(symbol)
            self.enter(symbol, side, "0.001")

    def on_stop(self) -> None:
        self.exit(self.symbol)


def minute_bars(path: Path) -> list[Bar]:
    return list(islice(BarFile(path, "BTCUSDT"), BARS))


def minute_quotes(path: Path) -> Iterator[Quote]:
    """Four of each bar, without a spread, the last as the bar closes."""
    for bar in minute_bars(path):
        for before, price in enumerate((bar.close, bar.low, bar.high, bar.open)[::-1]):
            at = bar.ts_ns + MINUTE_NS - (3 - before) * 100_000_000
            yield Quote("BTCUSDT", price, None, price, None, at)


@pytest.mark.parametrize("made", [minute_bars, minute_quotes])
def test_the_ema_cross_of_nautilus_trader_comes_to_its_published_balance(
    btc_perp_bars: Path, made: Any
) -> None:
    result = play(EmaCross, Listed("BTCUSDT", list(made(btc_perp_bars))), BTCUSDT_SETTINGS)
    assert (result.orders["placed"], result.fills, len(result.trades)) == (902, 902, 451)
    assert result.final_k == result.final_e == Decimal("9999954.943133")
    assert not result.errors


# ------------------------------------------------------------------------------------------------------ LEAN

EURUSD_SETTINGS = BacktestSettings(
    taker_rate=Decimal(0),
    maker_rate=Decimal(0),
    fill_at="close",
    instruments={
        "EURUSD": {"tick_size": "0.001", "lot_step": "1", "base": "EUR", "quote": "USD", "settle": "USD"}
    },
)
START_NS = int(datetime(2015, 8, 6, 15, 30, tzinfo=UTC).timestamp()) * 1_000_000_000


class Fills(Strategy):
    """Trades at each price what the test says there, in one trade from flat to flat."""

    plan: tuple[tuple[str, int], ...]

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.rest = list(self.plan)

    def on_quote(self, quote: QuoteTick) -> None:
        left = self.rest.pop(0)[1]
        side = "LONG" if left > 0 else "SHORT"
        if left and self.trades() and str(self.trades()[0].side) != side:
            closed = min(abs(left), self.trades()[0].size)
            assert self.exit("EURUSD", closed).accepted
            left = abs(left) - int(closed)
        if not left:
            return
        fields = {"slot": 0, "trade_id": self.trades()[0].trade_id, "add": True} if self.trades() else {}
        assert self.enter("EURUSD", side, abs(left), **fields).accepted


LEAN_CASES: dict[str, tuple[Any, Any]] = {
    # Prices and what is traded there; the trades: side, mean entry, mean exit, size, profit, minutes.
    "AllInAllOutLong": (
        (("1.08", 1000), ("1.09", -1000)),
        (("LONG", "1.08", "1.09", 1000, 10, 0, 10),),
    ),
    "AllInAllOutShort": (
        (("1.08", -1000), ("1.09", 1000)),
        (("SHORT", "1.08", "1.09", 1000, -10, 0, 10),),
    ),
    "ScaleInAllOutLong": (
        (("1.08", 1000), ("1.07", 1000), ("1.09", -2000)),
        (("LONG", "1.075", "1.09", 2000, 30, 0, 20),),
    ),
    "ScaleInAllOutShort": (
        (("1.08", -1000), ("1.07", -1000), ("1.09", 2000)),
        (("SHORT", "1.075", "1.09", 2000, -30, 0, 20),),
    ),
    "AllInScaleOutLong": (
        (("1.07", 2000), ("1.08", -1000), ("1.09", -1000)),
        (("LONG", "1.07", "1.085", 2000, 30, 0, 20),),
    ),
    "ReversalShortToLong": (
        (("1.07", -1000), ("1.08", 2000), ("1.09", -1000)),
        (("SHORT", "1.07", "1.08", 1000, -10, 0, 10), ("LONG", "1.08", "1.09", 1000, 10, 10, 20)),
    ),
    "ScaleInScaleOut1Long": (
        (("1.07", 1000), ("1.08", 1000), ("1.09", -1000), ("1.08", 1000), ("1.09", -2000)),
        (("LONG", "1.07666666666666666667", "1.09", 3000, 40, 0, 40),),
    ),
}


@pytest.mark.parametrize("name", LEAN_CASES)
def test_fills_come_to_the_trades_that_leans_tests_expect_from_flat_to_flat(name: str) -> None:
    plan, expected = LEAN_CASES[name]
    at = [START_NS + number * 10 * MINUTE_NS for number in range(len(plan))]
    quotes = [Quote("EURUSD", price, None, price, None, ns) for (price, _), ns in zip(plan, at, strict=True)]
    strategy = type("Planned", (Fills,), {"plan": plan})
    result = play(strategy, Listed("EURUSD", quotes), EURUSD_SETTINGS)
    found = [
        (
            # LEAN's decimals have 29 digits, a Decimal has 28: twenty places are enough to tell.
            *(trade.side, round(trade.entry_price, 20), trade.exit_price, trade.size, trade.pnl),
            (trade.entry_time_ns - START_NS) // MINUTE_NS,
            ((trade.exit_time_ns or 0) - START_NS) // MINUTE_NS,
        )
        for trade in result.trades
    ]
    assert found == [
        (side, Decimal(entry), Decimal(left), size, profit, begun, ended)
        for side, entry, left, size, profit, begun, ended in expected
    ]
    assert result.final_k == result.final_e == 10_000 + sum(row[4] for row in expected)
