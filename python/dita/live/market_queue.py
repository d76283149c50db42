"""Market events between the thread that receives them and the thread that trades on them."""

import threading
from collections import deque
from typing import Final

from dita.venues.wire.market import MarketEvent, VenueBar, VenueTrade

_TRADES_MAX: Final = 10_000


class MarketQueue:
    """Queues market events until they are taken. Bars are never lost; of the rest the newest wins.

    Attributes:
        passed_over: How many marks, quotes and books a newer one has replaced; how many trades did not fit.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.passed_over = 0
        self._bars: deque[VenueBar] = deque()
        self._trades: deque[VenueTrade] = deque()
        self._newest: dict[tuple[type[MarketEvent], str], MarketEvent] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()

    def put(self, event: MarketEvent) -> None:
        """Add an event, from any thread; never waits."""
        with self._lock:
            if isinstance(event, VenueBar):
                self._bars.append(event)
            elif isinstance(event, VenueTrade):
                self._trades.append(event)
                if len(self._trades) > _TRADES_MAX:
                    self._trades.popleft()
                    self.passed_over += 1
            else:
                key = (type(event), event.symbol)
                self.passed_over += key in self._newest
                self._newest[key] = event
            self._some.set()

    def take(self, wait_s: float) -> list[MarketEvent]:
        """Return the queued events: marks, quotes and books, then trades, then bars.

        Args:
            wait_s: How long to wait where there is nothing, seconds.
        """
        self._some.wait(wait_s)
        with self._lock:
            events: list[MarketEvent] = [*self._newest.values(), *self._trades, *self._bars]
            self._newest.clear()
            self._trades.clear()
            self._bars.clear()
            self._some.clear()
            return events
