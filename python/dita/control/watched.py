"""What planes outside of this process share: watchers, what was taken, and how the plane stands."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from dita.control.memory import ControlUpdate, Watcher, refuse_inside
from dita.control.record import ControlConflict, ControlPlaneError, Reader, Record

_LOG: Final = logging.getLogger("dita.control")


class Watched:
    """The watchers of a plane, and the changes that they have taken.

    A change made in this process is passed on before it stands, and refused if a watcher raises; one that is
    found in the plane stands already: a watcher that refuses it is reported in `standing`.
    """

    def __init__(self, place: str) -> None:
        """Begin.

        Args:
            place: Where the plane is, for messages.
        """
        self.place = place
        # Held while watchers are called, so that changes come one after the other.
        self.lock = threading.RLock()
        self.reader = Reader()
        # As it was last seen, to be put back where it is lost.
        self.last = Record()
        self._watchers: list[Watcher] = []
        self._trouble = ""
        self._trouble_since = 0.0
        self._refused = ""

    @property
    def has_watchers(self) -> bool:
        """Whether anybody listens."""
        return bool(self._watchers)

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Take a watcher; return what ends it."""
        with self.lock:
            self._watchers.append(watcher)

        def end() -> None:
            with self.lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return end

    def refuse_inside(self) -> None:
        """Refuse a change from inside a call of a kernel that watches.

        Raises:
            ControlFromInside: This thread is inside such a call.
        """
        refuse_inside(self._watchers)

    def ask(self, update: ControlUpdate) -> None:
        """Tell of a change before it stands.

        Raises:
            KernelError: A watcher refuses.
        """
        for watcher in tuple(self._watchers):
            watcher(update)

    def skip(self, record: Record) -> None:
        """Take a record as it stands: watchers know it, or have read it."""
        self.reader.skip(record)
        self.last = record

    def found(self, record: Record) -> None:
        """Tell of what is new in a record that was read."""
        with self.lock:
            if self.reader.is_stale(record):
                self.troubled(
                    f"{self.place}: went back from version {self.reader.version} to "
                    f"{record.controls.version}, as a restored copy does: the kernel keeps what it "
                    "has; what is set from now on is taken"
                )
            else:
                self._trouble = ""
            stale = self.reader.is_stale(record)
            news = tuple(self.reader.news(record))
            if news or not stale:
                self.last = record
            for update in news:
                try:
                    self.ask(update)
                    self._refused = ""
                except Exception as error:  # noqa: BLE001 - whoever listens, the next halt must get through
                    self._refused = f"version {record.controls.version} was refused: {error}"
                    _LOG.error("%s: %s", self.place, self._refused)

    def troubled(self, trouble: str) -> None:
        """Note that the plane cannot be read."""
        with self.lock:
            if trouble != self._trouble:
                _LOG.error("%s", trouble)
                self._trouble, self._trouble_since = trouble, time.monotonic()

    def standing(self) -> dict[str, Any]:
        """Return `place version trouble trouble_seconds refused`; the texts are empty where all is well."""
        with self.lock:
            since = round(time.monotonic() - self._trouble_since, 3) if self._trouble else 0.0
            return {
                "place": self.place,
                "version": self.reader.version,
                "trouble": self._trouble,
                "trouble_seconds": since,
                "refused": self._refused,
            }


def conflict(place: str, expected: int, found: int) -> ControlPlaneError:
    """Return the error for a change that was meant for another version."""
    return ControlConflict(
        f"{place}: stands at version {found}, not {expected}: somebody has changed it since; look again, "
        "then decide"
    )
