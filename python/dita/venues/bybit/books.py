"""Bybit's order books: a snapshot on the stream, then changes whose numbers have no gap."""

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from dita._kernel import OrderBook
from dita.venues.wire import reading
from dita.venues.wire.books import LiveBooks
from dita.venues.wire.market import VenueBook

_LOG: Final = logging.getLogger("dita.venues")
DEPTH: Final = 200


class Books(LiveBooks):
    """Keeps the books of some instruments. After a gap the topic is subscribed anew: that brings a snapshot.

    Attributes:
        gaps: How often a number was missing.
    """

    def __init__(
        self,
        symbols: Iterable[str],
        on_event: Callable[[VenueBook], object],
        again: Callable[[str], object],
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Begin with books that are not whole.

        Args:
            symbols: The instruments.
            on_event: Called with each event; it must not wait.
            again: Subscribes to a topic anew.
            clock_ns: This machine's time.
        """
        super().__init__(symbols, on_event, clock_ns)
        self._again = again
        self._wanted: set[str] = set()
        self.gaps = 0

    @property
    def topics(self) -> list[str]:
        """The topics that are needed."""
        return [f"orderbook.{DEPTH}.{symbol}" for symbol in self._books]

    def cut(self) -> None:
        """Empty all books: their stream is gone."""
        self._wanted.clear()
        super().cut()

    def take(self, frame: dict[str, Any]) -> bool:
        """Take a frame.

        Args:
            frame: Its JSON.

        Returns:
            Whether it was depth of one of the books.

        Raises:
            InvalidInput: It is depth that cannot be read.
            ValueError: As above.
        """
        topic = str(frame.get("topic", ""))
        if not topic.startswith(f"orderbook.{DEPTH}."):
            return False
        data = reading.record(frame.get("data"), "data")
        book = self._books.get(reading.text(data, "s"))
        if book is None:
            return False
        if frame.get("type") == "snapshot" or data.get("u") == 1:
            self._begin(book, data)
        elif topic not in self._wanted:
            self._change(book, data, topic)
        return True

    def _begin(self, book: OrderBook, data: dict[str, Any]) -> None:
        book.reset()
        self._wanted.discard(f"orderbook.{DEPTH}.{book.symbol}")
        self.snapshots += 1
        # The book in the core reads one venue's form of depth; this one's says the same in other words.
        whole = {"lastUpdateId": data.get("u"), "bids": data.get("b"), "asks": data.get("a")}
        word = book.take(json.dumps(whole))
        if word == "waiting" or book.last_update is None:
            _LOG.debug("book of %s: %s", book.symbol, word)
        self._publish(book)

    def _change(self, book: OrderBook, data: dict[str, Any], topic: str) -> None:
        number = data.get("u")
        before = book.last_update
        if before is None or not isinstance(number, int) or number != before + 1:
            self.gaps += 1
            _LOG.warning("book of %s: %s does not follow %s: subscribed anew", book.symbol, number, before)
            book.reset()
            self._wanted.add(topic)
            self._again(topic)
            self._publish(book)
            return
        change = {
            "e": "depthUpdate", "s": book.symbol, "U": number, "u": number, "pu": before,
            "E": 0, "T": 0, "b": data.get("b"), "a": data.get("a"),
        }  # fmt: skip
        if book.take(json.dumps(change)) != "used":
            self._wanted.add(topic)
            self._again(topic)
        self._publish(book)
