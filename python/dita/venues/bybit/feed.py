"""Bybit's market streams: what they say, and what was missed while they were gone."""

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from dita.errors import InvalidInput
from dita.venues.bybit import requests
from dita.venues.bybit.books import Books
from dita.venues.bybit.markets import MarketReader, read_klines
from dita.venues.wire import reading
from dita.venues.wire.feed import BarFeed
from dita.venues.wire.market import MarketEvent, VenueBar
from dita.venues.wire.transport import Say, Transport

_LOG: Final = logging.getLogger("dita.bybit")
_MS: Final = 1_000_000
PING: Final = '{"op":"ping"}'
#: So many topics fit into one subscription of linear contracts; the venue's limit is of length.
_TOPICS_MAX: Final = 100


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
        # The venue's trades have no numbers: what was missed of them cannot be counted.
        super().__init__(wire, symbols, on_event, interval, clock_ns)
        self._reader = MarketReader()
        self._say: Say | None = None
        self.books: Books = Books(self._symbols if books else (), on_event, self._subscribe_again, clock_ns)
        word = requests.INTERVALS[interval]
        self._topics = [f"kline.{word}.{one}" for one in self._symbols]
        self._topics += [f"tickers.{one}" for one in self._symbols]
        self._topics += [f"publicTrade.{one}" for one in self._symbols if trades]
        self._topics += [f"orderbook.1.{one}" for one in self._symbols if quotes]
        self._topics += self.books.topics
        wire.spawn(self._keep_open(self._listen, self._cut))

    async def _listen(self) -> str:
        return await self._wire.listen(
            "/v5/public/linear", self._fetch_soon, self._take, greet=self._greet, ping=PING
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
        request = requests.klines(symbol, self._interval, since_ns // _MS, now_ns // _MS)
        return read_klines(await self._wire.ask(request), symbol, self._interval, now_ns)

    def _take(self, raw: str) -> bool:
        try:
            frame = reading.record(reading.parse(raw), "frame")
            if "topic" not in frame:
                if frame.get("success") is False:
                    _LOG.error("market stream: %s", frame.get("ret_msg"))
                return True
            if self.books.take(frame):
                return True
            events = self._reader.read(frame)
        except (InvalidInput, ValueError) as error:
            _LOG.error("market stream: %s", error)
            return False
        for said in events:
            self._tell(said)
        return True
