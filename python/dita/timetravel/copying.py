"""`backup`: a copy of a log that is verified, and opens elsewhere."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from dita._kernel import verify_log
from dita.errors import LogError

#: Called now and then with 0, the bytes copied, and all of them.
Listener = Callable[[int, int, int], object]

_MARK: Final = "durable.mark"
#: Snapshots and indexes are of records that were synced, so they come before the segments: a copy never has a
#: snapshot of a record that it lacks.
_KINDS: Final = (".snap", ".idx", ".seg")
_CHUNK_BYTES: Final = 4 << 20
#: Retention may take a file away between the list and its copy. A pass is then made again.
_PASSES_MAX: Final = 5


class BackupFailed(LogError):  # noqa: N818 - as the log names its own
    """The copy was not made; what is at the target is as it was."""


def backup(
    log_dir: str | os.PathLike[str], to: str | os.PathLike[str], progress: Listener | None = None
) -> dict[str, Any]:
    """Copy a log, also one that a kernel writes to, and verify the copy by replaying it.

    The copy appears under its name when it is whole and verified, and not before. It has no lock and no
    follower's cursor: whoever opens it begins with followers of its own.

    Args:
        log_dir: The log's directory.
        to: The copy's directory; must not be there, or be empty.
        progress: Called with the progress.

    Returns:
        What `verify` found of the copy, and `files` and `copied_bytes`.

    Raises:
        BackupFailed: The target is in use, the disk fails, or the copy is not whole; nothing is left of it.
        LogError: There is no log.
    """
    source, target = Path(log_dir), Path(to)
    if not any(source.glob("*.seg")):
        raise BackupFailed(
            f"{source}: there is no log; name the directory that a kernel was given as log_dir"
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupFailed(f"{target}: is there already; name a directory that is not, or an empty one")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{target.name}.part-", dir=target.parent))
    except OSError as error:
        raise BackupFailed(f"{target}: {error.strerror}") from error
    try:
        files, copied = _copied(source, part, progress)
        found = verify_log(part, replay=True)
        if not found["good"]:
            raise BackupFailed(
                f"{source}: its copy is not whole: {_why(found)}; see dita verify-log {source} --replay"
            )
        part.chmod(source.stat().st_mode & 0o777)
        part.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise BackupFailed(f"{error.filename or target}: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {**found, "files": files, "copied_bytes": copied}


def _why(found: dict[str, Any]) -> str:
    damage = found["damage"]
    return f"{damage['file']}: {damage['reason']}" if damage else "its replay gives something else"


def _copied(source: Path, part: Path, progress: Listener | None) -> tuple[int, int]:
    for _ in range(_PASSES_MAX):
        try:
            return _pass(source, part, progress)
        except FileNotFoundError:
            for path in part.iterdir():
                path.unlink()
    raise BackupFailed(
        f"{source}: its files went away while they were copied, {_PASSES_MAX} times: try again"
    )


def _pass(source: Path, part: Path, progress: Listener | None) -> tuple[int, int]:
    # The mark first, before anything is listed: one that is newer than the segments beside it would say that
    # something is missing.
    mark = source / _MARK
    copied = _copy(mark, part) if mark.exists() else 0
    paths = [path for kind in _KINDS for path in sorted(source.glob(f"*{kind}"))]
    bytes_all = copied + sum(path.stat().st_size for path in paths)
    for path in paths:
        copied += _copy(path, part)
        if progress is not None:
            progress(0, copied, max(copied, bytes_all))
    _sync(part)
    return len(paths) + mark.exists(), copied


def _copy(path: Path, to: Path) -> int:
    with path.open("rb") as read, (to / path.name).open("wb") as write:
        shutil.copyfileobj(read, write, _CHUNK_BYTES)
        write.flush()
        os.fsync(write.fileno())
        return write.tell()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
