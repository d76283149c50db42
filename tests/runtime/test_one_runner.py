"""One strategy on one recording, on every way of running it: the callbacks are the same, one by one."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

import dita
from dita import ExecutionKernel, SimulatedVenue
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.paper import PaperRun
from dita.backtest.settings import BacktestSettings
from dita.backtest.sweep import sweep
from dita.clock import ManualClock
from dita.host import Directory, Host
from dita.live.session import LiveSession
from dita.market import open_market
from dita.server import Serving
from dita.server.running import ConnectedStrategies
from dita.strategy import Bar, QuoteTick, Strategy, StrategyError, TradeTick
from dita.venues.wire.market import MarketEvent, VenueBar, VenueQuote, VenueTrade

SECOND_NS = 1_000_000_000
START_S = 1_704_067_200
SECONDS = 601
FINE = {"tick_size": "0.01", "lot_step": "0.001"}
SYMBOLS = ("XUSDT", "YUSDT", "ZUSDT")
SETTINGS = BacktestSettings(
    taker_rate=Decimal("0.0005"),
    maker_rate=Decimal("0.0002"),
    instruments=dict.fromkeys(SYMBOLS, FINE),
)


class Records(Strategy):
    """Writes every callback down, with kernel time."""

    received: ClassVar[list[tuple[Any, ...]]] = []

    def note(self, name: str, *about: object) -> None:
        self.received.append((type(self).__name__, name, self.now, *about))

    def on_start(self) -> None:
        self.note("on_start")

    def on_stop(self) -> None:
        self.note("on_stop")

    def on_quote(self, quote: QuoteTick) -> None:
        self.note("on_quote", quote.symbol, quote.time_ns, quote.bid, quote.ask)

    def on_trade(self, trade: TradeTick) -> None:
        self.note("on_trade", trade.symbol, trade.time_ns, trade.price, trade.size)

    def on_bar(self, bar: Bar) -> None:
        self.note("on_bar", bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts, self.warming)

    def on_tick(self, now: Any) -> None:
        self.note("on_tick", now)

    def on_timer(self, name: str) -> None:
        self.note("on_timer", name)

    def on_order(self, order: Any) -> None:
        self.note("on_order", order.asset, str(order.status), str(order.order_side), order.filled_size)

    def on_fill(self, fill: Any) -> None:
        self.note("on_fill", fill.symbol, fill.side, fill.price, fill.size, fill.fee)

    def on_position(self, trade: Any) -> None:
        self.note("on_position", trade.asset, trade.size, trade.realized_pnl)


class Ticks(Records):
    """Trades on quotes, trades, bars and timers."""

    slots = 4

    def on_start(self) -> None:
        super().on_start()
        self.quotes = self.prints = 0
        self.timer("beat", every=timedelta(seconds=10))
        self.timer("once", at=self.now + timedelta(seconds=60))

    def on_quote(self, quote: QuoteTick) -> None:
        super().on_quote(quote)
        self.quotes += 1
        if self.quotes % 50 == 3:
            self.enter(quote.symbol, "LONG", "1")
        elif self.quotes % 50 == 40:
            for trade in self.trades(quote.symbol):
                if trade.size:
                    self.exit(trade)

    def on_trade(self, trade: TradeTick) -> None:
        super().on_trade(trade)
        self.prints += 1
        if self.prints == 2:
            self.enter(trade.symbol, "LONG", "1", order_type="LIMIT", limit_price=str(trade.price - 1))

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        if not self.trades(bar.symbol):
            self.enter(bar.symbol, "LONG", "1")

    def on_fill(self, fill: Any) -> None:
        super().on_fill(fill)
        if fill.symbol == "ZUSDT" and str(fill.side) == "BUY":
            self.exit("ZUSDT", order_type="LIMIT", limit_price=str(fill.price + 1))

    def on_timer(self, name: str) -> None:
        super().on_timer(name)
        if name == "once":
            self.enter("XUSDT", "LONG", "0.5", order_type="LIMIT", limit_price="50")


class Warms(Records):
    """Warms up with bars of two lengths, then enters at each."""

    slots = 1
    instruments = ("YUSDT",)
    intervals = ("2m", "1m")
    warmup = 2

    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        if not self.warming and not self.trades():
            self.enter(bar.symbol, "LONG", "1")


def rows() -> dict[str, list[tuple[int, list[str]]]]:
    """The recording, by instrument: seconds since its start (of a bar, its opening), and the row behind."""

    def price(at: int, base: int) -> str:
        return f"{base + (at * 7) % 13}.{(at * 37) % 100:02}"

    quotes = []
    for at in range(SECONDS):
        bid = Decimal(price(at, 100))
        quotes.append((at, [str(bid), "2", str(bid + Decimal("0.01")), "3"]))
    bars = []
    for minute in range(SECONDS // 60):
        opened, closed = price(minute, 200), price(minute + 1, 200)
        high, low = max(opened, closed), min(opened, closed)
        bars.append((minute * 60, [opened, high, low, closed, "5"]))
    trades = [(at, [price(at, 300), "1", "true" if at % 2 else "false"]) for at in range(6, SECONDS, 6)]
    return {"XUSDT": quotes, "YUSDT": bars, "ZUSDT": trades}


HEADERS = {
    "XUSDT": "timestamp,bid,bid_size,ask,ask_size",
    "YUSDT": "timestamp,open,high,low,close,volume",
    "ZUSDT": "timestamp,price,size,buyer_is_maker",
}


def files(folder: Path) -> list[Path]:
    """The recording as files."""
    places = []
    for symbol, of_symbol in rows().items():
        lines = [HEADERS[symbol], *(f"{(START_S + at) * 1000},{','.join(row)}" for at, row in of_symbol)]
        places.append(folder / f"{symbol.lower()}_1m.csv")
        places[-1].write_text("\n".join(lines) + "\n")
    return places


def arrivals() -> list[tuple[int, MarketEvent]]:
    """The recording in its order of arrival."""
    found: list[tuple[int, str, MarketEvent]] = []
    for symbol, of_symbol in rows().items():
        for at, row in of_symbol:
            at_ns = (START_S + at) * SECOND_NS
            if symbol == "XUSDT":
                found.append((at_ns, symbol, VenueQuote(symbol, at_ns, (row[0], row[1], row[2], row[3]))))
            elif symbol == "YUSDT":
                close_ns = at_ns + 60 * SECOND_NS
                texts = (row[0], row[1], row[2], row[3], row[4])
                found.append((close_ns, symbol, VenueBar(symbol, "1m", at_ns, close_ns, texts)))
            else:
                is_maker = row[2] == "true"
                found.append((at_ns, symbol, VenueTrade(symbol, at_ns, row[0], row[1], is_maker)))
    return [(at_ns, event) for at_ns, _, event in sorted(found, key=lambda one: one[:2])]


class RecordedMarket:
    """A venue's market data adapter that the test gives events, and its feed."""

    reconnects = missed_trades = 0

    def __init__(self, past: Sequence[VenueBar] = ()) -> None:
        self.past = list(past)
        self.put: Callable[[MarketEvent], object]

    def feed(self, on_event: Callable[[MarketEvent], object], **_wanted: Any) -> "RecordedMarket":
        self.put = on_event
        return self

    def get_bars(self, symbol: str, _interval: str, _start_ns: int, _end_ns: int) -> list[VenueBar]:
        return [bar for bar in self.past if bar.symbol == symbol]

    def begin_after(self, bar: VenueBar) -> None:
        assert bar in self.past


class RecordedAccount:
    """A live account on the simulated venue, which fills on the recording as in a backtest."""

    needs_depth = False

    def __init__(self, market: RecordedMarket) -> None:
        self.checks: list[Any] = []
        self.market = market
        self.venue: SimulatedVenue

    def open(self, kernel: ExecutionKernel) -> Any:
        assert isinstance(kernel.venue, SimulatedVenue)
        self.venue = kernel.venue
        return self.market

    def on_market(self, event: MarketEvent) -> None:
        match event:
            case VenueQuote():
                bid, bid_size, ask, ask_size = event.texts
                self.venue.on_quote(event.symbol, bid, bid_size, ask, ask_size, event.time_ns)
            case VenueTrade():
                self.venue.on_trade(event.symbol, event.price, event.size, event.time_ns)
            case VenueBar():
                self.venue.on_bar(event.symbol, *event.texts[:4], event.open_ns, event.close_ns)


def engine(
    kinds: Sequence[type[Strategy]], folder: Path, settings: BacktestSettings = SETTINGS
) -> BacktestEngine:
    named = [Named(kind.__name__, kind) for kind in kinds]
    return BacktestEngine(named, [open_market(place) for place in files(folder)], settings)


def backtest(kinds: Sequence[type[Strategy]], folder: Path) -> None:
    engine(kinds, folder).run(compare_stops=False)


def paper(kinds: Sequence[type[Strategy]], folder: Path) -> None:
    PaperRun(engine(kinds, folder), speed=None).run()


def in_sweep(kinds: Sequence[type[Strategy]], folder: Path) -> None:
    (kind,) = kinds
    with ThreadPoolExecutor(1) as pool:
        found = sweep(kind, {}, files(folder), pool, settings=SETTINGS)
    assert [row.error for row in found.rows] == [None]


def driven(
    kernel: ExecutionKernel, session: LiveSession, settle: Callable[[int], object] | None = None
) -> None:
    """Give a session the recording in its order of arrival, under a driven clock.

    Without `settle` an instant at a time; with it one event at a time, as a client follows by itself.
    """
    market = session.market
    assert isinstance(market, RecordedMarket)
    number, begins_ns = 0, kernel.now_ns
    for at_ns, of_instant in itertools.groupby(arrivals(), key=lambda one: one[0]):
        if at_ns < begins_ns:
            continue
        kernel.advance_time(at_ns)
        for _, event in of_instant:
            market.put(event)
            number += 1
            if settle is not None:
                session.turn(0)
                settle(number)
        session.turn(0)


def live(
    kinds: Sequence[type[Strategy]], folder: Path, begin_s: int = START_S, past: Sequence[VenueBar] = ()
) -> None:
    """In `dita run`: strategies inside, the session's thread dispatches."""
    config, _ = engine(kinds, folder).config(SETTINGS)
    with Host(config, clock=ManualClock(begin_s * SECOND_NS)) as host:
        kernel = host.kernel(None)
        session = LiveSession(host, "main", RecordedAccount(RecordedMarket(past)))
        handles = [host.load(kind, name=kind.__name__, symbols=SYMBOLS) for kind in kinds]
        session.begin(handles)
        driven(kernel, session)
        for handle in handles:
            handle.stop()
            assert not handle.error


def served(kinds: Sequence[type[Strategy]], folder: Path) -> None:
    """In `dita serve`, a strategy inside."""
    config, _ = engine(kinds, folder).config(SETTINGS)
    clock = ManualClock(START_S * SECOND_NS)
    with Serving(config, Directory(folder / "host"), socket=folder / "s.sock", clock=clock) as owner:
        session = LiveSession(owner.host, "main", RecordedAccount(RecordedMarket()))
        handles = [owner.host.load(kind, name=kind.__name__, symbols=SYMBOLS) for kind in kinds]
        for handle in handles:
            handle.start()
        session.begin()
        driven(owner.host.kernel("main"), session)
        for handle in handles:
            handle.stop()
            assert not handle.error


def connected(kinds: Sequence[type[Strategy]], folder: Path) -> None:
    """In a program that is connected to `dita serve`."""
    (kind,) = kinds
    config, _ = engine(kinds, folder).config(SETTINGS)
    clock = ManualClock(START_S * SECOND_NS)
    with Serving(config, Directory(folder / "host"), socket=folder / "s.sock", clock=clock) as owner:
        session = LiveSession(owner.host, "main", RecordedAccount(RecordedMarket()))
        session.begin()
        inside = owner.host.kernel("main")
        kernel = dita.connect(folder / "s.sock", name=kind.__name__, slots=kind.slots, market=True)
        kernel.clock = lambda: inside.now_ns
        runner = ConnectedStrategies(kernel)
        handle = runner.load(kind, symbols=SYMBOLS)
        handle.start()

        def settle(number: int) -> None:
            while runner.received < number:
                assert runner.poll(10)
            kernel.link.slot(0)
            runner.poll()

        driven(inside, session, settle)
        runner.stop()
        assert not handle.error
        assert runner.missed == {"quotes": 0, "trades": 0, "bars": 0}
        kernel.close()


def callbacks(
    run: Callable[[Sequence[type[Strategy]], Path], None], kinds: Sequence[type[Strategy]], folder: Path
) -> list[tuple[Any, ...]]:
    Records.received.clear()
    folder.mkdir()
    run(kinds, folder)
    return list(Records.received)


@pytest.fixture(autouse=True)
def _planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))


@pytest.mark.parametrize("kind", [Ticks, Warms])
@pytest.mark.parametrize("run", [paper, in_sweep, live, served, connected])
def test_a_strategy_receives_the_same_callbacks_in_the_same_order_on_every_way(
    tmp_path: Path, run: Callable[..., None], kind: type[Strategy]
) -> None:
    wanted = callbacks(backtest, [kind], tmp_path / "wanted")
    names = {name for _, name, *_ in wanted}
    assert {"on_start", "on_bar", "on_tick", "on_fill", "on_stop"} <= names
    found = callbacks(run, [kind], tmp_path / "found")
    for place, (one, other) in enumerate(zip(wanted, found, strict=False)):
        assert one == other, f"callback {place}: {wanted[max(0, place - 3) : place]} before it"
    assert len(wanted) == len(found)


@pytest.mark.parametrize("run", [paper, live, served])
def test_two_strategies_receive_each_event_in_the_order_of_loading(
    tmp_path: Path, run: Callable[..., None]
) -> None:
    kinds = [Ticks, Warms]
    wanted = callbacks(backtest, kinds, tmp_path / "wanted")
    assert {name for name, *_ in wanted} == {"Ticks", "Warms"}
    assert callbacks(run, kinds, tmp_path / "found") == wanted


def test_a_strategy_is_warmed_up_with_the_past_alike_in_a_window_and_live(tmp_path: Path) -> None:
    start_s = START_S + 300
    settings = replace(SETTINGS, start_ns=start_s * SECOND_NS, warmup_before=True)
    past = [
        event for at_ns, event in arrivals() if at_ns <= settings.start_ns and isinstance(event, VenueBar)
    ]

    def window(kinds: Sequence[type[Strategy]], folder: Path) -> None:
        engine(kinds, folder, settings).run(compare_stops=False)

    def late(kinds: Sequence[type[Strategy]], folder: Path) -> None:
        live(kinds, folder, start_s + 1, past)

    wanted = callbacks(window, [Warms], tmp_path / "wanted")
    warming = [name for _, name, _, *about in wanted if name == "on_bar" and about[-1]]
    assert len(warming) == 4, "two bars of each length"
    assert wanted[4][1] == "on_start"
    assert callbacks(late, [Warms], tmp_path / "found") == wanted


class Closes(Records):
    """Writes down the closes that it has."""

    instruments = ("YUSDT",)
    intervals = ("1m",)
    warmup = 2

    def on_start(self) -> None:
        self.note("on_start", tuple(self.closes_float("YUSDT", 9)))


def test_a_strategy_that_starts_later_than_its_session_has_each_past_bar_once(tmp_path: Path) -> None:
    bars = [event for _, event in arrivals() if isinstance(event, VenueBar)]
    config, _ = engine([Closes], tmp_path).config(SETTINGS)
    Records.received.clear()
    with Host(config, clock=ManualClock(START_S * SECOND_NS)) as host:
        market = RecordedMarket()
        session = LiveSession(host, "main", RecordedAccount(market))
        handle = host.load(Closes, name="late")
        session.begin()
        for bar in bars[:4]:
            market.put(bar)
        session.turn(0)
        assert Records.received == [], "it does not run yet"
        market.past = bars[:4]
        handle.start()
        assert not handle.strategy.warming
    (*bars_of, started) = Records.received
    assert [name for _, name, *_ in bars_of] == ["on_bar", "on_bar"]
    assert started[-1] == tuple(float(bar.texts[3]) for bar in bars[:4])


class Finer(Records):
    """Wants bars that cannot be built from those of a minute."""

    intervals = ("30s",)


def test_a_strategy_that_wants_bars_that_cannot_be_is_in_error_and_the_others_go_on(tmp_path: Path) -> None:
    config, _ = engine([Finer, Warms], tmp_path).config(SETTINGS)
    Records.received.clear()
    with Host(config, clock=ManualClock(START_S * SECOND_NS)) as host:
        session = LiveSession(host, "main", RecordedAccount(RecordedMarket()))
        handles = [host.load(kind, name=kind.__name__, symbols=SYMBOLS) for kind in (Finer, Warms)]
        session.begin(handles)
        driven(host.kernel(None), session)
        assert [str(one.state) for one in handles] == ["Error", "Running"]
        assert handles[0].error == "intervals: 30s cannot be built from bars of 1m"
    assert sum(name == "on_bar" for kind, name, *_ in Records.received if kind == "Warms") == 15
    with pytest.raises(StrategyError, match="30s cannot be built from bars of 1m"):
        backtest([Finer], tmp_path)


def test_a_recording_has_the_kinds_and_instants_that_are_compared(tmp_path: Path) -> None:
    found = callbacks(backtest, [Ticks], tmp_path / "found")
    of_instant: dict[Any, list[str]] = {}
    for _, name, now, *_ in found:
        of_instant.setdefault(now, []).append(name)
    at_a_minute = next(names for names in of_instant.values() if "on_bar" in names and "on_timer" in names)
    assert at_a_minute[:2] == ["on_tick", "on_timer"], at_a_minute
    assert at_a_minute.index("on_quote") < at_a_minute.index("on_bar") < at_a_minute.index("on_trade")
