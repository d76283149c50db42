"""A backtest: what a strategy hears, when its orders fill, and what the result says of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from markets import MINUTE_NS, Listed, bars, flat

from dita import ExitSpec, InvalidInput, timetravel
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings
from dita.host import Directory
from dita.market import Print, Quote
from dita.strategy import Bar, OwnFill, Params, Strategy, StrategyError

SYMBOL = "XUSDT"
FREE = BacktestSettings(
    taker_rate=Decimal(0),
    maker_rate=Decimal(0),
    instruments={SYMBOL: {"tick_size": "1", "lot_step": "1"}, "YUSDT": {"tick_size": "1", "lot_step": "1"}},
)


class Scripted(Strategy):
    """Does at a bar, by its number, what the test says; writes down what it hears."""

    plan: ClassVar[dict[int, Any]]
    heard: ClassVar[list[str]]

    def __init__(self, params: Params | None = None) -> None:
        super().__init__(params)
        self.number = -1

    def on_bar(self, bar: Bar) -> None:
        self.number += 1
        self.heard.append(f"bar {self.number}")
        self.plan.get(self.number, lambda *_: None)(self, bar)

    def on_fill(self, fill: OwnFill) -> None:
        self.heard.append(f"fill {fill.side} {fill.size} at {fill.price}")


def scripted(plan: dict[int, Callable[[Any, Bar], object]], **attributes: Any) -> type[Scripted]:
    return type("Scripted", (Scripted,), {"plan": plan, "heard": [], **attributes})


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


def test_what_an_order_causes_is_told_after_the_callback_and_before_the_next_bar() -> None:
    strategy = scripted({0: buy(), 1: sell})
    play(strategy, RISING)
    assert strategy.heard == ["bar 0", "fill BUY 1 at 106", "bar 1", "fill SELL 1 at 109", "bar 2", "bar 3"]


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


def test_a_bar_that_holds_stop_and_target_is_counted_and_told_with_every_stop_first() -> None:
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 120, 80, 90), (90, 90, 90, 90)]
    strategy = scripted({0: buy(), 1: pair(90, 110)})
    result = play(strategy, bars(SYMBOL, rows))
    (trade,) = result.trades
    # The bar fell: its high comes first, so the target fills.
    assert (trade.exit_price, trade.ambiguous) == (110, True)
    text = dict(result.assumptions)["ambiguous trades"]
    assert text.startswith("1: ")
    assert "equity ends at 9990 instead of 10010" in text


def test_a_fill_that_sends_attached_exits_is_told_and_counted_once() -> None:
    exits = (ExitSpec("STOP", trigger_price=90), ExitSpec("TARGET", limit_price=110))
    strategy = scripted({0: buy(2, exits=exits)})
    rows = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 120, 95, 115), (115, 115, 115, 115)]
    result = play(strategy, bars(SYMBOL, rows))
    assert [line for line in strategy.heard if line.startswith("fill")] == [
        "fill BUY 2 at 100",
        "fill SELL 2 at 110",
    ]
    (trade,) = result.trades
    assert (trade.size, trade.pnl, result.fills, result.orders["filled"]) == (2, 20, 2, 2)
    assert result.metrics["turnover"] == 2 * 100 + 2 * 110


def test_the_warm_up_is_heard_and_not_acted_upon() -> None:
    seen: list[tuple[int, bool]] = []

    class Warm(Scripted):
        plan: ClassVar[dict[int, Any]] = {}
        heard: ClassVar[list[str]] = []
        warmup = 2

        def on_start(self) -> None:
            self.heard.append("start")

        def on_bar(self, bar: Bar) -> None:
            super().on_bar(bar)
            seen.append((self.number, self.warming))

    play(Warm, RISING)
    assert seen == [(0, True), (1, True), (2, False), (3, False)]
    assert Warm.heard == ["bar 0", "bar 1", "start", "bar 2", "bar 3"]


def test_an_action_during_the_warm_up_is_an_error_that_says_so() -> None:
    with pytest.raises(StrategyError, match="WarmingUp"):
        play(scripted({0: buy()}, warmup=2), RISING)


def test_a_market_too_short_for_the_warm_up_is_refused() -> None:
    with pytest.raises(StrategyError, match="end before its warm-up of 9 bars"):
        play(scripted({}, warmup=9), RISING)


def test_longer_bars_are_built_from_shorter_ones_and_never_change() -> None:
    heard: list[Bar] = []

    class Longer(Strategy):
        intervals = ("1m", "3m")

        def on_bar(self, bar: Bar) -> None:
            heard.append(bar)

    rows = [(100 + n, 103 + n, 98 + n, 101 + n) for n in range(7)]
    play(Longer, bars(SYMBOL, rows))
    assert [bar.interval for bar in heard] == ["1m", "1m", "1m", "3m", "1m", "1m", "1m", "3m", "1m"]
    three = heard[3]
    assert (three.open, three.high, three.low, three.close, three.volume) == (100, 105, 98, 103, 3)
    assert (three.open_ns, three.close_ns) == (0, 3 * MINUTE_NS)


def test_two_instruments_close_together_and_are_told_by_name() -> None:
    heard: list[str] = []

    class Both(Strategy):
        slots = 2

        def on_bar(self, bar: Bar) -> None:
            heard.append(bar.symbol)
            if len(heard) <= 2:
                self.enter(bar.symbol, "LONG", 1)

    result = play(Both, flat("YUSDT", 3, 50), flat(SYMBOL, 3, 100))
    assert heard == [SYMBOL, "YUSDT"] * 3
    assert sorted((trade.symbol, trade.entry_price) for trade in result.trades) == [
        (SYMBOL, Decimal(100)),
        ("YUSDT", Decimal(50)),
    ]


def test_two_strategies_have_slots_and_trades_of_their_own() -> None:
    first, second = scripted({0: buy(1), 2: sell}), scripted({1: buy(5)})
    engine = BacktestEngine([Named("one", first), Named("two", second)], [RISING], FREE)
    result = engine.run()
    assert [(trade.strategy, trade.size) for trade in result.trades] == [("one", 1), ("two", 5)]
    assert "fill BUY 5 at 109" not in first.heard


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
    heard: list[tuple[str, int]] = []

    class Timed(Strategy):
        def on_start(self) -> None:
            self.timer("often", every=timedelta(seconds=45))

        def on_timer(self, name: str) -> None:
            heard.append((name, self.now_ns // 1_000_000_000))

    play(Timed, flat(SYMBOL, 2))
    assert heard == [("often", 45), ("often", 90)]


def test_quotes_and_trades_are_told_after_the_venue_has_met_them() -> None:
    heard: list[str] = []

    class Ticks(Strategy):
        def on_quote(self, quote: Any) -> None:
            heard.append(f"quote {quote.bid}")
            if quote.bid == 100:
                self.enter(SYMBOL, "LONG", 1, order_type="LIMIT", limit_price=99)

        def on_trade(self, trade: Any) -> None:
            heard.append(f"trade {trade.price}")

        def on_fill(self, fill: OwnFill) -> None:
            heard.append(f"fill {fill.price} {fill.liquidity}")

    ticks = [
        Quote(SYMBOL, "100", "5", "101", "5", 1),
        Print(SYMBOL, "99", "5", True, 2),
        Print(SYMBOL, "98", "5", True, 3),
    ]
    play(Ticks, Listed(SYMBOL, ticks))
    assert heard == ["quote 100", "trade 99", "fill 99 MAKER", "trade 98"]


def test_the_same_run_has_the_same_id_and_the_same_bytes() -> None:
    def made(**changes: Any) -> BacktestResult:
        return play(scripted({0: buy(), 1: sell}), RISING, settings=replace(FREE, **changes))

    first, again, other = made(), made(), made(slippage_bps=Decimal(5))
    assert first.to_json() == again.to_json()
    assert first.run_id == again.run_id != other.run_id


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
