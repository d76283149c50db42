"""The equity recorder against a plain list of everything that it was given."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dita.backtest import EquityCurve, PriceCurve
from dita.backtest.equity import DAY_NS, POINTS_MAX, EquityPoint

Rows = list[tuple[int, Decimal]]

amounts = st.decimals("-50", "1000", places=2)
steps = st.one_of(st.integers(0, 5), st.integers(0, 3 * DAY_NS), st.sampled_from([DAY_NS, 7 * DAY_NS]))


@st.composite
def runs(draw: st.DrawFn) -> Rows:
    time_ns = draw(st.integers(0, 2 * 10**18))
    rows: Rows = []
    for step, amount in draw(st.lists(st.tuples(steps, amounts), min_size=1, max_size=60)):
        time_ns += step
        rows.append((time_ns, amount))
    return rows


def recorded(rows: Rows, points_max: int = POINTS_MAX) -> EquityCurve:
    curve = EquityCurve(points_max)
    for at, (time_ns, equity) in enumerate(rows):
        curve.add(time_ns, Decimal(at), None if at % 2 else Decimal(-at), equity)
    return curve


def bucketed(rows: Rows, width_ns: int) -> list[EquityPoint]:
    """First, last, smallest and largest of each stretch, the earlier of equals, by whole lists."""
    buckets: dict[int, list[EquityPoint]] = defaultdict(list)
    for at, (time_ns, equity) in enumerate(rows):
        e = None if at % 2 else Decimal(-at)
        buckets[time_ns // width_ns].append(EquityPoint(time_ns, Decimal(at), e, equity))
    kept: list[EquityPoint] = []
    for bucket in buckets.values():
        values = [point.equity for point in bucket]
        places = {0, len(bucket) - 1, values.index(min(values)), values.index(max(values))}
        kept += [bucket[place] for place in sorted(places)]
    return kept


@given(runs(), st.integers(4, 24))
def test_the_points_are_first_last_smallest_and_largest_of_each_stretch(rows: Rows, points_max: int) -> None:
    curve = recorded(rows, points_max)
    assert list(curve.points) == bucketed(rows, curve.width_ns)
    assert len(curve.points) <= points_max
    assert (curve.points[0].time_ns, curve.points[-1].time_ns) == (rows[0][0], rows[-1][0])


@given(runs())
def test_a_short_run_loses_no_moment(rows: Rows) -> None:
    curve = recorded(rows)
    assert curve.width_ns == 1
    assert {point.time_ns for point in curve.points} == {time_ns for time_ns, _ in rows}


@given(runs(), st.integers(4, 24))
def test_the_deepest_fall_is_exact_however_few_points_are_kept(rows: Rows, points_max: int) -> None:
    curve = recorded(rows, points_max)
    falls: list[tuple[Fraction, Decimal, Decimal, int, int, int]] = []
    peak_at, peak = rows[0]
    for place, (time_ns, equity) in enumerate(rows):
        if equity >= peak:
            peak_at, peak = time_ns, equity
        else:
            share = Fraction(peak - equity) / Fraction(peak) if peak > 0 else Fraction(0)
            falls.append((share, peak - equity, peak, peak_at, time_ns, place))
    by_amount = max(falls, key=lambda fall: fall[1], default=None)
    by_share = max((fall for fall in falls if fall[2] > 0), key=lambda fall: fall[0], default=None)
    for found, naive in ((curve.drawdown, by_share), (curve.drawdown_by_amount, by_amount)):
        assert (found is None) == (naive is None)
        if found is None or naive is None:
            continue
        share, *rest, place = naive
        assert [found.amount, found.peak, found.peak_time_ns, found.trough_time_ns] == rest
        assert abs(Fraction(found.fraction) - share) <= Fraction(1, 2 * 10**12)
        back = [time_ns for time_ns, equity in rows[place:] if equity >= found.peak]
        assert found.recovered_time_ns == (back[0] if back else None)


@given(runs())
def test_the_longest_time_below_a_peak_is_exact(rows: Rows) -> None:
    longest, (peak_at, peak), below = 0, rows[0], False
    for time_ns, equity in rows:
        if equity < peak or below:
            longest = max(longest, time_ns - peak_at)
        below = equity < peak
        if not below:
            peak_at, peak = time_ns, equity
    assert recorded(rows).longest_below_peak_ns == longest


@given(runs(), st.integers(4, 24))
def test_every_day_has_its_close(rows: Rows, points_max: int) -> None:
    days: list[tuple[int, Decimal]] = []
    for day in range(rows[0][0] // DAY_NS, rows[-1][0] // DAY_NS + 1):
        last = [equity for time_ns, equity in rows if time_ns // DAY_NS <= day][-1]
        days.append((day * DAY_NS, last))
    assert list(recorded(rows, points_max).daily) == days


def test_half_a_million_rows_leave_ten_thousand_points_at_most() -> None:
    curve, prices = EquityCurve(), PriceCurve()
    for at in range(500_000):
        curve.add(at * 60_000_000_000, Decimal(0), None, Decimal(at * 7919 % 10_007))
        prices.add(at * 60_000_000_000, Decimal(at % 17))
    assert POINTS_MAX // 3 < len(curve.points) <= POINTS_MAX
    assert len(prices.points) <= POINTS_MAX
    assert {Decimal(0), Decimal(16)} <= {price for _, price in prices.points}


def test_time_that_runs_backwards_is_refused() -> None:
    curve = recorded([(5, Decimal(1))])
    with pytest.raises(ValueError, match="4 is before the last one, 5"):
        curve.add(4, Decimal(0), None, Decimal(1))


def test_fewer_than_four_points_are_refused() -> None:
    with pytest.raises(ValueError, match="must be 4 or more, not 3"):
        EquityCurve(3)


def test_a_curve_without_rows_has_nothing_to_say() -> None:
    curve = EquityCurve()
    assert (curve.points, curve.daily, curve.drawdown) == ((), (), None)
