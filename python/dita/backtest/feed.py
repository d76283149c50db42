"""Which of a market's events are played, what funding a file tells, and times for reports."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from dita.errors import refuse
from dita.extras import missing
from dita.market import Bar, Event, Market
from dita.market.parquet import is_parquet
from dita.market.ticks import tick_time_ns


def timed(
    market: Market, *, start_ns: int | None = None, end_ns: int | None = None
) -> Iterator[tuple[int, Event]]:
    """Yield the events of a market that are played, each with the time of its dispatch: a bar's close.

    Args:
        market: The market.
        start_ns: Bars that open and ticks that come before it are left out.
        end_ns: Bars that close after it are left out, and ticks at it or after it. The market is read no
            further.
    """
    length_ns = market.step_ns
    for event in market:
        if start_ns is not None and event.ts_ns < start_ns:
            continue
        is_bar = isinstance(event, Bar)
        at = event.ts_ns + length_ns if is_bar else event.ts_ns
        # A bar that closes at the end is known then; a tick at the end is the next window's.
        if end_ns is not None and (at > end_ns or (at == end_ns and not is_bar)):
            return
        yield at, event


@dataclass(frozen=True, slots=True)
class FundingRow:
    """One boundary of one instrument.

    Attributes:
        time_ns: The boundary.
        symbol: The instrument.
        rate: Of the position's value; longs pay a positive one.
        mark: The mark at the boundary; None where the file has none.
    """

    time_ns: int
    symbol: str
    rate: Decimal
    mark: Decimal | None


def read_funding(path: Path, symbols: Sequence[str]) -> list[FundingRow]:
    """Read a file `time,symbol,rate,mark`, CSV or Parquet, oldest first.

    Args:
        path: The file.
        symbols: The instruments of the run; rows of others are an error.

    Raises:
        InvalidInput: It cannot be read, or a row is wrong; by line and field.
    """
    rows: list[FundingRow] = []
    last: dict[str, int] = {}
    try:
        for number, row in _parquet_rows(path) if is_parquet(path) else _csv_rows(path):
            place = f"{path.name}, {number}"
            one = _funding_row(row, place, symbols)
            if rows and one.time_ns < rows[-1].time_ns:
                raise refuse(f"{place}: time", row["time"], "is before the row above")
            if last.get(one.symbol) == one.time_ns:
                raise refuse(f"{place}: time", row["time"], f"is there twice for {one.symbol}")
            last[one.symbol] = one.time_ns
            rows.append(one)
    except OSError as error:
        raise refuse("funding", str(path), error.strerror or "cannot be read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse("funding", str(path), f"is no CSV: {error}") from error
    if not rows:
        raise refuse("funding", str(path), "has no rows under a header time,symbol,rate,mark")
    return rows


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            yield f"line {number}", row


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a Parquet file with a CSV's columns: texts, and times as timestamps."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise refuse("funding", str(path), missing("a Parquet file", "parquet")) from error
    try:
        table = parquet.read_table(path)
    except pa.ArrowException as error:
        raise refuse("funding", str(path), f"cannot be read: {str(error).partition(chr(10))[0]}") from error
    for number, row in enumerate(table.to_pylist(), start=1):
        yield f"row {number}", {name: "" if value is None else str(value) for name, value in row.items()}


def _funding_row(row: dict[str, str], place: str, symbols: Sequence[str]) -> FundingRow:
    for name in ("time", "symbol", "rate"):
        if not row.get(name):
            raise refuse(
                f"{place}: {name}", row.get(name), "is needed: the columns are time,symbol,rate,mark"
            )
    if row["symbol"] not in symbols:
        raise refuse(f"{place}: symbol", row["symbol"], f"is none of {', '.join(symbols)}")
    try:
        at = tick_time_ns(row["time"])
    except ValueError as error:
        why = "is neither an ISO 8601 time nor a whole number since 1970"
        raise refuse(f"{place}: time", row["time"], why) from error
    if at < 0:
        raise refuse(f"{place}: time", row["time"], "is before 1970")
    rate = _decimal(row["rate"], f"{place}: rate")
    if abs(rate) > 1:
        raise refuse(f"{place}: rate", row["rate"], "must be a fraction of the value, from -1 to 1")
    return FundingRow(at, row["symbol"], rate, _mark(row, place))


def _mark(row: dict[str, str], place: str) -> Decimal | None:
    if not row.get("mark"):
        return None
    mark = _decimal(row["mark"], f"{place}: mark")
    if mark <= 0:
        raise refuse(f"{place}: mark", row["mark"], "must be above zero")
    return mark


def _decimal(text: str, place: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise refuse(place, text, "is no decimal") from None
    if not number.is_finite():
        raise refuse(place, text, "must be finite")
    return number


def time_text(at_ns: int) -> str:
    """Return a time for a report: to the second, UTC.

    Args:
        at_ns: Nanoseconds since 1970.
    """
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def window_text(start_ns: int | None, end_ns: int | None) -> str:
    """Return which part of the markets is played, for a report.

    Args:
        start_ns: Where it begins; None is the markets' beginning.
        end_ns: Where it ends; None is their end.
    """
    if start_ns is None and end_ns is None:
        return "the whole of the markets"
    begin = "the beginning" if start_ns is None else f"{time_text(start_ns)} UTC"
    end = "the end" if end_ns is None else f"{time_text(end_ns)} UTC, which is not played"
    return f"from {begin} to {end}"
