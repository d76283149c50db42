"""How reports write figures: the same words and digits as text and on the page."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from dita.backtest.metrics import Metric
from dita.chart import clock, exact

NOTHING: Final = "\u2013"
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NS: Final = 1_000_000_000
_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)


def figure(metric: Metric) -> str:
    """Return a figure as a person reads it; a dash where it is not defined.

    Args:
        metric: The metric.
    """
    value = metric.value
    if value is None:
        return NOTHING
    if metric.unit == "duration_ns":
        return duration(int(value))
    if metric.unit == "fraction":
        return percent(Decimal(value), 4)
    if metric.unit == "ratio":
        return fixed(Decimal(value), 4)
    return exact(Decimal(value))


def percent(fraction: Decimal, digits: int = 2, *, sign: bool = False) -> str:
    """Return a fraction in percent.

    Args:
        fraction: The fraction.
        digits: After the point.
        sign: Whether a plus is written too.
    """
    return f"{fixed(_WIDE.multiply(fraction, Decimal(100)), digits, sign=sign)}\u202f%"


def fixed(amount: Decimal, digits: int, *, sign: bool = False) -> str:
    """Return an amount with so many digits after the point, half to even, and thousands apart.

    Args:
        amount: The amount.
        digits: After the point.
        sign: Whether a plus is written too.
    """
    rounded = _WIDE.quantize(amount, Decimal(1).scaleb(-digits))
    text = f"{rounded:+,f}" if sign and rounded else f"{rounded or rounded.copy_abs():,f}"
    return text.replace("-", "\u2212")


def duration(length_ns: int) -> str:
    """Return a length of time in days, hours, minutes and seconds, to the millisecond, rounded down.

    Args:
        length_ns: Nanoseconds.
    """
    seconds, rest = divmod(length_ns, _NS)
    days, seconds = divmod(seconds, 86_400)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    text = f"{hours:02d}:{minutes:02d}:{seconds % 60:02d}"
    if not days and rest >= 1_000_000:
        text = f"{text}.{rest // 1_000_000:03d}"
    return f"{days:,}d {text}" if days else text


def total(*amounts: Decimal) -> Decimal:
    """Return the sum of amounts, exactly, whatever the program's own decimal context is.

    Args:
        amounts: They; none is 0.
    """
    found = Decimal(0)
    for amount in amounts:
        found = _WIDE.add(found, amount)
    return found


def moment(time_ns: int | None) -> str:
    """Return a time in UTC to the second; a dash where there is none.

    Args:
        time_ns: Nanoseconds since 1970.
    """
    return NOTHING if time_ns is None else clock(time_ns, "%Y-%m-%d %H:%M:%S")


def optional(amount: Decimal | None, *, sign: bool = False) -> str:
    """Return an amount in full; a dash where there is none.

    Args:
        amount: The amount.
        sign: Whether a plus is written too.
    """
    return NOTHING if amount is None else exact(amount, sign=sign)
