"""What a strategy's actions and questions go to: its kernel, its client, its listener."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from dita._kernel import (
    KernelDiagnosticCode,
    KernelOutcome,
    Listener,
    OrderSide,
    OrderType,
    TradeSide,
    TradeSlot,
    VenueOrder,
)
from dita.errors import details_text, refuse
from dita.kernel import Number
from dita.kernel.api import StrategyKernel
from dita.runtime.timers import Timers
from dita.slots import KernelSlotView
from dita.strategy import NotRunning, Position, Strategy, TooManyIntents, WarmingUp
from dita.strategy.views import moment

INTENTS_MAX: Final = 1_000
_SIGNS: Final = {"LONG": 1, "SHORT": -1}
_LOG: Final = logging.getLogger("dita.strategy")


@dataclass(frozen=True, slots=True)
class Reversal:
    """An entry that waits until exits have closed the trades of the other side.

    Attributes:
        trades: Their ids.
        symbol: The instrument.
        side: LONG or SHORT.
        size: As it was given.
        fields: More of the intent.
    """

    trades: tuple[str, ...]
    symbol: str
    side: str
    size: Any
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Refusals:
    """Intents that the kernel has refused with one code.

    Attributes:
        count: How many.
        first_ns: When the first was, kernel time.
        why: What the kernel said of the first.
    """

    count: int
    first_ns: int
    why: str


def _nothing() -> None:
    """Hold nothing: no log is kept."""


class TradingClient(Protocol):
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

    def free_slot(self) -> int | None:
        """Return the free slot with the lowest number; None where there is none."""

    def trades(self, asset: str | None = None) -> list[TradeSlot]:
        """Return the open trades."""

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the orders."""

    def wind_down(self, *, flatten: bool, reason: str) -> None:
        """Cancel entries, or leave everything."""

    def close(self) -> None:
        """Give the slots back."""


class ActorContext:
    """One strategy's context: its actions and what it sees. It is not called while the strategy does not run.

    Attributes:
        client: With its slots.
        refused: Its intents that were refused, by code.
        acted: Whether it has acted since somebody last cleared this.
        hold: Called before an action: what it causes then waits for the strategy's note.
    """

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        kernel: StrategyKernel,
        client: TradingClient,
        symbols: Sequence[str],
        listener: Listener,
        timers: Timers,
        state: Callable[[], object],
    ) -> None:
        """Set it up.

        Args:
            name: The strategy's.
            strategy: The strategy.
            kernel: The account's.
            client: With its slots.
            symbols: What it may trade.
            listener: Counts its callbacks.
            timers: Its own.
            state: Says how it is; only one that runs may act.
        """
        self.client = client
        self.refused: dict[str, Refusals] = {}
        self.acted = False
        self.hold: Callable[[], object] = _nothing
        self._name = name
        self._strategy = strategy
        self._kernel = kernel
        self._symbols = symbols
        self._listener = listener
        self._timers = timers
        self._state = state
        self._calls = self._intents = 0
        self._exits: dict[str, KernelOutcome] = {}
        self._reversals: list[Reversal] = []

    # ---------------------------------------------------------------------------------------- what it does

    def _may_act(self) -> None:
        if self._strategy.warming or self._strategy.recovering:
            raise WarmingUp(f"{self._name}: it may look and not act while it is warming up or recovering")
        if not self._listener.running:
            raise NotRunning(f"{self._name}: is {self._state()}")
        self.hold()
        self.acted = True
        calls = self._listener.act()
        if calls != self._calls:
            self._calls, self._intents = calls, 0  # another callback than at the last action
        self._intents += 1
        if self._intents > INTENTS_MAX:
            raise TooManyIntents(f"{self._name}: more than {INTENTS_MAX} intents in one callback")

    def now_ns(self) -> int:
        """Return kernel time."""
        return self._kernel.now_ns

    def enter(self, symbol: str, side: str, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Open a trade; behind exits that leave the other side, once they have filled."""
        self._may_act()
        if symbol not in self._symbols:
            raise refuse(
                "symbol", symbol, f"is none of {self._name}'s instruments: {', '.join(self._symbols)}"
            )
        leaving = self._leaving(symbol, side)
        if not leaving:
            return self._noted(self.client.enter(symbol, side, size, **fields))
        if self.client.free_slot() is not None:
            outcome = self.client.enter(symbol, side, size, **fields)
            if outcome.diagnostic_code != KernelDiagnosticCode.OPPOSITE_SIDE:
                return self._noted(outcome)
        self._reversals.append(Reversal(leaving, symbol, str(side), size, dict(fields)))
        self._listener.waits(True)  # noqa: FBT003 - a switch
        return self._exits[leaving[-1]]

    def _leaving(self, symbol: str, side: str) -> tuple[str, ...]:
        """The trades of the other side, where market exits are at work for the whole of each."""
        if not self._exits:
            return ()
        held = [trade for trade in self.client.trades(symbol) if str(trade.side) != str(side)]
        if not held or any(trade.trade_id not in self._exits for trade in held):
            return ()
        left = self._at_exit()
        return (
            tuple(trade.trade_id for trade in held)
            if all(trade.size and left.get(trade.trade_id, 0) >= trade.size for trade in held)
            else ()
        )

    def _at_exit(self) -> dict[str, Decimal]:
        """How much of each trade market exits at work close."""
        found: dict[str, Decimal] = {}
        for order in self.client.orders(live_only=True):
            sold = order.order_side == (OrderSide.SELL if order.side == TradeSide.LONG else OrderSide.BUY)
            if sold and order.order_type == OrderType.MARKET:
                name = order.internal_trade_id
                found[name] = found.get(name, Decimal(0)) + order.remaining_size
        return found

    def follow(self) -> bool:
        """Send the entries whose exits have filled; say whether any was sent.

        One whose exit has ended without closing its trade is dropped, and counted as refused.
        """
        if not self._reversals:
            return False
        waiting, self._reversals = self._reversals, []
        still = {trade.trade_id for trade in self.client.trades() if trade.size}
        left, sent = self._at_exit(), False
        for one in waiting:
            open_still = still.intersection(one.trades)
            if not self._listener.running:
                self._drop(one, "the strategy has stopped before its exit filled")
            elif open_still and open_still <= left.keys():
                self._reversals.append(one)
            elif open_still:
                self._drop(one, "its exit ended without closing the trade")
            elif self.client.free_slot() is None:
                self._drop(one, "no slot is free")
            else:
                self.hold()
                self.acted = sent = True
                self._noted(self.client.enter(one.symbol, one.side, one.size, **one.fields))
        self._listener.waits(bool(self._reversals))
        return sent

    def _drop(self, one: Reversal, why: str) -> None:
        self._refused("REVERSAL", f": {one.side} {one.symbol}: {why}")

    def exit(self, trade: Any, size: Any, fields: Mapping[str, Any]) -> KernelOutcome:  # noqa: ANN401
        """Close a trade, or a part of it."""
        self._may_act()
        held = self._trade(trade)
        outcome = self.client.exit(held.slot_id, held.size if size is None else size, **fields)
        if outcome.accepted:
            if len(self._exits) >= INTENTS_MAX:
                self._exits = dict(list(self._exits.items())[INTENTS_MAX // 2 :])
            self._exits[held.trade_id] = outcome
        return self._noted(outcome)

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
            self._refused(str(outcome.diagnostic_code), details_text(outcome.details))
        return outcome

    def _refused(self, code: str, why: str) -> None:
        refused = self.refused.setdefault(code, Refusals(0, self._kernel.now_ns, why))
        refused.count += 1

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
        if known is None or known.owner != self._name:
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
        size = sum((_SIGNS[str(trade.side)] * trade.size for trade in held), Decimal(0))
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
        """Return the last closes: a read-only buffer, which later bars do not change."""
        return self._listener.closes(symbol, max(count, 0), interval)

    def timer(self, name: str, every_ns: int | None, at_ns: int | None) -> None:
        """Set, or remove, a timer."""
        self._timers.set(name, every_ns, at_ns, self._kernel.clock_ns)

    def log(self, message: str, fields: Mapping[str, Any]) -> None:
        """Write a line."""
        text = " ".join(f"{key}={value}" for key, value in fields.items())
        _LOG.info("%s %s: %s %s", moment(self._kernel.now_ns).isoformat(), self._name, message, text)
