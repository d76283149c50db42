"""Parquet files as markets: the events of the same CSV; a schema or a value that cannot be is named."""

import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import Bar, MarketFileError, ParquetFile, Print, Quote, open_market
from dita.runtime import load_strategy
from dita.strategy.samples import path_of

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES = [START + timedelta(minutes=n) for n in range(4)]
START_NS = 1_704_067_200_000_000_000


def written(tmp_path: Path, columns: dict[str, Any], name: str = "xusdt_1m.parquet", **options: Any) -> Path:
    path = tmp_path / name
    parquet.write_table(pa.table(columns), path, **options)
    return path


def bars(**changed: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "timestamp": pa.array(MINUTES, pa.timestamp("us", "UTC")),
        "open": [100.0, 101.5, 101.0, 99.0],
        "high": [102.0, 102.0, 101.0, 99.5],
        "low": [99.0, 100.0, 98.0, 97.0],
        "close": [101.5, 101.0, 99.0, 98.25],
        "volume": [5.0, 0.0, 1e-7, 2.0],
    }
    return {name: column for name, column in {**columns, **changed}.items() if column is not None}


def quotes(**changed: Any) -> dict[str, Any]:
    return {"ts": [START_NS, START_NS], "bid": ["100", "100.1"], "ask": ["100.5", "100.2"], **changed}


def trades(**changed: Any) -> dict[str, Any]:
    return {"time": [START_NS // 10**6] * 2, "price": ["100", "101"], "size": ["1", "2"], **changed}


def test_bars_come_with_the_digits_that_a_float_is_written_with(tmp_path: Path) -> None:
    market = open_market(written(tmp_path, bars()))
    assert isinstance(market, ParquetFile)
    assert (market.symbol, market.step_ns, market.kind) == ("XUSDT", 60 * 10**9, "real")
    for _ in range(2):
        found = list(market)
        assert found[0] == Bar("XUSDT", "100.0", "102.0", "99.0", "101.5", "5.0", START_NS)
        assert [Decimal(bar.volume) for bar in found if isinstance(bar, Bar)] == [5, 0, Decimal("1e-7"), 2]
        assert market.fraction_read() == 1


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (pa.timestamp("s"),        [at.replace(tzinfo=None) for at in MINUTES]),
        (pa.timestamp("ms"),       [at.replace(tzinfo=None) for at in MINUTES]),
        (pa.timestamp("ns", "UTC"), MINUTES),
        (pa.timestamp("us", "Asia/Tokyo"), MINUTES),
        (pa.string(),              [at.isoformat() for at in MINUTES]),
    ],
)  # fmt: skip
def test_each_way_to_write_a_time_is_the_same_time(tmp_path: Path, kind: Any, given: list[Any]) -> None:
    path = written(tmp_path, bars(timestamp=pa.array(given, kind)))
    assert [event.ts_ns - START_NS for event in open_market(path)] == [n * 60 * 10**9 for n in range(4)]


def test_days_and_seconds_are_times_too(tmp_path: Path) -> None:
    days = pa.array([date(2024, 1, 1 + n) for n in range(4)], pa.date32())
    assert open_market(written(tmp_path, bars(timestamp=days))).step_ns == 86_400 * 10**9
    seconds = [START_NS // 10**9 + 3600 * n for n in range(4)]
    assert open_market(written(tmp_path, bars(timestamp=seconds))).step_ns == 3_600 * 10**9


@pytest.mark.parametrize("kind", [pa.decimal128(12, 2), pa.string(), pa.float64()])
def test_a_price_is_exact_in_each_type(tmp_path: Path, kind: Any) -> None:
    given = ["100.1", "100.2", "100.3", "100.4"]
    values = [float(text) for text in given] if kind == pa.float64() else [Decimal(text) for text in given]
    column = pa.array([str(value) for value in values] if kind == pa.string() else values, kind)
    prices = dict.fromkeys(("open", "high", "low", "close"), column)
    found = list(open_market(written(tmp_path, bars(**prices))))
    assert [Decimal(bar.open) for bar in found if isinstance(bar, Bar)] == [Decimal(text) for text in given]


def test_quotes_and_trades_are_detected_by_their_columns(tmp_path: Path) -> None:
    first, second = open_market(written(tmp_path, quotes(bid_size=[1, 2])))
    assert (first, second) == (
        Quote("XUSDT", "100", "1", "100.5", None, START_NS),
        Quote("XUSDT", "100.1", "2", "100.2", None, START_NS),
    )
    found = list(open_market(written(tmp_path, trades(buyer_is_maker=[True, False]))))
    assert found == [
        Print("XUSDT", "100", "1", True, START_NS),
        Print("XUSDT", "101", "2", False, START_NS),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": [1], "price": [1]},               "the schema has time, price; expected a time"),
        (bars(close=None),                          "the schema has timestamp, open, high, low, volume; "),
        (bars(timestamp=None),                      "the schema has open, high, low, close, volume; "),
        (bars(open=[True] * 4),                     "open: its type is bool; expected a decimal, text"),
        (bars(low=pa.array([1.0] * 4, pa.float32())), "low: its type is float; expected a decimal, text"),
        (bars(timestamp=[0.5, 1.5, 2.5, 3.5]),      "timestamp: its type is double; expected a timestamp"),
        (bars(symbol=[1] * 4),                      "symbol: its type is int64; expected text"),
    ],
)  # fmt: skip
def test_another_schema_is_refused_as_the_file_is_opened(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(MarketFileError, match=message) as reported:
        open_market(written(tmp_path, columns))
    assert reported.value.path.name == "xusdt_1m.parquet"


def test_a_schema_without_a_row_under_it_is_no_market(tmp_path: Path) -> None:
    path = tmp_path / "xusdt_1m.parquet"
    parquet.write_table(pa.table(bars()).slice(0, 0), path)
    with pytest.raises(MarketFileError, match="there is a schema but no bar under it"):
        open_market(path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (bars(close=[101.5, 101.0, float("nan"), 98.0]),   "row 3: close: expected a finite number"),
        (bars(low=[99.0, 100.0, -1.0, 97.0]),              "row 3: low: must not be negative, got '-1.0'"),
        (bars(open=[100.0, 101.5, None, 99.0]),            "row 3: open: is null"),
        (bars(high=[102.0, 102.0, 90.0, 99.5]),            "row 3: high: '90.0' is below low '98.0'"),
        (bars(open=["100", "101", "x", "99"]),             "row 3: open: expected a decimal number, got 'x'"),
        (bars(symbol=["XUSDT", "XUSDT", "YUSDT", "XUSDT"]), "row 3: symbol: 'YUSDT' is not XUSDT"),
        (bars(timestamp=[*MINUTES[:2], *MINUTES[1:3]]),    "row 3: timestamp: .* is not after"),
        (bars(timestamp=[*MINUTES[:2], None, MINUTES[3]]), "row 3: timestamp: is null"),
        (quotes(bid=["100", "100.3"]),                     "row 2: bid: '100.3' is above ask '100.2'"),
        (quotes(ts=[START_NS, START_NS - 1]),              "row 2: timestamp: .* is before"),
        (trades(buyer_is_maker=["true", "no"]),            "row 2: buyer_is_maker: 'no' is neither"),
        (trades(price=["100", "0"]),                       "row 2: price: must be above zero"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_by_row_field_and_value(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    market = open_market(written(tmp_path, columns))
    with pytest.raises(MarketFileError, match=message):
        list(market)


def test_missing_bars_are_counted_or_refused(tmp_path: Path) -> None:
    path = written(tmp_path, bars(timestamp=[*MINUTES[:3], MINUTES[3] + timedelta(minutes=5)]))
    market = open_market(path)
    assert len(list(market)) == 4
    assert market.gaps == 5  # type: ignore[attr-defined] # of files of bars
    with pytest.raises(MarketFileError, match="row 4: timestamp: 5 bars are missing before this row"):
        list(open_market(path, allow_gaps=False))


@pytest.mark.parametrize("keep", [8, 200, -20])
def test_a_file_that_was_cut_off_says_so(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path, bars())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(MarketFileError, match="is no whole Parquet file"):
        open_market(path)


def test_a_damaged_page_names_the_row_where_reading_ends(tmp_path: Path) -> None:
    rows = 20_000
    at = [START_NS + n * 10**9 for n in range(rows)]
    columns = {"ts": at, "bid": [str(n + 1) for n in range(rows)], "ask": [str(n + 2) for n in range(rows)]}
    path = written(tmp_path, columns, row_group_size=5_000, compression="zstd")
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    path.write_bytes(whole)
    with pytest.raises(MarketFileError, match=r"row \d+: "):
        list(open_market(path))


def test_without_pyarrow_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, bars())
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MarketFileError, match=r"a Parquet file needs pip install 'dita\[parquet\]'"):
        open_market(path)


def test_a_backtest_of_real_bars_is_the_same_from_parquet_as_from_csv(
    btc_perp_bars: Path, tmp_path: Path
) -> None:
    reported = csv.read_csv(btc_perp_bars).slice(0, 3_000)
    parquet.write_table(reported, tmp_path / "btc_perp_1m.parquet")
    strategy = load_strategy(str(path_of("ema-cross")))
    results = []
    for market in (open_market(btc_perp_bars), open_market(tmp_path / "btc_perp_1m.parquet")):
        settings = BacktestSettings(end_ns=next(islice(iter(market), 2_999, None)).ts_ns)
        results.append(BacktestEngine([Named("s", strategy)], [market], settings).run())
    first, second = results
    assert len(first.trades) > 20
    assert (first.trades, first.final_k, first.metrics) == (second.trades, second.final_k, second.metrics)
