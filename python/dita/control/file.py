"""A control plane in a file: written as a whole or not at all, one writer at a time, watched."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from dita.control.memory import ControlUpdate, KernelControlSnapshot, Watcher
from dita.control.record import ControlPlaneError, Record, check
from dita.control.watched import Watched, conflict

LOCK_TIMEOUT_S: Final = 5.0
LOOK_S: Final = 0.01
_RETRY_S: Final = 0.01


class FileControlPlane:
    """A control plane in a file, for kernels and operators on one machine.

    The file is replaced as a whole (temporary file, fsync, rename), under a lock that ends with its holder;
    a thread looks at it a hundred times a second while somebody watches. Where it is gone, damaged or older
    than what was seen, watchers keep what they have, and `standing` says so.
    """

    def __init__(self, path: str | os.PathLike[str], *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        """Name the file. It is made by the first update, or by the first kernel that watches it.

        Args:
            path: The file; beside it `<name>.lock`.
            lock_timeout_s: How long an update waits for another one.

        Raises:
            ControlPlaneError: Its directory is not there.
        """
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise ControlPlaneError(f"{self.path}: {self.path.parent} is no directory: make it first")
        self._lock_timeout_s = lock_timeout_s
        self._watched = Watched(str(self.path))
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()

    def read(self) -> KernelControlSnapshot:
        """Return the controls as they stand; the defaults where the file is not there yet.

        Raises:
            ControlPlaneError: The file cannot be read.
        """
        return self._load().controls

    def exists(self) -> bool:
        """Whether there is a plane: a kernel that watches makes one."""
        return self.path.exists()

    @property
    def flatten_stands(self) -> bool:
        """Whether positions are to be left, and nobody has opened the gate since."""
        return self._load().flatten_stands

    @property
    def flatten_all_stands(self) -> bool:
        """Whether that includes what was there when a kernel was opened."""
        return self._load().flatten_all_stands

    @property
    def reasons(self) -> dict[str, str]:
        """Why overrides were given, by their ids, as far as the last changes say."""
        return self._load().reasons

    def update(self, update: ControlUpdate, *, if_version: int | None = None) -> KernelControlSnapshot:
        """Change the controls, and return them as they then stand.

        Args:
            update: What to change; the rest stays, also what somebody else has changed meanwhile.
            if_version: Only if they stand at this version.

        Raises:
            InvalidInput: A value that cannot be; by field. Nothing changed.
            ControlConflict: They stand at another version. Nothing changed.
            ControlPlaneError: The file cannot be read, locked or written.
            KernelError: A kernel that watches here refused, or this is inside one of its calls; nothing
                changed.
        """
        self._watched.refuse_inside()
        with self._watched.lock, self._locked():
            record = self._load()
            if if_version not in (None, record.controls.version):
                raise conflict(str(self.path), if_version or 0, record.controls.version)
            check(update, record.controls)
            # What others have set comes first.
            self._watched.found(record)
            changed = record.with_change(update)
            self._watched.ask(replace(update, version=changed.controls.version))
            self._watched.skip(changed)
            self._store(changed)
            return changed.controls

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a function with each change: own ones before they stand, others once they are found.

        Args:
            watcher: Called in the updating thread, or in the plane's.

        Returns:
            A function that ends the watch.
        """
        with self._watched.lock:
            if not self._watched.has_watchers:
                with self._locked():
                    record = self._load()
                    if not self.path.exists():
                        # An operator who mistypes the place must find nothing there.
                        self._store(record)
                self._watched.skip(record)
            end = self._watched.add(watcher)
            if self._thread is None:
                self._ends.clear()
                self._thread = threading.Thread(target=self._look, name="dita-control-file", daemon=True)
                self._thread.start()
        return end

    def standing(self) -> dict[str, Any]:
        """Return how the plane stands: `place version trouble trouble_seconds refused`."""
        return self._watched.standing()

    def close(self) -> None:
        """End the watching."""
        self._ends.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def __enter__(self) -> Self:
        """Return the plane."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the watching."""
        self.close()

    # ---------------------------------------------------------------------------------------------- inside

    def _load(self) -> Record:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Record()
        except (OSError, UnicodeDecodeError) as error:
            raise ControlPlaneError(f"{self.path}: cannot be read: {error}") from error
        return Record.from_json(text, str(self.path))

    def _store(self, record: Record) -> None:
        scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with scratch.open("w", encoding="utf-8") as file:
                file.write(record.to_json())
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise ControlPlaneError(
                f"{self.path}: cannot be written ({error.strerror}): a kernel that watches in this process "
                "has taken the change, others have not"
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time. The kernel of the machine lets go of the lock when its holder dies."""
        place = self.path.with_name(self.path.name + ".lock")
        try:
            handle = os.open(place, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            raise ControlPlaneError(f"{place}: cannot be opened: {error.strerror}") from error
        with os.fdopen(handle, "r+", encoding="ascii", errors="replace") as lock:
            until = time.monotonic() + self._lock_timeout_s
            while not _taken(lock.fileno()):
                if time.monotonic() > until:
                    raise ControlPlaneError(
                        f"{place}: is held by process {lock.read().strip() or 'unknown'} for more than "
                        f"{self._lock_timeout_s:g} s: see what it does; the lock goes with it"
                    )
                time.sleep(_RETRY_S)
                lock.seek(0)
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def _look(self) -> None:
        """Find out when the file was replaced. In the plane's own thread."""
        seen: tuple[int, ...] | None = None
        while not self._ends.wait(LOOK_S):
            try:
                now = self.path.stat()
            except FileNotFoundError:
                self._put_back()
                continue
            except OSError as error:
                self._watched.troubled(f"{self.path}: cannot be seen: {error.strerror}")
                continue
            mark = (now.st_ino, now.st_mtime_ns, now.st_size)
            if mark == seen:
                continue
            try:
                # One after the other with updates of this process: what was read before is no news after.
                with self._watched.lock:
                    self._watched.found(self._load())
                seen = mark
            except ControlPlaneError as error:
                self._watched.troubled(str(error))

    def _put_back(self) -> None:
        """Make the file again, as it was last seen: the next operator must find it."""
        self._watched.troubled(f"{self.path}: is gone, and is put back as it was last seen")
        try:
            with self._locked():
                if not self.path.exists():
                    self._store(self._watched.last)
        except ControlPlaneError as error:
            self._watched.troubled(f"{error}; the kernel keeps the last controls")


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
