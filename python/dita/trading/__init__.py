"""A runtime with connectors, an order tracker, paper and backtest modes: faces of hosts that keep no state.

Orders, balances and positions in here are read from a kernel at that moment.
"""

from dita.backtest import BacktestResult
from dita.trading.backtests import BacktestConfig, BacktestEngine, HistoricalData, print_report
from dita.trading.connectors import (
    BacktestConnector,
    ConnectorBase,
    OrderRequest,
    PaperConnector,
    PaperTradingMode,
    Ticker,
)
from dita.trading.errors import BacktestError, ConnectorError, ConnectorNotFound
from dita.trading.live import VenueConnector
from dita.trading.orders import Fill, OrderTracker, TrackedOrder, TrackedStatus
from dita.trading.performance import BacktestTrade, PerformanceMetrics
from dita.trading.runtime import (
    ActiveStrategy,
    FillEvent,
    OrderIntent,
    RuntimeState,
    StrategyStatus,
    TradingRuntime,
)
from dita.trading.simulator import ExchangeSimulator

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
