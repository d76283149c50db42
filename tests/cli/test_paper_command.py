"""`dita paper`, and what it is asked: `pnl`, `strategies`, `pause`, `start`."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from dita.cli import main

HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DITA_HOME", str(tmp_path / "home"))
    path = tmp_path / "xusdt_1h.csv"
    rows = []
    for hour in range(72):
        price = 100 + abs(hour % 16 - 8) * 3
        begins = f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00:00"
        rows.append(f"{begins},{price}.0,{price + 2}.5,{price - 2}.0,{price + 1}.0,10\n")
    path.write_text(HEADER + "".join(rows))
    return str(path)


PARAMS = ["--param", "fast=2", "--param", "slow=5"]


def test_a_paper_run_leaves_its_log_its_reports_and_its_profit_by_day(
    market: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["paper", "ema-cross", "--data", market, "--speed", "max", "--name", "p", *PARAMS, "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    assert (tmp_path / "home" / "p" / "reports" / "report.html").is_file()
    assert main(["status", "p"]) == 0
    assert "not running" in capsys.readouterr().out
    assert main(["pnl", "p", "--period", "day", "--json"]) == 0
    days = json.loads(capsys.readouterr().out)["main"]
    assert [day["period"] for day in days] == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    assert sum(Decimal(day["change"]) for day in days) == Decimal(days[-1]["equity"]) - 10_000
    assert sum(Decimal(day["fees"]) for day in days) == Decimal(report["metrics"]["fees"])
    assert main(["pnl", "p", "--period", "all"]) == 0
    assert "all" in capsys.readouterr().out
    for period, begins in (("today", "2024-01-04"), ("week", "2024-01-01"), ("month", "2024-01-01")):
        assert main(["pnl", "p", "--period", period, "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["main"]
        assert row["period"].endswith(begins)
        wanted = days[-1:] if period == "today" else days
        assert Decimal(row["fees"]) == sum(Decimal(day["fees"]) for day in wanted)
    assert main(["strategies", "p", "--json"]) == 0
    assert "not running; this is from its log" in capsys.readouterr().err


def test_a_run_that_has_come_to_its_end_begins_anew_with_fresh(
    market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["paper", "ema-cross", "--data", market, "--speed", "max", *PARAMS]
    assert main(words) == 0
    assert main(words) == 1
    assert "--fresh" in capsys.readouterr().err
    assert main([*words, "--fresh"]) == 0
    assert "earlier-1" in capsys.readouterr().err


def test_the_backtest_and_the_paper_run_print_the_same(
    market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", "ema-cross", "--data", market, *PARAMS, "--json"]) == 0
    tested = capsys.readouterr().out
    assert (
        main(["paper", "ema-cross", "--data", market, *PARAMS, "--json", "--ephemeral", "--speed", "max"])
        == 0
    )
    assert capsys.readouterr().out == tested


@pytest.mark.parametrize("word", ["pause", "start", "stop"])
def test_what_only_a_running_host_can_do_says_so(
    market: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["paper", "ema-cross", "--data", market, "--speed", "max", "--name", "p", *PARAMS]) == 0
    capsys.readouterr()
    assert main([word, "p"]) == 1
    assert "no host answers here" in capsys.readouterr().err


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_a_speed_that_is_none_is_wrong_usage(speed: str, market: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["paper", "ema-cross", "--data", market, f"--speed={speed}"])
    assert caught.value.code == 2


def test_profit_by_more_periods_than_can_be_read_is_refused(
    market: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["paper", "ema-cross", "--data", market, "--speed", "max", "--name", "p", *PARAMS]) == 0
    monkeypatch.setattr("dita.timetravel.pnl._PERIODS_MAX", 10)
    assert main(["pnl", "p", "--period", "hour"]) == 1
    assert "take a longer one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "--data FILE plays a recorded market; -c binance -p BTC/USDT a live one"),
        (("-c", "binance", "-p", "BTC/USDT", "--data", "x.csv"), "--data: is for recorded markets"),
        (("-c", "binance", "-p", "BTC/USDT", "--speed", "60"), "--speed: is for recorded markets"),
        (("-c", "binance", "-p", "BTC/USDT", "--fill-at", "close"), "--fill-at: is for recorded markets"),
        (("-c", "binance", "--exchange", "127.0.0.1:9"), "-p: name at least one pair"),
    ],
)
def test_a_live_market_on_paper_takes_what_a_live_market_has(
    words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["paper", "ema-cross", *words]) == 1
    assert why in capsys.readouterr().err
