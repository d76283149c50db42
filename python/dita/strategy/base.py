"""`Strategy`: the class that an author derives from."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict

from dita._kernel import KernelOutcome, TradeSlot, VenueOrder
from dita.errors import refuse
from dita.strategy.errors import NotRunning
from dita.strategy.views import Bar, Book, OwnFill, Position, QuoteTick, TradeTick, moment

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Params(BaseModel):
    """A strategy's parameters: typed, frozen, with ranges (pydantic's `Field(ge=..., le=...)`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StrategyContext(Protocol):
    """The interface between a strategy and the program that runs it: actions, state, timers and the log."""

    def now_ns(self) -> int:
        """Return the time, ns."""

    def enter(self, symbol: str, side: str, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Open a trade."""

    def exit(self, trade: Any, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Close a trade, or a part of it."""

    def cancel(self, order: VenueOrder | str, fields: Mapping[str, Any]) -> KernelOutcome:
        """Cancel an order."""

    def amend(self, order: VenueOrder | str, fields: Mapping[str, Any]) -> KernelOutcome:
        """Change an order."""

    def trades(self, symbol: str | None) -> list[TradeSlot]:
        """Return the open trades."""

    def orders(self, symbol: str | None) -> list[VenueOrder]:
        """Return the orders at work."""

    def position(self, symbol: str) -> Position:
        """Return what is held."""

    def instrument(self, symbol: str) -> Mapping[str, Any]:
        """Return an instrument's rules."""

    def account(self) -> Any:  # noqa: ANN401
        """Return the account."""

    def closes_float(self, symbol: str, count: int, interval: str | None) -> Sequence[float]:
        """Return the last closes."""

    def timer(self, name: str, every_ns: int | None, at_ns: int | None) -> None:
        """Set, or remove, a timer."""

    def log(self, message: str, fields: Mapping[str, Any]) -> None:
        """Write a line."""


class Strategy:
    """A strategy: callbacks receive events, actions trade. The same in backtests, on paper and live.

    Callbacks never nest: what an action causes is in its outcome at once, and `on_order`, `on_fill` and
    `on_position` come after the running callback has returned, in the kernel's order. A callback that raises
    puts the strategy into the state Error, and its orders are dealt with as `on_error` says; others go on.

    Attributes:
        instruments: What it trades; empty means what the program was given.
        intervals: The bar lengths it receives; longer ones are built from shorter ones.
        warmup: How many closed bars of each interval come first, with `warming` true.
        slots: How many trades it may run at once.
        on_error: "keep", "cancel" (entries only) or "flatten".
        call_limit_s: How long a callback may take, seconds of wall clock; it never changes a result. None
            means 60 in a backtest, 1 elsewhere.
        params_type: The class of its parameters.
        attachment: Path within the host's directory and content of a file that the host keeps, such as a
            proof of its orders; None keeps none.
        params: Its parameters.
        warming: True while its history is played: it may look, and not act.
        recovering: True while events from before a restart are replayed: it may look, and not act.
    """

    instruments: ClassVar[tuple[str, ...]] = ()
    intervals: ClassVar[tuple[str, ...]] = ()
    warmup: ClassVar[int] = 0
    slots: ClassVar[int] = 1
    on_error: ClassVar[str] = "cancel"
    call_limit_s: ClassVar[float | None] = None
    params_type: ClassVar[type[Params]] = Params
    attachment: ClassVar[tuple[str, bytes] | None] = None

    warming: bool = False
    recovering: bool = False

    def __init__(self, params: Params | None = None) -> None:
        """Take the parameters; None means their defaults.

        Derive with `on_start`, not with another `__init__`: a strategy is made before it has a context.
        """
        self.params: Any = self.params_type() if params is None else params
        self._context: StrategyContext | None = None

    # ---------------------------------------------------------------------------------------------- callbacks

    def on_start(self) -> None:
        """Called when the strategy starts: after the warm-up, before the first event."""

    def on_stop(self) -> None:
        """Called when the strategy stops. It may still send orders."""

    def on_tick(self, now: datetime) -> None:
        """Called each second of kernel time.

        Args:
            now: The time, UTC.
        """

    def on_timer(self, name: str) -> None:
        """Called when a timer is due.

        Args:
            name: As it was set.
        """

    def on_quote(self, quote: QuoteTick) -> None:
        """Called with each new best bid and ask.

        Args:
            quote: The quote.
        """

    def on_trade(self, trade: TradeTick) -> None:
        """Called with each public trade.

        Args:
            trade: The trade.
        """

    def on_bar(self, bar: Bar) -> None:
        """Called with each closed bar.

        Args:
            bar: The bar.
        """

    def on_book(self, book: Book) -> None:
        """Called when an order book changes: in backtests and on paper, on markets with depth.

        Args:
            book: As the venue has it after the change, 50 levels of a side at most.
        """

    def on_order(self, order: VenueOrder) -> None:
        """Called when one of its orders changes.

        Args:
            order: As it is now.
        """

    def on_fill(self, fill: OwnFill) -> None:
        """Called with each fill of its orders.

        Args:
            fill: The fill.
        """

    def on_position(self, trade: TradeSlot) -> None:
        """Called when the size of one of its trades changes.

        Args:
            trade: As it is now; `size` 0 once it is closed.
        """

    def on_funding(self, symbol: str, amount: Decimal) -> None:
        """Called when funding is paid or received for its trades.

        Args:
            symbol: The instrument.
            amount: Settlement units; below 0 was paid.
        """

    def on_save(self) -> Mapping[str, Any] | None:
        """Return what it wants back after a restart: plain JSON of at most 64 KiB; None means nothing.

        Called after each callback that acted, once the events that it caused are dispatched, and at most once
        a second else. What it returns is durable together with the actions, or neither is. Not in backtests.

        In a program of its own (`dita.connect`) it is asked before each action as well: the action is sent
        together with the state of that moment, so that a program which is killed right behind it has both.
        """
        return None

    def on_load(self, state: Mapping[str, Any]) -> None:
        """Take back what `on_save` returned last: after the warm-up of a restart, before `on_start`.

        What has happened to its orders and trades since then follows, with `recovering` true.

        Args:
            state: The state.
        """

    # ------------------------------------------------------------------------------------------ what it does

    def enter(
        self,
        symbol: str,
        side: str,
        size: Decimal | str | int | None = None,
        **fields: Any,  # noqa: ANN401 - a KernelIntent's
    ) -> KernelOutcome:
        """Open a trade in a free slot of the strategy.

        Behind an `exit` of the other side that still works it waits until that has filled, and is sent then;
        the outcome is the exit's.

        Args:
            symbol: The instrument.
            side: LONG or SHORT.
            size: Base units or contracts, a multiple of the lot; None with `quote_size`.
            fields: More of `KernelIntent`: `order_type`, `limit_price`, `time_in_force` and so on.

        Raises:
            WarmingUp: During the warm-up.
            NoFreeSlot: All of the strategy's slots carry trades.
            TooManyIntents: More than 1,000 in one callback.
        """
        return self._at().enter(symbol, side, size, fields)

    def exit(
        self,
        trade: TradeSlot | str | int,
        size: Decimal | str | int | None = None,
        **fields: Any,  # noqa: ANN401 - as above
    ) -> KernelOutcome:
        """Close a trade, or a part of it.

        Args:
            trade: The trade, its id, its slot's number, or an instrument of which there is one trade.
            size: How much; None means all of it.
            fields: More of `KernelIntent`.

        Raises:
            InvalidInput: There is no such trade, or there are several.
        """
        return self._at().exit(trade, size, fields)

    def cancel(self, order: VenueOrder | str, **fields: Any) -> KernelOutcome:  # noqa: ANN401 - as above
        """Cancel one of its orders.

        Args:
            order: The order, or its client id.
            fields: More of `KernelIntent`.
        """
        return self._at().cancel(order, fields)

    def amend(self, order: VenueOrder | str, **fields: Any) -> KernelOutcome:  # noqa: ANN401 - as above
        """Change one of its orders.

        Args:
            order: The order, or its client id.
            fields: What changes: `target_size`, `limit_price`, `trigger_price`.
        """
        return self._at().amend(order, fields)

    def timer(self, name: str, *, every: timedelta | None = None, at: datetime | None = None) -> None:
        """Set a timer; it calls `on_timer`. One of the same name is replaced; with neither it is removed.

        Args:
            name: Its name.
            every: Again and again.
            at: Once; with `every` as well, the first time. Without an offset it is UTC, as in market files.

        Raises:
            InvalidInput: `every` is no timedelta above zero, or `at` no datetime.
        """
        if not isinstance(every, timedelta | None):
            raise refuse("every", every, "is no timedelta")
        if not isinstance(at, datetime | None):
            raise refuse("at", at, "is no datetime")
        every_ns = None if every is None else every // _MICROSECOND * 1000
        at_ns = None
        if at is not None:
            aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            at_ns = (aware - _EPOCH) // _MICROSECOND * 1000
        self._at().timer(name, every_ns, at_ns)

    def log(self, message: str, **fields: Any) -> None:  # noqa: ANN401 - any value that can be shown
        """Write a line to the program's log, with the strategy's name and time.

        Args:
            message: What happened.
            fields: What belongs to it.
        """
        self._at().log(message, fields)

    # ------------------------------------------------------------------------------------------ what it sees

    @property
    def now(self) -> datetime:
        """The time, UTC."""
        return moment(self._at().now_ns())

    @property
    def now_ns(self) -> int:
        """The time, nanoseconds since 1970-01-01 UTC."""
        return self._at().now_ns()

    @property
    def account(self) -> Any:  # noqa: ANN401 - AccountProjection, which is the kernel's
        """The whole account: `capital` (K), `equity` and so on."""
        return self._at().account()

    def position(self, symbol: str) -> Position:
        """Return what it holds of an instrument.

        Args:
            symbol: The instrument.
        """
        return self._at().position(symbol)

    def trades(self, symbol: str | None = None) -> list[TradeSlot]:
        """Return its open trades, by slot.

        Args:
            symbol: Of one instrument only.
        """
        return self._at().trades(symbol)

    def orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """Return its orders that are at work, oldest first.

        Args:
            symbol: Of one instrument only.
        """
        return self._at().orders(symbol)

    def instrument(self, symbol: str) -> Mapping[str, Any]:
        """Return an instrument's rules: see `ExecutionKernel.instrument`.

        Args:
            symbol: The instrument.
        """
        return self._at().instrument(symbol)

    def closes_float(self, symbol: str, count: int, interval: str | None = None) -> Sequence[float]:
        """Return the last closes, oldest first, for indicators; fewer where there are not so many.

        It is a read-only buffer of doubles (a `memoryview`), which other libraries read without a copy:
        `numpy.asarray(self.closes_float("BTCUSDT", 100))`. It is what there was when it was asked for: bars
        that close later do not change it.

        Args:
            symbol: The instrument.
            count: How many, at most 10,000.
            interval: The bar length; None means the shortest that it receives.
        """
        return self._at().closes_float(symbol, count, interval)

    def size_for(
        self,
        symbol: str,
        *,
        notional: Decimal | str | int | None = None,
        risk: Decimal | str | int | None = None,
        stop: Decimal | str | int | None = None,
    ) -> Decimal:
        """Return a size on the lot grid, rounded down: for a value, or for a loss at a stop.

        Args:
            symbol: The instrument; its mark is the price.
            notional: The value, quote units.
            risk: What may be lost if the price goes to `stop`, quote units.
            stop: That price.

        Raises:
            ValueError: Not exactly one of `notional` and `risk`, no `stop` with `risk`, or no mark yet.
            InvalidInput: One of them is no number, not finite, or below zero; or the instrument is not there.
        """
        rules = self.instrument(symbol)
        mark, lot = rules["mark_price"], rules["lot_step"]
        multiplier = rules["contract_multiplier"]
        if mark is None:
            raise ValueError(f"{symbol}: there is no mark yet")
        if (notional is None) == (risk is None):
            raise ValueError("give either notional or risk")
        if notional is not None:
            value, apart = _amount(notional, "notional"), mark
        else:
            value = _amount(risk, "risk")
            apart = abs(mark - _amount(stop, "stop")) if stop is not None else Decimal(0)
            if not apart:
                raise ValueError("risk needs a stop that is not at the mark")
        # A whole quotient is exact: nothing is rounded before it is cut to the lot.
        return Decimal(value // (apart * multiplier * lot) * lot)

    def _at(self) -> StrategyContext:
        if self._context is None:
            raise NotRunning(f"{type(self).__name__}: runs in no program yet")
        return self._context


def _amount(given: object, name: str) -> Decimal:
    """Return an amount of an author's as a number that can be counted with."""
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        raise refuse(name, given, "is no number") from None
    if not amount.is_finite() or amount < 0:
        raise refuse(name, given, "must be finite and not below zero")
    return amount
