"""Shadow trading: quote both sides of a market on an exchange on which nothing is traded.

`FakeExchangeClient` is the simulated venue and a kernel with the face of an exchange. `ExecutionLoop` places
orders on it as far as `RuntimeRiskMonitor` lets it, and reports. Order stores show what the kernel has
reported of each order. `docs/README_EXECUTION.md` has the whole of it.
"""

from dita.compat.shadow.exchange import (
    FakeExchangeClient,
    FillEvent,
    IExchangeClient,
    OpenOrder,
    OrderStatus,
    PlaceOrderRequest,
    PlaceOrderResponse,
    Position,
    Side,
)
from dita.compat.shadow.loop import ExecutionLoop, ExecutionParams, Quote, run_shadow, run_shadow_demo
from dita.compat.shadow.monitor import RuntimeRiskMonitor
from dita.compat.shadow.store import InMemoryOrderStore, Order, OrderState, OrderStore, PersistentOrderStore

__all__ = [
    "ExecutionLoop",
    "ExecutionParams",
    "FakeExchangeClient",
    "FillEvent",
    "IExchangeClient",
    "InMemoryOrderStore",
    "OpenOrder",
    "Order",
    "OrderState",
    "OrderStatus",
    "OrderStore",
    "PersistentOrderStore",
    "PlaceOrderRequest",
    "PlaceOrderResponse",
    "Position",
    "Quote",
    "RuntimeRiskMonitor",
    "Side",
    "run_shadow",
    "run_shadow_demo",
]
