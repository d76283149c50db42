"""Watches a file of targets: each version of it once, as soon as it stands still."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from dita.signals import elsewhere


class FileWatch:
    """Tells when a file has another version."""

    def __init__(self, path: Path, *, poll_s: float = 1.0) -> None:
        """Look at nothing yet.

        Args:
            path: The file; it need not be there yet.
            poll_s: Seconds between two looks.
        """
        self._path = path
        self._poll_s = poll_s

    def versions(self, stop: threading.Event) -> Iterator[None]:
        """Yield once for each version, the one that is there first.

        A version counts once two looks in a row have seen the same: a writer may be at it.

        Args:
            stop: Ends it.
        """
        taken: tuple[int, ...] | None = None
        seen: tuple[int, ...] | None = None
        is_first = True
        while not stop.is_set():
            now = self._state()
            if now is not None and now != taken and (now == seen or is_first):
                taken = now
                yield
            seen, is_first = now, False
            stop.wait(self._poll_s)

    def _state(self) -> tuple[int, ...] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_size, stat.st_mtime_ns)


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Yield what SIGTERM and Ctrl-C set. Only in the main thread."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, elsewhere(stop.set)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, action in before.items():
            signal.signal(number, action)
