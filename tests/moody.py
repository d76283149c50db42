"""An adapter that takes orders or refuses them, for tests of what stands around adapters."""

from collections.abc import Sequence

from dita import BaseExecutionAdapter, VenueEvent, VenueOrder


class Moody(BaseExecutionAdapter):
    """Takes orders, or refuses them; brings its answers by `emit` or returns them."""

    def __init__(self, *, emits: bool) -> None:
        super().__init__()
        self.refuses = False
        self.emits = emits
        self.sent: list[VenueOrder] = []

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        self.sent.append(order)
        ids = {"venue_client_id": order.venue_client_id, "venue_order_id": f"V{len(self.sent)}"}
        if self.refuses:
            events = [VenueEvent(0, kind="ORDER_REJECT", reason="no", **ids)]
        else:
            events = [VenueEvent(0, kind="ORDER_ACK", **ids)]
            if order.limit_price is None and order.trigger_price is None:
                fill = {"venue_trade_id": f"T{len(self.sent)}", "price": 100, "size": order.intended_size}
                events.append(VenueEvent(0, kind="FULL_FILL", **ids, **fill))
        if not self.emits:
            return events
        for event in events:
            self.emit(event)
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        return [VenueEvent(0, kind="CANCEL_ACK", venue_client_id=order.venue_client_id, remaining_size=0)]
