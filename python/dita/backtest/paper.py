"""Paper: strategies on recorded markets at their own pace, on a host that can be asked and steered."""

import signal
import threading
import time
from pathlib import Path
from typing import Final

from dita import timetravel
from dita.backtest.engine import BacktestEngine, Play, Progress
from dita.backtest.result import BacktestResult
from dita.errors import refuse
from dita.host import Directory, DirectoryError

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
            directory: Where to keep log, controls, socket and reports; None keeps nothing. Where an earlier
                run has ended there, or was killed, this one goes on from its log: trades, orders and money as
                they were, the strategies with their notes, the markets from where it was.

        Raises:
            InvalidInput: The speed is not above zero.
            DirectoryError: Another host runs there.
        """
        if speed is not None and speed <= 0:
            raise refuse("speed", speed, "must be above zero")
        self._speed = speed
        self._directory = directory
        self._stop = threading.Event()
        self._began_s = self._first_ns = 0.0
        self._play = Play(engine, engine.settings, directory, log_policy="batch", feed=True)
        self._play.strict = False
        host = self._play.host
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
