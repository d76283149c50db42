"""The figures of a run, each with what it means.

Money is exact. A quotient has a fixed number of digits, so that the same run gives the same text anywhere.
What is not defined, such as a Sharpe ratio of one day, is None and never 0.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, Protocol, TypeAlias, TypeVar

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.equity import DAY_NS, Drawdown

# Digits after the point: of ratios and fractions, and of money that was divided.
RATIO_DIGITS: Final = 6
MEAN_DIGITS: Final = 8
# A growth beyond this is no figure, only a short run.
GROWTH_MAX: Final = Decimal(10) ** 12

_NS: Final = 1_000_000_000
_WIDE: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
Value: TypeAlias = Decimal | int | None
_Span = TypeVar("_Span", int, tuple[int, int])


class TradeLike(Protocol):
    """What the figures need of a trade; `dita.backtest.result.Trade` has it."""

    @property
    def entry_time_ns(self) -> int:
        """When it was entered."""

    @property
    def exit_time_ns(self) -> int | None:
        """When it was flat again; None where it never was."""

    @property
    def pnl(self) -> Decimal:
        """Realised profit, net."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure.

    Attributes:
        name: Its key in JSON.
        title: What a person reads.
        value: Money, a fraction, a ratio, a count or nanoseconds, as `unit` says; None if undefined.
        unit: money, fraction, ratio, count or duration_ns.
        definition: How it is made, with the settings that were used.
    """

    name: str
    title: str
    value: Value
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class Metrics(Mapping[str, Value]):
    """Every figure, by name and in the order of the report.

    Attributes:
        rows: The figures.
        settings: What they were made with.
    """

    rows: tuple[Metric, ...]
    settings: MetricsSettings = field(default_factory=MetricsSettings)

    def __getitem__(self, name: str) -> Value:
        """Return a figure's value.

        Args:
            name: Its key.

        Raises:
            KeyError: There is none of that name.
        """
        for row in self.rows:
            if row.name == name:
                return row.value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is a figure of that name.

        Args:
            name: Its key.
        """
        return any(row.name == name for row in self.rows)

    def __iter__(self) -> Iterator[str]:
        """Return the names in their order."""
        return (row.name for row in self.rows)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Run:
    """What the figures are made of.

    Attributes:
        capital: Money at the start.
        final_equity: K and the unrealised profit at the end.
        start_ns: The first moment.
        end_ns: The last moment.
        daily: Start of each UTC day and the equity at its end, without a gap.
        trades: Every trade, in any order.
        fees: What was paid; positive is a cost.
        funding: What was received; negative is a cost.
        turnover: Price times size, with the contract's multiplier, of every fill; None where nobody counted.
        drawdown: The deepest fall as a fraction.
        drawdown_by_amount: The deepest fall in money.
        longest_below_peak_ns: The longest time below a peak.
        quiet_days: The starts of the days on which the market had no prices.
    """

    capital: Decimal
    final_equity: Decimal
    start_ns: int
    end_ns: int
    daily: Sequence[tuple[int, Decimal]]
    trades: Sequence[TradeLike]
    fees: Decimal
    funding: Decimal
    turnover: Decimal | None
    drawdown: Drawdown | None
    drawdown_by_amount: Drawdown | None
    longest_below_peak_ns: int
    quiet_days: Collection[int] = frozenset()


def measure(run: Run, settings: MetricsSettings | None = None) -> Metrics:
    """Return the figures of a run.

    Args:
        run: What happened.
        settings: What the definitions leave open.
    """
    used = settings or MetricsSettings()
    values = {
        **_growth(run, used),
        **_falls(run),
        **_daily(run, used),
        **_time(run),
        **_trades(run),
        **_costs(run),
    }
    values["calmar"] = _calmar(values["cagr"], run.drawdown)
    rows = tuple(
        Metric(name, title, values[name], unit, text) for name, title, unit, text in definitions(used)
    )
    return Metrics(rows, used)


def returns_of(capital: Decimal, daily: Sequence[tuple[int, Decimal]]) -> list[Decimal] | None:
    """Return the daily returns; None where a day began with nothing to lose.

    Args:
        capital: What the first day began with.
        daily: Start of each day and the equity at its end.
    """
    before = capital
    returns: list[Decimal] = []
    for _, equity in daily:
        if before <= 0:
            return None
        returns.append(_WIDE.subtract(_WIDE.divide(equity, before), Decimal(1)))
        before = equity
    return returns


def monthly_returns(
    capital: Decimal, daily: Sequence[tuple[int, Decimal]]
) -> list[tuple[int, int, Decimal | None]]:
    """Return year, month and return of every month of the run, the first and the last as far as they went.

    Args:
        capital: What the first month began with.
        daily: Start of each UTC day and the equity at its end, oldest first.

    Returns:
        Fractions with 6 digits; None where a month began with nothing to lose.
    """
    closes = {month_of(day_ns): equity for day_ns, equity in daily}
    return [(year, month, gain) for (year, month), gain in _gains(capital, closes).items()]


def yearly_returns(capital: Decimal, daily: Sequence[tuple[int, Decimal]]) -> dict[int, Decimal | None]:
    """Return the return of every year of the run, as `monthly_returns` does of months.

    Args:
        capital: What the first year began with.
        daily: Start of each UTC day and the equity at its end, oldest first.
    """
    return _gains(capital, {month_of(day_ns)[0]: equity for day_ns, equity in daily})


def month_of(time_ns: int) -> tuple[int, int]:
    """Return year and month of a time, UTC.

    Args:
        time_ns: Nanoseconds since 1970.
    """
    day = datetime.fromtimestamp(time_ns // _NS, UTC)
    return day.year, day.month


def _gains(capital: Decimal, closes: Mapping[_Span, Decimal]) -> dict[_Span, Decimal | None]:
    before = capital
    gains: dict[_Span, Decimal | None] = {}
    for span, equity in closes.items():
        gains[span] = _less_one(equity, before) if before > 0 else None
        before = equity
    return gains


def _growth(run: Run, settings: MetricsSettings) -> dict[str, Value]:
    if run.capital <= 0:
        return {"total_return": None, "cagr": None}
    total = _less_one(run.final_equity, run.capital)
    length_ns = run.end_ns - run.start_ns
    if length_ns < DAY_NS or run.final_equity <= 0:
        return {"total_return": total, "cagr": None}
    years = _WIDE.divide(Decimal(settings.year_days * DAY_NS), Decimal(length_ns))
    grown = _WIDE.power(_WIDE.divide(run.final_equity, run.capital), years)
    return {
        "total_return": total,
        "cagr": _ratio(_WIDE.subtract(grown, Decimal(1))) if grown < GROWTH_MAX else None,
    }


def _falls(run: Run) -> dict[str, Value]:
    return {
        "max_drawdown": _ratio(run.drawdown.fraction) if run.drawdown else _ratio(Decimal(0)),
        "max_drawdown_amount": run.drawdown_by_amount.amount if run.drawdown_by_amount else Decimal(0),
        "max_drawdown_duration": run.longest_below_peak_ns,
    }


def _calmar(cagr: Value, drawdown: Drawdown | None) -> Value:
    if cagr is None or drawdown is None or not drawdown.fraction:
        return None
    return _ratio(_WIDE.divide(Decimal(cagr), drawdown.fraction))


def _daily(run: Run, settings: MetricsSettings) -> dict[str, Value]:
    daily = run.daily
    if settings.counts_days_with_prices:
        daily = [day for day in daily if day[0] not in run.quiet_days]
    returns = returns_of(run.capital, daily)
    nothing: dict[str, Value] = {"sharpe": None, "sortino": None, "volatility": None}
    if returns is None or len(returns) < 2 or len(returns) <= settings.ddof:
        return nothing
    root = _WIDE.sqrt(Decimal(settings.periods_per_year))
    free = _WIDE.divide(Decimal(settings.risk_free), Decimal(settings.periods_per_year))
    mean = _WIDE.divide(_sum(returns), Decimal(len(returns)))
    squares = _sum([_square(_WIDE.subtract(gain, mean)) for gain in returns])
    deviation = _WIDE.sqrt(_WIDE.divide(squares, Decimal(len(returns) - settings.ddof)))
    below = _sum([_square(min(Decimal(0), _WIDE.subtract(gain, free))) for gain in returns])
    downside = _WIDE.sqrt(_WIDE.divide(below, Decimal(len(returns))))
    excess = _WIDE.multiply(_WIDE.subtract(mean, free), root)
    # Returns that are equal but for the last of 80 digits do not deviate.
    flat = deviation < Decimal("1e-40")
    return {
        "sharpe": None if flat else _ratio(_WIDE.divide(excess, deviation)),
        "sortino": _ratio(_WIDE.divide(excess, downside)) if downside else None,
        "volatility": _ratio(_WIDE.multiply(deviation, root)),
    }


def _time(run: Run) -> dict[str, Value]:
    length_ns = run.end_ns - run.start_ns
    held_ns, longest_ns, flat_since = 0, 0, run.start_ns
    spans = sorted(
        (
            max(trade.entry_time_ns, run.start_ns),
            min(run.end_ns if trade.exit_time_ns is None else trade.exit_time_ns, run.end_ns),
        )
        for trade in run.trades
    )
    for entry_ns, exit_ns in spans:
        longest_ns = max(longest_ns, entry_ns - flat_since)
        held_ns += max(0, exit_ns - max(entry_ns, flat_since))
        flat_since = max(flat_since, exit_ns)
    longest_ns = max(longest_ns, run.end_ns - flat_since)
    exposure = _ratio(_WIDE.divide(Decimal(held_ns), Decimal(length_ns))) if length_ns > 0 else None
    return {"exposure_time": exposure, "longest_flat": longest_ns}


def _trades(run: Run) -> dict[str, Value]:
    closed = [
        (trade.pnl, trade.exit_time_ns - trade.entry_time_ns)
        for trade in run.trades
        if trade.exit_time_ns is not None
    ]
    gains = [pnl for pnl, _ in closed]
    wins, losses = [pnl for pnl in gains if pnl > 0], [pnl for pnl in gains if pnl < 0]
    return {
        "trades": len(run.trades),
        "win_rate": _ratio(_WIDE.divide(Decimal(len(wins)), Decimal(len(closed)))) if closed else None,
        "profit_factor": _ratio(_WIDE.divide(_sum(wins), _sum(losses).copy_abs())) if losses else None,
        "average_win": _mean(wins),
        "average_loss": _mean(losses),
        "expectancy": _mean(gains),
        "best_trade": max(gains, default=None),
        "worst_trade": min(gains, default=None),
        "average_holding_time": sum(held for _, held in closed) // len(closed) if closed else None,
    }


def _costs(run: Run) -> dict[str, Value]:
    return {"fees": run.fees, "funding": run.funding, "turnover": run.turnover}


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = _WIDE.add(total, amount)
    return total


def _mean(amounts: Sequence[Decimal]) -> Decimal | None:
    if not amounts:
        return None
    return _rounded(_WIDE.divide(_sum(amounts), Decimal(len(amounts))), MEAN_DIGITS)


def _square(amount: Decimal) -> Decimal:
    return _WIDE.multiply(amount, amount)


def _less_one(amount: Decimal, before: Decimal) -> Decimal:
    return _ratio(_WIDE.subtract(_WIDE.divide(amount, before), Decimal(1)))


def _ratio(amount: Decimal) -> Decimal:
    return _rounded(amount, RATIO_DIGITS)


def _rounded(amount: Decimal, digits: int) -> Decimal:
    # A zero has no sign: -0 would be another text.
    rounded = _WIDE.quantize(amount, Decimal(1).scaleb(-digits))
    return rounded or rounded.copy_abs()
