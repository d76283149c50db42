"""News of the market between the thread that hears it and the thread that trades on it."""

import threading
from collections import deque
from typing import Final

from dita.venues.wire.market import MarketNews, VenueBar, VenueTrade

_TRADES_MAX: Final = 10_000


class Waiting:
    """What the market said and nobody has read yet. Bars are never lost; of the rest the newest wins.

    Attributes:
        passed_over: How many marks, quotes and books a newer one has replaced; how many trades did not fit.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.passed_over = 0
        self._bars: deque[VenueBar] = deque()
        self._trades: deque[VenueTrade] = deque()
        self._newest: dict[tuple[type[MarketNews], str], MarketNews] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()

    def put(self, said: MarketNews) -> None:
        """Take news, from any thread; never waits."""
        with self._lock:
            if isinstance(said, VenueBar):
                self._bars.append(said)
            elif isinstance(said, VenueTrade):
                self._trades.append(said)
                if len(self._trades) > _TRADES_MAX:
                    self._trades.popleft()
                    self.passed_over += 1
            else:
                key = (type(said), said.symbol)
                self.passed_over += key in self._newest
                self._newest[key] = said
            self._some.set()

    def take(self, wait_s: float) -> list[MarketNews]:
        """Return what there is: marks, quotes and books, then trades, then bars.

        Args:
            wait_s: How long to wait where there is nothing, seconds.
        """
        self._some.wait(wait_s)
        with self._lock:
            said: list[MarketNews] = [*self._newest.values(), *self._trades, *self._bars]
            self._newest.clear()
            self._trades.clear()
            self._bars.clear()
            self._some.clear()
            return said
