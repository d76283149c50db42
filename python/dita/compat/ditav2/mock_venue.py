"""DITAv2's module `mock_venue`: a scripted venue that fills where no script says otherwise."""

from collections.abc import Sequence
from typing import Any

from dita import KernelEventKind, VenueEvent, VenueOrder
from dita.venues.mock import MockVenueAdapter as ScriptedVenue


class MockVenueAdapter(ScriptedVenue):
    """Plays a script as `dita.MockVenueAdapter` does; without one it fills each order whole, and cancels.

    Fills are at the order's limit, else at the price that the kernel's intent names.

    Attributes:
        prices: The price of the newest intent, by asset; the kernel's face keeps it.
    """

    prices: dict[str, object]

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Play the script, or acknowledge and fill."""
        answer = super().submit(order)
        price = order.limit_price or getattr(self, "prices", {}).get(order.asset)
        if answer or "submit" in self._scripts or self._always.get("submit") is not None or price is None:
            return answer
        ids: dict[str, Any] = {"timestamp": 0, "venue_client_id": order.venue_client_id, "asset": order.asset}
        number = f"{len(self.calls):08d}"
        return [
            VenueEvent(**ids, kind=KernelEventKind.ORDER_ACK, venue_order_id=f"MOCK-{number}"),
            VenueEvent(
                **ids,
                kind=KernelEventKind.FULL_FILL,
                venue_trade_id=f"MOCK-F{number}",
                price=price,
                size=order.intended_size,
            ),
        ]

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Play the script, or confirm the cancel."""
        answer = super().cancel(order, reason)
        if answer or "cancel" in self._scripts or self._always.get("cancel") is not None:
            return answer
        return [VenueEvent(0, kind=KernelEventKind.CANCEL_ACK, venue_client_id=order.venue_client_id)]
