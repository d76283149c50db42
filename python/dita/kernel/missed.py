"""The time since which the venue has been silent: kept beside the log until a recovery has caught up.

The log alone cannot tell: a recovery that is cut off, or whose venue does not answer, has already put newer
inputs into it.
"""

import os
from pathlib import Path
from typing import Final

from dita.errors import LogDisk

_NAME: Final = "venue.missed"


class Missed:
    """A time in a file: there while something may have been missed."""

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        """Name the log's directory."""
        self._path = Path(log_dir) / _NAME

    def since_ns(self, since_ns: int) -> int:
        """Return from when on to ask: `since_ns`, or an earlier time that is still open; and keep that.

        Args:
            since_ns: From when on this recovery would ask.

        Raises:
            LogDisk: The file cannot be read or written.
        """
        try:
            earlier = self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            earlier = ""
        except OSError as error:
            raise _refused(error) from error
        if earlier:
            # What cannot be read may have been any time.
            since_ns = min(since_ns, int(earlier) if earlier.strip().isdecimal() else 0)
        self._write(f"{since_ns}\n")
        return since_ns

    def caught_up(self) -> None:
        """Forget it: everything up to now was received."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error) from error

    def _write(self, text: str) -> None:
        unfinished = self._path.with_suffix(".tmp")
        try:
            with unfinished.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            raise _refused(error) from error


def _sync_directory(directory: Path) -> None:
    """Make a file's name durable, where directories can be opened for that."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(error: OSError) -> LogDisk:
    return LogDisk(
        f"{error.filename or _NAME}: {error.strerror}: see that this user can write there, and open again"
    )
