"""What `dita gateway` shows beside a host that runs: a log, a cluster, an engine that it starts."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita import timetravel
from dita.errors import KernelError
from dita.gateway.refused import SourceAway, UnknownTrade
from dita.gateway.source import ReadOnlySource
from dita.host import Directory, ask
from dita.observe.source import ClusterSource, LogSource
from dita.timetravel.story import story_lines

if TYPE_CHECKING:
    from dita.observe.source import Seen
    from dita.observe.source import Source as Watched

_STARTS_WITHIN_S: Final = 30.0
_ENDS_WITHIN_S: Final = 15.0
_FREE: Final = ("IDLE", "CLOSED")


def log_source(log_dir: Path) -> "ReadOnlySource":
    """Return a log's directory as something that is looked at; the kernel does not know of it.

    Args:
        log_dir: The log's directory.

    Raises:
        LogError: There is no log, or it cannot be read.
    """
    return _source(log_dir.name, "log", LogSource(log_dir), story=lambda trade: story_of(log_dir, trade))


def story_of(log: Path, trade_id: str) -> list[str]:
    """Tell a trade's story as `dita explain` does."""
    try:
        return list(story_lines(timetravel.explain(log, trade_id)))
    except timetravel.UnknownTrade as error:
        raise UnknownTrade(str(error)) from error


def cluster_source(address: str) -> "ReadOnlySource":
    """Return every kernel of a cluster's projection as something that is looked at.

    Args:
        address: The cluster's.

    Raises:
        ClusterError: It cannot be reached.
    """
    watched = ClusterSource(address)
    return _source(address, "cluster", watched)


def _source(name: str, kind: str, watched: "Watched", **more: Any) -> "ReadOnlySource":  # noqa: ANN401 - passed on
    def rows() -> Mapping[str, str]:
        first = watched.read(None)
        if first.trouble and not first.accounts:
            raise SourceAway(f"{name}: {first.trouble}")
        found = {"host": _text({"name": name, "boot": kind, "heartbeat": "fresh"})}
        for kernel in [first.kernel, *(other for other in first.others if other != first.kernel)]:
            seen = first if kernel == first.kernel else watched.read(kernel)
            found.update(rows_of(Path(seen.kernel).name if kind == "log" else seen.kernel, seen))
        return found

    return ReadOnlySource(name, kind, rows, close=watched.close, **more)


def rows_of(name: str, seen: "Seen") -> Iterator[tuple[str, str]]:
    """Yield the rows of a kernel as it is seen elsewhere.

    Args:
        name: What it is called.
        seen: How it is.
    """
    for place, account in enumerate(seen.accounts):
        yield (f"account:{name}" if place == 0 else f"asset:{name}:{account['asset']}"), _text(account)
    if seen.control:
        yield f"control:{name}", _text(seen.control)
    marks: dict[str, object] = {}
    for slot in seen.slots:
        if str(slot["fsm_state"]) not in _FREE:
            yield f"slot:{name}:{slot['slot_id']}", _text(slot)
            marks[str(slot["asset"])] = slot.get("mark_price")
    for order in seen.orders:
        yield f"order:{name}:{order['venue_client_id']}", _text(order)
    for symbol, mark in marks.items():
        yield f"market:{name}:{symbol}", _text({"symbol": symbol, "mark_price": mark})
    followers = {
        str(one["name"]): {
            "state": "DEAD" if one.get("trouble") else "FOLLOWING",
            "error": one.get("trouble") or "",
            "lag_seconds": one.get("lag_seconds"),
            "lag_records": one.get("waiting"),
        }
        for one in seen.followers
    }
    health = {"seq": seen.seq, "now_ns": seen.time_ns, "followers": followers, "trouble": seen.trouble}
    yield f"health:{name}", _text(health)


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


@contextlib.contextmanager
def spawned(arguments: Sequence[str]) -> "Iterator[Directory]":
    """Start `dita engine --stdio` on a host that answers, and end it afterwards.

    It ends by itself where this process does: its input ends then.

    Args:
        arguments: More of the engine's, such as `--market none`.

    Raises:
        KernelError: It does not start; the text is its own.
    """
    with tempfile.TemporaryDirectory(prefix="dita-engine-") as place:
        directory = Directory(Path(place) / "engine")
        command = [
            sys.executable,
            "-m",
            "dita.cli",
            "engine",
            "--stdio",
            "--dir",
            str(directory.path),
            *arguments,
        ]
        with (Path(place) / "errors").open("w+") as errors:
            engine = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
            try:
                until_s = time.monotonic() + _STARTS_WITHIN_S
                while True:
                    with contextlib.suppress(KernelError):
                        ask(directory, "strategies")
                        break
                    if engine.poll() is not None or time.monotonic() > until_s:
                        errors.seek(0)
                        said = errors.read().strip() or f"it did not answer within {_STARTS_WITHIN_S:g} s"
                        raise KernelError(f"dita engine: {said}")
                    time.sleep(0.05)
                yield directory
            finally:
                if engine.stdin is not None:
                    engine.stdin.close()
                try:
                    engine.wait(_ENDS_WITHIN_S)
                except subprocess.TimeoutExpired:
                    engine.kill()
                    engine.wait()
