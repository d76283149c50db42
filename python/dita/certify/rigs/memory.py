"""An exchange and a native adapter in one process: the same bytes as over sockets, and no socket."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from dita.certify.rigs.network import MemoryStream, Network, NetworkFault
from dita.practice.api import Call, api_of
from dita.practice.commands import run_command
from dita.practice.exchange import Exchange, Terms
from dita.venues.wire.failures import unanswered
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Say, Transport

_Result = TypeVar("_Result")


class MemoryServer:
    """An exchange that is reached by calls, as `ServerThread` is by sockets.

    Attributes:
        exchange: The exchange.
        network: What is between it and its adapters.
    """

    address: Final = "127.0.0.1:1"

    def __init__(self, terms: Terms, clock_ns: Callable[[], int]) -> None:
        """Open it.

        Args:
            terms: How.
            clock_ns: The exchange's time, nanoseconds.
        """
        self.api = api_of(terms, clock_ns)
        self.exchange: Any = self.api.exchange
        self.network = Network()
        self._lock = threading.RLock()

    def call(self, what: Callable[[Any], _Result]) -> _Result:
        """Do something with the exchange, and return what comes of it."""
        with self._lock:
            return what(self.exchange)

    def command(self, line: str) -> Any:  # noqa: ANN401 - any JSON
        """Give a command; see `Server.command`."""
        if line == "cut":
            self.network.cut()
            return {"cut": True}
        return self.call(lambda exchange: run_command(exchange, line))

    def close(self) -> None:
        """End every stream."""
        self.network.cut()


class MemoryWire(Transport):
    """Reaches an exchange in this process."""

    server: MemoryServer

    async def _send(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        network = self.server.network
        fault = None
        # A start needs the venue's time: it is never lost on purpose.
        if request != self._codec.server_time:
            fault = network.happens(
                NetworkFault.REQUEST_LOST, NetworkFault.ANSWER_LOST, NetworkFault.ANSWER_LATE,
                NetworkFault.REQUEST_LATE, NetworkFault.DOWN,
            )  # fmt: skip
        if network.is_down:
            raise unanswered("ClientConnectorError", left=False)
        self.budget.take(request, self._clock_ns())
        written = self._codec.write(request, self.now_ms())
        if fault == NetworkFault.REQUEST_LATE:
            await network.late()
        if fault == NetworkFault.REQUEST_LOST:
            raise unanswered("ServerDisconnectedError", left=True)
        parts = urlsplit(written.address)
        headers = {name.lower(): value for name, value in written.headers.items()}
        body = (written.body or b"").decode()
        call = Call(request.method, parts.path, parts.query, headers, body)
        answer = self.server.call(lambda _: self.server.api.answer(call))
        # Frames of the exchange arrive before or after, as they come.
        await asyncio.sleep(0)
        if fault == NetworkFault.ANSWER_LATE:
            await network.late()
        if answer.cut or fault == NetworkFault.ANSWER_LOST:
            raise unanswered("ServerDisconnectedError", left=True)
        self.budget.read_headers(request, answer.headers, self._clock_ns())
        return self._read(answer.status, json.dumps(answer.body).encode(), answer.headers)

    async def listen(
        self,
        path: str,
        opened: Callable[[], Awaitable[None]],
        on_frame: Callable[[str], bool],
        *,
        greet: Callable[[Say], Awaitable[None]] | None = None,
        ping: str = "",
        pongs: Mapping[str, str] | None = None,
        unpack: Callable[[bytes], str] | None = None,
    ) -> str:
        """Read a stream until it ends; see `Transport.listen`."""
        del ping, pongs, unpack
        network = self.server.network
        if network.is_down:
            return "ClientConnectorError"
        stream = MemoryStream(network, asyncio.get_running_loop())
        parts = urlsplit(path)
        session = self.server.api.session(parts.path, dict(parse_qsl(parts.query)), stream)
        if session is None:
            return "WSServerHandshakeError"
        network.joined(stream)

        def join(exchange: Exchange) -> None:
            exchange.join(session)

        self.server.call(join)

        async def say(text: str) -> None:
            self.server.call(lambda _: session.command(text))

        try:
            if greet is not None:
                await greet(say)
            await opened()
            while (frame := await stream.next()) is not None:
                if not isinstance(frame, str):
                    return "a frame of type BINARY"
                goes_on = on_frame(frame)
                stream.read()
                if not goes_on:
                    return "ended by what it said"
            return "closed, code 1006"
        finally:
            self.server.call(lambda exchange: exchange.leave(session))
            stream.close()
