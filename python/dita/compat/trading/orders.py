"""`OrderTracker`: a kernel's orders, or a program's own, under the names that authors of bots know."""

import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from dita._kernel import KernelEventKind, KernelOutcome, VenueEvent, VenueOrder, VenueOrderStatus
from dita.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dita.kernel import ExecutionKernel

_FILLS: Final = (KernelEventKind.PARTIAL_FILL, KernelEventKind.FULL_FILL)


class TrackedStatus(StrEnum):
    """How an order is, in the six words of bots."""

    NEW = "New"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELED = "Canceled"
    REJECTED = "Rejected"
    EXPIRED = "Expired"


STATUSES: "Final[Mapping[str, TrackedStatus]]" = MappingProxyType(
    {
        "NEW": TrackedStatus.NEW,
        "SENT": TrackedStatus.NEW,
        "ACKED": TrackedStatus.NEW,
        "STOPPED": TrackedStatus.NEW,
        "PENDING_CANCEL": TrackedStatus.NEW,
        "PENDING_REPLACE": TrackedStatus.NEW,
        "PARTIALLY_FILLED": TrackedStatus.PARTIALLY_FILLED,
        "FILLED": TrackedStatus.FILLED,
        "CANCELED": TrackedStatus.CANCELED,
        "DONE_FOR_DAY": TrackedStatus.CANCELED,
        "REJECTED": TrackedStatus.REJECTED,
        "EXPIRED": TrackedStatus.EXPIRED,
    }
)
"""The kernel's status, and the tracker's. Of one that is at work, fills make it PartiallyFilled."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of an order.

    Attributes:
        price: Quote units.
        quantity: Base units or contracts.
        fee: What was paid; below 0 is a rebate; None where the venue has not said it.
        fee_asset: In which asset; empty where it is not reported.
        timestamp: The venue's time, ns.
    """

    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    fee_asset: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class TrackedOrder:
    """An order at one moment.

    Attributes:
        id: The venue's id; empty until it is known.
        client_id: Ours.
        strategy_id: Whose it is.
        connector: Where it was sent.
        pair: The instrument.
        side: BUY or SELL.
        order_type: LIMIT, MARKET and so on.
        quantity: Base units or contracts.
        filled_quantity: What has filled of it.
        price: The limit; None where it has none.
        avg_fill_price: Of what has filled; None where nothing has.
        status: How it is.
        fills: Its fills, oldest first, where the kernel keeps a log; else nothing.
        created_at: The venue's time of its first event, ns; None without a log. `track` and `get_by_strategy`
            look it up, with the fills.
        updated_at: The same of its last event.
    """

    id: str
    client_id: str
    strategy_id: str
    connector: str
    pair: str
    side: str
    order_type: str
    quantity: Decimal
    filled_quantity: Decimal = Decimal(0)
    price: Decimal | None = None
    avg_fill_price: Decimal | None = None
    status: TrackedStatus = TrackedStatus.NEW
    fills: tuple[Fill, ...] = field(default=())
    created_at: int | None = None
    updated_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is New or PartiallyFilled."""
        return self.status in (TrackedStatus.NEW, TrackedStatus.PARTIALLY_FILLED)


# Fills, and the times of an order's first and last event.
_Reported: TypeAlias = tuple[tuple[Fill, ...], int | None, int | None]
_NOTHING: Final[_Reported] = ((), None, None)


class OrderTracker:
    """Shows a kernel's orders: each answer is read from the kernel, and its fills from the log.

    `OrderTracker()` has no kernel: it shows what `track`, `update` and `add_fill` have said of orders.
    """

    def __init__(self, kernel: "ExecutionKernel | None" = None, connector: str = "") -> None:
        """Look at a kernel, or begin empty.

        Args:
            kernel: Whose orders; None tracks orders by hand.
            connector: What `TrackedOrder.connector` says.
        """
        self._kernel = kernel
        self._connector = connector
        self._own: dict[str, TrackedOrder] = {}

    def track(self, order: str | TrackedOrder) -> TrackedOrder:
        """Return an order as it is now, with its fills; without a kernel, begin to track it.

        Args:
            order: Our id of it, or the order itself.

        Raises:
            InvalidInput: It is not known, or has been forgotten; without a kernel, it is tracked already.
        """
        client_id = order if isinstance(order, str) else order.client_id
        if self._kernel is not None:
            known = self._known(client_id)
            return self._shown(known, self._reported(known.owner).get(client_id, _NOTHING))
        if isinstance(order, str):
            return self._by_hand(order)
        if client_id in self._own:
            raise refuse("client_id", client_id, "is tracked already: use update")
        now_ns = time.time_ns()
        created_at = now_ns if order.created_at is None else order.created_at
        self._own[client_id] = replace(
            order, created_at=created_at, updated_at=order.updated_at or created_at
        )
        return self._own[client_id]

    def update(self, client_id: str, status: TrackedStatus | str | None = None) -> TrackedOrder:
        """Return an order as it is now; without a kernel, after it has got a status.

        Args:
            client_id: Our id of it.
            status: What it now is: New, PartiallyFilled, Filled, Canceled, Rejected or Expired.

        Raises:
            InvalidInput: It is not known; `status` is none of those, or is given for a kernel's order.
        """
        if status is None:
            return self.track(client_id)
        if self._kernel is not None:
            raise refuse(
                "status", status, "comes from the venue: a kernel's order is only read, leave it out"
            )
        try:
            word = TrackedStatus(status)
        except ValueError:
            raise refuse("status", status, f"is none of {', '.join(TrackedStatus)}") from None
        changed = replace(self._by_hand(client_id), status=word, updated_at=time.time_ns())
        self._own[client_id] = changed
        return changed

    def add_fill(self, client_id: str, fill: Fill) -> KernelOutcome | TrackedOrder:
        """Tell the kernel of a fill: for venues whose events come through this program.

        Args:
            client_id: Our id of the order.
            fill: What filled.

        Returns:
            What came of it; without a kernel, the order.

        Raises:
            InvalidInput: The order is not known, or a value cannot be.
        """
        if self._kernel is None:
            return self._filled(self._by_hand(client_id), fill)
        order = self._known(client_id)
        filled = order.filled_size + fill.quantity
        return self._kernel.on_venue_event(
            VenueEvent(
                fill.timestamp,
                kind=_FILLS[filled >= order.intended_size],
                venue_client_id=client_id,
                asset=order.asset,
                price=fill.price,
                size=fill.quantity,
                filled_size=filled,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                order_side=order.order_side,
            )
        )

    def _by_hand(self, client_id: str) -> TrackedOrder:
        if client_id not in self._own:
            raise refuse("client_id", client_id, "is not tracked: call track(order) first")
        return self._own[client_id]

    def _filled(self, order: TrackedOrder, fill: Fill) -> TrackedOrder:
        filled = order.filled_quantity + fill.quantity
        if fill.quantity <= 0 or filled > order.quantity:
            left = order.quantity - order.filled_quantity
            raise refuse(
                "fill.quantity", fill.quantity, f"must be above zero and at most what is left, {left}"
            )
        cost = order.filled_quantity * (order.avg_fill_price or 0) + fill.quantity * fill.price
        self._own[order.client_id] = replace(
            order,
            filled_quantity=filled,
            avg_fill_price=cost / filled,
            status=TrackedStatus.FILLED if filled == order.quantity else TrackedStatus.PARTIALLY_FILLED,
            fills=(*order.fills, fill),
            updated_at=fill.timestamp,
        )
        return self._own[order.client_id]

    def get_open_orders(self, strategy_id: str | None = None) -> list[TrackedOrder]:
        """Return the orders at work, oldest first.

        Args:
            strategy_id: Of one strategy only.
        """
        orders = self._all(live_only=True)
        return [order for order in orders if order.is_open and strategy_id in (None, order.strategy_id)]

    def get_by_strategy(self, strategy_id: str) -> list[TrackedOrder]:
        """Return a strategy's orders, those that have ended as well, oldest first.

        Args:
            strategy_id: The id of the strategy.
        """
        if self._kernel is None:
            return [order for order in self._own.values() if order.strategy_id == strategy_id]
        reported = self._reported(strategy_id)
        return [
            self._shown(order, reported.get(order.venue_client_id, _NOTHING))
            for order in self._kernel.orders()
            if order.owner == strategy_id
        ]

    def order_history(self) -> list[TrackedOrder]:
        """Return the orders that have ended, oldest first: as many as the kernel remembers."""
        if self._kernel is None:
            return [order for order in self._own.values() if not order.is_open]
        return [self._shown(order) for order in self._kernel.orders() if not order.is_live()]

    def _all(self, *, live_only: bool) -> list[TrackedOrder]:
        if self._kernel is None:
            return list(self._own.values())
        return [self._shown(order) for order in self._kernel.orders(live_only=live_only)]

    def _known(self, client_id: str) -> VenueOrder:
        order = None if self._kernel is None else self._kernel.order(client_id)
        if order is None:
            raise refuse("client_id", client_id, "is no order that is known")
        return order

    def _shown(self, order: VenueOrder, reported: _Reported = _NOTHING) -> TrackedOrder:
        fills, created_at, updated_at = reported
        return TrackedOrder(
            id=order.venue_order_id,
            client_id=order.venue_client_id,
            strategy_id=order.owner,
            connector=self._connector,
            pair=order.asset,
            side=str(order.order_side),
            order_type=str(order.order_type),
            quantity=order.intended_size,
            filled_quantity=order.filled_size,
            price=order.limit_price,
            avg_fill_price=order.average_fill_price,
            status=status_of(order),
            fills=fills,
            created_at=created_at,
            updated_at=updated_at,
        )

    def _reported(self, owner: str) -> dict[str, _Reported]:
        """What the log has of an owner's orders: fills, and the times of their first and last events."""
        found: dict[str, _Reported] = {}
        if self._kernel is None:
            return found
        last: VenueEvent | None = None
        for _, event, _ in self._kernel.happened_since(owner, 0, self._kernel.seq):
            # A fill that closes trades of the other side comes once for each slot that it changes.
            if event is last:
                continue
            last = event
            fills, created_at, _ = found.get(event.venue_client_id, _NOTHING)
            if is_fill(event):
                fills = (*fills, fill_of(event))
            first_ns = event.timestamp_ns if created_at is None else created_at
            found[event.venue_client_id] = (fills, first_ns, event.timestamp_ns)
        return found


def is_fill(event: VenueEvent) -> bool:
    """Return whether an event tells a fill with its price and size.

    Args:
        event: The event.
    """
    return event.kind in _FILLS and event.price is not None and event.size is not None


def fill_of(event: VenueEvent) -> Fill:
    """Return the fill that an event tells.

    Args:
        event: One of which `is_fill` is true.
    """
    assert event.price is not None  # noqa: S101 - whoever calls has asked `is_fill`
    assert event.size is not None  # noqa: S101 - as above
    return Fill(event.price, event.size, event.fee, event.fee_asset, event.timestamp_ns)


def status_of(order: VenueOrder) -> TrackedStatus:
    """Return how an order is, in the tracker's words.

    Args:
        order: The order.
    """
    status = STATUSES[str(VenueOrderStatus(order.status))]
    is_part = status is TrackedStatus.NEW and order.filled_size > 0
    return TrackedStatus.PARTIALLY_FILLED if is_part else status
