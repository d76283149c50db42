"""The Zinc plane's protocol, and one within this process."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol, runtime_checkable

from dita._kernel import KernelIntent, TradeSlot

INTENTS_MAX: Final = 4096


@runtime_checkable
class ZincPlane(Protocol):
    """Readers see the newest state and never block the kernel."""

    def publish_intent(self, intent: KernelIntent) -> None:
        """Show an intent that the kernel has been given."""
        ...

    def write_slot(self, slot: TradeSlot) -> None:
        """Show a slot's newest state."""
        ...

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Show the account's newest state."""
        ...

    def update_control(self, snapshot: Mapping[str, Any]) -> None:
        """Show the controls' newest state."""
        ...

    def read_slot(self, slot_id: int) -> TradeSlot | None:
        """Return a slot's newest state; None before the first."""
        ...

    def read_account(self) -> Mapping[str, Any]:
        """Return the account's newest state; empty before the first."""
        ...


class InMemoryZincPlane:
    """A Zinc plane within one process. Whole objects are swapped in, so no reader sees half of one.

    Attributes:
        intents: The last intents published, oldest first, at most 4,096.
        control: The controls by name.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.intents: deque[KernelIntent] = deque(maxlen=INTENTS_MAX)
        self.control: Mapping[str, Any] = {}
        self._slots: dict[int, TradeSlot] = {}
        self._account: Mapping[str, Any] = {}

    def publish_intent(self, intent: KernelIntent) -> None:
        """Show an intent that the kernel has been given."""
        self.intents.append(intent)

    def write_slot(self, slot: TradeSlot) -> None:
        """Show a slot's newest state."""
        self._slots[slot.slot_id] = slot

    def write_account(self, account: Mapping[str, Any]) -> None:
        """Show the account's newest state."""
        self._account = account

    def update_control(self, snapshot: Mapping[str, Any]) -> None:
        """Show the controls' newest state."""
        self.control = snapshot

    def read_slot(self, slot_id: int) -> TradeSlot | None:
        """Return a slot's newest state; None before the first.

        Args:
            slot_id: From 0.
        """
        return self._slots.get(slot_id)

    def read_account(self) -> Mapping[str, Any]:
        """Return the account's newest state; empty before the first."""
        return self._account
