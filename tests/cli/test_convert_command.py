"""`dita convert`: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from dita.cli.main import main
from dita.market import L2File

LINE = '17231612550000000{:02} {{"e":"trade","s":"BTCUSDT","p":"100.20","q":"{}","m":false}}\n'


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.jsonl"
    path.write_text("".join(LINE.format(number, number + 1) for number in range(3)), encoding="utf-8")
    return path


def test_what_was_found_is_reported_as_text_and_as_json(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.l2"
    assert main(["convert", str(capture), "-o", str(out)]) == 0
    reported = capsys.readouterr()
    assert f"{out}: BTCUSDT, {out.stat().st_size:,} bytes of {capture.stat().st_size:,}" in reported.out
    assert "0 quotes, 3 trades" in reported.out
    assert "MB a second" in reported.err
    assert main(["convert", str(capture), "-o", str(out), "--force", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["symbol"], report["prints"], report["written"]) == ("BTCUSDT", 3, out.stat().st_size)
    assert len(list(L2File(out))) == 3


def test_a_file_that_is_there_is_not_replaced_without_force(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.l2"
    out.write_text("precious")
    assert main(["convert", str(capture), "-o", str(out)]) == 1
    assert "is there already; --force replaces it" in capsys.readouterr().err
    assert out.read_text() == "precious"


def test_a_bad_line_is_one_line_of_error_and_can_be_skipped(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture.write_text(capture.read_text() + LINE.format(9, "NaN"), encoding="utf-8")
    words = ["convert", str(capture), "-o", str(tmp_path / "out.l2")]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert f"dita convert: {capture}, line 4: q: expected a finite number, got 'NaN'" in error
    assert "Traceback" not in error
    assert main([*words, "--skip-bad-lines"]) == 0
    assert "1 lines that could not be read, skipped" in capsys.readouterr().out
