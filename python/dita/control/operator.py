"""Who asks for a change, where nobody says."""

import getpass
import socket
from typing import Final

BY_MAX: Final = 64


def me() -> str:
    """Who asks, where nobody says."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"[:BY_MAX]
