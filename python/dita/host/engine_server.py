"""`EngineServer`: a host for the engine protocol, with its strategies, its heartbeat and its end."""

import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from dita._kernel import Session, interval_ns
from dita.clock import ManualClock
from dita.config import AccountConfig, Config
from dita.errors import KernelError, refuse
from dita.host.asked_orders import SLOTS as BY_HAND_SLOTS
from dita.host.directory import Directory
from dita.host.host import Host
from dita.host.notify import ALIVE, READY, STOPPING, Notifier
from dita.runtime import ActorState
from dita.signals import elsewhere
from dita.strategy import QuoteTick
from dita.venues import SimulatedVenue
from dita.version import __version__

_LOG: Final = logging.getLogger("dita.engine")
#: Fixes the start of kernel time, for what has to be the same each time.
FREEZE: Final = "MM_FREEZE_UTC_ISO"
OWNER: Final = "stdio"
_BALANCE: Final = Decimal(100_000)
_TICK: Final = "0.01"
_LOT: Final = "0.00001"
#: Slots beside those of the commands, where there are strategies.
_SLOTS_OF_STRATEGIES: Final = 256
_LOOK_S: Final = 0.2


def started_at(environ: Mapping[str, str] | None = None) -> int:
    """Return when kernel time begins, ns: now, or as `MM_FREEZE_UTC_ISO` says.

    Args:
        environ: The environment; None means this process's.

    Raises:
        InvalidInput: It says no time.
    """
    given = (os.environ if environ is None else environ).get(FREEZE, "")
    if not given:
        return time.time_ns()
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise refuse(FREEZE, given, "is no ISO 8601 time, like 2026-01-01T00:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1_000


def configured(config: Config, balance: Decimal | None = None, *, hosted: bool = False) -> Config:
    """Return a configuration as the engine runs it: its account on paper, with markets and money.

    Args:
        config: As it was given.
        balance: USDT to begin with; None means what the account says, or 100,000.
        hosted: Whether it has a directory: then a log is kept, and there are slots for orders by hand.

    Raises:
        InvalidInput: The account is not there, or is no paper account.
    """
    engine = config.engine
    if engine.account not in config.accounts:
        raise refuse("engine.account", engine.account, f"is none of {', '.join(config.accounts)}")
    account = config.accounts[engine.account]
    if account.venue != "sim":
        raise refuse("engine.account", engine.account, "is no paper account: its venue must be sim")
    simulated: dict[str, Any] = {
        "fill_delay_ms": engine.fill_delay_ms,
        "fill_without_market": engine.market == "none",
    }
    if balance is not None or "balances" not in account.simulated.model_fields_set:
        simulated["balances"] = {"USDT": _BALANCE if balance is None else balance}
    own = {
        "instruments": account.instruments or _listed(engine.symbols),
        "simulated": account.simulated.model_copy(update=simulated),
        "max_slots": max(
            account.max_slots,
            engine.slots
            + (BY_HAND_SLOTS if hosted else 0)
            + (_SLOTS_OF_STRATEGIES if config.strategies else 0),
        ),
        "log_policy": account.log_policy if hosted else "off",
    }
    changed: dict[str, AccountConfig] = {engine.account: account.model_copy(update=own)}
    return config.model_copy(update={"accounts": {**config.accounts, **changed}})


def _listed(symbols: tuple[str, ...]) -> dict[str, Any]:
    own = {"product": "SPOT", "tick_size": _TICK, "lot_step": _LOT, "maker_rate": "0", "taker_rate": "0"}
    return {"instruments": {symbol: dict(own) for symbol in symbols}}


class Strategies:
    """A host's strategies, as the session asks and tells them."""

    def __init__(self, host: Host, account: str) -> None:
        """Hold them.

        Args:
            host: The host.
            account: The account of the session.
        """
        self._runner = host.strategies
        self._account = account

    def list(self, name: str) -> list[tuple[str, str, str]]:
        """Return names, states and errors; an unknown name has none."""
        handles = self._runner.handles.values()
        return [(one.name, str(one.state), one.error) for one in handles if name in ("", one.name)]

    def start(self, name: str) -> str | None:
        """Start one, or let it go on; return why that cannot be."""
        return self._each(name, "start")

    def stop(self, name: str) -> str | None:
        """End one."""
        return self._each(name, "stop")

    def pause(self, name: str) -> str | None:
        """Dispatch nothing to one until it is started."""
        return self._each(name, "pause")

    def _each(self, name: str, verb: str) -> str | None:
        try:
            for handle in self._runner.find(name):
                getattr(handle, verb)()
        except KernelError as error:
            return str(error)
        return None

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, ts_ns: int) -> None:
        """Tell a quote, which the venue has had."""
        quote = QuoteTick(symbol, ts_ns, (str(bid), None, str(ask), None))
        self._runner.dispatch(quote, self._account)

    def tick(self, ts_ns: int) -> None:
        """Tell that time has passed."""
        self._runner.tick(ts_ns, self._account)

    def deliver(self) -> None:
        """Tell what has happened to orders."""
        self._runner.deliver()


class EngineServer:
    """The engine protocol on a host of its own. Use it as a context manager, or close it.

    Attributes:
        host: Owns the account and the strategies.
        session: Takes the commands.
    """

    def __init__(
        self,
        config: Config,
        *,
        start_ns: int | None = None,
        notifier: Notifier | None = None,
        directory: Directory | None = None,
    ) -> None:
        """Open the host, and load and start the configured strategies.

        Args:
            config: As `configured` returns it.
            start_ns: When kernel time begins; None means now, or as `MM_FREEZE_UTC_ISO` says.
            notifier: Notified when the service is ready, alive and ends.
            directory: A host's: it answers there as any host does, and goes on from the log there. None
                answers nobody and keeps nothing.

        Raises:
            KernelError: The account, a strategy or the market cannot be used.
        """
        engine = config.engine
        begins_ns = started_at() if start_ns is None else start_ns
        self._notifier = notifier or Notifier({})
        self._heartbeat_s = engine.heartbeat_s
        self._ended = threading.Event()
        self.host = Host(
            config, directory=directory, clock=ManualClock(begins_ns), feed=bool(config.strategies)
        )
        try:
            self.host.load_configured()
            kernel = self.host.kernel(engine.account)
            begins_ns = max(begins_ns, kernel.now_ns)
            client = self.host.client(OWNER, engine.account, slots=engine.slots)
            venue = kernel.venue
            assert isinstance(venue, SimulatedVenue)  # noqa: S101 - `configured` has seen to it
            self.session: Session = venue.session(
                owner=OWNER,
                slots=list(client.slots),
                start_ns=begins_ns,
                version=__version__,
                market=engine.market,
                symbols=[(symbol, kernel.instrument(symbol)["tick_size"]) for symbol in kernel.instruments],
                bar_ns=None if engine.interval is None else interval_ns(engine.interval),
                step_ns=int(engine.clock.removeprefix("step=")) if engine.clock != "system" else None,
                drain_s=float(config.host.drain_s),
                company=Strategies(self.host, engine.account) if config.strategies else None,
            )
            if directory is not None:
                self.host.serve()
        except BaseException:
            self.host.close(drain_s=0)
            raise

    def run(self, socket: Path | None = None, *, service: bool = False) -> None:
        """Take commands from standard input, or at a socket, until the end of the input, SIGTERM or SIGINT.

        Then nothing more is taken, what is under way at the venue comes to its end, and the strategies are
        stopped. Only in the main thread.

        Args:
            socket: Where to listen; None means standard input and output.
            service: Whether a heartbeat is written, and the service manager notified.

        Raises:
            KernelError: The kernel or the market cannot go on.
            OSError: Nobody takes the events, or the socket cannot be made.
        """
        before = {
            number: signal.signal(number, elsewhere(self.session.stop))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        beating = threading.Thread(target=self._beat, name="dita-heartbeat", daemon=True)
        try:
            if service:
                beating.start()
            if socket is None:
                self.session.run_stdio()
            else:
                self.session.run_socket(socket)
        finally:
            self._ended.set()
            if service:
                self._notifier.tell(STOPPING)
                beating.join()
            for number, action in before.items():
                signal.signal(number, action)

    def _beat(self) -> None:
        """Say that the session is alive, but only while it is."""
        notified, seen = False, -1
        alive_s = beat_s = time.monotonic()
        interval_s = self._notifier.interval_s
        while not self._ended.wait(_LOOK_S if interval_s is None else min(_LOOK_S, interval_s)):
            beats, now_s = self.session.beats, time.monotonic()
            if beats == seen:
                continue
            seen = beats
            if not notified and beats:
                notified = True
                self._notifier.tell(READY)
                _LOG.info("ready")
            if interval_s is not None and now_s >= alive_s:
                alive_s = now_s + interval_s
                self._notifier.tell(ALIVE)
            if self._heartbeat_s and now_s >= beat_s:
                beat_s = now_s + self._heartbeat_s
                _LOG.info("heartbeat: %d commands", self.session.commands)

    def close(self) -> None:
        """Stop the strategies and close the host."""
        for handle in self.host.strategies.handles.values():
            if handle.state in (ActorState.RUNNING, ActorState.PAUSED):
                handle.stop()
        self.host.close(drain_s=0)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


__all__ = ["FREEZE", "EngineServer", "configured", "started_at"]
