"""Asks a host that runs: one JSON request a line, one JSON answer a line, over its Unix socket."""

import json
import socket
from pathlib import Path
from typing import Any, Final

from dita.errors import KernelError
from dita.host.directory import Directory

ANSWER_BYTES_MAX: Final = 64 << 20
_TIMEOUT_S: Final = 10.0


class HostAway(KernelError):  # noqa: N818 - it says who is not there
    """Nobody answers at a host's socket."""


class HostRefused(KernelError):  # noqa: N818 - it says what the host did
    """The host would not do what it was asked; the text is its own."""


def ask(directory: Directory, request: str, *, timeout_s: float = _TIMEOUT_S, **fields: Any) -> Any:  # noqa: ANN401
    """Ask, and return the answer's `result`.

    Args:
        directory: The host's.
        request: What is asked: "status", "orders", "pnl", "control" and so on.
        timeout_s: How long to wait, seconds.
        fields: More of the request.

    Raises:
        HostAway: Nobody answers.
        HostRefused: The host says no.
    """
    return ask_at(directory.socket, request, timeout_s=timeout_s, **fields)


def ask_at(path: Path, request: str, *, timeout_s: float = _TIMEOUT_S, **fields: Any) -> Any:  # noqa: ANN401
    """As `ask`, at a socket itself.

    Args:
        path: The socket.
        request: What is asked.
        timeout_s: How long to wait, seconds.
        fields: More of the request.

    Raises:
        HostAway: Nobody answers.
        HostRefused: The host says no.
    """
    line = json.dumps({"request": request, **fields}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                answer = answers.readline(ANSWER_BYTES_MAX)
    except OSError as error:
        raise HostAway(f"{path.parent}: no host answers here ({error.strerror or error})") from error
    if not answer.endswith(b"\n"):
        raise HostAway(f"{path.parent}: the host hung up")
    said = json.loads(answer)
    if not said["ok"]:
        raise HostRefused(said["error"])
    return said["result"]
