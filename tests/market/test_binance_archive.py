"""Binance's archive files: with and without a header, in either unit of time, and what is wrong with one."""

import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from dita.market import Bar, MarketFileError, Print, Quote, open_market

KLINES = (
    "1704067200000,42000.1,42010.0,41990.5,42005.0,12.5,1704067259999,525000,100,6,252000,0\n"
    "1704067260000,42005.0,42020.0,42000.0,42015.5,8,1704067319999,336000,90,4,168000,0\n"
)
KLINES_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore\n"
)


def archive(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{path.stem}.csv", text)
    return path


@pytest.mark.parametrize("header", ["", KLINES_HEADER])
@pytest.mark.parametrize("micros", [False, True])
def test_klines_are_bars_with_or_without_header_in_either_unit(
    tmp_path: Path, header: str, *, micros: bool
) -> None:
    text = KLINES.replace("00000,4", "00000000,4") if micros else KLINES
    market = open_market(archive(tmp_path, "BTCUSDT-1m-2024-01.zip", header + text))
    first, second = list(market)
    assert (market.symbol, market.step_ns) == ("BTCUSDT", 60_000_000_000)
    assert first == Bar(
        "BTCUSDT", "42000.1", "42010.0", "41990.5", "42005.0", "12.5", 1_704_067_200_000_000_000
    )
    assert second.ts_ns - first.ts_ns == market.step_ns
    assert market.fraction_read() == 1.0


def test_trades_aggregated_trades_and_quotes_are_ticks(tmp_path: Path) -> None:
    trades = "id,price,qty,quote_qty,time,is_buyer_maker\n1,42000.1,0.5,21000,1704067200123,true\n"
    (print_,) = open_market(archive(tmp_path, "BTCUSDT-trades-2024-01-01.zip", trades))
    assert print_ == Print("BTCUSDT", "42000.1", "0.5", True, 1_704_067_200_123_000_000)
    aggregated = "7,42000.1,0.5,1,2,1704067200123456,False,True\n"
    (print_,) = open_market(archive(tmp_path, "BTCUSDT-aggTrades-2024-01-01.zip", aggregated))
    assert print_ == Print("BTCUSDT", "42000.1", "0.5", False, 1_704_067_200_123_456_000)
    quotes = (
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        "9,42000.0,1.5,42000.1,2,1704067200123,1704067200125\n"
    )
    (quote,) = open_market(archive(tmp_path, "BTCUSDT-bookTicker-2024-01-01.zip", quotes))
    assert quote == Quote("BTCUSDT", "42000.0", "1.5", "42000.1", "2", 1_704_067_200_123_000_000)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("BTCUSDT-1m-2024-01.zip", KLINES.replace("42010.0", "-1"), "line 1: high: must not be negative"),
        ("BTCUSDT-1m-2024-01.zip", KLINES.replace("42010.0", "NaN"), "line 1: high: expected a"),
        ("BTCUSDT-1m-2024-01.zip", KLINES.replace("42010.0", "41000"), "line 1: high, low"),
        ("BTCUSDT-1m-2024-01.zip", KLINES + KLINES, "line 3: time"),
        ("BTCUSDT-1m-2024-01.zip", "1704067200000,1,2\n", "line 1: expected at least 6 fields, got 3"),
        ("BTCUSDT-1m-2024-01.zip", KLINES.replace("1704067260000", "yesterday"), "line 2: open_time"),
        ("BTCUSDT-trades-2024-01.zip", "1,42000,1,42000,1704067200123,perhaps\n", "line 1: is_buyer_maker"),
        ("BTCUSDT-bookTicker-2024-01.zip", "1,42001,1,42000,1,1704067200123,1\n", "line 1: best_bid_price"),
    ],
)
def test_a_row_that_cannot_be_so_is_named_by_line_and_field(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    with pytest.raises(MarketFileError) as caught:
        list(open_market(archive(tmp_path, name, text)))
    assert why in str(caught.value)


def test_missing_bars_are_counted_or_refused(tmp_path: Path) -> None:
    text = KLINES.replace("1704067260000,4", "1704067440000,4")
    path = archive(tmp_path, "BTCUSDT-1m-2024-01.zip", text)
    market = open_market(path)
    assert len(list(market)) == 2
    assert market.gaps == 3  # type: ignore[attr-defined]
    with pytest.raises(MarketFileError, match="3 bars are missing"):
        list(open_market(path, allow_gaps=False))


def test_a_file_that_is_no_archive_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m-2024-01.zip"
    path.write_bytes(b"PK nothing")
    with pytest.raises(MarketFileError, match="no whole zip file"):
        list(open_market(path))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.csv", "")
        file.writestr("b.csv", "")
    with pytest.raises(MarketFileError, match="holds 2 CSV files"):
        list(open_market(path))


def test_a_month_of_the_archive_can_be_played(tmp_path: Path) -> None:
    from dita.backtest.engine import BacktestEngine, Named  # noqa: PLC0415 - only here
    from dita.strategy.samples.ema_cross import EmaCross  # noqa: PLC0415 - as above

    rows = [
        f"{1704067200000 + n * 60000},{100 + n % 9},{103 + n % 9},{98 + n % 9},{101 + n % 9},5\n"
        for n in range(99)
    ]
    market = open_market(archive(tmp_path, "XUSDT-1m-2024-01.zip", "".join(rows)))
    result = BacktestEngine([Named("s", EmaCross, EmaCross().params)], [market]).run()
    assert result.bars == 99
    assert result.final_k == result.final_e != Decimal(0)
