"""What `dita backtest` cannot play, case by case: one line with field and value, and nothing is written."""

import gzip
import re
from pathlib import Path

import pytest

from dita.cli import main

HEAD = "timestamp,open,high,low,close,volume"
ROWS = [f"2024-01-01T00:{minute:02d}:00Z,100,101,99,100,1" for minute in range(20)]
QUIET = """
from dita.strategy import Params, Strategy
from pydantic import Field

class Wanted(Params):
    length: int = Field(default=5, ge=1, le=50)

class Mine(Strategy):
    params_type = Wanted
"""


def acts(body: str, **attributes: object) -> str:
    lines = "".join(f"    {name} = {value!r}\n" for name, value in attributes.items())
    return f"{QUIET}{lines}    def on_bar(self, bar):\n        {body}\n"


STRATEGIES = [
    ("does not import", "import nowhere_at_all", r"s.py, line 1: does not import: .*nowhere_at_all"),
    ("half a line", "class Mine(Strat", r"s.py, line 1: does not import: SyntaxError"),
    ("raises", "x = 1\n1 / 0", r"s.py, line 2: does not import: ZeroDivisionError"),
    ("has none", "x = 1", r"s.py: has no strategy: derive one class"),
    ("has two", QUIET + "\nclass Other(Strategy):\n    pass\n", r"s.py: has 2 strategies; name one: .*:Mine"),
    ("loops", acts("while True: pass", call_limit_s=0.3), r"StrategyTimeout: on_bar .* 0.3 s .*\(s.py, line"),
    (
        "10,000 intents",
        acts("[self.enter(bar.symbol, 'LONG', 1) for _ in range(10_000)]", on_error="keep", slots=5000),
        r"TooManyIntents: Mine: more than 1000 intents in one callback \(s.py, line",
    ),
    (
        "trades another instrument",
        acts("self.enter('OTHER', 'LONG', 1)"),
        r"symbol.*'OTHER'.* is none of Mine's instruments: XUSDT",
    ),
    ("wants another market", acts("pass", instruments=("OTHER",)), r"OTHER has no market; there are XUSDT"),
    ("acts while warming", acts("self.enter(bar.symbol, 'LONG', 1)", warmup=3), r"WarmingUp"),
]


def market(place: Path, text: str | None = None) -> Path:
    path = place / "xusdt.csv"
    path.write_text("\n".join([HEAD, *ROWS]) + "\n" if text is None else text)
    return path


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code = main(["backtest", *map(str, words)])
    said = capsys.readouterr()
    assert code == 1
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err.strip().splitlines()[-1]


@pytest.mark.parametrize(("what", "source", "reported"), STRATEGIES, ids=[row[0] for row in STRATEGIES])
def test_a_strategy_that_cannot_be_is_reported_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, source: str, reported: str
) -> None:
    file = tmp_path / "s.py"
    file.write_text(source)
    said = refused(capsys, file, "--data", market(tmp_path), "--symbol", "XUSDT", "--out", tmp_path / "out")
    assert _matches(reported, said), said
    assert not (tmp_path / "out").exists(), what


def _matches(pattern: str, said: str) -> bool:
    return re.search(pattern, said) is not None


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("length=0", r"length: '0' .*greater than or equal to 1"),
        ("length=much", r"length: 'much' .*integer"),
        ("lenght=3", r"lenght: is no parameter of Mine; it has length"),
    ],
)
def test_a_parameter_that_cannot_be_is_reported_by_name_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, reported: str
) -> None:
    file = tmp_path / "s.py"
    file.write_text(QUIET)
    assert _matches(reported, refused(capsys, file, "--data", market(tmp_path), "--param", given))


def row(at: int, text: str) -> str:
    return "\n".join([HEAD, *ROWS[:at], text, *ROWS[at + 1 :]]) + "\n"


DATA = [
    ("nan", row(5, "2024-01-01T00:05:00Z,nan,101,99,100,1"), r"xusdt.csv.*line 7.*open.*nan"),
    ("negative", row(5, "2024-01-01T00:05:00Z,100,101,-99,100,1"), r"line 7.*low.*-99"),
    ("time goes back", row(5, "2024-01-01T00:01:00Z,100,101,99,100,1"), r"line 7.*time"),
    (
        "half a line",
        "\n".join([HEAD, *ROWS[:3], "2024-01-01T00:03:00Z,100,10"]),
        r"line 5.*column|line 5.*field",
    ),
    ("a wrong column", "timestamp,open,high,low,shut,volume\n" + ROWS[0], r"first line.*shut"),
    ("no number", row(2, "2024-01-01T00:02:00Z,100,x,99,100,1"), r"line 4.*high.*x"),
    ("no time", row(2, "yesterday,100,101,99,100,1"), r"line 4.*yesterday"),
    ("high below low", row(2, "2024-01-01T00:02:00Z,100,98,99,100,1"), r"line 4.*high"),
    ("empty", "", r"the file is empty"),
    ("a header alone", HEAD + "\n", r"a header but no bar under it"),
]


@pytest.mark.parametrize(("what", "text", "reported"), DATA, ids=[case[0] for case in DATA])
def test_data_that_cannot_be_is_reported_with_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, text: str, reported: str
) -> None:
    said = refused(capsys, "ema-cross", "--data", market(tmp_path, text), "--symbol", "XUSDT")
    assert _matches(reported, said), (what, said)


def test_a_file_of_another_symbol_and_one_that_is_cut_off_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = gzip.compress("\n".join([HEAD, *ROWS]).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    assert _matches(r"cut\.csv\.gz", refused(capsys, "ema-cross", "--data", tmp_path / "cut.csv.gz"))
    quote = '{{"e": "bookTicker", "s": "{}", "u": {}, "b": "1", "B": "1", "a": "2", "A": "1"}}'
    lines = [f"{1_723_161_255_088_169_167 + n} {quote.format(s, n)}" for n, s in enumerate(("X", "X", "Y"))]
    capture = tmp_path / "capture.txt"
    capture.write_text("\n".join(lines) + "\n")
    said = refused(capsys, "ema-cross", "--data", capture)
    assert _matches(r"capture\.txt.*line 3.*'Y' after 'X'; a capture holds one instrument", said), said


def test_a_parquet_file_of_another_schema_is_reported_with_its_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    parquet.write_table(arrow.table({"when": [1, 2], "what": ["a", "b"]}), path)
    said = refused(capsys, "ema-cross", "--data", path)
    assert _matches(r"x\.parquet.*when", said)
