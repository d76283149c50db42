"""Answers queries for an embedded database, from the one process that has it open: over a Unix socket.

A request is a length (4 bytes, big-endian) and SQL. An answer is a letter (R for a result, E for an error), a
length (8 bytes) and the bytes. Only the same user can connect, and nothing can be written.
"""

import contextlib
import hashlib
import os
import socket
import socketserver
import stat
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.journal.clickhouse import ask
from dita.journal.place import JournalAway, JournalRefused, translated

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_SQL_BYTES_MAX: Final = 1 << 20
_WAIT_S: Final = 600


def socket_path(path: Path) -> Path:
    """Return where the process that has an embedded database open answers; its name has few bytes."""
    name = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=12).hexdigest()
    return Path(tempfile.gettempdir()) / f"dita-{os.getuid()}" / f"{name}.sock"


class QueryServer:
    """Answers queries in threads of its own, until it is closed."""

    def __init__(self, client: "Client", path: Path, database: str) -> None:
        """Begin to answer.

        Args:
            client: A client of its own; it only reads from then on.
            path: The embedded database.
            database: Where names without a database are looked up.

        Raises:
            JournalRefused: The socket cannot be made.
        """
        self._path = socket_path(path)
        self._client = client
        lock = threading.Lock()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connection: socket.socket = self.request
                connection.settimeout(_WAIT_S)
                with contextlib.suppress(OSError):
                    _answer(connection, client, lock, database)

        try:
            _own_directory(self._path.parent)
            self._path.unlink(missing_ok=True)
            self._server = socketserver.ThreadingUnixStreamServer(os.fspath(self._path), Handler)
        except OSError as error:
            raise JournalRefused(f"{self._path}: queries cannot be answered there: {error}") from error
        self._server.daemon_threads = True
        self._path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        threading.Thread(target=self._server.serve_forever, name="dita-queries", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


def _own_directory(directory: Path) -> None:
    """Make a directory that only this user can enter, or see that it is one."""
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077:
        raise OSError(f"{directory} belongs to another user, or others can enter it")


def _answer(connection: socket.socket, client: "Client", lock: threading.Lock, database: str) -> None:
    length = int.from_bytes(_exactly(connection, 4), "big")
    if length > _SQL_BYTES_MAX:
        return _send(connection, b"E", b"the query is longer than 1 MiB")
    sql = _exactly(connection, length).decode(errors="replace")
    try:
        # The client is no one's but this server's, one query at a time.
        with lock:
            result = ask(client, sql, database)
    except Exception as error:  # noqa: BLE001 - whatever a query does, the asker gets it and the journal goes on
        return _send(connection, b"E", str(translated(error, "the journal", asked=True)).encode())
    return _send(connection, b"R", result)


def _send(connection: socket.socket, kind: bytes, content: bytes) -> None:
    connection.sendall(kind + len(content).to_bytes(8, "big") + content)


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise ConnectionResetError("the other side has gone")
        parts += part
    return bytes(parts)


def ask_server(path: Path, sql: str) -> bytes | None:
    """Ask the process that has an embedded database open.

    Args:
        path: The database.
        sql: The query.

    Returns:
        JSONCompact; None where nobody answers.

    Raises:
        JournalRefused: The query is refused.
        JournalAway: The answer broke off.
    """
    connection: Any
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_WAIT_S)
        try:
            connection.connect(os.fspath(socket_path(path)))
        except OSError:
            return None
        try:
            text = sql.encode()
            connection.sendall(len(text).to_bytes(4, "big") + text)
            kind = _exactly(connection, 1)
            content = _exactly(connection, int.from_bytes(_exactly(connection, 8), "big"))
        except OSError as error:
            raise JournalAway(f"{path}: the follower's answer broke off: {error}; ask again") from error
    if kind == b"E":
        raise JournalRefused(content.decode(errors="replace"))
    return content
