"""A host's Unix socket: one JSON request a line, one JSON answer a line. Only the same user can connect."""

import contextlib
import json
import os
import socketserver
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dita.errors import KernelError, shown

REQUEST_BYTES_MAX: Final = 1 << 20
_IDLE_S: Final = 600

Answer = Callable[[Mapping[str, Any]], Any]


class HostSocket:
    """Answers in threads of its own until it is closed."""

    def __init__(self, path: Path, answer: Answer, to_json: Callable[[Any], str]) -> None:
        """Begin to answer.

        Args:
            path: Where; what a dead host left there is removed. The caller holds the directory.
            answer: Answers one request; a KernelError is sent to the caller.
            to_json: Writes an answer.

        Raises:
            OSError: The socket cannot be made.
        """
        path.unlink(missing_ok=True)

        class Handler(socketserver.StreamRequestHandler):
            timeout = _IDLE_S

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    while line := self.rfile.readline(REQUEST_BYTES_MAX + 1):
                        self.wfile.write(_answered(line, answer, to_json))

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

        before = os.umask(0o177)
        try:
            self._server = Server(str(path), Handler)
        finally:
            os.umask(before)
        self._path = path
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="dita-host", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def close_later(self) -> None:
        """Let nobody in from now on, and do the rest of `close` in another thread: it takes up to 0.1 s."""
        self._path.unlink(missing_ok=True)
        threading.Thread(target=self.close, name="dita-host-closing", daemon=True).start()


def _request(line: bytes) -> Mapping[str, Any]:
    if len(line) > REQUEST_BYTES_MAX:
        raise ValueError(f"a request has at most {REQUEST_BYTES_MAX} bytes")
    request = json.loads(line)
    if isinstance(request, dict) and isinstance(request.get("request"), str):
        return request
    raise ValueError('a request is one JSON object with "request", a text')


def _answered(line: bytes, answer: Answer, to_json: Callable[[Any], str]) -> bytes:
    try:
        said = {"ok": True, "result": answer(_request(line))}
    except KernelError as error:
        said = {"ok": False, "error": str(error)}
    except (ValueError, UnicodeDecodeError) as error:
        said = {"ok": False, "error": f"bad_json: {error}"}
    except (TypeError, KeyError) as error:
        said = {"ok": False, "error": f"bad_params: {shown(str(error))}"}
    return to_json(said).encode() + b"\n"
