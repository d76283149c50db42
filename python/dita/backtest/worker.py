"""One run of a sweep, as a worker process does it: from a description to a row."""

import multiprocessing
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol

from dita.backtest.definitions import MetricsSettings
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.metrics import returns_of
from dita.backtest.result import BacktestResult
from dita.backtest.rows import Row
from dita.backtest.settings import BacktestSettings
from dita.backtest.values import amount_text, plain_value
from dita.market import Market, open_market
from dita.runtime import load_strategy
from dita.runtime.sources import FileState, state_of
from dita.strategy import Params, Strategy, StrategyError

ERROR_CHARS_MAX: Final = 500
_LOADED_MAX: Final = 64
_loading = threading.Lock()
_loaded: dict[str, tuple[type[Strategy], tuple[FileState, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker is sent: places and values, never data.

    Attributes:
        strategy: A file, `FILE:Class` or `module:Class`.
        params: Every parameter, plain, by name.
        names: The parameters that the sweep varies.
        data: The market files.
        symbols: The instrument of each; None takes it from the file.
        settings: What is assumed.
        metrics: What the figures' definitions leave open.
        run_id: The id that the sweep expects.
        data_id: Of the data and its window alone.
        keep_daily: Whether the row has each day's equity.
    """

    strategy: str
    params: Mapping[str, Any]
    names: tuple[str, ...]
    data: tuple[Path, ...]
    symbols: tuple[str | None, ...]
    settings: BacktestSettings
    metrics: MetricsSettings
    run_id: str
    data_id: str
    keep_daily: bool = False


class Stop(Protocol):
    """What tells a worker to end: an event of `multiprocessing` or of `threading`."""

    def is_set(self) -> bool:
        """Whether it shall."""


class Unguarded(StrategyError):  # noqa: N818 - it says what is wrong
    """A script starts a sweep while a worker imports it."""


class _OfThread(threading.local):
    """Whether this thread loads a strategy for a run."""

    loading = False


_Here: Final = _OfThread()


def check_guarded() -> None:
    """Check that nobody imports the caller's script to run a part of a sweep.

    Raises:
        Unguarded: A worker does: it would begin the whole sweep again, without end.
    """
    # A process that is spawned inherits its work once it has imported the script.
    if _Here.loading or getattr(multiprocessing.current_process(), "_inheriting", False):
        raise Unguarded(
            "the script starts a sweep while a worker imports it: put the call under "
            'if __name__ == "__main__":'
        )


class _StopSignal:
    """Keeps the process's stop event."""

    stop: Stop | None = None


def begin(stop: Stop) -> None:
    """Prepare a process of our own pool: Ctrl-C is the parent's, which says by `stop` what it wants.

    Args:
        stop: The event that ends the run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _StopSignal.stop = stop


def run_one(run: Run) -> Row | None:
    """Return what a run came to; None where it was interrupted.

    Args:
        run: Its description.

    Raises:
        OSError: A file cannot be read: that is no property of the run.
        MemoryError: The same.
        Unguarded: The strategy's file starts a sweep as it is imported.
    """
    try:
        engine = engine_of(run)
        result = engine.run(_listen, compare_stops=False)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a strategy raises is its row, not the sweep's end
        if isinstance(error.__cause__, Unguarded):
            raise error.__cause__ from None
        return _failed(run, error)
    return None if result.interrupted else row_of(run, result)


def _listen(_fraction: float, _trades: int) -> None:
    if _StopSignal.stop is not None and _StopSignal.stop.is_set():
        raise KeyboardInterrupt


def engine_of(run: Run) -> BacktestEngine:
    """Return the engine that plays a run.

    Args:
        run: Its description.
    """
    with _loading:
        _Here.loading = True
        try:
            strategy = _strategy(run.strategy)
        finally:
            _Here.loading = False
    named = Named(strategy.__name__, strategy, strategy.params_type(**run.params))
    markets = markets_of(run.data, run.symbols, run.settings)
    return BacktestEngine(
        [named], markets, run.settings, name=named.name, files=run.data, metrics=run.metrics
    )


def markets_of(
    data: Sequence[Path], symbols: Sequence[str | None], settings: BacktestSettings
) -> list[Market]:
    """Return the markets of files.

    Args:
        data: The files.
        symbols: The instrument of each; None takes it from the file.
        settings: Whether bars may be missing.

    Raises:
        MarketFileError: A file cannot be read.
    """
    return [
        open_market(path, symbol=symbol, **settings.reading)
        for path, symbol in zip(data, symbols, strict=True)
    ]


def _strategy(place: str) -> type[Strategy]:
    """The strategy, loaded anew where a file of its has changed: a worker may live for long."""
    known = _loaded.get(place)
    if known is not None and state_of(known[0]) == known[1]:
        return known[0]
    strategy = load_strategy(place)
    if len(_loaded) >= _LOADED_MAX:
        _loaded.clear()
    _loaded[place] = strategy, state_of(strategy)
    return strategy


def plain_params(params: Params) -> dict[str, Any]:
    """Return every parameter as JSON has it, such that the strategy's class takes it again.

    Args:
        params: The parameters.
    """
    return params.model_dump(mode="json")


def row_of(run: Run, result: BacktestResult) -> Row:
    """Return the row of a result.

    Args:
        run: Its description.
        result: What it came to.
    """
    periods, skew, kurtosis = _moments(returns_of(result.capital, result.daily) or [])
    return Row(
        run_id=result.run_id,
        data_id=run.data_id,
        params=_shown(run),
        metrics={
            name: None if value is None else amount_text(Decimal(value))
            for name, value in result.metrics.items()
        },
        trades=len(result.trades),
        final_k=amount_text(result.final_k),
        periods=periods,
        skew=skew,
        kurtosis=kurtosis,
        error=None,
        daily=[[at, amount_text(equity)] for at, equity in result.daily] if run.keep_daily else None,
    )


def _failed(run: Run, error: Exception) -> Row:
    text = f"{type(error).__name__}: {error}".replace("\n", " ")
    if len(text) > ERROR_CHARS_MAX:
        text = f"{text[:ERROR_CHARS_MAX]}\u2026"
    return Row(run.run_id, run.data_id, _shown(run), {}, 0, None, 0, None, None, text)


def _shown(run: Run) -> dict[str, Any]:
    return {name: plain_value(run.params[name]) for name in run.names}


def _moments(returns: Sequence[Decimal]) -> tuple[int, float | None, float | None]:
    """Number, skewness and kurtosis of returns; they are no money: floats."""
    gains = [float(gain) for gain in returns]
    if len(gains) < 2:
        return len(gains), None, None
    mean = sum(gains) / len(gains)
    second, third, fourth = (
        sum((gain - mean) ** power for gain in gains) / len(gains) for power in (2, 3, 4)
    )
    if second <= 0:
        return len(gains), None, None
    return len(gains), third / second**1.5, fourth / second**2
