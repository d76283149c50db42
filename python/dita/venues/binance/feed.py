"""The market streams: what they say, and what was missed while they were gone."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.binance.books import Books
from dita.venues.binance.markets import read_klines, read_market
from dita.venues.wire import reading
from dita.venues.wire.feed import BarFeed
from dita.venues.wire.market import MarketEvent, VenueBar, VenueTrade
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.binance")
_MS: Final = 1_000_000


class MarketFeed(BarFeed):
    """Streams the market of some instruments. Fetches bars that closed while the stream was down."""

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
        """Prepare the subscription.

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
        super().__init__(wire, symbols, on_event, interval, clock_ns)
        self._numbers: dict[str, int] = {}
        self.books: Books = Books(wire, self._symbols if books else (), on_event, clock_ns)
        low = [symbol.lower() for symbol in self._symbols]
        market = [f"{one}@kline_{interval}" for one in low] + [f"{one}@markPrice@1s" for one in low]
        if trades:
            market += [f"{one}@aggTrade" for one in low]
        wire.spawn(self._listen("/market/stream?streams=" + "/".join(market), self._fetch_soon))
        public = [f"{one}@bookTicker" for one in low] if quotes else []
        if public or books:
            names = "/".join(public + self.books.streams)
            wire.spawn(self._listen(f"/public/stream?streams={names}", self._begin_books, self.books.cut))

    async def _listen(
        self, path: str, opened: Callable[[], Awaitable[None]], cut: Callable[[], None] | None = None
    ) -> None:
        await self._keep_open(lambda: self._wire.listen(path, opened, self._take), cut)

    async def _begin_books(self) -> None:
        self.books.begin()

    async def _bars(self, symbol: str, since_ns: int, now_ns: int) -> list[VenueBar]:
        request = requests.klines(symbol, self._interval, since_ns // _MS, now_ns // _MS)
        return read_klines(await self._wire.ask(request), symbol, self._interval, now_ns)

    def _take(self, raw: str) -> bool:
        try:
            if self.books.take(raw):
                return True
            said = read_market(reading.parse(raw))
        except (InvalidInput, ValueError) as error:
            _LOG.error("market stream: %s", error)
            return False
        if isinstance(said, VenueTrade):
            self._count(said)
        if said is not None:
            self._tell(said)
        return True

    def _count(self, trade: VenueTrade) -> None:
        """Count missed trades: their numbers have no gaps."""
        before = self._numbers.get(trade.symbol)
        if before is not None and trade.number > before + 1:
            self.missed_trades += trade.number - before - 1
        self._numbers[trade.symbol] = trade.number
