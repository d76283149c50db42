"""Raw Binance USD-M captures: one line per WebSocket message, `receive time in ns`, a space, the JSON.

Messages keep the recorder's order and its receive times. Depth is handed on only where the book is known to
be whole: updates wait for the snapshot, those that it already contains are dropped, and after a break in the
sequence the book is emptied until the next snapshot (a book with a hole shows liquidity that is not there).
Venue: https://developers.binance.com, "How to manage a local order book correctly".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dita._kernel import MarketReader
from dita.market.events import Depth, Event, MarketKind, Print, Quote
from dita.market.source import opened, rows_of

SAMPLE_STEP_NS: Final = 250_000_000
_QUOTE_FIELDS: Final = len(Quote._fields)


@dataclass(frozen=True, slots=True)
class CaptureCounts:
    """What one iteration has seen so far.

    Attributes:
        lines: Lines.
        bytes: Their bytes, unzipped.
        quotes: bookTicker messages.
        prints: trade messages.
        depth_updates: depthUpdate messages, handed on or not.
        snapshots: whole books.
        levels: levels that were handed on, each a price and a size.
        gaps: breaks in the chain of depth updates (`pu` is not the `u` before it).
        stale_updates: depth updates that the snapshot already contained.
        unused_updates: depth updates dropped for want of a snapshot.
        other: messages that are skipped: of other streams, and what comes between a gap row and a snapshot.
        late_lines: lines received before the line above them; they are given the later time.
        bad_lines: lines that could not be read, skipped where a conversion is set to.
    """

    lines: int = 0
    bytes: int = 0
    quotes: int = 0
    prints: int = 0
    depth_updates: int = 0
    snapshots: int = 0
    levels: int = 0
    gaps: int = 0
    stale_updates: int = 0
    unused_updates: int = 0
    other: int = 0
    late_lines: int = 0
    bad_lines: int = 0


class BinanceL2File:
    """One instrument's capture: bookTicker, depthUpdate, trade and snapshot messages; others are skipped.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        """Look for the first message that names an instrument.

        Args:
            path: The capture, plain or gzipped.

        Raises:
            MarketFileError: Unreadable, or no such message in the first lines.
        """
        self.path = path
        self._symbol = opened(path, lambda: MarketReader.captured_symbol(path))
        self._reader: MarketReader | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def kind(self) -> MarketKind:
        """Recorded."""
        return "real"

    @property
    def symbol(self) -> str:
        """The instrument that the messages name."""
        return self._symbol

    @property
    def step_ns(self) -> int:
        """A quarter of a second, in nanoseconds: quotes come hundreds of times a second."""
        return SAMPLE_STEP_NS

    @property
    def counts(self) -> CaptureCounts:
        """What the last iteration has seen so far."""
        counts = None if self._reader is None else self._reader.counts
        return CaptureCounts(**(counts or {}))

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._reader is None else self._reader.fraction

    def reader(self) -> MarketReader:
        """Return a reader of the file, from its beginning.

        Raises:
            MarketFileError: It cannot be opened.
        """
        return opened(self.path, lambda: MarketReader.capture(self.path, self._symbol))

    def __iter__(self) -> Iterator[Event]:
        """Return the capture's events in its order.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        self._reader = reader = self.reader()
        return l2_events(self.path, reader)


def l2_events(path: Path, reader: MarketReader) -> Iterator[Event]:
    """Yield the quotes, trades and depth that a reader has.

    Args:
        path: The file, for errors.
        reader: Reads it.

    Raises:
        MarketFileError: It has something that cannot be.
    """
    for row in rows_of(path, reader):
        if len(row) == _QUOTE_FIELDS:
            yield Quote._make(row)
        elif isinstance(row[1], str):
            yield Print._make(row)
        else:
            yield Depth._make(row)
