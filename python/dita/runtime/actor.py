"""`Actor`: one strategy at work on one account: its life, its callbacks, and what they raise."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from dita._kernel import Dispatcher, Listener, Player, TradeSlot, interval_ns
from dita.errors import KernelClosed, KernelPoisoned, LogFailed
from dita.kernel.api import StrategyKernel
from dita.runtime.context import ActorContext, Refusals, TradingClient
from dita.runtime.notes import Notes
from dita.runtime.timers import TICK, TICK_NS, Timers
from dita.runtime.watchdog import Guarded
from dita.strategy import Bar, Strategy, StrategyError, StrategyTimeout
from dita.strategy.views import moment

CALL_LIMIT_BACKTEST_S: Final = 60.0
CALL_LIMIT_LIVE_S: Final = 1.0
_FOR_ALL: Final = (KernelClosed, KernelPoisoned, LogFailed)
_LOG: Final = logging.getLogger("dita.strategy")


class ActorState(StrEnum):
    """How a strategy is."""

    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    ERROR = "Error"


class Actor:
    """One strategy, its context, its bars, its timers.

    Attributes:
        name: The strategy's; its trades carry it as their owner.
        strategy: The strategy.
        error: Why it is in Error; empty else.
        symbols: The symbols it receives.
        client: Its slots and its way to trade.
        context: What its actions go to.
        teller: Dispatches what happens to its trades.
        notes: Keeps what it wants back after a restart; None where nothing is kept.
        started: Whether it was started in this process.
    """

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        kernel: StrategyKernel,
        client: TradingClient,
        symbols: Sequence[str],
        *,
        live: bool = False,
    ) -> None:
        """Give a strategy its context.

        Args:
            name: Its name.
            strategy: The strategy.
            kernel: The account's.
            client: With its slots.
            symbols: What it receives where the strategy names no instruments.
            live: Whether a callback may take 1 s rather than 60, and notes are kept.
        """
        self.name = name
        self.strategy = strategy
        self._state = ActorState.STOPPED
        self.error = ""
        self.symbols = strategy.instruments or tuple(symbols)
        self.client = client
        self._kernel = kernel
        self._funding: dict[str, Decimal] = {}
        self._began = False
        self.started = False
        kind = type(strategy)
        limit_s = strategy.call_limit_s or (CALL_LIMIT_LIVE_S if live else CALL_LIMIT_BACKTEST_S)
        self.wants_funding = kind.on_funding is not Strategy.on_funding
        self.wants_ticks = kind.on_tick is not Strategy.on_tick
        self.wants_quotes = kind.on_quote is not Strategy.on_quote
        self.wants_trades = kind.on_trade is not Strategy.on_trade
        self.wants_bars = kind.on_bar is not Strategy.on_bar
        self.wants_books = kind.on_book is not Strategy.on_book
        self._listener = Listener(
            symbols=self.symbols,
            intervals=strategy.intervals,
            warmup=strategy.warmup,
            slots=client.slots,
            quotes=self.wants_quotes,
            trades=self.wants_trades,
            bars=self.wants_bars,
            books=self.wants_books,
        )
        self.guarded = Guarded(limit_s, self._blocked, self._listener)
        self.timers = Timers(self._listener)
        self.context = ActorContext(
            name, strategy, kernel, client, self.symbols, self._listener, self.timers, lambda: self._state
        )
        # Notes are kept where there is a log that outlives the process.
        is_kept = live and kind.on_save is not Strategy.on_save and kernel.log_standing is not None
        self.notes = Notes(name, strategy, kernel, self.context, self._listener) if is_kept else None
        self.teller = kernel.teller(
            self._listener,
            self.guarded.leave,
            raised=self.raised,
            on_order=strategy.on_order if kind.on_order is not Strategy.on_order else None,
            on_fill=strategy.on_fill if kind.on_fill is not Strategy.on_fill else None,
            on_position=strategy.on_position if kind.on_position is not Strategy.on_position else None,
            on_change=self._dispatch_funding if self.wants_funding else None,
        )
        strategy._context = self.context  # noqa: SLF001 - the program's side of it

    # ------------------------------------------------------------------------------------------------- life

    @property
    def state(self) -> ActorState:
        """How it is. Only one that runs is called."""
        return self._state

    @state.setter
    def state(self, state: ActorState) -> None:
        self._state = state
        self._listener.run(state is ActorState.RUNNING)

    @property
    def refused(self) -> Mapping[str, Refusals]:
        """Its intents that were refused, by code."""
        return self.context.refused

    def start(self) -> None:
        """Start: `on_start`, at once or after the warm-up."""
        self.state, self.error, self.started = ActorState.RUNNING, "", True
        now_ns = self._kernel.clock_ns
        self.tick_from(now_ns, now_ns + TICK_NS)
        self.strategy.warming = self.strategy.warmup > 0 and not self._began
        if not self.strategy.warming:
            self._begin()

    def _begin(self) -> None:
        """Start in earnest: with what was before a restart, where there was one."""
        if not self._began:
            self._began = True
            for trade in self.client.trades():
                self.teller.set_size(trade.slot_id, trade.size)
                self._funding[trade.trade_id] = trade.funding_net
            if self.notes is not None:
                self.notes.recover(self.teller, self.call)
        self.call(self.strategy.on_start)

    def write_note(self, told_seq: int) -> None:
        """Note what the strategy wants back, where it may have changed.

        Args:
            told_seq: The last input whose events were all dispatched.
        """
        if self.notes is None or not self.notes.is_due(
            may_write=self._began and not self.strategy.warming and self.state is not ActorState.ERROR
        ):
            return
        try:
            self.notes.write(told_seq, self.guarded)
        except (KernelClosed, KernelPoisoned, LogFailed):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it raises or returns, the others go on
            self.fail(f"on_save: {type(error).__name__}: {error}{self._place_of(error)}", error)

    def _blocked(self) -> None:
        """Its callback does not end by an exception: it is blocked in C. From the watchdog's thread."""
        waited_s = 2 * (self.guarded.limit_s or 0)
        if self.notes is not None:
            # What it did before it was blocked waits no longer for its note.
            self._kernel.let_go()
        self.fail(f"StrategyTimeout: a callback is blocked for more than {waited_s:g} s")

    def pause(self) -> None:
        """Receive no events until `resume`; orders and trades stay."""
        if self.state is ActorState.RUNNING:
            self.state = ActorState.PAUSED

    def hold(self) -> None:
        """Be paused without having been started: `start` starts it."""
        self.state = ActorState.PAUSED

    def resume(self) -> None:
        """Receive events again."""
        if self.state is ActorState.PAUSED:
            self.state = ActorState.RUNNING

    def stop(self, deliver: Callable[[], object]) -> None:
        """Call `on_stop`, which may still act, dispatch what that causes, and stop. Orders and trades stay.

        Args:
            deliver: Dispatches what has happened: `on_fill` receives a fill that `on_stop` has caused.
        """
        if self.state is ActorState.RUNNING and not self.strategy.warming:
            self.call(self.strategy.on_stop)
            deliver()
        if self.state is not ActorState.ERROR:
            self.state = ActorState.STOPPED

    def call(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call a callback. One that raises puts the strategy into Error; others go on.

        Args:
            callback: A bound method of the strategy.
            arguments: What the callback receives.
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
            error: What was raised.
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

    def take_bars_of_the_market(self) -> None:
        """Build no bars from quotes and trades: the market gives bars."""
        self._listener.has_bars()

    def subscribe(self, source: Player | Dispatcher) -> None:
        """Subscribe to a market: the source calls `on_quote`, `on_trade`, `on_bar` and `on_book`.

        Args:
            source: Plays files, or dispatches what comes event by event.
        """
        strategy = self.strategy
        source.listen(
            self._listener,
            self.guarded.leave,
            on_quote=strategy.on_quote if self.wants_quotes else None,
            on_trade=strategy.on_trade if self.wants_trades else None,
            on_bar=strategy.on_bar if self.wants_bars else None,
            on_book=strategy.on_book if self.wants_books else None,
        )

    def warm_up(self, past: Iterable[Bar]) -> None:
        """Build bars from a market's past, and end the warm-up with the last of them where they suffice.

        What the strategy has built before is forgotten: the past is its history.

        Args:
            past: Closed bars of the market's own length, oldest first.

        Raises:
            StrategyError: A length that the strategy wants cannot be built from such bars.
        """
        self._listener.forget_bars()
        kept: dict[tuple[str, str], deque[Bar]] = {}
        try:
            for bar in past:
                for one in self._listener.add_bar(bar):
                    key = (one.symbol, one.interval)
                    kept.setdefault(key, deque(maxlen=max(1, self.strategy.warmup))).append(one)
        except ValueError as error:
            raise StrategyError(str(error)) from None
        bars = [bar for last in kept.values() for bar in last] if self.strategy.warming else []
        for bar in sorted(bars, key=lambda bar: (bar.close_ns, bar.symbol, interval_ns(bar.interval))):
            self.call(self.strategy.on_bar, bar)
            self._listener.count_bar(bar)
        self.end_warm_up()

    def end_warm_up(self) -> None:
        """Start in earnest, where each of the strategy's intervals has had enough bars."""
        if self.strategy.warming and self._listener.is_warm:
            self.strategy.warming = False
            self._listener.end_warm_up()
            self._begin()

    # ------------------------------------------------------------------------------------------ what happened

    def look_for_funding(self) -> None:
        """Dispatch the funding booked to open trades since the last look."""
        if self.wants_funding and self._began:
            for trade in self.client.trades():
                self._dispatch_funding(trade)

    def _dispatch_funding(self, trade: TradeSlot) -> None:
        amount = trade.funding_net - self._funding.get(trade.trade_id, Decimal(0))
        if trade.is_free():
            self._funding.pop(trade.trade_id, None)
        elif amount:
            self._funding[trade.trade_id] = trade.funding_net
        if amount:
            self.call(self.strategy.on_funding, trade.asset, amount)

    def next_timer_ns(self) -> int | None:
        """Return when the next timer runs out, ns; None where there is none."""
        return self.timers.next_ns()

    def run_timers(self, due_ns: int, now_ns: int) -> None:
        """Call the timers that are due, the earliest first.

        Args:
            due_ns: Timers up to this time are due.
            now_ns: The time: a timer that comes again comes after it.
        """
        for at, name in self.timers.run_out(due_ns, now_ns):
            if name == TICK:
                self.call(self.strategy.on_tick, moment(at))
            else:
                self.call(self.strategy.on_timer, name)

    def tick_from(self, now_ns: int, first_ns: int) -> None:
        """Have `on_tick` come each second, where the strategy has one.

        Args:
            now_ns: The time.
            first_ns: When it comes first.
        """
        if self.wants_ticks:
            self.timers.set(TICK, TICK_NS, first_ns, now_ns)
