"""Bybit's market streams. Its trades have no numbers, so missed ones are not counted."""

import json
import logging
from typing import Final

from dita.venues.bybit import requests
from dita.venues.bybit.books import Books
from dita.venues.bybit.markets import MarketReader, read_klines
from dita.venues.wire import feed, reading
from dita.venues.wire.market import MarketEvent, VenueBar
from dita.venues.wire.reading import MS
from dita.venues.wire.transport import Say

_LOG: Final = logging.getLogger("dita.venues")
PING: Final = '{"op":"ping"}'
#: So many topics fit into one subscription of linear contracts; the venue's limit is of length.
_TOPICS_MAX: Final = 100


class MarketFeed(feed.MarketFeed):
    """Streams the market of some instruments."""

    def _subscribe(self, *, quotes: bool, trades: bool, books: bool) -> None:
        self._reader = MarketReader()
        self._say: Say | None = None
        self.books = Books(
            self._symbols if books else (), self._on_event, self._subscribe_again, self._clock_ns
        )
        word = requests.INTERVALS[self._interval]
        self._topics = [f"kline.{word}.{one}" for one in self._symbols]
        self._topics += [f"tickers.{one}" for one in self._symbols]
        self._topics += [f"publicTrade.{one}" for one in self._symbols if trades]
        self._topics += [f"orderbook.1.{one}" for one in self._symbols if quotes]
        self._topics += self.books.topics
        self._wire.spawn(self._keep_open(self._listen, self._cut))

    async def _listen(self) -> str:
        return await self._wire.listen(
            "/v5/public/linear", self._fetch_soon, self._on_frame, greet=self._greet, ping=PING
        )

    def _cut(self) -> None:
        self._say = None
        self._reader.cut()
        self.books.cut()

    async def _greet(self, say: Say) -> None:
        self._say = say
        for begin in range(0, len(self._topics), _TOPICS_MAX):
            topics = self._topics[begin : begin + _TOPICS_MAX]
            await say(json.dumps({"op": "subscribe", "args": topics}))

    def _subscribe_again(self, topic: str) -> None:
        self._wire.spawn(self._again(topic))

    async def _again(self, topic: str) -> None:
        if self._say is not None:
            await self._say(json.dumps({"op": "unsubscribe", "args": [topic]}))
            await self._say(json.dumps({"op": "subscribe", "args": [topic]}))

    async def _bars(self, symbol: str, since_ns: int, now_ns: int) -> list[VenueBar]:
        request = requests.klines(symbol, self._interval, since_ns // MS, now_ns // MS)
        return read_klines(await self._wire.ask(request), symbol, self._interval, now_ns)

    def _read(self, raw: str) -> list[MarketEvent]:
        frame = reading.record(reading.parse(raw), "frame")
        if "topic" not in frame:
            if frame.get("success") is False:
                _LOG.error("market stream: %s", frame.get("ret_msg"))
            return []
        return [] if self.books.take(frame) else self._reader.read(frame)
