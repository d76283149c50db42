"""The jars of a member: fetched once by Maven, held against their checksums, kept in the user's cache."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dita.cluster.errors import ClusterError

HAZELCAST_VERSION: Final = "5.5.0"
# SHA-256 of what pom.xml names. hazelcast-sql carries all that it depends on itself.
CHECKSUMS: Final = {
    "hazelcast-5.5.0.jar": "cf560b40b988526e780e4fae12cb6fe01c5158bb9e00839882857f32b544a19e",
    "hazelcast-sql-5.5.0.jar": "5e091414c6107c46dd692625c532877e094a97c6ce0c71bc43139cd3312d1e96",
}

_POM: Final = Path(__file__).with_name("pom.xml")
_BLOCK_BYTES: Final = 1 << 20
_FETCH_TIMEOUT_S: Final = 900


def cache_dir() -> Path:
    """Return where the jars are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "dita" / f"hazelcast-{HAZELCAST_VERSION}"


def jars(tell: Callable[[str], None] | None = None) -> tuple[Path, ...]:
    """Return the jars, fetched first where they are not in the cache.

    Args:
        tell: Called with each line of progress.

    Raises:
        ClusterError: Maven is missing or fails, or what it brought is not what it should be.
    """
    place = cache_dir()
    wanted = tuple(place / name for name in CHECKSUMS)
    if all(path.is_file() for path in wanted):
        check(wanted)
        return wanted
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(
            f"{place}: cannot be made ({error.strerror}): set XDG_CACHE_HOME to a place of yours"
        ) from error
    with _only_one(place):
        if not all(path.is_file() for path in wanted):
            _fetch(place, tell or (lambda _line: None))
    check(wanted)
    return wanted


def check(paths: tuple[Path, ...]) -> None:
    """Hold jars against their checksums.

    Raises:
        ClusterError: One differs; it is not used.
    """
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        if digest.hexdigest() != CHECKSUMS[path.name]:
            raise ClusterError(
                f"{path}: has SHA-256 {digest.hexdigest()}, not {CHECKSUMS[path.name]}: it is not used. "
                "Delete it and start again"
            )


@contextmanager
def _only_one(place: Path) -> Iterator[None]:
    """Let one process fetch at a time; the others wait, and find the jars there."""
    with (place / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(place: Path, tell: Callable[[str], None]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ClusterError("mvn was not found: install Maven; it fetches Hazelcast's jars once")
    with tempfile.TemporaryDirectory(dir=place, prefix="fetch-") as scratch:
        command = [
            *(maven, "--batch-mode", "--strict-checksums", "--file", str(_POM)),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={scratch}",
            "-DincludeScope=runtime",
        ]
        lines = _run(command, tell)
        for name in CHECKSUMS:
            brought = Path(scratch) / name
            if not brought.is_file():
                raise ClusterError(f"Maven brought no {name}: {_complaint(lines)}")
            check((brought,))
            brought.replace(place / name)


def _run(command: list[str], tell: Callable[[str], None]) -> list[str]:
    """Run Maven, counting what it loads; return its last lines."""
    lines: list[str] = []
    loaded, brought = 0, 0
    with subprocess.Popen(  # noqa: S603 - Maven, by its full path
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            lines = [*lines[-40:], line.rstrip()]
            if "Downloaded from" in line:
                # Maven also loads its own plugins, and what describes them.
                loaded += 1
                brought += any(f"/{name} " in line for name in CHECKSUMS)
                tell(
                    f"fetching Hazelcast {HAZELCAST_VERSION} with Maven: {brought} of {len(CHECKSUMS)} jars, "
                    f"{loaded} files in all"
                )
        code = process.wait(_FETCH_TIMEOUT_S)
    if code:
        raise ClusterError(f"Maven could not fetch Hazelcast: {_complaint(lines)}")
    return lines


def _complaint(lines: list[str]) -> str:
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    return next(iter(errors), "it said no more; run it by hand to see")
