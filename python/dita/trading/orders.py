"""`OrderTracker`: a kernel's orders under the names that authors of bots know. It keeps no book."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from dita._kernel import KernelEventKind, KernelOutcome, VenueEvent, VenueOrder, VenueOrderStatus
from dita.errors import refuse
from dita.runtime.retelling import happened_since

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
        fee_asset: In which asset; empty where it is not told.
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
    filled_quantity: Decimal
    price: Decimal | None
    avg_fill_price: Decimal | None
    status: TrackedStatus
    fills: tuple[Fill, ...] = field(default=())
    created_at: int | None = None
    updated_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is New or PartiallyFilled."""
        return self.status in (TrackedStatus.NEW, TrackedStatus.PARTIALLY_FILLED)


# Fills, and the times of an order's first and last event.
_Heard: TypeAlias = tuple[tuple[Fill, ...], int | None, int | None]
_NOTHING: Final[_Heard] = ((), None, None)


class OrderTracker:
    """Shows a kernel's orders. Each answer is read from the kernel, and its fills from the log."""

    def __init__(self, kernel: "ExecutionKernel", connector: str = "") -> None:
        """Look at a kernel.

        Args:
            kernel: Whose orders.
            connector: What `TrackedOrder.connector` says.
        """
        self._kernel = kernel
        self._connector = connector

    def track(self, client_id: str) -> TrackedOrder:
        """Return an order as it is now, with its fills.

        Args:
            client_id: Our id of it.

        Raises:
            InvalidInput: It is not known, or has been forgotten.
        """
        order = self._known(client_id)
        return self._shown(order, self._heard(order.owner).get(client_id, _NOTHING))

    update = track

    def add_fill(self, client_id: str, fill: Fill) -> KernelOutcome:
        """Tell the kernel of a fill: for venues whose events come through this program.

        Args:
            client_id: Our id of the order.
            fill: What filled.

        Raises:
            InvalidInput: The order is not known, or a value cannot be.
        """
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

    def get_open_orders(self, strategy_id: str | None = None) -> list[TrackedOrder]:
        """Return the orders at work, oldest first.

        Args:
            strategy_id: Of one strategy only.
        """
        return [
            self._shown(order)
            for order in self._kernel.orders(live_only=True)
            if strategy_id in (None, order.owner)
        ]

    def get_by_strategy(self, strategy_id: str) -> list[TrackedOrder]:
        """Return a strategy's orders, those that have ended as well, oldest first.

        Args:
            strategy_id: Whose.
        """
        heard = self._heard(strategy_id)
        return [
            self._shown(order, heard.get(order.venue_client_id, _NOTHING))
            for order in self._kernel.orders()
            if order.owner == strategy_id
        ]

    def order_history(self) -> list[TrackedOrder]:
        """Return the orders that have ended, oldest first: as many as the kernel remembers."""
        return [self._shown(order) for order in self._kernel.orders() if not order.is_live()]

    def _known(self, client_id: str) -> VenueOrder:
        order = self._kernel.order(client_id)
        if order is None:
            raise refuse("client_id", client_id, "is no order that is known")
        return order

    def _shown(self, order: VenueOrder, heard: _Heard = _NOTHING) -> TrackedOrder:
        fills, created_at, updated_at = heard
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

    def _heard(self, owner: str) -> dict[str, _Heard]:
        """What the log has of an owner's orders: fills, and when they were heard of first and last."""
        found: dict[str, _Heard] = {}
        told: VenueEvent | None = None
        for _, event, _ in happened_since(self._kernel, owner, 0, self._kernel.seq):
            # A fill that closes trades of the other side comes once for each slot that it changes.
            if event is told:
                continue
            told = event
            fills, created_at, _ = found.get(event.venue_client_id, _NOTHING)
            if is_fill(event):
                fills = (*fills, fill_of(event))
            first_ns = event.timestamp_ns if created_at is None else created_at
            found[event.venue_client_id] = (fills, first_ns, event.timestamp_ns)
        return found


def is_fill(event: VenueEvent) -> bool:
    """Return whether an event tells a fill with its price and size.

    Args:
        event: It.
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
        order: It.
    """
    status = STATUSES[str(VenueOrderStatus(order.status))]
    is_part = status is TrackedStatus.NEW and order.filled_size > 0
    return TrackedStatus.PARTIALLY_FILLED if is_part else status
