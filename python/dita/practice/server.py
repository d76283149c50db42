"""An exchange's sockets: HTTP and WebSocket, with aiohttp.

Everything happens on one event loop, so requests, the market and the streams have one order.
"""

import asyncio
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

from aiohttp import WSMsgType, web

from dita.errors import InvalidInput, KernelError
from dita.practice.api import Call, api_of
from dita.practice.commands import run_command
from dita.practice.encoder import Refused
from dita.practice.exchange import Answer, Exchange, Session, Terms

STEP_S: Final = 0.25
# A closed transport lets go of its socket in the loop's next round; one that is accepted late, some after.
_ROUNDS: Final = 10
_WAITING_MAX: Final = 10_000
_PING_S: Final = 180.0
_FRAME_BYTES_MAX: Final = 1 << 20
_Result = TypeVar("_Result")


class _Waiting:
    """A connection's frames that wait to be sent. Who does not read is cut off."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(_WAITING_MAX)

    def say(self, frame: str | bytes) -> None:
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(None)


class Server:
    """Serves one exchange."""

    def __init__(
        self, terms: Terms, *, step_s: float = STEP_S, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Open the exchange; nothing is served yet.

        Args:
            terms: How it is opened.
            step_s: How often the market moves, seconds.
            clock_ns: The exchange's time, nanoseconds.

        Raises:
            InvalidInput: There is no such wire format.
        """
        self.api = api_of(terms, clock_ns)
        self.exchange: Exchange = self.api.exchange
        self._step_s = step_s
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._stepping: asyncio.Task[None] | None = None
        self._lines: dict[int, _Waiting] = {}
        self.port = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Begin to serve.

        Args:
            host: The address to listen at.
            port: The port; 0 takes a free one, `port` says which.
            tls: The certificate, where it is served with TLS.

        Raises:
            OSError: The port is taken.
        """
        app = web.Application(client_max_size=_FRAME_BYTES_MAX)
        app.router.add_route("POST", "/dita/command", self._command)
        app.router.add_route("*", "/{path:.*}", self._route)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._stepping = asyncio.create_task(self._move())

    async def stop(self) -> None:
        """Stop serving."""
        if self._stepping is not None:
            self._stepping.cancel()
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            await let_sockets_close()

    def cut(self) -> None:
        """Cut every stream."""
        for line in list(self._lines.values()):
            line.end()

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(self._step_s)
            self.exchange.step()
            if self.exchange.faults.spend("cut"):
                self.cut()

    # -------------------------------------------------------------------------------------------- requests

    async def _route(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        path = self.api.rest_path(request.path)
        if path is None:
            return _sent(self.api.no_such_path(request.path, request.method))
        return await self._rest(request, path)

    async def _rest(self, request: web.Request, path: str) -> web.StreamResponse:
        faults = self.exchange.faults
        body = (await request.read()).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, path, request.rel_url.raw_query_string, headers, body)
        if faults.hold_changes and self.api.is_change(call):
            faults.happened["hold_changes"] += 1
            self._released.clear()
            await self._released.wait()
        answer = self.api.answer(call)
        if faults.slow_ms:
            await asyncio.sleep(faults.slow_ms / 1000)
        if answer.cut:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        if faults.spend("html"):
            return web.Response(
                text="<html><body>502 Bad Gateway</body></html>", status=502, content_type="text/html"
            )
        if faults.spend("broken_json"):
            return web.Response(text='{"orderId": 12', content_type="application/json")
        if faults.spend("error_in_200"):
            return _sent(self.api.error_in_200())
        return _sent(answer)

    async def _command(self, request: web.Request) -> web.StreamResponse:
        peer = ipaddress.ip_address((request.remote or "0.0.0.0").partition("%")[0])  # noqa: S104 - no peer
        if not peer.is_loopback:
            return web.json_response({"error": "commands are taken from this machine alone"}, status=403)
        line = (await request.read()).decode("utf-8", "replace")
        try:
            return web.json_response(self.command(line))
        except (KernelError, Refused) as error:
            return web.json_response({"error": str(error)}, status=400)

    def command(self, line: str) -> Any:  # noqa: ANN401 - any JSON
        """Do what a line says: `cut` and `release` are the sockets', the rest the exchange's.

        Raises:
            InvalidInput: It is no command.
        """
        match line.strip():
            case "cut":
                self.cut()
                return {"cut": True}
            case "release":
                self.release()
                return {"released": True}
            case other:
                if other.startswith("fault hold_changes ") or other == "heal":
                    self.release()
                return run_command(self.exchange, other)

    def release(self) -> None:
        """Have the cancels and amends done that were held back."""
        self._released.set()

    # --------------------------------------------------------------------------------------------- streams

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        line = _Waiting()
        session = self.api.session(request.path, request.query, line)
        if session is None:
            return web.Response(status=404)
        socket = web.WebSocketResponse(heartbeat=_PING_S, max_msg_size=_FRAME_BYTES_MAX)
        self._lines[id(session)] = line
        # Before the other end can act upon it that the stream is open.
        self.exchange.join(session)
        try:
            await self._serve(request, socket, session, line)
        finally:
            # Also where the other end has gone before the stream was open.
            self.exchange.leave(session)
            self._lines.pop(id(session), None)
        return socket

    async def _serve(
        self, request: web.Request, socket: web.WebSocketResponse, session: Session, line: _Waiting
    ) -> None:
        await socket.prepare(request)
        writer = asyncio.create_task(_write(socket, line))
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    session.command(message.data)
        finally:
            writer.cancel()


def _sent(answer: Answer) -> web.Response:
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


async def _write(socket: web.WebSocketResponse, line: _Waiting) -> None:
    while (frame := await line.frames.get()) is not None:
        try:
            if isinstance(frame, str):
                await socket.send_str(frame)
            else:
                await socket.send_bytes(frame)
        except ConnectionResetError:
            return
    await socket.close()


async def let_sockets_close() -> None:
    """Let a loop that is about to end do what closed connections have left for its next rounds."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)


class ServerThread:
    """A server on a thread of its own, for programs that are not asynchronous."""

    def __init__(
        self,
        terms: Terms | None = None,
        *,
        port: int = 0,
        step_s: float = STEP_S,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Start serving on 127.0.0.1.

        Args:
            terms: How the exchange is opened.
            port: The port; 0 takes a free one.
            step_s: How often the market moves, seconds.
            clock_ns: The exchange's time, nanoseconds.

        Raises:
            OSError: The port is taken.
            InvalidInput: There is no such wire format.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dita-exchange", daemon=True)
        self._thread.start()

        async def begin() -> Server:
            server = Server(terms or Terms(), step_s=step_s, clock_ns=clock_ns)
            await server.start("127.0.0.1", port)
            return server

        try:
            self.server = asyncio.run_coroutine_threadsafe(begin(), self._loop).result()
        except (OSError, InvalidInput):
            self._end()
            raise

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server.port}"

    def call(self, what: Callable[[Any], _Result]) -> _Result:
        """Do something with the exchange on its own thread, and return what comes of it."""

        async def do() -> _Result:
            return what(self.server.exchange)

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result()

    def command(self, line: str) -> Any:  # noqa: ANN401 - any JSON
        """Give a command; see `Server.command`."""

        async def do() -> Any:  # noqa: ANN401
            return self.server.command(line)

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result()

    def close(self) -> None:
        """Stop serving."""
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(timeout=10)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.close()


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own.

    Raises:
        InvalidInput: It is no address.
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise InvalidInput(f"host: expected an IP address or localhost, got {host!r}") from None
