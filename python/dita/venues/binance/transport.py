"""Binance's requests signed and its answers read, and the transport that carries them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.failures import read_answer
from dita.venues.wire import transport
from dita.venues.wire.reading import nanoseconds
from dita.venues.wire.requests import Request, Written


class BinanceCodec:
    """One account's requests, with its key."""

    name: Final = "binance"
    server_time: Final[Request] = requests.SERVER_TIME

    def __init__(self, key: str, secret: str) -> None:
        """Take the key and its secret."""
        self._headers = {"X-MBX-APIKEY": key} if key else {}
        self._secret = secret

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request: everything is in its address."""
        query = requests.query_of(request, self._secret, now_ms)
        return Written(f"{request.path}?{query}".rstrip("?"), self._headers)

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer.

        Raises:
            Failure: It is no success.
        """
        return read_answer(status, raw, headers.get("Retry-After"))

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the venue's time."""
        return nanoseconds(answer, "serverTime")


class Transport(transport.Transport):
    """Sends requests to Binance, and opens streams."""

    def __init__(
        self, rest: str, stream: str, key: str, secret: str, clock_ns: Callable[[], int], budget: Budget
    ) -> None:
        """Start the thread; nothing is sent yet.

        Args:
            rest: Base address of REST.
            stream: Base address of the streams.
            key: The API key.
            secret: Its secret.
            clock_ns: This machine's time.
            budget: What may be asked.
        """
        super().__init__(rest, stream, BinanceCodec(key, secret), clock_ns, budget)
