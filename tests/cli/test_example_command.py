"""`dita example`: what it lists, prints and writes, and what it never writes over."""

from itertools import pairwise
from pathlib import Path

import pytest

from dita.cli import example, main
from dita.market import open_market
from dita.strategy.samples import names


def test_without_a_name_the_samples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == names()


def test_a_sample_is_printed_or_written_and_never_over_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["example", "ema-cross"]) == 0
    printed = capsys.readouterr().out
    path = tmp_path / "my.py"
    assert main(["example", "ema-cross", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == printed
    assert f"dita backtest {path} --data FILE" in capsys.readouterr().out
    assert main(["example", "breakout", str(path)]) == 1
    assert capsys.readouterr().err == f"dita example: {path}: File exists\n"
    assert path.read_text(encoding="utf-8") == printed


def test_a_sample_that_is_not_there_is_named_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "moonshot"]) == 1
    known = ", ".join(names())
    assert capsys.readouterr().err == f"dita example: name: 'moonshot' is no sample; there are {known}\n"


def test_a_made_up_market_is_whole_minutes_without_gaps_and_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "BARS", 5)
    first, second = tmp_path / "synth_perp_1m.csv", tmp_path / "again.csv"
    assert main(["example", "--data", str(first)]) == 0
    assert main(["example", "--data", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()
    market = open_market(first, allow_gaps=False)
    bars = list(market)
    assert (market.symbol, len(bars)) == ("SYNTH-PERP", 5)
    assert {later.ts_ns - bar.ts_ns for bar, later in pairwise(bars)} == {60_000_000_000}


def test_a_market_is_never_written_over_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine")
    assert main(["example", "--data", str(path)]) == 1
    assert capsys.readouterr().err == f"dita example: {path}: File exists\n"
    assert path.read_text() == "mine"


def test_a_strategy_and_its_market_come_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(example, "BARS", 60)
    strategy, market = str(tmp_path / "my.py"), str(tmp_path / "synth_perp_1m.csv")
    assert main(["example", "ema-cross", strategy, "--data", market]) == 0
    assert f"dita backtest {strategy} --data {market}" in capsys.readouterr().out
    assert main(["backtest", strategy, "--data", market]) == 0
    assert "SYNTH-PERP: bundled table" in capsys.readouterr().out
