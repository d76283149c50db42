"""`LiveHost`: strategies at a venue, on a host that answers questions and takes commands."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dita.clock import SystemClock
from dita.config import Config
from dita.errors import KernelError
from dita.host import Directory, Host
from dita.host.metrics_port import MetricsPort
from dita.host.program_server import ProgramServer
from dita.live.dead_man import DeadMan
from dita.live.live_account import live_account_of
from dita.live.plan import NotReady, Plan, Remaining
from dita.live.session import LiveSession
from dita.portfolio import PortfolioService
from dita.runtime.loading import check_declared
from dita.signals import elsewhere
from dita.venues.wire.failures import Failure
from dita.zinc import SharedMemoryZincPlane

if TYPE_CHECKING:
    from dita.kernel import ExecutionKernel

_LOG: Final = logging.getLogger("dita.live")
_STOP_S: Final = 10.0


class LiveHost:
    """Strategies at a venue, from the checks to the stop: what `dita run` runs.

    Attributes:
        checks: What was looked at before.
        host: Owns the account.
        session: The account on its live market.
        programs: The server that programs connect to (`kernel.sock`); None where nothing is kept.
    """

    def __init__(
        self,
        plan: Plan,
        directory: Directory | None = None,
        *,
        config: Config | None = None,
        metrics: str | None = None,
    ) -> None:
        """Check the account and open it; nothing is traded yet.

        Args:
            plan: What is to run.
            directory: Where to keep log, controls and socket; None keeps nothing.
            config: What `dita.toml` says beside the account, which the plan has: alerts, followers, the
                breaker; None means the defaults.
            metrics: `host:port` of the Prometheus endpoint on this machine; None disables it.

        Raises:
            InvalidInput: `metrics` cannot be used.
            NotReady: A check failed.
            KernelError: The host cannot be opened, or a secret is missing.
        """
        for one in plan.strategies:
            check_declared(one.strategy)
        self.plan = plan
        self._stop = threading.Event()
        self._dead_man: DeadMan | None = None
        self.metrics: MetricsPort | None = None
        self._live_account = live_account_of(plan)
        self.checks = self._live_account.checks
        try:
            # The simulated venue's own time is driven; in shadow it is this machine's.
            clock = SystemClock() if plan.shadow else None
            self.host = Host(
                (config or Config()).model_copy(
                    update={"accounts": {plan.place.name: self._live_account.account}}
                ),
                directory=directory,
                clock=clock,
            )
            try:
                self.metrics = None if metrics is None else MetricsPort(self.host, metrics)
                self.kernel: ExecutionKernel = self.host.kernel(None)
                shown = directory is not None and self._show(directory)
                # Connected programs may want what no strategy inside wants.
                self.session = LiveSession(
                    self.host,
                    plan.place.name,
                    self._live_account,
                    symbols=plan.symbols,
                    interval=plan.interval,
                    quotes=shown or plan.wants("on_quote"),
                    trades=shown or plan.wants("on_trade"),
                )
                self._handles = [
                    self.host.load(one.strategy, name=one.name, params=one.params, symbols=plan.symbols)
                    for one in plan.strategies
                ]
                self.programs = (
                    None
                    if directory is None
                    else ProgramServer(self.host, directory, shown=shown, beats=False)
                )
            except BaseException:
                self._close_metrics()
                self.host.close(drain_s=0)
                raise
        except BaseException:
            self._live_account.close()
            raise
        if directory is not None:
            self.host.answer("market", lambda _: self.session.market_health())
            PortfolioService(self.host)
            self.host.serve()

    def _show(self, directory: Directory) -> bool:
        """Show the account in shared memory; false where another host has that name there."""
        try:
            self.kernel.share(SharedMemoryZincPlane(directory.plane(self.plan.place.name)))
        except KernelError as error:
            _LOG.warning("no shared memory: %s; connected programs get no market data", error)
            return False
        return True

    # ------------------------------------------------------------------------------------------------ trading

    def run(self, started: Callable[[], object] | None = None) -> Remaining:
        """Trade until SIGTERM, SIGINT, `dita stop` or `stop`. Only in the main thread.

        Args:
            started: Called once the strategies run.

        Returns:
            What is left at the venue.
        """
        hands = {number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            return self.trade(started)
        finally:
            for number, action in hands.items():
                signal.signal(number, action)

    def trade(self, started: Callable[[], object] | None = None) -> Remaining:
        """Trade as `run` does, without handling signals: from any thread.

        Args:
            started: Called once the strategies run.

        Raises:
            NotReady: The venue does not take the dead man's switch.
        """
        try:
            self._set_dead_man()
            self.session.begin(self._handles)
            if started is not None:
                started()
            while not self._stop.is_set() and not self.host.stopping:
                self.session.turn()
                if self._dead_man is not None:
                    self._dead_man.alive()
            return self._end()
        finally:
            if self._dead_man is not None:
                self._dead_man.abandon()
            self._close_metrics()
            if self.programs is not None:
                self.programs.close()
            self.host.close()
            self._live_account.close()

    def _close_metrics(self) -> None:
        if self.metrics is not None:
            self.metrics.close()

    def stop(self) -> None:
        """End `run`. From any thread."""
        self._stop.set()
        self.session.stopping.set()

    def _signalled(self, number: int, frame: object) -> None:
        if self._stop.is_set():
            # The second one leaves at once; what is at the venue stays there.
            os._exit(128 + number)
        elsewhere(self.stop)(number, frame)

    def _set_dead_man(self) -> None:
        if self.plan.dead_man_s is None or self.plan.shadow:
            return
        try:
            self._dead_man = DeadMan(self.session.market, self.plan.symbols, self.plan.dead_man_s)
        except (KernelError, Failure, TimeoutError) as error:
            raise NotReady(f"dead_man: the venue does not take it: {error}") from error

    # ------------------------------------------------------------------------------------------------ the end

    def _end(self) -> Remaining:
        """No new entries; what the plan says is done with the rest, for ten seconds at most."""
        policy, until = self.plan.on_stop, time.monotonic() + _STOP_S
        if self.programs is not None:
            self.programs.close()
        for handle in self._handles:
            handle.stop()
            if policy != "keep":
                handle.client.wind_down(flatten=policy == "flatten", reason="stop")
        while policy != "keep" and time.monotonic() < until and not self._is_done():
            self.session.turn()
            if self._dead_man is not None:
                self._dead_man.alive()
        if self._dead_man is not None:
            try:
                self._dead_man.end()
            except (KernelError, Failure, TimeoutError) as error:
                _LOG.critical(
                    "dead man: could not be taken off, the venue will cancel what is open: %s", error
                )
        return self._live_account.left()

    def _is_done(self) -> bool:
        for handle in self._handles:
            for trade in handle.client.trades():
                entry = trade.active_entry_order
                if entry is not None and entry.is_live():
                    return False
                if self.plan.on_stop == "flatten":
                    return False
        return True
