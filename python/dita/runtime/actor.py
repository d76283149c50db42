"""`Actor`: one strategy at work on one account. It calls the callbacks and carries out the actions."""

import json
import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from dita._kernel import (
    KernelEventKind,
    KernelOutcome,
    Listener,
    Player,
    TradeSide,
    TradeSlot,
    VenueOrder,
    interval_ns,
)
from dita.errors import InvalidInput, KernelClosed, KernelPoisoned, LogFailed, refuse
from dita.kernel import ExecutionKernel, Number
from dita.runtime.retelling import happened_since
from dita.runtime.watchdog import Guarded
from dita.runtime.watcher import Happening
from dita.slots import KernelSlotView
from dita.strategy import (
    Bar,
    NotRunning,
    OwnFill,
    Position,
    QuoteTick,
    Strategy,
    StrategyError,
    StrategyTimeout,
    TooManyIntents,
    TradeTick,
    WarmingUp,
)
from dita.strategy.views import moment

INTENTS_MAX: Final = 1_000
TICK_NS: Final = 1_000_000_000
_TICK: Final = "\0tick"
CALL_LIMIT_BACKTEST_S: Final = 60.0
CALL_LIMIT_LIVE_S: Final = 1.0
NOTE_S: Final = 1.0
NOTE_BYTES_MAX: Final = 65_536
_FILLS: Final = (KernelEventKind.PARTIAL_FILL, KernelEventKind.FULL_FILL)
_FOR_ALL: Final = (KernelClosed, KernelPoisoned, LogFailed)
_LOG: Final = logging.getLogger("dita.strategy")


def _nothing() -> None:
    """Hold nothing: no log is kept."""


def _json_of(state: Mapping[str, Any]) -> str:
    """Return a strategy's state as JSON.

    Raises:
        StrategyError: It is no plain JSON, or too long.
    """
    try:
        text = json.dumps(state, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"returned what is no plain JSON: {error}") from error
    if len(text.encode()) > NOTE_BYTES_MAX:
        raise StrategyError(f"returned {len(text.encode()):,} bytes of JSON, more than {NOTE_BYTES_MAX:,}")
    return text


class ActorState(StrEnum):
    """How a strategy is."""

    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    ERROR = "Error"


class Seat(Protocol):
    """How an actor trades: `dita.host.Client`."""

    @property
    def slots(self) -> tuple[int, ...]:
        """The numbers of its slots."""

    def enter(
        self,
        asset: str,
        side: TradeSide | str,
        size: Number | None = None,
        *,
        slot: int | None = None,
        **fields: Any,  # noqa: ANN401 - a KernelIntent's
    ) -> KernelOutcome:
        """Open a trade."""

    def exit(self, slot: int, size: Any = None, **fields: Any) -> KernelOutcome:  # noqa: ANN401
        """Close a trade."""

    def cancel(self, slot: int, order: str = "", **fields: Any) -> KernelOutcome:  # noqa: ANN401
        """Cancel an order."""

    def amend(self, slot: int, order: str = "", **fields: Any) -> KernelOutcome:  # noqa: ANN401
        """Change an order."""

    def slot(self, slot: int) -> KernelSlotView:
        """Return a view of a slot."""

    def trades(self, asset: str | None = None) -> list[TradeSlot]:
        """Return the open trades."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the orders."""

    def wind_down(self, *, flatten: bool, reason: str) -> None:
        """Cancel entries, or leave everything."""

    def close(self) -> None:
        """Give the slots back."""


class Actor:
    """One strategy, its client, its bars, its timers.

    Attributes:
        name: The strategy's; its trades carry it as their owner.
        strategy: The strategy.
        error: Why it is in Error; empty else.
        symbols: What it hears.
        refused: How many of its intents were refused, by code.
    """

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        kernel: ExecutionKernel,
        client: Seat,
        symbols: Sequence[str],
        *,
        live: bool = False,
    ) -> None:
        """Give a strategy its desk.

        Args:
            name: Its name.
            strategy: It.
            kernel: The account's.
            client: With its slots.
            symbols: What it hears, where it names nothing itself.
            live: Whether a callback may take 1 s rather than 60, and notes are kept.
        """
        self.name = name
        self.strategy = strategy
        self._state = ActorState.STOPPED
        self.error = ""
        self.symbols = strategy.instruments or tuple(symbols)
        self.client = client
        self.refused: Counter[str] = Counter()
        self._kernel = kernel
        self._intents = 0
        self._sizes: dict[int, Decimal] = {}
        self._past: dict[tuple[str, str], deque[Bar]] = {}
        self._timers: dict[str, tuple[int, int | None]] = {}
        self._funding: dict[str, Decimal] = {}
        self._told_seq = 0
        self._began = False
        self.acted = self.called = False
        self._noted_s = 0.0
        self.hold: Callable[[], object] = _nothing
        kind = type(strategy)
        # Notes are kept where there is a log that outlives the process.
        self.notes = live and kind.on_save is not Strategy.on_save and kernel.log_standing is not None
        limit_s = strategy.call_limit_s or (CALL_LIMIT_LIVE_S if live else CALL_LIMIT_BACKTEST_S)
        self.hears_funding = kind.on_funding is not Strategy.on_funding
        self.hears_ticks = kind.on_tick is not Strategy.on_tick
        self.hears_quotes = kind.on_quote is not Strategy.on_quote
        self.hears_trades = kind.on_trade is not Strategy.on_trade
        self.hears_bars = kind.on_bar is not Strategy.on_bar
        self._listener = Listener(
            symbols=self.symbols,
            intervals=strategy.intervals,
            warmup=strategy.warmup,
            slots=client.slots,
            quotes=self.hears_quotes,
            trades=self.hears_trades,
            bars=self.hears_bars,
        )
        self._calls = self._calls_noted = 0
        self.guarded = Guarded(limit_s, self._blocked, self._listener)
        strategy._desk = self  # noqa: SLF001 - the program's side of it

    # ------------------------------------------------------------------------------------------------- life

    @property
    def state(self) -> ActorState:
        """How it is. Only one that runs is called."""
        return self._state

    @state.setter
    def state(self, state: ActorState) -> None:
        self._state = state
        self._listener.run(state is ActorState.RUNNING)

    def start(self) -> None:
        """Start: `on_start`, at once or after the warm-up."""
        self.state, self.error = ActorState.RUNNING, ""
        self.strategy.warming = self.strategy.warmup > 0 and not self._began
        if not self.strategy.warming:
            self._begin()

    def _begin(self) -> None:
        """Start in earnest: with what was before a restart, where there was one."""
        if not self._began:
            self._began = True
            self._recover()
        self.call(self.strategy.on_start)

    def _recover(self) -> None:
        """Give the strategy its note back, and tell what has happened since."""
        recovery = self._kernel.recovery
        for trade in self.client.trades():
            self._sizes[trade.slot_id], self._funding[trade.trade_id] = trade.size, trade.funding_net
        if not self.notes or recovery is None or not recovery["last_seq"]:
            return
        strategy, until = self.strategy, self._kernel.seq
        noted = self._kernel.noted(self.name)
        strategy.recovering = True
        try:
            if noted is not None:
                self.call(strategy.on_load, json.loads(noted.text))
            self._sizes.clear()
            for happening, order in happened_since(
                self._kernel, self.name, 0 if noted is None else noted.told_seq, until
            ):
                self._tell(happening, order)
        finally:
            strategy.recovering = False
        self._told_seq = until

    def write_note(self, told_seq: int) -> None:
        """Note what the strategy wants back, where it may have changed.

        Args:
            told_seq: The last input of which everything was told.
        """
        calls = self._listener.calls
        if calls != self._calls_noted:
            self._calls_noted, self.called = calls, True
        acted, called = self.acted, self.called
        if not called or not self.notes or self.state is ActorState.ERROR:
            self.acted = False
            return
        if self.strategy.warming or not self._began:
            return
        now_s = time.monotonic()
        if not acted and now_s - self._noted_s < NOTE_S:
            return
        self.acted = self.called = False
        self._noted_s = now_s
        try:
            self.guarded.enter()
            try:
                state = self.strategy.on_save()
            finally:
                self.guarded.leave()
                self._calls_noted = self._listener.calls
            if state is not None:
                self._kernel.note(self.name, _json_of(state), max(told_seq, self._told_seq))
        except (KernelClosed, KernelPoisoned, LogFailed):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises or returns, the others go on
            self.fail(f"on_save: {type(error).__name__}: {error}{self._place_of(error)}", error)

    def forget_notes(self) -> None:
        """Let the next quiet moment write a note, however short the last one is ago."""
        self.acted = self.called = True

    def _blocked(self) -> None:
        """Its callback does not end by an exception: it is blocked in C. From the watchdog's thread."""
        waited_s = 2 * (self.guarded.limit_s or 0)
        if self.notes:
            # What it did before it was blocked waits no longer for its note.
            self._kernel.let_go()
        self.fail(f"StrategyTimeout: a callback is blocked for more than {waited_s:g} s")

    def pause(self) -> None:
        """Hear no more until `resume`; orders and trades stay."""
        if self.state is ActorState.RUNNING:
            self.state = ActorState.PAUSED

    def resume(self) -> None:
        """Hear again."""
        if self.state is ActorState.PAUSED:
            self.state = ActorState.RUNNING

    def stop(self) -> None:
        """End: `on_stop`, which may still act. Orders and trades stay."""
        if self.state is ActorState.RUNNING and not self.strategy.warming:
            self.call(self.strategy.on_stop)
        if self.state is not ActorState.ERROR:
            self.state = ActorState.STOPPED

    def call(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call a callback. One that raises puts the strategy into Error; others go on.

        Args:
            callback: A bound method of the strategy.
            arguments: What it is told.
        """
        if self.state is not ActorState.RUNNING:
            return
        guarded = self.guarded
        try:
            guarded.enter()
            try:
                callback(*arguments)
            finally:
                guarded.leave()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a strategy raises, the others go on
            self.raised(error, getattr(callback, "__name__", "a callback"))

    def raised(self, error: BaseException, name: str) -> None:
        """Take what a callback has raised: Ctrl-C, and what ends the kernel, is raised again.

        Args:
            error: It.
            name: The callback's.
        """
        if isinstance(error, _FOR_ALL) or not isinstance(error, Exception | SystemExit):
            raise error  # not the strategy's doing: nobody can go on
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, StrategyTimeout):
            if self.error:
                return
            text = f"StrategyTimeout: {name} has taken longer than {self.guarded.limit_s:g} s (call_limit_s)"
        self.fail(f"{text}{self._place_of(error)}", error)

    def _place_of(self, error: BaseException) -> str:
        """Say where in the strategy's own file it happened: the deepest line of it."""
        own = getattr(sys.modules.get(type(self.strategy).__module__), "__file__", None)
        trace, line = error.__traceback__, None
        while own is not None and trace is not None:
            if trace.tb_frame.f_code.co_filename == own:
                line = trace.tb_lineno
            trace = trace.tb_next
        return "" if line is None else f" ({Path(own or '').name}, line {line})"

    def fail(self, message: str, error: BaseException | None = None) -> None:
        """Put the strategy into Error, and deal with its orders as it has declared.

        Args:
            message: Why.
            error: What was raised, for the log.
        """
        self.state, self.error = ActorState.ERROR, message
        _LOG.error("%s: %s", self.name, message, exc_info=error)
        policy = self.strategy.on_error
        if policy not in ("keep", "cancel", "flatten"):
            _LOG.error("%s: on_error is %r: taken as cancel", self.name, policy)
            policy = "cancel"
        if policy != "keep":
            self.client.wind_down(flatten=policy == "flatten", reason="strategy error")

    # -------------------------------------------------------------------------------------------- the market

    def hear_quote(self, quote: QuoteTick) -> None:
        """Tell a quote, where it is the strategy's."""
        if quote.symbol in self.symbols:
            self.call(self.strategy.on_quote, quote)

    def hear_trade(self, trade: TradeTick) -> None:
        """Tell a trade of others, where it is the strategy's."""
        if trade.symbol in self.symbols:
            self.call(self.strategy.on_trade, trade)

    def hear_bar(self, bar: Bar) -> list[Bar]:
        """Take a closed bar of the feed: return those to tell, the shortest first.

        Args:
            bar: Of the feed's own length.

        Raises:
            StrategyError: A length that the strategy wants cannot be built from such bars.
        """
        try:
            return self._listener.hear_bar(bar)
        except ValueError as error:
            raise StrategyError(str(error)) from None

    def tell_bar(self, bar: Bar) -> None:
        """Tell a closed bar, and count it for the warm-up.

        Args:
            bar: As `hear_bar` returned it.
        """
        self.call(self.strategy.on_bar, bar)
        self._listener.count_told(bar)

    def hear(self, player: Player) -> None:
        """Hear a player's markets: it calls `on_quote`, `on_trade` and `on_bar` where the strategy has them.

        Args:
            player: It has all its markets.
        """
        strategy = self.strategy
        player.listen(
            self._listener,
            self.guarded.leave,
            on_quote=strategy.on_quote if self.hears_quotes else None,
            on_trade=strategy.on_trade if self.hears_trades else None,
            on_bar=strategy.on_bar if self.hears_bars else None,
        )

    def hear_past(self, bar: Bar) -> None:
        """Take a closed bar of before an interruption; `end_past` plays the last of them.

        Args:
            bar: Of the feed's own length.
        """
        for one in self.hear_bar(bar):
            key = (one.symbol, one.interval)
            kept = self._past.setdefault(key, deque(maxlen=max(1, self.strategy.warmup)))
            kept.append(one)

    def end_past(self) -> None:
        """Warm up with what was kept of the past."""
        kept = [bar for bars in self._past.values() for bar in bars] if self.strategy.warming else []
        self._past.clear()
        for bar in sorted(kept, key=lambda bar: (bar.close_ns, bar.symbol, interval_ns(bar.interval))):
            self.tell_bar(bar)
        self.end_warm_up()

    def end_warm_up(self) -> None:
        """Start in earnest, where each bar that the strategy hears has come often enough."""
        if self.strategy.warming and self._listener.is_warm:
            self.strategy.warming = False
            self._listener.end_warm_up()
            self._begin()

    # ------------------------------------------------------------------------------------------ what happened

    def owns(self, happening: Happening) -> bool:
        """Whether a change is about one of the strategy's trades."""
        return happening.slot.owner == self.name

    def tell(self, happening: Happening) -> None:
        """Tell what happened to one of its trades: the order, the fill, the position.

        Args:
            happening: It.
        """
        if happening.change.seq <= self._told_seq:
            return  # it was told while recovering
        event = happening.event
        order = None
        if event is not None and event.venue_client_id:
            order = self._kernel.order(event.venue_client_id)
        self._tell(happening, order)

    def _tell(self, happening: Happening, order: VenueOrder | None) -> None:
        slot, event = happening.slot, happening.event
        if event is None:
            return
        if order is not None:
            self.call(self.strategy.on_order, order)
        if event.kind in _FILLS and event.price is not None and event.size is not None:
            fill = OwnFill(
                symbol=slot.asset,
                slot=slot.slot_id,
                trade_id=happening.change.trade_id,
                order_id=event.venue_client_id,
                side=str(event.order_side or (order.order_side if order is not None else "")),
                price=event.price,
                size=event.size,
                fee=event.fee,
                liquidity=str(event.liquidity or ""),
                time_ns=event.timestamp_ns,
            )
            self.call(self.strategy.on_fill, fill)
        if self._sizes.get(slot.slot_id, Decimal(0)) != slot.size:
            self._sizes[slot.slot_id] = slot.size
            self.call(self.strategy.on_position, slot)
        if self.hears_funding:
            self._tell_funding(slot)

    def look_for_funding(self) -> None:
        """Tell what funding has been booked to open trades since the last look."""
        if self.hears_funding and self._began:
            for trade in self.client.trades():
                self._tell_funding(trade)

    def _tell_funding(self, trade: TradeSlot) -> None:
        amount = trade.funding_net - self._funding.get(trade.trade_id, Decimal(0))
        if trade.is_free():
            self._funding.pop(trade.trade_id, None)
        elif amount:
            self._funding[trade.trade_id] = trade.funding_net
        if amount:
            self.call(self.strategy.on_funding, trade.asset, amount)

    def next_timer_ns(self) -> int | None:
        """Return when the next timer runs out, ns; None where there is none."""
        return min((due for due, _ in self._timers.values()), default=None)

    def run_timers(self, now_ns: int) -> bool:
        """Tell the timers that have run out, the earliest first.

        Args:
            now_ns: The time.

        Returns:
            Whether there was one.
        """
        due = sorted((at, name) for name, (at, _) in self._timers.items() if at <= now_ns)
        for at, name in due:
            _, every = self._timers.pop(name)
            if every is not None:
                # From when it was due, so that it does not wander; what was missed is not made up for.
                behind = (now_ns - at) // every
                self._timers[name] = (at + (behind + 1) * every, every)
            if name == _TICK:
                self.call(self.strategy.on_tick, moment(at))
            else:
                self.call(self.strategy.on_timer, name)
        self._listener.set_next_timer(self.next_timer_ns())
        return bool(due)

    def tick_by_itself(self) -> None:
        """Let `on_tick` come each second of kernel time, where the strategy has one and nobody else ticks."""
        if self.hears_ticks:
            self.timer(_TICK, TICK_NS, None)

    # --------------------------------------------------------------------------------------------- the desk

    def _may_act(self) -> None:
        if self.strategy.warming or self.strategy.recovering:
            raise WarmingUp(f"{self.name}: it may look and not act while it is warming up or recovering")
        if self.state is not ActorState.RUNNING:
            raise NotRunning(f"{self.name}: is {self.state}")
        self.hold()
        self.acted = True
        calls = self._listener.act()
        if calls != self._calls:
            self._calls, self._intents = calls, 0  # another callback than at the last action
        self._intents += 1
        if self._intents > INTENTS_MAX:
            raise TooManyIntents(f"{self.name}: more than {INTENTS_MAX} intents in one callback")

    def now_ns(self) -> int:
        """Return kernel time."""
        return self._kernel.now_ns

    def enter(self, symbol: str, side: str, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Open a trade."""
        self._may_act()
        if symbol not in self.symbols:
            raise refuse("symbol", symbol, f"is none of {self.name}'s instruments: {', '.join(self.symbols)}")
        return self._noted(self.client.enter(symbol, side, size, **fields))

    def exit(self, trade: Any, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Close a trade, or a part of it."""
        self._may_act()
        held = self._trade(trade)
        return self._noted(self.client.exit(held.slot_id, held.size if size is None else size, **fields))

    def cancel(self, order: VenueOrder | str, fields: Mapping[str, Any]) -> KernelOutcome:
        """Cancel an order."""
        self._may_act()
        known = self._order(order)
        return self._noted(self.client.cancel(known.slot_id or 0, known.venue_client_id, **fields))

    def amend(self, order: VenueOrder | str, fields: Mapping[str, Any]) -> KernelOutcome:
        """Change an order."""
        self._may_act()
        known = self._order(order)
        return self._noted(self.client.amend(known.slot_id or 0, known.venue_client_id, **fields))

    def _noted(self, outcome: KernelOutcome) -> KernelOutcome:
        if not outcome.accepted:
            self.refused[str(outcome.diagnostic_code)] += 1
        return outcome

    def _trade(self, trade: object) -> TradeSlot:
        if isinstance(trade, TradeSlot):
            return self.client.slot(trade.slot_id).snapshot()
        if isinstance(trade, int) and not isinstance(trade, bool):
            return self.client.slot(trade).snapshot()
        found = [one for one in self.client.trades() if trade in (one.trade_id, one.asset)]
        if len(found) != 1:
            raise refuse("trade", trade, f"names {len(found)} of the strategy's open trades")
        return found[0]

    def _order(self, order: VenueOrder | str) -> VenueOrder:
        name = order.venue_client_id if isinstance(order, VenueOrder) else order
        known = self._kernel.order(name)
        if known is None or known.owner != self.name:
            raise refuse("order", name, "is no order of the strategy")
        return known

    def trades(self, symbol: str | None) -> list[TradeSlot]:
        """Return the open trades."""
        return self.client.trades(symbol)

    def orders(self, symbol: str | None) -> list[VenueOrder]:
        """Return the orders at work."""
        return [order for order in self.client.orders(live_only=True) if symbol in (None, order.asset)]

    def position(self, symbol: str) -> Position:
        """Return the signed sum of the open trades."""
        held = [trade for trade in self.client.trades(symbol) if trade.size]
        if not held:
            return Position(symbol, Decimal(0), None, Decimal(0))
        sign = {"LONG": 1, "SHORT": -1}
        size = sum((sign[str(trade.side)] * trade.size for trade in held), Decimal(0))
        sides = {str(trade.side) for trade in held}
        price = None
        if len(sides) == 1:
            value = sum((trade.size * (trade.entry_price or 0) for trade in held), Decimal(0))
            price = held[0].entry_price if len(held) == 1 else value / abs(size)
        open_pnl = sum((trade.unrealized_pnl for trade in held), Decimal(0))
        return Position(symbol, size, price, open_pnl)

    def instrument(self, symbol: str) -> Mapping[str, Any]:
        """Return an instrument's rules."""
        return self._kernel.instrument(symbol)

    def account(self) -> Any:  # noqa: ANN401 - the kernel's
        """Return the account."""
        return self._kernel.account

    def closes_float(self, symbol: str, count: int, interval: str | None) -> Sequence[float]:
        """Return the last closes."""
        return self._listener.closes(symbol, max(count, 0), interval)

    def timer(self, name: str, every_ns: int | None, at_ns: int | None) -> None:
        """Set, or remove, a timer."""
        if every_ns is not None and every_ns <= 0:
            raise InvalidInput(f"every: must be above zero for timer {name}")
        if every_ns is None and at_ns is None:
            self._timers.pop(name, None)
            self._listener.set_next_timer(self.next_timer_ns())
            return
        first = at_ns if at_ns is not None else self._kernel.now_ns + (every_ns or 0)
        self._timers[name] = (first, every_ns)
        self._listener.set_next_timer(self.next_timer_ns())

    def log(self, message: str, fields: Mapping[str, Any]) -> None:
        """Write a line."""
        text = " ".join(f"{key}={value}" for key, value in fields.items())
        _LOG.info("%s %s: %s %s", moment(self._kernel.now_ns).isoformat(), self.name, message, text)
