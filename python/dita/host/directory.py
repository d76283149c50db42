"""A host's directory: its logs, its controls, its socket, the configuration it runs with, and its reports."""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from dita.errors import KernelError
from dita.host.owner import Owner

HOME_VARIABLE: Final = "DITA_HOME"
_HOME_DEFAULT: Final = "~/.local/state/dita"
# What a Unix socket's address has room for, with its end.
_SOCKET_BYTES_MAX: Final = 107
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")


class DirectoryError(KernelError):
    """A host's directory cannot be used; the text says why and what to do."""


def home() -> Path:
    """Return where hosts' directories are: `$DITA_HOME`, else `~/.local/state/dita`."""
    return Path(os.environ.get(HOME_VARIABLE) or _HOME_DEFAULT).expanduser()


class Directory:
    """One host's directory. Nothing is made before `make`.

    Attributes:
        path: Where it is.
        died: The process that held it before and ended without letting go of it: killed, or crashed; None
            where there is none, and before `make` or `wait`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name it.

        Args:
            path: Where it is, or will be.
        """
        self.path = Path(path)
        self.died: Owner | None = None
        self._lock: IO[bytes] | None = None
        self._held = contextlib.ExitStack()

    @staticmethod
    def named(name: str) -> "Directory":
        """Return the directory of a host by the host's name, below `home()`.

        Args:
            name: The host's name.

        Raises:
            DirectoryError: It is no name.
        """
        if not _NAME.fullmatch(name):
            raise DirectoryError(f"{name!r}: is no host's name; use at most 31 letters, digits, _ and -")
        return Directory(home() / name)

    @staticmethod
    def found(name: str | None, path: str | os.PathLike[str] | None = None) -> "Directory":
        """Return the directory that a command means.

        Args:
            name: The host's name; None means the only one that runs.
            path: The directory itself; it counts first.

        Raises:
            DirectoryError: There is none, or several run.
        """
        if path is not None or name is not None:
            directory = Directory(path) if path is not None else Directory.named(name or "")
            if not directory.path.is_dir():
                known = ", ".join(one.path.name for one in directories()) or "none yet"
                raise DirectoryError(f"{directory.path}: there is no such host; known are: {known}")
            return directory
        running = [one for one in directories() if one.is_held()]
        if len(running) == 1:
            return running[0]
        if running:
            names = ", ".join(one.path.name for one in running)
            raise DirectoryError(f"several hosts run: name one of {names}")
        known = ", ".join(one.path.name for one in directories())
        raise DirectoryError(
            f"no host runs below {home()}" + (f"; name one of {known} to read its log" if known else "")
        )

    @property
    def socket(self) -> Path:
        """Where the host answers.

        Raises:
            DirectoryError: The path is longer than a socket's address can be.
        """
        socket = self.path / "host.sock"
        if len(os.fsencode(socket)) > _SOCKET_BYTES_MAX:
            raise DirectoryError(
                f"{socket}: is longer than a socket's address can be ({_SOCKET_BYTES_MAX} bytes); "
                "choose a directory with a shorter path"
            )
        return socket

    @property
    def config(self) -> Path:
        """The configuration that the host runs with."""
        return self.path / "dita.toml"

    @property
    def reports(self) -> Path:
        """Where reports go."""
        return self.path / "reports"

    @property
    def notes(self) -> Path:
        """Where strategies' notes go that are no part of a log."""
        return self.path / "notes"

    def log(self, account: str) -> Path:
        """Return the log's directory of an account.

        Args:
            account: The account's name.
        """
        return self.path / "log" / file_name(account)

    def controls(self, account: str) -> Path:
        """Return the control plane's file of an account.

        Args:
            account: The account's name.
        """
        return self.path / "controls" / f"{file_name(account)}.json"

    @property
    def held(self) -> Path:
        """The file that names the strategies that an operator has paused or stopped."""
        return self.path / "controls" / "strategies.held"

    def read_held(self) -> dict[str, str]:
        """Return what an operator has done with strategies: by name, `paused` or `stopped`.

        Raises:
            DirectoryError: The file cannot be read.
        """
        try:
            found = json.loads(self.held.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DirectoryError(
                f"{self.held}: cannot be read ({error}), so it is not known which strategies are paused; "
                "remove it to start all of them"
            ) from error
        return {str(name): str(how) for name, how in dict(found).items()}

    def write_held(self, held: Mapping[str, str]) -> None:
        """Write what an operator has done with strategies; it is durable on return.

        Args:
            held: By name, `paused` or `stopped`.

        Raises:
            DirectoryError: It cannot be written.
        """
        fresh = self.held.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(dict(held), file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.held)
        except OSError as error:
            raise DirectoryError(f"{self.held}: {error.strerror or error}") from error

    def plane(self, account: str) -> str:
        """Return the name under which an account shows itself in shared memory.

        Args:
            account: The account's name.
        """
        return plane_name(self.path.name, account)

    def keep(self, place: str, content: bytes) -> None:
        """Keep a file; one that is there with this content stays as it is.

        Args:
            place: Where, below the directory.
            content: The file's.

        Raises:
            DirectoryError: It cannot be written.
        """
        path = self.path / place
        try:
            if not (path.is_file() and path.read_bytes() == content):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.write_bytes(content)
        except OSError as error:
            raise DirectoryError(f"{path}: {error.strerror or error}") from error

    def accounts(self) -> list[str]:
        """Return the file names of the accounts that have a log here."""
        below = self.path / "log"
        return sorted(one.name for one in below.iterdir() if one.is_dir()) if below.is_dir() else []

    @property
    def lock(self) -> Path:
        """The file that names the process that runs here; the lock is the directory's own."""
        return self.path / "host.lock"

    def make(self) -> None:
        """Make it, for its owner alone, and lock it. What is locked already stays so.

        Raises:
            DirectoryError: It cannot be made or locked, or another host holds it.
        """
        self.prepare()
        if self._lock is None:
            self._hold(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def wait(self) -> None:
        """As `make`, but wait until nobody holds it, however long. It cannot be interrupted: ask a thread.

        Raises:
            DirectoryError: It cannot be made or locked.
        """
        self.prepare()
        while self._lock is None and not self._hold(fcntl.LOCK_EX):
            self.prepare()

    def owner(self) -> Owner | None:
        """Return the process that holds it, or held it and died; None where the last one let go of it."""
        return Owner.read(self.lock)

    def prepare(self) -> None:
        """Make the folders, for their owner alone, and hold nothing.

        Raises:
            DirectoryError: They cannot be made.
        """
        try:
            for one in (self.path, self.path / "log", self.path / "controls", self.reports):
                one.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DirectoryError(f"{self.path}: {error.strerror or error}") from error

    def _hold(self, how: int) -> bool:
        """Lock the directory itself, and then the file: a build before this one locks nothing else.

        Returns:
            Whether the path still leads to what was locked; else nothing is held.
        """
        with contextlib.ExitStack() as held:
            try:
                handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
                held.callback(os.close, handle)
                fcntl.flock(handle, how)
                if not os.path.samestat(os.fstat(handle), self.path.stat()):
                    return False
                lock = held.enter_context(self.lock.open("a+b"))
                fcntl.flock(lock, how)
            except BlockingIOError:
                owner = self.owner()
                who = "" if owner is None else f" (process {owner.pid})"
                raise DirectoryError(
                    f"{self.path}: another host runs here{who}; stop it, choose another name, or wait for "
                    "its end with --standby"
                ) from None
            except OSError as error:
                why = error.strerror or error
                raise DirectoryError(
                    f"{self.path}: cannot be locked: {why}; use a directory of a local filesystem"
                ) from error
            self.died = Owner.read(self.lock)
            Owner.here().write(lock)
            self._lock, self._held = lock, held.pop_all()
        return True

    def is_held(self) -> bool:
        """Whether a host runs here."""
        for one in (self.path, self.lock):
            try:
                handle = os.open(one, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
            finally:
                os.close(handle)
        return False

    def release(self) -> None:
        """Let another host have it. Releasing again does nothing."""
        if self._lock is not None:
            # Whoever has it next sees that nobody died here.
            with contextlib.suppress(OSError):
                self._lock.truncate(0)
            self._lock = None
            self._held.close()


def file_name(account: str) -> str:
    """Return an account's name as a file's: `binance/main` is `binance.main`.

    Args:
        account: The account's name.
    """
    return account.replace("/", ".")


def plane_name(host: str, account: str) -> str:
    """Return the name under which a host's account shows itself in shared memory: `HOST.ACCOUNT`.

    Args:
        host: The host's name.
        account: The account's.
    """
    return f"{host}.{file_name(account)}"


def directories() -> Iterator[Directory]:
    """Yield the directories below `home()` that a host has made, by name."""
    if not home().is_dir():
        return
    for one in sorted(home().iterdir()):
        if (one / "host.lock").exists():
            yield Directory(one)
