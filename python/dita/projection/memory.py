"""The projection's protocol, and one in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from dita._kernel import TradeSlot, VenueOrder


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


@dataclass(frozen=True, slots=True)
class KernelMoment:
    """A kernel at one moment, for a projection that asks.

    Attributes:
        seq: The last input.
        slots: Those that carry a trade; at the first time all that ever did.
        accounts: One for each asset.
        control: The controls.
        health: The kernel's health.
        orders: Those that are known, at the first time.
    """

    seq: int
    slots: Iterable[TradeSlot]
    accounts: Iterable[Mapping[str, Any]]
    control: Mapping[str, Any]
    health: Mapping[str, Any]
    orders: Iterable[VenueOrder] = ()


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
