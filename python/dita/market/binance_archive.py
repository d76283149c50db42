"""Binance's public archive: zipped CSV files of klines, trades, aggregated trades and best quotes.

A file's name says what it holds: `BTCUSDT-1m-2024-01.zip`, `BTCUSDT-trades-2024-01-01.zip`,
`BTCUSDT-aggTrades-...`, `BTCUSDT-bookTicker-...`. Some begin with a header and some do not; times are
milliseconds or microseconds.
"""

import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from dita.errors import shown
from dita.market.bars import BarTime
from dita.market.events import Bar, Event, Print, Quote
from dita.market.recorded import RecordedFile
from dita.market.source import MarketFileError, decimal_text, has_number, price_text

_NAME: Final = re.compile(
    r"(?P<symbol>[A-Z0-9]+(?:_[A-Z0-9]+)?)-(?P<what>[1-9][0-9]{0,2}(?:s|m|h|d|w)|trades|aggTrades|bookTicker)-"
    r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?\.zip"
)
_UNIT_NS: Final = {
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
# A time in milliseconds has 13 digits until the year 2286; in microseconds it has 16.
_MICROSECONDS_FROM: Final = 10**14
_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a kind of file has what."""

    fields: int
    read: Callable[[str, Sequence[str]], Event]


def _bar(symbol: str, row: Sequence[str]) -> Bar:
    first, high, low, last = (
        price_text(row[at], name) for at, name in enumerate(("open", "high", "low", "close"), start=1)
    )
    if not float(low) <= min(float(first), float(last)) <= max(float(first), float(last)) <= float(high):
        raise ValueError(f"high, low: {shown(high)} and {shown(low)} do not hold the open and the close")
    return Bar(symbol, first, high, low, last, decimal_text(row[5], "volume"), _time_ns(row[0], "open_time"))


def _trade(symbol: str, row: Sequence[str]) -> Print:
    price, size = price_text(row[1], "price"), decimal_text(row[2], "qty")
    return Print(symbol, price, size, _flag(row[5]), _time_ns(row[4], "time"))


def _aggregated(symbol: str, row: Sequence[str]) -> Print:
    price, size = price_text(row[1], "price"), decimal_text(row[2], "quantity")
    return Print(symbol, price, size, _flag(row[6]), _time_ns(row[5], "transact_time"))


def _quote(symbol: str, row: Sequence[str]) -> Quote:
    bid, ask = price_text(row[1], "best_bid_price"), price_text(row[3], "best_ask_price")
    sizes = decimal_text(row[2], "best_bid_qty"), decimal_text(row[4], "best_ask_qty")
    if float(bid) > float(ask):
        raise ValueError(f"best_bid_price: {shown(bid)} is above the ask {shown(ask)}")
    return Quote(symbol, bid, sizes[0], ask, sizes[1], _time_ns(row[5], "transaction_time"))


_LAYOUTS: Final = {
    "trades": _Layout(6, _trade),
    "aggTrades": _Layout(7, _aggregated),
    "bookTicker": _Layout(6, _quote),
}
_KLINES: Final = _Layout(6, _bar)


def is_archive(path: Path) -> bool:
    """Whether a file's name is one of the archive's.

    Args:
        path: The file; it is not opened.
    """
    return _NAME.fullmatch(path.name) is not None


class ArchiveFile(RecordedFile):
    """The events of one file of the archive, checked row by row.

    Attributes:
        gaps: How many bars were missing so far, where that is allowed.
        disordered: How many rows were left out so far, where that is allowed.
        allow_disorder: Whether that is allowed.
    """

    def __init__(
        self,
        path: Path,
        symbol: str | None = None,
        *,
        allow_gaps: bool = True,
        allow_disorder: bool = False,
        bar_time: BarTime = "open",
    ) -> None:
        """Name the file.

        Args:
            path: The file.
            symbol: The instrument's name; None means as the file's name says.
            allow_gaps: Whether missing bars are counted; else the first is an error.
            allow_disorder: Whether rows whose time goes back are left out and counted; else the first is an
                error.
            bar_time: The archive states when a bar opens: "close" is refused for bars.

        Raises:
            MarketFileError: The name is none of the archive's, or `bar_time` is not as its files are.
        """
        found = _NAME.fullmatch(path.name)
        if found is None:
            raise MarketFileError(path, "the name is none of Binance's archive, as BTCUSDT-1m-2024-01.zip is")
        super().__init__(path, symbol or found["symbol"])
        self._layout = _LAYOUTS.get(found["what"], _KLINES)
        is_bars = self._layout is _KLINES
        self._length_ns = int(found["what"][:-1]) * _UNIT_NS[found["what"][-1]] if is_bars else 0
        if is_bars and bar_time != "open":
            raise MarketFileError(path, "--bar-time close: Binance's archive states when a bar opens")
        self._allow_gaps = allow_gaps
        self.allow_disorder = allow_disorder
        self._fraction = 0.0
        self.gaps = self.disordered = 0

    @property
    def step_ns(self) -> int:
        """A bar's length; of ticks one second, for they have none."""
        return self._length_ns or _UNIT_NS["s"]

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._fraction

    def __iter__(self) -> Iterator[Event]:
        """Yield the events, oldest first.

        Raises:
            MarketFileError: Naming file, line, field and value of the first thing that cannot be so.
        """
        for _, event in self._numbered():
            yield event

    def place_of(self, at_ns: int, value: str) -> tuple[int | None, str]:
        """Return the line in which a number stands.

        Args:
            at_ns: The time of its event: of a bar its opening.
            value: The number.
        """
        for number, event in self._numbered():
            if event.ts_ns == at_ns and has_number(event, value):
                return number, ""
        return None, ""

    def _numbered(self) -> Iterator[tuple[int, Event]]:
        """The events, each with its line's number from 1."""
        self.gaps = self.disordered = 0
        last_ns = -1
        for number, line in self._lines():
            row = line.split(",")
            if number == 1 and not row[0].isdecimal():
                continue  # a header
            try:
                if len(row) < self._layout.fields:
                    raise ValueError(f"expected at least {self._layout.fields} fields, got {len(row)}")  # noqa: TRY301
                event = self._layout.read(self._symbol, row)
                if self.allow_disorder and event.ts_ns < last_ns + bool(self._length_ns):
                    self.disordered += 1
                    continue
                self._follow(event.ts_ns, last_ns)
            except ValueError as error:
                raise MarketFileError(self.path, str(error), line=number) from error
            last_ns = event.ts_ns
            yield number, event

    def _follow(self, at_ns: int, last_ns: int) -> None:
        """Check an event's time against the one before."""
        if last_ns < 0:
            return
        if at_ns < last_ns or (self._length_ns and at_ns == last_ns):
            raise ValueError(
                f"time: {at_ns // 1_000_000} ms is not after the row above "
                "(--allow-disorder leaves such rows out)"
            )
        missing = (at_ns - last_ns) // self._length_ns - 1 if self._length_ns else 0
        if missing > 0 and not self._allow_gaps:
            raise ValueError(
                f"open_time: {missing} bars are missing before this row; --allow-gaps counts them"
            )
        self.gaps += max(missing, 0)

    def _lines(self) -> Iterator[tuple[int, str]]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = [name for name in archive.namelist() if name.endswith(".csv")]
                if len(names) != 1:
                    raise MarketFileError(self.path, f"holds {len(names)} CSV files, and one is expected")
                size = archive.getinfo(names[0]).file_size
                done = 0
                with TextIOWrapper(archive.open(names[0]), encoding="utf-8", newline="\n") as lines:
                    for number, line in enumerate(lines, start=1):
                        done += len(line)
                        self._fraction = done / max(1, size)
                        if text := line.rstrip("\r\n"):
                            yield number, text
        except zipfile.BadZipFile as error:
            raise MarketFileError(self.path, f"is no whole zip file ({error}); fetch it again") from error
        except UnicodeDecodeError as error:
            raise MarketFileError(self.path, "holds no UTF-8 text") from error
        except OSError as error:
            raise MarketFileError(self.path, f"cannot be read: {error.strerror or error}") from error


def _time_ns(text: str, field: str) -> int:
    if not text.isdecimal() or not 12 <= len(text) <= 17:
        raise ValueError(f"{field}: expected milliseconds or microseconds since 1970, got {shown(text)}")
    number = int(text)
    return number * 1000 if number >= _MICROSECONDS_FROM else number * 1_000_000


def _flag(text: str) -> bool:
    found = _FLAGS.get(text.strip().lower())
    if found is None:
        raise ValueError(f"is_buyer_maker: {shown(text)} is neither true nor false")
    return found
