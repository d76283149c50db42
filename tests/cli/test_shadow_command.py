"""`dita shadow`: its report on stdout, what it tells on stderr, and what it refuses."""

import json
from pathlib import Path

import pytest

from dita.cli import main

DEMO = ["shadow", "--shadow", "--symbols", "BTCUSDT,ETHUSDT", "--iterations", "20", "--edge-threshold", "3.0"]


def test_the_report_is_one_line_and_freezes_are_reported_beside_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MM_FREEZE_UTC_ISO", "2025-01-01T00:00:00Z")
    assert main(DEMO) == 0
    first, reported = capsys.readouterr()
    assert main(DEMO) == 0
    assert capsys.readouterr().out == first
    assert first.count("\n") == 1
    assert json.loads(first)["risk"]["last_freeze_reason"] == "Edge degradation: 2.40 BPS < 3.00 BPS"
    lines = reported.splitlines()
    assert lines[-1] == "System FROZEN: edge=2.8bps < threshold"
    assert all(line.startswith("Rejected: CLI") for line in lines[:-1])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--symbols", "BTCUSDT"], "required: --shadow"),
        (["--shadow"], "required: --symbols"),
        (["--shadow", "--symbols", ","], "name one instrument at least"),
    ],
)
def test_without_its_word_or_a_symbol_it_is_a_usage_error(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["shadow", *arguments])
    assert ended.value.code == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--fill-rate", "2"], "fill_rate: 2"),
        (["--max-inv", "nan"], "max_inventory_usd_per_symbol: 'nan'"),
        (["--iterations", "0"], "iterations: 0"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shadow", "--shadow", "--symbols", "BTCUSDT", *arguments]) == 1
    out, reported = capsys.readouterr()
    assert named in reported
    assert not out


def test_a_market_file_gives_the_quotes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "BTCUSDT.csv"
    rows = [f"{1_700_000_000_000_000_000 + at},50000.0,1,50000.2,1" for at in range(3)]
    file.write_text("time,bid,bid_size,ask,ask_size\n" + "\n".join(rows) + "\n")
    run = ["shadow", "--shadow", "--symbols", "BTCUSDT", "--data", str(file), "--reject-rate", "0"]
    assert main(run) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["execution"]["iterations"], report["orders"]["placed"]) == (3, 6)


def test_a_load_test_says_that_k_is_e(capsys: pytest.CaptureFixture[str]) -> None:
    run = ["shadow", "--shadow", "--symbols", "BTCUSDT", "--load", "rejects", "--iterations", "40"]
    assert main(run) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["difference"] == 0
    assert report["orders"]["rejected"] > 10
