"""Sweeps: one strategy over many parameters, on any `concurrent.futures.Executor`, and resumable."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita.backtest.definitions import MetricsSettings, definitions
from dita.backtest.engine import Named
from dita.backtest.identity import data_id_of, run_id_of
from dita.backtest.rows import Row, RowFile
from dita.backtest.settings import BacktestSettings, rules_of
from dita.backtest.space import RUNS_MAX, Grid
from dita.backtest.tries import Tries, judge
from dita.backtest.worker import Run, begin, check_guarded, markets_of, plain_params, run_one
from dita.errors import refuse
from dita.runtime import load_strategy
from dita.strategy import Params, Strategy, StrategyError
from dita.strategy.samples import names as sample_names
from dita.strategy.samples import path_of

# Figures of which less is better; of all others more is.
LESS_IS_BETTER: Final = frozenset(
    {
        "max_drawdown",
        "max_drawdown_amount",
        "max_drawdown_duration",
        "volatility",
        "longest_flat",
        "fees",
        "turnover",
    }
)
SORTED_BY: Final = "sharpe"
# Enough to keep every worker busy; few enough that Ctrl-C has little to call off.
_AHEAD: Final = 64
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep came to.

    Attributes:
        strategy: The strategy's name.
        names: The parameters of the space.
        by: The figure that the rows are sorted by.
        rows: Best first; runs without the figure come after the others, those that failed last.
        refused: Combinations that the strategy refuses, by reason; they were not run.
        planned: How many different runs the space has.
        kept: How many of them were there from an earlier call.
        tries: What the number of tries does to the best Sharpe ratio.
        interrupted: Whether Ctrl-C ended it.
    """

    strategy: str
    names: tuple[str, ...]
    by: str
    rows: tuple[Row, ...]
    refused: Mapping[str, int]
    planned: int
    kept: int
    tries: Tries
    interrupted: bool

    @property
    def best(self) -> Row | None:
        """The first row; None where no run has the figure."""
        return self.rows[0] if self.rows and self.rows[0].value(self.by) is not None else None


def sweep(
    strategy: str | Path | type[Strategy],
    space: Mapping[str, Sequence[Any]],
    data: str | Path | Sequence[str | Path],
    executor: Executor | None = None,
    *,
    symbols: Sequence[str | None] = (),
    settings: BacktestSettings | None = None,
    metrics: MetricsSettings | None = None,
    by: str = SORTED_BY,
    out: str | Path | None = None,
    max_runs: int = RUNS_MAX,
    processes: int | None = None,
    progress: Progress | None = None,
) -> SweepResult:
    """Run a strategy with every combination of parameters.

    A run that fails is a row with its error. With `out`, each row is in `runs.jsonl` as soon as it is known,
    and the next call runs only what is not there. Ctrl-C ends it: the result says `interrupted`.

    Args:
        strategy: A file, `FILE:Class`, `module:Class`, a sample's name, or a class that a worker can import.
        space: Values by parameter; the grid is their product, the last parameter varies fastest.
        data: The market files.
        executor: Where the runs are done; None starts processes of its own. Another's is left open.
        symbols: The instrument of each file; None takes it from the file.
        settings: What is assumed.
        metrics: What the figures' definitions leave open.
        by: The figure that the rows are sorted by, or `final_k`.
        out: The folder that keeps the rows; None keeps none.
        max_runs: The most that may be run.
        processes: How many processes of its own; None takes one for each core.
        progress: Called with how many runs are done, and of how many.

    Raises:
        InvalidInput: A parameter, a value, a figure or the executor cannot be used; by name and value.
        StrategyError: The strategy cannot be loaded, a worker process died, or a worker imports the script
            that calls this (guard the call with `if __name__ == "__main__":`).
        MarketFileError: A file cannot be read.
        OSError: The folder cannot be written.
    """
    check_guarded()
    check_by(by)
    plan = Plan(strategy, data, symbols, settings, metrics)
    grid = Grid(plan.strategy, space, max_runs=max_runs)
    runs = plan.runs(grid)
    rows = None if out is None else RowFile(Path(out))
    try:
        # Of this data only: of what else the folder holds nothing is said.
        before = (
            {}
            if rows is None
            else {key: row for key, row in rows.rows.items() if row.data_id == plan.data_id}
        )
        found = {run_id: before[run_id] for run_id in runs if run_id in before}
        kept = len(found)

        def keep(row: Row) -> None:
            if rows is not None:
                rows.add(row)
            found[row.run_id] = row
            if progress is not None:
                progress(len(found), len(runs))

        missing = [run for run_id, run in runs.items() if run_id not in found]
        with workers(executor, processes, len(missing)) as pool:
            interrupted = play(pool, missing, keep)
    finally:
        if rows is not None:
            rows.close()
    earlier = [row for run_id, row in before.items() if run_id not in found]
    order = {run_id: number for number, run_id in enumerate(runs)}
    listed = sorted(found.values(), key=lambda row: (*rank(row, by), order.get(row.run_id, len(order))))
    return SweepResult(
        strategy=plan.strategy.__name__,
        names=grid.names,
        by=by,
        rows=tuple(listed),
        refused=dict(grid.refused),
        planned=len(runs),
        kept=kept,
        tries=judge(
            [*found.values(), *earlier],
            sum(row.error is None for row in earlier),
            periods_per_year=plan.metrics.periods_per_year,
        ),
        interrupted=interrupted,
    )


def check_by(by: str) -> None:
    """Check that a figure is one.

    Args:
        by: Its name.

    Raises:
        InvalidInput: It is none.
    """
    known = [*(name for name, *_ in definitions(MetricsSettings())), "final_k"]
    if by not in known:
        raise refuse("by", by, f"is no metric; there are {', '.join(known)}")


def rank(row: Row, by: str) -> tuple[int, Decimal]:
    """Return what rows are sorted by: best first, without the figure later, failed last.

    Args:
        row: The row.
        by: The figure.
    """
    value = row.value(by)
    if value is None:
        return (1 if row.error is None else 2), Decimal(0)
    return 0, value if by in LESS_IS_BETTER else -value


class Plan:
    """What every run of a sweep has in common.

    Attributes:
        strategy: The class.
        metrics: What the figures' definitions leave open.
        data_id: Of the data and its window alone.
    """

    def __init__(
        self,
        strategy: str | Path | type[Strategy],
        data: str | Path | Sequence[str | Path],
        symbols: Sequence[str | None],
        settings: BacktestSettings | None,
        metrics: MetricsSettings | None,
    ) -> None:
        """Load the strategy, and look at the data.

        Args:
            strategy: Where it is, or its class.
            data: The market files.
            symbols: The instrument of each file.
            settings: What is assumed.
            metrics: What the figures' definitions leave open.

        Raises:
            InvalidInput: There is no data, or there are more symbols than files.
            StrategyError: The strategy cannot be loaded, or names an instrument that has no market.
            MarketFileError: A file cannot be read.
        """
        given = [data] if isinstance(data, str | Path) else list(data)
        if not given:
            raise refuse("data", given, "is empty")
        if len(symbols) > len(given):
            raise refuse("symbols", list(symbols), f"are more than the {len(given)} files")
        self._place = place_of(strategy)
        self.strategy = strategy if isinstance(strategy, type) else load_strategy(self._place)
        self.data = tuple(Path(path).absolute() for path in given)
        self._symbols = (*symbols, *[None] * (len(given) - len(symbols)))
        self.settings = settings or BacktestSettings()
        self.metrics = metrics or MetricsSettings()
        self.markets = markets_of(self.data, self._symbols, self.settings)
        window = (self.settings.start_ns, self.settings.end_ns)
        self.data_id = data_id_of(self.data, window)
        known = [market.symbol for market in self.markets]
        for symbol in self.strategy.instruments:
            if symbol not in known:
                raise StrategyError(
                    f"{self.strategy.__name__}: {symbol} has no market; there are {', '.join(known)}"
                )
        self._rules = {
            market.symbol: rules_of(market, self.settings.instruments)[0] for market in self.markets
        }

    def runs(self, grid: Grid, settings: BacktestSettings | None = None) -> dict[str, Run]:
        """Return the runs by id, in the grid's order; combinations that come to the same are one run.

        Args:
            grid: The combinations.
            settings: What is assumed, where it is not the plan's.
        """
        runs: dict[str, Run] = {}
        for params in grid.params:
            run = self.run(params, grid.names, settings or self.settings)
            runs.setdefault(run.run_id, run)
        return runs

    def run(
        self, params: Params, names: tuple[str, ...], settings: BacktestSettings, *, keep_daily: bool = False
    ) -> Run:
        """Return one run.

        Args:
            params: The strategy's parameters.
            names: Those that the sweep varies.
            settings: What is assumed.
            keep_daily: Whether the row has each day's equity.
        """
        named = Named(self.strategy.__name__, self.strategy, params)
        return Run(
            strategy=self._place,
            params=plain_params(params),
            names=names,
            data=self.data,
            symbols=self._symbols,
            settings=settings,
            metrics=self.metrics,
            run_id=run_id_of(self.data, [named], settings, self._rules),
            data_id=data_id_of(self.data, (settings.start_ns, settings.end_ns)),
            keep_daily=keep_daily,
        )


def place_of(strategy: str | Path | type[Strategy]) -> str:
    """Return where a worker finds a strategy.

    Args:
        strategy: A place, a sample's name, or a class.

    Raises:
        StrategyError: A class that no other process can import.
    """
    if isinstance(strategy, type):
        return _place_of_class(strategy)
    text = str(strategy)
    if text in sample_names():
        return str(path_of(text))
    path, colon, name = text.partition(":")
    return f"{Path(path).absolute()}{colon}{name}" if path.endswith(".py") else text


def _place_of_class(strategy: type[Strategy]) -> str:
    module = sys.modules.get(strategy.__module__)
    file = getattr(module, "__file__", None)
    if getattr(module, strategy.__name__, None) is strategy and strategy.__qualname__ == strategy.__name__:
        # What was not imported by its name is found by its file.
        if strategy.__module__ == "__main__" or strategy.__module__.startswith("dita_strategy_"):
            if file is not None:
                return f"{Path(file).absolute()}:{strategy.__name__}"
        else:
            return f"{strategy.__module__}:{strategy.__name__}"
    raise StrategyError(
        f"{strategy.__qualname__}: no worker can import it from {strategy.__module__}: give its file"
    )


@contextmanager
def workers(executor: Executor | None, processes: int | None, runs: int) -> Iterator[Executor]:
    """Lend the executor that was given, or processes of our own, which end with the block.

    Args:
        executor: It; None starts processes.
        processes: How many of them; None takes one for each core.
        runs: How many runs there are at most.

    Raises:
        InvalidInput: The executor has no `submit`.
        StrategyError: A worker process died.
    """
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise refuse("executor", executor, "has no submit: a concurrent.futures.Executor is needed")
    try:
        if executor is not None:
            yield executor
            return
        with _own_processes(processes or os.cpu_count() or 1, max(1, runs)) as pool:
            yield pool
    except BrokenExecutor as error:
        raise StrategyError(
            f"a worker died ({error}); what is done is kept. A script that starts a sweep does it under "
            'if __name__ == "__main__":'
        ) from error


@contextmanager
def _own_processes(processes: int, runs: int) -> Iterator[ProcessPoolExecutor]:
    # A fork of a process that has a kernel is refused by the kernel.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(min(processes, runs), mp_context=context, initializer=begin, initargs=(stop,))
    try:
        yield pool
    finally:
        # Whatever still runs here was interrupted: at the end nothing does.
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def play(executor: Executor, runs: Iterable[Run], keep: Callable[[Row], object]) -> bool:
    """Run what is listed, and hand over each row as soon as it is known.

    Args:
        executor: Where.
        runs: The runs.
        keep: Called with each row.

    Returns:
        Whether Ctrl-C ended it.
    """
    waiting: set[Future[Row | None]] = set()
    rest = iter(runs)
    try:
        _submit(executor, rest, waiting)
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            if not _keep_done(done, waiting, keep):
                return True
            _submit(executor, rest, waiting)
    except KeyboardInterrupt:
        _keep_done({future for future in waiting if future.done()}, waiting, keep)
        return True
    finally:
        for future in waiting:
            future.cancel()
    return False


def _keep_done(
    done: set[Future[Row | None]], waiting: set[Future[Row | None]], keep: Callable[[Row], object]
) -> bool:
    """Hand over the rows of what is done; say whether none of them was interrupted."""
    whole = True
    # What failed comes last: what is done is kept first.
    for future in sorted(done, key=lambda future: future.exception() is not None):
        waiting.discard(future)
        row = future.result()
        if row is None:
            whole = False
        else:
            keep(row)
    return whole


def _submit(executor: Executor, runs: Iterable[Run], waiting: set[Future[Row | None]]) -> None:
    for run in runs:
        waiting.add(executor.submit(run_one, run))
        if len(waiting) >= _AHEAD:
            return
