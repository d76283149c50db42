"""The journal's protocol, and one that remembers in memory."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from dita._kernel import KernelTransition, TradeSlot, VenueEvent

RECORDS_MAX: Final = 100_000


@runtime_checkable
class KernelJournal(Protocol):
    """Takes what the kernel did. It is called after a drain, never while the kernel is locked."""

    def record_transition(
        self,
        transition: KernelTransition,
        slot: TradeSlot,
        event: VenueEvent | None,
        control: Mapping[str, Any],
    ) -> None:
        """Take one stage change.

        Args:
            transition: The change.
            slot: The slot as it was when the kernel came to rest; later than the change where several followed.
            event: The venue's event that caused it, where the kernel has it at hand; its id is in the transition.
            control: The controls by name.
        """
        ...

    def flush(self) -> None:
        """Write what is buffered."""
        ...

    def close(self) -> None:
        """Flush and let go."""
        ...


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One stage change with its circumstances.

    Attributes:
        transition: The change.
        slot: The slot as it was when the kernel came to rest.
        event: The venue's event that caused it, where it was at hand.
        control: The controls by name.
    """

    transition: KernelTransition
    slot: TradeSlot
    event: VenueEvent | None
    control: Mapping[str, Any]


class MemoryKernelJournal:
    """Remembers the last records. What exceeds the bound is gone, and counted.

    Attributes:
        dropped: How many records made room for newer ones.
    """

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        """Start empty.

        Args:
            records_max: How many records to remember, at least 1.
        """
        self._records: deque[JournalRecord] = deque(maxlen=max(1, records_max))
        self.dropped = 0

    @property
    def records(self) -> list[JournalRecord]:
        """The records, oldest first: a copy."""
        return list(self._records)

    def record_transition(
        self,
        transition: KernelTransition,
        slot: TradeSlot,
        event: VenueEvent | None,
        control: Mapping[str, Any],
    ) -> None:
        """Take one stage change; see `KernelJournal`."""
        self.dropped += len(self._records) == self._records.maxlen
        self._records.append(JournalRecord(transition, slot, event, control))

    def flush(self) -> None:
        """Do nothing: memory is not buffered."""

    def close(self) -> None:
        """Keep the records: tests read them afterwards."""
