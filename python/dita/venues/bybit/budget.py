"""Bybit's limits: each order endpoint per second, counted in headers, and an address per five seconds."""

from collections.abc import Iterable, Mapping
from typing import Final

from dita.venues.wire import budget
from dita.venues.wire.budget import SECOND_NS, FixedWindow, Window
from dita.venues.wire.requests import Request

_PER_SECOND: Final = 10
#: What one address may send in five seconds before it is barred; the venue's is 600.
_PER_ADDRESS: Final = 580
_COUNTED: Final = ("/v5/order/create", "/v5/order/amend", "/v5/order/cancel")


class Budget(budget.Budget):
    """What is left to ask of Bybit."""

    def __init__(self, *, reserve: float = 0.2) -> None:
        """Count nothing yet."""
        super().__init__(reserve=reserve)
        self._address = FixedWindow(_PER_ADDRESS, 5 * SECOND_NS)
        self._paths = {path: FixedWindow(_PER_SECOND, SECOND_NS) for path in _COUNTED}

    def limited(self, limit: int) -> None:
        """Take other limits than the venue's usual ones, of endpoints and of the address both."""
        for window in (self._address, *self._paths.values()):
            window.limit = limit

    def _windows(self, request: Request) -> Iterable[tuple[Window, int, float]]:
        yield self._address, 1, 1.0
        if request.path in self._paths:
            yield self._paths[request.path], 1, self._share(request)

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Apply the venue's own limit and what is left of it from an answer's headers."""
        window = self._paths.get(request.path)
        lowered = {name.lower(): value for name, value in headers.items()}
        limit, left = lowered.get("x-bapi-limit", ""), lowered.get("x-bapi-limit-status", "")
        if window is None or not limit.isdigit() or not int(limit):
            return
        window.limit = int(limit)
        if left.isdigit():
            window.reported(window.limit - int(left), now_ns)
