"""What every market feed does: keeps streams open, publishes a bar once, fetches the bars that it missed."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from dita.errors import InvalidInput
from dita.venues.wire.adapter import BACK_OFF_S
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import MarketEvent, VenueBar, VenueMark
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.venues")
#: A stream that held for longer than this is opened anew at once.
_HELD_S: Final = 10.0


class MarketFeed(ABC):
    """Streams the market of some instruments. Fetches bars that closed while the stream was down.

    Attributes:
        reconnects: How often a stream was opened anew.
        missed_trades: How many public trades were missed, where the venue numbers them.
    """

    def __init__(
        self,
        wire: Transport,
        symbols: Iterable[str],
        on_event: Callable[[MarketEvent], object],
        *,
        interval: str = "1m",
        quotes: bool = False,
        trades: bool = False,
        books: bool = False,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Subscribe.

        Args:
            wire: The transport.
            symbols: The instruments.
            on_event: Called with each event, on the transport's thread; it must not wait.
            interval: The length of the bars.
            quotes: Whether to subscribe to best prices.
            trades: Whether to subscribe to public trades.
            books: Whether to keep and publish order books.
            clock_ns: This machine's time.
        """
        self._wire = wire
        self._on_event = on_event
        self._interval = interval
        self._clock_ns = clock_ns
        self._symbols = list(symbols)
        self._last: dict[str, int] = {}
        self._marked_s: dict[str, float] = {}
        self.reconnects = 0
        self.missed_trades = 0
        self._subscribe(quotes=quotes, trades=trades, books=books)

    def age_s(self, symbol: str) -> float | None:
        """Return how long ago an instrument's mark came, seconds; None where it never was.

        Args:
            symbol: The instrument.
        """
        marked_s = self._marked_s.get(symbol)
        return None if marked_s is None else time.monotonic() - marked_s

    def begin_after(self, bar: VenueBar) -> None:
        """Count a bar as published: what comes after it is new."""
        self._last[bar.symbol] = max(self._last.get(bar.symbol, 0), bar.close_ns)

    @abstractmethod
    def _subscribe(self, *, quotes: bool, trades: bool, books: bool) -> None:
        """Begin to read the streams that are wanted, by `_keep_open`."""

    @abstractmethod
    def _read(self, raw: str) -> Iterable[MarketEvent]:
        """Read a frame; what is of no use is no event.

        Raises:
            InvalidInput: A field is missing, or is not what it has to be.
            ValueError: It is depth that cannot be read.
        """

    @abstractmethod
    async def _bars(self, symbol: str, since_ns: int, now_ns: int) -> Iterable[VenueBar]:
        """Ask for the bars of a time.

        Raises:
            Failure: The venue does not say.
            InvalidInput: Its answer is none.
        """

    async def _keep_open(
        self, listen: Callable[[], Awaitable[str]], cut: Callable[[], None] | None = None
    ) -> None:
        """Open a stream again and again.

        Args:
            listen: Reads it until it ends, and says why it ended.
            cut: Called then.
        """
        tries = 0
        while True:
            began = time.monotonic()
            why = await listen()
            if cut is not None:
                cut()
            tries = 0 if time.monotonic() - began > _HELD_S else tries + 1
            self.reconnects += 1
            _LOG.warning("market stream: %s", why)
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])

    async def _fetch_soon(self) -> None:
        self._wire.spawn(self._fetch_missed())

    async def _fetch_missed(self) -> None:
        """Publish the bars that closed since the last published one."""
        for symbol, since_ns in list(self._last.items()):
            try:
                for bar in await self._bars(symbol, since_ns, self._clock_ns()):
                    self._tell_bar(bar)
            except (Failure, InvalidInput) as error:
                _LOG.warning("bars of %s: %s", symbol, error)

    def _on_frame(self, raw: str) -> bool:
        """Publish what a frame says; False where the stream ends with it."""
        try:
            events = self._read(raw)
        except (InvalidInput, ValueError) as error:
            _LOG.error("market stream: %s", error)
            return False
        for said in events:
            self._tell(said)
        return True

    def _tell(self, said: MarketEvent) -> None:
        if isinstance(said, VenueBar):
            self._tell_bar(said)
            return
        if isinstance(said, VenueMark):
            self._marked_s[said.symbol] = time.monotonic()
        self._on_event(said)

    def _tell_bar(self, bar: VenueBar) -> None:
        if bar.close_ns > self._last.get(bar.symbol, 0):
            self._last[bar.symbol] = bar.close_ns
            self._on_event(bar)
