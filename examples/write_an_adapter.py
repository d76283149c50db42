"""An adapter to a venue that answers later, from a thread of its own, as real ones do.

The venue here is ten lines of Python. What matters is the adapter: it returns `[]` at once, and brings the
venue's words with `emit` whenever they come.

Run it: `python examples/write_an_adapter.py`
"""

import queue
import threading
from collections.abc import Sequence

from dita import BaseExecutionAdapter, ExecutionKernel, KernelIntent, NotSent, VenueEvent, VenueOrder

SYMBOL = "BTCUSDT"


class Venue(threading.Thread):
    """A venue behind a connection: requests go in, answers come out on its own thread."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        super().__init__(daemon=True)
        self.requests: queue.Queue[VenueOrder | None] = queue.Queue()
        self.listener = lambda _message: None

    def run(self) -> None:
        """Acknowledge each order, then fill it in two parts."""
        while (order := self.requests.get()) is not None:
            name = f"V{order.venue_client_id}"
            self.listener({"id": order.venue_client_id, "venue": name, "what": "new"})
            half = order.intended_size / 2
            for part in (1, 2):
                self.listener(
                    {
                        "id": order.venue_client_id,
                        "venue": name,
                        "what": "fill",
                        "trade": f"{name}-{part}",
                        "size": half,
                    }
                )


class QueuedAdapter(BaseExecutionAdapter):
    """Turns orders into requests, and the venue's messages into events."""

    def __init__(self, venue: Venue) -> None:
        """Listen to a venue."""
        super().__init__()
        self.venue = venue
        venue.listener = self.on_message

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; the answer comes later."""
        if not self.venue.is_alive():
            # Surely not sent: nothing is in doubt. After any other exception the order would be.
            raise NotSent("the connection is down")
        self.venue.requests.put(order)
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Say no: this venue fills at once."""
        return [VenueEvent(0, kind="CANCEL_REJECT", venue_client_id=order.venue_client_id, reason=reason)]

    def on_message(self, message: dict[str, object]) -> None:
        """Translate. The kernel finds the order by our id, and tells fills apart by the venue's trade id."""
        ids = {"venue_client_id": message["id"], "venue_order_id": message["venue"]}
        if message["what"] == "new":
            self.emit(VenueEvent(0, kind="ORDER_ACK", **ids))
        else:
            fill = {
                "venue_trade_id": message["trade"],
                "size": message["size"],
                "price": "60000",
                "fee": "0.15",
            }
            self.emit(VenueEvent(0, kind="PARTIAL_FILL", **ids, **fill))

    def close(self) -> None:
        """Let the venue's thread end. The kernel calls this when it closes."""
        self.venue.requests.put(None)
        super().close()


def main() -> None:
    """Send an order, and wait for the venue."""
    venue = Venue()
    with ExecutionKernel(venue=QueuedAdapter(venue)) as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
        kernel.mark_price(SYMBOL, "60000")  # what an entry is valued by: without it none is taken
        intent = KernelIntent(
            timestamp=0,
            intent_id="i1",
            trade_id="t1",
            slot_id=0,
            asset=SYMBOL,
            side="LONG",
            action="ENTER",
            target_size="0.01",
            reference_price=60_000,
        )
        refused = kernel.process_intent(intent)
        print("before the connection is up:", refused.state, kernel.slot(0).close_reason)

        venue.start()
        sent = kernel.process_intent(intent.replace(intent_id="i2", trade_id="t2"))
        print("sent:", sent.accepted)
        venue.requests.put(None)
        venue.join()
        slot = kernel.slot(0)
        print("then:", slot.fsm_state, slot.size, "fees", slot.fees_paid.normalize())


if __name__ == "__main__":
    main()
