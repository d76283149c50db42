"""What a run's money did over time, kept in little memory however long the run is.

Of each stretch of time the first, the last, the smallest and the largest row are kept, and the stretches
grow as the run does. What must be exact, the deepest fall and the closes of days, is found on the way.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, Generic, TypeAlias, TypeVar

from dita._kernel import EquityCurve as NativeEquityCurve
from dita._kernel import PriceCurve as NativePriceCurve

POINTS_MAX: Final = 10_000
DAY_NS: Final = 86_400_000_000_000
# Digits after the point of a fraction.
FRACTION_DIGITS: Final = 12

# Wide enough for every digit of two amounts.
_ROUNDED: Final = Context(prec=120, rounding=ROUND_HALF_EVEN)
# The number of the row, its time, the value it is judged by, and whatever else belongs to it.
Rest = TypeVar("Rest")
_Row: TypeAlias = tuple[int, int, Decimal, Rest]


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The account at one moment.

    Attributes:
        time_ns: UTC.
        k: What the wallet must hold, by the kernel's ledger.
        e: What the venue says that it holds; None before its first word.
        equity: K and the unrealised profit of what is open.
    """

    time_ns: int
    k: Decimal
    e: Decimal | None
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall from a peak.

    Attributes:
        amount: Money between peak and trough.
        peak: Equity at the peak.
        peak_time_ns: When it was there for the last time before the fall.
        trough_time_ns: When it was first at the lowest.
        recovered_time_ns: When the peak was reached again; None where it never was.
    """

    amount: Decimal
    peak: Decimal
    peak_time_ns: int
    trough_time_ns: int
    recovered_time_ns: int | None

    @property
    def fraction(self) -> Decimal:
        """The amount by the peak, to 12 digits, half to even; 0 where the peak was not above 0."""
        if self.peak <= 0:
            return Decimal(0)
        return _ROUNDED.quantize(_ROUNDED.divide(self.amount, self.peak), Decimal(1).scaleb(-FRACTION_DIGITS))


class Thinning(Generic[Rest]):
    """At most so many rows of a series in time: first, last, smallest and largest of each stretch."""

    __slots__ = ("_at", "_bucket", "_buckets", "_buckets_max", "_numbers", "_shift")

    def __init__(self, points_max: int = POINTS_MAX) -> None:
        """Begin with none.

        Args:
            points_max: At most this many are kept; at least 4.

        Raises:
            ValueError: Fewer than 4.
        """
        if points_max < 4:
            raise ValueError(f"points_max must be 4 or more, not {points_max}")
        self._buckets_max = points_max // 4
        self._shift = 0
        self._numbers = 0
        self._at: int | None = None
        self._bucket: list[_Row[Rest]] = []
        self._buckets: dict[int, list[_Row[Rest]]] = {}

    @property
    def width_ns(self) -> int:
        """How long a stretch is by now: a power of two."""
        return 1 << self._shift

    def add(self, time_ns: int, value: Decimal, rest: Rest) -> None:
        """Take a row.

        Args:
            time_ns: Not before the one before it.
            value: What smallest and largest go by. Of equals the earlier is kept.
            rest: What is kept along with it.
        """
        row = (self._numbers, time_ns, value, rest)
        self._numbers += 1
        at = time_ns >> self._shift
        if at == self._at:
            bucket = self._bucket
            bucket[1] = row
            if value < bucket[2][2]:
                bucket[2] = row
            elif value > bucket[3][2]:
                bucket[3] = row
            return
        self._at = at
        self._bucket = self._buckets[at] = [row, row, row, row]
        while len(self._buckets) > self._buckets_max:
            self._widen()

    def rows(self) -> list[_Row[Rest]]:
        """Return what is kept, in the order in which it came."""
        kept = {row[0]: row for bucket in self._buckets.values() for row in bucket}
        return [kept[number] for number in sorted(kept)]

    def _widen(self) -> None:
        self._shift += 1
        wider: dict[int, list[_Row[Rest]]] = {}
        for at, bucket in self._buckets.items():
            earlier = wider.setdefault(at >> 1, bucket)
            if earlier is not bucket:
                earlier[1] = bucket[1]
                earlier[2] = min(earlier[2], bucket[2], key=_value)
                earlier[3] = max(earlier[3], bucket[3], key=_value)
        self._buckets = wider
        self._at = next(reversed(wider))
        self._bucket = wider[self._at]


class EquityCurve:
    """Takes the account at every moment; keeps few points, each day's close, and the deepest fall, exactly.

    Memory is bounded by `points_max` points and one row for each day. The first row is the start: give it the
    capital at the run's first moment. The player keeps one of its own, by the same code.
    """

    __slots__ = ("_curve",)

    def __init__(self, points_max: int = POINTS_MAX, *, curve: NativeEquityCurve | None = None) -> None:
        """Begin with nothing recorded, or with what a player has recorded.

        Args:
            points_max: At most this many points are kept; at least 4.
            curve: A player's.

        Raises:
            ValueError: Fewer than 4.
        """
        self._curve = NativeEquityCurve(points_max) if curve is None else curve

    def add(self, time_ns: int, k: Decimal, e: Decimal | None, equity: Decimal) -> None:
        """Record the account.

        Args:
            time_ns: UTC, not before the one before it.
            k: What the wallet must hold.
            e: What the venue says; None before its first word.
            equity: K and the unrealised profit.

        Raises:
            ValueError: The time is before the last one.
        """
        self._curve.add(time_ns, k, e, equity)

    @property
    def points(self) -> tuple[EquityPoint, ...]:
        """What is kept, oldest first."""
        return tuple(EquityPoint(*point) for point in self._curve.points())

    @property
    def daily(self) -> tuple[tuple[int, Decimal], ...]:
        """Each UTC day's start and the equity at its end, the last day as far as it went.

        A day without a row closes where the day before it did.
        """
        return tuple(self._curve.daily())

    @property
    def quiet_days(self) -> frozenset[int]:
        """The starts of the UTC days on which the market had no prices."""
        return frozenset(self._curve.quiet_days())

    @property
    def drawdown(self) -> Drawdown | None:
        """The deepest fall as a fraction of its peak, the earliest of equals; None without a fall."""
        fall = self._curve.drawdown()
        return None if fall is None else Drawdown(*fall)

    @property
    def drawdown_by_amount(self) -> Drawdown | None:
        """The deepest fall in money, the earliest of equals; None where equity never fell."""
        fall = self._curve.drawdown_by_amount()
        return None if fall is None else Drawdown(*fall)

    @property
    def longest_below_peak_ns(self) -> int:
        """The longest time from a peak until it was reached again, or until the last row."""
        return self._curve.longest_below_peak_ns

    @property
    def width_ns(self) -> int:
        """How long each stretch is of which four points are kept."""
        return self._curve.width_ns


class PriceCurve:
    """A symbol's prices for a chart, thinned as equity is."""

    __slots__ = ("_curve",)

    def __init__(self, points_max: int = POINTS_MAX) -> None:
        """Begin with none.

        Args:
            points_max: At most this many are kept; at least 4.

        Raises:
            ValueError: Fewer than 4.
        """
        self._curve = NativePriceCurve(points_max)

    def add(self, time_ns: int, price: Decimal) -> None:
        """Record a price.

        Args:
            time_ns: UTC, not before the one before it.
            price: The price.
        """
        self._curve.add(time_ns, price)

    @property
    def points(self) -> tuple[tuple[int, Decimal], ...]:
        """Time and price of what is kept, oldest first."""
        return tuple(self._curve.points())


def _value(row: _Row[object]) -> Decimal:
    return row[2]
