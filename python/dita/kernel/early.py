"""Changes of the controls that an adapter or a plane makes from inside one of the kernel's calls.

The control plane lets one change come after the other, and a change from outside may be waiting for this very
call to return while it has its turn. Who waits for the plane from inside the call waits for ever.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from dita.control.memory import ControlUpdate
from dita.errors import KernelError

_LOG: Final = logging.getLogger("dita.control")


class EarlyChanges:
    """The kernel takes them at once; the plane gets them after the call, from a thread.

    Attributes:
        trouble: Why the plane has not taken the last one; empty where it has.
    """

    def __init__(self, update_plane: Callable[[ControlUpdate], object]) -> None:
        """Begin.

        Args:
            update_plane: Changes the plane, which tells the kernel again.
        """
        self._update_plane = update_plane
        self._lock = threading.Lock()
        self._waiting: deque[ControlUpdate] = deque()
        self._taken: list[ControlUpdate] = []
        self._works = False
        self.trouble = ""

    def bring(self, update: ControlUpdate) -> None:
        """Bring a change that the kernel has to the plane, soon."""
        with self._lock:
            self._taken.append(update)
            self._waiting.append(update)
            if self._works:
                return
            self._works = True
        threading.Thread(target=self._work, name="dita-control-early", daemon=True).start()

    def has(self, update: ControlUpdate) -> bool:
        """Whether the kernel has this change already."""
        with self._lock:
            return update in self._taken

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._works = False
                    return
                update = self._waiting.popleft()
            try:
                self._update_plane(update)
                self.trouble = ""
            except KernelError as error:
                self.trouble = (
                    f"a change made from inside a call stands in the kernel and not in the plane: {error}"
                )
                _LOG.error("%s", self.trouble)
            finally:
                with self._lock:
                    self._taken = [one for one in self._taken if one is not update]
