"""Binance's limits: weight per minute, orders per ten seconds and per minute, each counted in headers."""

from collections.abc import Iterable, Mapping
from typing import Any

from dita.venues.wire import budget
from dita.venues.wire.budget import SECOND_NS, FixedWindow, Window
from dita.venues.wire.reading import decimal
from dita.venues.wire.requests import Request


class Budget(budget.Budget):
    """What is left to ask of Binance.

    Attributes:
        reserve: Also the part of the weight that questions about the past and the market may not take: it
            is there for exits, cancels and the questions how orders, positions and balances stand.
        catching_up: Whether fills and income of a downtime are asked for: then those questions may take
            three quarters of the reserve too.
    """

    def __init__(self, *, reserve: float = 0.2) -> None:
        """Count nothing yet, with the venue's usual limits."""
        super().__init__(reserve=reserve)
        self.catching_up = False
        self._weight = FixedWindow(2_400, 60 * SECOND_NS)
        self._orders = (FixedWindow(300, 10 * SECOND_NS), FixedWindow(1_200, 60 * SECOND_NS))
        ten, minute = self._orders
        self._headers = {
            "x-mbx-used-weight-1m": self._weight,
            "x-mbx-order-count-10s": ten,
            "x-mbx-order-count-1m": minute,
        }
        self._stated = {
            ("REQUEST_WEIGHT", "MINUTE", 1): self._weight,
            ("ORDERS", "SECOND", 10): ten,
            ("ORDERS", "MINUTE", 1): minute,
        }

    def limited(self, rows: Iterable[dict[str, Any]]) -> None:
        """Apply the venue's limits as it states them now.

        Args:
            rows: `rateLimits` of `GET /fapi/v1/exchangeInfo`.

        Raises:
            InvalidInput: A row lacks its limit.
        """
        for row in rows:
            kind = (row.get("rateLimitType"), row.get("interval"), row.get("intervalNum"))
            if kind in self._stated:
                self._stated[kind].limit = int(decimal(row, "limit"))

    def _windows(self, request: Request) -> Iterable[tuple[Window, int, float]]:
        share = 1.0
        if request.method == "GET" and not request.first:
            share -= self.reserve / (4 if self.catching_up else 1)
        yield self._weight, request.weight, share
        if request.pool != "none":
            for window in self._orders:
                yield window, 1, self._share(request)

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Apply the venue's own counts from an answer's headers: they count all requests."""
        del request
        for name, value in headers.items():
            window = self._headers.get(name.lower())
            if window is not None and value.isdigit():
                window.reported(int(value), now_ns)
