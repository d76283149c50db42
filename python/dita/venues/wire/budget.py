"""How much may be asked of a venue: counts in windows, a part of each kept for exits and cancels."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

from dita.venues.wire.requests import Request

SECOND_NS = 1_000_000_000


class Window(Protocol):
    """Counts what is used of a limit per time.

    Attributes:
        limit: The most that a window takes.
    """

    limit: int

    def at(self, now_ns: int) -> int:
        """Return how much is used at a time."""

    def add(self, amount: int, now_ns: int) -> None:
        """Count a request that leaves."""

    def wait_ms(self, now_ns: int) -> int:
        """Return how long until something is free again."""


class FixedWindow:
    """Counts in windows that begin at whole multiples of their length, as venues with headers count."""

    def __init__(self, limit: int, length_ns: int) -> None:
        """Count nothing yet.

        Args:
            limit: The most that a window takes.
            length_ns: Its length.
        """
        self.limit = limit
        self._length_ns = length_ns
        self._used = 0
        self._number = -1

    def at(self, now_ns: int) -> int:
        """Return how much is used of the window that a time is in."""
        if now_ns // self._length_ns != self._number:
            self._number, self._used = now_ns // self._length_ns, 0
        return self._used

    def add(self, amount: int, now_ns: int) -> None:
        """Count a request that leaves, before the venue does."""
        self._used = self.at(now_ns) + amount

    def reported(self, used: int, now_ns: int) -> None:
        """Apply the venue's own count, where it is higher."""
        self._used = max(self.at(now_ns), used)

    def wait_ms(self, now_ns: int) -> int:
        """Return how long until the next window."""
        return (self._length_ns - now_ns % self._length_ns) // 1_000_000 + 1


class SlidingWindow:
    """Counts in the time that has just passed, for venues that send no counts."""

    def __init__(self, limit: int, length_ns: int) -> None:
        """Count nothing yet.

        Args:
            limit: The most in any time of this length.
            length_ns: The length.
        """
        self.limit = limit
        self._length_ns = length_ns
        self._sent: deque[int] = deque()

    def at(self, now_ns: int) -> int:
        """Return how much left in the time before."""
        while self._sent and self._sent[0] + self._length_ns <= now_ns:
            self._sent.popleft()
        return len(self._sent)

    def add(self, amount: int, now_ns: int) -> None:
        """Count a request that leaves."""
        self._sent.extend([now_ns] * amount)

    def wait_ms(self, now_ns: int) -> int:
        """Return how long until the oldest request no longer counts."""
        return (self._sent[0] + self._length_ns - now_ns) // 1_000_000 + 1


class Budget:
    """What is left to ask; this one has no limit but the venue's own word to wait.

    Attributes:
        reserve: The part of each order limit that entries may not take, 0 to 1.
    """

    def __init__(self, *, reserve: float = 0.2) -> None:
        """Count nothing yet.

        Args:
            reserve: The part of each order limit that entries may not take, 0 to 1.
        """
        self.reserve = reserve
        self._barred_until_ns = 0

    def _windows(self, request: Request) -> Iterable[tuple[Window, int, float]]:
        """Return where a request counts: the window, how much, and the share of the limit it may use."""
        del request
        return ()

    def _share(self, request: Request) -> float:
        """Return the share of an order limit that a request may use: entries leave the reserve."""
        return 1.0 - self.reserve if request.pool == "entry" else 1.0

    def wait_ms(self, request: Request, now_ns: int) -> int:
        """Return how long a request has to wait; 0 where it may leave.

        Args:
            request: The request.
            now_ns: The time.
        """
        if self.is_barred(now_ns):
            return (self._barred_until_ns - now_ns) // 1_000_000 + 1
        for window, amount, share in self._windows(request):
            if amount and window.at(now_ns) + amount > int(window.limit * share):
                return window.wait_ms(now_ns)
        return 0

    def take(self, request: Request, now_ns: int) -> None:
        """Count a request that leaves."""
        for window, amount, _ in self._windows(request):
            window.add(amount, now_ns)

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Apply the venue's own counts from an answer's headers; this one's venue sends none."""

    def barred(self, retry_after_ms: int, now_ns: int) -> None:
        """Ask nothing for so long: the venue said so."""
        self._barred_until_ns = max(self._barred_until_ns, now_ns + retry_after_ms * 1_000_000)

    def is_barred(self, now_ns: int) -> bool:
        """Return whether the venue has said that nothing may be asked now."""
        return now_ns < self._barred_until_ns


class OrderBudget(Budget):
    """A budget for venues that send no counts: so many orders in so many seconds."""

    def __init__(self, limit: int, seconds: float, *, reserve: float = 0.2) -> None:
        """Count nothing yet.

        Args:
            limit: How many orders may leave in a time.
            seconds: The time.
            reserve: The part of the limit that entries may not take, 0 to 1.
        """
        super().__init__(reserve=reserve)
        self._orders = SlidingWindow(limit, int(seconds * SECOND_NS))

    def _windows(self, request: Request) -> Iterable[tuple[Window, int, float]]:
        return () if request.pool == "none" else ((self._orders, 1, self._share(request)),)
