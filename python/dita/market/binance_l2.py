"""Raw Binance USD-M captures: one line per WebSocket message, `receive time in ns`, a space, the JSON.

Messages keep the recorder's order and its receive times. Depth is handed on only where the book is known to
be whole: updates wait for the snapshot, those that it already contains are dropped, and after a break in the
sequence the book is emptied until the next snapshot (a book with a hole shows liquidity that is not there).
Venue: https://developers.binance.com, "How to manage a local order book correctly".
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from dita.errors import shown
from dita.market.events import Depth, Event, Level, MarketKind, Print, Quote
from dita.market.source import MarketFileError, TextSource, decimal_text, price_text

Message: TypeAlias = dict[str, Any]

SAMPLE_STEP_NS: Final = 250_000_000
SYMBOL_LINES_MAX: Final = 10_000
WAITING_UPDATES_MAX: Final = 10_000


@dataclass(slots=True)
class CaptureCounts:
    """What one iteration has seen so far.

    Attributes:
        quotes: bookTicker messages.
        prints: trade messages.
        depth_updates: depthUpdate messages, handed on or not.
        snapshots: whole books.
        gaps: breaks in the chain of depth updates (`pu` is not the `u` before it).
        stale_updates: depth updates that the snapshot already contained.
        unused_updates: depth updates dropped for want of a snapshot.
        other: messages of other streams, skipped.
        late_lines: lines received before the line above them; they are given the later time.
    """

    quotes: int = 0
    prints: int = 0
    depth_updates: int = 0
    snapshots: int = 0
    gaps: int = 0
    stale_updates: int = 0
    unused_updates: int = 0
    other: int = 0
    late_lines: int = 0


class DepthSequence:
    """The book's sequence numbers: which depth messages may be handed on, and as what."""

    def __init__(self, symbol: str, counts: CaptureCounts) -> None:
        """Start without a book.

        Args:
            symbol: The instrument's name, for the events made.
            counts: Where gaps and drops are counted.
        """
        self._symbol = symbol
        self._counts = counts
        self._waiting: deque[Message] = deque()
        self._snapshot_id = -1
        self._last_update_id = -1
        self._linked = False
        self._whole = False

    def on_snapshot(self, message: Message, ts_ns: int) -> Iterator[Depth]:
        """Hand on the whole book, then the updates that had waited for it."""
        self._snapshot_id = int(message["lastUpdateId"])
        self._whole, self._linked = True, False
        self._counts.snapshots += 1
        yield self._depth(message["bids"], message["asks"], ts_ns, snapshot=True)
        while self._waiting:
            yield from self._apply(self._waiting.popleft(), ts_ns)

    def on_update(self, message: Message, ts_ns: int) -> Iterator[Depth]:
        """Hand on an update, hold it until the snapshot, or empty the book where the chain broke."""
        self._counts.depth_updates += 1
        if self._whole:
            yield from self._apply(message, ts_ns)
            return
        if self._waiting and int(message["pu"]) != int(self._waiting[-1]["u"]):
            self._counts.gaps += 1
            self._counts.unused_updates += len(self._waiting)
            self._waiting.clear()
        if len(self._waiting) == WAITING_UPDATES_MAX:
            self._waiting.popleft()
            self._counts.unused_updates += 1
        self._waiting.append(message)

    def _apply(self, message: Message, ts_ns: int) -> Iterator[Depth]:
        first, last = int(message["U"]), int(message["u"])
        if not self._linked and last < self._snapshot_id:
            self._counts.stale_updates += 1
            return
        fits = int(message["pu"]) == self._last_update_id if self._linked else first <= self._snapshot_id
        if not fits:
            self._counts.gaps += 1
            self._whole, self._linked = False, False
            self._waiting.append(message)
            yield Depth(self._symbol, (), (), snapshot=True, ts_ns=ts_ns)
            return
        self._linked, self._last_update_id = True, last
        yield self._depth(message["b"], message["a"], ts_ns, snapshot=False)

    def _depth(self, bids: list[list[str]], asks: list[list[str]], ts_ns: int, *, snapshot: bool) -> Depth:
        return Depth(self._symbol, _levels(bids, "bids"), _levels(asks, "asks"), snapshot, ts_ns)

    def finish(self) -> None:
        """Count what still waited when the file ended."""
        self._counts.unused_updates += len(self._waiting)
        self._waiting.clear()


class BinanceL2File:
    """One instrument's capture: bookTicker, depthUpdate, trade and snapshot messages; others are skipped.

    `counts` tells what the last iteration saw.
    """

    def __init__(self, path: Path) -> None:
        """Look for the first message that names an instrument.

        Args:
            path: The capture, plain or gzipped.

        Raises:
            MarketFileError: Unreadable, or no such message in the first lines.
        """
        self._source = TextSource(path)
        self.counts = CaptureCounts()
        self._symbol = self._find_symbol()

    @property
    def name(self) -> str:
        """The file's name."""
        return self._source.path.name

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

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.fraction_read()

    def __iter__(self) -> Iterator[Event]:
        """Yield the capture's events in its order.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        self.counts = counts = CaptureCounts()
        sequence = DepthSequence(self._symbol, counts)
        previous_ns = 0
        for number, line in self._source.lines():
            if not line:
                continue
            try:
                ts_ns, message = split_line(line)
                if ts_ns < previous_ns:
                    counts.late_lines += 1
                    ts_ns = previous_ns
                previous_ns = ts_ns
                yield from self._events(message, ts_ns, sequence)
            except KeyError as error:
                message_text = f"{error.args[0]}: the message has no such field"
                raise MarketFileError(self._source.path, message_text, line=number) from error
            except (ValueError, TypeError) as error:
                raise MarketFileError(self._source.path, str(error), line=number) from error
        sequence.finish()

    def _events(self, message: Message, ts_ns: int, sequence: DepthSequence) -> Iterator[Event]:
        kind = message.get("e")
        if kind == "bookTicker":
            self._require_symbol(message)
            self.counts.quotes += 1
            yield _quote(message, ts_ns)
        elif kind == "depthUpdate":
            self._require_symbol(message)
            yield from sequence.on_update(message, ts_ns)
        elif kind == "trade":
            self._require_symbol(message)
            self.counts.prints += 1
            yield _print(message, ts_ns)
        elif "lastUpdateId" in message:
            yield from sequence.on_snapshot(message, ts_ns)
        else:
            self.counts.other += 1

    def _require_symbol(self, message: Message) -> None:
        if message["s"] != self._symbol:
            raise ValueError(
                f"s: {shown(message['s'])} after {shown(self._symbol)}; a capture holds one instrument"
            )

    def _find_symbol(self) -> str:
        for number, line in self._source.lines():
            if line:
                try:
                    symbol = split_line(line)[1].get("s")
                except ValueError as error:
                    raise MarketFileError(self._source.path, str(error), line=number) from error
                if isinstance(symbol, str):
                    return symbol
            if number == SYMBOL_LINES_MAX:
                break
        raise MarketFileError(self._source.path, "s: no message names an instrument")


def split_line(line: str) -> tuple[int, Message]:
    """Return a line's receive time in nanoseconds and its message, out of the stream's envelope.

    Args:
        line: One line of a capture.

    Raises:
        ValueError: The line is not a receive time and a JSON object.
    """
    stamp, _, text = line.partition(" ")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) == 19):
        raise ValueError(f"receive time: expected 19 digits (nanoseconds since 1970), got {stamp[:40]!r}")
    try:
        message = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the message is not JSON ({error}): {text[:60]!r}") from error
    except RecursionError:
        raise ValueError(f"the message is nested too deeply: {text[:60]!r}") from None
    if isinstance(message, dict):
        message = message.get("data", message)
    if not isinstance(message, dict):
        raise ValueError(f"expected a JSON object, got {text[:60]!r}")  # noqa: TRY004 - the file is wrong
    return int(stamp), message


def _quote(message: Message, ts_ns: int) -> Quote:
    return Quote(
        message["s"],
        price_text(message["b"], "b"),
        decimal_text(message["B"], "B"),
        price_text(message["a"], "a"),
        decimal_text(message["A"], "A"),
        ts_ns,
    )


def _print(message: Message, ts_ns: int) -> Print:
    price, size = price_text(message["p"], "p"), decimal_text(message["q"], "q")
    return Print(message["s"], price, size, bool(message["m"]), ts_ns)


def _levels(rows: list[list[str]], field: str) -> list[Level]:
    levels = []
    for row in rows:
        if len(row) < 2:
            raise ValueError(f"{field}: a level needs a price and a size, got {shown(row)}")
        levels.append((price_text(row[0], field), decimal_text(row[1], field)))
    return levels
