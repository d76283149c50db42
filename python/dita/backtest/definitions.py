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
    excess = f"minus {settings.risk_free} / {periods}"
    quiet = "is left out" if settings.counts_days_with_prices else "returns 0"
    return (
        (
            "total_return",
            "Total return",
            "fraction",
            "Final equity divided by initial capital, minus 1.",
        ),
        (
            "cagr",
            "CAGR",
            "fraction",
            (
                f"(1 + total return) to the power of {settings.year_days} days divided by the run's length, "
                "minus 1. None for runs under a day, from 10^12 on, and if capital or final equity is not "
                "above 0."
            ),
        ),
        (
            "sharpe",
            "Sharpe ratio",
            "ratio",
            (
                f"Arithmetic mean of daily returns, {excess}, divided by their standard deviation (ddof "
                f"{ddof}), times \u221a{periods}. A daily return is the equity at the end of a UTC day "
                f"divided by that of the day before (the first: by capital), minus 1; a day without prices "
                f"{quiet}. None for under two days or without deviation."
            ),
        ),
        (
            "sortino",
            "Sortino ratio",
            "ratio",
            (
                "Mean daily return as in the Sharpe ratio, divided by the root mean square of negative "
                f"daily returns, {excess}, over all days, times \u221a{periods}. None for under two days or "
                "without a negative return."
            ),
        ),
        (
            "calmar",
            "Calmar ratio",
            "ratio",
            "CAGR divided by max drawdown. None without a drawdown.",
        ),
        (
            "max_drawdown",
            "Max drawdown",
            "fraction",
            (
                "Largest decline of equity from a peak, divided by that peak, over every recorded moment, "
                "not only over days."
            ),
        ),
        (
            "max_drawdown_amount",
            "Max drawdown (money)",
            "money",
            "Largest decline of equity from a peak.",
        ),
        (
            "max_drawdown_duration",
            "Max drawdown duration",
            "duration_ns",
            "Longest time from a peak until equity recovers, or until the end.",
        ),
        (
            "volatility",
            "Volatility (annual)",
            "fraction",
            (
                f"Standard deviation of daily returns (ddof {ddof}), times \u221a{periods}. None under two "
                "days."
            ),
        ),
        (
            "exposure_time",
            "Exposure time",
            "fraction",
            "Time with at least one open trade, divided by the run's length.",
        ),
        (
            "trades",
            "Trades",
            "count",
            "A trade is a slot's life, from its first fill to flat or to the end.",
        ),
        (
            "win_rate",
            "Win rate",
            "fraction",
            "Closed trades with a net profit above 0, divided by closed trades. None without closed trades.",
        ),
        (
            "profit_factor",
            "Profit factor",
            "ratio",
            "Net profit of winning trades divided by net loss of losing trades. None without a loss.",
        ),
        (
            "average_win",
            "Average win",
            "money",
            "Mean net profit of winning trades.",
        ),
        (
            "average_loss",
            "Average loss",
            "money",
            "Mean net profit of losing trades: below 0.",
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
            "Longest flat period",
            "duration_ns",
            "Longest time without an open trade.",
        ),
        (
            "fees",
            "Fees",
            "money",
            "Fees paid to the venue; below 0 is a rebate.",
        ),
        (
            "funding",
            "Funding",
            "money",
            "Funding received for open positions; below 0 was paid.",
        ),
        (
            "turnover",
            "Turnover",
            "money",
            "Sum of price times size of all fills, with the contract's multiplier.",
        ),
    )
