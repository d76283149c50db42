"""Quotes and trades from CSV files with a header, oldest first."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from dita._kernel import MarketReader
from dita.errors import shown
from dita.market.bars import time_ns
from dita.market.events import Print, Quote
from dita.market.recorded import RecordedFile
from dita.market.source import decimal_text, line_of, opened, price_text, rows_of

TIME_COLUMNS: Final = ("timestamp", "time", "date", "datetime", "open_time", "ts")
QUOTE_COLUMNS: Final = ("bid", "ask")
TRADE_COLUMNS: Final = ("price", "size")
SIZE_COLUMNS: Final = ("bid_size", "ask_size")
_WHOLE: Final = re.compile(r"[0-9]{10,19}")
_STEP_NS: Final = 1_000_000_000
_QUOTE_FIELDS: Final = len(Quote._fields)


class TickFile(RecordedFile):
    """The quotes or the trades of a CSV file, plain or gzipped, checked row by row.

    Columns: a time (ISO 8601, UTC without an offset; or whole seconds, milliseconds, microseconds or
    nanoseconds since 1970), then `bid`, `ask` and perhaps `bid_size`, `ask_size`; or `price`, `size` and
    perhaps `buyer_is_maker`. A column `symbol` must name one instrument.

    Attributes:
        path: The file.
        disordered: How many rows were left out so far, where that is allowed.
        allow_disorder: Whether that is allowed.
    """

    def __init__(self, path: Path, symbol: str, *, allow_disorder: bool = False) -> None:
        """Name the file.

        Args:
            path: The file.
            symbol: The instrument's name.
            allow_disorder: Whether rows whose time goes back are left out and counted; else the first is an
                error.
        """
        super().__init__(path, symbol)
        self.allow_disorder = allow_disorder
        self._reader: MarketReader | None = None
        self.disordered = 0

    @property
    def step_ns(self) -> int:
        """One second: ticks have no length of their own."""
        return _STEP_NS

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
            lambda: MarketReader.ticks(self.path, self._symbol, allow_disorder=self.allow_disorder),
        )

    def place_of(self, at_ns: int, value: str) -> tuple[int | None, str]:
        """Return the line in which a number stands.

        Args:
            at_ns: When its tick was.
            value: The number.
        """
        return line_of(self.reader(), at_ns, value), ""

    def __iter__(self) -> Iterator[Quote | Print]:
        """Yield the ticks, oldest first.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        self._reader = reader = self.reader()
        for row in rows_of(self.path, reader):
            self.disordered = reader.disordered
            yield Quote._make(row) if len(row) == _QUOTE_FIELDS else Print._make(row)


def print_of(symbol: str, texts: Mapping[str, str], at_ns: int) -> Print:
    """Return a trade of others, checked.

    Args:
        symbol: The instrument.
        texts: Price, size and perhaps buyer_is_maker by name.
        at_ns: When it was.

    Raises:
        ValueError: One cannot be; by field and value.
    """
    price, size = price_text(texts["price"], "price"), decimal_text(texts["size"], "size")
    maker = texts.get("buyer_is_maker", "false").lower()
    if maker not in ("true", "false", "1", "0"):
        raise ValueError(f"buyer_is_maker: {shown(maker)} is neither true nor false")
    return Print(symbol, price, size, maker in ("true", "1"), at_ns)


def quote_of(symbol: str, texts: Mapping[str, str], at_ns: int) -> Quote:
    """Return a best bid and ask, checked.

    Args:
        symbol: The instrument.
        texts: Bid, ask and perhaps their sizes by name.
        at_ns: When it was.

    Raises:
        ValueError: One cannot be; by field and value.
    """
    bid, ask = price_text(texts["bid"], "bid"), price_text(texts["ask"], "ask")
    if Decimal(bid) > Decimal(ask):
        raise ValueError(f"bid: {shown(bid)} is above ask {shown(ask)}")
    sizes = [decimal_text(texts[name], name) if name in texts else None for name in SIZE_COLUMNS]
    return Quote(symbol, bid, sizes[0], ask, sizes[1], at_ns)


def require_order(at_ns: int, last_ns: int, text: str, last_text: str) -> None:
    """Check that a tick is not before the one above it.

    Args:
        at_ns: When it was.
        last_ns: When the one above it was.
        text: Its time as the file has it.
        last_text: That of the one above.

    Raises:
        ValueError: It is, or it is before 1970.
    """
    if at_ns < 0:
        raise ValueError(f"timestamp: {shown(text)} is before 1970")
    if at_ns < last_ns:
        raise ValueError(
            f"timestamp: {shown(text)} is before {shown(last_text)} of the row above; "
            "ticks must be in time order (--allow-disorder leaves such rows out)"
        )


def tick_time_ns(text: str) -> int:
    """Return a time, ns since 1970: of ISO 8601, or of a whole number whose length tells its unit.

    Args:
        text: As the file has it.

    Raises:
        ValueError: It is neither.
    """
    if _WHOLE.fullmatch(text):
        number = int(text)
        for bound, factor in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
            if number < bound:
                return number * factor
        return number
    return time_ns(text)
