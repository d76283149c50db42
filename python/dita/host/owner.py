"""`Owner`: which process holds a host's directory, and the one way to end it without ending another one."""

import contextlib
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from dita.errors import KernelError

# Of /proc/PID/stat, counted from behind the name, which may have spaces and brackets in it.
_STARTED: int = 19


class NoRight(KernelError):  # noqa: N818 - it says what is missing
    """This process may not end the owner; the text says whose it is and what to do."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, by what no other one has.

    Attributes:
        pid: Its number, which is used again once it has ended.
        started: When it was started, in the system's ticks since its own start.
    """

    pid: int
    started: int

    @classmethod
    def here(cls) -> Self:
        """Return this process."""
        return cls(os.getpid(), started_of(os.getpid()))

    @classmethod
    def read(cls, lock: Path) -> Self | None:
        """Return the process that a file names; None where it names none, as after an end in order.

        Args:
            lock: The file.
        """
        try:
            pid, started = lock.read_text(encoding="ascii").split()
            return cls(int(pid), int(started))
        except (OSError, ValueError):
            return None

    def write(self, lock: IO[bytes]) -> None:
        """Name it in a file. Only whoever holds the directory may."""
        lock.seek(0)
        lock.truncate()
        lock.write(f"{self.pid} {self.started}\n".encode("ascii"))
        lock.flush()

    def holds(self, place: Path) -> bool:
        """Whether it is this process that has a directory locked, as the system itself says.

        Args:
            place: The directory.

        Raises:
            NoRight: The process is another user's.
        """
        try:
            wanted = place.stat()
            for one in Path(f"/proc/{self.pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(one.stat(), wanted) and _is_locked(self.pid, one.name):
                        # Last: the number may have become another process's on the way.
                        return started_of(self.pid) == self.started
        except PermissionError as error:
            raise self._no_right() from error
        except (FileNotFoundError, ProcessLookupError):
            pass
        return False

    def open(self) -> int | None:
        """Return a file descriptor that stands for this very process; None where it has ended.

        Whoever asks closes it.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        if started_of(self.pid) != self.started:
            os.close(handle)
            return None
        return handle

    def kill(self, place: Path) -> bool:
        """End it at once (SIGKILL), if it still has a directory locked: what it had not done it never does.

        Args:
            place: The directory.

        Returns:
            Whether it was ended; False where it had ended, or does not hold the directory.

        Raises:
            NoRight: This process may not.
        """
        # From here on the descriptor is this process or nothing, whatever becomes of its number.
        handle = self.open()
        if handle is None:
            return False
        try:
            if not self.holds(place):
                return False
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except PermissionError as error:
            raise self._no_right() from error
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def check_right(self) -> None:
        """Hold against the system whether this process may end it.

        Raises:
            NoRight: It may not.
        """
        handle = self.open()
        if handle is None:
            return
        try:
            signal.pidfd_send_signal(handle, 0)
        except PermissionError as error:
            raise self._no_right() from error
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has ended and everything that it held is free.

        Args:
            timeout_s: At most so long, seconds.

        Returns:
            Whether it has ended.
        """
        handle = self.open()
        if handle is None:
            return True
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        finally:
            os.close(handle)

    def _no_right(self) -> NoRight:
        return NoRight(
            f"process {self.pid} holds the lock and may not be ended from here (EPERM): run the standby as "
            "the primary's user"
        )


def started_of(pid: int) -> int:
    """Return when a process was started, in ticks; 0 where there is none.

    Args:
        pid: Its number.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(stat[stat.rindex(b")") + 2 :].split()[_STARTED])


def _is_locked(pid: int, descriptor: str) -> bool:
    """Whether a process holds the lock of what a descriptor of its own stands for."""
    said = Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text(encoding="ascii", errors="replace")
    return any(line.startswith("lock:") and "FLOCK" in line and "WRITE" in line for line in said.splitlines())
