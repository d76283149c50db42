"""Paper: strategies on recorded markets at their own pace, on a host that can be asked and steered."""

import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.backtest.engine import BacktestEngine, Play, Progress
from dita.backtest.result import BacktestResult
from dita.errors import refuse
from dita.host import Directory, DirectoryError
from dita.runtime import Actor

_LOOK_S: Final = 0.05
_SECOND_NS: Final = 1_000_000_000


class PaperRun:
    """One paper run. It answers at its directory's socket: status, orders, strategies, controls, stop.

    The kernel, the venue and the loop are the backtest's: as fast as can be, the same market gives the same
    fills and the same money.
    """

    def __init__(
        self, engine: BacktestEngine, *, speed: float | None = 1.0, directory: Directory | None = None
    ) -> None:
        """Open the host.

        Args:
            engine: What is played.
            speed: How many seconds of the market pass in one; None means as fast as can be.
            directory: Where to keep log, controls, socket and reports; None keeps nothing.

        Raises:
            InvalidInput: The speed is not above zero.
            DirectoryError: Another host runs there, or one has run there before.
        """
        if speed is not None and speed <= 0:
            raise refuse("speed", speed, "must be above zero")
        if directory is not None and has_run(directory):
            raise DirectoryError(
                f"{directory.path}: has the log of an earlier run; choose another name, or give --fresh"
            )
        self._speed = speed
        self._directory = directory
        self._stop = threading.Event()
        self._began_s = self._first_ns = 0.0
        self._play = Play(engine, engine.settings, directory, log_policy="batch", feed=True)
        self._play.strict = False
        host = self._play.host
        host.answer("strategies", lambda _: [_told(actor) for actor in self._play.actors])
        host.answer("pause", lambda request: self._steer(request, Actor.pause))
        host.answer("start", lambda request: self._steer(request, Actor.resume))
        if directory is not None:
            host.serve()

    def run(self, progress: Progress | None = None) -> BacktestResult:
        """Run to the markets' end, to SIGTERM, Ctrl-C or `dita stop`. Only in the main thread.

        Args:
            progress: Hears how far it is.
        """
        before = {
            number: signal.signal(number, lambda *_: self._stop.set())
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            result = self._play.run(progress, self._pace)
        finally:
            for number, action in before.items():
                signal.signal(number, action)
        if self._directory is not None:
            result.save(self._directory.reports)
        return result

    def _pace(self, at_ns: int) -> bool:
        """Wait until a moment is due; say whether to go on."""
        if not self._began_s:
            self._began_s, self._first_ns = time.monotonic(), at_ns
        while not self._stop.is_set() and not self._play.host.stopping:
            if self._speed is None:
                return True
            due_s = self._began_s + (at_ns - self._first_ns) / _SECOND_NS / self._speed
            left_s = due_s - time.monotonic()
            if left_s <= 0:
                return True
            self._stop.wait(min(left_s, _LOOK_S))
        return False

    def _steer(self, request: Mapping[str, Any], how: Any) -> object:  # noqa: ANN401 - a method of Actor
        name = request.get("strategy")
        found = [actor for actor in self._play.actors if name in (None, actor.name)]
        if not found:
            known = ", ".join(actor.name for actor in self._play.actors)
            raise refuse("strategy", name, f"is none of {known}")
        for actor in found:
            how(actor)
        return [_told(actor) for actor in self._play.actors]


def _told(actor: Actor) -> dict[str, Any]:
    return {
        "name": actor.name,
        "state": str(actor.state),
        "error": actor.error,
        "warming": actor.strategy.warming,
        "symbols": list(actor.symbols),
        "slots": list(actor.client.slots),
    }


def has_run(directory: Directory) -> bool:
    """Whether a log in a host's directory holds anything.

    Args:
        directory: The host's.
    """
    return any(timetravel.stats(directory.path / "log" / name)["last_seq"] for name in directory.accounts())


def put_aside(directory: Directory) -> Path | None:
    """Put an earlier run's log, controls and reports aside, so that the next begins anew.

    Args:
        directory: The host's; nobody may run there.

    Returns:
        Where they are now; None where there was none.

    Raises:
        DirectoryError: A host runs there.
    """
    if directory.is_held():
        raise DirectoryError(f"{directory.path}: a host runs here; stop it first")
    if not has_run(directory):
        return None
    number = 1
    while (aside := directory.path / f"earlier-{number}").exists():
        number += 1
    aside.mkdir()
    for name in ("log", "controls", "reports"):
        if (directory.path / name).exists():
            (directory.path / name).rename(aside / name)
    return aside
