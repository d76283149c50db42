"""Rate limits by account and endpoint, and the headers that tell of them; and one by address."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from dita.practice.bybit import refusals
from dita.practice.encoder import Refused

_SECOND_MS: Final = 1_000
_ADDRESS_MS: Final = 5_000
#: Requests a second and account, of the venue's documentation of 2026-07-24.
_PER_SECOND: Final[Mapping[str, int]] = {
    "/v5/order/create": 10,
    "/v5/order/amend": 10,
    "/v5/order/cancel": 10,
    "/v5/order/cancel-all": 10,
    "/v5/position/set-leverage": 10,
}
_OTHERS: Final = 50


class Limits:
    """Counts in sliding windows.

    Attributes:
        per_second: The limit of each endpoint that has one of its own.
        others: The limit of every other endpoint.
        per_address: How many requests one address may send in five seconds.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.per_second = dict(_PER_SECOND)
        self.others = _OTHERS
        self.per_address = 600
        self._of_paths: dict[str, deque[int]] = {}
        self._of_address: deque[int] = deque()

    def take(self, path: str, now_ms: int, *, signed: bool) -> dict[str, str]:
        """Count a request.

        Args:
            path: Which endpoint.
            now_ms: The time.
            signed: Whether it is the account's.

        Returns:
            The headers of its answer.

        Raises:
            Refused: 10006, or the address is barred (403).
        """
        _forget(self._of_address, now_ms - _ADDRESS_MS)
        self._of_address.append(now_ms)
        if len(self._of_address) > self.per_address:
            raise Refused(10018, "access too frequent", status=403)
        if not signed:
            return {}
        limit = self.per_second.get(path, self.others)
        marks = self._of_paths.setdefault(path, deque())
        _forget(marks, now_ms - _SECOND_MS)
        headers = {
            "X-Bapi-Limit": str(limit),
            "X-Bapi-Limit-Status": str(max(0, limit - len(marks) - 1)),
            "X-Bapi-Limit-Reset-Timestamp": str((marks[0] if marks else now_ms) + _SECOND_MS),
        }
        if len(marks) >= limit:
            raise TooMany(headers)
        marks.append(now_ms)
        return headers


class TooMany(Refused):
    """The account's limit is used up.

    Attributes:
        headers: What its answer says of it.
    """

    def __init__(self, headers: dict[str, str]) -> None:
        """Take the headers."""
        super().__init__(refusals.TOO_MANY, "Too many visits. Exceeded the API Rate Limit.", status=200)
        self.headers = headers


def _forget(marks: deque[int], before_ms: int) -> None:
    while marks and marks[0] <= before_ms:
        marks.popleft()
