"""Walk-forward: the best parameters of each training window, played on the time that follows it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any, Final

from dita.backtest.definitions import MetricsSettings
from dita.backtest.equity import DAY_NS, EquityCurve
from dita.backtest.feed import timed, window_text
from dita.backtest.metrics import Run as Measured
from dita.backtest.metrics import Value, measure
from dita.backtest.rows import Row, RowFile
from dita.backtest.settings import BacktestSettings
from dita.backtest.space import COMBINATIONS_MAX, RUNS_MAX, Grid
from dita.backtest.sweep import SORTED_BY, Plan, Progress, check_by, play, rank, workers
from dita.backtest.worker import Run, check_guarded
from dita.errors import refuse
from dita.strategy import Strategy

# What days alone can tell: figures of trades are in the windows' rows.
FIGURES: Final = ("total_return", "cagr", "sharpe", "sortino", "calmar", "max_drawdown", "volatility")
_WIDE: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
_UNIT: Final = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Window:
    """A training window and the test window that follows it.

    Attributes:
        train_start_ns: Where training begins, UTC.
        test_start_ns: Where training ends and the test begins.
        test_end_ns: Where the test ends; what happens at it or later is not played.
    """

    train_start_ns: int
    test_start_ns: int
    test_end_ns: int


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a window.

    Attributes:
        window: The window.
        trained: The best row of the training window; None where no run there has the figure.
        tested: What its parameters came to on the test window; None where there were none, or Ctrl-C came.
    """

    window: Window
    trained: Row | None
    tested: Row | None

    @property
    def error(self) -> str | None:
        """Why there is no result; None where there is one."""
        if self.trained is None:
            return "no training run has the figure"
        return "was not played" if self.tested is None else self.tested.error


@dataclass(frozen=True, slots=True)
class WalkForwardResult:
    """What a walk forward came to.

    Attributes:
        strategy: The strategy's name.
        names: The parameters of the space.
        by: The figure that chose.
        steps: One for each window, oldest first.
        equity: Start of each UTC day and the equity at its end: the test windows one after another, each with
            what the one before it left. A window without a result leaves it as it was.
        figures: Of that equity, out of sample: total_return, cagr, sharpe, sortino, calmar, volatility, and
            max_drawdown by the days' ends.
        tries: How many different training runs the choices were made from.
        refused: Combinations that the strategy refuses, by reason.
        unused_ns: How much time at the end of the data was too short for one more test window.
        interrupted: Whether Ctrl-C ended it.
    """

    strategy: str
    names: tuple[str, ...]
    by: str
    steps: tuple[Step, ...]
    equity: tuple[tuple[int, Decimal], ...]
    figures: Mapping[str, Value]
    tries: int
    refused: Mapping[str, int]
    unused_ns: int
    interrupted: bool

    def text(self) -> str:
        """Return the sentence that belongs under every table of it."""
        failed = sum(step.error is not None for step in self.steps)
        sharpe = self.figures["sharpe"]
        found = "is not defined" if sharpe is None else f"is {Decimal(sharpe):.2f}"
        text = (
            f"{self.tries:,} training runs were made to choose for {len(self.steps):,} test windows; the "
            f"Sharpe ratio of the chained test windows {found}: no choice saw them."
        )
        return f"{text} {failed:,} windows have no result and count as standing still." if failed else text

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON: figures as they are, times as nanoseconds."""
        return {
            "strategy": self.strategy,
            "names": list(self.names),
            "by": self.by,
            "steps": [
                {
                    "train_start_ns": step.window.train_start_ns,
                    "test_start_ns": step.window.test_start_ns,
                    "test_end_ns": step.window.test_end_ns,
                    "trained": None if step.trained is None else step.trained.to_dict(),
                    "tested": None if step.tested is None else step.tested.to_dict(),
                    "error": step.error,
                }
                for step in self.steps
            ],
            "equity": [[at, amount] for at, amount in self.equity],
            "figures": dict(self.figures),
            "tries": self.tries,
            "refused": dict(self.refused),
            "unused_ns": self.unused_ns,
            "interrupted": self.interrupted,
            "text": self.text(),
        }


def windows_of(start_ns: int, end_ns: int, train_ns: int, test_ns: int) -> list[Window]:
    """Return the windows of a span: each test follows its training, and the next test follows that.

    Args:
        start_ns: Where the span begins.
        end_ns: Where it ends.
        train_ns: How long a training window is.
        test_ns: How long a test window is; only whole ones count.
    """
    first = start_ns + train_ns
    count = max(0, (end_ns - first) // test_ns)
    return [Window(at - train_ns, at, at + test_ns) for at in range(first, first + count * test_ns, test_ns)]


def walk_forward(
    strategy: str | Path | type[Strategy],
    space: Mapping[str, Sequence[Any]],
    data: str | Path | Sequence[str | Path],
    executor: Executor | None = None,
    *,
    train: timedelta,
    test: timedelta,
    by: str = SORTED_BY,
    symbols: Sequence[str | None] = (),
    settings: BacktestSettings | None = None,
    metrics: MetricsSettings | None = None,
    out: str | Path | None = None,
    max_runs: int = RUNS_MAX,
    processes: int | None = None,
    progress: Progress | None = None,
) -> WalkForwardResult:
    """Choose parameters on each training window, and play them on the test window after it.

    Every window is a run of its own: it begins flat and with the whole capital. Its warm-up are the bars
    before the window, where the data has them; nothing is traded there. What is open at a window's end
    counts at its price there.

    Args:
        strategy: As `sweep` takes it.
        space: Values by parameter.
        data: The market files.
        executor: Where the runs are done; None starts processes of its own.
        train: How long a training window is.
        test: How long a test window is, and by how much the windows move on.
        by: The figure that chooses.
        symbols: The instrument of each file; None takes it from the file.
        settings: What is assumed; its window bounds the walk.
        metrics: What the figures' definitions leave open.
        out: The folder that keeps the rows, for a later call; None keeps none.
        max_runs: The most combinations of a window.
        processes: How many processes of its own; None takes one for each core.
        progress: Called with how many runs are done, and of how many.

    Raises:
        InvalidInput: As `sweep`; or a length is not above zero, or the data are too short for one window.
        StrategyError: As `sweep`.
        MarketFileError: A file cannot be read.
        OSError: The folder cannot be written.
    """
    check_guarded()
    check_by(by)
    train_ns, test_ns = _length_ns("train", train), _length_ns("test", test)
    plan = Plan(strategy, data, symbols, settings, metrics)
    grid = Grid(plan.strategy, space, max_runs=max_runs)
    start_ns, end_ns = _span(plan)
    count = max(0, (end_ns - start_ns - train_ns) // test_ns)
    if count * len(grid.params) > COMBINATIONS_MAX:
        raise refuse("test", test, f"makes {count:,} windows: more than {COMBINATIONS_MAX:,} runs")
    windows = windows_of(start_ns, end_ns, train_ns, test_ns)
    if not windows:
        raise refuse("train", f"{train} and test {test}", f"do not fit {window_text(start_ns, end_ns)}")
    walk = _Walk(plan, grid, by, windows)
    rows = None if out is None else RowFile(Path(out))
    try:
        if rows is not None:
            walk.rows.update(rows.rows)
        with workers(executor, processes, len(walk.training_runs)) as pool:
            interrupted = walk.play(pool, rows, progress)
    finally:
        if rows is not None:
            rows.close()
    steps = walk.steps()
    equity = chained(steps, plan.settings.capital)
    return WalkForwardResult(
        strategy=plan.strategy.__name__,
        names=grid.names,
        by=by,
        steps=tuple(steps),
        equity=equity,
        figures=_figures(plan, windows, equity),
        tries=sum(run_id in walk.rows for run_id in walk.training_runs),
        refused=dict(grid.refused),
        unused_ns=end_ns - windows[-1].test_end_ns,
        interrupted=interrupted,
    )


def _length_ns(name: str, length: object) -> int:
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise refuse(name, length, "must be a timedelta above zero")
    return length // timedelta(microseconds=1) * 1000


def _span(plan: Plan) -> tuple[int, int]:
    """The first and the last moment of what may be played; the data are read once for it."""
    settings = plan.settings
    starts, ends = [], []
    for market in plan.markets:
        start_ns = end_ns = None
        for at, event in timed(market, start_ns=settings.start_ns, end_ns=settings.end_ns):
            start_ns, end_ns = event.ts_ns if start_ns is None else start_ns, at
        if start_ns is not None and end_ns is not None:
            starts.append(start_ns)
            ends.append(end_ns)
    if not starts:
        where = window_text(settings.start_ns, settings.end_ns)
        raise refuse("data", [str(path) for path in plan.data], f"have no events: {where}")
    return min(starts), max(ends)


def _within(plan: Plan, start_ns: int, end_ns: int) -> BacktestSettings:
    """The settings of a window."""
    warms = plan.strategy.warmup > 0
    return replace(plan.settings, start_ns=start_ns, end_ns=end_ns, warmup_before=warms)


class _Walk:
    """The runs of every window, and the rows that are known."""

    def __init__(self, plan: Plan, grid: Grid, by: str, windows: Sequence[Window]) -> None:
        self._plan = plan
        self._grid = grid
        self._by = by
        self._windows = windows
        self.rows: dict[str, Row] = {}
        self._training = {
            window: plan.runs(grid, _within(plan, window.train_start_ns, window.test_start_ns))
            for window in windows
        }
        self.training_runs = {run_id: run for runs in self._training.values() for run_id, run in runs.items()}

    def play(self, pool: Executor, kept: RowFile | None, progress: Progress | None) -> bool:
        """Train on every window, then test; say whether Ctrl-C ended it."""
        runs = len(self.training_runs) + len(self._windows)
        done = 0

        def keep(row: Row) -> None:
            nonlocal done
            if kept is not None:
                kept.add(row)
            self.rows[row.run_id] = row
            done += 1
            if progress is not None:
                progress(done, runs)

        missing = [run for run_id, run in self.training_runs.items() if run_id not in self.rows]
        done = len(self.training_runs) - len(missing)
        if play(pool, missing, keep):
            return True
        tests = [run for window in self._windows if (run := self._test(window)) is not None]
        # A row of an earlier training run on the same window has no days.
        missing = [run for run in tests if self._tested(run) is None]
        done += len(tests) - len(missing)
        return play(pool, missing, keep)

    def _trained(self, window: Window) -> Row | None:
        """The best row of a training window, the first of equals; None before all are known."""
        training = self._training[window]
        if any(run_id not in self.rows for run_id in training):
            return None
        best = min((self.rows[run_id] for run_id in training), key=lambda row: rank(row, self._by))
        return best if best.value(self._by) is not None else None

    def _test(self, window: Window) -> Run | None:
        trained = self._trained(window)
        if trained is None:
            return None
        settings = _within(self._plan, window.test_start_ns, window.test_end_ns)
        given = self._training[window][trained.run_id].params
        params = self._plan.strategy.params_type(**given)
        return self._plan.run(params, self._grid.names, settings, keep_daily=True)

    def _tested(self, run: Run) -> Row | None:
        row = self.rows.get(run.run_id)
        return row if row is not None and (row.daily is not None or row.error is not None) else None

    def steps(self) -> list[Step]:
        """What each window came to."""
        steps = []
        for window in self._windows:
            run = self._test(window)
            steps.append(Step(window, self._trained(window), None if run is None else self._tested(run)))
        return steps


def chained(steps: Sequence[Step], capital: Decimal) -> tuple[tuple[int, Decimal], ...]:
    """Return the equity of test windows one after another, at each day's end, without a gap.

    Args:
        steps: The steps.
        capital: What the first begins with, and each run by itself.

    Returns:
        Start of each UTC day and the equity at its end, to 8 digits.
    """
    days: dict[int, Decimal] = {}
    before = capital
    for step in steps:
        first = step.window.test_start_ns // DAY_NS * DAY_NS
        days.setdefault(first, before)
        if step.tested is None or not step.tested.daily:
            continue
        equity = before
        for at, text in step.tested.daily:
            equity = _WIDE.quantize(_WIDE.divide(_WIDE.multiply(before, Decimal(text)), capital), _UNIT)
            days[at] = equity
        before = equity
    return tuple(_without_gaps(days, steps[-1].window.test_end_ns if steps else 0))


def _without_gaps(days: Mapping[int, Decimal], end_ns: int) -> Iterator[tuple[int, Decimal]]:
    if not days:
        return
    equity = Decimal(0)
    # What closes at the end of the last day is the next day's, as in every run.
    for at in range(min(days), max(end_ns, max(days) + 1), DAY_NS):
        equity = days.get(at, equity)
        yield at, equity


def _figures(
    plan: Plan, windows: Sequence[Window], equity: Sequence[tuple[int, Decimal]]
) -> dict[str, Value]:
    capital = plan.settings.capital
    curve = EquityCurve()
    start_ns = windows[0].test_start_ns
    curve.add(start_ns, capital, None, capital)
    for at, amount in equity:
        curve.add(max(start_ns, at + DAY_NS - 1), amount, None, amount)
    found = measure(
        Measured(
            capital=capital,
            final_equity=equity[-1][1],
            start_ns=start_ns,
            end_ns=windows[-1].test_end_ns,
            daily=equity,
            trades=(),
            fees=Decimal(0),
            funding=Decimal(0),
            turnover=None,
            drawdown=curve.drawdown,
            drawdown_by_amount=curve.drawdown_by_amount,
            longest_below_peak_ns=curve.longest_below_peak_ns,
        ),
        plan.metrics,
    )
    return {name: found[name] for name in FIGURES}
