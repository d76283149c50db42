"""The values of a command line: each reader returns the value, or says what it expected."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from dita.errors import shown


def decimal(text: str) -> Decimal:
    """Read a finite decimal."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"expected a decimal number, got {shown(text)}") from None
    if not number.is_finite():
        raise ArgumentTypeError(f"expected a finite decimal number, got {shown(text)}")
    return number


def positive(text: str) -> Decimal:
    """Read a decimal above zero."""
    number = decimal(text)
    if number <= 0:
        raise ArgumentTypeError(f"must be above zero, got {shown(text)}")
    return number


def not_negative(text: str) -> Decimal:
    """Read a decimal of zero or more."""
    number = decimal(text)
    if number < 0:
        raise ArgumentTypeError(f"must be 0 or more, got {shown(text)}")
    return number


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers.

    Args:
        low: The least.
        high: The most; None means no bound.
    """
    bounds = f"of at least {low}" if high is None else f"from {low} to {high}"

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
            raise ArgumentTypeError(f"expected a whole number {bounds}, got {shown(text)}")
        return int(text)

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Return a reader of seconds.

    Args:
        low: The least.
        high: The most.
    """

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not low <= number <= high:
            raise ArgumentTypeError(f"expected seconds from {low:g} to {high:g}, got {shown(text)}")
        return number

    return read


def pair(form: str = "NAME=VALUE") -> Callable[[str], tuple[str, str]]:
    """Return a reader of two texts with an equals sign between them.

    Args:
        form: How it is written, for the message.
    """

    def read(text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ArgumentTypeError(f"expected {form}, got {shown(text)}")
        return name, value

    return read
