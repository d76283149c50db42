"""What the venue sends as Python values: a number is read by its text, never through a float."""

import json
from collections import Counter
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, ClassVar, Final

from dita.errors import InvalidInput, shown

#: Frames and answers above this close the connection, and a repair follows.
FRAME_BYTES_MAX: Final = 8 << 20
MS: Final = 1_000_000
#: Digits enough for any amount that is read.
_WIDE: Final = Context(prec=100)
#: Of a time in milliseconds.
_DIGITS_MAX: Final = 13
#: Numbers that are kept: so many, of texts up to so long.
_NUMBERS_MAX: Final = 8_192
_TEXT_MAX: Final = 32


def parse(raw: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON; a number with a point or an exponent becomes a Decimal of its text.

    Args:
        raw: As it came.

    Raises:
        InvalidInput: It is no JSON, or longer than a frame may be.
    """
    if len(raw) > FRAME_BYTES_MAX:
        raise InvalidInput(f"frame: {len(raw)} bytes, at most {FRAME_BYTES_MAX} are taken")
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        if text[:1] in "{[":
            value, end = _DECODER.raw_decode(text)
            if end == len(text):
                return value
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"frame: {shown(raw[:80])} is no JSON: {error}") from error


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


#: Made once: `json.loads` makes another for each call that names how numbers are read.
_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)


@lru_cache(maxsize=_NUMBERS_MAX)
def _number(text: str) -> Decimal:
    """A finite decimal of a text; those that come again and again (prices, lots, zeros) are kept.

    Raises:
        InvalidOperation: It is none, or not finite.
    """
    number = Decimal(text)
    if not number.is_finite():
        raise InvalidOperation
    return number


def decimal(row: dict[str, Any], name: str) -> Decimal:
    """Read a decimal that has to be there.

    Raises:
        InvalidInput: It is not, or is none.
    """
    value = row.get(name)
    if isinstance(value, str):
        try:
            return _number(value) if len(value) <= _TEXT_MAX else _number.__wrapped__(value)
        except InvalidOperation:
            raise InvalidInput(f"{name}: expected a finite decimal, got {shown(value)}") from None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise InvalidInput(f"{name}: expected a decimal, got {shown(value)}")
    number = Decimal(value)
    if not number.is_finite():
        raise InvalidInput(f"{name}: expected a finite decimal, got {shown(value)}")
    return number


class Amounts:
    """Amounts of money as a venue states them: those finer than its unit are rounded half-even, and counted.

    A wallet holds nothing finer than the unit, so that K and E stay comparable to the last digit.

    Attributes:
        rounding: The rule's name.
        rounded: How often an amount had more decimals, by the field.
    """

    rounding: ClassVar[str] = "HALF_EVEN"

    def __init__(self, decimals: int) -> None:
        """Read amounts of a venue.

        Args:
            decimals: Of its unit.
        """
        self._decimals = decimals
        self._unit = Decimal(1).scaleb(-decimals)
        self.rounded: Counter[str] = Counter()

    def read(self, row: dict[str, Any], name: str) -> Decimal:
        """Read an amount that has to be there.

        Raises:
            InvalidInput: It is not, or is none.
        """
        amount, stated = decimal(row, name), row[name]
        if isinstance(stated, str) and "e" not in stated and "E" not in stated:
            point = stated.find(".")
            if point < 0 or len(stated) - point - 1 <= self._decimals:
                return amount
        if int(amount.as_tuple().exponent) >= -self._decimals:
            return amount
        try:
            rounded = amount.quantize(self._unit, ROUND_HALF_EVEN, _WIDE)
        except InvalidOperation:
            raise InvalidInput(f"{name}: {shown(row.get(name))} has too many digits") from None
        if rounded != amount:
            self.rounded[name] += 1
        return rounded

    def maybe(self, row: dict[str, Any], name: str) -> Decimal | None:
        """Read an amount that may be missing, or empty."""
        return None if row.get(name) in {None, ""} else self.read(row, name)


def maybe(row: dict[str, Any], name: str) -> Decimal | None:
    """Read a decimal that may be missing, or empty."""
    value = row.get(name)
    return None if value is None or value == "" else decimal(row, name)


def positive(row: dict[str, Any], name: str) -> Decimal | None:
    """Read a decimal whose 0 means that there is none."""
    number = maybe(row, name)
    return number or None


def text(row: dict[str, Any], name: str) -> str:
    """Read a text that has to be there.

    Raises:
        InvalidInput: It is not.
    """
    value = row.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"{name}: expected text, got {shown(value)}")
    return value


def id_text(row: dict[str, Any], name: str) -> str:
    """Read an id that has to be there: text, or a whole number.

    Raises:
        InvalidInput: It is not, or is neither.
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise InvalidInput(f"{name}: expected an id, got {shown(value)}")
    return str(value)


def sequence(row: dict[str, Any], name: str) -> int | None:
    """Return a number by which the venue orders its reports; None where the row has no such number.

    Args:
        row: Of the venue's JSON.
        name: The field.
    """
    value = row.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 62 else None


def nanoseconds(row: dict[str, Any], *names: str) -> int:
    """Read a time in milliseconds as nanoseconds: the first that is there. Income was seen with it as text.

    Raises:
        InvalidInput: None is, or it is no whole number.
    """
    for name in names:
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 43:
            raise InvalidInput(f"{name}: expected milliseconds, got {shown(value)}")
        return value * MS
    raise InvalidInput(f"{names[0]}: missing")


def table(value: object, name: str) -> list[dict[str, Any]]:
    """Read a list of objects.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise InvalidInput(f"{name}: expected a list of objects, got {shown(value)}")
    return value


def record(value: object, name: str) -> dict[str, Any]:
    """Read an object.

    Raises:
        InvalidInput: It is none.
    """
    if not isinstance(value, dict):
        raise InvalidInput(f"{name}: expected an object, got {shown(value)}")
    return value
