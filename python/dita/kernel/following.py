"""The planes that followers write, in processes of their own: the kernel spawns and watches them."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from dita.follow.processes import FollowerProcesses
from dita.follow.spec import FollowerSpec
from dita.follow.status import read_status

#: How long `close` waits for followers to read the log to its end, seconds.
END_WITHIN_S: Final = 12.0
#: What a kernel without a log keeps for its followers, in bytes: what overflows is gone, and counted.
QUEUE_BYTES: Final = 64 << 20
_QUEUE_SEGMENT_BYTES: Final = 4 << 20
#: Seldom: each one stops the kernel for some milliseconds. The engine makes one after half of the bytes, too.
_QUEUE_SNAPSHOT_RECORDS: Final = 200_000
_QUEUE_PREFIX: Final = "dita-queue-"
_STALE_S: Final = 3600
_POLL_S: Final = 0.02


def followed(*planes: object) -> list[Any]:
    """Return the planes that are written by a follower."""
    return [plane for plane in planes if callable(getattr(plane, "follower", None))]


def queue_settings() -> dict[str, Any]:
    """Return the settings of the log that stands in where a kernel has none: bounded, and never synced.

    A thread of the engine writes it; the kernel's own calls only leave bytes behind.
    """
    return {
        "policy": "queue",
        "delay_us": 0,
        "records": 1,
        "segment_bytes": _QUEUE_SEGMENT_BYTES,
        "snapshot_records": _QUEUE_SNAPSHOT_RECORDS,
        "retained_bytes": 0,
        "follower_bytes": QUEUE_BYTES,
    }


def make_queue() -> str:
    """Return a new directory for such a log: in memory, where the system has that."""
    shared = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
    root = shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())
    for old in root.glob(f"{_QUEUE_PREFIX}*"):
        _remove_if_stale(old)
    return tempfile.mkdtemp(prefix=_QUEUE_PREFIX, dir=root)


def _remove_if_stale(queue: Path) -> None:
    """Remove the queue of a kernel that died long ago."""
    with contextlib.suppress(OSError):
        if queue.stat().st_uid != os.getuid() or queue.stat().st_mtime > time.time() - _STALE_S:
            return
        handle = os.open(queue, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(queue)
        finally:
            os.close(handle)


class Following:
    """A kernel's followers."""

    def __init__(self, planes: Sequence[Any], log_dir: str, name: str, *, queue: bool) -> None:
        """Spawn them.

        Args:
            planes: The planes that are written by followers.
            log_dir: The log's directory, or the queue's.
            name: The kernel's, in rows and states.
            queue: True for a queue: it is removed at the end.
        """
        self._log_dir = log_dir
        specs = [
            FollowerSpec(
                **{"kernel": name, **plane.follower()},
                log_dir=log_dir,
                durable=not queue,
                accept_gap=queue,
            )
            for plane in planes
        ]
        self._kinds = [spec.kind for spec in specs]
        self._processes = FollowerProcesses(specs)
        self._remove = weakref.finalize(self, shutil.rmtree, log_dir, ignore_errors=True) if queue else None

    def health(self, last_seq: int) -> dict[str, dict[str, Any]]:
        """Return how each is, by kind."""
        return self._processes.health(last_seq)

    def reach(self, seq: Callable[[], int], timeout_s: float) -> bool:
        """Wait until all have written everything up to an input; return whether they have."""
        wanted, due = seq(), time.monotonic() + timeout_s
        while not all(self._at(kind) >= wanted for kind in self._kinds):
            if time.monotonic() > due:
                return False
            time.sleep(_POLL_S)
        return True

    def _at(self, kind: str) -> int:
        status = read_status(self._log_dir, kind)
        return -1 if status is None else status.seq

    def close(self) -> bool:
        """Let them read to the log's end; return whether they did in time."""
        done = self._processes.close(END_WITHIN_S)
        if self._remove is not None:
            self._remove()
        return done
