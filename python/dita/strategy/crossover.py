"""Two exponential averages of the mid price: long while the fast one is above, short while it is below.

A demonstration, deterministic and exact (integers only). Nobody should expect it to earn money: it pays the
taker's fee at nearly every turn.
"""

from enum import Enum
from functools import lru_cache
from typing import Final

from dita.errors import shown

PRICE_DIGITS: Final = 18
"""Decimals of the strategy's fixed-point prices; more in a price is refused, never cut."""


class Stance(Enum):
    """What the strategy wants to hold."""

    FLAT = "FLAT"
    LONG = "LONG"
    SHORT = "SHORT"


class Crossover:
    """Samples the mid price once a step and follows the crossing of two averages."""

    def __init__(self, step_ns: int, fast: int = 4, slow: int = 12, band_per_million: int = 5) -> None:
        """Set the averages' lengths.

        Args:
            step_ns: Sampling interval in nanoseconds; quotes within one interval count once.
            fast: Length of the fast average in samples, at least 1.
            slow: Length of the slow average in samples, more than `fast`.
            band_per_million: How far the averages must be apart for a change of mind, in millionths of price.

        Raises:
            ValueError: Naming the argument and its value.
        """
        if step_ns < 1:
            raise ValueError(f"step_ns: must be at least 1, got {step_ns}")
        if not 1 <= fast < slow:
            raise ValueError(f"fast, slow: 1 <= fast < slow is needed, got {fast}, {slow}")
        if band_per_million < 0:
            raise ValueError(f"band_per_million: must not be negative, got {band_per_million}")
        self._step_ns = step_ns
        self._fast_length, self._slow_length = fast, slow
        self._band = band_per_million
        self._step = -1
        self._samples = 0
        self._fast = self._slow = 0
        self.stance = Stance.FLAT

    def on_quote(self, ts_ns: int, bid: str, ask: str) -> bool:
        """Look at a quote; most are only the newest in a step that was sampled already.

        Args:
            ts_ns: The quote's time in nanoseconds.
            bid: Best bid as decimal text.
            ask: Best ask as decimal text.

        Returns:
            True where a new step began, so that `stance` was decided anew.

        Raises:
            ValueError: A price is not a plain decimal, or has more than PRICE_DIGITS decimals.
        """
        step = ts_ns // self._step_ns
        if step == self._step:
            return False
        self._step = step
        self._sample((fixed_point(bid) + fixed_point(ask)) // 2)
        return True

    def _sample(self, mid: int) -> None:
        if self._samples == 0:
            self._fast = self._slow = mid
        self._samples += 1
        self._fast += (mid - self._fast) // self._fast_length
        self._slow += (mid - self._slow) // self._slow_length
        if self._samples <= self._slow_length:
            return
        apart = self._fast - self._slow
        if abs(apart) * 1_000_000 > self._slow * self._band:
            self.stance = Stance.LONG if apart > 0 else Stance.SHORT


@lru_cache(maxsize=4096)
def fixed_point(price: str) -> int:
    """Return a price as an integer count of 10**-PRICE_DIGITS.

    Args:
        price: Plain decimal text, not negative.

    Raises:
        ValueError: Not such a text, or too many decimals.
    """
    whole, _, decimals = price.partition(".")
    if len(decimals) > PRICE_DIGITS or not (whole + decimals).isdecimal():
        raise ValueError(
            f"price: expected a plain decimal of at most {PRICE_DIGITS} decimals, got {shown(price)}"
        )
    return int(whole + decimals.ljust(PRICE_DIGITS, "0"))
