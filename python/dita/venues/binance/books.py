"""Order books of live depth: updates from the stream, snapshots by REST, never with a hole."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from dita._kernel import OrderBook
from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import VenueBook
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.binance")
#: How many levels of a book are published.
LEVELS: Final = 50
#: Between two snapshots of one instrument: each weighs 20 of 2,400 a minute.
_PAUSE_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
_NAME_AT: Final = len('{"stream":"')


class Books:
    """Keeps the books of some instruments, and tells each change of them.

    A book that is not whole is published as an empty one: who trades on it finds nobody to trade with.
    """

    def __init__(
        self,
        wire: Transport,
        symbols: Iterable[str],
        on_event: Callable[[VenueBook], object],
        clock_ns: Callable[[], int] = time.time_ns,
        fetched: Callable[[str, str], object] | None = None,
    ) -> None:
        """Begin with books that are not whole, and fetch nothing before `begin`.

        Args:
            wire: The transport.
            symbols: The instruments.
            on_event: Called with each event, on the transport's thread; it must not wait.
            clock_ns: This machine's time.
            fetched: Takes the instrument and the text of each snapshot, before the book does.
        """
        self._wire = wire
        self._on_event = on_event
        self._clock_ns = clock_ns
        self._books = {symbol.lower(): OrderBook(symbol) for symbol in symbols}
        self._fetching: set[str] = set()
        self._fetched = fetched
        self._is_open = False
        self._cuts = 0
        self.snapshots = 0

    @property
    def streams(self) -> list[str]:
        """The names of the streams that are needed."""
        return [f"{name}@depth@100ms" for name in self._books]

    @property
    def are_whole(self) -> bool:
        """Whether every book can be traded on."""
        return all(book.last_update is not None for book in self._books.values())

    def book(self, symbol: str) -> OrderBook:
        """Return an instrument's book."""
        return self._books[symbol.lower()]

    def cut(self) -> None:
        """Let go of all books, and fetch none: their stream is gone."""
        self._is_open = False
        self._cuts += 1
        for book in self._books.values():
            book.reset()
            self._tell(book)

    def begin(self) -> None:
        """Let go of all books, and fetch new ones: their stream is open."""
        self.cut()
        self._is_open = True
        for name in self._books:
            self._want(name)

    def take(self, raw: str) -> bool:
        """Take a frame of the combined stream.

        Args:
            raw: The frame's JSON.

        Returns:
            Whether it was depth of one of the books.

        Raises:
            ValueError: It is depth that cannot be read; the book stays as it was.
        """
        name, _, kind = raw[_NAME_AT : _NAME_AT + 60].partition("@")
        book = self._books.get(name)
        if book is None or not kind.startswith("depth"):
            return False
        word = book.take(raw)
        if word == "used" or (word in {"gap", "crossed"}):
            self._tell(book)
        if book.needs_snapshot:
            self._want(name)
        return True

    def _tell(self, book: OrderBook) -> None:
        whole = book.best_bid is not None and book.best_ask is not None
        bids, asks = (tuple(book.bids(LEVELS)), tuple(book.asks(LEVELS))) if whole else ((), ())
        self._on_event(VenueBook(book.symbol, self._clock_ns(), bids, asks))

    def _want(self, name: str) -> None:
        if self._is_open and name not in self._fetching:
            self._fetching.add(name)
            self._wire.spawn(self._fetch(name))

    async def _fetch(self, name: str) -> None:
        """Ask for snapshots until the book is whole."""
        book, tries = self._books[name], 0
        try:
            while self._is_open and book.needs_snapshot:
                # Updates have to come first, so that the snapshot is not older than the stream.
                await asyncio.sleep(_PAUSE_S[min(tries, len(_PAUSE_S) - 1)])
                tries += 1
                try:
                    cuts = self._cuts
                    text = json.dumps(await self._wire.ask(requests.depth(book.symbol)))
                    if cuts != self._cuts:
                        # It may be older than the cut: what came between is not known.
                        continue
                    if self._fetched is not None:
                        self._fetched(book.symbol, text)
                    book.take(text)
                except (Failure, InvalidInput, ValueError) as error:
                    _LOG.warning("book of %s: %s", book.symbol, error)
                self.snapshots += 1
        finally:
            self._fetching.discard(name)
        self._tell(book)
