"""How much may be asked of Bybit, by its own headers: a part of each order budget is kept for exits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dita.venues.wire.requests import Request

_SECOND_NS: Final = 1_000_000_000
_ADDRESS_NS: Final = 5 * _SECOND_NS
_PER_SECOND: Final = 10
#: What one address may send in five seconds before it is barred; the venue's is 600.
_PER_ADDRESS: Final = 580
_COUNTED: Final = frozenset({"/v5/order/create", "/v5/order/amend", "/v5/order/cancel"})


@dataclass(slots=True)
class _Second:
    """One endpoint's limit, and what of it is used in a second."""

    limit: int = _PER_SECOND
    used: int = 0
    second: int = -1

    def at(self, now_ns: int) -> int:
        if now_ns // _SECOND_NS != self.second:
            self.second, self.used = now_ns // _SECOND_NS, 0
        return self.used


@dataclass(slots=True)
class Budget:
    """What is left to ask.

    Attributes:
        reserve: The part of the order budget that entries may not take, 0 to 1.
    """

    reserve: float = 0.2
    _paths: dict[str, _Second] = field(default_factory=dict)
    _per_address: int = _PER_ADDRESS
    _per_second: int = _PER_SECOND
    _address: tuple[int, int] = (-1, 0)
    _barred_until_ns: int = 0

    def limited(self, limit: int) -> None:
        """Take other limits than the venue's usual ones, of endpoints and of the address both."""
        self._per_address = self._per_second = limit

    def _count(self, path: str) -> _Second:
        return self._paths.setdefault(path, _Second(self._per_second))

    def is_barred(self, now_ns: int) -> bool:
        """Whether the venue has said that nothing may be asked now."""
        return now_ns < self._barred_until_ns

    def wait_ms(self, request: Request, now_ns: int) -> int:
        """Return how long a request has to wait; 0 where it may leave.

        Args:
            request: It. Exits may take the whole budget.
            now_ns: The time.
        """
        if now_ns < self._barred_until_ns:
            return (self._barred_until_ns - now_ns) // 1_000_000 + 1
        window, used = self._address
        if window == now_ns // _ADDRESS_NS and used >= self._per_address:
            return (_ADDRESS_NS - now_ns % _ADDRESS_NS) // 1_000_000 + 1
        if request.path not in _COUNTED:
            return 0
        count = self._count(request.path)
        share = 1.0 - self.reserve if request.pool == "entry" else 1.0
        if count.at(now_ns) + 1 > int(count.limit * share):
            return (_SECOND_NS - now_ns % _SECOND_NS) // 1_000_000 + 1
        return 0

    def take(self, request: Request, now_ns: int) -> None:
        """Count a request that leaves."""
        window, used = self._address
        now = now_ns // _ADDRESS_NS
        self._address = (now, used + 1 if window == now else 1)
        if request.path in _COUNTED:
            count = self._count(request.path)
            count.used = count.at(now_ns) + 1

    def read_headers(self, request: Request, headers: Mapping[str, str], now_ns: int) -> None:
        """Take the venue's own limit and what is left of it from an answer's headers."""
        if request.path not in _COUNTED:
            return
        lowered = {name.lower(): value for name, value in headers.items()}
        limit, left = lowered.get("x-bapi-limit", ""), lowered.get("x-bapi-limit-status", "")
        if limit.isdigit() and int(limit) > 0:
            count = self._count(request.path)
            count.limit = int(limit)
            if left.isdigit():
                count.used = max(count.at(now_ns), count.limit - int(left))

    def barred(self, retry_after_ms: int, now_ns: int) -> None:
        """Ask nothing for so long: the venue said so."""
        self._barred_until_ns = max(self._barred_until_ns, now_ns + retry_after_ms * 1_000_000)
