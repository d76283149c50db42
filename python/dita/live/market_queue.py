"""Market events between the thread that receives them and the thread that trades on them."""

import threading
from collections import deque
from typing import Final

from dita.venues.wire.market import MarketEvent, VenueBar, VenueTrade

_TRADES_MAX: Final = 10_000


class MarketQueue:
    """Queues market events in order of arrival. Bars are never lost; the newest mark, quote and book win.

    Attributes:
        passed_over: How many marks, quotes and books a newer one has replaced; how many trades did not fit.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.passed_over = 0
        self._events: dict[int, MarketEvent] = {}
        self._number = 0
        self._trades: deque[int] = deque()
        self._newest: dict[tuple[type[MarketEvent], str], int] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()

    def put(self, event: MarketEvent) -> None:
        """Add an event, from any thread; never waits."""
        with self._lock:
            self._number += 1
            dropped = None
            if isinstance(event, VenueTrade):
                self._trades.append(self._number)
                dropped = self._trades.popleft() if len(self._trades) > _TRADES_MAX else None
            elif not isinstance(event, VenueBar):
                key = (type(event), event.symbol)
                dropped = self._newest.get(key)
                self._newest[key] = self._number
            if dropped is not None:
                self.passed_over += 1
                del self._events[dropped]
            self._events[self._number] = event
            self._some.set()

    def take(self, wait_s: float) -> list[MarketEvent]:
        """Return the queued events in order of arrival.

        Args:
            wait_s: How long to wait where there is nothing, seconds.
        """
        self._some.wait(wait_s)
        with self._lock:
            events = [*self._events.values()]
            self._events.clear()
            self._newest.clear()
            self._trades.clear()
            self._some.clear()
            return events
