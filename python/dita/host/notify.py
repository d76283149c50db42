"""What a service tells systemd: that it is ready, that it is alive, that it ends."""

import os
import socket
from collections.abc import Mapping
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"
#: A manager that does not read must not hold up the end.
_PATIENCE_S: Final = 1.0


class Notifier:
    """Tells the socket that `NOTIFY_SOCKET` names; without one it tells nobody.

    Attributes:
        interval_s: How often to say that it is alive: a third of what `WATCHDOG_USEC` allows; None where
            nobody waits for it.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Read where to.

        Args:
            environ: The environment; None means this process's.
        """
        found = os.environ if environ is None else environ
        name = found.get("NOTIFY_SOCKET", "")
        # An abstract name begins with a zero byte, which is written as @.
        self._address = "\0" + name[1:] if name.startswith("@") else name
        allowed = found.get("WATCHDOG_USEC", "")
        ours = found.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.interval_s = int(allowed) / 3e6 if self._address and ours and allowed.isdigit() else None

    def tell(self, *what: str) -> bool:
        """Say something; a service manager that is away is none of the engine's business.

        Args:
            what: Lines such as READY.

        Returns:
            Whether it was sent.
        """
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(_PATIENCE_S)
                line.connect(self._address)
                line.sendall("\n".join(what).encode())
        except OSError:
            return False
        return True
