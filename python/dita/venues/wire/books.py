"""Live order books: what every venue's share. How a book begins and what follows what is each venue's own."""

from collections.abc import Callable, Iterable
from typing import Final

from dita._kernel import OrderBook
from dita.venues.wire.market import VenueBook

#: How many levels of a book are published.
LEVELS: Final = 50


class LiveBooks:
    """Keeps the books of some instruments, and publishes each change.

    A book that is not whole is published as an empty one, so that nothing trades on it.

    Attributes:
        snapshots: How often a book began anew.
    """

    def __init__(
        self, symbols: Iterable[str], on_event: Callable[[VenueBook], object], clock_ns: Callable[[], int]
    ) -> None:
        """Begin with books that are not whole.

        Args:
            symbols: The instruments.
            on_event: Called with each event, on the transport's thread; it must not wait.
            clock_ns: This machine's time.
        """
        self._on_event = on_event
        self._clock_ns = clock_ns
        self._books = {symbol: OrderBook(symbol) for symbol in symbols}
        self.snapshots = 0

    @property
    def are_whole(self) -> bool:
        """Whether every book can be traded on."""
        return all(book.last_update is not None for book in self._books.values())

    def book(self, symbol: str) -> OrderBook:
        """Return an instrument's book."""
        return self._books[symbol]

    def cut(self) -> None:
        """Empty all books: their stream is gone."""
        for book in self._books.values():
            book.reset()
            self._publish(book)

    def _publish(self, book: OrderBook) -> None:
        whole = book.best_bid is not None and book.best_ask is not None
        bids, asks = (tuple(book.bids(LEVELS)), tuple(book.asks(LEVELS))) if whole else ((), ())
        self._on_event(VenueBook(book.symbol, self._clock_ns(), bids, asks))
