"""`dita walk-forward`: choose parameters on a window, play them on the time that follows it, and move on."""

import argparse
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.backtest.walk_forward import walk_forward
from dita.cli.backtest import add_assumptions, place_of, settings_of
from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.sweep import add_places, add_space_options, executor_of, space_of
from dita.errors import InvalidInput, KernelError
from dita.market import MarketFileError
from dita.runtime import interval_ns
from dita.text import as_json, exact, table, time_text

if TYPE_CHECKING:
    from dita.backtest.walk_forward import Step, WalkForwardResult


DESCRIPTION: Final = """\
Choose the best parameters on a training window, play them on the test window that follows, move on by the
test's length, and so on to the end. The tests one after another are a result that no choice has seen.
With --out each run is kept as soon as it is known: the same command again runs only what is missing."""

EPILOG: Final = """\
examples:
  dita walk-forward ema-cross --data btc_perp_1m.csv.gz --param fast=5,10,20 --train 10d --test 2d
  dita walk-forward my_strategy.py --data bars.csv --param bars=30,60 --train 30d --test 7d --out walk"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_space_options(parser)
    parser.add_argument(
        "--train", required=True, metavar="LENGTH", help="a training window, as 30d, 12h or 90m"
    )
    parser.add_argument("--test", required=True, metavar="LENGTH", help="a test window, and each step on")
    parser.add_argument("--by", default="sharpe", metavar="METRIC", help="what chooses (sharpe)")
    parser.add_argument(
        "--max-runs", type=int, default=10_000, metavar="N", help="refuse more a window (10000)"
    )
    add_places(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep runs.jsonl; write walk-forward.json")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    add_assumptions(parser)


def run(options: argparse.Namespace) -> int:
    """Walk and show.

    Args:
        options: The parsed command line.

    Returns:
        0; 1 where no window has a run to choose; 130 where Ctrl-C ended it: the table is of what was done.

    Raises:
        CommandFailure: Strategy, market, parameters, lengths or settings cannot be used; the text says what
            to do.
    """
    progress = Progress()

    def listen(done: int, planned: int) -> None:
        if progress.is_due():
            progress.show_share(done / max(1, planned), f"{done:,} of {planned:,} runs")

    try:
        space = space_of(options)
        lengths = {name: _length(name, getattr(options, name)) for name in ("train", "test")}
        with executor_of(options) as executor:
            result = walk_forward(
                place_of(options.strategy),
                space,
                options.data,
                executor,
                train=lengths["train"],
                test=lengths["test"],
                by=options.by,
                symbols=options.symbol,
                settings=settings_of(options),
                out=options.out,
                max_runs=options.max_runs,
                processes=options.processes,
                progress=listen,
            )
        _show(result, options)
    except (KernelError, MarketFileError) as error:
        raise CommandFailure(str(error)) from error
    except OSError as error:
        raise CommandFailure(f"{error.filename or options.out}: {error.strerror or error}") from error
    finally:
        progress.close()
    if result.interrupted:
        return 130
    return 0 if any(step.trained is not None for step in result.steps) else 1


def _length(name: str, text: str) -> timedelta:
    try:
        return timedelta(microseconds=interval_ns(text) // 1000)
    except InvalidInput as error:
        raise CommandFailure(f"--{name}: {text!r} is no length: write it like 30d, 12h or 90m") from error


def _show(result: "WalkForwardResult", options: argparse.Namespace) -> None:
    whole = as_json(result.to_dict())
    if options.out is not None:
        place = options.out / "walk-forward.json"
        place.write_text(whole, encoding="utf-8")
        print(f"{place}: written", file=sys.stderr)
    if options.json:
        sys.stdout.write(whole)
    else:
        print("\n".join(_lines(result)))


def _lines(result: "WalkForwardResult") -> Iterator[str]:
    yield f"{result.strategy}: {len(result.steps):,} test windows, parameters chosen by {result.by}"
    if result.interrupted:
        yield "Interrupted: this is what was done."
    for reason, times in result.refused.items():
        yield f"{times:,} combinations are refused by the strategy: {reason}"
    header = ["train from", "test from", "to", *result.names, f"{result.by} there", "in the test", "return"]
    right = " ".join([*result.names, f"{result.by} there", "in the test", "return"])
    yield ""
    yield from table(header, [_row(result, step) for step in result.steps], right=right)
    failed = [step.error for step in result.steps if step.error is not None]
    if failed:
        yield f"\n{len(failed):,} windows without a result; the first: {failed[0]}"
    yield ""
    figures = [[name, "-" if value is None else str(value)] for name, value in result.figures.items()]
    yield from table(["the tests, one after another", ""], figures, right="")
    if result.unused_ns:
        unused = timedelta(microseconds=result.unused_ns // 1000)
        yield f"\n{unused} at the end are too short for one more test window."
    yield f"\n{result.text()}"


def _row(result: "WalkForwardResult", step: "Step") -> list[str]:
    window, trained, tested = step.window, step.trained, step.tested
    times = [_minute(at) for at in (window.train_start_ns, window.test_start_ns, window.test_end_ns)]
    chosen = ["-" if trained is None else str(trained.params[name]) for name in result.names]
    figures = [
        None if trained is None else trained.value(result.by),
        None if tested is None else tested.value(result.by),
        None if tested is None else tested.value("total_return"),
    ]
    return [*times, *chosen, *(exact(figure) for figure in figures)]


def _minute(at_ns: int) -> str:
    return time_text(at_ns)[:16]
