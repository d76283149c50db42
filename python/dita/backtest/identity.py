"""What makes two runs the same run: one id, one result."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from dita.backtest.settings import BacktestSettings
from dita.market import Market
from dita.runtime.sources import sources_of
from dita.strategy import Strategy
from dita.version import __version__


class NamedLike(Protocol):
    """What the id needs of a strategy; `dita.backtest.engine.Named` has it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def strategy(self) -> type[Strategy]:
        """Its class."""

    @property
    def params(self) -> Any:  # noqa: ANN401 - a model of the user's
        """Its parameters."""


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file; it is read once for each size and time of change.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    state = path.stat()
    return _digest(str(path.absolute()), state.st_size, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=256)
def _digest(path: str, _size: int, _mtime_ns: int, _inode: int) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def data_digest_of(source: Path | Market) -> bytes:
    """Return the SHA-256 of a market's file; of one that is made in Python, of its events.

    Args:
        source: The file, or the market.

    Raises:
        OSError: It cannot be read.
    """
    path = source if isinstance(source, Path) else getattr(source, "path", None)
    if isinstance(path, Path) and path.is_file():
        return digest_of(path)
    digest = hashlib.sha256()
    if not isinstance(source, Path):
        for event in source:
            digest.update(repr(event).encode())
    return digest.digest()


def run_id_of(
    sources: Sequence[Path | Market],
    named: Sequence[NamedLike],
    settings: BacktestSettings,
    rules: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the SHA-256 of version, data, strategies, parameters and settings, in hex.

    A strategy's code is its own file and what that imports from its own folder or package.

    Args:
        sources: The markets' files, or the markets; the file with the funding is added to them.
        named: The strategies.
        settings: What is assumed.
        rules: Each instrument's.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256(f"dita {__version__}\n".encode())
    for source in sources:
        digest.update(data_digest_of(source))
    if settings.funding is not None:
        digest.update(b"funding" + digest_of(settings.funding))
    for one in named:
        code = sources_of(one.strategy)
        digest.update(code.own)
        for name, imported in code.imported:
            digest.update(f"imports {name} ".encode() + imported)
        params = one.params.model_dump(mode="json") if one.params is not None else {}
        digest.update(json.dumps([one.name, params], sort_keys=True, default=str).encode())
    # Where the funding is has no part in it; what it says has.
    funding = None if settings.funding is None else Path("funding")
    digest.update(repr((replace(settings, stops_first=False, funding=funding), rules)).encode())
    if settings.allow_disorder:
        digest.update(b"rows out of order are left out")
    if settings.bar_time != "open":
        digest.update(f"bar times are those of the {settings.bar_time}".encode())
    if settings.warmup_before:
        digest.update(b"warm-up before the window")
    return digest.hexdigest()


def data_id_of(files: Sequence[Path], window: tuple[int | None, int | None]) -> str:
    """Return the SHA-256 of market files and a window of them, in hex: the same for every run on it.

    Args:
        files: In their order.
        window: What is played of them, nanoseconds since 1970.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256(f"{window}\n".encode())
    for path in files:
        digest.update(digest_of(path))
    return digest.hexdigest()
