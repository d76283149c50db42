"""Kernels and intents for the tests: the real kernel, never a mock of it."""

from collections.abc import Mapping
from typing import Any

from dita import (
    ExecutionKernel,
    KernelCommandType,
    KernelEventKind,
    KernelIntent,
    SimulatedVenue,
    TradeSide,
    VenueEvent,
    VenueOrder,
)

SYMBOL = "BTCUSDT"
CONFIG: Mapping[str, Any] = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "5"}},
}
ENTER, EXIT, CANCEL = KernelCommandType.ENTER, KernelCommandType.EXIT, KernelCommandType.CANCEL
LONG, SHORT = TradeSide.LONG, TradeSide.SHORT


def opened(venue: Any = None, *, mark: str | None = "60000", **options: Any) -> ExecutionKernel:
    """A kernel with one instrument and 10,000 USDT; where no quotes set it, with a mark."""
    kernel = ExecutionKernel(venue=venue, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    if mark is not None and not isinstance(venue, SimulatedVenue):
        kernel.mark_price(SYMBOL, mark)
    return kernel


def paper(
    bid: str = "60000.0", ask: str = "60000.1", **options: Any
) -> tuple[ExecutionKernel, SimulatedVenue]:
    """The same on the simulated venue, with a quote."""
    venue = SimulatedVenue(balances={"USDT": "10000"}, **options)
    kernel = opened(venue)
    venue.on_quote(SYMBOL, bid, None, ask, None, 1)
    return kernel, venue


def intent(action: KernelCommandType, name: str, **changes: Any) -> KernelIntent:
    """An intent about 0.01 BTC, for slot 0 and trade t1."""
    fields: dict[str, Any] = {
        "timestamp": 1,
        "intent_id": name,
        "trade_id": "t1",
        "slot_id": 0,
        "asset": SYMBOL,
        "side": LONG,
        "action": action,
        "reference_price": "60000",
    }
    if action == ENTER:
        fields["target_size"] = "0.01"
    return KernelIntent(**{**fields, **changes})


def event(kind: KernelEventKind, order: VenueOrder | str, **fields: Any) -> VenueEvent:
    """An event about one of our orders."""
    client_id = order if isinstance(order, str) else order.venue_client_id
    return VenueEvent(**{"timestamp": 1, "kind": kind, "venue_client_id": client_id, **fields})


def ack(order: VenueOrder | str) -> VenueEvent:
    """The venue has it."""
    client_id = order if isinstance(order, str) else order.venue_client_id
    return event(KernelEventKind.ORDER_ACK, order, venue_order_id="V" + client_id[-12:])


def fill(order: VenueOrder, size: str | None = None, price: str = "60000", name: str = "f") -> VenueEvent:
    """A fill, of all of it where no size is given."""
    whole = size is None
    return event(
        KernelEventKind.FULL_FILL if whole else KernelEventKind.PARTIAL_FILL,
        order,
        venue_trade_id=f"{name}{order.venue_client_id[-12:]}",
        size=order.intended_size if size is None else size,
        price=price,
        fee="0.3",
    )
