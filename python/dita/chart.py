"""What every picture needs: amounts as text, times as text, and a scale from amounts to places on paper.

Amounts stay exact. Only places on the paper are floats.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

_TICKS: Final = 5
_NS: Final = 1_000_000_000
# A picture's time axis: one of these many seconds apart, or of these many months.
STEPS_S: Final = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800)
MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_EVERY_DIGIT: Final = Context(prec=200)


def exact(amount: Decimal, *, sign: bool = False) -> str:
    """Return an amount as text, with every digit that it has, and thousands apart.

    Args:
        amount: The amount.
        sign: Whether a plus is written too.
    """
    plain = amount.normalize(_EVERY_DIGIT) if amount else Decimal(0)
    text = f"{plain:+,f}" if sign and plain else f"{plain:,f}"
    return text.replace("-", "\u2212")


def clock(ts_ns: int, form: str = "%H:%M:%S") -> str:
    """Return a time of day, UTC.

    Args:
        ts_ns: Nanoseconds since 1970.
        form: As `strftime` takes it.
    """
    return datetime.fromtimestamp(ts_ns // _NS, UTC).strftime(form)


def time_ticks(start_ns: int, end_ns: int, ticks_max: int = 9) -> list[tuple[int, str]]:
    """Return where a time axis has its ticks, and what they say.

    Args:
        start_ns: Its first moment.
        end_ns: Its last moment.
        ticks_max: At most about this many.
    """
    span = end_ns - start_ns
    step = next((step for step in STEPS_S if span / (step * _NS) <= ticks_max), 0) * _NS
    if not step:
        return _month_ticks(start_ns, end_ns, ticks_max)
    form = "%H:%M:%S" if step < 60 * _NS else "%H:%M" if step < 86400 * _NS else "%Y-%m-%d"
    first = -(-start_ns // step) * step
    return [(at, clock(at, form)) for at in range(first, end_ns + 1, step)]


def _month_ticks(start_ns: int, end_ns: int, ticks_max: int) -> list[tuple[int, str]]:
    start, end = (datetime.fromtimestamp(at // _NS, UTC) for at in (start_ns, end_ns))
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    step = next((step for step in MONTHS if (last - first) / step <= ticks_max), MONTHS[-1])
    begins = [
        datetime(at // 12, at % 12 + 1, 1, tzinfo=UTC) for at in range(first - first % step, last + 1, step)
    ]
    ticks = [(int(begin.timestamp()) * _NS, begin.strftime("%Y-%m")) for begin in begins]
    return [tick for tick in ticks if start_ns <= tick[0] <= end_ns]


class Scale:
    """A panel's places: top and bottom on paper, and the amounts there."""

    def __init__(self, panel: tuple[int, int], amounts: Sequence[Decimal], room: Decimal) -> None:
        """Lay a scale over the amounts.

        Args:
            panel: Top and bottom on paper.
            amounts: What must find a place; at least one.
            room: How much of their range stays free above and below.
        """
        low, high = min(amounts), max(amounts)
        margin = (high - low) * room or Decimal(1)
        self.low, self.high = low - margin, high + margin
        self.top, self.bottom = panel

    def y(self, amount: Decimal) -> float:
        """Return the place of an amount.

        Args:
            amount: The amount.
        """
        return self.bottom - float((amount - self.low) / (self.high - self.low)) * (self.bottom - self.top)

    def ticks(self) -> list[Decimal]:
        """Return round amounts, about five of them."""
        wide = (self.high - self.low) / _TICKS
        unit = Decimal(1).scaleb(wide.adjusted())
        step = next(unit * many for many in (1, 2, 5, 10) if unit * many >= wide)
        first = (self.low / step).to_integral_value(ROUND_CEILING) * step
        count = int((self.high - first) / step) + 1
        return [first + step * number for number in range(count)]
