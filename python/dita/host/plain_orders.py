"""Plain orders: a side, a size, a price. One translator turns them into intents, for all that take them.

Against the side that is held an order closes: oldest trades first, one EXIT each. What is left opens a trade
in a free slot. There is no book of orders here: what became of an order is read from the kernel's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita._kernel import (
    KernelOutcome,
    OrderSide,
    OrderType,
    Product,
    TradeSide,
    TradeSlot,
    VenueOrder,
    plain_standing,
)
from dita.errors import InvalidInput, refuse
from dita.host.client import Client
from dita.kernel import Number
from dita.kernel.api import KernelApi

_ID_BYTES_MAX: Final = 60
#: Beyond so many plain orders those that the kernel has forgotten are forgotten here.
KEPT_MAX: Final = 50_000
INSUFFICIENT_FUNDS: Final = "insufficient_funds"


@dataclass(frozen=True, slots=True)
class PlainOrder:
    """A plain order, as its children say it stands.

    Attributes:
        client_id: Its own id.
        asset: The instrument.
        side: BUY or SELL.
        size: How much was asked for.
        filled_size: How much has filled.
        average_price: Of what has filled; None where nothing has.
        status: REJECTED, SENT, NEW (at work), PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, DONE_FOR_DAY.
        reason: Why it, or a part of it, was refused; empty where nothing was.
        children: The orders that it became, in the order of sending.
    """

    client_id: str
    asset: str
    side: OrderSide
    size: Decimal
    filled_size: Decimal
    average_price: Decimal | None
    status: str
    reason: str
    children: tuple[VenueOrder, ...]


def common_status(children: Iterable[tuple[str, Decimal]], size: Decimal, *, refused: bool) -> str:
    """Return the status of a plain order.

    The first that is true counts: a child is at work and something has filled: PARTIALLY_FILLED; a child is
    at work: NEW (SENT while none is acknowledged); filled in whole: FILLED; a child is CANCELED, EXPIRED or
    DONE_FOR_DAY: that; something has filled: CANCELED; else REJECTED.

    Args:
        children: Status and filled size of each.
        size: How much was asked for.
        refused: Whether a part was refused before it became an order.
    """
    return plain_standing([(str(status), filled) for status, filled in children], size, refused)


class PlainOrders:
    """Takes plain orders for one client."""

    def __init__(self, client: Client, kernel: KernelApi, *, prefix: str = "") -> None:
        """Trade with a client's slots.

        Args:
            client: Whose; it sends plain orders here alone, from now on.
            kernel: The account's.
            prefix: What the intents' ids have in front in the kernel: a lease's name and a colon.
        """
        #: With whose slots; another client of the same name may take its place.
        self.client = client
        self._kernel = kernel
        self._prefix = prefix
        # By plain order: which orders it became. The kernel knows everything else of them.
        self._became: dict[str, list[str]] = {}
        self._read_all()

    def submit(
        self,
        asset: str,
        side: OrderSide | str,
        size: Number,
        *,
        client_id: str,
        price: Number | None = None,
        order_type: OrderType | str | None = None,
        time_in_force: str = "GTC",
        reduce_only: bool = False,
        **fields: Any,  # noqa: ANN401 - a KernelIntent's
    ) -> PlainOrder:
        """Send an order.

        Args:
            asset: The instrument.
            side: BUY or SELL.
            size: Base units or contracts, above zero.
            client_id: Its id; its children have it with `.1`, `.2` behind.
            price: The limit; None means at the market.
            order_type: None means LIMIT with a price, else MARKET.
            time_in_force: GTC, IOC, FOK, GTD.
            reduce_only: Whether it only closes: what is left of it then opens nothing.
            fields: More fields of `KernelIntent`: `post_only`, `trigger_price`, `expire_time`.

        Returns:
            The order, as its children stand.

        Raises:
            InvalidInput: A value cannot be taken, or the id was used; nothing was sent.
        """
        if not client_id or len(client_id.encode()) > _ID_BYTES_MAX or "." in client_id:
            raise refuse("client_id", client_id, f"must have 1 to {_ID_BYTES_MAX} bytes, and no dot")
        if self._children(client_id):
            raise refuse("client_id", client_id, "was used before")
        way = _side(side)
        amount = _amount(size)
        values = {
            **fields,
            "limit_price": price,
            "order_type": order_type or ("MARKET" if price is None else "LIMIT"),
            "time_in_force": time_in_force,
        }
        left, sent, reasons = amount, 0, list[str]()
        children: list[VenueOrder] = []
        for trade, part in self._closes(asset, way, amount):
            sent += 1
            outcome = self.client.exit(trade.slot_id, part, **values, intent_id=f"{client_id}.{sent}")
            _refusal(outcome, reasons)
            children += self._sent(client_id, sent, outcome)
            left -= part
        if left:
            refused = "reduce_only" if reduce_only else self._cannot_open(asset, way)
            if refused:
                reasons.append(refused)
            else:
                sent += 1
                side_opened = TradeSide.LONG if way is OrderSide.BUY else TradeSide.SHORT
                outcome = self.client.enter(
                    asset, side_opened, left, **values, intent_id=f"{client_id}.{sent}", trade_id=client_id
                )
                _refusal(outcome, reasons)
                children += self._sent(client_id, sent, outcome)
        return _of(client_id, asset, way, amount, children, reasons)

    def _sent(self, client_id: str, number: int, outcome: KernelOutcome) -> list[VenueOrder]:
        """Keep in mind which order a part became, and return it as it stands."""
        intent_id = f"{self._prefix}{client_id}.{number}"
        named = {event.venue_client_id for event in outcome.emitted_events if event.venue_client_id}
        found = [order for one in named if (order := self.client.order(one)) is not None]
        if outcome.slot_id is not None and not any(order.intent_id == intent_id for order in found):
            # The venue has not answered yet.
            held = self._kernel.slot(outcome.slot_id).snapshot()
            found = [order for order in (held.active_entry_order, *held.exit_orders) if order is not None]
        mine = [order for order in found if order.intent_id == intent_id]
        if outcome.accepted and not mine:
            # It has ended already, without a report here.
            mine = [order for order in self.client.orders() if order.intent_id == intent_id]
        self._became.setdefault(client_id, []).extend(order.venue_client_id for order in mine)
        return mine

    def _closes(self, asset: str, way: OrderSide, size: Decimal) -> list[tuple[TradeSlot, Decimal]]:
        """Which trades it closes, oldest first, and how much of each: what their exits have left free."""
        against = TradeSide.SHORT if way is OrderSide.BUY else TradeSide.LONG
        found: list[tuple[TradeSlot, Decimal]] = []
        held = [trade for trade in self.client.trades(asset) if trade.side == against and trade.size]
        for trade in sorted(held, key=lambda trade: (trade.entry_time_ns or 0, trade.slot_id)):
            free = trade.size - sum(
                (order.remaining_size for order in trade.exit_orders if order.is_live()), Decimal(0)
            )
            part = min(free, size)
            if part > 0:
                found.append((trade, part))
                size -= part
        return found

    def _cannot_open(self, asset: str, way: OrderSide) -> str:
        if way is OrderSide.SELL and self._kernel.instrument(asset)["product"] is Product.SPOT:
            return INSUFFICIENT_FUNDS
        return "no_free_slot" if self.client.free_slot() is None else ""

    def cancel(self, client_id: str) -> PlainOrder:
        """Cancel what of an order is at work.

        Args:
            client_id: Its id.

        Raises:
            InvalidInput: It is not known.
        """
        children = self._known(client_id)
        for child in children:
            if child.is_live() and child.slot_id is not None:
                self.client.cancel(child.slot_id, child.venue_client_id)
        return self.order(client_id)

    def order(self, client_id: str) -> PlainOrder:
        """Return an order as it stands.

        Args:
            client_id: Its id.

        Raises:
            InvalidInput: It is not known, or has been forgotten.
        """
        return of_children(client_id, self._known(client_id))

    def knows(self, client_id: str) -> bool:
        """Whether an order of this id is known."""
        return bool(self._children(client_id))

    def _known(self, client_id: str) -> list[VenueOrder]:
        children = self._children(client_id)
        if not children:
            raise refuse("client_id", client_id, "is no order that is known")
        return children

    def _children(self, client_id: str) -> list[VenueOrder]:
        if len(self._became) > KEPT_MAX:
            self._read_all()
        known = (self.client.order(one) for one in self._became.get(client_id, ()))
        return [order for order in known if order is not None]

    def _read_all(self) -> None:
        self._became.clear()
        for order in self.client.orders():
            client_id = whole_id(order.intent_id, self._prefix)
            if client_id:
                self._became.setdefault(client_id, []).append(order.venue_client_id)


def whole_id(intent_id: str, prefix: str = "") -> str:
    """Return the plain order that an intent is a part of; empty where it is none.

    Args:
        intent_id: The intent's.
        prefix: What it has in front where it came through a lease: the name and a colon.
    """
    whole, _, number = intent_id.removeprefix(prefix).rpartition(".")
    return whole if number.isascii() and number.isdecimal() and intent_id.startswith(prefix) else ""


def of_children(client_id: str, children: Sequence[VenueOrder]) -> PlainOrder:
    """Return a plain order as its children stand.

    Args:
        client_id: Its id.
        children: At least one.
    """
    size = sum((child.intended_size for child in children), Decimal(0))
    return _of(client_id, children[0].asset, children[0].order_side, size, children, [])


def _of(
    client_id: str,
    asset: str,
    side: OrderSide,
    size: Decimal,
    children: Sequence[VenueOrder],
    reasons: Sequence[str],
) -> PlainOrder:
    filled = sum((child.filled_size for child in children), Decimal(0))
    value = sum(
        ((child.average_fill_price or Decimal(0)) * child.filled_size for child in children), Decimal(0)
    )
    status = common_status(
        ((str(child.status), child.filled_size) for child in children), size, refused=bool(reasons)
    )
    return PlainOrder(
        client_id=client_id,
        asset=asset,
        side=side,
        size=size,
        filled_size=filled,
        average_price=value / filled if filled else None,
        status=status,
        reason="; ".join(reasons),
        children=tuple(children),
    )


def _refusal(outcome: KernelOutcome, reasons: list[str]) -> None:
    if not outcome.accepted:
        reasons.append(str(outcome.diagnostic_code).lower())


def _side(side: OrderSide | str) -> OrderSide:
    try:
        return OrderSide(str(side).upper())
    except (InvalidInput, ValueError):
        raise refuse("side", side, "is neither BUY nor SELL") from None


def _amount(size: Number) -> Decimal:
    try:
        amount = Decimal(str(size))
    except ArithmeticError:
        raise refuse("size", size, "is no decimal") from None
    if not amount.is_finite() or amount <= 0:
        raise refuse("size", size, "must be above zero")
    return amount
