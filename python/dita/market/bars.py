"""Candle files: CSV with a header, one row per interval, oldest first."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TypeAlias

from dita._kernel import MarketReader
from dita.errors import shown
from dita.market.events import Bar
from dita.market.recorded import RecordedFile
from dita.market.source import decimal_text, line_of, opened, price_text, rows_of

BarTime: TypeAlias = Literal["open", "close"]
"""Whether a file states when a bar opens, or when it closes."""

PRICE_COLUMNS: Final = ("open", "high", "low", "close")
_DAY_DIGITS: Final = len("20240101")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class BarFile(RecordedFile):
    """The bars of a CSV file, plain or gzipped, validated row by row.

    Times without an offset are UTC, and mean the start of the interval where nothing else is said. A
    column `symbol` must name one
    instrument.

    Attributes:
        path: The file.
        gaps: How many bars were missing so far, where that is allowed.
        disordered: How many rows were left out so far, where that is allowed.
        interval_ns: One bar, in nanoseconds, as the first two rows tell it.
        allow_disorder: Whether rows whose time goes back are left out.
        bar_time: Whether the file states when a bar opens, or when it closes.
    """

    def __init__(
        self,
        path: Path,
        symbol: str,
        *,
        allow_gaps: bool = True,
        allow_disorder: bool = False,
        bar_time: BarTime = "open",
    ) -> None:
        """Read the header and the first two rows, which tell the interval.

        Args:
            path: The file.
            symbol: The instrument's name, which such files do not hold.
            allow_gaps: Whether missing bars are counted; else the first is an error.
            allow_disorder: Whether rows whose time goes back are left out and counted; else the first is an
                error.
            bar_time: Whether the file states when a bar opens, or when it closes.

        Raises:
            MarketFileError: Unreadable, no such header, or a wrong value in the first rows.
        """
        super().__init__(path, symbol)
        self._allow_gaps = allow_gaps
        self.allow_disorder = allow_disorder
        self.bar_time = bar_time
        self._reader: MarketReader | None = None
        self.gaps = self.disordered = 0
        self.interval_ns = opened(
            path, lambda: MarketReader.measure(path, symbol, allow_disorder=allow_disorder)
        )

    @property
    def step_ns(self) -> int:
        """One bar, in nanoseconds."""
        return self.interval_ns

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._reader is None else self._reader.fraction

    def reader(self) -> MarketReader:
        """Return a reader of the file, from its beginning.

        Raises:
            MarketFileError: It cannot be opened.
        """
        return opened(
            self.path,
            lambda: MarketReader.bars(
                self.path,
                self._symbol,
                self.interval_ns,
                allow_gaps=self._allow_gaps,
                allow_disorder=self.allow_disorder,
                closing_times=self.bar_time == "close",
            ),
        )

    def place_of(self, at_ns: int, value: str) -> tuple[int | None, str]:
        """Return the line in which a number stands.

        Args:
            at_ns: When its bar opens.
            value: The number.
        """
        return line_of(self.reader(), at_ns, value), ""

    def __iter__(self) -> Iterator[Bar]:
        """Yield the bars, oldest first.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        self._reader = reader = self.reader()
        for row in rows_of(self.path, reader):
            self.gaps, self.disordered = reader.gaps, reader.disordered
            yield Bar._make(row)


def length_of(first_ns: int, second_ns: int | None) -> int:
    """Return the length of a file's bars, ns: how far its first two are apart; a minute where there is one.

    Args:
        first_ns: When the first begins.
        second_ns: When the second begins; None where there is none.

    Raises:
        ValueError: They are no whole seconds apart.
    """
    length_ns = 60_000_000_000 if second_ns is None else second_ns - first_ns
    if length_ns % 1_000_000_000:
        raise ValueError(
            f"timestamp: the first two rows are {_seconds(length_ns)} apart; whole seconds are needed"
        )
    return length_ns


class Spacing:
    """How far bars are apart: in order, not closer than their length, and with how many missing."""

    def __init__(self, length_ns: int, *, allow_gaps: bool) -> None:
        """Begin with the first bar.

        Args:
            length_ns: A bar's length; 0 where it is not known yet.
            allow_gaps: Whether missing bars are counted; else the first is an error.
        """
        self._length_ns = length_ns
        self._allow_gaps = allow_gaps
        self._last_ns = -1

    def missing_before(self, at_ns: int) -> int:
        """Return how many bars are missing before one.

        Args:
            at_ns: When it begins.

        Raises:
            ValueError: It is before 1970, not after the one before, too close to it, or bars are missing.
        """
        _require_later(at_ns, self._last_ns)
        step_ns = at_ns - self._last_ns if self._last_ns >= 0 else self._length_ns
        self._last_ns = at_ns
        if self._length_ns and step_ns < self._length_ns:
            raise ValueError(
                f"timestamp: {_seconds(step_ns)} after the row before, but the first two rows are "
                f"{_seconds(self._length_ns)} apart, which is taken for the bars' length"
            )
        missing = 0 if not self._length_ns else step_ns // self._length_ns - 1
        if missing > 0 and not self._allow_gaps:
            raise ValueError(
                f"timestamp: {missing} bars are missing before this row; --allow-gaps counts them"
            )
        return max(missing, 0)


def _seconds(length_ns: int) -> str:
    return f"{Decimal(length_ns) / 1_000_000_000:f} s"


def bar_of(symbol: str, texts: Mapping[str, str], at_ns: int) -> Bar:
    """Return a bar, with its prices and its volume checked.

    Args:
        symbol: The instrument.
        texts: Open, high, low, close and volume by name.
        at_ns: When it begins.

    Raises:
        ValueError: One cannot be; by field and value.
    """
    first, high, low, last = (price_text(texts[name], name) for name in PRICE_COLUMNS)
    _require_ordered(first, high, low, last)
    return Bar(symbol, first, high, low, last, decimal_text(texts["volume"], "volume"), at_ns)


def _require_ordered(first: str, high: str, low: str, last: str) -> None:
    lowest, highest = Decimal(low), Decimal(high)
    if highest < lowest:
        raise ValueError(f"high: {shown(high)} is below low {shown(low)}")
    for name, price in (("open", first), ("close", last)):
        if not lowest <= Decimal(price) <= highest:
            raise ValueError(f"{name}: {shown(price)} is outside of low {shown(low)} and high {shown(high)}")


def _require_later(at_ns: int, previous_ns: int) -> None:
    if at_ns < 0:
        raise ValueError(f"timestamp: {shown(_time_text(at_ns))} is before 1970")
    if at_ns <= previous_ns:
        raise ValueError(
            f"timestamp: {shown(_time_text(at_ns))} is not after the row before; bars must be in time order "
            "(--allow-disorder leaves such rows out)"
        )


def _time_text(at_ns: int) -> str:
    return (_EPOCH + timedelta(microseconds=at_ns // 1000)).isoformat()


def time_ns(text: str) -> int:
    """Return an ISO 8601 time, ns since 1970; without an offset it is UTC.

    Args:
        text: As the file has it.

    Raises:
        ValueError: It is none.
    """
    try:
        # Python reads more digits than a day's as a day and a time of it: 1704081600000 as a day of 1704.
        moment = None if len(text) > _DAY_DIGITS and text.isdecimal() else datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(f"timestamp: expected an ISO 8601 time, got {shown(text)}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND * 1000
