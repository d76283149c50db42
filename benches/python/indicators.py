"""What an update of an indicator costs from Python: `python benches/python/indicators.py`, a JSON object.

Floats of a walk, a length of 20. A figure is the whole loop, with its own step and the call; beside it stands
the same loop with a Python function that does nothing. The median of seven rounds, ns.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from typing import TYPE_CHECKING

from dita.indicators import Atr, Bollinger, Deviation, Donchian, Ema, Rsi, Sma, Vwap

if TYPE_CHECKING:
    from collections.abc import Callable

UPDATES = 200_000
ROUNDS = 7
LENGTH = 20


def bars() -> list[tuple[float, float, float, float]]:
    """High, low, close and volume of a seeded walk."""
    chance, close, made = random.Random(25), 46_000.0, []  # noqa: S311 - a made-up market
    for _ in range(UPDATES):
        close *= 1 + chance.gauss(0, 0.001)
        made.append((close + 10 * chance.random(), close - 10 * chance.random(), close, chance.random()))
    return made


def seconds(call: Callable[..., object], columns: list[list[float]]) -> float:
    """One round."""
    begun = time.perf_counter()
    if len(columns) == 1:
        for value in columns[0]:
            call(value)
    elif len(columns) == 2:
        for one, other in zip(*columns, strict=True):
            call(one, other)
    else:
        for one, other, third in zip(*columns, strict=True):
            call(one, other, third)
    return time.perf_counter() - begun


def main() -> None:
    """Print the figures."""
    highs, lows, closes, volumes = (list(column) for column in zip(*bars(), strict=True))
    arms: list[tuple[str, Callable[..., object], list[list[float]]]] = [
        ("EMA", Ema(LENGTH).update, [closes]),
        ("SMA", Sma(LENGTH).update, [closes]),
        ("RSI", Rsi(LENGTH).update, [closes]),
        ("deviation", Deviation(LENGTH).update, [closes]),
        ("Bollinger", Bollinger(LENGTH).update, [closes]),
        ("ATR", Atr(LENGTH).update, [highs, lows, closes]),
        ("Donchian", Donchian(LENGTH).update, [highs, lows]),
        ("VWAP", Vwap().update, [closes, volumes]),
    ]
    idle: dict[int, Callable[..., object]] = {
        1: lambda _: None,
        2: lambda _, __: None,
        3: lambda _, __, ___: None,
    }
    figures = {}
    for name, update, columns in arms:
        whole = statistics.median(seconds(update, columns) for _ in range(ROUNDS))
        empty = statistics.median(seconds(idle[len(columns)], columns) for _ in range(ROUNDS))
        figures[name] = {"update_ns": whole / UPDATES * 1e9, "nothing_ns": empty / UPDATES * 1e9}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
