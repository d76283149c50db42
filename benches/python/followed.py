"""T1 with both followers on, in turns with T1 without: what following costs the kernel.

    python benches/python/followed.py [--turns 30] [--trips 20000] [--only queue]

Two pairs of kernels, each kernel with a simulated venue inside. `queue`: neither has a log; the second one
feeds a journal (an embedded ClickHouse) and a projection (a Hazelcast member) through its bounded queue.
`log`: both have a log in policy "batch" on the disk that holds this checkout; the second one's is followed.
In turns each makes its trips flat out, one intent after the other; before each turn the followers have read
everything, so that they work for the kernel that is measured and for no other. Each trip is timed, for `log`
less what its calls waited for their syncs. What counts (`slower`) is how much longer the median trip of a
turn took than that of the turn beside it, and of these the median: a machine that is slow for some seconds is
slow for both turns of a pair. A quarter of the pairs was below `slower_low`, a quarter above `slower_high`;
where these are far apart, the machine was not to be measured on. Also `queue, 1,000 a second`: trips at a
strategy's pace.

Needs java and mvn, and two cores that nothing else wants: the load before stands in the first line.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import bench_round_trip as bench

from dita import ExecutionKernel, SimulatedVenue
from dita.cluster import jars, member
from dita.journal import ClickHouseKernelJournal
from dita.projection import FollowedProjection

_PACE_S = 0.001
_DRAIN_S = 300.0


class Side:
    """One kernel, and how long its trips took."""

    def __init__(self, name: str, log_dir: Path | None, planes: dict[str, Any]) -> None:
        """Opens the kernel."""
        self.desk = desk(name, log_dir, planes)
        self.is_logged = log_dir is not None
        self.trips_us: list[float] = []
        self.means_us: list[float] = []

    def wait_for_followers(self) -> None:
        """Until they have read everything."""
        self.desk.kernel.sync()
        until = time.monotonic() + _DRAIN_S
        while True:
            found = self.desk.kernel.health()["followers"].values()
            if all(one["lag_records"] == 0 for one in found):
                return
            if any(one.get("lost") for one in found):
                raise SystemExit("the queue overflowed: make fewer trips a turn")
            assert time.monotonic() < until, found
            time.sleep(0.05)

    def turn(self, trips: int, pace_s: float) -> float:
        """Makes so many trips, and returns the median one."""
        trip, clock = self.desk.round_trip, time.perf_counter_ns
        took: list[float] = []
        due = time.perf_counter()
        waited_us = self.desk.waited_us()
        for _ in range(trips):
            if pace_s:
                due += pace_s
                time.sleep(max(0.0, due - time.perf_counter()))
            began = clock()
            trip()
            took.append((clock() - began) / 1e3)
            if self.is_logged:
                waited_before_us, waited_us = waited_us, self.desk.waited_us()
                took[-1] -= waited_us - waited_before_us
        self.means_us.append(sum(took) / trips)
        self.trips_us += took
        return statistics.median(took)


def desk(name: str, log_dir: Path | None, planes: dict[str, Any]) -> bench.Desk:
    """A kernel with a billion USDT and a market, followed or not."""

    class Followed(ExecutionKernel):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, **planes, "name": name})

    plain, bench.ExecutionKernel = bench.ExecutionKernel, Followed
    try:
        return bench.Desk(SimulatedVenue(balances={"USDT": 1_000_000_000}), log_dir=log_dir)
    finally:
        bench.ExecutionKernel = plain


def measure(figure: str, sides: tuple[Side, Side], turns: int, trips: int, pace_s: float = 0.0) -> None:
    """Lets both sides make their trips, in turns, and prints what came of it."""
    for side in sides:
        side.trips_us, side.means_us = [], []
    ratios: list[float] = []
    gc.disable()
    for turn in range(turns):
        took: dict[int, float] = {}
        for at in (0, 1) if turn % 2 else (1, 0):
            sides[1].wait_for_followers()
            took[at] = sides[at].turn(trips, pace_s)
        ratios.append(took[1] / took[0] - 1.0)
    gc.enable()
    sides[1].wait_for_followers()
    found: dict[str, Any] = {"figure": figure}
    for name, side in zip(("off", "on"), sides, strict=True):
        ordered = sorted(side.trips_us)
        found[f"{name}_us"] = ordered[len(ordered) // 2]
        found[f"{name}_p99_us"] = ordered[len(ordered) * 99 // 100]
        found[f"{name}_mean_us"] = statistics.median(side.means_us)
    low, middle, high = statistics.quantiles(ratios, n=4) if turns > 1 else ratios * 3
    print(json.dumps({**found, "slower": middle, "slower_low": low, "slower_high": high}), flush=True)


def close(sides: tuple[Side, Side]) -> None:
    """Looks whether all trips were made, and closes both kernels."""
    for side in sides:
        side.desk.assert_end()
        side.desk.kernel.close()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--trips", type=int, default=20_000)
    parser.add_argument("--only", choices=("queue", "log"), help="one of the two pairs of kernels")
    options = parser.parse_args()
    print(json.dumps({"load_before": os.getloadavg()[0], "trips_a_turn": options.trips}), flush=True)
    disk = Path(__file__).resolve().parents[1] / "target" / "followed"
    shutil.rmtree(disk, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as knock:
        root = Path(folder)
        knock.bind((member.LOOPBACK, 0))
        port = knock.getsockname()[1]
        knock.close()
        started = member.start(jars.jars(), "dita-bench", port, heap="512m", state=root)
        try:

            def planes(name: str) -> dict[str, Any]:
                return {
                    "journal": ClickHouseKernelJournal(root / name, always=True),
                    "projection": FollowedProjection(started.address),
                }

            if options.only != "log":
                queued = Side("off", None, {}), Side("queued", None, planes("queued"))
                measure("queue", queued, options.turns, options.trips)
                measure("queue, 1,000 a second", queued, options.turns, 1_000, _PACE_S)
                close(queued)
            if options.only != "queue":
                logged = Side("alone", disk / "alone", {}), Side("logged", disk / "logged", planes("logged"))
                measure("log", logged, options.turns, options.trips // 20)
                close(logged)
        finally:
            started.stop()
            shutil.rmtree(disk, ignore_errors=True)


if __name__ == "__main__":
    main()
