"""What the venue said of instruments that the kernel does not know yet: kept until they are listed."""

from collections.abc import Iterator
from typing import Any, Final

from dita._kernel import VenueEvent

#: Of one instrument. More than that nobody holds back by mistake: entries halt then.
PARKED_MAX: Final = 10_000


class UnlistedEvents:
    """Events of unknown instruments, by instrument.

    Attributes:
        total: How many were ever kept back.
    """

    def __init__(self) -> None:
        """Keep nothing."""
        self._waiting: dict[str, list[VenueEvent | dict[str, Any]]] = {}
        self.total = 0

    def __contains__(self, symbol: str) -> bool:
        """Whether something of an instrument waits."""
        return symbol in self._waiting

    def __iter__(self) -> Iterator[str]:
        """Go through the instruments that are waited for."""
        return iter(list(self._waiting))

    def __len__(self) -> int:
        """How many events wait."""
        return sum(map(len, self._waiting.values()))

    def keep(self, symbol: str, event: VenueEvent | dict[str, Any]) -> bool:
        """Keep an event, behind those that came before; one that waits already is not kept twice.

        Args:
            symbol: Its instrument.
            event: The event.

        Returns:
            Whether there is still room.
        """
        waiting = self._waiting.setdefault(symbol, [])
        if event not in waiting:
            waiting.append(event)
            self.total += 1
        return len(waiting) < PARKED_MAX

    def take(self, symbol: str) -> list[VenueEvent | dict[str, Any]]:
        """Give back what waits for an instrument, the oldest first."""
        return self._waiting.pop(symbol, [])
