"""Fills and figures under the names of bots. The figures are those of `dita.backtest.measure`."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TextIO, TypeAlias

from dita.backtest.definitions import MetricsSettings
from dita.backtest.equity import EquityCurve, EquityPoint
from dita.backtest.metrics import Metrics, Run, Value, measure
from dita.backtest.report import few_lines
from dita.backtest.result import Trade
from dita.compat.trading.runtime import FillEvent
from dita.errors import refuse
from dita.strategy import OwnFill

Point: TypeAlias = EquityPoint | tuple[int, Decimal]


@dataclass(frozen=True, slots=True)
class BacktestTrade:
    """One execution.

    What a backtest calls a trade, from flat to flat, is `dita.backtest.Trade`.

    Attributes:
        timestamp: UTC, ns.
        pair: The instrument.
        side: BUY or SELL.
        price: Quote units.
        quantity: Base units or contracts.
        fee: What was paid; below 0 is a rebate; None where it is not reported.
        fee_asset: In which asset; empty where it is not reported.
        client_id: Our id of the order.
    """

    timestamp: int
    pair: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal | None
    fee_asset: str
    client_id: str

    @classmethod
    def from_fill(cls, fill: FillEvent | OwnFill) -> "BacktestTrade":
        """Return the execution that a fill is.

        Args:
            fill: A strategy's (`on_fill`), or one of `ExchangeSimulator.get_fills`.

        Raises:
            InvalidInput: It is neither.
        """
        if isinstance(fill, OwnFill):
            return cls(
                fill.time_ns, fill.symbol, fill.side, fill.price, fill.size, fill.fee, "", fill.order_id
            )
        if not isinstance(fill, FillEvent):
            raise refuse("fill", fill, "is neither an OwnFill nor a FillEvent")
        return cls(
            fill.timestamp,
            fill.pair,
            fill.side,
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_asset,
            fill.client_id,
        )


@dataclass(frozen=True, slots=True)
class PerformanceMetrics:
    """The figures that bots print. `win_rate` is a fraction: 0.5 is 50 %; what ends in `_pct` is in percent.

    Attributes:
        total_pnl: Net profit of closed trades.
        num_trades: How many have closed.
        capital: The opening balance.
        metrics: All figures, with their definitions.
    """

    total_pnl: Decimal
    num_trades: int
    capital: Decimal
    metrics: Metrics

    @classmethod
    def calculate(
        cls,
        equity_curve: Iterable[Point],
        trades: Sequence[Trade],
        settings: MetricsSettings | None = None,
    ) -> "PerformanceMetrics":
        """Return the figures of an equity curve and its trades.

        Args:
            equity_curve: Time (ns) and equity, oldest first: pairs, or a result's `equity`.
            trades: A result's.
            settings: What the definitions leave open.

        Raises:
            InvalidInput: There is no point, or one is before the one before it.
        """
        points = [_pair(point) for point in equity_curve]
        if not points:
            raise refuse("equity_curve", [], "is empty")
        curve = EquityCurve()
        for number, (at_ns, equity) in enumerate(points):
            try:
                curve.add(at_ns, equity, None, equity)
            except ValueError as error:
                raise refuse(f"equity_curve[{number}]", at_ns, str(error)) from error
        run = Run(
            capital=points[0][1],
            final_equity=points[-1][1],
            start_ns=points[0][0],
            end_ns=points[-1][0],
            daily=curve.daily,
            trades=trades,
            fees=sum((trade.fees for trade in trades), Decimal(0)),
            funding=sum((trade.funding for trade in trades), Decimal(0)),
            turnover=None,
            drawdown=curve.drawdown,
            drawdown_by_amount=curve.drawdown_by_amount,
            longest_below_peak_ns=curve.longest_below_peak_ns,
        )
        closed = [trade.pnl for trade in trades if trade.exit_time_ns is not None]
        return cls(sum(closed, Decimal(0)), len(closed), run.capital, measure(run, settings))

    @property
    def win_rate(self) -> Value:
        """Closed trades with a profit, by all closed ones; None without any."""
        return self.metrics["win_rate"]

    @property
    def profit_factor(self) -> Value:
        """What the winners made by what the losers lost; None without a loss."""
        return self.metrics["profit_factor"]

    @property
    def total_pnl_pct(self) -> Value:
        """`total_pnl` in percent of the opening balance; None where that is 0."""
        return self.total_pnl / self.capital * 100 if self.capital else None

    @property
    def avg_trade_pnl(self) -> Value:
        """Net profit of a closed trade on average; None without any."""
        return self.metrics["expectancy"]

    @property
    def avg_win(self) -> Value:
        """Net profit of a winner on average; None without any."""
        return self.metrics["average_win"]

    @property
    def avg_loss(self) -> Value:
        """Net loss of a loser on average, below 0; None without any."""
        return self.metrics["average_loss"]

    @property
    def max_drawdown(self) -> Value:
        """The deepest fall in money."""
        return self.metrics["max_drawdown_amount"]

    @property
    def max_drawdown_pct(self) -> Value:
        """The deepest fall in percent of its peak; it need not be the same fall."""
        fall = self.metrics["max_drawdown"]
        return None if fall is None else fall * 100

    @property
    def sharpe_ratio(self) -> Value:
        """Of daily returns, by the year; None under two days."""
        return self.metrics["sharpe"]

    @property
    def sortino_ratio(self) -> Value:
        """Likewise, by the returns below 0."""
        return self.metrics["sortino"]

    def print_report(self, out: TextIO | None = None) -> None:
        """Print the report that bots print: seven lines between rules.

        Args:
            out: Where to; None means the standard output.
        """
        text = few_lines(self.total_pnl, self.num_trades, self.capital, self.metrics)
        (out or sys.stdout).write(text)


def _pair(point: Point) -> tuple[int, Decimal]:
    if isinstance(point, EquityPoint):
        return point.time_ns, point.equity
    try:
        at_ns, equity = point
    except (TypeError, ValueError):
        raise refuse("equity_curve", point, "is no pair of a time in ns and an equity") from None
    given: tuple[object, object] = (at_ns, equity)
    if isinstance(given[0], bool) or not (isinstance(given[0], int) and isinstance(given[1], Decimal)):
        raise refuse("equity_curve", point, "is no pair of a time in ns and a Decimal")
    return at_ns, equity
