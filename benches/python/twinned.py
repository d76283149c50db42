"""T1 on a log while a twin of it is at work, in turns with T1 while the twin is stopped.

    python benches/python/twinned.py [--turns 30] [--trips 20000]

One kernel with a simulated venue, on a log in policy "batch". Beside it a process does what `--twin` does: it
reads the log, gives its intents to a simulated venue of its own, and compares; here again and again without a
pause, where `--twin` takes at most a tenth of the time. Before each turn without it the process is stopped
(SIGSTOP) and before each turn with it goes on. Each trip is timed, less what its calls waited for the log's
syncs. What counts (`slower`) is how much longer the median trip of a turn took than that of the turn beside
it, and of these the median.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_round_trip as bench

from dita import SimulatedVenue
from dita.backtest.settings import BacktestSettings
from dita.backtest.twin import Twin
from dita.market import Quote

if TYPE_CHECKING:
    from collections.abc import Iterator


class OneQuote:
    """The market of the trips: one quote, from the beginning on."""

    symbol = name = "BTCUSDT"
    kind = "synthetic"
    step_ns = 1_000_000_000

    def __iter__(self) -> Iterator[Quote]:
        """The quote."""
        yield Quote("BTCUSDT", str(bench.SELL), None, str(bench.BUY), None, 0)

    def fraction_read(self) -> float:
        """All of it is read at once."""
        return 1.0


def follow(log: Path) -> None:
    """Compares again and again; says each time how long it took, and how many trades it saw."""
    os.nice(10)
    while True:
        began = time.monotonic()
        report = Twin(log, [OneQuote()]).report(BacktestSettings())
        print(json.dumps([time.monotonic() - began, report.first.trades[0]]), flush=True)


def turn(desk: Any, trips: int) -> float:
    """Makes so many trips, and returns the median one, µs."""
    clock = time.perf_counter_ns
    took: list[float] = []
    waited_us = desk.waited_us()
    for _ in range(trips):
        began = clock()
        desk.round_trip()
        took.append((clock() - began) / 1e3)
        waited_before_us, waited_us = waited_us, desk.waited_us()
        took[-1] -= waited_us - waited_before_us
    return statistics.median(took)


def main() -> None:
    """Measures and prints."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--trips", type=int, default=20_000)
    parser.add_argument("--follow", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.follow is not None:
        follow(options.follow)
    print(f"load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        log = Path(folder) / "log"
        desk = bench.Desk(SimulatedVenue(balances={"USDT": 1_000_000_000}), log_dir=log)
        turn(desk, options.trips)
        twin = subprocess.Popen(
            [sys.executable, __file__, "--follow", str(log)], stdout=subprocess.PIPE, text=True
        )
        assert twin.stdout is not None
        try:
            # It has begun, and has compared once.
            seconds, trades = json.loads(twin.stdout.readline())
            measured = measure(desk, twin, options)
        finally:
            twin.send_signal(signal.SIGCONT)
            twin.kill()
            twin.communicate()
        desk.kernel.close()
    one_pass = {"pass_s": seconds, "pass_trades": trades}
    print(json.dumps({"figure": "T1 with a twin at work", **measured, **one_pass}))


def measure(desk: Any, twin: subprocess.Popen[str], options: argparse.Namespace) -> dict[str, float]:
    """Lets the kernel make its trips, in turns."""
    ratios: list[float] = []
    medians: dict[int, list[float]] = {0: [], 1: []}
    gc.disable()
    for number in range(options.turns):
        took = {}
        for at in (0, 1) if number % 2 else (1, 0):
            twin.send_signal(signal.SIGCONT if at else signal.SIGSTOP)
            took[at] = turn(desk, options.trips)
            medians[at].append(took[at])
        ratios.append(took[1] / took[0] - 1.0)
    gc.enable()
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "off_us": statistics.median(medians[0]),
        "on_us": statistics.median(medians[1]),
        "slower": middle,
        "slower_low": low,
        "slower_high": high,
        "slower_at_a_tenth": middle / 10,
    }


if __name__ == "__main__":
    main()
