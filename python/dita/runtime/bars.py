"""Builds longer bars from shorter ones, by the same rule everywhere. A closed bar never changes."""

import re
from decimal import Decimal
from typing import Final

from dita.errors import refuse
from dita.strategy import Bar

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SECOND_NS: Final = 1_000_000_000


def interval_ns(interval: str) -> int:
    """Return the length of an interval, ns.

    Args:
        interval: "1s", "5m", "1h", "1d" and so on.

    Raises:
        InvalidInput: It is none.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,4})([smhd])", interval)
    if found is None:
        raise refuse("interval", interval, "is none: write it like 1s, 5m, 1h, 1d")
    return int(found[1]) * _UNITS_S[found[2]] * _SECOND_NS


def interval_text(length_ns: int) -> str:
    """Return an interval's name.

    Args:
        length_ns: Its length, a whole number of seconds.
    """
    for unit, seconds in reversed(_UNITS_S.items()):
        if length_ns % (seconds * _SECOND_NS) == 0:
            return f"{length_ns // (seconds * _SECOND_NS)}{unit}"
    return f"{length_ns}ns"


class BarBuilder:
    """Builds bars of one length of one instrument. They begin at multiples of their length since 1970."""

    def __init__(self, interval: str) -> None:
        """Start empty.

        Args:
            interval: The length of what is built.
        """
        self.interval = interval
        self._length_ns = interval_ns(interval)
        self._parts: list[Bar] = []

    def add(self, bar: Bar) -> Bar | None:
        """Take a closed bar; return the longer one that is closed by it.

        Args:
            bar: It lies within one of the longer bars; a longer bar has the parts that came.
        """
        start = bar.open_ns // self._length_ns * self._length_ns
        finished = None
        if self._parts and start > self._parts[0].open_ns // self._length_ns * self._length_ns:
            # The last part never came: what came is all there is.
            finished = self._close()
        self._parts.append(bar)
        if bar.close_ns >= start + self._length_ns:
            finished = self._close() if finished is None else finished
        return finished

    def _close(self) -> Bar:
        parts, self._parts = self._parts, []
        start = parts[0].open_ns // self._length_ns * self._length_ns
        high = max((part.texts[1] for part in parts), key=Decimal)
        low = min((part.texts[2] for part in parts), key=Decimal)
        volume = sum((part.volume for part in parts), Decimal(0))
        texts = (parts[0].texts[0], high, low, parts[-1].texts[3], format(volume, "f"))
        return Bar(parts[0].symbol, self.interval, start, start + self._length_ns, texts)
