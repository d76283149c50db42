"""Quotes and trades from CSV files with a header, oldest first."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from dita.errors import shown
from dita.market.bars import fields_of, require_symbol, time_ns
from dita.market.events import MarketKind, Print, Quote
from dita.market.source import MarketFileError, TextSource, decimal_text, price_text

TIME_COLUMNS: Final = ("timestamp", "time", "date", "ts")
QUOTE_COLUMNS: Final = ("bid", "ask")
TRADE_COLUMNS: Final = ("price", "size")
SIZE_COLUMNS: Final = ("bid_size", "ask_size")
_WHOLE: Final = re.compile(r"[0-9]{10,19}")
_STEP_NS: Final = 1_000_000_000


def tick_columns(header: str) -> dict[str, int] | None:
    """Return where the columns of a file of quotes or trades stand; None where it is neither.

    Args:
        header: The file's first line.
    """
    names = [name.strip().lower() for name in header.lstrip("\ufeff").split(",")]
    time = next((name for name in TIME_COLUMNS if name in names), None)
    needed = next(
        (some for some in (QUOTE_COLUMNS, TRADE_COLUMNS) if all(name in names for name in some)), None
    )
    if time is None or needed is None:
        return None
    columns = {name: names.index(name) for name in needed}
    columns["time"] = names.index(time)
    for name in (*SIZE_COLUMNS, "symbol", "buyer_is_maker"):
        if name in names:
            columns[name] = names.index(name)
    return columns


class TickFile:
    """The quotes or the trades of a CSV file, plain or gzipped, checked row by row.

    Columns: a time (ISO 8601, UTC without an offset; or whole seconds, milliseconds, microseconds or
    nanoseconds since 1970), then `bid`, `ask` and perhaps `bid_size`, `ask_size`; or `price`, `size` and
    perhaps `buyer_is_maker`. A column `symbol` must name one instrument.
    """

    def __init__(self, path: Path, symbol: str) -> None:
        """Name the file.

        Args:
            path: The file.
            symbol: The instrument's name.
        """
        self._source = TextSource(path)
        self._symbol = symbol

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
        """The instrument's name, as given."""
        return self._symbol

    @property
    def step_ns(self) -> int:
        """One second: ticks have no length of their own."""
        return _STEP_NS

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._source.fraction_read()

    def __iter__(self) -> Iterator[Quote | Print]:
        """Yield the ticks, oldest first.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        columns: dict[str, int] | None = None
        last_ns, last_time = 0, ""
        for number, line in self._source.lines():
            if columns is None:
                columns = tick_columns(line)
                if columns is None:
                    raise MarketFileError(
                        self._source.path, f"not a header of ticks: {line[:120]!r}", line=number
                    )
            elif line:
                try:
                    row = fields_of(line, columns)
                    tick = self._tick(row, columns)
                    require_order(tick.ts_ns, last_ns, row[columns["time"]], last_time)
                except (ValueError, csv.Error) as error:
                    raise MarketFileError(self._source.path, str(error), line=number) from error
                last_ns, last_time = tick.ts_ns, row[columns["time"]]
                yield tick

    def _tick(self, row: Sequence[str], columns: dict[str, int]) -> Quote | Print:
        require_symbol(row, columns, self._symbol)
        at = tick_time_ns(row[columns["time"]])
        texts = {name: row[columns[name]] for name in columns if name != "time"}
        return (
            print_of(self._symbol, texts, at) if "bid" not in columns else quote_of(self._symbol, texts, at)
        )


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
            "ticks must be in time order"
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
