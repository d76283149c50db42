"""`Serving`: a host whose kernels other processes use."""

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from dita._kernel import Bar, LogReplica, QuoteTick, TradeTick, Watcher
from dita.clock import Clock, SystemClock
from dita.config import Config
from dita.errors import KernelError, refuse
from dita.host import Directory, Host
from dita.host.metrics_port import MetricsPort
from dita.host.notify import ALIVE, READY, STOPPING, Notifier
from dita.host.program_server import ProgramServer
from dita.kernel.place import SOCKET_NAME
from dita.server.asking import standbys
from dita.server.sameness import terms_of, write_terms
from dita.venues import SimulatedVenue
from dita.venues.wire.failures import Failure

if TYPE_CHECKING:
    from dita.kernel import ExecutionKernel
    from dita.live.checks import Check
    from dita.live.session import LiveSession
    from dita.venues.wire.live import LiveAdapter

_LOG: Final = logging.getLogger("dita.server")
#: The server's thread turns many times a second; one that has not for so long is stuck.
_STUCK_S: Final = 10.0


class Serving:
    """Owns the accounts of a configuration, and lets programs trade them.

    Use it as a context manager, or close it. The loop that serves programs is a thread of the extension's.
    It takes the interpreter only where a venue's adapter written in Python is asked.

    Attributes:
        host: Owns the accounts.
        server: The kernel server.
        path: Where they connect.
        metrics: The port for Prometheus; None where there is none.
        checks: What was looked at of each live venue's account before it was served.
    """

    def __init__(
        self,
        config: Config,
        directory: Directory,
        *,
        socket: Path | None = None,
        notifier: Notifier | None = None,
        replicas: Mapping[str, LogReplica] | None = None,
        adapters: Mapping[str, Any] | None = None,
        allow_withdrawals: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Open the accounts, show them in shared memory, and listen.

        Args:
            config: What to open; every account is shown in shared memory, whatever its `zinc` says.
            directory: Where the host keeps what survives it.
            socket: Where programs connect; None means the configuration's, or the directory's `kernel.sock`.
            notifier: Notified when the service is ready, alive and ends.
            replicas: By account, what has followed its log: of a standby that takes over.
            adapters: By account, adapters that are made already.
            allow_withdrawals: Whether a live venue's key that may withdraw is good enough.
            clock: Where kernel time comes from; None means this machine's clock.

        Raises:
            KernelError: An account cannot be opened, a live venue's is not as it has to be, or another server
                runs there.
        """
        shared = {name: one.model_copy(update={"zinc": True}) for name, one in config.accounts.items()}
        self._notifier = notifier or Notifier({})
        self._beats, self._turned_s = 0, time.monotonic()
        self._notified_s = 0.0
        # Rust's watcher serves strategies inside; a feed would cost a Python call at each intent.
        self.host = Host(
            config.model_copy(update={"accounts": shared}),
            directory=directory,
            clock=clock or SystemClock(),
            logs={name: Watcher(hears=False) for name in shared},
            feed=False,
            replicas=replicas,
            adapters=adapters,
        )
        self._sessions: dict[str, LiveSession] = {}
        self.checks: dict[str, list[Check]] = {}
        try:
            for name in self.host.accounts:
                # A standby that takes over trades at once: the process before it has looked.
                self._open_session(name, None if replicas is not None else allow_withdrawals)
            where = socket or (Path(config.serve.socket) if config.serve.socket else None)
            self.path = (where or directory.path / SOCKET_NAME).absolute()
            write_terms(directory, terms_of(config, self.path))
            programs = ProgramServer(
                self.host,
                directory,
                socket=self.path,
                mode=config.serve.mode,
                clients=config.serve.clients,
                spins=config.serve.spin,
            )
        except BaseException:
            self.host.close(drain_s=0)
            raise
        self.server = programs.server
        self.host.answer(
            "server", lambda _: {**self.server.standing(), "pid": os.getpid(), "epochs": self.epochs()}
        )
        self.host.answer("quote", self._quote)
        self.host.answer(
            "market", lambda _: {name: one.market_health() for name, one in self._sessions.items()}
        )
        self.host.answer("figures", lambda _: self.figures())
        try:
            self.metrics = self._open_metrics(config, takes_over=replicas is not None)
        except BaseException:
            self.server.end()
            self.host.close(drain_s=0)
            raise

    def _open_session(self, account: str, allow_withdrawals: bool | None) -> None:  # noqa: FBT001 - private
        """Take a live venue's account over; None for `allow_withdrawals` asks the venue for no checks."""
        try:
            from dita.venues.wire.live import LiveAdapter  # noqa: PLC0415 - it needs aiohttp
        except ImportError:
            # Without the extra there are no native adapters.
            return
        kernel = self.host.kernel(account)
        if not isinstance(kernel.venue, LiveAdapter):
            return
        from dita.live.live_account import ServedAccount, Terms  # noqa: PLC0415 - as above
        from dita.live.session import LiveSession  # noqa: PLC0415 - as above

        _ask_for_rules(kernel, kernel.venue)
        hedge_mode = self.host.config.accounts[account].hedge_mode
        served = ServedAccount(None if allow_withdrawals is None else Terms(hedge_mode, allow_withdrawals))
        self._sessions[account] = LiveSession(self.host, account, served)
        self.checks[account] = served.checks

    def _open_metrics(self, config: Config, *, takes_over: bool) -> MetricsPort | None:
        if config.serve.metrics is None:
            return None
        try:
            return MetricsPort(self.host, config.serve.metrics, public=config.serve.metrics_public)
        except KernelError as error:
            if not takes_over:
                raise
            # Programs trade by now: figures are not worth to end that.
            _LOG.error("no figures for Prometheus: %s", error)
            return None

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `dita stop`, then close. Only in the main thread.

        Raises:
            StrategyError: A strategy of the configuration cannot be loaded.
        """
        self.host.serve()
        self.host.run(self._begin, turned=self._look, ending=self._end)

    def _begin(self) -> None:
        """Hand on the markets of live venues, and say that it is ready."""
        self.subscribe_markets()
        self._notifier.tell(READY)

    def subscribe_markets(self) -> None:
        """Hand on the markets of live venues from now on: `run` does."""
        for session in self._sessions.values():
            session.begin()
            session.start()

    def epochs(self) -> dict[str, int]:
        """Return how often each account's log was opened for writing: a later opening has a higher number."""
        return {
            name: int(kernel.recovery["epoch"])
            for name, kernel in self.host.accounts.items()
            if kernel.recovery is not None
        }

    def figures(self) -> dict[str, Any]:
        """Return what only this process knows, as plain values: `role logs outcomes standbys server`."""
        server = {**self.server.standing(), **self.server.figures(), "leases": self.server.leases()}
        standing_by = [*standbys(self.host.directory)] if self.host.directory is not None else []
        return {**self.host.process_figures(), "standbys": standing_by, "server": server}

    def _look(self) -> None:
        """Say that it is alive, while the server's thread turns."""
        interval_s = self._notifier.interval_s
        if interval_s is None or time.monotonic() - self._notified_s < interval_s:
            return
        beats = self.server.standing()["beats"]
        if beats != self._beats:
            self._beats, self._turned_s = beats, time.monotonic()
        if self.server.alive and time.monotonic() - self._turned_s < _STUCK_S:
            self._notified_s = time.monotonic()
            self._notifier.tell(ALIVE)

    def _end(self) -> None:
        self._notifier.tell(STOPPING)
        self._end_serving()

    def _end_serving(self) -> None:
        for session in self._sessions.values():
            session.end()
        self.server.end()

    def _quote(self, request: Any) -> Any:  # noqa: ANN401 - a socket's fields
        """Give the simulated venue of an account a quote."""
        kernel = self.host.kernel(request.get("account"))
        venue = kernel.venue
        if not isinstance(venue, SimulatedVenue):
            raise refuse(
                "account", request.get("account"), "has no simulated venue: its market is the venue's own"
            )
        symbol, bid, ask = str(request["symbol"]), str(request["bid"]), str(request["ask"])
        bid_size, ask_size = (request.get(name) and str(request[name]) for name in ("bid_size", "ask_size"))
        venue.on_quote(symbol, bid, bid_size, ask, ask_size)
        account = next(name for name, known in self.host.accounts.items() if known is kernel)
        self.publish(QuoteTick(symbol, kernel.now_ns, (bid, bid_size, ask, ask_size)), account)
        return {"seq": kernel.seq}

    def publish(self, tick: QuoteTick | TradeTick | Bar, account: str | None = None) -> None:
        """Dispatch a market event to strategies inside and to connected programs.

        Args:
            tick: The event; the kernel and its venue have received it before.
            account: Of which account; None means all.
        """
        self.host.strategies.dispatch(tick, account)

    def close(self) -> None:
        """End the server, then the host. Closing again does nothing."""
        if self.metrics is not None:
            self.metrics.close()
        self._end_serving()
        self.host.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def load_live() -> None:
    """Load what a live venue's market needs: a standby does so before there is any hurry (0.04 s)."""
    import dita.live.session  # noqa: F401, PLC0415 - it needs aiohttp


def _ask_for_rules(kernel: "ExecutionKernel", adapter: "LiveAdapter") -> None:
    """Give the kernel the venue's rules of what the adapter trades and neither log nor file has."""
    unknown = [symbol for symbol in adapter.symbols if symbol not in kernel.instruments]
    if not unknown:
        return
    try:
        kernel.set_exchange_config({"instruments": dict(adapter.get_market_metadata(unknown))})
    except (Failure, TimeoutError) as error:
        raise KernelError(f"{', '.join(unknown)}: the venue does not tell its rules: {error}") from error
