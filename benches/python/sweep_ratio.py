"""A sweep of 200 runs on two processes, against two bare processes with the same single runs.

The bare processes import, load the strategy once, and play half of the runs each, without ids, rows or files.
"""

import json
import math
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.sweep import sweep
from dita.market import open_market
from dita.runtime import load_params, load_strategy
from dita.strategy.samples import path_of

SPACE = {"fast": list(range(2, 22)), "slow": list(range(30, 130, 10))}
BARS = 600
PROCESSES = 2


def write_market(folder: Path) -> Path:
    lines = ["timestamp,open,high,low,close,volume"]
    for hour in range(BARS):
        opened, closed = (round(1000 + 50 * math.sin(at / 9) + at % 7, 2) for at in (hour, hour + 1))
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        lines.append(f"{at.isoformat()},{opened},{max(opened, closed)},{min(opened, closed)},{closed},1")
    place = folder / "xusdt_1h.csv"
    place.write_text("\n".join(lines) + "\n")
    return place


def play_bare(data: Path, runs: list[dict[str, Any]]) -> None:
    strategy = load_strategy(str(path_of("ema-cross")))
    for given in runs:
        named = Named(strategy.__name__, strategy, load_params(strategy, given))
        BacktestEngine([named], [open_market(data, allow_gaps=False)]).run(compare_stops=False)


def bare(data: Path) -> float:
    runs = [{"fast": fast, "slow": slow} for fast in SPACE["fast"] for slow in SPACE["slow"]]
    context = multiprocessing.get_context("spawn")
    began = time.perf_counter()
    processes = [
        context.Process(target=play_bare, args=(data, runs[at::PROCESSES])) for at in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return time.perf_counter() - began


def swept(data: Path, folder: Path) -> float:
    began = time.perf_counter()
    result = sweep("ema-cross", SPACE, data, processes=PROCESSES, out=folder)
    assert len(result.rows) == 200
    assert all(row.error is None for row in result.rows)
    return time.perf_counter() - began


def cpu_s() -> float:
    """Of this process and of those that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        data = write_market(Path(name))
        for number in range(rounds):
            before = cpu_s()
            bare_s = bare(data)
            between = cpu_s()
            sweep_s = swept(data, Path(name) / str(number))
            cpu_ratio = (cpu_s() - between) / (between - before)
            found.append(
                {"bare_s": bare_s, "sweep_s": sweep_s, "ratio": sweep_s / bare_s, "cpu_ratio": cpu_ratio}
            )
    medians = {key: round(median(one[key] for one in found), 3) for key in found[0]}
    print(json.dumps({"rounds": rounds, **medians}))


if __name__ == "__main__":
    main()
