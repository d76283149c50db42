"""`dita walk-forward`: windows, what was chosen, and the figures of the tests."""

import json
from pathlib import Path

import pytest
from sweeping import write_bars, write_strategy

from dita.cli import main


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Ten days and five hours of bars: three windows."""
    strategy, data = write_strategy(tmp_path), write_bars(tmp_path, 245)
    space = ["--param", "every=4,6,9", "--param", "held=1,2"]
    lengths = ["--train", "4d", "--test", "2d", "--processes", "1"]
    return ["walk-forward", str(strategy), "--data", str(data), *space, *lengths]


def test_the_table_has_a_line_for_each_window_and_the_figures_of_the_tests(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    reported = capsys.readouterr().out
    assert "InTurns: 3 test windows, parameters chosen by sharpe" in reported
    lines = [line for line in reported.splitlines() if line.startswith("  2024-01-")]
    assert [line.split()[:6:2] for line in lines] == [
        ["2024-01-01", "2024-01-05", "2024-01-07"],
        ["2024-01-03", "2024-01-07", "2024-01-09"],
        ["2024-01-05", "2024-01-09", "2024-01-11"],
    ]
    assert "total_return" in reported
    assert "5:00:00 at the end are too short for one more test window." in reported
    assert "18 training runs were made to choose for 3 test windows" in reported


def test_out_keeps_the_runs_and_the_same_command_again_runs_nothing(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "walk"
    assert main([*words, "--out", str(out), "--json"]) == 0
    first = capsys.readouterr().out
    assert json.loads(first)["text"].startswith("18 training runs")
    assert (out / "walk-forward.json").read_text() == first
    kept = (out / "runs.jsonl").read_bytes()
    assert main([*words, "--out", str(out), "--json"]) == 0
    assert capsys.readouterr().out == first
    assert (out / "runs.jsonl").read_bytes() == kept


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--train", "4 days"], "--train: '4 days' is no length: write it like 30d, 12h or 90m"),
        (["--test", "0d"], "--test: '0d' is no length"),
        (["--train", "300d"], "train: '300 days"),
        (["--by", "luck"], "by: 'luck' is no metric"),
        (["--processes", "0"], "--processes: 0 must be 1 or more"),
        (["--param", "every=4"], "--param: 'every' is given twice"),
    ],
)
def test_what_cannot_be_is_reported_by_name_and_value(
    words: list[str], changed: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *changed]) == 1
    assert message in capsys.readouterr().err
