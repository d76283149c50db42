"""Serves the gateway: in this process until it is stopped, or beside something else in a thread."""

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dita.errors import refuse
from dita.gateway.guards import LOOPBACK
from dita.gateway.streams import TRANSPORT

if TYPE_CHECKING:
    from fastapi import FastAPI

PORT: Final = 8080
_STARTS_WITHIN_S: Final = 30.0
#: How long open streams have to end.
_ENDS_WITHIN_S: Final = 2
_ENDED_BY: Final = (signal.SIGINT, signal.SIGTERM)
#: Whoever has sent what nobody takes for so long is gone, milliseconds: a half-open socket ends by itself.
_SILENT_MS: Final = 15_000


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InvalidInput: The port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends each answer at once; without, it waits 40 ms for company.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections take it over from here.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MS)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise refuse("port", f"{host}:{port}", f"cannot be listened at: {error.strerror or error}") from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    return host in (*LOOPBACK, "::1") or host.startswith("127.")


class _Server(uvicorn.Server):
    """Ends open streams before it waits for what is open."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let a signal end it, and no more: what is around it ends in its own way, and not by the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _ENDED_BY}
        try:
            yield
        finally:
            for number, action in before.items():
                signal.signal(number, action)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down."""
        self.config.app.state.hub.cut()  # type: ignore[union-attr]
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """Gives each request its connection, so that a stream can be written to without a task of its own."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class _Expected(logging.Filter):
    """Leaves out what is no fault: a stream that was cut, as nobody read it, ends without its end."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is logged."""
        return "returned without completing response" not in record.getMessage()


def _server(app: "FastAPI") -> uvicorn.Server:
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _Expected) for one in logger.filters):
        logger.addFilter(_Expected())
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=_Protocol,
        loop="asyncio",
        ws="websockets-sansio",
        timeout_graceful_shutdown=_ENDS_WITHIN_S,
    )
    return _Server(config)


def serve(app: "FastAPI", listening: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C. Only in the main thread."""
    _server(app).run([listening])


@contextlib.contextmanager
def served(app: "FastAPI", listening: socket.socket) -> Iterator[int]:
    """Serve in a thread of its own; gives the port.

    Raises:
        RuntimeError: It does not start.
    """
    server = _server(app)
    thread = threading.Thread(target=server.run, args=([listening],), name="dita-gateway", daemon=True)
    thread.start()
    for _ in range(int(_STARTS_WITHIN_S / 0.01)):
        if server.started or not thread.is_alive():
            break
        thread.join(0.01)
    if not server.started:
        raise RuntimeError("the gateway did not start")
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
