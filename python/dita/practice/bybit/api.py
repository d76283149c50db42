"""Where Bybit's requests and streams come in."""

import itertools
from collections.abc import Callable, Mapping
from typing import Final

from dita.practice.api import Call
from dita.practice.bybit.exchange import BybitExchange
from dita.practice.bybit.request import BybitRequest
from dita.practice.bybit.streams import BybitSession
from dita.practice.encoder import Refused
from dita.practice.exchange import Answer, Line, Terms

_CHANGES: Final = frozenset({"/v5/order/cancel", "/v5/order/amend", "/v5/order/cancel-all"})


class BybitApi:
    """Bybit v5's paths.

    Attributes:
        exchange: What is behind it.
    """

    addresses: Final = "REST {rest}/v5  streams {stream}/v5/private /v5/public/linear"

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open the exchange."""
        self.exchange = BybitExchange(terms, clock_ns)
        self._numbers = itertools.count(1)

    def rest_path(self, path: str) -> str | None:
        """A base address may have a path of its own before the venue's."""
        at = path.find("/v5/")
        return None if at < 0 else path[at:]

    def is_change(self, call: Call) -> bool:
        """Cancels and amends."""
        return call.path in _CHANGES

    def answer(self, call: Call) -> Answer:
        """Answer a request."""
        try:
            asked = BybitRequest.read(call.method, call.path, call.query, call.body, call.headers)
        except Refused as refused:
            return self.exchange.failed(refused.status, refused.code, refused.text)
        return self.exchange.answer(asked)

    def no_such_path(self, path: str, method: str) -> Answer:
        """404 with a code."""
        return self.exchange.failed(404, 10017, f"Route not found: {method} {path}")

    def error_in_200(self) -> Answer:
        """Every error of the venue's comes in a success; this one says nothing of the request."""
        return self.exchange.failed(200, 10016, "Internal error")

    def session(self, path: str, query: Mapping[str, str], line: Line) -> BybitSession | None:
        """`/v5/private` and `/v5/public/linear`."""
        del query
        exchange = self.exchange
        for ending in ("/v5/private", "/v5/public/linear"):
            if path.rstrip("/").endswith(ending):
                return BybitSession(
                    path="private" if ending == "/v5/private" else "public",
                    line=line,
                    check=exchange.is_good,
                    snapshot=exchange.streams.snapshot,
                    subscribed=exchange.replay_to,
                    number=next(self._numbers),
                )
        return None
