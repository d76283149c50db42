"""What a strategy asks for: sizes, timers, and limits that its class may name."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from backtest.markets import bars
from dita import InvalidInput
from dita.backtest.engine import BacktestEngine, Named
from dita.strategy import Strategy, StrategyError

ROWS = [(100, 100, 100, 100)] * 4


def asked(question: Any) -> Any:
    """What a question comes to that a strategy asks at its first bar."""
    answers: list[Any] = []

    class Asks(Strategy):
        def on_bar(self, bar: Any) -> None:
            if not answers:
                answers.append(question(self))

    BacktestEngine([Named("asks", Asks)], [bars("XUSDT", ROWS)]).run()
    return answers[0]


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"notional": 1000}, "10"),
        ({"notional": "0.019"}, "0.0001"),
        ({"notional": 0.5}, "0.005"),
        ({"risk": 50, "stop": 95}, "10"),
        ({"risk": "1", "stop": "103"}, "0.3333"),
        ({"notional": 0}, "0"),
    ],
)
def test_a_size_is_on_the_lot_grid_and_rounded_down(given: dict[str, Any], size: str) -> None:
    assert asked(lambda own: own.size_for("XUSDT", **given)) == Decimal(size)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"notional": -5}, "notional: -5 must be finite and not below zero"),
        ({"notional": "much"}, "notional: 'much' is no number"),
        ({"notional": float("nan")}, "notional: nan must be finite"),
        ({"risk": float("inf"), "stop": 95}, "risk: inf must be finite"),
        ({"risk": 1, "stop": "low"}, "stop: 'low' is no number"),
    ],
)
def test_what_no_size_can_be_made_of_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(StrategyError, match=why):
        asked(lambda own: own.size_for("XUSDT", **given))


def test_a_time_without_an_offset_is_utc_and_exact() -> None:
    class Timed(Strategy):
        rung: ClassVar[list[tuple[str, int]]] = []

        def on_start(self) -> None:
            self.timer("naive", at=datetime(1970, 1, 1, 0, 1, 30, 123457))  # noqa: DTZ001 - that is the point
            east = timezone(timedelta(hours=5, minutes=30))
            self.timer("offset", at=datetime(1970, 1, 1, 5, 31, 45, tzinfo=east))
            self.timer("aware", at=datetime(1970, 1, 1, 0, 2, 0, 1, tzinfo=UTC))

        def on_timer(self, name: str) -> None:
            self.rung.append((name, self.now_ns))

    BacktestEngine([Named("timed", Timed)], [bars("XUSDT", ROWS)]).run()
    assert Timed.rung == [
        ("naive", 90_123_457_000),
        ("offset", 105_000_000_000),
        ("aware", 120_000_001_000),
    ]


@pytest.mark.parametrize("limit", [0, -1, "1", True, float("nan"), 1e9])
def test_a_limit_of_a_call_that_cannot_be_is_refused_before_the_run(limit: Any) -> None:
    kind = type("Late", (Strategy,), {"call_limit_s": limit})
    with pytest.raises(StrategyError, match=r"Late.call_limit_s: .* must be seconds above 0"):
        BacktestEngine([Named("late", kind)], [bars("XUSDT", ROWS)])


def test_what_is_no_instrument_is_named() -> None:
    with pytest.raises(StrategyError, match=r"asset: 'NIX' is no instrument"):
        asked(lambda own: own.size_for("NIX", notional=1))
    assert issubclass(InvalidInput, ValueError)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"every": 5}, "every: 5 is no timedelta"),
        ({"at": "noon"}, "at: 'noon' is no datetime"),
        ({"every": timedelta(0)}, "every: must be above zero"),
    ],
)
def test_a_timer_that_cannot_be_is_named(given: dict[str, Any], why: str) -> None:
    with pytest.raises(StrategyError, match=why):
        asked(lambda own: own.timer("t", **given))
