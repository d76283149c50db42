"""News between the thread that receives the market and the strategies: the stream never waits for them."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from dita.live.market_queue import MarketQueue
from dita.live.run import LiveHost
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import QuoteTick, Strategy
from dita.venues.wire.market import VenueBar, VenueMark, VenueQuote, VenueTrade
from live_runs import shadow_of, traded


class Slow(Strategy):
    """Holds its thread at its first quote, until it is let go."""

    slots = 1
    held = threading.Event()
    let_go = threading.Event()

    def on_quote(self, quote: QuoteTick) -> None:
        self.held.set()
        self.let_go.wait(30)


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(), step_s=0.02) as server:
        yield server


def test_the_newest_mark_and_quote_win_and_the_others_are_counted() -> None:
    waiting = MarketQueue()
    for number in range(100):
        waiting.put(VenueMark("BTCUSDT", number, Decimal(number + 1), None, None))
        waiting.put(VenueQuote("BTCUSDT", number, ("1", "1", "2", "1")))
        waiting.put(VenueBar("BTCUSDT", "1m", number, number + 1, ("1", "1", "1", "1", "1")))
    said = waiting.take(0)
    assert waiting.passed_over == 198
    assert [one.time_ns for one in said if isinstance(one, VenueMark | VenueQuote)] == [99, 99]
    # A bar is never lost, and comes in its order.
    assert [one.open_ns for one in said if isinstance(one, VenueBar)] == list(range(100))


def test_events_are_taken_in_the_order_of_their_arrival() -> None:
    waiting = MarketQueue()
    bar = VenueBar("BTCUSDT", "1m", 0, 1, ("1", "1", "1", "1", "1"))
    trade = VenueTrade("BTCUSDT", 2, "1", "1", buyer_is_maker=False)
    quote, newer = (VenueQuote("BTCUSDT", at, ("1", "1", "2", "1")) for at in (3, 4))
    mark = VenueMark("BTCUSDT", 5, Decimal(1), None, None)
    for event in (quote, bar, trade, newer, mark):
        waiting.put(event)
    assert waiting.take(0) == [bar, trade, newer, mark]
    assert waiting.passed_over == 1


def test_trades_that_nobody_reads_are_bounded_and_counted() -> None:
    waiting = MarketQueue()
    for number in range(12_000):
        waiting.put(VenueTrade("BTCUSDT", number, "1", "1", buyer_is_maker=False, number=number))
    trades = waiting.take(0)
    assert len(trades) == 10_000
    assert waiting.passed_over == 2_000
    assert min(one.number for one in trades if isinstance(one, VenueTrade)) == 2_000


def test_a_slow_strategy_does_not_hold_the_stream_and_what_it_missed_is_counted(
    served: ServerThread,
) -> None:
    Slow.held.clear()
    Slow.let_go.clear()
    run = LiveHost(shadow_of(served, Slow))
    begun: list[float] = []

    def missed() -> bool:
        if Slow.held.is_set() and not begun:
            begun.append(time.monotonic())
        health = run.session.market_health() if begun else {}
        if not health or health["passed_over"] <= 50 or health["mark_age_s"]["BTCUSDT"] is None:
            return False
        # The stream goes on telling of marks while the strategy hangs.
        assert health["mark_age_s"]["BTCUSDT"] < 10
        Slow.let_go.set()
        return True

    try:
        traded(run, missed, 30)
    finally:
        Slow.let_go.set()
    assert begun
