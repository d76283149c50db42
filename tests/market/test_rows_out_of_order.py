"""Times of bars that are closes, rows that go back, where a number stands: alike in every kind of file."""

import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from dita import InvalidInput
from dita.market import MarketFileError, open_market

NEW_YEAR_NS = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z
MINUTE_NS = 60_000_000_000
MINUTES = (0, 1, 3, 2, 3, 4)
"""The fourth row goes back, and the fifth is there twice."""


def csv_of(folder: Path, minutes: tuple[int, ...], time: str = "timestamp") -> Path:
    path = folder / "xusdt_1m.csv"
    rows = (f"2024-01-01T00:{minute:02}:00,100,101,99,{100 + n / 100},1" for n, minute in enumerate(minutes))
    path.write_text("\n".join([f"{time},open,high,low,close,volume", *rows]) + "\n")
    return path


def parquet_of(folder: Path, minutes: tuple[int, ...]) -> Path:
    path = folder / "xusdt_1m.parquet"
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    columns: dict[str, Any] = {"timestamp": [begin + timedelta(minutes=minute) for minute in minutes]}
    columns.update({"open": [100.0] * len(minutes), "high": [101.0] * len(minutes)})
    columns.update({"low": [99.0] * len(minutes), "close": [100 + n / 100 for n in range(len(minutes))]})
    parquet.write_table(pa.table({**columns, "volume": [1] * len(minutes)}), path)
    return path


def archive_of(folder: Path, minutes: tuple[int, ...]) -> Path:
    path = folder / "XUSDT-1m-2024-01.zip"
    rows = (
        f"{NEW_YEAR_NS // 1_000_000 + minute * 60_000},100,101,99,{100 + n / 100},1,0,0,0,0,0,0\n"
        for n, minute in enumerate(minutes)
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("XUSDT-1m-2024-01.csv", "".join(rows))
    return path


FILES = pytest.mark.parametrize("made", [csv_of, parquet_of, archive_of])
Made = Callable[[Path, tuple[int, ...]], Path]


@FILES
def test_a_row_that_goes_back_is_an_error_or_left_out_and_counted(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path, MINUTES)
    with pytest.raises(MarketFileError, match=r"(line|row) [45].*--allow-disorder leaves such rows out"):
        list(open_market(path))
    market: Any = open_market(path, allow_disorder=True)
    assert [(event.ts_ns - NEW_YEAR_NS) // MINUTE_NS for event in market] == [0, 1, 3, 4]
    assert (market.disordered, market.gaps) == (2, 1)


@pytest.mark.parametrize("made", [csv_of, parquet_of])
def test_bars_that_state_their_close_open_a_bar_earlier(made: Made, tmp_path: Path) -> None:
    path = made(tmp_path, (0, 1, 2))
    opened = [event.ts_ns for event in open_market(path, bar_time="open")]
    closed = [event.ts_ns for event in open_market(path, bar_time="close")]
    assert opened == [NEW_YEAR_NS + n * MINUTE_NS for n in range(3)]
    assert closed == [at_ns - MINUTE_NS for at_ns in opened]


def test_a_first_row_that_goes_back_does_not_measure_the_bars(tmp_path: Path) -> None:
    for made in (csv_of, parquet_of):
        market = open_market(made(tmp_path, (5, 4, 6, 7)), allow_disorder=True)
        assert market.step_ns == MINUTE_NS


def test_ticks_that_go_back_are_left_out_and_those_at_the_same_time_are_not(tmp_path: Path) -> None:
    path = tmp_path / "xusdt.csv"
    path.write_text(
        "time,price,size\n"
        + "".join(f"2024-01-01T00:00:0{second},{100 + n},1\n" for n, second in enumerate((1, 2, 2, 1, 3)))
    )
    market: Any = open_market(path, allow_disorder=True)
    assert [event.price for event in market] == ["100", "101", "102", "104"]
    assert market.disordered == 1


@pytest.mark.parametrize("name", ["timestamp", "date", "time", "datetime", "open_time", "ts"])
def test_the_time_of_a_bar_has_several_names(name: str, tmp_path: Path) -> None:
    assert next(iter(open_market(csv_of(tmp_path, (0, 1), name)))).ts_ns == NEW_YEAR_NS


@pytest.mark.parametrize(
    ("made", "place"),
    [(csv_of, (4, "")), (parquet_of, (None, "row 3: ")), (archive_of, (3, ""))],
)
def test_the_place_of_a_number_is_its_line_or_row(
    made: Made, place: tuple[int | None, str], tmp_path: Path
) -> None:
    market: Any = open_market(made(tmp_path, (0, 1, 2, 3)))
    assert market.place_of(NEW_YEAR_NS + 2 * MINUTE_NS, "100.020") == place
    assert market.place_of(NEW_YEAR_NS + 2 * MINUTE_NS, "7") == (None, "")


def test_what_bar_time_cannot_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="bar_time: 'middle' is neither open nor close"):
        open_market(csv_of(tmp_path, (0, 1)), bar_time="middle")  # type: ignore[arg-type]
    with pytest.raises(MarketFileError, match="archive states when a bar opens"):
        open_market(archive_of(tmp_path, (0, 1)), bar_time="close")
