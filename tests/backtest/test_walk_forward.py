"""Walking forward: what chooses never sees what it is judged by, and the tests are chained exactly."""

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sweeping import write_bars, write_strategy
from test_sweep import FREE, AtOnce, row

from dita import InvalidInput
from dita.backtest.equity import DAY_NS
from dita.backtest.sweep import sweep
from dita.backtest.walk_forward import Step, WalkForwardResult, Window, chained, walk_forward, windows_of

HOUR_NS = 3_600_000_000_000
START_NS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000
SPACE = {"every": [4, 6, 9], "held": [1, 2]}


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    return write_strategy(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten days and five hours."""
    return write_bars(tmp_path, 245)


def walk(strategy: Path, data: Path, executor: Executor | None = None, **options: Any) -> WalkForwardResult:
    given: dict[str, Any] = {
        "space": SPACE,
        "train": timedelta(days=4),
        "test": timedelta(days=2),
        "symbols": ["XUSDT"],
        "settings": FREE,
        "executor": executor or AtOnce(),
        **options,
    }
    return walk_forward(strategy, given.pop("space"), data, **given)


def test_windows_follow_one_another_and_only_whole_tests_count() -> None:
    assert windows_of(10, 39, 10, 5) == [Window(10, 20, 25), Window(15, 25, 30), Window(20, 30, 35)]
    assert windows_of(10, 40, 10, 5)[-1] == Window(25, 35, 40)
    assert windows_of(10, 24, 10, 5) == []


def test_each_window_takes_the_best_of_its_training_and_plays_it_on_what_follows(
    strategy: Path, data: Path
) -> None:
    result = walk(strategy, data)
    assert [(step.window.train_start_ns - START_NS) // DAY_NS for step in result.steps] == [0, 2, 4]
    assert result.unused_ns == 5 * HOUR_NS
    assert (result.tries, result.interrupted) == (18, False)
    for step in result.steps:
        window = step.window
        assert (window.test_start_ns - window.train_start_ns, window.test_end_ns - window.test_start_ns) == (
            4 * DAY_NS,
            2 * DAY_NS,
        )
        assert step.trained is not None
        assert step.tested is not None
        assert step.trained.params == step.tested.params

        def alone(start_ns: int, end_ns: int) -> Any:
            settings = replace(FREE, start_ns=start_ns, end_ns=end_ns)
            return sweep(strategy, SPACE, data, AtOnce(), symbols=["XUSDT"], settings=settings)

        trained = alone(window.train_start_ns, window.test_start_ns)
        assert trained.best == step.trained
        tested = {str(one.params): one for one in alone(window.test_start_ns, window.test_end_ns).rows}
        assert tested[str(step.tested.params)].run_id == step.tested.run_id
        assert tested[str(step.tested.params)].metrics == step.tested.metrics


def test_no_run_receives_a_bar_outside_its_window(strategy: Path, data: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    result = walk(strategy, data, space={"every": [4, 6], "heard": [str(heard)]})
    bars = [tuple(int(part) for part in line.split()) for line in heard.read_text().splitlines()]
    # Each run hears its bars in one piece; a step back begins the next run.
    runs: list[list[tuple[int, ...]]] = []
    for bar in bars:
        if not runs or bar[0] != runs[-1][-1][0] or bar[1] != runs[-1][-1][2]:
            runs.append([])
        runs[-1].append(bar)
    spans = [(run[0][0], run[0][1], run[-1][2]) for run in runs]
    training = [
        (every, step.window.train_start_ns, step.window.test_start_ns)
        for step in result.steps
        for every in (4, 6)
    ]
    tests = [
        (step.tested.params["every"], step.window.test_start_ns, step.window.test_end_ns)
        for step in result.steps
        if step.tested is not None
    ]
    # Every training run was done before its window's test, and none reached into it. Two tests of the same
    # parameters follow one another without a gap, and read as one piece.
    assert spans[: len(training)] == training
    played = [(every, at) for every, at, _ in bars[sum(len(run) for run in runs[: len(training)]) :]]
    assert played == [
        (every, at) for every, start_ns, end_ns in tests for at in range(start_ns, end_ns, HOUR_NS)
    ]


def test_what_follows_a_window_changes_neither_its_choice_nor_its_result(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    first = walk(strategy, data).steps[0]
    lines = data.read_text().splitlines()
    # From the end of the first test on, everything is another market.
    changed = tmp_path / "changed.csv"
    until = 1 + 6 * 24
    rest = [",".join([line.split(",")[0], "500", "500", "500", "500", "1"]) for line in lines[until:]]
    changed.write_text("\n".join([*lines[:until], *rest]) + "\n")
    other = walk(strategy, changed).steps[0]
    assert other.trained is not None
    assert other.tested is not None
    assert first.trained is not None
    assert first.tested is not None
    assert (other.trained.params, other.trained.metrics) == (first.trained.params, first.trained.metrics)
    assert (other.tested.metrics, other.tested.daily) == (first.tested.metrics, first.tested.daily)


def test_tests_are_chained_with_what_the_one_before_left(strategy: Path, data: Path) -> None:
    result = walk(strategy, data)
    expected = Decimal(10_000)
    for step in result.steps:
        assert step.tested is not None
        assert step.tested.daily
        expected = expected * Decimal(step.tested.daily[-1][1]) / 10_000
    days = [at for at, _ in result.equity]
    # The bar that closes at the last midnight is the next day's, as in every run.
    assert days == [START_NS + number * DAY_NS for number in range(4, 11)]
    assert abs(result.equity[-1][1] - expected) < Decimal("1e-7")
    total = result.figures["total_return"]
    assert total is not None
    assert abs(Decimal(total) - (expected / 10_000 - 1)) < Decimal("1e-6")


def test_a_window_without_a_result_stands_still_and_a_shared_day_counts_once() -> None:
    half = DAY_NS // 2
    ends = (half, DAY_NS + half, 3 * DAY_NS, 5 * DAY_NS)
    windows = [Window(0, start_ns, end_ns) for start_ns, end_ns in pairwise(ends)]
    won = row("1", daily=[[0, "110"], [DAY_NS, "120"]])
    last = row("1", daily=[[3 * DAY_NS, "100"], [4 * DAY_NS, "50"]])
    steps = [Step(windows[0], won, won), Step(windows[1], None, None), Step(windows[2], won, last)]
    assert [(at // DAY_NS, equity) for at, equity in chained(steps, Decimal(100))] == [
        (0, 110),
        (1, 120),
        (2, 120),
        (3, 120),
        (4, 60),
    ]
    assert [step.error for step in steps] == [None, "no training run has the figure", None]


def test_a_later_call_plays_nothing_again_and_any_executor_gives_the_same(
    strategy: Path, data: Path, tmp_path: Path
) -> None:
    executor = AtOnce()
    first = walk(strategy, data, executor, out=tmp_path / "out")
    assert executor.calls == 18 + 3
    again = AtOnce()
    assert walk(strategy, data, again, out=tmp_path / "out") == first
    assert again.calls == 0
    with ThreadPoolExecutor(2) as threads:
        assert walk(strategy, data, threads) == first


def test_ctrl_c_leaves_the_windows_that_were_played(strategy: Path, data: Path, tmp_path: Path) -> None:
    result = walk(strategy, data, AtOnce(stop_after=19), out=tmp_path / "out")
    assert result.interrupted
    assert [step.error for step in result.steps] == [None, "was not played", "was not played"]
    assert "2 windows have no result and count as standing still" in result.text()
    executor = AtOnce()
    assert not walk(strategy, data, executor, out=tmp_path / "out").interrupted
    assert executor.calls == 2


def test_the_choice_goes_by_the_figure_that_was_asked_for(strategy: Path, data: Path) -> None:
    result = walk(strategy, data, by="max_drawdown")
    for step in result.steps:
        settings = replace(FREE, start_ns=step.window.train_start_ns, end_ns=step.window.test_start_ns)
        trained = sweep(strategy, SPACE, data, AtOnce(), symbols=["XUSDT"], settings=settings)
        assert step.trained is not None
        falls = [one.value("max_drawdown") for one in trained.rows]
        assert step.trained.value("max_drawdown") == min(fall for fall in falls if fall is not None)
    assert "18 training runs were made to choose for 3 test windows" in result.text()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"by": "sharp"}, "by: 'sharp' is no metric"),
        ({"train": timedelta(0)}, "train: .* must be a timedelta above zero"),
        ({"test": 5}, "test: 5 must be a timedelta above zero"),
        ({"train": timedelta(days=10)}, "train: .* do not fit from 2024-01-01 00:00:00 UTC"),
        ({"test": timedelta(microseconds=1)}, "test: .* windows: more than 1,000,000 runs"),
        ({"space": {"evry": [1]}}, "space: 'evry' is no parameter"),
        ({"executor": 5}, "executor: 5 has no submit"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_value(
    strategy: Path, data: Path, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidInput, match=text):
        walk(strategy, data, **options)


WARMS = """
from pathlib import Path

from dita.strategy import Params, Strategy


class Size(Params):
    size: int = 1
    heard: str = ""


class AfterTwo(Strategy):
    params_type = Size
    warmup = 2

    def on_start(self):
        self.entered = False

    def on_bar(self, bar):
        with Path(self.params.heard).open("a") as file:
            file.write(f"{bar.open_ns} {int(self.warming)}\\n")
        if not self.warming and not self.entered:
            self.entered = True
            self.enter(bar.symbol, "LONG", self.params.size)
"""


def test_a_windows_warm_up_are_the_bars_before_it_and_nothing_is_traded_there(tmp_path: Path) -> None:
    rows = ["timestamp,open,high,low,close,volume"]
    for hour in range(10):
        opened, closed = 100 + hour**2, 100 + (hour + 1) ** 2
        rows.append(f"2024-01-01T{hour:02d}:00:00,{opened},{closed},{opened},{closed},1")
    data = tmp_path / "xusdt_1h.csv"
    data.write_text("\n".join(rows) + "\n")
    heard = tmp_path / "heard"
    result = walk(
        write_strategy(tmp_path, WARMS),
        data,
        space={"size": [1], "heard": [str(heard)]},
        train=timedelta(hours=4),
        test=timedelta(hours=3),
        by="total_return",
    )
    runs: list[list[tuple[int, int]]] = []
    for line in heard.read_text().splitlines():
        at, warming = (int(part) for part in line.split())
        hour = (at - START_NS) // HOUR_NS
        if not runs or hour != runs[-1][-1][0] + 1:
            runs.append([])
        runs[-1].append((hour, warming))
    # The first training has nothing before it, and warms up within itself.
    assert runs == [
        [(0, 1), (1, 1), (2, 0), (3, 0)],
        [(1, 1), (2, 1), (3, 0), (4, 0), (5, 0), (6, 0)],
        [(2, 1), (3, 1), (4, 0), (5, 0), (6, 0)],
        [(5, 1), (6, 1), (7, 0), (8, 0), (9, 0)],
    ]
    # Each test enters at the second bar's open, 125 and 164, with a fee of 0.001, and ends at the last one's
    # close, 149 and 200.
    ends = [
        step.tested.daily[-1][1] for step in result.steps if step.tested is not None and step.tested.daily
    ]
    assert ends == ["10023.875", "10035.836"]
    assert result.equity[-1][1] == Decimal("10059.79655845")
