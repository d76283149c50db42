"""`dita download`: bars, trades and funding from a venue, into files that backtests read."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.backtest.feed import read_funding
from dita.cli import main
from dita.errors import InvalidInput
from dita.live import download, pages
from dita.live.download import Fetched, fetch
from dita.live.pages import Kind
from dita.live.places import Place
from dita.market import Print, open_market
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice
from dita.venues.binance.requests import SERVER_TIME

HOUR_NS = 3_600 * 1_000_000_000
MINUTE_NS = 60 * 1_000_000_000


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms(still=True)) as server:
        yield server


def got(server: ServerThread, kind: Kind, since_ns: int, until_ns: int, out: Path) -> Fetched:
    adapter = Place.chosen(server.address, live=False).adapter("", "", ["BTCUSDT"])
    try:
        return fetch(adapter, kind, "BTCUSDT", "1m", since_ns, until_ns, out)
    finally:
        adapter.close()


def made(server: ServerThread, count: int, begin_ns: int, lost: range = range(0)) -> None:
    """Trades of others, 100 ms apart; some of their numbers are lost."""

    def make(exchange: Any) -> None:
        market = exchange.markets["BTCUSDT"]
        for number in range(count):
            market.print_at(
                Decimal(60_000) + number,
                Decimal("0.001"),
                begin_ns // 1_000_000 + 100 * number,
                sold=number % 2 == 0,
            )
        for made_print in [one for one in market.prints if one.number in lost]:
            market.prints.remove(made_print)

    server.call(make)


# ----------------------------------------------------------------------------------------------------- bars


@pytest.mark.parametrize("name", ["btc.parquet", "btc.csv"])
def test_bars_are_fetched_and_gone_on_with_and_a_backtest_reads_them(
    served: ServerThread, tmp_path: Path, name: str
) -> None:
    out, now_ns = tmp_path / name, time.time_ns() // HOUR_NS * HOUR_NS
    for until_ns, rows in ((now_ns - 2 * HOUR_NS, 60), (now_ns - HOUR_NS, 60), (now_ns - HOUR_NS, 0)):
        fetched = got(served, "bars", now_ns - 3 * HOUR_NS, until_ns, out)
        assert (fetched.rows, fetched.gaps) == (rows, [])
    bars = list(open_market(out, symbol="BTCUSDT"))
    assert len(bars) == 120
    assert bars[0].ts_ns == now_ns - 3 * HOUR_NS
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_bars_that_the_venue_does_not_have_are_listed_also_by_who_goes_on(
    served: ServerThread, tmp_path: Path
) -> None:
    now_ns, out = time.time_ns() // HOUR_NS * HOUR_NS, tmp_path / "b.parquet"

    def forget(exchange: Any) -> None:
        market = exchange.markets["BTCUSDT"]
        lost = range((now_ns - 2 * HOUR_NS) // 1_000_000, (now_ns - 2 * HOUR_NS) // 1_000_000 + 300_000)
        for bar in [bar for bar in market.bars if bar.open_ms in lost]:
            market.bars.remove(bar)

    served.call(forget)
    fetched = got(served, "bars", now_ns - 3 * HOUR_NS, now_ns - HOUR_NS, out)
    gap = (now_ns - 2 * HOUR_NS, now_ns - 2 * HOUR_NS + 300_000_000_000)
    assert (fetched.rows, fetched.gaps) == (115, [gap])
    fetched = got(served, "bars", now_ns - 3 * HOUR_NS, now_ns, out)
    assert (fetched.rows, fetched.gaps) == (60, [gap])


def test_what_is_before_the_first_bar_is_a_gap(served: ServerThread, tmp_path: Path) -> None:
    now_ns = time.time_ns() // HOUR_NS * HOUR_NS
    fetched = got(served, "bars", now_ns - 48 * HOUR_NS, now_ns - HOUR_NS, tmp_path / "b.parquet")
    ((begin_ns, end_ns),) = fetched.gaps
    assert begin_ns == now_ns - 48 * HOUR_NS
    assert fetched.rows == (now_ns - HOUR_NS - end_ns) // 60_000_000_000 > 800


# --------------------------------------------------------------------------------------------------- trades


def test_trades_are_found_by_time_and_fetched_by_number_and_a_backtest_reads_them(
    served: ServerThread, tmp_path: Path
) -> None:
    begin_ns, out = (time.time_ns() // HOUR_NS - 3) * HOUR_NS, tmp_path / "BTCUSDT.trades.parquet"
    made(served, 3_000, begin_ns)
    # It begins before the first trade, in another hour of the search.
    fetched = got(served, "trades", begin_ns - 2 * HOUR_NS, begin_ns + 250 * 1_000_000_000, out)
    assert (fetched.rows, fetched.gaps) == (2_500, [])
    fetched = got(served, "trades", begin_ns - 2 * HOUR_NS, time.time_ns(), out)
    assert (fetched.rows, fetched.gaps) == (500, [])
    trades = list(open_market(out))
    assert len(trades) == 3_000
    assert trades[0] == Print("BTCUSDT", "60000", "0.001", True, begin_ns)
    assert trades[-1] == Print("BTCUSDT", "62999", "0.001", False, begin_ns + 2_999 * 100_000_000)


def test_trades_whose_numbers_are_missing_are_a_gap(served: ServerThread, tmp_path: Path) -> None:
    begin_ns = (time.time_ns() // HOUR_NS - 1) * HOUR_NS
    made(served, 2_000, begin_ns, lost=range(1_500, 1_510))
    fetched = got(served, "trades", begin_ns, time.time_ns(), tmp_path / "t.parquet")
    # The first trade has number 1: 1,498 trades after it comes number 1,499, and then 1,510.
    assert fetched.rows == 1_990
    assert fetched.gaps == [(begin_ns + 1_498 * 100_000_000, begin_ns + 1_509 * 100_000_000)]


def test_a_download_keeps_to_the_rate_budget_and_waits_for_the_next_minute(
    served: ServerThread, tmp_path: Path
) -> None:
    begin_ns, clock_ns = (time.time_ns() // HOUR_NS - 1) * HOUR_NS, [time.time_ns()]
    made(served, 3_000, begin_ns)
    adapter = BinancePractice(
        "", "", ["BTCUSDT"], rest=f"http://{served.address}", stream=f"ws://{served.address}",
        clock_ns=lambda: clock_ns[0],
    )  # fmt: skip
    # Of 2,400 a minute a fifth is kept for cancels: two questions of 20 fit before the minute ends.
    adapter.budget.read_headers(SERVER_TIME, {"X-MBX-USED-WEIGHT-1M": "1880"}, clock_ns[0])
    done: list[Fetched] = []
    out = tmp_path / "t.parquet"
    thread = threading.Thread(
        target=lambda: done.append(
            fetch(adapter, "trades", "BTCUSDT", "", begin_ns, time.time_ns(), out)
        )
    )  # fmt: skip
    asked = ("GET", "/fapi/v1/aggTrades")
    try:
        thread.start()
        thread.join(1.0)
        assert served.call(lambda one: one.received.count(asked)) == 2
        clock_ns[0] += MINUTE_NS
        thread.join(20)
    finally:
        adapter.close()
    assert [one.rows for one in done] == [3_000]
    assert served.call(lambda one: one.received.count(asked)) == 4


def test_a_download_that_is_killed_goes_on_after_its_last_part(served: ServerThread, tmp_path: Path) -> None:
    begin_ns, out = (time.time_ns() // HOUR_NS - 1) * HOUR_NS, tmp_path / "t.parquet"
    made(served, 12_000, begin_ns)
    served.command("fault slow_ms 100")
    program = (
        "import sys; from dita.live import pages; pages._PART_ROWS = 2_000; "
        "from dita.cli import main; main(sys.argv[1:])"
    )
    since = datetime.fromtimestamp(begin_ns // 1_000_000_000, UTC).isoformat()
    words = ["download", "-c", "binance", "-p", "BTC/USDT", "--kind", "trades", "--from", since]
    words += ["--out", str(out), "--exchange", served.address]
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as victim:
        parts = tmp_path / "t.parquet.parts"
        until = time.monotonic() + 30
        while not (parts.exists() and len(list(parts.glob("*.parquet"))) >= 2):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(victim.pid, signal.SIGKILL)
    served.command("heal")
    assert not out.exists()
    fetched = got(served, "trades", begin_ns, time.time_ns(), out)
    assert 0 < fetched.rows <= 8_000
    numbers = [trade.price for trade in open_market(out, "BTCUSDT") if isinstance(trade, Print)]
    assert numbers == [str(60_000 + number) for number in range(12_000)]
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_a_merge_that_was_killed_before_its_parts_were_removed_counts_them_once(
    served: ServerThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_ns, out = (time.time_ns() // HOUR_NS - 1) * HOUR_NS, tmp_path / "t.parquet"
    made(served, 1_500, begin_ns)
    monkeypatch.setattr(pages.shutil, "rmtree", lambda _: None)
    got(served, "trades", begin_ns, begin_ns + 100 * 1_000_000_000, out)
    monkeypatch.undo()
    assert got(served, "trades", begin_ns, time.time_ns(), out).rows == 500
    assert len(list(open_market(out, "BTCUSDT"))) == 1_500


# -------------------------------------------------------------------------------------------------- funding


@pytest.mark.parametrize("name", ["f.parquet", "f.csv"])
def test_the_command_writes_funding_that_a_backtest_reads(
    served: ServerThread, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    since = datetime.fromtimestamp(time.time() - 86_400, UTC).isoformat()
    words = ["download", "-c", "binance", "-p", "BTC/USDT", "--kind", "funding", "--from", since]
    assert main([*words, "--out", str(tmp_path / name), "--exchange", served.address]) == 0
    assert "3 rows added, 0 gaps" in capsys.readouterr().out
    rows = read_funding(tmp_path / name, ["BTCUSDT"])
    assert [(row.symbol, row.rate, row.mark) for row in rows] == [
        ("BTCUSDT", Decimal("0.0001"), Decimal("60000.05"))
    ] * 3
    assert all(row.time_ns % (8 * HOUR_NS) == 0 for row in rows)


def test_a_backtest_plays_what_was_downloaded(
    served: ServerThread, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    since = datetime.fromtimestamp(time.time() - 5 * 3_600, UTC).isoformat()
    words = ["download", "-c", "binance", "-p", "BTC/USDT", "--from", since, "--exchange", served.address]
    for kind in ("bars", "funding"):
        assert main([*words, "--kind", kind]) == 0
    assert main(["backtest", "ema-cross", "--data", "BTCUSDT.1m.parquet", "--out", "report"]) == 0
    assert "BTCUSDT" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("mine.csv", "bars", "choose another file"),
        ("mine.parquet", "bars", "is no Parquet file; choose another file"),
        ("other.parquet", "trades", "holds bars 1m of BTCUSDT, not trades of BTCUSDT"),
        ("t.csv", "trades", "trades are written as Parquet"),
    ],
)
def test_a_file_that_is_something_else_is_not_touched(
    served: ServerThread, tmp_path: Path, name: str, kind: Kind, what: str
) -> None:
    now_ns, out = time.time_ns() // HOUR_NS * HOUR_NS, tmp_path / name
    if name.startswith("mine"):
        out.write_text("my,own,file\n1,2,3\n", encoding="utf-8")
    elif name.startswith("other"):
        got(served, "bars", now_ns - 2 * HOUR_NS, now_ns - HOUR_NS, out)
    before = out.read_bytes() if out.exists() else None
    with pytest.raises(InvalidInput, match=what):
        got(served, kind, now_ns - 2 * HOUR_NS, now_ns, out)
    assert (out.read_bytes() if out.exists() else None) == before


def test_a_time_that_ends_before_it_begins_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["download", "-c", "binance", "-p", "BTC/USDT", "--from", "2026-01-02", "--to", "2026-01-01"]
    assert main([*words, "--out", str(tmp_path / "f.csv"), "--exchange", "127.0.0.1:1"]) != 0
    assert "--to: 2026-01-01 00:00:00 is not after --from" in capsys.readouterr().err


def test_the_search_for_trades_spans_less_than_an_hour() -> None:
    assert download._SEARCH_NS < HOUR_NS
