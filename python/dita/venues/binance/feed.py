"""Binance's market streams."""

from collections.abc import Awaitable, Callable

from dita.venues.binance import requests
from dita.venues.binance.books import Books
from dita.venues.binance.markets import read_klines, read_market
from dita.venues.wire import feed, reading
from dita.venues.wire.market import MarketEvent, VenueBar, VenueTrade
from dita.venues.wire.reading import MS


class MarketFeed(feed.MarketFeed):
    """Streams the market of some instruments."""

    def _subscribe(self, *, quotes: bool, trades: bool, books: bool) -> None:
        self._numbers: dict[str, int] = {}
        self.books = Books(self._wire, self._symbols if books else (), self._on_event, self._clock_ns)
        low = [symbol.lower() for symbol in self._symbols]
        market = [f"{one}@kline_{self._interval}" for one in low] + [f"{one}@markPrice@1s" for one in low]
        if trades:
            market += [f"{one}@aggTrade" for one in low]
        self._wire.spawn(self._listen("/market/stream?streams=" + "/".join(market), self._fetch_soon))
        public = [f"{one}@bookTicker" for one in low] if quotes else []
        if public or books:
            names = "/".join(public + self.books.streams)
            self._wire.spawn(
                self._listen(f"/public/stream?streams={names}", self._begin_books, self.books.cut)
            )

    async def _listen(
        self, path: str, opened: Callable[[], Awaitable[None]], cut: Callable[[], None] | None = None
    ) -> None:
        await self._keep_open(lambda: self._wire.listen(path, opened, self._on_frame), cut)

    async def _begin_books(self) -> None:
        self.books.begin()

    async def _bars(self, symbol: str, since_ns: int, now_ns: int) -> list[VenueBar]:
        request = requests.klines(symbol, self._interval, since_ns // MS, now_ns // MS)
        return read_klines(await self._wire.ask(request), symbol, self._interval, now_ns)

    def _read(self, raw: str) -> tuple[MarketEvent, ...]:
        said = None if self.books.take(raw) else read_market(reading.parse(raw))
        if isinstance(said, VenueTrade):
            self._count(said)
        return () if said is None else (said,)

    def _count(self, trade: VenueTrade) -> None:
        """Count missed trades: their numbers have no gaps."""
        before = self._numbers.get(trade.symbol)
        if before is not None and trade.number > before + 1:
            self.missed_trades += trade.number - before - 1
        self._numbers[trade.symbol] = trade.number
