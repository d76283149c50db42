"""Rate limits, and the headers that tell of them."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from dita.practice.encoder import Refused

MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000


@dataclass(slots=True)
class _Window:
    length_ms: int
    limit: int
    marks: deque[tuple[int, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, weight: int, now_ms: int) -> int:
        while self.marks and self.marks[0][0] <= now_ms - self.length_ms:
            self.total -= self.marks.popleft()[1]
        self.marks.append((now_ms, weight))
        self.total += weight
        return self.total

    def wait_s(self, now_ms: int) -> int:
        oldest = self.marks[0][0] if self.marks else now_ms
        return max(1, -((now_ms - oldest - self.length_ms) // 1000))


class Limits:
    """One address's weight and one account's orders, in sliding windows.

    Weights are by address and minute: 2,400. Orders are by account: 300 in ten seconds and 1,200 a minute;
    they cost no weight.
    """

    def __init__(self, weight: int = 2_400, orders_10s: int = 300, orders_1m: int = 1_200) -> None:
        """Set the limits."""
        self.weight = _Window(MINUTE_MS, weight)
        self.orders_10s = _Window(TEN_SECONDS_MS, orders_10s)
        self.orders_1m = _Window(MINUTE_MS, orders_1m)
        self._warned = 0

    def take(self, weight: int, orders: int, now_ms: int) -> dict[str, str]:
        """Count a request.

        Args:
            weight: What it weighs.
            orders: How many orders it places.
            now_ms: The time.

        Returns:
            The headers of its answer.

        Raises:
            Refused: -1003 (429, and 418 for who goes on), or -1015.
        """
        used = self.weight.add(weight, now_ms)
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        if used > self.weight.limit:
            self._warned += 1
            wait = self.weight.wait_s(now_ms)
            text = f"Too many requests; current limit is {self.weight.limit} request weight per 1 MINUTE."
            raise Refused(-1003, text, status=418 if self._warned > 20 else 429, retry_after_s=wait)
        self._warned = 0
        if orders:
            short, long = self.orders_10s.add(orders, now_ms), self.orders_1m.add(orders, now_ms)
            headers |= {"X-MBX-ORDER-COUNT-10S": str(short), "X-MBX-ORDER-COUNT-1M": str(long)}
            for count, window, words in (
                (short, self.orders_10s, "10 SECOND"),
                (long, self.orders_1m, "1 MINUTE"),
            ):
                if count > window.limit:
                    text = f"Too many new orders; current limit is {window.limit} orders per {words}."
                    wait = window.wait_s(now_ms)
                    raise Refused(-1015, text, status=429, retry_after_s=wait)
        return headers

    def described(self) -> list[dict[str, str | int]]:
        """Write them as exchangeInfo does."""
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, self.weight.limit),
            ("ORDERS", "MINUTE", 1, self.orders_1m.limit),
            ("ORDERS", "SECOND", 10, self.orders_10s.limit),
        )
        return [
            {"rateLimitType": kind, "interval": unit, "intervalNum": number, "limit": limit}
            for kind, unit, number, limit in rows
        ]
