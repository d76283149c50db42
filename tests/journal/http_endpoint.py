"""ClickHouse's HTTP interface before the embedded engine, and what can go wrong on the way to one.

A program: `http_endpoint.py PATH PORT USER PASSWORD`. It says "ready PORT", and then takes faults, one a
line, for INSERTs to come: `slow SECONDS`, `status CODE`, `reset before`, `reset after`, `truncate`, `full`.
"""

import base64
import socket
import struct
import sys
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
import lz4.frame
from clickhouse_connect.driver.exceptions import DatabaseError

_CLIENTS_OWN = {"query", "database", "client_protocol_version", "session_id", "query_id", "compress"}


class Endpoint(BaseHTTPRequestHandler):
    """One request. The engine is asked through a client of its own, one request at a time."""

    protocol_version = "HTTP/1.1"
    engine: Any
    faults: deque[str]
    user: str
    lock: threading.Lock

    def log_message(self, *_: Any) -> None:
        """Be silent."""

    def do_GET(self) -> None:
        """Answer /ping, or a query in the URL."""
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self) -> None:
        """Answer a query: in the URL with its rows in the body, or all in the body."""
        params = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self._body()
        if self._authorization() != self.user:
            self._answer(
                403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", 516
            )
            return
        settings = {key: value for key, value in params.items() if key not in _CLIENTS_OWN}
        sql = params.get("query", "")
        if not sql and body.startswith(b"INSERT"):
            head, _, body = body.partition(b"\n")
            sql = head.decode()
        elif not sql:
            sql, body = body.decode(), b""
        if "INSERT" not in sql.upper()[:20] or not body:
            self._ask(sql, settings, params.get("database"))
            return
        fault = self.faults.popleft() if self.faults else ""
        if self._fails(fault):
            return
        table, fmt = sql.split("INTO", 1)[1].split(maxsplit=1)
        try:
            with self.lock:
                self.engine.raw_insert(
                    table.strip("`"), insert_block=body, fmt=fmt.split()[-1], settings=settings
                )
        except DatabaseError as error:
            self._refuse(error)
            return
        if fault == "reset after":
            self._reset()
        elif fault == "truncate":
            self._answer(200, b"", length=100)
            self._reset()
        else:
            self._answer(200, b"")

    def _fails(self, fault: str) -> bool:
        """Do what goes wrong before the engine hears of it; return whether that was the end."""
        word, _, rest = fault.partition(" ")
        if word == "slow":
            time.sleep(float(rest))
        elif word == "status":
            self._answer(int(rest), b"the balancer has no server")
            return True
        elif fault == "reset before":
            self._reset()
            return True
        elif word == "full":
            self._answer(500, b"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space.", 243)
            return True
        return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return _unpacked(body) if self.headers.get("Content-Encoding") == "lz4" else body

    def _authorization(self) -> str:
        word, _, given = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(given).decode() if word == "Basic" else ""

    def _ask(self, sql: str, settings: dict[str, str], database: str | None) -> None:
        client = self.engine.again()
        client.database = database
        try:
            with self.lock:
                result = client.raw_query(sql, settings=settings)
        except DatabaseError as error:
            self._refuse(error)
        else:
            self._answer(200, result)
        finally:
            client.close()

    def _refuse(self, error: DatabaseError) -> None:
        text = str(error)
        code = int(text.partition("Code: ")[2].partition(".")[0] or 0)
        self._answer(404 if code in {60, 81} else 500, text.encode(), code)

    def _answer(self, status: int, content: bytes, code: int = 0, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Summary", "{}")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close with RST, as a server that dies."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _unpacked(body: bytes) -> bytes:
    """The client may send many frames, one after the other."""
    parts = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(frame.decompress(body))
        body = frame.unused_data or b""
    return b"".join(parts)


class Engine:
    """The embedded engine."""

    def __init__(self, path: str) -> None:
        """Open it."""
        self._path = path
        self._client = self.again()

    def again(self) -> Any:
        """Another client of it."""
        return clickhouse_connect.get_client(interface="chdb", path=self._path)

    def raw_insert(self, table: str, **options: Any) -> None:
        """Insert a block."""
        self._client.raw_insert(table, **options)


class Server(ThreadingHTTPServer):
    """The server; connections that end badly are part of the test."""

    def handle_error(self, *_: Any) -> None:
        """Be silent."""


def main() -> None:
    """Serve until the input ends."""
    path, port, user, password = sys.argv[1:]
    Endpoint.engine, Endpoint.faults, Endpoint.lock = Engine(path), deque(), threading.Lock()
    Endpoint.user = f"{user}:{password}"
    server = Server(("127.0.0.1", int(port)), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"ready {server.server_address[1]}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        Endpoint.faults.append(line.strip())
        sys.stdout.write("noted\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
