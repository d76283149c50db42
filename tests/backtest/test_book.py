"""`on_book`: a strategy receives the venue's book after each change of it, and trades on what it shows."""

import gzip
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import pytest

from backtest.markets import Listed
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import Depth, OrderBook, Quote, open_market
from dita.strategy import Book, Strategy, StrategyError

SECOND_NS = 1_000_000_000
RULES = {"XUSDT": {"tick_size": "1", "lot_step": "1"}}


class Reader(Strategy):
    """Writes down what it receives, and buys what stands at the best ask."""

    received: ClassVar[list[Any]]

    def on_book(self, book: Book) -> None:
        self.received.append((book.symbol, book.time_ns, self.now_ns, book.bids(), book.asks(2)))
        if book.best_ask is not None and not self.trades():
            self.enter(book.symbol, "LONG", 3)

    def on_quote(self, quote: Any) -> None:
        self.received.append(("quote", quote.time_ns))


def test_a_book_comes_after_the_venue_has_it_and_shows_what_was_taken() -> None:
    received: list[Any] = []
    market = Listed(
        "XUSDT",
        [
            Depth("XUSDT", [("99", "5"), ("98", "1")], [("100", "2"), ("101", "7"), ("102", "9")], True, 0),
            Quote("XUSDT", "99", "5", "100", "2", SECOND_NS),
            Depth("XUSDT", [("98", "0")], [], False, 2 * SECOND_NS),
        ],
    )
    strategy = type("Own", (Reader,), {"received": received})
    settings = BacktestSettings(instruments=RULES)
    result = BacktestEngine([Named("own", strategy)], [market], settings).run()
    bids = [(Decimal(99), Decimal(5)), (Decimal(98), Decimal(1))]
    asks = [(Decimal(100), Decimal(2)), (Decimal(101), Decimal(7))]
    assert received[0] == ("XUSDT", 0, 0, bids, asks)
    assert received[1] == ("quote", SECOND_NS)
    # The quote says 2 at 100 again; of the 7 at 101 one was taken, and no word of that level has come since.
    left = [asks[0], (Decimal(101), Decimal(6))]
    assert received[2] == ("XUSDT", 2 * SECOND_NS, 2 * SECOND_NS, bids[:1], left)
    assert [str(trade.entry_price) for trade in result.trades] == [str(Decimal(301) / 3)]


def test_what_an_order_takes_is_gone_until_its_levels_next_word() -> None:
    class Takes(Strategy):
        slots = 4

        def on_book(self, book: Book) -> None:
            for _ in range(2):
                self.enter(book.symbol, "LONG", 4)

    market = Listed(
        "XUSDT",
        [
            Depth("XUSDT", [("99", "5")], [("100", "5"), ("101", "2"), ("102", "9")], True, 0),
            Depth("XUSDT", [], [("100", "5")], False, SECOND_NS),
        ],
    )
    settings = BacktestSettings(instruments=RULES)
    result = BacktestEngine([Named("takes", Takes)], [market], settings).run()
    paid = [trade.entry_price * trade.size for trade in result.trades]
    # 4 of 5 at 100; then 1 at 100, 2 at 101, 1 at 102. With 5 at 100 again: 4; then 1 at 100 and 3 at 102.
    assert paid == [400, 100 + 202 + 102, 400, 100 + 306]


def test_a_strategy_without_the_callback_is_not_called_and_one_that_raises_is_named() -> None:
    depth = Depth("XUSDT", [("99", "5")], [("100", "2")], True, 0)

    class Fails(Strategy):
        def on_book(self, book: Book) -> None:
            raise ZeroDivisionError(book.symbol)

    settings = BacktestSettings(instruments=RULES)
    quiet = type("Quiet", (Strategy,), {})
    assert BacktestEngine([Named("quiet", quiet)], [Listed("XUSDT", [depth])], settings).run().events == 1

    with pytest.raises(StrategyError, match="fails: ZeroDivisionError: XUSDT"):
        BacktestEngine([Named("fails", Fails)], [Listed("XUSDT", [depth])], settings).run()


def test_an_empty_side_has_no_best_and_floats_are_the_same_figures() -> None:
    seen: list[Any] = []

    class Looks(Strategy):
        def on_book(self, book: Book) -> None:
            seen.append((book.best_bid, book.best_ask, book.bids_float(1), book.asks_float(), book.time))

    market = Listed("XUSDT", [Depth("XUSDT", [("99", "5"), ("98", "2")], [], True, 0)])
    BacktestEngine([Named("looks", Looks)], [market], BacktestSettings(instruments=RULES)).run()
    ((best_bid, best_ask, bids, asks, time),) = seen
    assert (best_bid, best_ask) == ((Decimal(99), Decimal(5)), None)
    assert (bids, asks, time.isoformat()) == ([(99.0, 5.0)], [], "1970-01-01T00:00:00+00:00")


def test_a_recorded_book_is_the_one_that_the_live_rules_make(tmp_path: Path) -> None:
    from conftest import BTCUSDT_CAPTURE, recorded  # noqa: PLC0415 - it skips where there is none

    path = tmp_path / "btcusdt.jsonl"
    with gzip.open(recorded(BTCUSDT_CAPTURE), "rb") as lines, path.open("wb") as out:
        out.writelines(islice(lines, 6_000))
    seen: dict[int, Any] = {}

    class Keeps(Strategy):
        def on_book(self, book: Book) -> None:
            seen[book.time_ns] = (book.bids(1)[0][0] < book.asks(1)[0][0], book.bids(3), book.asks(3))

    BacktestEngine([Named("keeps", Keeps)], [open_market(path)]).run()
    live, same, compared = OrderBook("BTCUSDT"), 0, 0
    for line in path.read_text().splitlines():
        at, _, message = line.partition(" ")
        if live.take(message) == "used" and int(at) in seen and live.best_bid is not None:
            compared += 1
            same += seen[int(at)][1:] == (live.bids(3), live.asks(3))
    assert compared > 100
    # Quotes and trades between two messages move the top of the venue's book.
    assert all(whole for whole, _, _ in seen.values())
    assert same / compared > 0.5
