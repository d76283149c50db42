"""Venues: the contract that adapters keep, the simulated venue, and a scripted one for tests.

`small` has the smallest form of an adapter, which is polled. `breaker` holds entries back while a venue
answers badly. `router` is one way to several venues and accounts. `ccxt` speaks to any exchange of ccxt's,
`ibkr` to Interactive Brokers; `binance` and the others are native.
"""

from dita.venues.base import BaseExecutionAdapter, KernelSink, VenueAdapter
from dita.venues.breaker import BreakerSettings, BreakerState, CircuitBreaker
from dita.venues.mock import MockVenueAdapter
from dita.venues.orders import OrderRequest, OrderResponse
from dita.venues.router import OrderManager
from dita.venues.sim import SimulatedVenue
from dita.venues.small import PolledAdapter, SmallAdapter

__all__ = [
    "BaseExecutionAdapter",
    "BreakerSettings",
    "BreakerState",
    "CircuitBreaker",
    "KernelSink",
    "MockVenueAdapter",
    "OrderManager",
    "OrderRequest",
    "OrderResponse",
    "PolledAdapter",
    "SimulatedVenue",
    "SmallAdapter",
    "VenueAdapter",
]
