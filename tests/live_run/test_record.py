"""`dita record` against `dita exchange`: what is recorded is what a live run saw, and a backtest plays it."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings, read_instruments
from dita.live.captures import Capture
from dita.live.places import Place
from dita.live.record import Recording
from dita.live.run import LiveHost
from dita.market import BinanceL2File, open_market
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.strategy import QuoteTick, Strategy, TradeTick
from live import until
from live_runs import shadow_of, traded

QUOTES: list[tuple[Any, ...]] = []
TRADES: list[tuple[Any, ...]] = []


class Listener(Strategy):
    """Keeps what it receives, in lists of the module: a backtest makes its own instance."""

    def on_quote(self, quote: QuoteTick) -> None:
        QUOTES.append((quote.bid, quote.bid_size, quote.ask, quote.ask_size))

    def on_trade(self, trade: TradeTick) -> None:
        TRADES.append((trade.price, trade.size))


@pytest.fixture
def served() -> Iterator[ServerThread]:
    with ServerThread(Terms()) as server:
        yield server


def recorded(server: ServerThread, folder: Path, while_it: Callable[[Recording], object]) -> Path:
    """Record while something happens; the file."""
    recording = Recording(Place.chosen(server.address, live=False), ["BTCUSDT"], folder)
    try:
        while_it(recording)
    finally:
        recording.close()
    assert recording.error == ""
    return recording.captures["btcusdt"].path


def recorded_in_a_backtest(path: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    QUOTES.clear()
    TRADES.clear()
    settings = BacktestSettings(instruments=read_instruments(path.parent / "instruments.json"))
    BacktestEngine([Named("Listener", Listener)], [open_market(path)], settings).run()
    return list(QUOTES), list(TRADES)


def is_part(some: list[Any], whole: list[Any]) -> bool:
    """Whether some are in the whole, in their order."""
    rest = iter(whole)
    return all(one in rest for one in some)


def test_a_backtest_of_a_recording_receives_what_the_live_run_received(
    served: ServerThread, tmp_path: Path
) -> None:
    live: list[list[tuple[Any, ...]]] = []

    def trade(recording: Recording) -> None:
        until(lambda: recording.captures["btcusdt"].lines > 20)
        QUOTES.clear()
        TRADES.clear()
        run = LiveHost(shadow_of(served, Listener))
        traded(run, lambda: len(TRADES) >= 10 and len(QUOTES) >= 20)
        live[:] = [list(QUOTES), list(TRADES)]
        # What the run has received the recording must have as well before it ends.
        seen = recording.captures["btcusdt"].lines
        until(lambda: recording.captures["btcusdt"].lines > seen + 10)

    path = recorded(served, tmp_path, trade)
    quotes, trades = recorded_in_a_backtest(path)
    first = next(n for n in range(len(trades)) if trades[n : n + len(live[1])] == live[1])
    assert first >= 0
    assert is_part(live[0], quotes)
    counts = _counts(path)
    assert (counts.gaps, counts.snapshots) == (0, 1)


def _counts(path: Path) -> Any:
    market = BinanceL2File(path)
    list(market)
    return market.counts


def test_each_cut_is_a_gap_row_and_the_book_begins_anew(served: ServerThread, tmp_path: Path) -> None:
    def cut(recording: Recording) -> None:
        capture = recording.captures["btcusdt"]
        until(lambda: capture.lines > 20)
        served.command("cut")
        until(lambda: capture.gaps >= 1)
        seen = capture.lines
        until(lambda: capture.lines > seen + 40)

    path = recorded(served, tmp_path, cut)
    with gzip.open(path, "rt") as file:
        messages = [json.loads(line.split(" ", 1)[1]) for line in file]
    gaps = [n for n, one in enumerate(messages) if one.get("e") == "gap"]
    assert gaps
    assert any("lastUpdateId" in one for one in messages[gaps[-1] :])
    counts = _counts(path)
    assert counts.gaps >= 1
    assert counts.snapshots >= 2
    # A backtest plays it.
    recorded_in_a_backtest(path)


def test_frames_that_come_faster_than_they_are_written_leave_a_gap_and_never_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dita.live.captures._LINES_MAX", 10)
    capture = Capture(tmp_path, "BTCUSDT")
    taken = [capture.put(time.time_ns(), "{}") for _ in range(200_000)]
    capture.close()
    assert capture.lost == taken.count(False) > 0
    with gzip.open(capture.path, "rt") as file:
        assert sum(1 for _ in file) == capture.lines == taken.count(True)


def test_a_new_day_is_a_new_file(tmp_path: Path) -> None:
    capture = Capture(tmp_path, "BTCUSDT")
    day = 86_400 * 1_000_000_000
    at = time.time_ns() // day * day
    for now_ns in (at, at + day - 1, at + day):
        capture.is_new_day(now_ns)
        capture.put(now_ns, "{}")
    capture.close()
    files = sorted(tmp_path.glob("*.gz"))
    assert sorted(gzip.decompress(file.read_bytes()).count(b"\n") for file in files) == [1, 2]


def test_a_recording_that_was_killed_can_be_played(served: ServerThread, tmp_path: Path) -> None:
    words = ["record", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", *words, "--out", str(tmp_path)], env=dict(os.environ)
    )
    try:
        until(lambda: any(path.stat().st_size > 4_000 for path in tmp_path.glob("*.gz")), 40)
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait(10)
    (path,) = tmp_path.glob("*.gz")
    quotes, _ = recorded_in_a_backtest(path)
    assert quotes


def test_the_command_ends_by_a_signal_and_says_what_it_wrote(served: ServerThread, tmp_path: Path) -> None:
    words = ["record", "-c", "binance", "-p", "BTC/USDT", "--exchange", served.address]
    program = subprocess.Popen(
        [sys.executable, "-m", "dita.cli", *words, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: any(path.stat().st_size > 1_000 for path in tmp_path.glob("*.gz")), 40)
        program.send_signal(signal.SIGTERM)
        said, _ = program.communicate(timeout=30)
    finally:
        if program.poll() is None:
            program.kill()
    assert program.returncode == 0
    assert "frames, 0 gaps" in said
    rules = read_instruments(tmp_path / "instruments.json")
    assert Decimal(rules["BTCUSDT"]["tick_size"]) == Decimal("0.1")
