"""How much may be asked of the venue, by its own headers: a part is kept for exits and cancels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dita.venues.wire.reading import decimal
from dita.venues.wire.requests import Request

_TEN_SECONDS_NS: Final = 10 * 1_000_000_000
_MINUTE_NS: Final = 60 * 1_000_000_000


@dataclass(slots=True)
class _Count:
    """One of the venue's counters, as its last header gave it."""

    header: str
    limit: int
    window_ns: int
    used: int = 0
    window: int = -1

    def at(self, now_ns: int) -> int:
        """How much is used of the window that a time is in."""
        if now_ns // self.window_ns != self.window:
            self.window, self.used = now_ns // self.window_ns, 0
        return self.used

    def add(self, amount: int, now_ns: int) -> None:
        """Count a request of ours before the venue has."""
        self.used = self.at(now_ns) + amount

    def wait_ms(self, now_ns: int) -> int:
        """How long until the next window."""
        return (self.window_ns - now_ns % self.window_ns) // 1_000_000 + 1


@dataclass(slots=True)
class Budget:
    """What is left to ask.

    Attributes:
        reserve: The part of each order budget that entries may not take, and of the weight that questions
            about the past and the market may not: it is there for exits, cancels and the questions how
            orders, positions and balances stand. 0 to 1.
        catching_up: Whether fills and income of a downtime are asked for: then those questions may take
            three quarters of the reserve too.
    """

    reserve: float = 0.2
    catching_up: bool = False
    _weight: _Count = field(default_factory=lambda: _Count("x-mbx-used-weight-1m", 2_400, _MINUTE_NS))
    _orders: tuple[_Count, ...] = field(
        default_factory=lambda: (
            _Count("x-mbx-order-count-10s", 300, _TEN_SECONDS_NS),
            _Count("x-mbx-order-count-1m", 1_200, _MINUTE_NS),
        )
    )
    _barred_until_ns: int = 0

    def limited(self, rows: Iterable[dict[str, Any]]) -> None:
        """Take the venue's limits as it states them now.

        Args:
            rows: `rateLimits` of `GET /fapi/v1/exchangeInfo`.

        Raises:
            InvalidInput: A row lacks its limit.
        """
        counts = {
            ("REQUEST_WEIGHT", "MINUTE", 1): self._weight,
            ("ORDERS", "SECOND", 10): self._orders[0],
            ("ORDERS", "MINUTE", 1): self._orders[1],
        }
        for row in rows:
            kind = (row.get("rateLimitType"), row.get("interval"), row.get("intervalNum"))
            if kind in counts:
                counts[kind].limit = int(decimal(row, "limit"))

    def wait_ms(self, request: Request, now_ns: int) -> int:
        """Return how long a request has to wait; 0 where it may leave.

        Args:
            request: It. Exits, cancels and `first` questions may take the whole budget.
            now_ns: The time.
        """
        if now_ns < self._barred_until_ns:
            return (self._barred_until_ns - now_ns) // 1_000_000 + 1
        if request.weight and self._weight.at(now_ns) + request.weight > self._weight_max(request):
            return self._weight.wait_ms(now_ns)
        if request.pool == "none":
            return 0
        share = 1.0 if request.pool == "exit" else 1.0 - self.reserve
        for count in self._orders:
            if count.at(now_ns) + 1 > int(count.limit * share):
                return count.wait_ms(now_ns)
        return 0

    def _weight_max(self, request: Request) -> int:
        if request.method != "GET" or request.first:
            return self._weight.limit
        return int(self._weight.limit * (1.0 - self.reserve / (4 if self.catching_up else 1)))

    def take(self, request: Request, now_ns: int) -> None:
        """Count a request that leaves."""
        self._weight.add(request.weight, now_ns)
        if request.pool != "none":
            for count in self._orders:
                count.add(1, now_ns)

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Take the venue's own counts from an answer's headers: they tell of all requests."""
        del request
        lowered = {name.lower(): value for name, value in headers.items()}
        for count in (self._weight, *self._orders):
            value = lowered.get(count.header, "")
            if value.isdigit():
                count.at(now_ns)
                count.used = max(count.used, int(value))

    def barred(self, retry_after_ms: int, now_ns: int) -> None:
        """Ask nothing for so long: the venue said so."""
        self._barred_until_ns = max(self._barred_until_ns, now_ns + retry_after_ms * 1_000_000)

    def is_barred(self, now_ns: int) -> bool:
        """Whether the venue has said that nothing may be asked now."""
        return now_ns < self._barred_until_ns
