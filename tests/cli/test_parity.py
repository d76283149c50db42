"""One recorded day by `dita backtest`, by `dita paper --speed max`, and as its log replays: all the same."""

import csv
import gzip
import json
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dita import timetravel
from dita.cli import main
from dita.market import BinanceL2File, Quote

DAY_BARS = 24 * 60
QUOTES = 12_000

STRATEGY = '''
from pathlib import Path

from dita import ExitSpec
from dita.strategy import Strategy


class Busy(Strategy):
    """By market, by limits that are canceled, with a stop and a target: orders end in each way."""

    slots = 2

    def __init__(self, params=None):
        super().__init__(params)
        self.received = 0

    def on_bar(self, bar):
        self.step(bar.symbol, bar.close)

    def on_quote(self, quote):
        if self.received % 10:
            self.received += 1
        else:
            self.step(quote.symbol, quote.bid)

    def on_fill(self, fill):
        """Kept beside this file: the report has trades, and no fills."""
        with Path(__file__).with_suffix(".fills").open("a") as out:
            print(fill.time_ns, fill.order_id, fill.side, fill.price, fill.size, fill.fee, file=out)

    def step(self, symbol, price):
        self.received += 1
        tick = self.instrument(symbol)["tick_size"]
        under, over = (price * (10_000 + n) / 10_000 // tick * tick for n in (-20, 20))
        size = self.size_for(symbol, notional=2_000)
        held = [trade for trade in self.trades() if trade.size]
        for order in self.orders():
            if order.attached is None and self.received % 7 == 0:
                self.cancel(order)
        if len(self.trades()) < 2 and self.received % 3:
            if self.received % 2:
                pair = (ExitSpec("STOP", trigger_price=under), ExitSpec("TARGET", limit_price=over))
                self.enter(symbol, "LONG", size, exits=pair)
            else:
                self.enter(symbol, "LONG", size, order_type="LIMIT", limit_price=price - tick)
        elif held and self.received % 11 == 0:
            self.exit(held[0])
'''


@pytest.fixture
def strategy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_HOME", str(tmp_path / "home"))
    file = tmp_path / "busy.py"
    file.write_text(STRATEGY)
    return file


@pytest.fixture
def day_of_bars(btc_perp_bars: Path, tmp_path: Path) -> Path:
    """2022-01-01, UTC: the file begins in the last hour of the day before."""
    file = tmp_path / "btc_perp_1m.csv"
    with gzip.open(btc_perp_bars, "rt") as given:
        header = next(given)
        rows = [line for line in islice(given, 2 * DAY_BARS) if line.startswith("2022-01-01")]
    assert len(rows) == DAY_BARS
    file.write_text(header + "".join(rows))
    return file


@pytest.fixture
def file_of_quotes(btcusdt_capture: Path, tmp_path: Path) -> Path:
    """The best quotes of a recording, as a file of quotes."""
    file = tmp_path / "btcusdt_quotes.csv"
    reported = (event for event in BinanceL2File(btcusdt_capture) if isinstance(event, Quote))
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["timestamp", "bid", "bid_size", "ask", "ask_size"])
        for quote in islice(reported, QUOTES):
            rows.writerow([quote.ts_ns, quote.bid, quote.bid_size, quote.ask, quote.ask_size])
    return file


@pytest.mark.parametrize(("market", "symbol"), [("day_of_bars", "BTC-PERP"), ("file_of_quotes", "BTCUSDT")])
def test_backtest_paper_and_replay_of_a_recorded_day_have_the_same_fills_and_the_same_money(
    market: str,
    symbol: str,
    strategy: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = request.getfixturevalue(market)
    words = [str(strategy), "--data", str(file), "--symbol", symbol, "--capital", "10000", "--json"]
    assert main(["backtest", *words]) == 0
    tested, tested_fills = capsys.readouterr().out, received_fills(strategy)
    assert main(["paper", *words, "--speed", "max", "--name", "day"]) == 0
    assert capsys.readouterr().out == tested
    assert received_fills(strategy) == tested_fills

    report = json.loads(tested)
    assert len(tested_fills) == report["fills"] > 100
    assert min(report["orders"][end] for end in ("filled", "canceled")) > 10
    log = tmp_path / "home" / "day" / "log" / "main"
    # From the first record on, and not from the snapshot at its end.
    replay = timetravel.Replay(log, from_start=True)
    assert [fill_of(step["input"]) for step in replay if is_fill(step)] == tested_fills
    assert replay.differences() == (0, [])
    account = replay.account(report["asset"])
    assert account is not None
    assert account["k_capital"] == account["e_wallet_balance"] == Decimal(report["final_k"])
    assert Decimal(report["final_e"]) == Decimal(report["final_k"])


def received_fills(strategy: Path) -> list[str]:
    """What the strategy was told, once: the next run begins a new list."""
    kept = strategy.with_suffix(".fills")
    reported = kept.read_text().splitlines()
    kept.unlink()
    return reported


def is_fill(step: Any) -> bool:
    return step["type"] == "VENUE_EVENT" and step["input"]["kind"] in ("PARTIAL_FILL", "FULL_FILL")


def fill_of(event: Any) -> str:
    names = ("timestamp", "venue_client_id", "order_side", "price", "size", "fee")
    return " ".join(str(event[name]) for name in names)
