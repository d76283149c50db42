"""A budget for venues that tell no counts in their headers: so many requests in so many seconds."""

from collections import deque
from collections.abc import Mapping

from dita.venues.wire.requests import Request

_SECOND_NS = 1_000_000_000


class Spaced:
    """Counts what was asked in a window that slides."""

    def __init__(self, limits: Mapping[str, int], window_s: float, *, reserve: float = 0.2) -> None:
        """Know the venue's limits.

        Args:
            limits: By pool (`entry`, `exit`), how many requests may leave in a window.
            window_s: The window, seconds.
            reserve: The part of it that entries may not take, 0 to 1.
        """
        self._limits = dict(limits)
        self._window_ns = int(window_s * _SECOND_NS)
        self._reserve = reserve
        self._left: deque[int] = deque()
        self._barred_until_ns = 0

    def wait_ms(self, request: Request, now_ns: int) -> int:
        """Return how long a request has to wait; 0 where it may leave."""
        if now_ns < self._barred_until_ns:
            return (self._barred_until_ns - now_ns) // 1_000_000 + 1
        limit = self._limits.get(request.pool)
        if limit is None:
            return 0
        share = 1.0 if request.pool == "exit" else 1.0 - self._reserve
        self._forget(now_ns)
        if len(self._left) < int(limit * share):
            return 0
        return (self._left[0] + self._window_ns - now_ns) // 1_000_000 + 1

    def take(self, request: Request, now_ns: int) -> None:
        """Count a request that leaves."""
        if request.pool in self._limits:
            self._left.append(now_ns)

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Nothing: the venue tells no counts."""

    def barred(self, retry_after_ms: int, now_ns: int) -> None:
        """Ask nothing for so long: the venue said so."""
        self._barred_until_ns = max(self._barred_until_ns, now_ns + retry_after_ms * 1_000_000)

    def is_barred(self, now_ns: int) -> bool:
        """Whether the venue has said that nothing may be asked now."""
        return now_ns < self._barred_until_ns

    def _forget(self, now_ns: int) -> None:
        while self._left and self._left[0] + self._window_ns <= now_ns:
            self._left.popleft()
