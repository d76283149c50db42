"""A runtime with connectors, an order tracker, paper and backtest modes: faces of hosts that keep no state.

Orders, balances and positions in here are read from a kernel at that moment.
"""

from dita.trading.backtests import BacktestConfig, BacktestEngine, HistoricalData
from dita.trading.connectors import (
    BacktestConnector,
    ConnectorBase,
    OrderRequest,
    PaperConnector,
    PaperTradingMode,
    Ticker,
)
from dita.trading.errors import BacktestError, ConnectorError, ConnectorNotFound
from dita.trading.orders import Fill, OrderTracker, TrackedOrder, TrackedStatus
from dita.trading.runtime import (
    ActiveStrategy,
    FillEvent,
    OrderIntent,
    RuntimeState,
    StrategyStatus,
    TradingRuntime,
)

__all__ = [
    "ActiveStrategy",
    "BacktestConfig",
    "BacktestConnector",
    "BacktestEngine",
    "BacktestError",
    "ConnectorBase",
    "ConnectorError",
    "ConnectorNotFound",
    "Fill",
    "FillEvent",
    "HistoricalData",
    "OrderIntent",
    "OrderRequest",
    "OrderTracker",
    "PaperConnector",
    "PaperTradingMode",
    "RuntimeState",
    "StrategyStatus",
    "Ticker",
    "TrackedOrder",
    "TrackedStatus",
    "TradingRuntime",
]
