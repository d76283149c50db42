"""`dita backtest` end to end: a good run, and every bad input named in one line."""

import json
import logging
from pathlib import Path

import pytest

from dita.cli import main

HEADER = "timestamp,open,high,low,close,volume\n"
ROWS = "2024-01-01T00:00:00,100,101,99,100,1\n2024-01-01T00:01:00,100,101,99,100,1\n"
NEXT = "2024-01-01T00:02:00"
BUYS = """
from dita.strategy import Params, Strategy
from pydantic import Field

class MineParams(Params):
    size: int = Field(1, ge=1, le=5)

class Mine(Strategy):
    params_type = MineParams

    def on_bar(self, bar):
        if not self.trades():
            self.enter(bar.symbol, "LONG", self.params.size)
"""
QUOTES = "timestamp,bid,ask\n"


def strategy_of(body: str) -> str:
    return "from dita.strategy import Strategy\nclass Mine(Strategy):\n" + body


def on_bar(action: str) -> str:
    return strategy_of(f"    def on_bar(self, bar):\n        {action}\n")


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def good_market(folder: Path) -> str:
    rows = "".join(f"2024-01-01T00:{n:02}:00,{100 + n},{103 + n},{98 + n},{101 + n},1\n" for n in range(9))
    return written(folder / "xusdt_1m.csv", HEADER + rows)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of a run that cannot be: one line, no traceback, nothing on the other stream."""
    assert main(["backtest", *arguments]) == 1
    received = capsys.readouterr()
    assert received.out == ""
    assert received.err.startswith("dita backtest: ")
    assert received.err.count("\n") == 1
    return received.err


def test_a_good_run_prints_its_report_and_writes_three_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market, mine, out = good_market(tmp_path), written(tmp_path / "mine.py", BUYS), tmp_path / "out"
    assert main(["backtest", mine, "--data", market, "--param", "size=2", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("ASSUMPTIONS")
    assert "(0.001 where none was named)" in text
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "report.txt"]
    assert (out / "report.txt").read_text(encoding="utf-8") == text
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["symbols"] == ["XUSDT"]


def test_the_same_command_prints_the_same_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    market, mine = good_market(tmp_path), written(tmp_path / "mine.py", BUYS)

    def run(*more: str) -> str:
        assert main(["backtest", mine, "--data", market, "--json", *more]) == 0
        return capsys.readouterr().out

    first, other = run(), run("--param", "size=2")
    assert first == run()
    assert json.loads(first)["run_id"] != json.loads(other)["run_id"]


def test_intents_that_the_kernel_refused_are_in_the_report_by_their_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = written(tmp_path / "mine.py", on_bar("self.enter(bar.symbol, 'LONG', '0.00001')"))
    assert main(["backtest", mine, "--data", good_market(tmp_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Mine: 9 of its intents refused, the first at 2024-01-01 00:01:00 UTC: BELOW_FLOOR" in printed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + ROWS + f"{NEXT},NaN,101,99,100,1\n", "line 4: open: expected a finite number, got 'NaN'"),
        (HEADER + ROWS + f"{NEXT},100,101,-99,100,1\n", "line 4: low: must not be negative, got '-99'"),
        (HEADER + ROWS + f"{NEXT},100,101,0,100,1\n", "line 4: low: must be above zero, got '0'"),
        (HEADER + ROWS + f"{NEXT},100,99,101,100,1\n", "line 4: high: '99' is below low '101'"),
        (HEADER + ROWS + "2024-01-01T00:00:30,100,101,99,100,1\n", "line 4: timestamp: '2024-01-01T00:00:30"),
        (HEADER + ROWS + "2024-01-01T00:01:30,100,101,99,100,1\n", "line 4: timestamp: 30 s after the row"),
        (HEADER + ROWS + "2024-01-01T00:05:00,100,101,99,100,1\n", "line 4: timestamp: 3 bars are missing"),
        (
            HEADER + ROWS + "noon,100,101,99,100,1\n",
            "line 4: timestamp: expected an ISO 8601 time, got 'noon'",
        ),
        (HEADER + ROWS + f"{NEXT},100,1", f"line 4: expected at least 6 fields, got 3: '{NEXT},100,1'"),
        (
            HEADER + "1969-01-01T00:00:00,100,101,99,100,1\n",
            "line 2: timestamp: '1969-01-01T00:00:00+00:00' is",
        ),
        (
            HEADER + "2024-01-01T00:00:00.0,1,1,1,1,1\n2024-01-01T00:00:00.5,1,1,1,1,1\n",
            "rows are 0.5 s apart",
        ),
        (HEADER.replace("close", "closing") + ROWS, "the first line is 'timestamp,open,high,low,closing"),
        ("symbol," + HEADER + "YUSDT,2024-01-01,100,101,99,100,1\n", "line 2: symbol: 'YUSDT' is not XUSDT"),
        (HEADER, "there is a header but no bar under it"),
        ("", "the file is empty"),
        (QUOTES, "have no events"),
        (QUOTES + "2024-01-01,nan,101\n", "line 2: bid: expected a finite number, got 'nan'"),
        (QUOTES + "2024-01-01,102,101\n", "line 2: bid: '102' is above ask '101'"),
        (QUOTES + "2024-01-01,100.00000000000000002,100.00000000000000001\n", "line 2: bid: '100.00"),
        (QUOTES + "2024-01-01,1\n", "line 2: expected at least 3 fields, got 2: '2024-01-01,1'"),
        (
            QUOTES + "2024-01-02,1,2\n2024-01-01,1,2\n",
            "line 3: timestamp: '2024-01-01' is before '2024-01-02'",
        ),
        (QUOTES + "1969-01-01,1,2\n", "line 2: timestamp: '1969-01-01' is before 1970"),
        ("timestamp,symbol,bid,ask\n2024-01-01,YUSDT,1,2\n", "line 2: symbol: 'YUSDT' is not XUSDT"),
    ],
)
def test_a_bad_market_is_named_with_line_field_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    market = written(tmp_path / "xusdt_1m.csv", content)
    mine = written(tmp_path / "mine.py", BUYS)
    text = refusal(capsys, mine, "--data", market)
    assert message in text
    assert "xusdt_1m.csv" in text


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import nothing_like_it", "mine.py, line 1: does not import: ModuleNotFoundError"),
        ("def x(:", "mine.py, line 1: does not import: SyntaxError"),
        ("raise SystemExit(3)", "mine.py, line 1: does not import: SystemExit: 3"),
        ("", "mine.py: has no strategy: derive one class"),
        (BUYS + "\nclass Other(Strategy):\n    pass\n", "mine.py: has 2 strategies; name one"),
        (strategy_of("    instruments = 'XUSDT'\n"), "Mine.instruments: 'XUSDT' is no tuple of names"),
        (strategy_of("    instruments = ('ZUSDT',)\n"), "Mine: ZUSDT has no market; there are XUSDT"),
        (strategy_of("    intervals = '5m'\n"), "Mine.intervals: '5m' is no tuple of names"),
        (strategy_of("    intervals = ('5x',)\n"), "interval: '5x' is none: write it like"),
        (strategy_of("    intervals = ('30s',)\n"), "intervals: 30s cannot be built from bars of 1m"),
        (strategy_of("    warmup = 'x'\n"), "Mine.warmup: 'x' must be a whole number"),
        (strategy_of("    slots = 0\n"), "Mine.slots: 0 must be a whole number from 1"),
        (strategy_of("    on_error = 'panic'\n"), "Mine.on_error: 'panic' is none of keep, cancel, flatten"),
        (strategy_of("    params_type = int\n"), "Mine.params_type: <class 'int'> is no class that derives"),
        (strategy_of("    def __init__(self):\n        pass\n"), "Mine: cannot be made: TypeError"),
        (
            strategy_of("    def __init__(self, params):\n        pass\n"),
            "must call super().__init__(params)",
        ),
        (on_bar("1 / 0"), "Mine: ZeroDivisionError: division by zero (mine.py, line 4)"),
        (on_bar("raise SystemExit(3)"), "Mine: SystemExit: 3 (mine.py, line 4)"),
        (on_bar("self.enter('ZUSDT', 'LONG', 1)"), "symbol: 'ZUSDT' is none of Mine's instruments: XUSDT"),
        (on_bar("self.enter(bar.symbol, 'BUY', 1)"), "side: 'BUY' is not a TradeSide: LONG, SHORT"),
        (on_bar("self.exit('ZUSDT')"), "trade: 'ZUSDT' names 0 of the strategy's open trades"),
        (on_bar("self.size_for('ZUSDT', notional=1)"), "'ZUSDT' is no instrument"),
    ],
)
def test_a_bad_strategy_is_named_with_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, message: str
) -> None:
    assert message in refusal(
        capsys, written(tmp_path / "mine.py", code), "--data", good_market(tmp_path)
    ).replace(str(tmp_path), "")


@pytest.mark.parametrize(
    "place", ["", ".", ":", "nothing_like_it", "nothing.py", "dita.strategy.samples.ema_cross:No"]
)
def test_a_strategy_that_is_nowhere_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    assert place.partition(":")[0] in refusal(capsys, place, "--data", good_market(tmp_path))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--param", "size=9", "size: '9' Input should be less than or equal to 5"),
        ("--param", "size=x", "size: 'x' Input should be a valid integer"),
        ("--param", "sise=1", "sise: is no parameter of Mine; it has size"),
        ("--capital", "0", "capital: Decimal('0') must be above zero"),
        ("--taker-rate", "5", "taker_rate: Decimal('5') must be a fraction"),
        ("--latency-ms", "-1", "latency_ms: Decimal('-1') must be from 0"),
        ("--slippage-bps", "10000", "slippage_bps: Decimal('10000') must be from 0 to 9999"),
        ("--seed", "-1", "seed: -1 must be from 0"),
        ("--funding", "none.csv", "funding: 'none.csv' No such file"),
        ("--instruments", "none.json", "instruments: 'none.json' No such file"),
        ("--data", "none.csv", "none.csv: cannot be read: No such file"),
        ("--symbol", "A --symbol B", "--symbol: 2 names for 1 files"),
    ],
)
def test_a_bad_option_is_named_with_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    mine = written(tmp_path / "mine.py", BUYS)
    given = (option, *value.split())
    assert message in refusal(capsys, mine, "--data", good_market(tmp_path), *given)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "has no rows under a header"),
        ("2024-01-01T00:02:00,XUSDT,5,\n", "line 2: rate: '5' must be a fraction of the value"),
        ("2024-01-01T00:02:00,XUSDT,0.01,-5\n", "line 2: mark: '-5' must be above zero"),
        ("2024-01-01T00:02:00,XUSDT,0.01,\n" * 2, "line 3: time: '2024-01-01T00:02:00' is there twice"),
    ],
)
def test_a_bad_funding_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    funding = written(tmp_path / "funding.csv", "time,symbol,rate,mark\n" + rows)
    mine = written(tmp_path / "mine.py", BUYS)
    text = refusal(capsys, mine, "--data", good_market(tmp_path), "--funding", funding)
    assert message in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must be an object of symbols"),
        ("{", "is no JSON"),
        ('{"XUSDT": {"tick_size": "1"}}', "instruments.XUSDT.lot_step: None is needed"),
        ('{"XUSDT": {"tick": "1"}}', "instruments.XUSDT.tick: '1' is no key of an exchange configuration"),
        ('{"XUSDT": {"tick_size": "x", "lot_step": "1"}}', "instruments.XUSDT.tick_size: 'x' "),
    ],
)
def test_a_bad_file_of_instruments_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    rules = written(tmp_path / "rules.json", content)
    mine = written(tmp_path / "mine.py", BUYS)
    text = refusal(capsys, mine, "--data", good_market(tmp_path), "--instruments", rules)
    assert message in text


def test_a_program_that_listens_to_the_log_has_the_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = written(tmp_path / "mine.py", on_bar("1 / 0"))
    with caplog.at_level(logging.ERROR, "dita.strategy"):
        refusal(capsys, mine, "--data", good_market(tmp_path))
    assert caplog.records[0].exc_info is not None


def test_an_order_misses_the_next_open_where_there_is_latency_and_the_report_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market, mine = good_market(tmp_path), written(tmp_path / "mine.py", BUYS)
    entered = {}
    for latency in ("0", "1"):
        assert main(["backtest", mine, "--data", market, "--latency-ms", latency]) == 0
        text = capsys.readouterr().out
        entered[latency] = next(line.split()[4] for line in text.splitlines() if " LONG " in line)
        assert ("misses the next open" in text) is (latency == "1")
    assert entered == {"0": "00:01:00", "1": "00:02:00"}


def test_days_and_the_balance_have_the_names_of_other_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(
        f"2024-01-0{1 + n // 24}T{n % 24:02}:00:00,{100 + n % 9},120,90,{100 + n % 7},1\n" for n in range(96)
    )
    market = written(tmp_path / "xusdt_1h.csv", HEADER + rows)
    mine = written(tmp_path / "mine.py", BUYS)
    reports = []
    for window in (
        ("--from", "2024-01-02", "--to", "2024-01-03", "--balance", "5000"),
        ("--since", "2024-01-02", "--until", "2024-01-04T00:00:00", "--capital", "5000"),
    ):
        assert main(["backtest", mine, "--data", market, "--json", *window]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]
    report = json.loads(reports[0])
    assert (report["bars"], report["capital"]) == (48, "5000")
    for wrong, why in (
        (("--to", "2024-02-30"), "expected a day as YYYY-MM-DD, got '2024-02-30'"),
        (("--from", "2024-01-02", "--since", "2024-01-02"), "not allowed with"),
    ):
        with pytest.raises(SystemExit):
            main(["backtest", mine, "--data", market, *wrong])
        assert why in capsys.readouterr().err


def test_bars_that_state_their_close_and_rows_that_go_back_are_said_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    market = written(tmp_path / "xusdt_1m.csv", HEADER + ROWS + ROWS + NEXT + ",100,101,99,100,1\n")
    mine = written(tmp_path / "mine.py", BUYS)
    assert "line 4: timestamp" in refusal(capsys, mine, "--data", market)
    words = ["backtest", mine, "--data", market, "--allow-disorder", "--bar-time", "close", "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    said = {row["name"]: row["text"] for row in report["assumptions"]}
    assert (said["bar times"], said["rows out of order"]) == ("those of the closes", "2 left out")
    assert report["bars"] == 3
    assert report["start_ns"] == 1_704_067_140_000_000_000
