"""`dita twin`, and `--twin` beside a run: both sums, the file for the backtest, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from twins import SYMBOL, write_quotes

from dita.cli import main

TRADER = Path(__file__).parents[1] / "backtest" / "twins.py"
#: What the paper venue of these tests is.
VENUE = ["--latency-ms", "80", "--slippage-bps", "1.5", "--taker-rate", "0.0005", "--capital", "1000000"]


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_HOME", str(tmp_path / "home"))
    return write_quotes(tmp_path / "btcusdt.csv", count=3_000, step_ns=7_000_000)


def paper(market: Path, *more: str) -> list[str]:
    where = ["--data", str(market), "--symbol", SYMBOL, "--speed", "max", "--name", "p", "--json"]
    return ["paper", f"{TRADER}:Trader", *where, *VENUE, "--param", "maker=False", *more]


def reported(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def check_sums(part: dict[str, Any]) -> None:
    for asset in part["assets"].values():
        total = sum((Decimal(amount) for amount in asset["by_kind"].values()), Decimal(0))
        assert total == Decimal(asset["live"]) - Decimal(asset["twin"]) == Decimal(asset["difference"])


def test_a_paper_run_is_explained_and_its_numbers_go_to_the_backtest(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(paper(market)) == 0
    capsys.readouterr()
    twin = ["twin", "p", "--market", str(market), "--symbol", SYMBOL]
    assert main([*twin, "--json"]) == 0
    answer = reported(capsys)
    check_sums(answer)
    check_sums(answer["again"])
    assert abs(Decimal(answer["estimates"]["latency_ms"]) - 80) <= 8
    assert abs(Decimal(answer["estimates"]["slippage_bps"]) - Decimal("1.5")) <= Decimal("0.15")
    first, again = (Decimal(one["assets"]["USDT"]["difference"]) for one in (answer, answer["again"]))
    assert abs(again) < abs(first)

    out = tmp_path / "numbers.json"
    assert main([*twin, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "live less twin" in text
    assert "What the log tells of the venue" in text
    backtest = ["backtest", f"{TRADER}:Trader", "--data", str(market), "--symbol", SYMBOL]
    assert main([*backtest, "--assumptions", str(out), "--json"]) == 0
    assumptions = {one["name"]: one["text"] for one in reported(capsys)["assumptions"]}
    assert assumptions["latency"].startswith(answer["estimates"]["latency_ms"])
    # What the command line says counts before the file.
    assert main([*backtest, "--assumptions", str(out), "--latency-ms", "5", "--json"]) == 0
    (latency,) = [one["text"] for one in reported(capsys)["assumptions"] if one["name"] == "latency"]
    assert latency.startswith("5 ms")


def test_a_twin_beside_a_paper_run_leaves_its_answer(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(paper(market, "--twin")) == 0
    capsys.readouterr()
    answer = json.loads((tmp_path / "home" / "p" / "twin.json").read_text())
    assert "error" not in answer, answer
    check_sums(answer)
    assert answer["trades"]["live"] > 5
    # The market that it played is known: nobody has to name it again.
    assert main(["twin", "p", "--json"]) == 0
    assert reported(capsys)["assets"] == answer["assets"]


def test_without_a_recording_the_command_says_no_market(
    market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(paper(market)) == 0
    capsys.readouterr()
    assert main(["twin", "p"]) == 1
    assert "NO_MARKET" in capsys.readouterr().err
    assert main(["twin", "p", "--market", "nowhere.csv"]) == 1
    assert "NO_MARKET: nowhere.csv: there is no such recording" in capsys.readouterr().err


def test_a_place_that_is_none_is_refused(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["twin", "nobody", "--market", str(market)]) == 1
    assert "nobody: is no directory and no host" in capsys.readouterr().err


def test_a_run_that_keeps_no_log_has_no_twin(market: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in paper(market, "--twin", "--ephemeral") if word not in ("--name", "p")]
    assert main(words) == 1
    assert "--twin: an ephemeral run keeps no log" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-c", "bybit", "--shadow"], "`dita record` cannot that of bybit"),
        (["-c", "binance"], "this run is on the test network"),
    ],
)
def test_a_market_that_is_not_recorded_has_no_twin(
    words: list[str],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("NOBODYS", "x" * 32)
    keys = ["--api-key", "env:NOBODYS", "--api-secret", "env:NOBODYS"]
    assert (
        main(["run", "ema-cross", "-p", "BTC/USDT", "--dir", str(tmp_path / "h"), "--twin", *words, *keys])
        == 1
    )
    assert named in capsys.readouterr().err


def test_an_assumption_that_cannot_be_is_named(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "numbers.json"
    file.write_text('{"latency_ms": "soon"}')
    backtest = ["backtest", "ema-cross", "--data", str(market), "--assumptions", str(file)]
    assert main(backtest) == 1
    assert "latency_ms: 'soon' is no decimal text" in capsys.readouterr().err
