"""Binance's order books: updates from the stream, snapshots by REST, never with a hole."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from dita._kernel import OrderBook
from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.wire.books import LiveBooks
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import VenueBook
from dita.venues.wire.transport import Transport

_LOG: Final = logging.getLogger("dita.venues")
#: Between two snapshots of one instrument: each weighs 20 of 2,400 a minute.
_PAUSE_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
_NAME_AT: Final = len('{"stream":"')


class Books(LiveBooks):
    """Keeps the books of some instruments; snapshots are fetched by REST."""

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
        super().__init__(symbols, on_event, clock_ns)
        self._wire = wire
        self._by_stream = {symbol.lower(): book for symbol, book in self._books.items()}
        self._fetching: set[str] = set()
        self._fetched = fetched
        self._is_open = False
        self._cuts = 0

    @property
    def streams(self) -> list[str]:
        """The names of the streams that are needed."""
        return [f"{name}@depth@100ms" for name in self._by_stream]

    def cut(self) -> None:
        """Empty all books, and fetch none: their stream is gone."""
        self._is_open = False
        self._cuts += 1
        super().cut()

    def begin(self) -> None:
        """Empty all books, and fetch new ones: their stream is open."""
        self.cut()
        self._is_open = True
        for book in self._books.values():
            self._want(book)

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
        book = self._by_stream.get(name)
        if book is None or not kind.startswith("depth"):
            return False
        if book.take(raw) in {"used", "gap", "crossed"}:
            self._publish(book)
        if book.needs_snapshot:
            self._want(book)
        return True

    def _want(self, book: OrderBook) -> None:
        if self._is_open and book.symbol not in self._fetching:
            self._fetching.add(book.symbol)
            self._wire.spawn(self._fetch(book))

    async def _fetch(self, book: OrderBook) -> None:
        """Ask for snapshots until the book is whole."""
        tries = 0
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
            self._fetching.discard(book.symbol)
        self._publish(book)
