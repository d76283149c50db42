"""What can go wrong, by name. Every error of the kernel is a `KernelError`."""

from dita._kernel import (
    InboxFull,
    InvalidInput,
    InvalidType,
    InvariantViolation,
    KernelClosed,
    KernelError,
    KernelPoisoned,
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
    "NotSent",
    "NotYetSupported",
    "VenueAdapterError",
]
