"""`Host`: the one process that owns accounts."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from dita._kernel import LogReplica, Watcher
from dita.alerts import Alert, Alerts, Cause
from dita.clock import Clock
from dita.config import Config, ConfigError
from dita.control import ControlUpdate
from dita.errors import InvalidInput, KernelClosed, KernelError, refuse
from dita.host.alerting import Alarm, alerts_of
from dita.host.asked_orders import BY_HAND, AskedOrders
from dita.host.bots import give_capital, is_funded, move_capital, set_limits
from dita.host.client import Client, SlotRegistry
from dita.host.directory import Directory, plane_name
from dita.host.documents import account_orders, account_status, to_json
from dita.host.events import EventLog
from dita.host.feed import AccountFeed, Feed
from dita.host.opening import open_account
from dita.host.screen import Screen
from dita.host.serving import Answer, HostSocket
from dita.host.strategies import StrategyHandle, StrategyRunner
from dita.kernel import ExecutionKernel
from dita.signals import elsewhere
from dita.strategy import Params, Strategy
from dita.venues import BaseExecutionAdapter, BreakerSettings, CircuitBreaker, OrderManager
from dita.zinc import SharedMemoryZincPlane

_LOG: Final = logging.getLogger("dita.host")
_LOOK_S: Final = 0.05
_TICK_S: Final = 1.0
_STALE_S: Final = 5.0
_CONTROLS: Final = frozenset(
    {"gate", "frozen", "limits", "kill_switch", "flatten", "flatten_all", "updated_by"}
)


if TYPE_CHECKING:
    from dita.host.metrics import Figures


class Host:
    """Owns every account of a configuration, from opening to close. One process, one host for an account.

    Use it as a context manager, or close it. From any thread.

    Attributes:
        config: What it runs with.
        directory: Where it keeps what survives it; None where it keeps nothing.
        accounts: Kernels by account name.
        strategies: What was loaded.
        screen: What people see of it.
    """

    accounts: Mapping[str, ExecutionKernel]

    def __init__(
        self,
        config: Config,
        *,
        directory: Directory | None = None,
        clock: Clock | None = None,
        logs: Mapping[str, Any] | None = None,
        feed: bool = True,
        adapters: Mapping[str, Any] | None = None,
        replicas: Mapping[str, LogReplica] | None = None,
    ) -> None:
        """Open every account: kernel, log, venue, controls, followers.

        Args:
            config: What to open.
            directory: Where to keep logs, controls and the socket; None keeps nothing.
            clock: Where kernel time comes from; None leaves that to each venue.
            logs: By account, an observer like `KernelLogs`.
            feed: Whether `changes` yields anything, and strategies receive their order events where `logs`
                has no `Watcher`; it costs each input a little.
            adapters: By account, adapters that are made already: they stand for what the configuration
                names. One of the smallest form is polled.
            replicas: By account, what has followed its log: the opening replays only what is missing there.

        Raises:
            ConfigError: The configuration names what is not there.
            DirectoryError: Another host runs in the directory, or it cannot be made.
            KernelError: A kernel or its log cannot be opened; what was opened before it is closed again.
            SecretUnavailable: A webhook of the alerts is missing.
        """
        self.config = config
        self._name = config.host.name if directory is None else directory.path.name
        alerts = alerts_of(self._name, config.alerts)
        self.directory = directory
        self._feed = Feed()
        self._socket: HostSocket | None = None
        self._stop = threading.Event()
        self._closed = False
        self._answers: dict[str, Answer] = {}
        self._lock = threading.RLock()
        if directory is not None:
            directory.make()
        observers = {
            name: (logs or {}).get(name) or (Watcher(hears=False) if feed else None)
            for name in config.accounts
        }
        #: By venue: all accounts of one go by the same.
        self.breakers: dict[str, CircuitBreaker] = {}
        #: Accounts whose bots have no capital yet: those that somebody opens with the venue's state.
        self._unfunded = {name for name, account in config.accounts.items() if account.bots}
        kernels: dict[str, ExecutionKernel] = {}
        self.accounts = MappingProxyType(kernels)
        try:
            for name, account in config.accounts.items():
                kernels[name] = open_account(
                    name,
                    account,
                    config.followers,
                    directory,
                    AccountFeed(self._feed, name) if feed else None,
                    clock,
                    observers[name],
                    venue=(adapters or {}).get(name),
                    breaker=self._breaker_of(name),
                    replica=(replicas or {}).get(name),
                )
                if account.zinc:
                    plane = plane_name(config.host.name, name) if directory is None else directory.plane(name)
                    kernels[name].share(SharedMemoryZincPlane(plane))
                if is_funded(account.venue, kernels[name]):
                    self._fund(name)
            watchers = {name: one for name, one in observers.items() if isinstance(one, Watcher)}
            self.strategies = StrategyRunner(watchers, directory)
        except BaseException:
            for kernel in kernels.values():
                kernel.close()
            if directory is not None:
                directory.release()
            raise
        self._take_plain_orders()
        self._seats = {name: SlotRegistry(kernel) for name, kernel in kernels.items()}
        self._by_hand = AskedOrders(lambda name, slots: self.client(BY_HAND, name, slots=slots))
        self._answers |= self._order_answers()
        self.screen = Screen(self._row, self.accounts, self._rows_of_strategies)
        self._answers["rows"] = self._answer_rows
        self._answers["figures"] = lambda _: self.process_figures()
        self._alarm: Alarm | None = None
        died = None if directory is None else directory.died
        self._began = "clean" if died is None else "crash" if replicas is None else "takeover"
        self._watch(alerts, None if died is None else died.pid)

    def _watch(self, alerts: Alerts | None, died: int | None) -> None:
        """Begin to send alerts and to write events, with how the host began.

        Args:
            alerts: Sends alerts; None sends none.
            died: The process that had the directory before and did not close it.
        """
        text = f"started with {', '.join(self.accounts)}"
        _LOG.info("%s: %s", self._name, text)
        if alerts is not None:
            alerts.tell(Alert(Cause.STARTED, text, "INFO"))
        if alerts is not None or EventLog.wanted():
            disk = None if self.directory is None else self.directory.path
            self._alarm = Alarm(
                alerts, self.config.alerts, self.screen, self._rows_of_strategies, disk, self._rows_of_leases
            )
        if self._began == "crash":
            why = f"process {died} ended without closing (killed, crashed, or the machine went down)"
            self.alert(Alert(Cause.CRASHED, f"started again after a crash: {why}", "CRITICAL"))

    def _take_plain_orders(self) -> None:
        """Let adapters send plain orders through their kernels."""
        router = OrderManager(self)
        for name, kernel in self.accounts.items():
            if isinstance(kernel.venue, BaseExecutionAdapter):
                kernel.venue.send_by(partial(router.submit_order_on, name))

    def _breaker_of(self, name: str) -> CircuitBreaker | None:
        config = self.config.breaker
        if not config.enabled:
            return None
        venue = name.partition("/")[0]
        if venue not in self.breakers:
            values = config.model_dump(exclude={"enabled"})
            # How much and for how long, never money: floats are what clocks give.
            given: dict[str, Any] = {
                key: float(one) if isinstance(one, Decimal) else one for key, one in values.items()
            }
            self.breakers[venue] = CircuitBreaker(venue, BreakerSettings(**given))
        return self.breakers[venue]

    # ------------------------------------------------------------------------------------------- who trades

    def _fund(self, account: str) -> None:
        """Give the bots of an account their first capital, and what each may do at most.

        Raises:
            ConfigError: The account does not carry it.
        """
        if account not in self._unfunded:
            return
        kernel = self.accounts[account]
        bots = self.config.accounts[account].bots
        faults = list(give_capital(account, bots, kernel)) or list(set_limits(account, bots, kernel))
        if faults:
            raise ConfigError(faults)
        self._unfunded.discard(account)

    def client(self, name: str, account: str, *, slots: int = 1, on_loss: str = "keep") -> Client:
        """Give a program slots of an account.

        Those that carry its open trades come first, so that a program that was away has them again.

        Args:
            name: The program's; its trades carry it as their owner. At most 31 bytes.
            account: Which account.
            slots: How many trades it may run at once.
            on_loss: What to do with its trades when it is closed: "keep" them as they are, "cancel" its
                entries, or "flatten" them.

        Raises:
            InvalidInput: The account is not known, or the name is taken or no name.
            NoFreeSlot: The account has not so many slots left.
        """
        kernel = self.kernel(account)
        self._fund(account)
        return Client(kernel, self._seats[account], name, slots=slots, on_loss=on_loss)

    def load(
        self,
        strategy: type[Strategy] | str,
        *,
        name: str,
        account: str | None = None,
        params: Params | Mapping[str, Any] | None = None,
        slots: int | None = None,
        symbols: Sequence[str] = (),
    ) -> StrategyHandle:
        """Load a strategy. It does nothing until it is started.

        Where the account's log has a note of this name, the strategy goes on from it at its first start.

        Args:
            strategy: Its class, a file with one strategy in it, or `module:Class`.
            name: Its name; its trades carry it as their owner, its intents' ids begin with it.
            account: Which account it trades; None means the only one.
            params: Its parameters, or texts that are read as such; None means their defaults.
            slots: How many trades it may run at once; None means as it says.
            symbols: What it receives where it names no instruments; none means all that the account has.

        Raises:
            StrategyError: It cannot be loaded, or a parameter cannot be.
            InvalidInput: The account is not known, or the name is taken.
            NoFreeSlot: The account has not so many slots left.
        """
        kernel = self.kernel(account)
        where = next(one for one, known in self.accounts.items() if known is kernel)
        handle = self.strategies.load(
            strategy,
            lambda wanted: self.client(name, where, slots=wanted),
            kernel,
            name=name,
            account=where,
            params=params,
            slots=slots,
            symbols=symbols,
            live=self.config.accounts[where].log_policy != "off",
        )
        attachment = handle.strategy.attachment
        if attachment is not None and self.directory is not None:
            self.directory.keep(*attachment)
        return handle

    def kernel(self, account: str | None) -> ExecutionKernel:
        """Return an account's kernel.

        Args:
            account: Its name; None means the only one.

        Raises:
            InvalidInput: There is none of this name, or several.
        """
        if self._closed:
            raise KernelClosed("the host is closed")
        if account is None and len(self.accounts) == 1:
            return next(iter(self.accounts.values()))
        kernel = self.accounts.get(account or "")
        if kernel is None:
            raise refuse("account", account, f"is none of {', '.join(self.accounts)}")
        return kernel

    # --------------------------------------------------------------------------------------- who looks after

    def control(self, change: ControlUpdate, *, account: str | None = None) -> None:
        """Change controls. The change carries the name of who asked, and is logged.

        Args:
            change: What changes; `updated_by` says who asks.
            account: Of which account; None means of all.

        Raises:
            InvalidInput: It does not say who asks, or the account or a value is none; with several accounts,
                those before it have changed.
        """
        if not change.updated_by:
            raise refuse("updated_by", change.updated_by, "must say who asks")
        kernels = self.accounts.values() if account is None else (self.kernel(account),)
        for kernel in kernels:
            kernel.update_control(change)

    def alert(self, alert: Alert) -> None:
        """Tell the configuration's webhooks, and the log that people see; it never waits.

        Args:
            alert: What somebody has to know.
        """
        self.screen.say(alert.account, "alert", alert.severity, alert.text)
        if self._alarm is not None and self._alarm.alerts is not None:
            self._alarm.alerts.tell(alert)

    def _row(self) -> dict[str, Any]:
        """The host's own row."""
        heartbeat = "stale" if self.strategies.stuck_s() >= _STALE_S else "fresh"
        return {"name": self._name, "boot": self._feed.boot, "heartbeat": heartbeat}

    def _answer_rows(self, request: Mapping[str, Any]) -> object:
        """What has changed after a number of this life of the host; of another one, everything."""
        after = request.get("after")
        if after is not None and (isinstance(after, bool) or not isinstance(after, int)):
            raise refuse("after", after, "is no number that an answer gave")
        return {
            "boot": self._feed.boot,
            **self.screen.since(after if request.get("boot") == self._feed.boot else None),
        }

    def _rows_of_leases(self) -> Any:  # noqa: ANN401 - a KernelServer's rows
        """Return the leases of programs, where a server lets them in."""
        answer = self._answers.get("leases")
        with contextlib.suppress(KernelError):
            return [] if answer is None else answer({})
        return []

    def _rows_of_strategies(self) -> list[dict[str, Any]]:
        # A copy: one may be loaded meanwhile.
        return [handle.as_dict() for handle in list(self.strategies.handles.values())]

    def status(self) -> bytes:
        """Return the whole host as one JSON document."""
        return to_json(self._status()).encode()

    def _status(self) -> dict[str, Any]:
        return {
            **self._row(),
            "running": True,
            "accounts": {name: account_status(kernel) for name, kernel in self.accounts.items()},
            "strategies": self._rows_of_strategies(),
        }

    def process_figures(self) -> dict[str, Any]:
        """Return what only the host's process knows, as plain values: `role began logs inboxes outcomes`."""
        _, outcomes = self.screen.counted()
        logs = {}
        for name, kernel in self.accounts.items():
            standing = kernel.log_standing
            if standing is not None:
                unsynced = standing["last_seq"] - standing["durable_seq"]
                logs[name] = {"epoch": standing["epoch"], "unsynced": unsynced}
        return {
            "role": "primary",
            "began": self._began,
            "logs": logs,
            "inboxes": {name: kernel.inbox_depth for name, kernel in self.accounts.items()},
            "outcomes": [[account, code, count] for (account, code), count in outcomes.items()],
        }

    def figures(self) -> "Figures":
        """Return what is known now for Prometheus; the extra `web` writes it."""
        from dita.host.metrics import Figures  # noqa: PLC0415 - an extra

        rows, outcomes = self.screen.counted()
        said: Any = self._answers["figures"]({"request": "figures"})
        return Figures(rows, outcomes=outcomes, host=said)

    def changes(self, after: str | None = None) -> Iterator[bytes]:
        """Yield every change as JSON, and wait for more, until the host closes.

        Args:
            after: The last id that was seen; None begins with what comes next.

        Returns:
            Objects with `id` ("boot-n"), `account`, `type` ("slot", "account", "control", "intent" or
            "reset") and `value`. "reset" means that changes are lost to who asks: read `status` anew.
        """
        return self._feed.changes(after)

    def serve(self, path: Path | None = None) -> None:
        """Answer at a Unix socket. Serving again does nothing.

        Args:
            path: Where; None means the directory's `host.sock`.

        Raises:
            InvalidInput: No path is given, and the host keeps no directory.
        """
        if path is None and self.directory is None:
            raise refuse("directory", None, "is needed for a socket without a path")
        with self._lock:
            if self._socket is None:
                # From now on orders have the time of their last news.
                self.screen.refresh()
                place = path if path is not None or self.directory is None else self.directory.socket
                self._socket = HostSocket(place or Path(), self._answer, to_json)

    def served(self, name: str, plane: tuple[str, str] | None) -> Any:  # noqa: ANN401 - a KernelServer's
        """Return what a `KernelServer` needs to serve an account.

        Args:
            name: The account's.
            plane: Where it is shown in shared memory: directory and name.
        """
        return self.accounts[name].served(name, self._seats[name].book, plane)

    def answer(self, request: str, how: Answer) -> None:
        """Let the socket answer one more request: what runs on the host says of itself.

        Args:
            request: Its name.
            how: Called in a thread of the socket's with the request's fields; returns plain values.
        """
        self._answers[request] = how

    def submit_order(self, account: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send a plain order on an account; its trades are those of `by-hand`.

        Args:
            account: Its name.
            fields: As `PlainOrders.submit` takes them.

        Returns:
            The order as it stands.

        Raises:
            InvalidInput: A value cannot be taken, or the id was used; nothing was sent.
            NoFreeSlot: Every slot of the account is somebody's.
        """
        return self._by_hand.submit(account, self.kernel(account), fields)

    def cancel_order(self, account: str, client_id: str, owner: str = BY_HAND) -> dict[str, Any]:
        """Cancel what of a plain order is at work, and return it as it stands.

        Args:
            account: Its name.
            client_id: The order's.
            owner: Who has sent it.

        Raises:
            InvalidInput: It is not known.
        """
        return self._by_hand.cancel(account, self.kernel(account), client_id, owner)

    def order_states(self, account: str) -> list[dict[str, Any]]:
        """Return an account's orders as they stand, plain ones whole, others one by one.

        Args:
            account: Its name.
        """
        return list(self._by_hand.states(account, self.kernel(account)))

    def _order_answers(self) -> dict[str, Answer]:
        """Return how the socket answers about orders that are sent by hand."""
        return {
            "order": lambda request: self.submit_order(self._account(request)[0], request["order"]),
            "cancel_order": lambda request: self.cancel_order(
                self._account(request)[0], str(request["client_id"]), str(request.get("owner") or BY_HAND)
            ),
            "bots": lambda request: {
                name: kernel.bots(request.get("asset")) for name, kernel in self._named(request).items()
            },
            "move_capital": lambda request: move_capital(self._account(request)[1], request),
            "orders_state": lambda request: [
                state for name in self._named(request) for state in self.order_states(name)
            ],
            "instruments": lambda request: {
                name: {asset: kernel.instrument(asset) for asset in kernel.instruments}
                for name, kernel in self._named(request).items()
            },
        }

    def _answer(self, request: Mapping[str, Any]) -> object:
        """Answer one request of the socket."""
        what = request["request"]
        if what == "status":
            return self._status()
        if what == "orders":
            live_only = request.get("live_only", True) is not False
            return {
                name: account_orders(kernel, live_only=live_only)
                for name, kernel in self._named(request).items()
            }
        if what == "control":
            return self._answer_control(request)
        if what in ("strategies", "start", "pause", "stop_strategy"):
            return self._answer_strategies(what, request)
        if what == "stop":
            self._stop.set()
            return {"stopping": True}
        if what in self._answers:
            return self._answers[what](request)
        known = ", ".join(
            (
                "status",
                "orders",
                "control",
                "strategies",
                "start",
                "pause",
                "stop_strategy",
                "stop",
                *self._answers,
            )
        )
        raise InvalidInput(f"request: {what!r} is none of {known}")

    def _named(self, request: Mapping[str, Any]) -> Mapping[str, ExecutionKernel]:
        account = request.get("account")
        return self.accounts if account is None else {account: self.kernel(account)}

    def _account(self, request: Mapping[str, Any]) -> tuple[str, ExecutionKernel]:
        """Return the account that is asked for, or the only one."""
        kernel = self.kernel(request.get("account"))
        return next(name for name, known in self.accounts.items() if known is kernel), kernel

    def _answer_strategies(self, what: str, request: Mapping[str, Any]) -> object:
        if what != "strategies":
            for handle in self.strategies.find(request.get("strategy")):
                acts = {
                    "start": handle.start,
                    "pause": handle.pause,
                    "stop_strategy": handle.stop_until_started,
                }
                acts[what]()
        return [{**handle.as_dict(), "code": handle.code()} for handle in self.strategies.handles.values()]

    def _answer_control(self, request: Mapping[str, Any]) -> object:
        change = request["change"]
        unknown = sorted(set(change) - _CONTROLS)
        if unknown:
            raise refuse("change", unknown[0], f"is none of {', '.join(sorted(_CONTROLS))}")
        self.control(ControlUpdate(**change), account=request.get("account"))
        return {name: kernel.control.as_dict() for name, kernel in self.accounts.items()}

    # --------------------------------------------------------------------------------------------------- end

    def run(
        self,
        started: Callable[[], object] | None = None,
        *,
        turned: Callable[[], object] | None = None,
        ending: Callable[[], object] | None = None,
    ) -> None:
        """Run until SIGTERM, SIGINT or `stop`, then close. Only in the main thread.

        The strategies of the configuration are loaded, and those that start with the host are started.
        Their order events are dispatched, and `on_tick` each second. At the end each
        is stopped.

        Args:
            started: Called once signals are handled and strategies run.
            turned: Called after each turn, several times a second.
            ending: Called once the host is asked to end, before strategies stop.

        Raises:
            StrategyError: A strategy of the configuration cannot be loaded; the host is closed.
        """
        before = {
            number: signal.signal(number, elsewhere(self._stop.set))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            self.load_configured()
            if started is not None:
                started()
            driven = {
                name
                for name, kernel in self.accounts.items()
                if kernel.health()["clock"]["source"] == "MANUAL"
            }
            due_s = time.monotonic()
            while not self._stop.wait(_LOOK_S):
                is_due = time.monotonic() >= due_s
                due_s += _TICK_S if is_due else 0
                for name, kernel in self.accounts.items():
                    # Driven time may stand still: there the second is the machine's.
                    if is_due and name in driven:
                        self.strategies.tick(kernel.clock_ns, name)
                    else:
                        self.strategies.run_timers(kernel.clock_ns, name)
                if turned is not None:
                    turned()
            if ending is not None:
                ending()
            for handle in self.strategies.handles.values():
                handle.stop()
        finally:
            # First closed: who asks once more meanwhile does not end the process in the midst of it.
            try:
                self.close()
            finally:
                for number, action in before.items():
                    signal.signal(number, action)

    def load_configured(self) -> None:
        """Load the strategies of the configuration, and start those that start with the host.

        Raises:
            StrategyError: One cannot be loaded.
        """
        for name, wanted in self.config.strategies.items():
            if name in self.strategies.handles:
                continue
            handle = self.load(
                wanted.file, name=name, account=wanted.account, params=wanted.params, slots=wanted.slots
            )
            if wanted.start:
                handle.begin()

    def stop(self) -> None:
        """Let `run` end. From any thread, and from a signal's handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether the host was asked to end."""
        return self._stop.is_set()

    def close(self, *, drain_s: float | None = None) -> None:
        """Wait for what is under way at venues, then close everything. Closing again does nothing.

        Args:
            drain_s: How long to wait, seconds; None means as the configuration says. Orders that rest stay
                where they are.

        Raises:
            LogFailed: A log could not be closed; everything else is.
        """
        with self._lock:
            if self._closed:
                return
            self._stop.set()
            wait_s = self.config.host.drain_s if drain_s is None else drain_s
            self._drain(time.monotonic() + wait_s)
            if self._alarm is not None:
                self._alarm.close("stopped")
            self.screen.close()
            failures: list[Exception] = []
            try:
                self.strategies.close()
            except KernelError as error:
                failures.append(error)
            self._closed = True
            if self._socket is not None:
                self._socket.close()
            for kernel in self.accounts.values():
                try:
                    kernel.close()
                except Exception as error:  # noqa: BLE001 - the others are closed all the same, then it is raised
                    failures.append(error)
            self._feed.end()
            _LOG.info("%s: closed", self._name)
            if self.directory is not None:
                self.directory.release()
            if failures:
                raise failures[0]

    def _drain(self, until_s: float) -> None:
        waiting = [kernel for kernel in self.accounts.values() if getattr(kernel.venue, "live", False)]
        while waiting and time.monotonic() < until_s:
            waiting = [kernel for kernel in waiting if _is_under_way(kernel)]
            time.sleep(_LOOK_S if waiting else 0)
        if waiting:
            _LOG.warning("closed with requests under way: the log has them, and the next opening asks")

    def __enter__(self) -> Self:
        """Return the host."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the host."""
        self.close()


def _is_under_way(kernel: ExecutionKernel) -> bool:
    waits = ("NEW", "SENT", "PENDING_CANCEL", "PENDING_REPLACE")
    return any(str(order.status) in waits for order in kernel.orders(live_only=True))
