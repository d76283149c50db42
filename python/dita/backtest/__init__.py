"""Backtests: what they come to, in figures and reports."""

from dita.backtest.definitions import MetricsSettings
from dita.backtest.equity import Drawdown, EquityCurve, EquityPoint, PriceCurve
from dita.backtest.metrics import Metric, Metrics, Run, measure
from dita.backtest.result import Assumptions, BacktestResult, Fill, Trade

__all__ = [
    "Assumptions",
    "BacktestResult",
    "Drawdown",
    "EquityCurve",
    "EquityPoint",
    "Fill",
    "Metric",
    "Metrics",
    "MetricsSettings",
    "PriceCurve",
    "Run",
    "Trade",
    "measure",
]
