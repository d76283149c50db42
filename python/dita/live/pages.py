"""What a download has fetched, in a file that is whole at every moment: Parquet, or CSV rows.

A Parquet file cannot be appended to. What is fetched goes into parts beside it, each written whole; at the
end they become one file. A download that was killed goes on after its last part.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from dita.errors import InvalidInput
from dita.extras import missing

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

Kind = Literal["bars", "trades", "funding"]
Row = tuple[object, ...]
_MARK: Final = b"dita.download"
_SECOND_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_PART_ROWS: Final = 100_000
_PART_S: Final = 30.0
#: The columns of each kind; a time comes first, whole nanoseconds in rows.
COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "bars": ("timestamp", "open", "high", "low", "close", "volume"),
    "trades": ("timestamp", "price", "size", "buyer_is_maker", "number"),
    "funding": ("time", "symbol", "rate", "mark"),
}


@dataclass(slots=True)
class Reached:
    """How far a download is.

    Attributes:
        kind: What is fetched.
        symbol: Of which instrument.
        interval: The bars' length; empty for others.
        last_ns: The time of the last row; None where there is none.
        next_number: The number of the next trade; None where it is not known.
        gaps: What the venue does not have: the begin and the end of each, ns.
        part: How many parts there have been.
    """

    kind: Kind
    symbol: str
    interval: str = ""
    last_ns: int | None = None
    next_number: int | None = None
    gaps: list[tuple[int, int]] = field(default_factory=list)
    part: int = 0


class Pages(Protocol):
    """Takes what is fetched."""

    reached: Reached

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows, the oldest first; `reached` says how far that is."""

    def keep(self) -> None:
        """Have all that was taken on the disk, in one file."""


def pages_of(out: Path, kind: Kind, symbol: str, interval: str = "") -> Pages:
    """Open a file to write or to continue: CSV where its name ends so, else Parquet.

    Args:
        out: The file.
        kind: What is fetched.
        symbol: Of which instrument.
        interval: The bars' length.

    Raises:
        InvalidInput: It is something else, or there is no pyarrow.
    """
    wanted = Reached(kind, symbol, interval)
    if out.suffix == ".csv":
        if kind == "trades":
            raise InvalidInput(f"out: trades are written as Parquet; call it {out.with_suffix('.parquet')}")
        return CsvPages(out, wanted)
    return ParquetPages(out, wanted)


class CsvPages:
    """Rows of a CSV file, each whole."""

    def __init__(self, out: Path, wanted: Reached) -> None:
        """Look how far the file is.

        Raises:
            InvalidInput: It has another header, or its last row is none.
        """
        self.reached = wanted
        self._out = out
        self._header = ",".join(COLUMNS[wanted.kind])
        wanted.last_ns = self._last()

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        begun = self._out.exists()
        with self._out.open("a", encoding="utf-8", newline="") as file:
            if not begun:
                file.write(self._header + "\n")
            for at, *rest in rows:
                file.write(",".join([_text(at), *map(str, rest)]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def keep(self) -> None:
        """See that there is a file: the rows are in it."""
        self.add(())

    def _last(self) -> int | None:
        if not self._out.exists():
            return None
        with self._out.open(encoding="utf-8") as file:
            first = last = file.readline().rstrip("\n")
            for line in file:
                last = line.rstrip("\n")
        if first != self._header:
            raise InvalidInput(
                f"{self._out}: line 1: expected {self._header!r}, got {first[:80]!r}; choose another file"
            )
        if last == self._header:
            return None
        try:
            at = datetime.strptime(last.partition(",")[0], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise InvalidInput(
                f"{self._out}: its last row is none: {last[:80]!r}; remove it and go on"
            ) from None
        return int(at.timestamp()) * _SECOND_NS


class ParquetPages:
    """Parts beside a Parquet file, which become one with it."""

    def __init__(self, out: Path, wanted: Reached) -> None:
        """Look how far the file and its parts are.

        Raises:
            InvalidInput: There is no pyarrow, or the file is none that such a download has written.
        """
        try:
            import pyarrow.parquet  # type: ignore[import-untyped,unused-ignore] # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise InvalidInput(f"{missing('a Parquet file', 'parquet')}; or name a .csv file") from error
        self._out = out
        self._parts = out.with_name(out.name + ".parts")
        self.reached = self._read(wanted)
        self._rows: list[Row] = []
        self._due_s = time.monotonic() + _PART_S

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows; now and then they are written as a part."""
        self._rows += rows
        if len(self._rows) >= _PART_ROWS or time.monotonic() >= self._due_s:
            self._write_part()

    def keep(self) -> None:
        """Make one file of the file and its parts."""
        self._write_part()
        parts = self._left()
        if not parts and self._out.exists():
            return
        fresh = self._out.with_name(self._out.name + ".tmp")
        self._write(fresh, self._batches([*([self._out] if self._out.exists() else []), *parts]))
        fresh.replace(self._out)
        _sync(self._out.parent)
        if self._parts.exists():
            shutil.rmtree(self._parts)

    # ---------------------------------------------------------------------------------------------- inside

    def _read(self, wanted: Reached) -> Reached:
        """How far the newest of what is there says that it is."""
        reached = self._of(self._out, wanted) if self._out.exists() else wanted
        self._merged = reached.part
        for part in self._left():
            reached = self._of(part, wanted)
        return reached

    def _left(self) -> list[Path]:
        """The parts that are not in the file yet, the oldest first."""
        found = sorted(self._parts.glob("*.parquet")) if self._parts.exists() else []
        return [part for part in found if int(part.stem) > self._merged]

    def _of(self, path: Path, wanted: Reached) -> Reached:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415 - as above

        try:
            noted = (parquet.read_schema(path).metadata or {}).get(_MARK)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(f"{path}: is no Parquet file; choose another file: {error}") from error
        if noted is None:
            raise InvalidInput(f"{path}: was not written by `dita download`; choose another file")
        reached = Reached(**json.loads(noted))
        reached.gaps = [(begin, end) for begin, end in reached.gaps]
        held, asked = (
            f"{one.kind} {one.interval}".strip() + f" of {one.symbol}" for one in (reached, wanted)
        )
        if held != asked:
            raise InvalidInput(f"{path}: holds {held}, not {asked}; choose another file")
        return reached

    def _schema(self) -> "pa.Schema":
        import pyarrow as pa  # noqa: PLC0415 - an extra

        types = {"timestamp": pa.timestamp("ms", "UTC"), "time": pa.timestamp("ms", "UTC")}
        types |= {"buyer_is_maker": pa.bool_(), "number": pa.int64()}
        # Text is exact, and costs little where values repeat.
        fields = [(name, types.get(name, pa.string())) for name in COLUMNS[self.reached.kind]]
        return pa.schema(fields, metadata={_MARK: json.dumps(asdict(self.reached))})

    def _write_part(self) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra

        self._due_s = time.monotonic() + _PART_S
        if not self._rows and (self._out.exists() or self.reached.part):
            return
        self._parts.mkdir(parents=True, exist_ok=True)
        self.reached.part += 1
        schema = self._schema()
        columns = zip(*self._rows, strict=True) if self._rows else [()] * len(schema)
        first, *rest = columns
        batch = pa.record_batch([[at // _MS for at in first], *map(list, rest)], schema=schema)
        part = self._parts / f"{self.reached.part:08}.parquet"
        fresh = part.with_suffix(".tmp")
        self._write(fresh, iter([batch]))
        fresh.replace(part)
        _sync(self._parts)
        self._rows = []

    def _write(self, path: Path, batches: "Iterator[pa.RecordBatch]") -> None:
        from pyarrow import parquet  # noqa: PLC0415 - an extra

        with path.open("wb") as file:
            with parquet.ParquetWriter(file, self._schema(), compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())

    def _batches(self, paths: Sequence[Path]) -> "Iterator[pa.RecordBatch]":
        from pyarrow import parquet  # noqa: PLC0415 - an extra

        schema = self._schema()
        for path in paths:
            for batch in parquet.ParquetFile(path).iter_batches(_PART_ROWS):
                yield batch.cast(schema)


def _text(time_ns: Any) -> str:  # noqa: ANN401 - a row's first value
    return datetime.fromtimestamp(time_ns // _SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _sync(folder: Path) -> None:
    """Have a folder's names on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
