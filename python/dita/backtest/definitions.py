"""What each figure of a run means: printed with it, and the source of its reference."""

from dataclasses import dataclass
from typing import Final

_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """What the definitions leave open.

    Attributes:
        periods_per_year: Daily returns in a year. With 365 or more each day counts, one without prices as a
            return of 0; with fewer (252 for working days) only days with prices do.
        ddof: What the number of returns is lessened by in a standard deviation.
        risk_free: Return of a year without risk, as a fraction, in decimal text.
        year_days: Days of a year in annual growth.
    """

    periods_per_year: int = 365
    ddof: int = 1
    risk_free: str = "0"
    year_days: int = 365

    @property
    def counts_days_with_prices(self) -> bool:
        """Whether days without prices are left out of the daily returns."""
        return self.periods_per_year < _DAYS


def definitions(settings: MetricsSettings) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, title, unit and definition of every figure, in the order of the report.

    Args:
        settings: What the definitions leave open; it is named in them.
    """
    periods, ddof = settings.periods_per_year, settings.ddof
    excess = f"less {settings.risk_free} / {periods}"
    quiet = "is left out" if settings.counts_days_with_prices else "returns 0"
    return (
        (
            "total_return",
            "Total return",
            "fraction",
            "Equity at the end by capital at the start, less 1.",
        ),
        (
            "cagr",
            "Growth by the year (CAGR)",
            "fraction",
            (
                f"(1 + total return) to the power of {settings.year_days} days by the length of the "
                "run, less 1. None under a day, from 10^12 on, or where capital or the end is not above 0."
            ),
        ),
        (
            "sharpe",
            "Sharpe ratio",
            "ratio",
            (
                f"Arithmetic mean of daily returns, {excess}, by their standard deviation (ddof "
                f"{ddof}), times \u221a{periods}. A daily return is the equity at the end of a UTC day by "
                f"that of the day before (the first: by capital), less 1; a day without prices {quiet}. "
                "None under two days or without deviation."
            ),
        ),
        (
            "sortino",
            "Sortino ratio",
            "ratio",
            (
                "The mean of the Sharpe ratio by the root of the mean square of negative daily "
                f"returns, {excess}, over all days, times \u221a{periods}. None under two days or where no "
                "return is negative."
            ),
        ),
        (
            "calmar",
            "Calmar ratio",
            "ratio",
            "Growth by the year by the deepest drawdown. None without a drawdown.",
        ),
        (
            "max_drawdown",
            "Deepest drawdown",
            "fraction",
            (
                "The largest fall of equity from a peak, by that peak, over every recorded moment and"
                " not only days."
            ),
        ),
        (
            "max_drawdown_amount",
            "Deepest drawdown in money",
            "money",
            "The largest fall of equity from a peak.",
        ),
        (
            "max_drawdown_duration",
            "Longest time below a peak",
            "duration_ns",
            "From the last moment at a peak until equity was there again, or until the end.",
        ),
        (
            "volatility",
            "Volatility by the year",
            "fraction",
            (
                f"Standard deviation of daily returns (ddof {ddof}), times \u221a{periods}. None under two "
                "days."
            ),
        ),
        (
            "exposure_time",
            "Time in the market",
            "fraction",
            "Time during which at least one trade was open, by the length of the run.",
        ),
        (
            "trades",
            "Trades",
            "count",
            "A trade is a slot's life, from its first fill to flat or to the end.",
        ),
        (
            "win_rate",
            "Trades that won",
            "fraction",
            ("Closed trades with a net profit above 0, by closed trades. None without closed trades."),
        ),
        (
            "profit_factor",
            "Profit factor",
            "ratio",
            ("Net profit of closed trades that won by net loss of those that lost. None without a loss."),
        ),
        (
            "average_win",
            "Average win",
            "money",
            "Mean net profit of closed trades that won.",
        ),
        (
            "average_loss",
            "Average loss",
            "money",
            "Mean net profit of closed trades that lost: below 0.",
        ),
        (
            "expectancy",
            "Expectancy",
            "money",
            "Mean net profit of closed trades.",
        ),
        (
            "best_trade",
            "Best trade",
            "money",
            "The largest net profit of a closed trade.",
        ),
        (
            "worst_trade",
            "Worst trade",
            "money",
            "The smallest net profit of a closed trade.",
        ),
        (
            "average_holding_time",
            "Average holding time",
            "duration_ns",
            "Mean time from first fill to flat of closed trades, whole nanoseconds, rounded down.",
        ),
        (
            "longest_flat",
            "Longest time without a trade",
            "duration_ns",
            "The longest stretch of the run in which no trade was open.",
        ),
        (
            "fees",
            "Fees",
            "money",
            "What was paid to the venue; below 0 is a rebate.",
        ),
        (
            "funding",
            "Funding",
            "money",
            "What was received for open positions; below 0 was paid.",
        ),
        (
            "turnover",
            "Turnover",
            "money",
            "Price times size, with the contract's multiplier, of every fill.",
        ),
    )
