"""Decimals as venues and their clients write them: rounded to places, digits or steps, and never inexact.

Python's own `decimal` does the arithmetic, in a context that raises rather than lose a digit. An order is
rounded by `MarketLimits.round_order`; this is for adapters whose venue states precision in another way.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from enum import StrEnum
from typing import Final

EXACT: Final = Context(prec=1000, traps=[Inexact, InvalidOperation, DivisionByZero])
"""Raises decimal.Inexact where a result would need more than 1,000 digits."""

_CUT: Final = Context(prec=1000, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero])


class Counting(StrEnum):
    """What a precision counts."""

    DECIMAL_PLACES = "DECIMAL_PLACES"
    SIGNIFICANT_DIGITS = "SIGNIFICANT_DIGITS"
    TICK_SIZE = "TICK_SIZE"


class Digits(StrEnum):
    """What becomes of the digits that are too many."""

    TRUNCATE = "TRUNCATE"
    ROUND = "ROUND"


def to_precision(
    value: Decimal | int | str,
    precision: Decimal | int | str,
    *,
    counting: Counting | str = Counting.TICK_SIZE,
    digits: Digits | str = Digits.TRUNCATE,
    pad: bool = False,
) -> str:
    """Write a number with a venue's precision.

    Args:
        value: The number.
        precision: Places after the point, significant digits, or the step. A negative number of places or
            digits means tens, hundreds and so on.
        counting: Which of them.
        digits: Cut toward zero, or to the nearest, half away from zero.
        pad: Write trailing zeros up to the precision.

    Returns:
        The number in plain notation; never "-0".

    Raises:
        ValueError: A step that is not above zero, a count that is not whole, or a name that is none.
        decimal.InvalidOperation: A text that is no number.
    """
    number, unit = EXACT.create_decimal(value), EXACT.create_decimal(precision)
    step = _step(number, unit, Counting(counting))
    rounding = ROUND_DOWN if Digits(digits) is Digits.TRUNCATE else ROUND_HALF_UP
    steps = _CUT.divide(number, step).to_integral_value(rounding)
    rounded = EXACT.multiply(steps, step)
    # Rounding up may have made the number a digit longer: 0.99 is 1.0, at two digits.
    return _written(rounded, _step(rounded, unit, Counting(counting)) if rounded else step, pad=pad)


def quotient(dividend: Decimal | int | str, divisor: Decimal | int | str, places: int = 18) -> Decimal:
    """Divide, cut toward zero after so many places; negative ones mean tens, hundreds and so on.

    Raises:
        decimal.DivisionByZero: The divisor is zero.
    """
    exact = _CUT.divide(EXACT.create_decimal(dividend), EXACT.create_decimal(divisor))
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_DOWN, _CUT)


def plain(value: Decimal) -> str:
    """Write a number in plain notation, without trailing zeros; never "-0"."""
    return _written(value, None, pad=False)


def _step(number: Decimal, unit: Decimal, counting: Counting) -> Decimal:
    if counting is Counting.TICK_SIZE:
        if unit <= 0:
            raise ValueError(f"precision: {unit} is no step: it must be above zero")
        return unit
    count = int(unit)
    if count != unit:
        raise ValueError(f"precision: {unit} must be a whole number")
    if counting is Counting.DECIMAL_PLACES or count < 0:
        return Decimal(1).scaleb(-count)
    # No digit at all leaves zero, unless rounding makes one.
    return Decimal(1).scaleb(number.adjusted() - count + 1 if number else 0)


def _written(value: Decimal, step: Decimal | None, *, pad: bool) -> str:
    if not value:
        value = Decimal(0)
    text = format(value.normalize(EXACT), "f")
    places = 0 if step is None else max(0, -int(step.normalize(EXACT).as_tuple().exponent))
    if not pad or not places:
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(places, '0')}"
