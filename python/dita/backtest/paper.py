"""Paper: strategies on recorded markets at their own pace, on a host that can be asked and steered."""

import signal
import threading
from dataclasses import replace
from pathlib import Path

from dita import timetravel
from dita.backtest.engine import BacktestEngine
from dita.backtest.play import Play, Progress
from dita.backtest.result import BacktestResult
from dita.errors import refuse
from dita.host import Directory, DirectoryError
from dita.host.asked_orders import SLOTS
from dita.portfolio import PortfolioService
from dita.signals import elsewhere


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
        self._directory = directory
        self._stop = threading.Event()
        # A host that answers takes orders by hand as well.
        settings = engine.settings if directory is None else replace(engine.settings, spare_slots=SLOTS)
        self._play = Play(engine, settings, directory, log_policy="batch", feed=True, speed=speed)
        self._play.strict = False
        host = self._play.host
        if directory is not None:
            PortfolioService(host)
            host.serve()

    def run(self, progress: Progress | None = None) -> BacktestResult:
        """Run to the markets' end, to SIGTERM, Ctrl-C or `dita stop`. Only in the main thread.

        Args:
            progress: Called with the progress.
        """
        before = {
            number: signal.signal(number, elsewhere(self._stop.set))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            result = self._play.run(progress, self._stopped)
        finally:
            for number, action in before.items():
                signal.signal(number, action)
        if self._directory is not None:
            result.save(self._directory.reports)
        return result

    def _stopped(self, wait_s: float) -> bool:
        """Wait, but not beyond a wish to stop; say whether there is one."""
        return self._stop.wait(wait_s) or self._play.host.stopping


def has_run(directory: Directory) -> bool:
    """Whether a log in a host's directory holds anything.

    Args:
        directory: The host's.
    """
    return any(timetravel.stats(directory.path / "log" / name)["last_seq"] for name in directory.accounts())


def set_log_away(directory: Directory) -> Path | None:
    """Move an earlier run's log, controls and reports away, so that the next begins anew.

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
    while (earlier := directory.path / f"earlier-{number}").exists():
        number += 1
    earlier.mkdir()
    for name in ("log", "controls", "reports"):
        if (directory.path / name).exists():
            (directory.path / name).rename(earlier / name)
    return earlier
