"""The requests and streams of one simulated venue: what the server calls in each wire format."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dita.errors import InvalidInput, shown
from dita.practice.exchange import Answer, Exchange, Line, Session, Terms

#: The module and the class of each wire format.
APIS: Final[Mapping[str, tuple[str, str]]] = {
    "binance": ("dita.practice.binance.api", "BinanceApi"),
    "bybit": ("dita.practice.bybit.api", "BybitApi"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came.

    Attributes:
        method: GET, POST, PUT or DELETE.
        path: From the venue's own prefix on.
        query: As it stands in the address.
        headers: By their names in lower case.
        body: As it came.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str


class VenueApi(Protocol):
    """A venue's endpoints in its own wire format."""

    @property
    def exchange(self) -> Exchange:
        """The exchange behind it."""

    @property
    def addresses(self) -> str:
        """Which paths there are, for a person; {rest} and {stream} stand for the base addresses."""

    def rest_path(self, path: str) -> str | None:
        """Return a path from the venue's own prefix on; None where it is none of REST's."""

    def is_change(self, call: Call) -> bool:
        """Whether a request cancels or changes an order."""

    def answer(self, call: Call) -> Answer:
        """Answer a request."""

    def no_such_path(self, path: str, method: str) -> Answer:
        """Answer a request for what is not there."""

    def error_in_200(self) -> Answer:
        """Return an error as the venue hides it in a success."""

    def session(self, path: str, query: Mapping[str, str], line: Line) -> Session | None:
        """Return a connection's session; None where nothing is streamed there."""


def api_of(terms: Terms, clock_ns: Callable[[], int]) -> VenueApi:
    """Open an exchange in its wire format.

    Args:
        terms: How it is opened.
        clock_ns: The true time, nanoseconds.

    Raises:
        InvalidInput: There is no such wire format.
    """
    if terms.venue not in APIS:
        raise InvalidInput(f"venue: expected one of {', '.join(APIS)}, got {shown(terms.venue)}")
    module, name = APIS[terms.venue]
    kind: Any = getattr(importlib.import_module(module), name)
    api: VenueApi = kind(terms, clock_ns)
    return api
