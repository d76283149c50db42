"""What can go wrong, by name. Every error of the kernel is a `KernelError`."""

from typing import Final, TypeVar

from dita._kernel import (
    InboxFull,
    InvalidInput,
    InvalidType,
    InvariantViolation,
    KernelClosed,
    KernelError,
    KernelPoisoned,
    LogCorrupt,
    LogDisk,
    LogError,
    LogFailed,
    LogLocked,
    LogMismatch,
    LogVersion,
    NotSent,
    NotYetSupported,
    VenueAdapterError,
)

__all__ = [
    "InboxFull",
    "InvalidInput",
    "InvalidType",
    "InvariantViolation",
    "KernelClosed",
    "KernelError",
    "KernelPoisoned",
    "LogCorrupt",
    "LogDisk",
    "LogError",
    "LogFailed",
    "LogLocked",
    "LogMismatch",
    "LogVersion",
    "NotSent",
    "NotYetSupported",
    "VenueAdapterError",
]

# How much of a value an error's text shows, in characters.
_SHOWN_CHARS: Final = 80

Refused = TypeVar("Refused", bound=InvalidInput | InvalidType)


def shown(value: object) -> str:
    """Return a value's repr, shortened; never fails, whatever the value is."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a huge int's repr is refused, a deep list's too, and a class may break its own
        return "<a value that cannot be shown>"
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def refuse(field: str, value: object, why: str) -> InvalidInput:
    """Return the error for a value that cannot be taken, by field and value."""
    error = InvalidInput(f"{field}: {shown(value)} {why}")
    error.field, error.value = field, value
    return error


def wrong_type(field: str, value: object, wanted: str) -> InvalidType:
    """Return the error for a value of another type, by field and value."""
    error = InvalidType(f"{field}: expected {wanted}, got {type(value).__name__} {shown(value)}")
    error.field, error.value = field, value
    return error


def placed(error: Refused, place: str) -> Refused:
    """Return the same error of a field further in: `place` comes before its name."""
    named = type(error)(f"{place}.{error}")
    named.field, named.value = f"{place}.{error.field}", error.value
    return named
