"""`dita download`: bars and funding from a venue, into files that backtests read."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dita.cli import main
from dita.errors import InvalidInput
from dita.live.download import fetch_bars
from dita.live.places import Place
from dita.loopback.binance.exchange import Terms
from dita.loopback.server import ServerThread
from dita.market import open_market

HOUR_NS = 3_600 * 1_000_000_000


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


def fetched(server: ServerThread, since_ns: int, until_ns: int, out: Path) -> tuple[int, int]:
    adapter = Place.chosen(server.address, live=False).adapter("", "", ["BTCUSDT"])
    try:
        done = fetch_bars(adapter, "BTCUSDT", "1m", since_ns, until_ns, out)
    finally:
        adapter.close()
    return done.rows, len(done.gaps)


def test_bars_are_fetched_and_gone_on_with_and_a_backtest_reads_them(
    served: ServerThread, tmp_path: Path
) -> None:
    out, now_ns = tmp_path / "btc.csv", time.time_ns() // HOUR_NS * HOUR_NS
    assert fetched(served, now_ns - 3 * HOUR_NS, now_ns - 2 * HOUR_NS, out) == (60, 0)
    assert fetched(served, now_ns - 3 * HOUR_NS, now_ns - HOUR_NS, out) == (60, 0)
    assert fetched(served, now_ns - 3 * HOUR_NS, now_ns - HOUR_NS, out) == (0, 0)
    bars = list(open_market(out, symbol="BTCUSDT"))
    assert len(bars) == 120
    assert bars[0].ts_ns == now_ns - 3 * HOUR_NS


def test_bars_that_the_venue_does_not_have_are_listed(served: ServerThread, tmp_path: Path) -> None:
    now_ns = time.time_ns() // HOUR_NS * HOUR_NS

    def forget(exchange: object) -> None:
        market = exchange.markets["BTCUSDT"]  # type: ignore[attr-defined]
        lost = range((now_ns - 2 * HOUR_NS) // 1_000_000, (now_ns - 2 * HOUR_NS) // 1_000_000 + 300_000)
        for bar in [bar for bar in market.bars if bar.open_ms in lost]:
            market.bars.remove(bar)

    served.call(forget)
    assert fetched(served, now_ns - 3 * HOUR_NS, now_ns - HOUR_NS, tmp_path / "b.csv") == (115, 1)


def test_a_file_that_is_something_else_is_not_touched(served: ServerThread, tmp_path: Path) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("my,own,file\n1,2,3\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="choose another file"):
        fetched(served, 0, 1, out)
    assert out.read_text(encoding="utf-8") == "my,own,file\n1,2,3\n"


def test_the_command_writes_funding(
    served: ServerThread, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since = datetime.fromtimestamp(time.time() - 86_400, UTC).isoformat()
    words = ["download", "-c", "binance", "-p", "BTC/USDT", "--kind", "funding", "--from", since]
    assert main([*words, "--out", str(tmp_path / "f.csv"), "--exchange", served.address]) == 0
    assert "3 rows added" in capsys.readouterr().out
    lines = (tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "time,symbol,rate,mark"
    assert all(line.endswith(",BTCUSDT,0.0001,60000.05") for line in lines[1:])
