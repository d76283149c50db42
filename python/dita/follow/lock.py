"""One follower of a name at a time in a log's directory.

Where a kernel dies and is opened again at once, its old follower still reads the log to the end while the new
one begins. Both would write the same rows, each in batches of its own, under tokens of its own: twice.
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from dita.follow.target import TargetAway


class FollowerLock:
    """The lock of one follower. It ends with its process, whatever ends that."""

    def __init__(self, log_dir: str | os.PathLike[str], name: str) -> None:
        """Name it; nothing is locked yet.

        Args:
            log_dir: The log's directory.
            name: Of the follower.
        """
        self._path = Path(log_dir) / f"{name}.following"
        self._held: int | None = None

    def take(self) -> None:
        """Take the lock. Taking it again does nothing.

        Raises:
            TargetAway: Another follower of that name is at work, or the lock cannot be made now.
        """
        if self._held is not None:
            return
        try:
            held = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise TargetAway(f"{self._path}: the lock cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(held, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(held)
            raise TargetAway(
                f"{self._path}: process {holder} is this log's follower already: this one begins when that "
                "has ended; the lock goes with it"
            ) from error
        self._held = held
        os.truncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)

    def __enter__(self) -> Self:
        """Return it, not locked yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
