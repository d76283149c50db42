"""One kernel, many programs: `Serving` is the process that owns the accounts, `connect` a strategy's process.

They speak over a Unix socket of their own (`kernel.sock`); docs/reference/protocol.md has the protocol. What
operators ask goes to the host's other socket, as ever.
"""

from typing import TYPE_CHECKING, Any

from dita.kernel.place import SOCKET_NAME
from dita.server.aio import AsyncKernel, connect_async
from dita.server.connected import ConnectedKernel, Notification, connect

if TYPE_CHECKING:
    from dita.server.serving import Serving

__all__ = [
    "SOCKET_NAME",
    "AsyncKernel",
    "ConnectedKernel",
    "Notification",
    "Serving",
    "connect",
    "connect_async",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a class
    """Load the serving side where it is used: a strategy's process needs no configuration."""
    if name != "Serving":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dita.server.serving import Serving  # noqa: PLC0415 - as above

    return Serving
