"""What can go wrong, by name. Every error of the kernel is a `KernelError`.

A text shows at most `SHOWN_CHARS_MAX` characters of a value (of its repr), and of a key that names a field;
`…` says that something was cut. The error's `value` is the whole one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from dita._kernel import (
    SHOWN_CHARS_MAX,
    InboxFull,
    InvalidInput,
    InvalidType,
    InvariantViolation,
    KernelClosed,
    KernelError,
    KernelPoisoned,
    LeaseHeld,
    LinkError,
    LogCorrupt,
    LogDisk,
    LogError,
    LogFailed,
    LogLocked,
    LogMismatch,
    LogVersion,
    NotSent,
    NotYetSupported,
    ServerAway,
    ServerRefused,
    VenueAdapterError,
    ZincError,
    cut,
    shown,
)

__all__ = [
    "SHOWN_CHARS_MAX",
    "InboxFull",
    "InvalidInput",
    "InvalidType",
    "InvariantViolation",
    "KernelClosed",
    "KernelError",
    "KernelPoisoned",
    "LeaseHeld",
    "LinkError",
    "LogCorrupt",
    "LogDisk",
    "LogError",
    "LogFailed",
    "LogLocked",
    "LogMismatch",
    "LogVersion",
    "ModeMismatch",
    "NotSent",
    "NotYetSupported",
    "ServerAway",
    "ServerRefused",
    "VenueAdapterError",
    "ZincError",
    "cut",
    "details_text",
    "shown",
]


class ModeMismatch(KernelError):  # noqa: N818 - it says what does not fit
    """The mode does not fit the venue: PAPER or SHADOW on real money, or LIVE on a simulated one."""


Refused = TypeVar("Refused", bound=InvalidInput | InvalidType)


def refuse(field: str, value: object, why: str) -> InvalidInput:
    """Return the error for a value that cannot be taken, by field and value."""
    error = InvalidInput(f"{cut(field)}: {shown(value)} {why}")
    error.field, error.value = cut(field), value
    return error


def details_text(details: Mapping[str, Any]) -> str:
    """Return an outcome's details as a text, after a colon; empty where there are none.

    Args:
        details: `KernelOutcome.details`.
    """
    if "limit" in details:
        return f": {details['limit']} allows {details['value']}, this is {details['attempt']}"
    if "field" in details:
        return f": {details['field']} {details['value']} {details['reason']}"
    words = details.get("message") or details.get("reason")
    return f": {words}" if words else ""


def refuse_name(field: str, value: object, what: str, known: Iterable[str]) -> InvalidInput:
    """Return the error for a name that is none of the known ones: it lists them.

    Args:
        field: The name that was given, with its place.
        value: What was given under it.
        what: Which names are meant: "key of an exchange configuration".
        known: The names that there are.
    """
    return refuse(field, value, f"is no {what}; there are {', '.join(sorted(known))}")


def wrong_type(field: str, value: object, wanted: str) -> InvalidType:
    """Return the error for a value of another type, by field and value."""
    error = InvalidType(f"{cut(field)}: expected {wanted}, got {type(value).__name__} {shown(value)}")
    error.field, error.value = cut(field), value
    return error


def placed(error: Refused, place: str) -> Refused:
    """Return the same error of a field further in: `place` comes before its name."""
    named = type(error)(f"{cut(place)}.{error}")
    named.field, named.value = f"{cut(place)}.{error.field}", error.value
    return named
