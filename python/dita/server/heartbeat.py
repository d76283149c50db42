"""`Heartbeat`: how long a primary has shown no sign of life, by the clock of who watches it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dita._kernel import PulseReader
from dita.errors import InvalidInput, ZincError
from dita.host.owner import Owner

#: So often it is looked at within the time that a primary may be silent.
LOOKS: Final = 20


class Heartbeat:
    """Watches the pulse of a host's server.

    Only time in which somebody looked counts: a machine that was suspended, or a standby that was not let
    run, says nothing of the primary.

    Attributes:
        limit_s: A primary that serves and is silent for so long is hung.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        name: str,
        limit_s: float,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to watch.

        Args:
            directory: Where pulses are.
            name: The host's.
            limit_s: How long a primary may be silent, seconds.
            now_s: A monotonic clock, seconds.
        """
        self.limit_s = limit_s
        self._directory, self._name = Path(directory), name
        self._now_s = now_s
        self._reader: PulseReader | None = None
        self._seen: tuple[int, int, str, int] | None = None
        self._looked_s = now_s()
        self.silent_s = 0.0
        self.life = ""

    def look(self, owner: Owner | None) -> bool:
        """Look once.

        Args:
            owner: Whose life is watched; None where nobody is known to run.

        Returns:
            Whether it serves and has been silent for too long.
        """
        now_s = self._now_s()
        # What was slept through by who looks does not count against who is looked at.
        passed_s = min(now_s - self._looked_s, 2 * self.limit_s / LOOKS)
        self._looked_s = now_s
        shown = self._shown()
        if owner is None or shown is None or (shown[0], shown[1]) != (owner.pid, owner.started):
            # It opens its accounts, or what stands there is of one before.
            self._seen, self.silent_s, self.life = None, 0.0, "opening" if owner else ""
            return False
        self.life = shown[2]
        if shown != self._seen or self.life != "serving":
            self._seen, self.silent_s = shown, 0.0
            return False
        self.silent_s += passed_s
        return self.silent_s >= self.limit_s

    def _shown(self) -> tuple[int, int, str, int] | None:
        if self._reader is None:
            try:
                self._reader = PulseReader(self._directory, self._name)
            except (ZincError, InvalidInput):
                return None
        return self._reader.shown()
