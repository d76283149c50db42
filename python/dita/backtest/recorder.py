"""Writes down what a run comes to, while it runs. Memory grows with the trades, not with the files."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from dita._kernel import KernelEventKind, TradeSlot, TradeStage, VenueEvent
from dita.backtest.result import Trade
from dita.runtime import Happening

_FILLS: Final = (KernelEventKind.PARTIAL_FILL, KernelEventKind.FULL_FILL)
_ENDS: Final = {
    KernelEventKind.ORDER_REJECT: "rejected",
    KernelEventKind.CANCEL_ACK: "canceled",
    KernelEventKind.EXPIRED: "expired",
}
_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class OpenTrade:
    """A trade that runs."""

    number: int
    strategy: str
    symbol: str
    side: str
    entry_time_ns: int
    entry_value: Decimal = _ZERO
    entry_size: Decimal = _ZERO
    exit_value: Decimal = _ZERO
    exit_size: Decimal = _ZERO
    ambiguous: bool = False


@dataclass(slots=True)
class Recorder:
    """Hears every change of every slot.

    Attributes:
        trades: Those that have ended, in the order of their ends.
        fills: How many executions there were.
        orders: How many were placed, filled, rejected, canceled and expired.
        fees_by_cause: What was paid as maker and as taker.
        funding_by_symbol: What ended trades received.
        turnover: Price times size of all fills.
    """

    trades: list[Trade] = field(default_factory=list)
    fills: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    fees_by_cause: dict[str, Decimal] = field(default_factory=dict)
    funding_by_symbol: dict[str, Decimal] = field(default_factory=dict)
    turnover: Decimal = _ZERO
    _open: dict[str, OpenTrade] = field(default_factory=dict)
    _begun: int = 0

    def begin_with(self, slots: list[TradeSlot]) -> None:
        """Take over the trades that run already, with what was paid for them.

        Args:
            slots: All of the account's.
        """
        for slot in slots:
            if slot.is_free() or not slot.size:
                continue
            self._begun += 1
            trade = OpenTrade(self._begun, slot.owner, slot.asset, str(slot.side), slot.entry_time_ns or 0)
            trade.entry_size = slot.size
            trade.entry_value = slot.size * (slot.entry_price or _ZERO)
            self._open[slot.trade_id] = trade

    def hear(self, happening: Happening) -> None:
        """Take one change.

        Args:
            happening: It.
        """
        change, slot, event = happening.change, happening.slot, happening.event
        if change.trigger in ("ENTRY_RELEASED", "EXIT_RELEASED"):
            self.orders["placed"] += 1
        if event is not None:
            self._event(change.trade_id, slot, event)
        if change.next_state == TradeStage.CLOSED:
            self._end(change.trade_id, slot, change.timestamp_ns)

    def _event(self, trade_id: str, slot: TradeSlot, event: VenueEvent) -> None:
        ended = _ENDS.get(event.kind)
        if ended is not None:
            self.orders[ended] += 1
        if event.kind not in _FILLS or event.price is None or event.size is None:
            return
        self.fills += 1
        self.orders["filled"] += event.kind == KernelEventKind.FULL_FILL
        self.turnover += event.price * event.size
        if event.fee is not None:
            cause = str(event.liquidity or "UNKNOWN").lower()
            self.fees_by_cause[cause] = self.fees_by_cause.get(cause, _ZERO) + event.fee
        trade = self._open.get(trade_id)
        if trade is None:
            self._begun += 1
            trade = OpenTrade(self._begun, slot.owner, slot.asset, str(slot.side), event.timestamp_ns)
            self._open[trade_id] = trade
        enters = (str(event.order_side) == "BUY") == (trade.side == "LONG")
        if enters:
            trade.entry_value += event.price * event.size
            trade.entry_size += event.size
        else:
            trade.exit_value += event.price * event.size
            trade.exit_size += event.size

    def mark_ambiguous(self, trade_id: str) -> None:
        """Say that bars leave open which of a trade's orders fills first.

        Args:
            trade_id: The trade.
        """
        trade = self._open.get(trade_id)
        if trade is not None:
            trade.ambiguous = True

    def _end(self, trade_id: str, slot: TradeSlot, time_ns: int) -> None:
        trade = self._open.pop(trade_id, None)
        if trade is not None:
            self.trades.append(self._made(trade, slot, time_ns))
            funding = self.funding_by_symbol.get(trade.symbol, _ZERO) + slot.funding_net
            self.funding_by_symbol[trade.symbol] = funding

    def _made(self, trade: OpenTrade, slot: TradeSlot, time_ns: int | None) -> Trade:
        return Trade(
            number=trade.number,
            strategy=trade.strategy,
            symbol=trade.symbol,
            side=trade.side,
            entry_time_ns=trade.entry_time_ns,
            exit_time_ns=time_ns,
            entry_price=trade.entry_value / trade.entry_size,
            exit_price=trade.exit_value / trade.exit_size if trade.exit_size else None,
            size=trade.entry_size,
            pnl=slot.realized_pnl - slot.fees_paid + slot.funding_net,
            gross_pnl=slot.realized_pnl,
            fees=slot.fees_paid,
            funding=slot.funding_net,
            reason=slot.close_reason or "",
            ambiguous=trade.ambiguous,
        )

    def all_trades(self, slots: list[TradeSlot]) -> tuple[Trade, ...]:
        """Return every trade by number: those that have ended, and those that run.

        Args:
            slots: The slots that carry a trade at the end.
        """
        running = [
            self._made(trade, slot, None)
            for slot in slots
            if (trade := self._open.get(slot.trade_id)) is not None
        ]
        for slot in slots:
            if slot.trade_id in self._open:
                funding = self.funding_by_symbol.get(slot.asset, _ZERO) + slot.funding_net
                self.funding_by_symbol[slot.asset] = funding
        return tuple(sorted([*self.trades, *running], key=lambda trade: trade.number))
