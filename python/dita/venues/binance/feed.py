"""The market streams: what they say, and what was missed while they were gone."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.binance.books import Books
from dita.venues.binance.markets import read_klines, read_market
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import MarketNews, VenueBar, VenueMark, VenueTrade
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.binance")
BACK_OFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_MS: Final = 1_000_000


class MarketFeed:
    """Hears the market of some instruments. Bars that closed while a stream was gone are fetched and told."""

    def __init__(
        self,
        wire: Transport,
        symbols: Iterable[str],
        hear: Callable[[MarketNews], object],
        *,
        interval: str = "1m",
        quotes: bool = False,
        trades: bool = False,
        books: bool = False,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Begin to hear.

        Args:
            wire: The transport.
            symbols: The instruments.
            hear: Takes what is said, on the transport's thread; it must not wait.
            interval: The length of the bars.
            quotes: Whether best prices are heard.
            trades: Whether trades of others are heard.
            books: Whether order books are kept and heard.
            clock_ns: This machine's time.
        """
        self._wire = wire
        self._hear = hear
        self._interval = interval
        self._clock_ns = clock_ns
        self._symbols = list(symbols)
        self._last: dict[str, int] = {}
        self._heard_s: dict[str, float] = {}
        self._numbers: dict[str, int] = {}
        self.reconnects = 0
        self.missed_trades = 0
        self.books: Books = Books(wire, self._symbols if books else (), hear, clock_ns)
        low = [symbol.lower() for symbol in self._symbols]
        market = [f"{one}@kline_{interval}" for one in low] + [f"{one}@markPrice@1s" for one in low]
        if trades:
            market += [f"{one}@aggTrade" for one in low]
        wire.spawn(self._listen("/market/stream?streams=" + "/".join(market), self._fetch_bars))
        public = [f"{one}@bookTicker" for one in low] if quotes else []
        if public or books:
            names = "/".join(public + self.books.streams)
            wire.spawn(self._listen(f"/public/stream?streams={names}", self._begin_books, self.books.cut))

    def age_s(self, symbol: str) -> float | None:
        """Return how long ago an instrument's mark was heard, seconds; None where it never was.

        Args:
            symbol: The instrument.
        """
        heard = self._heard_s.get(symbol)
        return None if heard is None else time.monotonic() - heard

    def begin_after(self, bar: VenueBar) -> None:
        """Count a bar as told: what comes after it is news."""
        self._last[bar.symbol] = max(self._last.get(bar.symbol, 0), bar.close_ns)

    async def _listen(
        self, path: str, opened: Callable[[], Awaitable[None]], cut: Callable[[], None] | None = None
    ) -> None:
        tries = 0
        while True:
            began = time.monotonic()
            why = await self._wire.listen(path, opened, self._take)
            if cut is not None:
                cut()
            tries = 0 if time.monotonic() - began > 10 else tries + 1
            self.reconnects += 1
            _LOG.warning("market stream: %s", why)
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])

    async def _fetch_bars(self) -> None:
        self._wire.spawn(self._fetch_missed())

    async def _begin_books(self) -> None:
        self.books.begin()

    async def _fetch_missed(self) -> None:
        """Tell the bars that closed since the last one that was told."""
        for symbol, since_ns in list(self._last.items()):
            now_ns = self._clock_ns()
            request = requests.klines(symbol, self._interval, since_ns // _MS, now_ns // _MS)
            try:
                for bar in read_klines(await self._wire.ask(request), symbol, self._interval, now_ns):
                    self._tell_bar(bar)
            except (Failure, InvalidInput) as error:
                _LOG.warning("bars of %s: %s", symbol, error)

    def _take(self, raw: str) -> bool:
        try:
            if self.books.take(raw):
                return True
            said = read_market(reading.parse(raw))
        except (InvalidInput, ValueError) as error:
            _LOG.error("market stream: %s", error)
            return False
        if isinstance(said, VenueBar):
            self._tell_bar(said)
        elif said is not None:
            if isinstance(said, VenueMark):
                self._heard_s[said.symbol] = time.monotonic()
            elif isinstance(said, VenueTrade):
                self._count(said)
            self._hear(said)
        return True

    def _tell_bar(self, bar: VenueBar) -> None:
        if bar.close_ns > self._last.get(bar.symbol, 0):
            self._last[bar.symbol] = bar.close_ns
            self._hear(bar)

    def _count(self, trade: VenueTrade) -> None:
        """Count the trades that nobody told: their numbers have no gaps."""
        before = self._numbers.get(trade.symbol)
        if before is not None and trade.number > before + 1:
            self.missed_trades += trade.number - before - 1
        self._numbers[trade.symbol] = trade.number
