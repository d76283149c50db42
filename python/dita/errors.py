"""What can go wrong, by name. Every error of the kernel is a `KernelError`."""

from typing import TypeVar

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

Refused = TypeVar("Refused", bound=InvalidInput | InvalidType)


def refuse(field: str, value: object, why: str) -> InvalidInput:
    """Return the error for a value that cannot be taken, by field and value."""
    error = InvalidInput(f"{field}: {value!r} {why}")
    error.field, error.value = field, value
    return error


def wrong_type(field: str, value: object, wanted: str) -> InvalidType:
    """Return the error for a value of another type, by field and value."""
    error = InvalidType(f"{field}: expected {wanted}, got {type(value).__name__} {value!r}")
    error.field, error.value = field, value
    return error


def placed(error: Refused, place: str) -> Refused:
    """Return the same error of a field further in: `place` comes before its name."""
    named = type(error)(f"{place}.{error}")
    named.field, named.value = f"{place}.{error.field}", error.value
    return named
