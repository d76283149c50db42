"""A backtest: what a strategy receives, when its orders fill, and what the result says of it."""

import gc
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal

import pytest
from markets import MINUTE_NS, Listed, bars, flat

from dita import ExitSpec, InvalidInput, timetravel
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings
from dita.host import Directory
from dita.market import Print, Quote, open_market
from dita.runtime import Actor
from dita.strategy import Bar, OwnFill, Params, Strategy, StrategyError

SYMBOL = "XUSDT"
FREE = BacktestSettings(
    taker_rate=Decimal(0),
    maker_rate=Decimal(0),
    instruments={SYMBOL: {"tick_size": "1", "lot_step": "1"}, "YUSDT": {"tick_size": "1", "lot_step": "1"}},
)


class Scripted(Strategy):
    """Does at a bar, by its number, what the test says; writes down what it receives."""

    plan: ClassVar[dict[int, Any]]
    received: ClassVar[list[str]]

    def __init__(self, params: Params | None = None) -> None:
        super().__init__(params)
        self.number = -1

    def on_bar(self, bar: Bar) -> None:
        self.number += 1
        self.received.append(f"bar {self.number}")
        self.plan.get(self.number, lambda *_: None)(self, bar)

    def on_fill(self, fill: OwnFill) -> None:
        self.received.append(f"fill {fill.side} {fill.size} at {fill.price}")


def scripted(plan: dict[int, Callable[[Any, Bar], object]], **attributes: Any) -> type[Scripted]:
    return type("Scripted", (Scripted,), {"plan": plan, "received": [], **attributes})


def play(
    strategy: type[Strategy], *markets: Listed, settings: BacktestSettings = FREE, **options: Any
) -> BacktestResult:
    return BacktestEngine([Named("s", strategy)], markets, settings, **options).run()


def buy(size: int = 1, **fields: Any) -> Callable[[Any, Bar], object]:
    return lambda self, bar: self.enter(bar.symbol, "LONG", size, **fields)


def sell(self: Any, bar: Bar) -> object:
    return self.exit(bar.symbol)


RISING = bars(SYMBOL, [(100, 105, 99, 104), (106, 110, 105, 108), (109, 112, 108, 111), (112, 113, 110, 111)])


@pytest.mark.parametrize(("fill_at", "prices"), [("next_open", (106, 109)), ("close", (104, 108))])
def test_an_order_at_a_bars_close_fills_where_the_assumption_says(
    fill_at: Any, prices: tuple[int, int]
) -> None:
    strategy = scripted({0: buy(), 1: sell})
    result = play(strategy, RISING, settings=replace(FREE, fill_at=fill_at))
    (trade,) = result.trades
    assert (trade.entry_price, trade.exit_price) == prices
    assert trade.pnl == prices[1] - prices[0]
    assert result.final_k == 10_000 + trade.pnl == result.final_e


def test_what_an_order_causes_is_reported_after_the_callback_and_before_the_next_bar() -> None:
    strategy = scripted({0: buy(), 1: sell})
    play(strategy, RISING)
    assert strategy.received == [
        "bar 0",
        "fill BUY 1 at 106",
        "bar 1",
        "fill SELL 1 at 109",
        "bar 2",
        "bar 3",
    ]


def test_fees_are_0001_where_none_are_named_and_the_report_says_so() -> None:
    settings = replace(FREE, taker_rate=None, maker_rate=None)
    result = play(scripted({0: buy(), 1: sell}), RISING, settings=settings)
    assert result.final_k == 10_000 + 3 - Decimal("0.001") * (106 + 109)
    assert "(0.001 where none was named)" in dict(result.assumptions)["fees"]


def test_a_trade_that_still_runs_is_in_the_result_without_an_exit() -> None:
    result = play(scripted({0: buy(2)}), RISING)
    (trade,) = result.trades
    assert (trade.exit_time_ns, trade.exit_price, trade.size) == (None, None, 2)
    assert result.final_k == 10_000
    assert result.equity[-1].equity == 10_000 + 2 * (111 - 106)


def pair(stop: int, target: int) -> Callable[[Any, Bar], object]:
    def act(self: Any, bar: Bar) -> None:
        self.exit(bar.symbol, order_type="STOP_MARKET", trigger_price=stop, oco_group="g")
        self.exit(bar.symbol, order_type="LIMIT", limit_price=target, oco_group="g")

    return act


def test_a_bar_that_holds_stop_and_target_is_counted_and_reported_with_every_stop_first() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 120, 80, 90), (90, 90, 90, 90)]
    strategy = scripted({0: buy(), 1: pair(90, 110)})
    result = play(strategy, bars(SYMBOL, rows))
    (trade,) = result.trades
    # The bar fell: its high comes first, so the target fills.
    assert (trade.exit_price, trade.ambiguous) == (110, True)
    text = dict(result.assumptions)["ambiguous trades"]
    assert text.startswith("1: ")
    assert "equity ends at 9990 instead of 10010" in text


def test_a_fill_that_sends_attached_exits_is_reported_and_counted_once() -> None:
    exits = (ExitSpec("STOP", trigger_price=90), ExitSpec("TARGET", limit_price=110))
    strategy = scripted({0: buy(2, exits=exits)})
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 120, 95, 115), (115, 115, 115, 115)]
    result = play(strategy, bars(SYMBOL, rows))
    assert [line for line in strategy.received if line.startswith("fill")] == [
        "fill BUY 2 at 100",
        "fill SELL 2 at 110",
    ]
    (trade,) = result.trades
    assert (trade.size, trade.pnl, result.fills, result.orders["filled"]) == (2, 20, 2, 2)
    assert result.metrics["turnover"] == 2 * 100 + 2 * 110


def test_the_warm_up_is_received_and_not_acted_upon() -> None:
    seen: list[tuple[int, bool]] = []

    class Warm(Scripted):
        plan: ClassVar[dict[int, Any]] = {}
        received: ClassVar[list[str]] = []
        warmup = 2

        def on_start(self) -> None:
            self.received.append("start")

        def on_bar(self, bar: Bar) -> None:
            super().on_bar(bar)
            seen.append((self.number, self.warming))

    play(Warm, RISING)
    assert seen == [(0, True), (1, True), (2, False), (3, False)]
    assert Warm.received == ["bar 0", "bar 1", "start", "bar 2", "bar 3"]


def test_an_action_during_the_warm_up_is_an_error_that_says_so() -> None:
    with pytest.raises(StrategyError, match="WarmingUp"):
        play(scripted({0: buy()}, warmup=2), RISING)


def test_a_market_too_short_for_the_warm_up_is_refused() -> None:
    with pytest.raises(StrategyError, match="end before its warm-up of 9 bars"):
        play(scripted({}, warmup=9), RISING)


def test_longer_bars_are_built_from_shorter_ones_and_never_change() -> None:
    received: list[Bar] = []

    class Longer(Strategy):
        intervals = ("1m", "3m")

        def on_bar(self, bar: Bar) -> None:
            received.append(bar)

    rows = [(100 + n, 103 + n, 98 + n, 101 + n) for n in range(7)]
    play(Longer, bars(SYMBOL, rows))
    assert [bar.interval for bar in received] == ["1m", "1m", "1m", "3m", "1m", "1m", "1m", "3m", "1m"]
    three = received[3]
    assert (three.open, three.high, three.low, three.close, three.volume) == (100, 105, 98, 103, 3)
    assert (three.open_ns, three.close_ns) == (0, 3 * MINUTE_NS)


@pytest.mark.parametrize(("start", "first_ns"), [(0, 0), (1, 3 * MINUTE_NS), (2, 3 * MINUTE_NS)])
def test_a_longer_bar_that_began_before_the_market_is_left_out(start: int, first_ns: int) -> None:
    received: list[tuple[int, int]] = []

    class Longer(Strategy):
        intervals = ("3m",)

        def on_bar(self, bar: Bar) -> None:
            received.append((bar.open_ns, int(bar.volume)))

    play(Longer, bars(SYMBOL, [(100, 101, 99, 100)] * 9, start=start))
    assert received[0] == (first_ns, 3)


def test_two_instruments_close_together_and_are_reported_by_name() -> None:
    received: list[str] = []

    class Both(Strategy):
        slots = 2

        def on_bar(self, bar: Bar) -> None:
            received.append(bar.symbol)
            if len(received) <= 2:
                self.enter(bar.symbol, "LONG", 1)

    result = play(Both, flat("YUSDT", 3, 50), flat(SYMBOL, 3, 100))
    assert received == [SYMBOL, "YUSDT"] * 3
    assert sorted((trade.symbol, trade.entry_price) for trade in result.trades) == [
        (SYMBOL, Decimal(100)),
        ("YUSDT", Decimal(50)),
    ]


def test_two_strategies_have_slots_and_trades_of_their_own() -> None:
    first, second = scripted({0: buy(1), 2: sell}), scripted({1: buy(5)})
    engine = BacktestEngine([Named("one", first), Named("two", second)], [RISING], FREE)
    result = engine.run()
    assert [(trade.strategy, trade.size) for trade in result.trades] == [("one", 1), ("two", 5)]
    assert "fill BUY 5 at 109" not in first.received


def test_a_strategy_that_raises_ends_the_backtest_with_its_name() -> None:
    with pytest.raises(StrategyError, match="s: ZeroDivisionError"):
        play(scripted({1: lambda *_: 1 / 0}), RISING)


def test_more_than_a_thousand_intents_in_one_callback_are_refused_by_name() -> None:
    def storm(self: Any, bar: Bar) -> None:
        for _ in range(1001):
            self.exit(0, 1)

    with pytest.raises(StrategyError, match="TooManyIntents"):
        play(scripted({0: storm}), RISING)


def test_an_instrument_without_a_market_is_refused_before_anything_runs() -> None:
    with pytest.raises(StrategyError, match="ZUSDT has no market"):
        play(scripted({}, instruments=("ZUSDT",)), RISING)


def test_timers_run_out_between_events_at_their_own_time() -> None:
    received: list[tuple[str, int]] = []

    class Timed(Strategy):
        def on_start(self) -> None:
            self.timer("often", every=timedelta(seconds=45))

        def on_timer(self, name: str) -> None:
            received.append((name, self.now_ns // 1_000_000_000))

    play(Timed, flat(SYMBOL, 2))
    assert received == [("often", 45), ("often", 90)]


def test_quotes_and_trades_are_reported_after_the_venue_has_met_them() -> None:
    received: list[str] = []

    class Ticks(Strategy):
        def on_quote(self, quote: Any) -> None:
            received.append(f"quote {quote.bid}")
            if quote.bid == 100:
                self.enter(SYMBOL, "LONG", 1, order_type="LIMIT", limit_price=99)

        def on_trade(self, trade: Any) -> None:
            received.append(f"trade {trade.price}")

        def on_fill(self, fill: OwnFill) -> None:
            received.append(f"fill {fill.price} {fill.liquidity}")

    ticks = [
        Quote(SYMBOL, "100", "5", "101", "5", 1),
        Print(SYMBOL, "99", "5", True, 2),
        Print(SYMBOL, "98", "5", True, 3),
    ]
    play(Ticks, Listed(SYMBOL, ticks))
    assert received == ["quote 100", "trade 99", "fill 99 MAKER", "trade 98"]


def test_the_same_run_has_the_same_id_and_the_same_bytes() -> None:
    def made(**changes: Any) -> BacktestResult:
        return play(scripted({0: buy(), 1: sell}), RISING, settings=replace(FREE, **changes))

    first, again, other = made(), made(), made(slippage_bps=Decimal(5))
    assert first.to_json() == again.to_json()
    assert first.run_id == again.run_id != other.run_id


def test_the_id_is_of_the_data_without_files_as_well(tmp_path: Path) -> None:
    head = "timestamp,open,high,low,close,volume\n"
    ids = []
    for number, close in enumerate((100, 100, 101)):
        file = tmp_path / f"{number}" / "xusdt_1m.csv"
        file.parent.mkdir()
        file.write_text(f"{head}2024-01-01T00:00,100,101,99,{close},1\n")
        market = open_market(file, SYMBOL)
        ids.append(BacktestEngine([Named("s", Strategy)], [market], FREE).run_id())
        assert ids[-1] == BacktestEngine([Named("s", Strategy)], [market], FREE, files=[file]).run_id()
    assert ids[0] == ids[1] != ids[2]
    made = [
        BacktestEngine([Named("s", Strategy)], [flat(SYMBOL, 3, price)], FREE).run_id()
        for price in (100, 100, 101)
    ]
    assert made[0] == made[1] != made[2]


CELL = """
from dita.strategy import Strategy

SIZE = {size}


def wanted():
    return {size}


class InACell(Strategy):
    def on_bar(self, bar):
        self.enter(bar.symbol, {side!r}, {by})
"""


def test_the_id_of_a_notebooks_class_is_of_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def id_of(cell: int, size: int = 1, side: str = "LONG", by: str = "SIZE") -> str:
        module = ModuleType("notebook")
        monkeypatch.setitem(sys.modules, "notebook", module)
        code = "\n" * cell + CELL.format(size=size, side=side, by=by)
        exec(compile(code, f"<cell {cell}>", "exec"), module.__dict__)  # noqa: S102 - as a notebook does
        return BacktestEngine([Named("s", module.InACell)], [flat(SYMBOL, 3)], FREE).run_id()

    first = id_of(1)
    assert first == id_of(2), "the number of the cell and its lines are no part of it"
    others = [
        id_of(1, side="SHORT"),
        id_of(1, size=2),
        id_of(1, by="wanted()"),
        id_of(1, size=2, by="wanted()"),
    ]
    assert len({first, *others}) == 5


def test_the_id_of_a_class_that_a_function_makes_is_of_its_values() -> None:
    ids = [BacktestEngine([Named("s", scripted({0: buy(n)}))], [RISING], FREE).run_id() for n in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_nothing_of_a_run_outlives_it() -> None:
    gc.collect()
    before = [weakref.ref(one) for one in gc.get_objects() if type(one) is Actor]
    for _ in range(3):
        play(scripted({0: buy(), 1: sell}), RISING)
    gc.collect()
    left = [one for one in gc.get_objects() if type(one) is Actor]
    assert len(left) <= sum(one() is not None for one in before)


def test_another_content_of_the_funding_file_is_another_run(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    ids = set()
    for rate in ("0.01", "0.02"):
        path.write_text(f"time,symbol,rate,mark\n1970-01-01T00:02:30,XUSDT,{rate},200\n")
        ids.add(play(scripted({0: buy()}), flat(SYMBOL, 5), settings=replace(FREE, funding=path)).run_id)
    assert len(ids) == 2


def test_funding_is_paid_at_its_boundary_by_the_files_rate(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text("time,symbol,rate,mark\n1970-01-01T00:02:30,XUSDT,0.01,200\n")
    result = play(scripted({0: buy()}), flat(SYMBOL, 5), settings=replace(FREE, funding=path))
    assert result.final_k == 10_000 - Decimal("0.01") * 200
    assert result.trades[0].funding == -2
    assert result.funding_by_symbol == {SYMBOL: Decimal(-2)}
    assert result.final_e == result.final_k


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("nonsense,XUSDT,0.01,", "line 2: time"),
        ("1970-01-01T00:02:30,ZUSDT,0.01,", "line 2: symbol"),
        ("1970-01-01T00:02:30,XUSDT,x,", "line 2: rate"),
        ("1970-01-01T00:02:30,XUSDT,NaN,", "line 2: rate"),
        (",XUSDT,0.01,", "line 2: time"),
    ],
)
def test_a_wrong_row_of_funding_is_named(tmp_path: Path, row: str, field: str) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(f"time,symbol,rate,mark\n{row}\n")
    with pytest.raises(InvalidInput, match=field):
        play(scripted({}), flat(SYMBOL, 3), settings=replace(FREE, funding=path))


def test_a_run_and_the_replay_of_its_log_have_the_same_money(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    strategy = scripted({0: buy(3), 1: sell, 2: buy(2)})
    settings = replace(FREE, taker_rate=Decimal("0.0005"), maker_rate=Decimal("0.0002"))
    result = play(strategy, RISING, settings=settings, directory=directory)
    replayed = timetravel.replay(directory.log("main"))
    (account,) = replayed["accounts"]
    assert (account["k_capital"], account["e_wallet_balance"]) == (result.final_k, result.final_e)
    assert account["equity"] == result.equity[-1].equity


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"capital": Decimal(0)}, "capital"),
        ({"fill_at": "open"}, "fill_at"),
        ({"limit_fill": "x"}, "limit_fill"),
        ({"slippage_bps": 0.5}, "slippage_bps"),
        ({"taker_rate": "0.001"}, "taker_rate"),
        ({"maker_rate": Decimal(1)}, "maker_rate"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_setting_that_cannot_be_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(FREE, **changes)
    assert caught.value.field == field


def test_whole_numbers_are_taken_for_decimals() -> None:
    assert replace(FREE, slippage_bps=5) == replace(FREE, slippage_bps=Decimal(5))
    assert repr(replace(FREE, capital=7)) == repr(replace(FREE, capital=Decimal(7)))


class Ticking(Strategy):
    """Counts seconds."""

    ticks: ClassVar[list[str]] = []

    def on_tick(self, now: datetime) -> None:
        self.ticks.append(f"{now:%M:%S}")


def test_ticks_come_each_second_of_the_market() -> None:
    play(Ticking, flat(SYMBOL, 2))
    assert Ticking.ticks[:2] == ["00:01", "00:02"]
    assert Ticking.ticks[-1] == "02:00"
    assert len(Ticking.ticks) == 120


class AtSecond(Strategy):
    """Sends what a test wants some seconds into the second minute."""

    slots = 2
    at_s = 0
    order: ClassVar[dict[str, Any]] = {}

    def on_start(self) -> None:
        self.timer("once", at=datetime.fromtimestamp(60 + self.at_s, UTC))

    def on_timer(self, name: str) -> None:
        assert self.enter(SYMBOL, "LONG", 1, **self.order).accepted

    def on_fill(self, fill: OwnFill) -> None:
        FILLS.append((f"{fill.price.normalize():f}", fill.time_ns // 1_000_000_000))


FILLS: list[tuple[str, int]] = []
# The second bar's path: 100 at 60 s, 98 at 75 s, 105 at 90 s, 104 at 120 s. The third: 104, 103, 106, 105.
PATH = [(100, 100, 100, 100), (100, 105, 98, 104), (104, 106, 103, 105)]


@pytest.mark.parametrize("fill_at", ["next_open", "close"])
@pytest.mark.parametrize(
    ("at_s", "order", "wanted"),
    [
        (10, {}, [("98", 75)]),
        (20, {}, [("105", 90)]),
        (40, {}, [("104", 120)]),
        (60, {}, [("104", 120)]),
        (10, {"order_type": "LIMIT", "limit_price": 99}, [("98", 75)]),
        (20, {"order_type": "LIMIT", "limit_price": 99}, []),
        (20, {"order_type": "LIMIT", "limit_price": "103.5"}, [("103.5", 135)]),
        (10, {"order_type": "STOP_MARKET", "trigger_price": 101}, [("101", 75)]),
        (95, {"order_type": "STOP_MARKET", "trigger_price": "105.5"}, []),
    ],
    ids=["low", "high", "close", "at the close", "limit", "passed limit", "next bar", "stop", "passed stop"],
)
def test_an_order_that_a_timer_sends_within_a_bar_meets_no_price_older_than_itself(
    fill_at: Literal["next_open", "close"], at_s: int, order: dict[str, Any], wanted: list[tuple[str, int]]
) -> None:
    FILLS.clear()
    kind = type("AtSecond", (AtSecond,), {"at_s": at_s, "order": order})
    rules = {SYMBOL: {"tick_size": "0.5", "lot_step": "1"}}
    play(kind, bars(SYMBOL, PATH), settings=replace(FREE, fill_at=fill_at, instruments=rules))
    assert wanted == FILLS


LEVEL = bars(SYMBOL, [(100, 101, 99, 100)] * 6)


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        ({}, 100),
        ({"order_type": "LIMIT", "limit_price": 101}, 100),
        ({"order_type": "STOP_MARKET", "trigger_price": 101}, 101),
    ],
)
@pytest.mark.parametrize("fill_at", ["next_open", "close"])
def test_an_order_for_nearly_all_of_the_capital_fills(
    fill_at: Any, fields: dict[str, Any], price: int
) -> None:
    strategy = scripted({0: buy(95, **fields)})
    result = play(strategy, LEVEL, settings=replace(FREE, fill_at=fill_at))
    assert [(fill.side, fill.size, fill.price) for fill in result.executions] == [("BUY", 95, price)]
    assert result.errors == ()


class Reported(Scripted):
    """Writes down what it receives of its orders."""

    def on_order(self, order: Any) -> None:
        self.received.append(f"{order.status} {order.reason}".strip())
        assert type(order).from_dict(order.to_dict()) == order


def test_an_order_that_expires_says_why_to_the_strategy_in_the_result_and_at_the_reports_head() -> None:
    plan = {0: buy(95), 2: buy(98), 3: buy(1)}
    strategy = type("Reported", (Reported,), {"plan": plan, "received": []})
    gaps = bars(SYMBOL, [(price, price + 1, price - 1, price) for price in (100, 110, 100, 110, 110)])
    result = play(strategy, gaps)
    assert [fill.size for fill in result.executions] == [1]
    expired = [line for line in strategy.received if line.startswith("EXPIRED")]
    assert expired == ["EXPIRED insufficient margin"] * 2
    text = f"s: 2 orders for {SYMBOL} expired, the first at 1970-01-01 00:01:00 UTC: insufficient margin"
    assert result.errors == (text,)
    assert result.report_text().splitlines()[:2] == ["ERRORS", f"  {text}"]


def test_a_refused_intent_is_counted_with_its_first_time_and_what_the_kernel_said() -> None:
    strategy = scripted({0: buy(1), 1: buy(500), 2: buy(600)}, slots=3)
    (line,) = play(strategy, LEVEL).errors
    begin = "s: 2 of its intents refused, the first at 1970-01-01 00:02:00 UTC: RISK_BLOCKED: "
    assert line.startswith(f"{begin}available_capital allows ")


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({}, "no order was filled: no order was placed"),
        ({0: buy(1, order_type="LIMIT", limit_price=50)}, "no order was filled: 1 placed"),
        (
            {0: buy(1, order_type="LIMIT", limit_price=50, time_in_force="IOC")},
            "no order was filled: 1 placed, 1 expired",
        ),
    ],
)
def test_a_run_without_fills_says_so(plan: dict[int, Any], said: str) -> None:
    result = play(scripted(plan), LEVEL)
    assert result.errors[0] == said
    assert said in result.report_text().splitlines()[1]


def test_a_market_order_that_no_price_comes_after_is_in_the_result() -> None:
    result = play(scripted({1: buy(), 5: sell}), LEVEL)
    assert result.errors == (
        f"s: 1 market orders for {SYMBOL} wait at the end: no bar or quote came after them",
    )


def test_fills_of_all_instruments_have_the_time_of_the_open_they_filled_at() -> None:
    symbols = (SYMBOL, "YUSDT")
    every = {0: lambda self, _: [self.enter(symbol, "LONG", 1) for symbol in symbols]}
    markets = [bars(symbol, [(100, 101, 99, 100)] * 4) for symbol in symbols]
    result = play(scripted(every, slots=2), *markets)
    assert [(fill.symbol, fill.time_ns) for fill in result.executions] == [
        (one, MINUTE_NS) for one in symbols
    ]
    assert [trade.entry_time_ns for trade in result.trades] == [MINUTE_NS] * 2


class AtTheEnd(Scripted):
    """Leaves when it is stopped."""

    def on_stop(self) -> None:
        for trade in self.trades():
            self.exit(trade)


def test_a_fill_that_on_stop_causes_reaches_on_fill_and_the_result() -> None:
    strategy = type("AtTheEnd", (AtTheEnd,), {"plan": {0: buy()}, "received": []})
    result = play(strategy, LEVEL, settings=replace(FREE, fill_at="close"))
    assert strategy.received[-1] == "fill SELL 1 at 100"
    assert [(fill.side, fill.trade_number) for fill in result.executions] == [("BUY", 1), ("SELL", 1)]
    assert result.fills == len(result.executions)


# ------------------------------------------------------------------------------------ reversals


def reverse(side: str) -> Callable[[Any, Bar], object]:
    def turned(self: Any, bar: Bar) -> None:
        self.exit(bar.symbol)
        assert self.enter(bar.symbol, side, 2).accepted

    return turned


TURNING = bars(
    SYMBOL, [(100, 105, 99, 104), (106, 110, 105, 108), (109, 112, 108, 111), (112, 113, 110, 111)] * 2
)


@pytest.mark.parametrize("fill_at", ["next_open", "close"])
@pytest.mark.parametrize("slots", [1, 2])
def test_a_reversal_in_one_callback_leaves_and_enters_in_order_at_one_price(fill_at: Any, slots: int) -> None:
    strategy = scripted({0: buy(2), 2: reverse("SHORT"), 4: reverse("LONG"), 6: sell}, slots=slots)
    result = play(strategy, TURNING, settings=replace(FREE, fill_at=fill_at))
    later = fill_at == "next_open"
    prices = [106, 112, 112, 106, 106, 112] if later else [104, 111, 111, 104, 104, 111]
    at = [number + 1 for number in (0, 2, 2, 4, 4, 6)]
    assert [(fill.side, fill.price) for fill in result.executions] == list(
        zip(["BUY", "SELL", "SELL", "BUY", "BUY", "SELL"], prices, strict=True)
    )
    assert [fill.time_ns for fill in result.executions] == [number * MINUTE_NS for number in at]
    assert [(trade.side, trade.size) for trade in result.trades] == [("LONG", 2), ("SHORT", 2), ("LONG", 2)]
    assert result.errors == ()
    assert result.final_k == result.final_e


def test_a_reversal_on_quotes_with_latency_enters_once_the_exit_has_filled() -> None:
    class Turning(Scripted):
        def on_quote(self, quote: Any) -> None:
            self.number += 1
            self.plan.get(self.number, lambda *_: None)(self, quote)

    strategy = type("Turning", (Turning,), {"plan": {0: buy(2), 4: reverse("SHORT")}, "received": []})
    quotes = [Quote(SYMBOL, "100", None, "101", None, second * 1_000_000_000) for second in range(12)]
    result = play(strategy, Listed(SYMBOL, quotes), settings=replace(FREE, latency_ms=Decimal(500)))
    assert [(fill.side, fill.size) for fill in result.executions] == [("BUY", 2), ("SELL", 2), ("SELL", 2)]
    assert [(trade.side, trade.exit_price) for trade in result.trades] == [("LONG", 100), ("SHORT", None)]
    assert result.errors == ()


def test_an_entry_behind_an_exit_that_never_fills_is_dropped_with_a_word() -> None:
    def canceled(self: Any, bar: Bar) -> None:
        reverse("SHORT")(self, bar)
        (order,) = self.orders()
        self.cancel(order)

    (line,) = play(scripted({0: buy(2), 2: canceled}), TURNING).errors
    why = "REVERSAL: SHORT XUSDT: its exit ended without closing the trade"
    assert line == f"s: 1 of its intents refused, the first at 1970-01-01 00:03:00 UTC: {why}"


def test_without_an_exit_an_entry_of_the_other_side_is_refused_as_before() -> None:
    strategy = scripted({0: buy(2), 2: lambda self, bar: self.enter(bar.symbol, "SHORT", 1)}, slots=2)
    (line,) = play(strategy, TURNING).errors
    assert "OPPOSITE_SIDE" in line
