"""`TradingRuntime`: strategies on connectors, with a tick. It is a face of the connectors' hosts."""

import contextlib
import hashlib
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, cast

from dita._kernel import KernelOutcome
from dita.backtest import BacktestResult
from dita.compat.trading.backtests import BacktestEngine
from dita.compat.trading.connectors import ACCOUNT, BacktestConnector, ConnectorBase, symbol_of
from dita.compat.trading.errors import BacktestError, ConnectorError, ConnectorNotFound
from dita.compat.trading.live import Loaded, Trading, VenueConnector
from dita.compat.trading.orders import Fill, OrderTracker
from dita.errors import refuse
from dita.host import SentIntent, StrategyHandle
from dita.runtime import ActorState, load_strategy
from dita.runtime.sources import sources_of
from dita.signals import elsewhere
from dita.strategy import Params, Strategy

_INTENTS_KEPT: Final = 10_000
OrderIntent = SentIntent


class StrategyStatus(StrEnum):
    """How a strategy is."""

    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    ERROR = "Error"


class RuntimeState(StrEnum):
    """How a runtime is."""

    CREATED = "Created"
    RUNNING = "Running"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class ActiveStrategy:
    """A strategy as it is now.

    Attributes:
        id: Its id: made of its source and a count, so that the same program has the same ids.
        graph: The strategy's class.
        connector: Where it trades.
        pair: What it was given to trade.
        status: How it is.
        error: Why it is in Error; empty else.
    """

    id: str
    graph: type[Strategy]
    connector: str
    pair: str
    status: StrategyStatus
    error: str


@dataclass(frozen=True, slots=True)
class FillEvent:
    """A fill that comes through this program rather than from the connector's venue.

    Attributes:
        connector: The connector.
        client_id: Our id of the order.
        price: Quote units.
        quantity: Base units or contracts.
        timestamp: The venue's time, ns.
        fee: What was paid; None where it is not reported.
        fee_asset: In which asset.
        pair: The instrument, where it is reported.
        side: BUY or SELL, where it is reported.
    """

    connector: str
    client_id: str
    price: Decimal
    quantity: Decimal
    timestamp: int
    fee: Decimal | None = None
    fee_asset: str = ""
    pair: str = ""
    side: str = ""


class _Waiting:
    """A strategy whose connector plays by itself: it is made when that begins."""

    def __init__(self, kind: type[Strategy], params: Any) -> None:  # noqa: ANN401 - as it was given
        self.kind = kind
        self.params = params
        self.state = ActorState.STOPPED
        self.error = ""
        self.result: BacktestResult | None = None

    def start(self) -> None:
        """Play the file once the runtime runs."""
        self.state = ActorState.RUNNING

    def pause(self) -> None:
        """Do not play it."""
        self.state = ActorState.PAUSED

    def stop(self) -> None:
        """Do not play it."""
        self.state = ActorState.STOPPED


class TradingRuntime:
    """Runs strategies on connectors: in a backtest, on paper and live; only venue and clock differ.

    Each connector's host owns its account; the runtime asks it. Use it as a context manager, or close it.
    """

    def __init__(self, tick_interval: float = 1.0, directory: Path | str | None = None) -> None:
        """Begin without connectors.

        Args:
            tick_interval: Seconds between ticks of `run`.
            directory: Where each connector keeps its log, in a directory of its name; None keeps nothing.
                With one, kernels and strategies come back from there after a restart or a crash.

        Raises:
            InvalidInput: The interval is not above zero.
        """
        if not tick_interval > 0:
            raise refuse("tick_interval", tick_interval, "must be above zero")
        self.tick_interval = tick_interval
        self._directory = None if directory is None else Path(directory)
        self._connectors: dict[str, ConnectorBase] = {}
        self._loaded: dict[str, tuple[StrategyHandle | _Waiting, ConnectorBase, str]] = {}
        self._counts: Counter[str] = Counter()
        self._intents: deque[OrderIntent] = deque(maxlen=_INTENTS_KEPT)
        self._stop = threading.Event()
        self._state = RuntimeState.CREATED

    # ------------------------------------------------------------------------------------------- what it has

    @property
    def state(self) -> RuntimeState:
        """How the runtime is."""
        return self._state

    @property
    def connectors(self) -> Mapping[str, ConnectorBase]:
        """The connectors by name."""
        return dict(self._connectors)

    @property
    def strategies(self) -> list[ActiveStrategy]:
        """The strategies as they are now, in the order of loading."""
        return [
            ActiveStrategy(
                name,
                type(handle.strategy) if isinstance(handle, StrategyHandle) else handle.kind,
                next(known for known, one in self._connectors.items() if one is connector),
                pair,
                StrategyStatus(str(handle.state)),
                handle.error,
            )
            for name, (handle, connector, pair) in self._loaded.items()
        ]

    def add_connector(self, name: str | ConnectorBase, connector: ConnectorBase | None = None) -> None:
        """Add a connector under a name, or under its own: `add_connector(connector)`. Its account is opened.

        Args:
            name: What strategies and orders call it; a connector alone has its own name.
            connector: The connector.

        Raises:
            InvalidInput: There is one of this name, or no connector is given.
            KernelError: Its account cannot be opened.
        """
        if isinstance(name, ConnectorBase):
            connector, name = name, name.name()
        if connector is None:
            raise refuse("connector", None, "is needed: add_connector(name, connector)")
        if name in self._connectors:
            raise refuse("connector", name, "is there already")
        if isinstance(connector, VenueConnector) or not connector.plays_itself:
            connector.open(None if self._directory is None else self._directory / name)
        self._connectors[name] = connector

    def orders(self, connector: str) -> OrderTracker:
        """Return the orders of a connector.

        Raises:
            ConnectorNotFound: There is none of this name.
        """
        return OrderTracker(self._connector(connector).kernel, connector)

    def _connector(self, name: str) -> ConnectorBase:
        found = self._connectors.get(name)
        if found is None:
            known = ", ".join(self._connectors) or "none"
            raise ConnectorNotFound(f"connector: {name!r} is none of {known}")
        return found

    # ------------------------------------------------------------------------------------------- strategies

    def load_strategy(
        self,
        strategy: type[Strategy] | str,
        connector: str = "",
        pair: str = "",
        params: Params | Mapping[str, Any] | None = None,
    ) -> str:
        """Load a strategy. It does nothing until it is started.

        Args:
            strategy: Its class, a file, or `module:Class`.
            connector: Where it trades; empty means the only one.
            pair: What it trades, where it names nothing itself; empty means all of the account's instruments.
            params: Its parameters.

        Returns:
            Its id. The same strategies loaded in the same order have the same ids, and so their trades and
            notes again after a restart.

        Raises:
            ConnectorNotFound: There is no such connector.
            StrategyError: It cannot be loaded.
        """
        if not connector and len(self._connectors) == 1:
            connector = next(iter(self._connectors))
        where = self._connector(connector)
        kind = load_strategy(strategy) if isinstance(strategy, str) else strategy
        digest = hashlib.sha256(
            f"{kind.__qualname__} {connector} {pair}\n".encode() + sources_of(kind).own
        ).hexdigest()
        number = self._counts[digest]
        name = f"{kind.__name__[:12]}-{digest[:8]}-{number}"
        if where.plays_itself:
            self._loaded[name] = (_Waiting(kind, params), where, pair)
        else:
            handle = where.host.load(
                kind, name=name, account=ACCOUNT, params=params, symbols=(symbol_of(pair),) if pair else ()
            )
            handle.client.subscribe_sent(self._intents.append)
            self._loaded[name] = (handle, where, pair)
        self._counts[digest] += 1
        return name

    def _handle(self, strategy_id: str) -> StrategyHandle | _Waiting:
        found = self._loaded.get(strategy_id)
        if found is None:
            raise refuse("strategy_id", strategy_id, f"is none of {', '.join(self._loaded) or 'none'}")
        return found[0]

    def start_strategy(self, strategy_id: str) -> None:
        """Start a strategy, or resume it.

        Raises:
            InvalidInput: It is not known.
        """
        self._handle(strategy_id).start()

    def stop_strategy(self, strategy_id: str) -> None:
        """End a strategy. Its orders and trades stay.

        Raises:
            InvalidInput: It is not known.
        """
        self._handle(strategy_id).stop()

    def pause_strategy(self, strategy_id: str) -> None:
        """Dispatch nothing to a strategy until it is started again.

        Raises:
            InvalidInput: It is not known.
        """
        self._handle(strategy_id).pause()

    # -------------------------------------------------------------------------------------------------- time

    def tick(self) -> list[OrderIntent]:
        """Run each strategy's due timers, then call `on_tick`.

        Returns:
            The intents of all strategies since the last tick, in their order; they are carried out already.
        """
        for connector in self._connectors.values():
            if not connector.plays_itself:
                connector.host.strategies.tick(connector.kernel.now_ns)
        intents = list(self._intents)
        self._intents.clear()
        return intents

    def on_fill(self, fill: FillEvent) -> KernelOutcome:
        """Take a fill that comes through this program.

        Args:
            fill: The fill.

        Raises:
            ConnectorNotFound: There is no such connector.
            InvalidInput: The order is not known, or a value cannot be.
        """
        outcome = self.orders(fill.connector).add_fill(
            fill.client_id, Fill(fill.price, fill.quantity, fill.fee, fill.fee_asset, fill.timestamp)
        )
        host = self._connector(fill.connector).host
        with host.strategies.lock:
            host.strategies.deliver()
        return cast("KernelOutcome", outcome)

    def run(self) -> dict[str, BacktestResult]:
        """Play what comes from files to its end; then tick until `stop` or SIGTERM, where anything else runs.

        Venues' connectors trade meanwhile, each in a thread of its own. Only in the main thread.

        Returns:
            What backtests have come to, by strategy.

        Raises:
            BacktestError: A strategy that plays a file is not started.
            StrategyError: A strategy of a backtest has raised.
            ConnectorError: A strategy of a venue is not started, or a venue's connector cannot begin.
            KernelError: A venue's connector is not ready, or could not go on.
        """
        before = {
            number: signal.signal(number, elsewhere(self._stop.set))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        self._state = RuntimeState.RUNNING
        try:
            results = self._play_files()
            with contextlib.ExitStack() as ends:
                venues = self._begin_at_venues(ends)
                ticks = any(not one.plays_itself for one in self._connectors.values())
                due_s = time.monotonic()
                while ticks or any(one.is_running for one in venues):
                    if self._stop.wait(max(0.0, due_s - time.monotonic())):
                        break
                    self.tick()
                    due_s += self.tick_interval
            for one in venues:
                if one.error is not None:
                    raise one.error
        finally:
            for number, action in before.items():
                signal.signal(number, action)
            self._state = RuntimeState.STOPPED
        return results

    def _begin_at_venues(self, ends: contextlib.ExitStack) -> list[Trading]:
        """Let each venue's connector trade; what has begun is ended with the stack."""
        venues: list[Trading] = []
        for connector in self._connectors.values():
            if not isinstance(connector, VenueConnector):
                continue
            loaded: list[Loaded] = []
            for name, (waiting, where, pair) in self._loaded.items():
                if where is connector and isinstance(waiting, _Waiting):
                    if waiting.state is not ActorState.RUNNING:
                        raise ConnectorError(f"{name}: is {waiting.state}: start it before run")
                    loaded.append((name, waiting.kind, waiting.params, pair))
            trading = connector.begin(loaded)
            ends.callback(trading.end)
            for name, handle in trading.handles.items():
                handle.client.subscribe_sent(self._intents.append)
                self._loaded[name] = (handle, connector, self._loaded[name][2])
            venues.append(trading)
        return venues

    def _play_files(self) -> dict[str, BacktestResult]:
        results: dict[str, BacktestResult] = {}
        for name, (waiting, connector, pair) in self._loaded.items():
            if not isinstance(waiting, _Waiting) or not isinstance(connector, BacktestConnector):
                continue
            if waiting.state is not ActorState.RUNNING:
                raise BacktestError(f"{name}: is {waiting.state}: start it before run")
            engine = BacktestEngine(**connector.settings)
            engine.load_data(connector.data, symbol=symbol_of(connector.pair or pair) or None)
            results[name] = waiting.result = engine.run(waiting.kind, waiting.params)
            waiting.state = ActorState.STOPPED
        return results

    def stop(self) -> None:
        """Let `run` end. From any thread."""
        self._stop.set()

    def close(self) -> None:
        """Close every connector. Closing again does nothing."""
        self._stop.set()
        self._state = RuntimeState.STOPPED
        for connector in self._connectors.values():
            connector.close()

    def __enter__(self) -> Self:
        """Return the runtime."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
