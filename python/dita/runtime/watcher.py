"""Hears what happens to a kernel's trades, in the kernel's order, and keeps it until it is asked for."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from dita._kernel import KernelTransition, TradeSlot, VenueEvent


@dataclass(frozen=True, slots=True)
class Happening:
    """One change of one slot.

    Attributes:
        change: The transition.
        slot: The slot after the drain that it was part of.
        event: What the venue said, where it was the venue: with the first of the changes that it caused to
            the slot, so that a fill which also sends exits is one fill.
    """

    change: KernelTransition
    slot: TradeSlot
    event: VenueEvent | None


class Watcher:
    """Given to a kernel as `logs`: it hears what logs hear, but the controls.

    Attributes:
        hears_controls: False.
        hears: Whether anything is kept.
    """

    hears_controls: ClassVar[bool] = False

    def __init__(self, *, hears: bool = True) -> None:
        """Start empty."""
        self.hears = hears
        self._heard: deque[Happening] = deque()
        self._seq = -1
        self._told: set[int] = set()

    def transition(self, change: KernelTransition, slot: TradeSlot, event: VenueEvent | None) -> None:
        """Take a change of a slot."""
        if not self.hears:
            return
        if change.seq != self._seq:
            self._seq = change.seq
            self._told.clear()
        first = slot.slot_id not in self._told
        self._told.add(slot.slot_id)
        self._heard.append(Happening(change, slot, event if first else None))

    def begin(self, seq: int) -> None:
        """Hear from here on.

        Args:
            seq: The last input that is no news.
        """
        self.hears = True
        self._seq = max(self._seq, seq)

    def told_seq(self) -> int:
        """Return the last input of which everything was taken."""
        return self._heard[0].change.seq - 1 if self._heard else self._seq

    def control(self, control: Mapping[str, Any], seq: int) -> None:
        """Take the controls: nobody asks for them here."""

    def failed(self, what: str, seq: int, error: BaseException) -> None:
        """Take that a plane has failed: the kernel has logged it."""

    def take(self) -> Happening | None:
        """Return the oldest that was not taken yet; None where there is none."""
        return self._heard.popleft() if self._heard else None
