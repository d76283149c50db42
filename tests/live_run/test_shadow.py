"""`dita run --shadow`, several strategies, the dead man's switch: against `dita exchange`."""

import logging
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from dita.live.dead_man import DeadMan
from dita.live.places import Place
from dita.live.run import LiveHost
from dita.practice.binance.exchange import BinanceExchange
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import Strategy, TradeTick
from dita.venues.binance.adapter import BinanceUsdm
from dita.venues.wire.market import MarketEvent, VenueBook, VenueMark
from dita.venues.wire.requests import Request
from live import until
from live_runs import SECRET, plan_of, shadow_of, traded


class Buyer(Strategy):
    """Buys once, at market."""

    slots = 1
    size = "0.01"

    def on_start(self) -> None:
        self.asked = False

    def on_tick(self, now: Any) -> None:
        if not self.asked and not self.trades("BTCUSDT"):
            outcome = self.enter("BTCUSDT", "LONG", self.size)
            self.asked = outcome.accepted


class Second(Buyer):
    """Another one, with its own slot."""

    size = "0.02"


class Listener(Strategy):
    """Receives trades, and does nothing."""

    def on_start(self) -> None:
        self.recorded: list[TradeTick] = []

    def on_trade(self, trade: TradeTick) -> None:
        self.recorded.append(trade)


class Raiser(Strategy):
    """Raises at its first tick."""

    def on_tick(self, now: Any) -> None:
        raise ValueError("on purpose")


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "practise-key")
    monkeypatch.setenv("API_SECRET", SECRET)


# ------------------------------------------------------------------------------------------------- in shadow


def test_a_shadow_fills_on_the_live_depth_and_sends_nothing(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, Buyer))
    paid: list[Decimal | None] = []

    def bought() -> bool:
        paid.append(run.kernel.slot(0).entry_price)
        return run.kernel.slot(0).size == Decimal("0.01")

    left = traded(run, bought)
    assert paid[-1] == served.call(lambda one: one.markets["BTCUSDT"].asks[0][0])
    assert [(row["symbol"], row["size"]) for row in left.positions] == [("BTCUSDT", Decimal("0.01"))]
    asked = served.call(lambda one: {path for method, path in one.received if method != "GET"})
    assert asked == set()
    assert not [
        path
        for _, path in served.call(lambda one: list(one.received))
        if path in {"/fapi/v3/balance", "/fapi/v1/openOrders"}
    ]


LEVELS = tuple((Decimal(60000 + n), Decimal(1)) for n in range(3))


def test_a_shadow_finds_nobody_to_trade_with_where_the_book_is_not_whole(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, Buyer))
    client = run._handles[0].client
    below = ((Decimal(59999), Decimal(1)),)
    run._live_account.on_market(VenueBook("BTCUSDT", 0, below, LEVELS))
    run._live_account.on_market(VenueBook("BTCUSDT", 0, (), ()))
    client.enter("BTCUSDT", "LONG", "0.01")
    assert run.kernel.slot(0).size == 0
    run._live_account.on_market(VenueBook("BTCUSDT", 0, below, LEVELS))
    client.enter("BTCUSDT", "LONG", "0.01")
    assert run.kernel.slot(0).size == Decimal("0.01")
    run.stop()
    run.trade()


def test_a_shadow_pays_the_venues_funding_at_its_boundary(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, Buyer))
    run._live_account.on_market(VenueBook("BTCUSDT", 0, ((Decimal(59999), Decimal(1)),), LEVELS))
    run._handles[0].client.enter("BTCUSDT", "LONG", "0.01")
    before = run.kernel.venue.wallet("USDT")
    mark = VenueMark("BTCUSDT", 0, Decimal(60000), Decimal("0.001"), time.time_ns() + 300_000_000)
    run._live_account.on_market(mark)
    until(lambda: run.kernel.venue.wallet("USDT") != before)
    assert run.kernel.venue.wallet("USDT") == before - Decimal("0.6")
    asset = run.kernel.snapshot()["account"]["assets"]["USDT"]
    assert asset["reconcile_delta"] == 0
    run.stop()
    run.trade()


def test_a_gap_in_the_depth_empties_the_book_until_a_new_snapshot(served: ServerThread) -> None:
    run = LiveHost(shadow_of(served, Listener))
    reported: list[VenueBook] = []
    skipped: list[int] = []
    put = run.session._queue.put

    def listen(said: MarketEvent) -> None:
        if isinstance(said, VenueBook):
            reported.append(said)
        put(said)

    run.session._queue.put = listen  # type: ignore[method-assign]

    def skip(exchange: BinanceExchange) -> None:
        for session in exchange.sessions:
            if session.path == "public":
                session.last_update["BTCUSDT"] += 5
        skipped.append(len(reported))

    def again() -> bool:
        feed: Any = run.session._feed
        book = None if feed is None else feed.books.book("BTCUSDT")
        if book is None or not book.counts["updates"] or not reported[-1].asks:
            return False
        if not skipped:
            served.call(skip)
            return False
        return any(not one.asks for one in reported[skipped[0] :])

    traded(run, again)
    feed: Any = run.session._feed
    assert feed.books.book("BTCUSDT").counts["gaps"] >= 1


# ---------------------------------------------------------------------------------------- several strategies


@pytest.mark.usefixtures("_key")
def test_several_strategies_trade_each_in_its_own_slots_on_one_subscription(served: ServerThread) -> None:
    run = LiveHost(plan_of(served, Buyer, Second, Listener))

    def both() -> bool:
        sizes = {view.owner: view.size for view in run.kernel.state.slots if view.size}
        return sizes == {"Buyer": Decimal("0.01"), "Second": Decimal("0.02")}

    left = traded(run, both)
    assert [row["size"] for row in left.positions] == [Decimal("0.03")]
    streams = served.call(lambda one: [s.path for s in one.sessions])
    assert streams.count("market") <= 1


@pytest.mark.usefixtures("_key")
def test_a_strategy_that_raises_stops_alone(served: ServerThread, caplog: pytest.LogCaptureFixture) -> None:
    run = LiveHost(plan_of(served, Raiser, Buyer))
    with caplog.at_level(logging.CRITICAL + 1, logger="dita.strategy"):
        traded(run, lambda: any(view.size for view in run.kernel.state.slots))
    states = {handle.name: str(handle.state) for handle in run.host.strategies.handles.values()}
    assert states == {"Raiser": "Error", "Buyer": "Stopped"}


# ------------------------------------------------------------------------------------ the dead man's switch


@pytest.fixture
def adapter(served: ServerThread) -> Iterator[BinanceUsdm]:
    one = Place.chosen(served.address, live=False).adapter("practise-key", SECRET, ["BTCUSDT"])
    rest = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01", "price": "50000",
    }  # fmt: skip
    one.ask(Request("POST", "/fapi/v1/order", rest))
    yield one
    one.close()


def resting(server: ServerThread) -> int:
    return server.call(lambda one: len(one.account.open_orders()))


def test_a_program_that_is_gone_has_its_orders_canceled_by_the_venue(
    served: ServerThread, adapter: BinanceUsdm
) -> None:
    switch = DeadMan(adapter, ["BTCUSDT"], 0.5)
    switch.abandon()
    until(lambda: resting(served) == 0)


def test_a_program_that_hangs_does_not_renew_and_one_that_lives_does(
    served: ServerThread, adapter: BinanceUsdm, caplog: pytest.LogCaptureFixture
) -> None:
    switch = DeadMan(adapter, ["BTCUSDT"], 1.0)
    ends_s = time.monotonic() + 2.5
    while time.monotonic() < ends_s:
        switch.alive()
        assert resting(served) == 1
        time.sleep(0.02)
    until(lambda: resting(served) == 0)
    assert "the program hangs" in caplog.text
    switch.end()


def test_a_switch_that_is_taken_off_leaves_the_orders(served: ServerThread, adapter: BinanceUsdm) -> None:
    DeadMan(adapter, ["BTCUSDT"], 0.5).end()
    assert served.call(lambda one: dict(one.wallet.dead_man)) == {}
    assert resting(served) == 1


@pytest.mark.usefixtures("_key")
def test_a_run_with_the_switch_takes_it_off_at_its_end(served: ServerThread) -> None:
    run = LiveHost(plan_of(served, Listener, dead_man_s=30.0))
    armed: list[dict[str, int]] = []

    def seen() -> bool:
        armed.append(served.call(lambda one: dict(one.wallet.dead_man)))
        return bool(armed[-1])

    traded(run, seen)
    assert served.call(lambda one: dict(one.wallet.dead_man)) == {}
