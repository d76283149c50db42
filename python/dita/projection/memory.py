"""The projection's protocol, and one in memory."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from dita._kernel import NotYetSupported, TradeSlot


@runtime_checkable
class KernelProjection(Protocol):
    """Holds the newest state. It is written after a drain, never while the kernel is locked."""

    def write_slot(self, slot: TradeSlot) -> None:
        """Take a slot's newest state."""
        ...

    def write_control(self, control: Mapping[str, Any]) -> None:
        """Take the controls' newest state."""
        ...

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Take the account's newest state."""
        ...

    def write_health(self, health: Mapping[str, Any]) -> None:
        """Take the kernel's health."""
        ...


class MemoryProjection:
    """The newest state in this process.

    Attributes:
        slots: The newest snapshot of each slot that was ever written, by number.
        control: The controls.
        account: The account.
        health: The kernel's health.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.slots: dict[int, TradeSlot] = {}
        self.control: Mapping[str, Any] = {}
        self.account: Mapping[str, Any] = {}
        self.health: Mapping[str, Any] = {}

    def write_slot(self, slot: TradeSlot) -> None:
        """Take a slot's newest state."""
        self.slots[slot.slot_id] = slot

    def write_control(self, control: Mapping[str, Any]) -> None:
        """Take the controls' newest state."""
        self.control = control

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Take the account's newest state."""
        self.account = account

    def write_health(self, health: Mapping[str, Any]) -> None:
        """Take the kernel's health."""
        self.health = health


def build_projection(client: object | None = None) -> KernelProjection:
    """Return a projection: in memory, where no client is given.

    Args:
        client: A cluster's client.

    Raises:
        NotYetSupported: A client was given.
    """
    if client is not None:
        raise NotYetSupported("build_projection(client): only the projection in memory is supported yet")
    return MemoryProjection()
