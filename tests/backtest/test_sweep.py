"""A sweep: the same rows whatever runs it, resumable, and honest about how many tries were made."""

import csv
import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import variance
from typing import Any

import pytest
from sweeping import STRATEGY, write_bars, write_strategy

from dita import InvalidInput
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.heat import as_svg, as_text, heat_of
from dita.backtest.rows import Row
from dita.backtest.settings import BacktestSettings
from dita.backtest.sharpe import deflated_sharpe, expected_best
from dita.backtest.sweep import SweepResult, rank, sweep
from dita.backtest.sweep_files import as_html, save
from dita.backtest.tries import judge
from dita.cli.main import main
from dita.market import open_market
from dita.runtime import load_params, load_strategy
from dita.strategy import StrategyError

FREE = BacktestSettings(instruments={"XUSDT": {"tick_size": "1", "lot_step": "1"}})
SPACE = {"every": [4, 6, 8], "held": [1, 2]}


class AtOnce(Executor):
    """Runs where it is called, and counts."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.calls = 0
        self._stop_after = stop_after

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.calls == self._stop_after:
            raise KeyboardInterrupt
        self.calls += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    return write_strategy(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_bars(tmp_path)


def run(strategy: Path, data: Path, executor: Executor | None = None, **options: Any) -> SweepResult:
    return sweep(
        strategy,
        options.pop("space", SPACE),
        data,
        executor or AtOnce(),
        symbols=["XUSDT"],
        settings=FREE,
        **options,
    )


def test_rows_are_those_of_single_runs_sorted_best_first(strategy: Path, data: Path) -> None:
    result = run(strategy, data)
    assert len(result.rows) == 6 == result.planned
    loaded = load_strategy(str(strategy))
    for row in result.rows:
        named = Named(loaded.__name__, loaded, load_params(loaded, row.params))
        single = BacktestEngine([named], [open_market(data, "XUSDT")], FREE, files=[data]).run()
        assert row.run_id == single.run_id
        assert row.value("final_k") == single.final_k
        assert row.value("sharpe") == single.metrics["sharpe"]
        assert row.trades == len(single.trades) > 0
    ratios = [row.value("sharpe") for row in result.rows]
    assert ratios == sorted(ratios, key=lambda ratio: -(ratio or 0))
    assert result.best is result.rows[0]


def test_rows_are_the_same_whatever_the_executor(strategy: Path, data: Path) -> None:
    space = {"every": [4, 6], "held": [1, 2]}
    expected = run(strategy, data, space=space)
    with ThreadPoolExecutor(2) as threads:
        assert run(strategy, data, threads, space=space) == expected
    options = {"symbols": ["XUSDT"], "settings": FREE}
    assert sweep(strategy, space, data, None, processes=2, **options) == expected


UNGUARDED = """
import sys
from concurrent.futures import ThreadPoolExecutor
from dita.backtest.sweep import sweep
from dita.strategy import Params, Strategy


class Given(Params):
    n: int = 1


class Mine(Strategy):
    params_type = Given


pool = ThreadPoolExecutor(2) if sys.argv[2] == "threads" else None
sweep(Mine, {"n": [1, 2]}, sys.argv[1], pool, symbols=["XUSDT"], processes=2)
"""


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_sweep_in_an_unguarded_script_ends_with_what_to_do(kind: str, data: Path, tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    command = [sys.executable, str(script), str(data), kind]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert 'under if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_a_sweep_whose_runs_all_failed_exits_with_1_and_the_whole_reason(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hint = "; ".join(["a long reason"] * 20) + "; what to do"
    script = tmp_path / "failing.py"
    script.write_text(
        "from dita.strategy import Params, Strategy\n\n\nclass Given(Params):\n    n: int = 1\n\n\n"
        "class Failing(Strategy):\n    params_type = Given\n\n"
        f"    def on_bar(self, bar):\n        raise ValueError({hint!r})\n"
    )
    options = ["--data", str(data), "--symbol", "XUSDT", "--param", "n=1,2", "--processes", "1"]
    assert main(["sweep", str(script), *options]) == 1
    assert hint in capsys.readouterr().out


def test_a_run_that_fails_is_a_row_and_not_the_end(strategy: Path, data: Path) -> None:
    result = run(strategy, data, space={"every": [4, 6], "held": [1], "fail": [6]})
    good, failed = result.rows
    assert (good.error, good.params["every"]) == (None, 4)
    assert failed.params["every"] == 6
    assert failed.error is not None
    assert "made to fail" in failed.error
    assert (failed.final_k, failed.metrics) == (None, {})
    assert result.tries.tries == 1


def test_refused_combinations_are_counted_and_not_run(strategy: Path, data: Path) -> None:
    executor = AtOnce()
    result = run(strategy, data, executor, space={"every": [2, 4], "held": [1, 3]})
    assert dict(result.refused) == {"Value error, held must be below every": 1}
    assert executor.calls == result.planned == 3


def test_a_second_call_runs_only_what_is_missing_and_a_half_line_is_cut_off(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = run(strategy, data, out=out)
    runs = out / "runs.jsonl"
    lines = runs.read_bytes().splitlines(keepends=True)
    runs.write_bytes(b"".join(lines[:3]) + lines[3][:100])
    executor = AtOnce()
    second = run(strategy, data, executor, out=out)
    assert (executor.calls, second.kept) == (3, 3)
    assert replace(second, kept=0) == first
    after = runs.read_bytes().splitlines(keepends=True)
    assert after[:3] == lines[:3]
    assert sorted(after) == sorted(lines)
    third = AtOnce()
    assert run(strategy, data, third, out=out).rows == first.rows
    assert third.calls == 0


def test_changed_code_data_or_settings_are_run_again(strategy: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    space = {"every": [4], "held": [1]}

    def calls(**options: Any) -> int:
        executor = AtOnce()
        sweep(
            strategy, space, data, executor, **{"symbols": ["XUSDT"], "settings": FREE, "out": out, **options}
        )
        return executor.calls

    assert (calls(), calls()) == (1, 0)
    assert calls(settings=replace(FREE, slippage_bps=1)) == 1
    strategy.write_text(STRATEGY + "\n# changed\n")
    assert (calls(), calls()) == (1, 0)
    write_bars(tmp_path, 95)
    assert (calls(), calls()) == (1, 0)


def test_a_line_that_is_whole_and_no_row_is_refused_by_its_number(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs.jsonl").write_text('{"run_id": 1}\n')
    with pytest.raises(InvalidInput, match=r"runs\.jsonl, line 1: .* is no row of a sweep"):
        run(strategy, data, out=tmp_path)


def test_ctrl_c_leaves_what_is_done_and_says_interrupted(strategy: Path, data: Path, tmp_path: Path) -> None:
    result = run(strategy, data, AtOnce(stop_after=2), out=tmp_path / "out")
    assert (result.interrupted, len(result.rows), result.planned) == (True, 2, 6)
    assert len((tmp_path / "out" / "runs.jsonl").read_text().splitlines()) == 2
    executor = AtOnce()
    whole = run(strategy, data, executor, out=tmp_path / "out")
    assert (whole.interrupted, len(whole.rows), executor.calls) == (False, 6, 4)


def test_ctrl_c_between_two_rows_loses_none_that_is_done(strategy: Path, data: Path, tmp_path: Path) -> None:
    def press(done: int, planned: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    result = run(strategy, data, out=tmp_path / "out", progress=press)
    assert (result.interrupted, len(result.rows)) == (True, 6)
    assert len((tmp_path / "out" / "runs.jsonl").read_text().splitlines()) == 6


def test_ctrl_c_ends_the_command_with_130_and_the_table_so_far(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["sweep", str(strategy), "--data", str(data), "--param", "every=4:100:1", "--param", "held=1,2,3"]
    command = [sys.executable, "-m", "dita.cli", *words, "--out", str(out), "--processes", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        until = time.monotonic() + 60
        while not (out / "runs.jsonl").is_file() or (out / "runs.jsonl").stat().st_size < 1:
            assert child.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        text, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Interrupted: this is what was done." in text
    kept = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    assert 0 < len(kept) < 291
    assert f"{len(kept)} of 291 runs" in text


def test_two_sweeps_cannot_write_one_folder_at_once(strategy: Path, data: Path, tmp_path: Path) -> None:
    def again(_done: int, _planned: int) -> None:
        with pytest.raises(InvalidInput, match="is being written by another sweep"):
            run(strategy, data, out=tmp_path / "out")
        received.set()

    received = threading.Event()
    run(strategy, data, out=tmp_path / "out", progress=again, space={"every": [4]})
    assert received.is_set()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"by": "sharp"}, "by: 'sharp' is no metric; there are total_return, cagr, sharpe"),
        ({"executor": object()}, "has no submit: a concurrent.futures.Executor is needed"),
        ({"data": []}, r"data: \[\] is empty"),
        ({"symbols": ["A", "B"]}, "are more than the 1 files"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(
    strategy: Path, data: Path, options: dict[str, Any], text: str
) -> None:
    given: dict[str, Any] = {"data": data, "executor": AtOnce(), **options}
    with pytest.raises(InvalidInput, match=text):
        sweep(strategy, SPACE, **given)


def test_a_class_that_no_worker_can_import_is_refused(strategy: Path, data: Path) -> None:
    loaded = load_strategy(str(strategy))
    # One that was loaded from a file is found there again.
    assert run(loaded, data, space={"every": [4]}).rows
    local = type("Local", (loaded,), {})
    with pytest.raises(StrategyError, match="Local: no worker can import it"):
        run(local, data)


def row(sharpe: str | None, **options: Any) -> Row:
    metrics = {} if sharpe is None else {"sharpe": sharpe}
    given = {"trades": 1, "final_k": "1", "periods": 400, "skew": 0.0, "kurtosis": 3.0, "error": None}
    return Row(
        **{"run_id": f"{sharpe}", "data_id": "d", "params": {}, "metrics": metrics, **given, **options}
    )


def test_the_line_of_tries_is_the_deflated_sharpe_of_the_best() -> None:
    ratios = [-0.7] * 49 + [0.7] * 49 + [2.5]
    rows = [row(str(ratio), run_id=str(number)) for number, ratio in enumerate(ratios[:-1])]
    best = row("2.5", periods=1250, skew=-3.0, kurtosis=10.0)
    # A run without a Sharpe ratio is a try all the same.
    found = judge([*rows, best, row(None, run_id="flat")], 0, periods_per_year=250)
    spread = variance(ratio / 250**0.5 for ratio in ratios)
    assert (found.tries, found.best) == (100, 2.5)
    assert found.by_chance == pytest.approx(expected_best(100, spread) * 250**0.5)
    assert found.probability == pytest.approx(
        deflated_sharpe(2.5 / 250**0.5, 1250, tries=100, variance=spread, skew=-3.0, kurtosis=10.0)
    )
    assert found.text() == (
        "100 tries were made on this data; the best Sharpe ratio of 100 tries by chance alone would be 1.88; "
        "the best one found is 2.50; its deflated Sharpe probability is 86.8%."
    )


def test_more_tries_of_the_same_spread_make_the_best_less_likely() -> None:
    few = judge([row("1"), row("-1"), row("2")], 0, periods_per_year=365)
    many = judge(
        [row("1"), row("-1"), row("2"), *(row(None, run_id=str(at)) for at in range(100))],
        90,
        periods_per_year=365,
    )
    assert few.probability is not None
    assert many.probability is not None
    assert many.probability < few.probability
    assert "103 tries were made on this data (90 of them in earlier sweeps of this folder)" in many.text()


def test_one_try_and_none_with_a_ratio_say_what_they_lack() -> None:
    assert "it takes two" in judge([row("1")], 0, periods_per_year=365).text()
    assert judge([row(None)], 0, periods_per_year=365).text().endswith("none has a Sharpe ratio.")
    failed = judge([row("1"), row("2", error="no", run_id="f")], 0, periods_per_year=365)
    assert failed.tries == 1


def test_earlier_sweeps_of_the_folder_on_this_data_are_tries_too(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    run(strategy, data, space={"every": [4, 5, 6], "held": [1]}, out=tmp_path / "out")
    other = write_bars(tmp_path, 90, name="other.csv")
    run(strategy, other, space={"every": [4], "held": [1]}, out=tmp_path / "out")
    result = run(strategy, data, space={"every": [6, 7], "held": [1]}, out=tmp_path / "out")
    assert len(result.rows) == 2
    assert (result.tries.tries, result.tries.earlier) == (4, 2)


def test_less_is_better_for_drawdown_and_what_failed_is_last() -> None:
    rows = [
        row("1", metrics={"max_drawdown": "0.5"}),
        row("2", metrics={}, error="failed"),
        row("3", metrics={"max_drawdown": None}),
        row("4", metrics={"max_drawdown": "0.1"}),
    ]
    assert [one.run_id for one in sorted(rows, key=lambda one: rank(one, "max_drawdown"))] == [
        "4",
        "1",
        "3",
        "2",
    ]


def test_a_folder_gets_a_table_a_picture_and_a_page(strategy: Path, data: Path, tmp_path: Path) -> None:
    result = run(strategy, data, space={"every": [4, 6], "held": [1, 2], "size": [1, 2]})
    heat = heat_of(result)
    assert heat is not None
    assert (heat.x, heat.y, heat.others) == ("every", "held", ("size",))
    files = {file.name: file for file in save(result, tmp_path / "out", heat)}
    assert {"sweep.csv", "sweep.html", "heatmap.svg"} <= set(files)
    with files["sweep.csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [line["run_id"] for line in rows] == [one.run_id for one in result.rows]
    assert [line["sharpe"] for line in rows] == [one.metrics["sharpe"] for one in result.rows]
    page = files["sweep.html"].read_text()
    assert page == as_html(result, heat)
    assert as_svg(heat) in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert result.tries.text() in page
    assert len(as_text(heat)) == 5
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(files["sweep.parquet"]).to_pylist()
    assert [line["final_k"] for line in table] == [line["final_k"] for line in rows]


def test_one_parameter_has_no_heat_map_and_unknown_axes_are_refused(strategy: Path, data: Path) -> None:
    result = run(strategy, data, space={"every": [4, 6], "held": [1]})
    assert heat_of(result) is None
    with pytest.raises(InvalidInput, match="heat: 'slow' is no parameter of the space; it has every, held"):
        heat_of(result, ["every", "slow"])
    with pytest.raises(InvalidInput, match="must be two different parameters"):
        heat_of(result, ["every", "every"])


def test_the_command_shows_table_map_and_tries_and_resumes(
    strategy: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", str(strategy), "--data", str(data), "--param", "every=2:6:2", "--param", "held=1,2"]
    words += ["--out", str(tmp_path / "out"), "--processes", "1"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "InTurns: 5 of 5 runs, by sharpe\n1 combinations are refused by the strategy: Value"
    )
    assert "shades from worst to best" in text
    assert "5 tries were made on this data" in text.splitlines()[-1]
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["rows"]) == 5
    assert content["tries"]["tries"] == 5


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--by", "sharp"], "by: 'sharp' is no metric"),
        (["--param", "every=9:1:1"], "every: '9:1:1' is no range"),
        (["--param", "every=4", "--param", "every=5"], "--param: 'every' is given twice"),
        (["--param", "evry=4"], "'evry' is no parameter of InTurns"),
        (["--param", "every=4,5", "--heat", "every,slow"], "heat: 'slow' is no parameter of the space"),
        (["--param", "every=4,5", "--max-runs", "1"], "max_runs: 1 is less than"),
        (["--processes", "0"], "--processes: 0 must be 1 or more"),
    ],
)
def test_the_command_names_field_and_value(
    strategy: Path, data: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(strategy), "--data", str(data), *words]) == 1
    assert text in capsys.readouterr().err
