"""Bars, quotes and trades from Parquet files: the CSV files' columns, a few thousand rows at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.errors import shown
from dita.extras import missing
from dita.market.bars import PRICE_COLUMNS, BarTime, Spacing, bar_of, length_of
from dita.market.events import Bar, Event
from dita.market.recorded import RecordedFile
from dita.market.source import MarketFileError, has_number
from dita.market.ticks import (
    QUOTE_COLUMNS,
    SIZE_COLUMNS,
    TIME_COLUMNS,
    TRADE_COLUMNS,
    print_of,
    quote_of,
    require_order,
    tick_time_ns,
)

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]
    from pyarrow.parquet import (  # type: ignore[import-untyped,unused-ignore]
        ParquetFile as Reader,
    )

MAGIC: Final = b"PAR1"
BAR_COLUMNS: Final = (*PRICE_COLUMNS, "volume")
EXPECTED: Final = (
    f"expected a time ({', '.join(TIME_COLUMNS)}) and {', '.join(BAR_COLUMNS)}; "
    f"or {', '.join(QUOTE_COLUMNS)}; or {', '.join(TRADE_COLUMNS)}"
)
_OPTIONAL: Final = (*SIZE_COLUMNS, "symbol", "buyer_is_maker")
_ROWS: Final = 8_192
_STEP_NS: Final = 1_000_000_000
_UNIT_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DAY_NS: Final = 86_400_000_000_000


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet files do.

    Args:
        path: The file.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class ParquetFile(RecordedFile):
    """The events of a Parquet file, checked row by row.

    Columns as in the CSV files: a time and `open high low close volume`, or `bid ask` and perhaps their
    sizes, or `price size` and perhaps `buyer_is_maker`; perhaps `symbol`, which must name one instrument.
    Prices and sizes are decimals, text, integers or 64-bit floats; a float counts as the shortest decimal
    that it is written as. Times are timestamps (UTC where they name no zone), dates, text, or integers
    since 1970 whose length tells their unit. Other types are refused by name.

    Attributes:
        gaps: How many bars were missing so far, where that is allowed.
        disordered: How many rows were left out so far, where that is allowed.
        allow_disorder: Whether that is allowed.
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
        """Read the schema, and of bars the first two rows, which tell their length.

        Args:
            path: The file.
            symbol: The instrument's name.
            allow_gaps: Whether missing bars are counted; else the first is an error.
            allow_disorder: Whether rows whose time goes back are left out and counted; else the first is an
                error.
            bar_time: Whether the file states when a bar opens, or when it closes.

        Raises:
            MarketFileError: Unreadable, another schema, no pyarrow, or a wrong value in the first rows.
        """
        super().__init__(path, symbol)
        self._allow_gaps = allow_gaps
        self.allow_disorder = allow_disorder
        self.bar_time = bar_time
        self._fraction = 0.0
        self.gaps = self.disordered = 0
        with self._opened() as reader:
            self._columns = self._checked(reader.schema_arrow)
        self._length_ns = 0
        if "open" in self._columns:
            self._length_ns = self._measured()

    @property
    def step_ns(self) -> int:
        """A bar's length, ns; of ticks one second, for they have none."""
        return self._length_ns or _STEP_NS

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._fraction

    def __iter__(self) -> Iterator[Event]:
        """Yield the events, oldest first.

        Raises:
            MarketFileError: Naming file, row, field and value of the first thing that cannot be so.
        """
        for _, event in self._numbered():
            yield event

    def place_of(self, at_ns: int, value: str) -> tuple[int | None, str]:
        """Return the row in which a number stands.

        Args:
            at_ns: The time of its event: of a bar its opening.
            value: The number.
        """
        for number, event in self._numbered():
            if event.ts_ns == at_ns and has_number(event, value):
                return None, f"row {number}: "
        return None, ""

    def _numbered(self) -> Iterator[tuple[int, Event]]:
        """The events, each with its row's number from 1."""
        self.gaps = self.disordered = 0
        spacing = Spacing(self._length_ns, allow_gaps=self._allow_gaps)
        last_ns, last_time = -1 if self._length_ns else 0, ""
        shift_ns = self._length_ns if self.bar_time == "close" else 0
        for number, row in self._rows():
            try:
                event, time = self._event(row)
                if self.allow_disorder and 0 <= event.ts_ns < last_ns + bool(self._length_ns):
                    self.disordered += 1
                    continue
                if isinstance(event, Bar):
                    self.gaps += spacing.missing_before(event.ts_ns)
                else:
                    require_order(event.ts_ns, last_ns, time, last_time)
            except ValueError as error:
                raise MarketFileError(self.path, f"row {number}: {error}") from error
            last_ns, last_time = event.ts_ns, time
            yield number, event._replace(ts_ns=event.ts_ns - shift_ns) if shift_ns else event

    def _event(self, row: Mapping[str, object]) -> tuple[Event, str]:
        texts = {name: _text(value, name) for name, value in row.items() if name != "time"}
        if texts.pop("symbol", self._symbol) != self._symbol:
            raise ValueError(
                f"symbol: {shown(row['symbol'])} is not {self._symbol}; a file holds one instrument, and "
                "--symbol names it"
            )
        at, time = _time_ns(row["time"])
        made: Callable[[str, Mapping[str, str], int], Event]
        made = bar_of if "open" in texts else quote_of if "bid" in texts else print_of
        return made(self._symbol, texts, at), time

    def _rows(self) -> Iterator[tuple[int, dict[str, object]]]:
        """Row number from 1, and values by our names: with a few thousand rows in memory."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        number = 0
        try:
            with self._opened() as reader:
                count = reader.metadata.num_rows
                for batch in reader.iter_batches(_ROWS, columns=list(self._columns.values())):
                    values = [_values(batch.column(column)) for column in self._columns.values()]
                    for row in zip(*values, strict=True):
                        number += 1
                        yield number, dict(zip(self._columns, row, strict=True))
                    self._fraction = number / max(1, count)
        except (pa.ArrowException, OSError) as error:
            raise MarketFileError(
                self.path, f"row {number + 1}: cannot be read: {_first_line(error)}"
            ) from error

    def _opened(self) -> "Reader":
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
            from pyarrow.parquet import ParquetFile as Reader  # noqa: PLC0415 - as above
        except ImportError as error:
            raise MarketFileError(self.path, missing("a Parquet file", "parquet")) from error
        try:
            return Reader(self.path)
        except (pa.ArrowException, OSError) as error:
            message = f"is no whole Parquet file: {_first_line(error)}"
            raise MarketFileError(self.path, message) from error

    def _checked(self, schema: "pa.Schema") -> dict[str, str]:
        """Our names and the file's, for a schema that can be read."""
        given = {name.strip().lower(): name for name in schema.names}
        time = next((name for name in TIME_COLUMNS if name in given), None)
        kinds: Sequence[Sequence[str]] = (BAR_COLUMNS, QUOTE_COLUMNS, TRADE_COLUMNS)
        needed = next((names for names in kinds if all(name in given for name in names)), None)
        if time is None or needed is None:
            has = ", ".join(schema.names) or "no columns"
            raise MarketFileError(self.path, f"the schema has {has}; {EXPECTED}")
        columns = {name: given[name] for name in (*needed, *_OPTIONAL) if name in given}
        for ours, name in {"time": given[time], **columns}.items():
            found = schema.field(name).type
            wanted = _wanted(ours, found)
            if wanted is not None:
                raise MarketFileError(self.path, f"{name}: its type is {found}; expected {wanted}")
        return {"time": given[time], **columns}

    def _measured(self) -> int:
        rows = self._rows()
        try:
            times = (_time_ns(row["time"])[0] for _, row in rows)
            first_ns = next(times, None)
            if first_ns is not None:
                later = (at_ns for at_ns in times if at_ns > first_ns or not self.allow_disorder)
                return length_of(first_ns, next(later, None))
        except MarketFileError:
            raise
        except ValueError as error:
            raise MarketFileError(self.path, str(error)) from error
        finally:
            rows.close()  # type: ignore[attr-defined] # a generator's
        raise MarketFileError(self.path, "there is a schema but no bar under it")


def _wanted(ours: str, found: "pa.DataType") -> str | None:
    """What a column should be; None where it is."""
    from pyarrow import types  # noqa: PLC0415 - an extra

    text = types.is_string(found) or types.is_large_string(found)
    if ours == "time":
        fits = text or types.is_timestamp(found) or types.is_date(found) or types.is_int64(found)
        return None if fits else "a timestamp, a date, int64 or text"
    if ours == "symbol":
        fits = text or (types.is_dictionary(found) and types.is_string(found.value_type))
        return None if fits else "text"
    if ours == "buyer_is_maker":
        return None if text or types.is_boolean(found) or types.is_integer(found) else "a boolean"
    fits = text or types.is_decimal(found) or types.is_float64(found) or types.is_integer(found)
    return None if fits else "a decimal, text, float64 or an integer"


def _values(column: "pa.Array[Any]") -> list[object]:
    """A column's values: timestamps as nanoseconds since 1970, others as Python has them."""
    from pyarrow import int32, int64, types  # noqa: PLC0415 - an extra

    found = column.type
    if types.is_timestamp(found):
        factor = _UNIT_NS[found.unit]
        return [None if at is None else _At(at * factor) for at in column.cast(int64()).to_pylist()]
    if types.is_date32(found):
        return [None if day is None else _At(day * _DAY_NS) for day in column.cast(int32()).to_pylist()]
    if types.is_date64(found):
        return [None if at is None else _At(at * 1_000_000) for at in column.cast(int64()).to_pylist()]
    return list(column.to_pylist())


class _At(int):
    """A time that is nanoseconds already: an integer column's unit is read from its length."""


def _time_ns(value: object) -> tuple[int, str]:
    """A time in nanoseconds, and as a message shows it."""
    if isinstance(value, _At):
        whole, part = divmod(value, 1_000_000_000)
        if not -(2**33) < whole < 2**33:
            raise ValueError(f"timestamp: {int(value)} ns since 1970 is out of any market's range")
        return int(value), f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:09}"
    text = _text(value, "timestamp")
    return tick_time_ns(text), text


def _text(value: object, field: str) -> str:
    if value is None:
        raise ValueError(f"{field}: is null")
    if isinstance(value, float):
        # The shortest text that is this float; an exponent becomes plain digits where it is read.
        return repr(value)
    return str(value)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
