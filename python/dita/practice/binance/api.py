"""Binance's requests and streams, on the simulated exchange."""

from collections.abc import Callable, Mapping
from typing import Final

from dita.practice.api import Call
from dita.practice.binance.exchange import BinanceExchange
from dita.practice.binance.request import BinanceRequest
from dita.practice.binance.streams import Path, UserSession
from dita.practice.exchange import Answer, Line, Terms

_PATHS: Final[dict[str, Path]] = {"private": "private", "public": "public", "market": "market"}


class BinanceApi:
    """Binance USD-M's paths.

    Attributes:
        exchange: What is behind it.
    """

    addresses: Final = "REST {rest}/fapi  streams {stream}/private /public /market"

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open the exchange."""
        self.exchange = BinanceExchange(terms, clock_ns)

    def rest_path(self, path: str) -> str | None:
        """A base address may have a path of its own before the venue's."""
        for start in ("/fapi/", "/sapi/", "/futures/"):
            at = path.find(start)
            if at >= 0:
                return path[at:]
        return None

    def is_change(self, call: Call) -> bool:
        """Cancels and amends."""
        return call.method in {"PUT", "DELETE"} and "rder" in call.path

    def answer(self, call: Call) -> Answer:
        """Answer a request."""
        key = call.headers.get("x-mbx-apikey", "")
        return self.exchange.answer(BinanceRequest.read(call.method, call.path, call.query, call.body, key))

    def no_such_path(self, path: str, method: str) -> Answer:
        """404 with a code."""
        return self.exchange.failed(404, -5000, f"Path {path}, Method {method} is invalid")

    def error_in_200(self) -> Answer:
        """An error with the status of a success."""
        return self.exchange.failed(200, -1001, "Internal error; unable to process your request.")

    def session(self, path: str, query: Mapping[str, str], line: Line) -> UserSession | None:
        """Return a session on `/private`, `/public` or `/market`; the older path carries no events."""
        parts = [part for part in path.split("/") if part]
        kind = next((part for part in reversed(parts) if part in {"ws", "stream"}), None)
        if kind is None:
            return None
        at = len(parts) - 1 - parts[::-1].index(kind)
        way: Path = _PATHS.get(parts[at - 1], "old") if at else "old"
        session = UserSession(path=way, line=line, combined=kind == "stream")
        rest = parts[at + 1 :]
        if way in {"private", "old"}:
            session.listen_key = query.get("listenKey", rest[0] if rest else "")
            events = query.get("events", "")
            session.events = frozenset(events.split("/")) if events else None
        names = query.get("streams", "/".join(rest) if way != "private" else "")
        session.names = {name for name in names.split("/") if name}
        return session
