"""What the gateway remembers for its charts: equity, K and marks, a point a second."""

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

#: Two hours of seconds; of so many markets at most.
POINTS_MAX: Final = 7_200
_MARKETS_MAX: Final = 50


class History:
    """Points by account and by market: a time in s, then texts as the kernel has them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._equity: dict[str, deque[tuple[int, Any, Any]]] = {}
        self._marks: dict[str, deque[tuple[int, Any]]] = {}
        self._second = 0

    def take(self, rows: Mapping[str, str]) -> None:
        """Take a point, where a second has begun since the last one.

        Args:
            rows: The newest rows, as JSON by their keys.
        """
        second = int(time.time())
        if second == self._second:
            return
        self._second = second
        for key, text in rows.items():
            kind, _, name = key.partition(":")
            if kind == "account":
                account = json.loads(text)
                points = self._equity.setdefault(name, deque(maxlen=POINTS_MAX))
                points.append((second, account.get("equity"), account.get("k_capital")))
            elif kind == "market" and (name in self._marks or len(self._marks) < _MARKETS_MAX):
                mark = json.loads(text).get("mark_price")
                if mark is not None:
                    self._marks.setdefault(name, deque(maxlen=POINTS_MAX)).append((second, mark))

    def as_dict(self) -> dict[str, Any]:
        """Return `equity`: by account, points of time, equity and K; `marks`: by account and market."""
        return {
            "equity": {name: list(points) for name, points in self._equity.items()},
            "marks": {name: list(points) for name, points in self._marks.items()},
        }
