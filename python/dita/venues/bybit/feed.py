"""Bybit's market streams: what they say, and what was missed while they were gone."""

import asyncio
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
from dita.venues.wire.adapter import BACK_OFF_S
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import MarketNews, VenueBar, VenueMark
from dita.venues.wire.transport import Say, Transport

_LOG: Final = logging.getLogger("dita.bybit")
_MS: Final = 1_000_000
PING: Final = '{"op":"ping"}'
#: So many topics fit into one subscription of linear contracts; the venue's limit is of length.
_TOPICS_MAX: Final = 100


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
        self._reader = MarketReader()
        self._say: Say | None = None
        self.reconnects = 0
        #: The venue's trades have no numbers: what was missed of them cannot be counted.
        self.missed_trades = 0
        self.books: Books = Books(self._symbols if books else (), hear, self._subscribe_again, clock_ns)
        word = requests.INTERVALS[interval]
        self._topics = [f"kline.{word}.{one}" for one in self._symbols]
        self._topics += [f"tickers.{one}" for one in self._symbols]
        self._topics += [f"publicTrade.{one}" for one in self._symbols if trades]
        self._topics += [f"orderbook.1.{one}" for one in self._symbols if quotes]
        self._topics += self.books.topics
        wire.spawn(self._listen())

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

    async def _listen(self) -> None:
        tries = 0
        while True:
            began = time.monotonic()
            why = await self._wire.listen(
                "/v5/public/linear", self._opened, self._take, greet=self._greet, ping=PING
            )
            self._say = None
            self._reader.cut()
            self.books.cut()
            tries = 0 if time.monotonic() - began > 10 else tries + 1
            self.reconnects += 1
            _LOG.warning("market stream: %s", why)
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])

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

    async def _opened(self) -> None:
        self._wire.spawn(self._fetch_missed())

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
            frame = reading.record(reading.parse(raw), "frame")
            if "topic" not in frame:
                if frame.get("success") is False:
                    _LOG.error("market stream: %s", frame.get("ret_msg"))
                return True
            if self.books.take(frame):
                return True
            news = self._reader.read(frame)
        except (InvalidInput, ValueError) as error:
            _LOG.error("market stream: %s", error)
            return False
        for said in news:
            if isinstance(said, VenueBar):
                self._tell_bar(said)
                continue
            if isinstance(said, VenueMark):
                self._heard_s[said.symbol] = time.monotonic()
            self._hear(said)
        return True

    def _tell_bar(self, bar: VenueBar) -> None:
        if bar.close_ns > self._last.get(bar.symbol, 0):
            self._last[bar.symbol] = bar.close_ns
            self._hear(bar)
