"""`LiveRun`: a strategy on a venue's live market, on a host that can be asked and steered."""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from dita.config import AccountConfig, Config
from dita.config.secrets import SecretRef
from dita.errors import KernelError
from dita.host import Directory, Host
from dita.live.checks import Check, Doctor
from dita.live.places import Place
from dita.runtime import interval_ns
from dita.runtime.loading import check_declared
from dita.strategy import Bar, Params, QuoteTick, Strategy, TradeTick
from dita.venues.binance import requests
from dita.venues.binance.adapter import BinanceUsdm
from dita.venues.binance.markets import MarketNews, VenueBar, VenueMark, VenueQuote, VenueTrade

if TYPE_CHECKING:
    from dita.kernel import ExecutionKernel

_LOG: Final = logging.getLogger("dita.live")
ACCOUNT: Final = "binance"
_LOOK_S: Final = 0.05
_TICK_NS: Final = 1_000_000_000
_STOP_S: Final = 10.0
_CONNECT_S: Final = 30.0
_WAITING_MAX: Final = 10_000
_BARS_MAX: Final = 5_000
OnStop = Literal["keep", "cancel", "flatten"]


class NotReady(KernelError):  # noqa: N818 - it says what has to be put right
    """Something has to be put right before the first order; the text names each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run.

    Attributes:
        strategy: Its class.
        params: Its parameters.
        symbols: The instruments, as the venue names them.
        place: Where.
        key: Where the API key is.
        secret: Where its secret is.
        interval: The length of the bars that are heard.
        on_stop: What happens at the end: `keep`, `cancel` entries, or `flatten`.
        live: Whether the program means real money.
        allow_withdrawals: Whether a key that may withdraw is good enough.
    """

    strategy: type[Strategy]
    params: Params | None
    symbols: Sequence[str]
    place: Place
    key: SecretRef
    secret: SecretRef
    interval: str = "1m"
    on_stop: OnStop = "cancel"
    live: bool = False
    allow_withdrawals: bool = False


@dataclass(slots=True)
class Left:
    """What is left at the venue at the end."""

    positions: list[dict[str, Any]] = field(default_factory=list)
    orders: list[Mapping[str, Any]] = field(default_factory=list)
    known: bool = True


class _Waiting:
    """What the market said and nobody has read yet. Bars are never lost; of the rest the newest wins."""

    def __init__(self) -> None:
        self.lost = 0
        self._bars: deque[VenueBar] = deque()
        self._trades: deque[VenueTrade] = deque()
        self._newest: dict[tuple[type[MarketNews], str], MarketNews] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()

    def put(self, said: MarketNews) -> None:
        """Take news, from any thread; never waits."""
        with self._lock:
            if isinstance(said, VenueBar):
                self._bars.append(said)
            elif isinstance(said, VenueTrade):
                self._trades.append(said)
                if len(self._trades) > _WAITING_MAX:
                    self._trades.popleft()
                    self.lost += 1
            else:
                key = (type(said), said.symbol)
                self.lost += key in self._newest
                self._newest[key] = said
            self._some.set()

    def take(self, wait_s: float) -> list[MarketNews]:
        """Return what there is: marks and quotes, then trades, then bars."""
        self._some.wait(wait_s)
        with self._lock:
            said: list[MarketNews] = [*self._newest.values(), *self._trades, *self._bars]
            self._newest.clear()
            self._trades.clear()
            self._bars.clear()
            self._some.clear()
            return said


class LiveRun:
    """One strategy at a venue, from the checks to the stop.

    Attributes:
        checks: What was looked at before.
        host: Owns the account.
        adapter: The account's.
    """

    def __init__(self, plan: Plan, directory: Directory | None = None) -> None:
        """Check the account and open it; nothing is traded yet.

        Args:
            plan: What is to run.
            directory: Where to keep log, controls and socket; None keeps nothing.

        Raises:
            NotReady: A check failed.
            KernelError: The host cannot be opened, or a secret is not to be had.
        """
        check_declared(plan.strategy)
        self.plan = plan
        self._waiting = _Waiting()
        self._terms: dict[str, tuple[Decimal | None, int | None]] = {}
        self._stop = threading.Event()
        rules = self._look()
        self.host = Host(self._config(rules), directory=directory)
        try:
            self.kernel: ExecutionKernel = self.host.kernel(None)
            self.adapter = self._adapter()
            self._open()
            self._handle = self.host.load(
                plan.strategy, name=plan.strategy.__name__, params=plan.params, symbols=plan.symbols
            )
        except BaseException:
            self.host.close(drain_s=0)
            raise
        if directory is not None:
            self.host.serve()

    # ----------------------------------------------------------------------------------------------- before

    def _look(self) -> Mapping[str, Any]:
        """Ask the venue what has to be right, and for the instruments' rules."""
        plan = self.plan
        probe = plan.place.adapter(plan.key.resolve(), plan.secret.resolve(), list(plan.symbols))
        try:
            doctor = Doctor(probe, allow_withdrawals=plan.allow_withdrawals)
            self.checks: list[Check] = list(doctor.run())
            failed = [f"{one.name}: {one.text}" for one in self.checks if one.result == "fail"]
            if failed:
                raise NotReady("; ".join(failed))
            return probe.get_market_metadata(plan.symbols)
        finally:
            probe.close()

    def _config(self, rules: Mapping[str, Any]) -> Config:
        plan = self.plan
        account = AccountConfig(
            venue=plan.place.venue,
            options={"symbols": list(plan.symbols), "rest": plan.place.rest, "stream": plan.place.stream},
            credentials={"api_key": str(plan.key), "api_secret": str(plan.secret)},  # type: ignore[dict-item]
            instruments={"instruments": dict(rules)},
            max_slots=max(1, plan.strategy.slots),
            live=plan.live,
        )
        return Config(accounts={ACCOUNT: account})

    def _adapter(self) -> BinanceUsdm:
        adapter = self.kernel.venue
        if not isinstance(adapter, BinanceUsdm):
            raise NotReady(f"venue: expected a Binance adapter, got {type(adapter).__name__}")
        return adapter

    def _open(self) -> None:
        """Take the account as it is; what an earlier run's log holds wins."""
        if not self.adapter.wait_connected(_CONNECT_S):
            raise NotReady("the user stream did not open")
        recovery = self.kernel.recovery
        if recovery is None or recovery["last_seq"] == 0:
            self.kernel.open_with(self.adapter.opening_state())
        for symbol in self.plan.symbols:
            row = self.adapter.ask(requests.premium_index(symbol))
            self.kernel.mark_price(symbol, Decimal(row["markPrice"]))

    # ------------------------------------------------------------------------------------------------ trading

    def run(self, started: Callable[[], object] | None = None) -> Left:
        """Trade until SIGTERM, SIGINT, `dita stop` or `stop`. Only in the main thread.

        Args:
            started: Called once the strategy runs.

        Returns:
            What is left at the venue.
        """
        hands = {number: signal.signal(number, self._signalled) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            return self.trade(started)
        finally:
            for number, action in hands.items():
                signal.signal(number, action)

    def trade(self, started: Callable[[], object] | None = None) -> Left:
        """As `run`, without hearing signals: from any thread.

        Args:
            started: Called once the strategy runs.
        """
        try:
            self._begin()
            if started is not None:
                started()
            due_ns = time.time_ns()
            while not self._stop.is_set() and not self.host.stopping:
                self._hear(self._waiting.take(_LOOK_S))
                now_ns = time.time_ns()
                if now_ns >= due_ns:
                    due_ns = now_ns + _TICK_NS
                    self.host.strategies.tick(now_ns)
                self.host.strategies.deliver()
            return self._end()
        finally:
            self.host.close()

    def stop(self) -> None:
        """End `run`. From any thread."""
        self._stop.set()

    def _signalled(self, number: int, frame: object) -> None:
        del frame
        if self._stop.is_set():
            # The second one leaves at once; what is at the venue stays there.
            os._exit(128 + number)
        self._stop.set()

    def _begin(self) -> None:
        """Start the strategy, warmed up with the bars of before, and hear the market."""
        kind = type(self._handle.strategy)
        length_ns = interval_ns(self.plan.interval)
        wanted = max((interval_ns(one) for one in self._handle.strategy.intervals), default=length_ns)
        count = min(_BARS_MAX, (self._handle.strategy.warmup + 1) * (wanted // length_ns) + 1)
        past: list[VenueBar] = []
        now_ns = time.time_ns()
        for symbol in self.plan.symbols:
            bars = self.adapter.get_bars(symbol, self.plan.interval, now_ns - count * length_ns, now_ns)
            past += bars
        self._handle.start()
        for bar in sorted(past, key=lambda one: one.close_ns):
            self.host.strategies.hear_past(_told(bar))
        self._handle.actor.end_past()
        self.host.strategies.deliver()
        self._feed = self.adapter.feed(
            self._waiting.put,
            interval=self.plan.interval,
            quotes=kind.on_quote is not Strategy.on_quote,
            trades=kind.on_trade is not Strategy.on_trade,
        )
        for bar in past:
            self._feed.begin_after(bar)

    def _hear(self, news: Sequence[MarketNews]) -> None:
        bars: dict[int, list[Bar]] = {}
        for said in news:
            match said:
                case VenueMark():
                    self._hear_mark(said)
                case VenueQuote():
                    self.host.strategies.hear_quote(QuoteTick(said.symbol, said.time_ns, said.texts))
                case VenueTrade():
                    self.host.strategies.hear_trade(
                        TradeTick(
                            said.symbol,
                            said.time_ns,
                            said.price,
                            said.size,
                            buyer_is_maker=said.buyer_is_maker,
                        )
                    )
                case VenueBar():
                    bars.setdefault(said.close_ns, []).append(_told(said))
        for close_ns in sorted(bars):
            self.host.strategies.hear_bars(bars[close_ns])

    def _hear_mark(self, mark: VenueMark) -> None:
        self.kernel.mark_price(mark.symbol, mark.price)
        terms = (mark.rate, mark.next_boundary_ns)
        if mark.rate is not None and mark.next_boundary_ns and self._terms.get(mark.symbol) != terms:
            self._terms[mark.symbol] = terms
            self.kernel.on_funding(mark.symbol, mark.rate, mark.next_boundary_ns)

    # ------------------------------------------------------------------------------------------------ the end

    def _end(self) -> Left:
        """No new entries; what the plan says is done with the rest, for ten seconds at most."""
        self._handle.stop()
        actor, policy = self._handle.actor, self.plan.on_stop
        until = time.monotonic() + _STOP_S
        if policy != "keep":
            actor.client.wind_down(flatten=policy == "flatten", reason="stop")
        while policy != "keep" and time.monotonic() < until and not self._is_done():
            self._hear(self._waiting.take(_LOOK_S))
            self.host.strategies.deliver()
        try:
            return Left(self.adapter.get_positions(), list(self.adapter.get_open_orders()))
        except (KernelError, TimeoutError, Exception) as error:  # noqa: BLE001 - the end is told either way
            _LOG.warning("what is left at the venue could not be asked for: %s", error)
            return Left(known=False)

    def _is_done(self) -> bool:
        for trade in self._handle.actor.client.trades():
            entry = trade.active_entry_order
            if entry is not None and entry.is_live():
                return False
            if self.plan.on_stop == "flatten":
                return False
        return True


def _told(bar: VenueBar) -> Bar:
    return Bar(bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts)
