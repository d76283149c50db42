"""Latency and queue: when an order arrives, and how long it stands in line, in a backtest."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from markets import Listed
from test_engine import FREE, SYMBOL

from dita import InvalidInput
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings, read_latencies
from dita.market import Depth, Event, Print, Quote
from dita.strategy import QuoteTick, Strategy, TradeTick

SECOND_NS = 1_000_000_000


def play(strategy: type[Strategy], events: list[Event], **changed: Any) -> BacktestResult:
    settings = replace(FREE, **changed)
    return BacktestEngine([Named("s", strategy)], [Listed(SYMBOL, events)], settings).run()


def quotes(count: int = 60) -> list[Event]:
    """One a second; the price is the second."""
    return [Quote(SYMBOL, str(100 + n), "5", str(101 + n), "5", n * SECOND_NS) for n in range(count)]


class InAndOut(Strategy):
    """Buys at every tenth quote, sells five later."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.received = -1

    def on_quote(self, quote: QuoteTick) -> None:
        self.received += 1
        if self.received % 10 == 0:
            self.enter(quote.symbol, "LONG", 1)
        elif self.received % 10 == 5:
            self.exit(quote.symbol)


def entries(result: BacktestResult) -> list[int]:
    return [int(trade.entry_price) for trade in result.trades]


def test_an_order_meets_the_market_of_its_arrival_by_the_latency_of_its_time() -> None:
    assert entries(play(InAndOut, quotes(30)))[:3] == [101, 111, 121]
    # Each order is sent with a quote, and arrives this much later.
    assert entries(play(InAndOut, quotes(30), latency_ms=3_000))[:3] == [102, 112, 122]
    rows = ((0, Decimal(0), Decimal(0)), (10 * SECOND_NS, Decimal(2_500), Decimal(1)))
    result = play(InAndOut, quotes(30), latencies=rows)
    assert entries(result)[:3] == [101, 113, 123]
    assert dict(result.assumptions)["latency"].startswith("as recorded, 2 samples")


def test_drawn_latency_is_the_seeds_and_within_its_bounds() -> None:
    options: dict[str, Any] = {"latency_ms": 2_000, "latency_max_ms": 4_800}
    first, again = (play(InAndOut, quotes(200), **options) for _ in range(2))
    assert first.to_json() == again.to_json()
    other = play(InAndOut, quotes(200), seed=1, **options)
    assert entries(other) != entries(first)
    # From one second to 2.4 on the way in.
    late = [price - 101 - 10 * number for number, price in enumerate(entries(first))]
    assert set(late) == {1, 2}
    assert dict(first.assumptions)["latency"].startswith("drawn from 2000 to 4800 ms")


class Rests(Strategy):
    """A bid at 100 from the first print on."""

    def on_trade(self, trade: TradeTick) -> None:
        if not self.trades():
            self.enter(trade.symbol, "LONG", 1, order_type="LIMIT", limit_price=100)


def line(*steps: tuple[str, str]) -> list[Event]:
    """A book with ten at 100, a print that starts the strategy, and then depth there or prints of a size."""
    events: list[Event] = [Depth(SYMBOL, [("100", "10")], [("102", "9")], True, 0)]
    events.append(Print(SYMBOL, "101", "1", False, SECOND_NS))
    for number, (what, size) in enumerate(steps, start=2):
        at = number * SECOND_NS
        if what == "depth":
            events.append(Depth(SYMBOL, [("100", size)], [], False, at))
        else:
            events.append(Print(SYMBOL, "100", size, True, at))
    return events


# Ten more come; half of the twenty leave; then ones are sold there.
STEPS = (("depth", "20"), ("depth", "10"), *[("print", "1")] * 14)


@pytest.mark.parametrize(("model", "sold"), [("first", 1), ("probability", 6), ("risk_averse", 11)])
def test_how_much_is_sold_at_a_price_before_an_order_there_fills(model: Any, sold: int) -> None:
    result = play(Rests, line(*STEPS), queue_model=model, limit_fill="touch")
    (trade,) = result.trades
    assert trade.entry_time_ns == (3 + sold) * SECOND_NS
    assert dict(result.assumptions)["queue model"].startswith("first" if model == "first" else "behind what")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (lambda: BacktestSettings(queue_model="last"), "queue_model: 'last' is none of first, risk_averse"),  # type: ignore[arg-type]
        (
            lambda: BacktestSettings(latency_ms=Decimal(5), latency_max_ms=Decimal(4)),
            "latency_max_ms: .* below",
        ),
        (lambda: BacktestSettings(latency_max_ms=Decimal(-1)), "latency_max_ms: .* must be from 0"),
    ],
)
def test_a_model_that_is_none_is_refused_by_name_and_value(
    settings: Callable[[], object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        settings()


def test_recorded_latencies_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "latency.csv"
    file.write_text("time,in_ms,back_ms\n2024-01-01,12.5,3\n1704067201,0,0.001\n")
    first_ns = 1_704_067_200 * SECOND_NS
    assert read_latencies(file) == (
        (first_ns, Decimal("12.5"), Decimal(3)),
        (first_ns + SECOND_NS, Decimal(0), Decimal("0.001")),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "latency_file: .* has no rows under a header time,in_ms,back_ms"),
        ("time,in_ms,back_ms\n2024-01-01,x,1\n", "latency.csv, line 2: in_ms: 'x' is no decimal"),
        ("time,in_ms\n2024-01-01,1\n", "latency.csv, line 2: back_ms: None is no decimal"),
        ("time,in_ms,back_ms\n2024-01-01,1,-1\n", "latency.csv, line 2: back_ms: '-1' must be from 0"),
        ("time,in_ms,back_ms\nnoon,1,1\n", "latency.csv, line 2: time: 'noon' is no time"),
        ("time,in_ms,back_ms\n2024-01-02,1,1\n2024-01-01,1,1\n", "latency.csv, line 3: time: .* is before"),
    ],
)
def test_a_file_of_latencies_that_is_wrong_is_reported_by_line_and_field(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "latency.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_latencies(file)
