"""A venue in memory behind an adapter, with books of its own: what reached it is known."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from dita import BaseExecutionAdapter, ExecutionKernel, KernelEventKind, VenueEvent, VenueOrder
from kernels import CONFIG, SYMBOL

PRICE = Decimal(60_000)
FEE = Decimal("0.3")


class FillingVenue(BaseExecutionAdapter):
    """Fills every order whole, at once, at one price; in a thread of its own, where no signal comes.

    Attributes:
        trouble: Called with the order after it was taken, before it is answered; it may raise, hang or return
            another answer.
        received: How often each order reached the venue.
        position: What it holds of the instrument, signed.
        cash: Its wallet.
    """

    def __init__(self, trouble: Callable[[VenueOrder], Any] | None = None) -> None:
        super().__init__()
        self.trouble = trouble
        self.received: dict[str, int] = {}
        self.position, self.cash = Decimal(0), Decimal(10_000)
        self._fills: dict[str, VenueEvent] = {}
        self._books = ThreadPoolExecutor(1)
        # Its thread starts now: one whose start is interrupted by Ctrl-C is never told to end.
        self._books.submit(int).result()

    def submit(self, order: VenueOrder) -> Any:
        self._books.submit(self._take, order).result()
        reported = None if self.trouble is None else self.trouble(order)
        return self.reported(order.venue_client_id) if reported is None else reported

    def _take(self, order: VenueOrder) -> None:
        name = order.venue_client_id
        if name not in self._fills:
            signed = order.intended_size if order.order_side == "BUY" else -order.intended_size
            self.position += signed
            # Always the same price: only the fees move the wallet.
            self.cash -= FEE
            self._fills[name] = self._event(
                KernelEventKind.FULL_FILL,
                name,
                venue_trade_id=f"T{len(self._fills)}",
                size=order.intended_size,
                filled_size=order.intended_size,
                price=PRICE,
                fee=FEE,
            )
        self.received[name] = self.received.get(name, 0) + 1

    def reported(self, name: str) -> list[VenueEvent]:
        """What it would say of an order: acknowledged, filled."""
        return [self._event(KernelEventKind.ORDER_ACK, name), self._fills[name]]

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        return [self._event(KernelEventKind.CANCEL_REJECT, order.venue_client_id, reason="filled")]

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        # Behind whatever came before it: an order whose sender was interrupted may still be on its way to the
        # books, while the clock of these tests leaps over the time that a venue has to settle.
        return self._books.submit(self._find, venue_client_id).result()

    def _find(self, venue_client_id: str) -> Sequence[VenueEvent]:
        if venue_client_id not in self._fills:
            return [VenueEvent(1, kind="ORDER_NOT_FOUND", venue_client_id=venue_client_id)]
        return self.reported(venue_client_id)

    def _event(self, kind: KernelEventKind, name: str, **fields: Any) -> VenueEvent:
        ids = {"venue_client_id": name, "venue_order_id": "V" + name}
        return VenueEvent(1, kind=kind, **ids, **fields)


def on(venue: Any, **options: Any) -> ExecutionKernel:
    """A kernel with one instrument and 10,000 USDT, new or opened again."""
    kernel = ExecutionKernel(venue=venue, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def agree(kernel: ExecutionKernel, venue: FillingVenue) -> None:
    """Demand that kernel and venue have the same position and money, and that no order came twice."""
    kernel.check_invariants()
    booked = sum((row["size"] for row in kernel.positions()), Decimal(0))
    assert booked == venue.position
    assert kernel.account.capital == venue.cash
    assert [order.venue_client_id for order in kernel.orders(live_only=True)] == []
    assert set(venue.received.values()) <= {1}, "an order was sent twice"
