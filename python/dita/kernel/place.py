"""Where a kernel server's socket is."""

import os
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "kernel.sock"


def socket_of(path: str | os.PathLike[str]) -> Path:
    """Return the socket that a path means: itself, or that of a host's directory.

    Args:
        path: The socket or the directory.
    """
    place = Path(path)
    return place / SOCKET_NAME if place.is_dir() else place
