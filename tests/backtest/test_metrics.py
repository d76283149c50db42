"""The figures against small runs that were worked out by hand."""

import random
from dataclasses import dataclass, replace
from decimal import Decimal, getcontext

import pytest

from dita.backtest import EquityCurve, Metrics, MetricsSettings, Run, measure
from dita.backtest.definitions import definitions
from dita.backtest.equity import DAY_NS
from dita.backtest.metrics import Value, monthly_returns, yearly_returns
from dita.backtest.sharpe import deflated_sharpe, expected_best, probabilistic_sharpe

D = Decimal
HOUR_NS = DAY_NS // 24


@dataclass(frozen=True)
class Closed:
    """A trade, as far as the figures look."""

    entry_time_ns: int
    exit_time_ns: int | None
    pnl: Decimal


def run(closes: list[str], trades: list[Closed] | None = None, capital: str = "100") -> Run:
    """Return a run that begins with the capital and has one row at the end of each day."""
    curve = EquityCurve()
    curve.add(0, D(capital), None, D(capital))
    for day, equity in enumerate(closes, 1):
        curve.add(day * DAY_NS - 1, D(equity), None, D(equity))
    return Run(
        capital=D(capital),
        final_equity=D(closes[-1]),
        start_ns=0,
        end_ns=len(closes) * DAY_NS,
        daily=curve.daily,
        trades=trades or [],
        fees=D("1.5"),
        funding=D("-0.25"),
        turnover=D(1000),
        drawdown=curve.drawdown,
        drawdown_by_amount=curve.drawdown_by_amount,
        longest_below_peak_ns=curve.longest_below_peak_ns,
        quiet_days=curve.quiet_days,
    )


def chosen(metrics: Metrics, *names: str) -> list[Value]:
    return [metrics[name] for name in names]


# Daily returns 0.1, -0.1, 0.2: mean 1/15, squares about it 7/150.
WORKED = ["110", "99", "118.8"]


def test_returns_are_judged_by_mean_and_deviation_of_days() -> None:
    # Deviation: root of 7/300, 0.152753; downside: root of 0.01/3, 0.057735; root of 365: 19.104973.
    found = chosen(measure(run(WORKED)), "total_return", "volatility", "sharpe", "sortino")
    assert found == [D("0.188000"), D("2.918333"), D("8.338094"), D("22.060523")]


def test_growth_by_the_year_and_its_ratio_to_the_fall() -> None:
    # 1.21 in 4 days of a year of 8: 1.21 ^ 2 - 1. The fall: 11 of 110.
    metrics = measure(run(["110", "99", "104", "121"]), MetricsSettings(year_days=8))
    assert chosen(metrics, "cagr", "calmar", "max_drawdown") == [D("0.464100"), D("4.641000"), D("0.100000")]
    assert metrics["max_drawdown_amount"] == D(11)
    assert metrics["max_drawdown_duration"] == 3 * DAY_NS


@pytest.mark.parametrize(
    ("settings", "sharpe"),
    [
        (MetricsSettings(periods_per_year=252), "6.928203"),
        (MetricsSettings(ddof=0), "10.212038"),
        (MetricsSettings(risk_free="3.65"), "7.087380"),
    ],
)
def test_what_the_definition_leaves_open_is_a_setting(settings: MetricsSettings, sharpe: str) -> None:
    metrics = measure(run(WORKED), settings)
    assert metrics["sharpe"] == D(sharpe)
    text = next(row.definition for row in metrics.rows if row.name == "sharpe")
    assert f"\u221a{settings.periods_per_year}" in text
    assert f"ddof {settings.ddof}" in text
    assert f"minus {settings.risk_free} /" in text


@pytest.mark.parametrize(
    ("closes", "undefined"),
    [
        (["110"], {"cagr", "sharpe", "sortino", "volatility", "calmar"}),
        (["100", "100", "100"], {"sharpe", "sortino", "calmar"}),
        (["110", "121", "133.1"], {"cagr", "sharpe", "sortino", "calmar"}),
        (["110", "0", "50"], {"sharpe", "sortino", "volatility"}),
        (["110", "-5"], {"cagr", "calmar"}),
    ],
)
def test_what_is_not_defined_is_none_and_not_nothing(closes: list[str], undefined: set[str]) -> None:
    names = {"total_return", "cagr", "sharpe", "sortino", "calmar", "volatility", "max_drawdown"}
    metrics = measure(run(closes))
    assert {name for name in names if metrics[name] is None} == undefined


def test_returns_that_are_equal_but_for_a_rounding_do_not_deviate() -> None:
    assert measure(run(["27", "9", "3", "1"], capital="81"))["sharpe"] is None


def test_trades_are_counted_by_their_net_profit() -> None:
    trades = [
        Closed(2 * HOUR_NS, 4 * HOUR_NS, D(10)),
        Closed(3 * HOUR_NS, 7 * HOUR_NS, D(-4)),
        Closed(12 * HOUR_NS, 13 * HOUR_NS, D("0.00000001")),
        Closed(13 * HOUR_NS, 14 * HOUR_NS, D(0)),
        Closed(20 * HOUR_NS, None, D(-1)),
    ]
    metrics = measure(run(["101"], trades))
    assert chosen(metrics, "trades", "win_rate", "profit_factor") == [5, D("0.500000"), D("2.500000")]
    assert chosen(metrics, "average_win", "average_loss") == [D("5.00000000"), D("-4.00000000")]
    assert chosen(metrics, "expectancy", "best_trade", "worst_trade") == [D("1.50000000"), D(10), D(-4)]
    assert metrics["average_holding_time"] == 2 * HOUR_NS
    # In the market from 2 to 7, from 12 to 14 and from 20 to 24 o'clock.
    assert metrics["exposure_time"] == D("0.458333")
    assert metrics["longest_flat"] == 6 * HOUR_NS
    assert chosen(metrics, "fees", "funding", "turnover") == [D("1.5"), D("-0.25"), D(1000)]


def test_a_run_without_trades_is_flat_from_end_to_end() -> None:
    metrics = measure(run(["100", "100"]))
    assert chosen(metrics, "trades", "win_rate", "profit_factor", "expectancy", "best_trade") == [
        0,
        *[None] * 4,
    ]
    assert chosen(metrics, "exposure_time", "longest_flat") == [D("0.000000"), 2 * DAY_NS]


def test_the_programs_own_decimal_context_changes_nothing() -> None:
    before = measure(run(WORKED))
    kept = getcontext().prec
    getcontext().prec = 5
    try:
        assert measure(run(WORKED)) == before
    finally:
        getcontext().prec = kept


def test_a_figure_that_is_not_there_is_a_key_error() -> None:
    metrics = measure(run(WORKED))
    assert metrics.get("luck") is None
    with pytest.raises(KeyError, match="luck"):
        metrics["luck"]
    assert list(metrics) == [name for name, *_ in definitions(MetricsSettings())]
    assert len(metrics) == 23


def test_a_growth_beyond_reason_is_no_figure() -> None:
    assert measure(run(["200"]))["cagr"] is None
    assert measure(replace(run(["101"]), end_ns=DAY_NS - 1))["cagr"] is None


def test_months_and_years_follow_one_another_without_a_gap() -> None:
    closes = ["110"] * 31 + ["99"] * 28 + ["198"] * 306 + ["99"]
    daily = [(day * DAY_NS, D(equity)) for day, equity in enumerate(closes)]
    months = monthly_returns(D(100), daily)
    assert months[:3] == [(1970, 1, D("0.100000")), (1970, 2, D("-0.100000")), (1970, 3, D("1.000000"))]
    assert months[11:] == [(1970, 12, D("0.000000")), (1971, 1, D("-0.500000"))]
    assert yearly_returns(D(100), daily) == {1970: D("0.980000"), 1971: D("-0.500000")}
    assert monthly_returns(D(0), daily[:1]) == [(1970, 1, None)]


# ------------------------------------------------------------------------------------------------ many tries
# The paper's example: 100 tries with a variance of 1/2 by the year, 5 years of 250 days, a best one of 2.5.
BEST = 2.5 / 250**0.5
VARIANCE = 0.5 / 250


def test_the_papers_example_comes_out_as_printed() -> None:
    assert expected_best(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    moments = {"variance": VARIANCE, "skew": -3.0, "kurtosis": 10.0}
    assert deflated_sharpe(BEST, 1250, tries=100, **moments) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(BEST, 1250, tries=46, **moments) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(BEST, 1250, tries=88, variance=VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_the_best_of_many_without_skill_is_as_good_as_expected() -> None:
    draw = random.Random(1)  # noqa: S311
    for tries in (10, 100):
        best = [max(draw.gauss(0, 0.3) for _ in range(tries)) for _ in range(4000)]
        assert sum(best) / len(best) == pytest.approx(expected_best(tries, 0.09), abs=0.02)


def test_one_try_is_not_deflated() -> None:
    assert expected_best(1, 0.5) == 0
    alone = probabilistic_sharpe(0.1, 100, skew=0.0, kurtosis=3.0, benchmark=0.0)
    assert deflated_sharpe(0.1, 100, tries=1, variance=0.5) == alone


@pytest.mark.parametrize(
    ("tries", "variance", "periods", "skew"),
    [(0, 0.1, 9, 0.0), (2, -0.1, 9, 0.0), (2, 0.1, 1, 0.0), (2, 0.1, 9, 99.0)],
)
def test_numbers_that_cannot_be_are_refused(tries: int, variance: float, periods: int, skew: float) -> None:
    with pytest.raises(ValueError, match=r"must|no returns have"):
        deflated_sharpe(0.1, periods, tries=tries, variance=variance, skew=skew)


def test_with_working_days_a_day_without_prices_is_no_return() -> None:
    def of(days: list[int], periods: int) -> list[Value]:
        curve = EquityCurve()
        curve.add(0, D(100), None, D(100))
        for day, equity in zip(days, WORKED, strict=True):
            curve.add(day * DAY_NS + 1, D(equity), None, D(equity))
        made = replace(run(WORKED), daily=curve.daily, quiet_days=curve.quiet_days)
        return chosen(
            measure(made, MetricsSettings(periods_per_year=periods)), "sharpe", "sortino", "volatility"
        )

    # A Thursday, a Friday and the Monday after them.
    assert of([0, 1, 4], 252) == of([0, 1, 2], 252)
    assert of([0, 1, 4], 365) != of([0, 1, 2], 365)
    text = {
        days: measure(run(WORKED), MetricsSettings(periods_per_year=days))["sharpe"] for days in (252, 365)
    }
    assert text[252] is not None
    said = {
        row.name: row.definition for row in measure(run(WORKED), MetricsSettings(periods_per_year=252)).rows
    }
    assert "a day without prices is left out" in said["sharpe"]
