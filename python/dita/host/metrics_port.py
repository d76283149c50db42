"""A host's own port for Prometheus: `GET /metrics`, on this machine alone unless configured otherwise."""

import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from dita.errors import KernelError, refuse
from dita.extras import missing

if TYPE_CHECKING:
    from dita.host.host import Host

_REFRESH_S: Final = 1.0


class MetricsPort:
    """Answers until it is closed. What happens meanwhile is counted, whoever asks and when.

    Attributes:
        address: Where, as `HOST:PORT`.
    """

    def __init__(self, host: "Host", address: str, *, public: bool = False) -> None:
        """Begin to answer.

        Args:
            host: Whose figures.
            address: `HOST:PORT`; port 0 takes any.
            public: Whether other machines may reach it: there is no password.

        Raises:
            InvalidInput: It is no address, or other machines would reach it.
            KernelError: It cannot be had, or prometheus-client is not installed.
        """
        where = address_of(address, public=public)
        try:
            from dita.host.metrics import CONTENT_TYPE, exposition  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise KernelError(missing("a port for metrics", "web")) from error

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                if self.path.partition("?")[0] != "/metrics":
                    self.send_error(404, "there is /metrics")
                    return
                body = exposition(host.figures()).encode()
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
                """Say nothing: Prometheus asks again and again."""

        class Server(ThreadingHTTPServer):
            address_family = where[2]
            daemon_threads = True

        try:
            self._server = Server(where[:2], Handler)
        except OSError as error:
            raise KernelError(f"metrics: {address}: {error.strerror or error}") from error
        self.address = f"{address.rpartition(':')[0]}:{self._server.server_port}"
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="dita-metrics", daemon=True),
            threading.Thread(target=self._count, args=(host,), name="dita-metrics-count", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _count(self, host: "Host") -> None:
        while not self._ended.wait(_REFRESH_S):
            host.screen.refresh()

    def close(self) -> None:
        """Answer no more. Closing again does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()


def address_of(text: str, *, public: bool) -> tuple[str, int, int]:
    """Return host, port and the socket's family of an address.

    Args:
        text: `HOST:PORT`, an IPv6 host in brackets.
        public: Whether other machines may reach it.

    Raises:
        InvalidInput: It is none, or other machines would reach it.
    """
    name, _, port = text.rpartition(":")
    name = name.removeprefix("[").removesuffix("]")
    try:
        found = ipaddress.ip_address("127.0.0.1" if name == "localhost" else name)
    except ValueError:
        raise refuse("metrics", text, "must be an address and a port: 127.0.0.1:9464") from None
    if not port.isdigit() or int(port) > 65_535:
        raise refuse("metrics", text, "must end with a port from 0 to 65535")
    if not found.is_loopback and not public:
        raise refuse(
            "metrics",
            text,
            "can be reached from other machines, without a password: say metrics_public = true",
        )
    return str(found), int(port), socket.AF_INET6 if found.version == 6 else socket.AF_INET
