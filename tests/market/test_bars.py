"""Candle files: what is accepted, how it is played, and what is said of a bad one."""

import gzip
from pathlib import Path

import pytest

from dita.market import Bar, BarFile, MarketFileError

HEADER = "timestamp,open,high,low,close,volume\n"
MINUTE_NS = 60_000_000_000
NEW_YEAR_NS = 1_640_995_200_000_000_000  # 2022-01-01T00:00:00Z


def bar_file(folder: Path, text: str) -> Path:
    path = folder / "bars.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_naive_times_are_utc_and_prices_keep_their_text(tmp_path: Path) -> None:
    path = bar_file(
        tmp_path,
        HEADER
        + "2022-01-01 00:00:00.000000,46319.0,46385.0,46300.0,46377.0,2300413.7295\n"
        + "2022-01-01 00:01:00.000000,46377.0,46411.0,46377.0,46411.0,1829623.1938\n",
    )
    bars = BarFile(path, "BTC-PERP")

    assert bars.interval_ns == MINUTE_NS
    assert next(iter(bars)) == Bar(
        "BTC-PERP", "46319.0", "46385.0", "46300.0", "46377.0", "2300413.7295", NEW_YEAR_NS
    )
    assert len(list(bars)) == len(list(bars)) == 2


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
def test_whole_numbers_are_seconds_or_finer_since_1970_by_their_length(tmp_path: Path, unit: int) -> None:
    begin_s = NEW_YEAR_NS // 1_000_000_000
    rows = "".join(f"{(begin_s + 60 * row) * unit},2,3,1,2,5\n" for row in range(2))
    bars = BarFile(bar_file(tmp_path, HEADER + rows), "BTC-PERP")
    assert bars.interval_ns == MINUTE_NS
    assert [bar.ts_ns for bar in bars] == [NEW_YEAR_NS, NEW_YEAR_NS + MINUTE_NS]


def test_offsets_other_column_orders_and_gzip_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "bars.bin"
    text = "Volume,Close,date,Low,High,Open,extra\n5,2,2022-01-01T01:00:00+01:00,1,3,2,x\n"
    path.write_bytes(gzip.compress(text.encode()))
    assert list(BarFile(path, "X")) == [Bar("X", "2", "3", "1", "2", "5", NEW_YEAR_NS)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2022-01-01 00:01:00,1,2,3,1,5", "high: '2' is below low '3'"),
        ("2022-01-01 00:01:00,4,3,1,2,5", "open: '4' is outside of low '1' and high '3'"),
        ("2022-01-01 00:01:00,2,3,1,0.5,5", "close: '0.5' is outside of low '1' and high '3'"),
        ("2022-01-01 00:01:00,2,3,0,2,5", "low: must be above zero, got '0'"),
        ("2022-01-01 00:01:00,2,nan,1,2,5", "high: expected a finite number, got 'nan'"),
        ("2022-01-01 00:01:00,2,3,1,2,-5", "volume: must not be negative, got '-5'"),
        ("2022-01-01 00:01:00,2,3,1,2", "expected at least 6 fields, got 5"),
        ("yesterday,2,3,1,2,5", "timestamp: expected an ISO 8601 time, got 'yesterday'"),
        ("2022-01-01 00:00:00,2,3,1,2,5", "is not after the row before"),
        ("2021-12-31 00:00:00,2,3,1,2,5", "is not after the row before"),
    ],
)
def test_a_bad_row_is_named_with_file_line_field_and_value(tmp_path: Path, row: str, message: str) -> None:
    path = bar_file(tmp_path, HEADER + "2022-01-01 00:00:00,2,3,1,2,5\n" + row + "\n")
    with pytest.raises(MarketFileError) as caught:
        list(BarFile(path, "X"))
    assert f"{path}, line 3: " in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.line == 3


def test_a_header_without_bars_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="no bar under it"):
        BarFile(bar_file(tmp_path, HEADER), "X")
