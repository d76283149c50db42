"""A file's content, not its name, tells what it is."""

from itertools import pairwise
from pathlib import Path

import pytest

from dita.market import BarFile, BinanceL2File, MarketFileError, open_market
from dita.market.detect import symbol_from_name


def test_bars_are_detected_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "btc_perp_1m.jsonl"
    path.write_text("date,open,high,low,close,volume\n2022-01-01,1,1,1,1,1\n", encoding="utf-8")
    market = open_market(path)
    assert isinstance(market, BarFile)
    assert (market.symbol, market.kind) == ("BTC-PERP", "real")
    assert open_market(path, symbol="ETH-PERP").symbol == "ETH-PERP"


def test_a_capture_is_detected_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "capture.csv"
    path.write_text('1723161255088169167 {"e": "bookTicker", "s": "XRPUSDT"}\n', encoding="utf-8")
    market = open_market(path)
    assert isinstance(market, BinanceL2File)
    assert market.symbol == "XRPUSDT"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; expected one of"),
        (b"\n\n", "the file is empty; expected one of"),
        (b"time,price\n1,2\n", "the first line is 'time,price'; expected one of"),
        (b"PK\x03\x04\xff\xfe", "this is not text; expected one of"),
        (b'1723161255088169167 {"e": "x"}\n', "s: no message names an instrument"),
    ],
)
def test_a_foreign_file_is_named_with_what_was_expected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(MarketFileError) as caught:
        open_market(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MarketFileError, match="this is a folder"):
        open_market(tmp_path)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("btc_perp_1m_20211231_20220201.csv.gz", "BTC-PERP"),
        ("binance_usdm_xrpusdt_5m_20211115.csv.gz", "XRPUSDT"),
        ("ETHUSDT.csv", "ETHUSDT"),
        ("1m.csv", "UNKNOWN"),
    ],
)
def test_a_file_name_tells_the_instrument(name: str, symbol: str) -> None:
    assert symbol_from_name(Path(name)) == symbol


def test_recorded_bars_are_read_whole(btc_perp_bars: Path) -> None:
    market = open_market(btc_perp_bars)
    times = [event.ts_ns for event in market]
    assert len(times) == 45_031
    assert {later - earlier for earlier, later in pairwise(times)} == {60_000_000_000}
    assert market.symbol == "BTC-PERP"
