"""A runtime with connectors, an order tracker, paper and backtest modes: faces of hosts that keep no state.

Orders, balances and positions in here are read from a kernel at that moment.
"""

from dita.backtest import BacktestResult
from dita.compat.trading.backtests import BacktestConfig, BacktestEngine, HistoricalData, print_report
from dita.compat.trading.connectors import (
    BacktestConnector,
    ConnectorBase,
    OrderRequest,
    PaperConnector,
    PaperTradingMode,
    Ticker,
)
from dita.compat.trading.errors import BacktestError, ConnectorError, ConnectorNotFound
from dita.compat.trading.live import VenueConnector
from dita.compat.trading.orders import Fill, OrderTracker, TrackedOrder, TrackedStatus
from dita.compat.trading.performance import BacktestTrade, PerformanceMetrics
from dita.compat.trading.runtime import (
    ActiveStrategy,
    FillEvent,
    OrderIntent,
    RuntimeState,
    StrategyStatus,
    TradingRuntime,
)
from dita.compat.trading.simulator import ExchangeSimulator

__all__ = [
    "ActiveStrategy",
    "BacktestConfig",
    "BacktestConnector",
    "BacktestEngine",
    "BacktestError",
    "BacktestResult",
    "BacktestTrade",
    "ConnectorBase",
    "ConnectorError",
    "ConnectorNotFound",
    "ExchangeSimulator",
    "Fill",
    "FillEvent",
    "HistoricalData",
    "OrderIntent",
    "OrderRequest",
    "OrderTracker",
    "PaperConnector",
    "PaperTradingMode",
    "PerformanceMetrics",
    "RuntimeState",
    "StrategyStatus",
    "Ticker",
    "TrackedOrder",
    "TrackedStatus",
    "TradingRuntime",
    "VenueConnector",
    "print_report",
]
