"""`dita sweep`: a backtest with every combination of parameters, and what so many tries are worth."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.backtest.heat import as_text, check_axes, heat_of, value_text
from dita.backtest.space import values_of
from dita.backtest.sweep import sweep
from dita.backtest.sweep_files import columns_of, save, to_dict
from dita.cli.backtest import add_assumptions, place_of, settings_of
from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.values import pair
from dita.errors import KernelError, shown
from dita.extras import missing
from dita.market import MarketFileError
from dita.text import as_json, table

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from dita.backtest.heat import Heat
    from dita.backtest.sweep import SweepResult

ROWS_SHOWN: Final = 20
_CONNECT_S: Final = 10

DESCRIPTION: Final = """\
Backtest a strategy with every combination of parameters, on all cores. A combination that the strategy
refuses is counted, not run; a run that fails is a row with its error. With --out each row is kept as soon as
it is known: the same command again runs only what is missing, also after Ctrl-C or a kill.
The last line says how many tries were made, and what the best of so many would be by chance alone."""

EPILOG: Final = """\
examples:
  dita sweep ema-cross --data btc_perp_1m.csv.gz --param fast=5,10,20 --param slow=30,60
  dita sweep ema-cross --data btc_perp_1m.csv.gz --param fast=5:50:5 --param slow=60:240:20 --out sweep
  dita sweep my_strategy.py --data btc_perp_1m.csv.gz --param bars=30,60 --by calmar --processes 2
  dita sweep my_strategy.py --data /shared/btc_perp_1m.csv.gz --param bars=30,60 --dask tcp://10.0.0.1:8786"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_space_options(parser)
    parser.add_argument("--by", default="sharpe", metavar="METRIC", help="sort by it, best first (sharpe)")
    parser.add_argument("--heat", metavar="X,Y", help="the heat map's parameters (the first two that vary)")
    parser.add_argument("--max-runs", type=int, default=10_000, metavar="N", help="refuse more (10000)")
    add_places(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep runs.jsonl; write sweep.csv, heatmap.svg, sweep.html, and sweep.parquet with pyarrow",
    )
    parser.add_argument("--json", action="store_true", help="print every row as one JSON object")
    add_assumptions(parser)


def add_space_options(parser: argparse.ArgumentParser) -> None:
    """Describe strategy, markets and parameters of a sweep.

    Args:
        parser: The command.
    """
    parser.add_argument("strategy", metavar="STRATEGY", help="a file, module:Class, or a sample's name")
    parser.add_argument(
        "--data", type=Path, action="append", required=True, metavar="FILE", help="a market; again for more"
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="NAME", help="the instrument of each file, in order"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        type=pair("NAME=VALUES"),
        metavar="NAME=VALUES",
        help="1,2,3 or a range FROM:TO:STEP with its end; the last --param varies fastest",
    )


def add_places(parser: argparse.ArgumentParser) -> None:
    """Describe where the runs are done.

    Args:
        parser: The command.
    """
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--processes", type=int, metavar="N", help="how many at once (one for each core)")
    place.add_argument(
        "--dask", metavar="ADDRESS", help="a Dask scheduler, as tcp://HOST:8786; workers see the same files"
    )


@contextmanager
def executor_of(options: argparse.Namespace) -> "Iterator[Executor | None]":
    """Lend the executor that a command line means; None stands for processes of our own.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: `--processes` or the address cannot be used, or distributed is not installed.
    """
    if options.processes is not None and options.processes < 1:
        raise CommandFailure(f"--processes: {options.processes} must be 1 or more")
    if options.dask is None:
        yield None
        return
    try:
        import distributed  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CommandFailure(missing("--dask", "sweep")) from error
    try:
        client: Any = distributed.Client(options.dask, timeout=_CONNECT_S)  # type: ignore[no-untyped-call,unused-ignore]
    except (OSError, ValueError) as error:
        raise CommandFailure(f"--dask: {shown(options.dask)} does not answer: {error}") from error
    with client:
        yield client.get_executor()


def run(options: argparse.Namespace) -> int:
    """Sweep and show.

    Args:
        options: The parsed command line.

    Returns:
        0; 1 where every run failed; 130 where Ctrl-C ended it: the table is of what was done.

    Raises:
        CommandFailure: Strategy, market, parameters or settings cannot be used; the text says what to do.
    """
    progress = Progress()

    def listen(done: int, planned: int) -> None:
        if progress.is_due():
            progress.show_share(done / max(1, planned), f"{done:,} of {planned:,} runs")

    axes = None if options.heat is None else options.heat.split(",")
    try:
        space = space_of(options)
        if axes is not None:
            check_axes(axes, tuple(space))
        with executor_of(options) as executor:
            result = sweep(
                place_of(options.strategy),
                space,
                options.data,
                executor,
                symbols=options.symbol,
                settings=settings_of(options),
                by=options.by,
                out=options.out,
                max_runs=options.max_runs,
                processes=options.processes,
                progress=listen,
            )
        heat = heat_of(result, axes)
    except (KernelError, MarketFileError) as error:
        raise CommandFailure(str(error)) from error
    except OSError as error:
        raise CommandFailure(f"{error.filename or options.out}: {error.strerror or error}") from error
    finally:
        progress.close()
    _show(result, heat, options)
    if result.interrupted:
        return 130
    return 1 if result.rows and all(row.error is not None for row in result.rows) else 0


def space_of(options: argparse.Namespace) -> dict[str, list[str]]:
    """Return the values of each parameter that a command line names.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: A parameter is given twice.
        InvalidInput: Values cannot be read.
    """
    space: dict[str, list[str]] = {}
    for name, text in options.param:
        if name in space:
            raise CommandFailure(f"--param: {shown(name)} is given twice; list its values: {name}=1,2,3")
        space[name] = values_of(name, text)
    return space


def _show(result: "SweepResult", heat: "Heat | None", options: argparse.Namespace) -> None:
    if options.out is not None:
        try:
            files = save(result, options.out, heat)
        except OSError as error:
            raise CommandFailure(f"{options.out}: {error.strerror or error}") from error
        print(f"{options.out}: {', '.join(file.name for file in files)} written", file=sys.stderr)
    if options.json:
        sys.stdout.write(as_json(to_dict(result)))
    else:
        print("\n".join(_lines(result, heat)))


def _lines(result: "SweepResult", heat: "Heat | None") -> Iterator[str]:
    columns = columns_of(result.by)
    failed = [row for row in result.rows if row.error is not None]
    done = [row for row in result.rows if row.error is None]
    more = f", {result.kept:,} from before" if result.kept else ""
    yield f"{result.strategy}: {len(result.rows):,} of {result.planned:,} runs{more}, by {result.by}"
    if result.interrupted:
        yield "Interrupted: this is what was done."
    for reason, times in result.refused.items():
        yield f"{times:,} combinations are refused by the strategy: {reason}"
    rows = [
        [*(str(row.params[name]) for name in result.names), *(value_text(row, name) for name in columns)]
        for row in done[:ROWS_SHOWN]
    ]
    yield ""
    yield from table([*result.names, *columns], rows, right=" ".join([*result.names, *columns]))
    if len(done) > ROWS_SHOWN:
        yield f"  and {len(done) - ROWS_SHOWN:,} more; --json or --out has all"
    if failed:
        yield f"\n{len(failed):,} failed; the first: {failed[0].params}: {failed[0].error}"
    if heat is not None:
        yield ""
        yield from as_text(heat)
    yield f"\n{result.tries.text()}"
