"""Indicators: each against its plain definition over the whole past; bad values change nothing."""

import math
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from dita import InvalidInput, InvalidType
from dita.indicators import Atr, Bollinger, Deviation, Donchian, Ema, Rsi, Sma, Vwap

N = 7
BARS: list[tuple[float, float, float, float]] = []


def _bars() -> list[tuple[float, float, float, float]]:
    """High, low, close, volume of a seeded walk with gaps."""
    chance = random.Random(25)  # noqa: S311 - a made-up market
    close, made = 46_000.0, []
    for _ in range(400):
        first = close * (1 + chance.gauss(0, 0.001))
        close = first * (1 + chance.gauss(0, 0.002))
        high, low = (
            max(first, close) * (1 + chance.random() / 500),
            min(first, close) * (1 - chance.random() / 500),
        )
        made.append((high, low, close, float(chance.randrange(4)) * chance.random()))
    return made


BARS = _bars()
CLOSES = [bar[2] for bar in BARS]


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float], ddof: int = 0) -> float:
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - ddof))


def ema(values: Sequence[float], first: float) -> float:
    average = first
    for value in values:
        average += (value - average) * 2 / (N + 1)
    return average


def wilder(values: Sequence[float]) -> float:
    average = mean(values[:N])
    for value in values[N:]:
        average = (average * (N - 1) + value) / N
    return average


def rsi(closes: Sequence[float]) -> float:
    changes = [now - before for before, now in pairwise(closes)]
    rises, falls = wilder([max(c, 0) for c in changes]), wilder([max(-c, 0) for c in changes])
    return 100 - 100 / (1 + rises / falls)


def true_ranges(bars: Sequence[tuple[float, ...]]) -> list[float]:
    befores = [bars[0][1], *(bar[2] for bar in bars)]
    first = [bars[0][0] - bars[0][1]]
    rest = zip(bars[1:], befores[1:], strict=False)
    return first + [max(high - low, abs(high - close), abs(low - close)) for (high, low, *_), close in rest]


def bands(values: Sequence[float]) -> tuple[float, float, float]:
    middle, apart = mean(values), 2.5 * deviation(values)
    return middle - apart, middle, middle + apart


def channel(bars: Sequence[tuple[float, ...]]) -> tuple[float, float, float]:
    lower, upper = min(bar[1] for bar in bars), max(bar[0] for bar in bars)
    return lower, (lower + upper) / 2, upper


def vwap(bars: Sequence[tuple[float, ...]]) -> float:
    return math.fsum(bar[2] * bar[3] for bar in bars) / math.fsum(bar[3] for bar in bars)


def at_close(indicator: Any, bar: Any) -> Any:
    return indicator.update(bar[2])


def of_range(indicator: Any, bar: Any) -> Any:
    return indicator.update(*bar[:3])


def at_extremes(indicator: Any, bar: Any) -> Any:
    return indicator.update(*bar[:2])


def by_volume(indicator: Any, bar: Any) -> Any:
    return indicator.update(*bar[2:])


CASES: list[tuple[Any, Callable[[Any, Any], Any], Callable[[int], Any], int | None]] = [
    # The indicator, how it hears a bar, what its definition makes of n bars, the first bar with a value.
    (Ema(N),               at_close,    lambda n: ema(CLOSES[1:n], CLOSES[0]),        N),
    (Ema(N, seed="mean"),  at_close,    lambda n: ema(CLOSES[N:n], mean(CLOSES[:N])), N),
    (Sma(N),               at_close,    lambda n: mean(CLOSES[n - N : n]),            N),
    (Deviation(N),         at_close,    lambda n: deviation(CLOSES[n - N : n]),       N),
    (Deviation(N, ddof=1), at_close,    lambda n: deviation(CLOSES[n - N : n], 1),    N),
    (Bollinger(N, 2.5),    at_close,    lambda n: bands(CLOSES[n - N : n]),           N),
    (Rsi(N),               at_close,    lambda n: rsi(CLOSES[:n]),                    N + 1),
    (Atr(N),               of_range,    lambda n: wilder(true_ranges(BARS[:n])),      N),
    (Donchian(N),          at_extremes, lambda n: channel(BARS[n - N : n]),           N),
    (Vwap(),               by_volume,   lambda n: vwap(BARS[:n]),                     None),
]  # fmt: skip


@pytest.mark.parametrize(("indicator", "hear", "defined", "first"), CASES, ids=lambda case: repr(case)[:24])
def test_each_value_is_what_its_definition_makes_of_the_whole_past(
    indicator: Any, hear: Callable[[Any, Any], Any], defined: Callable[[int], Any], first: int | None
) -> None:
    if first is None:
        first = next(number for number, bar in enumerate(BARS, start=1) if bar[3])
    for _ in range(2):
        for number, bar in enumerate(BARS, start=1):
            found = hear(indicator, bar)
            assert found == indicator.value
            assert indicator.ready == (number >= first) == (found is not None)
            if found is not None:
                assert found == pytest.approx(defined(number), rel=1e-9, abs=1e-7)
        assert indicator.count == len(BARS)
        indicator.reset()
        assert (indicator.count, indicator.value, indicator.ready) == (0, None, False)


@pytest.mark.parametrize(
    ("make", "given", "field"),
    [
        (lambda: Ema(3),          (math.nan,),        "value: nan"),
        (lambda: Sma(3),          (math.inf,),        "value: inf"),
        (lambda: Rsi(3),          (-math.inf,),       "value: -inf"),
        (lambda: Deviation(3),    (math.nan,),        "value: nan"),
        (lambda: Bollinger(3),    (math.nan,),        "value: nan"),
        (lambda: Atr(3),          (1.0, 2.0, 1.5),    "high: 1.0 is below low 2"),
        (lambda: Atr(3),          (2.0, 1.0, math.nan), "close: nan"),
        (lambda: Donchian(3),     (math.nan, 1.0),    "high: nan"),
        (lambda: Vwap(),          (1.0, -1.0),        "volume: -1.0 must not be below zero"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_by_name_and_changes_nothing(
    make: Callable[[], Any], given: tuple[float, ...], field: str
) -> None:
    received, alone = make(), make()
    good = (3.0, 2.0, 2.5)[: len(given)]
    for indicator in (received, alone):
        indicator.update(*good)
    with pytest.raises(InvalidInput, match=f"^{field}"):
        received.update(*given)
    for indicator in (received, alone):
        for step in (1.0, 4.0, 2.0):
            indicator.update(*(price * step for price in good))
    assert (received.count, received.value) == (alone.count, alone.value) == (4, received.value)


@pytest.mark.parametrize("given", ["3", True, None, [1.0]])
def test_what_is_no_number_is_refused_by_its_type(given: Any) -> None:
    with pytest.raises(InvalidType, match=r"^value: expected a float"):
        Ema(3).update(given)


def test_a_whole_number_and_a_decimal_are_taken_as_the_float_that_they_are() -> None:
    assert [Sma(1).update(given) for given in (3, Decimal("0.1"))] == [3.0, 0.1]


@pytest.mark.parametrize("make", [Ema, Sma, Rsi, Deviation, Bollinger, Atr, Donchian])
def test_a_length_has_to_be_from_one_to_a_hundred_thousand(make: Any) -> None:
    for length in (0, -1, 100_001, 10**30):
        with pytest.raises(InvalidInput, match=f"^length: {length} must be from 1 to 100000"):
            make(length)
    with pytest.raises(InvalidType, match=r"^length: expected an int"):
        make(2.5)
    assert make(100_000).length == 100_000


def test_other_arguments_are_checked_as_well() -> None:
    with pytest.raises(InvalidInput, match=r"^seed: 'last' is neither first nor mean"):
        Ema(3, seed="last")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^ddof: 2 is neither 0 nor 1"):
        Deviation(3, ddof=2)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"^length: 1 must be from 2"):
        Deviation(1, ddof=1)
    with pytest.raises(InvalidInput, match=r"^width: 0 must be above zero"):
        Bollinger(3, 0)
