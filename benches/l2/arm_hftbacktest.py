"""hftbacktest: the same capture by its own converter, played in a compiled loop without a strategy.

`arm_hftbacktest.py CAPTURE FOLDER TIMES` converts once into FOLDER, and repeats that with shifted times.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from hftbacktest import DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT, BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data.utils import binancefutures
from numba import njit

STEP_NS = 100_000_000
ROWS_MAX = 2_000_000
GAP_NS = 1_000_000_000


def converted(capture: Path, folder: Path, times: int) -> Path:
    """The capture in the peer's form, so many times one after the other."""
    out = folder / f"{capture.name}.{times}.npz"
    if not out.exists():
        once = binancefutures.convert(str(capture), buffer_size=ROWS_MAX)
        # Both clocks, so that none goes back where the next one begins.
        span = max(once["exch_ts"].max(), once["local_ts"].max())
        span -= min(once["exch_ts"].min(), once["local_ts"].min())
        many = []
        for number in range(times):
            part = once.copy()
            part["exch_ts"] += number * (span + GAP_NS)
            part["local_ts"] += number * (span + GAP_NS)
            many.append(part)
        np.savez(out, data=np.concatenate(many))
    return out


@njit  # type: ignore[untyped-decorator]
def play(desk: Any) -> int:
    """To the end, without a look at anything."""
    steps = 0
    while desk.elapse(STEP_NS) == 0:
        steps += 1
    return steps


def desk_of(data: Any) -> Any:
    """A venue as the examples have it."""
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(1_000, 1_000)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0005)
        .tick_size(0.1)
        .lot_size(0.001)
    )
    return HashMapMarketDepthBacktest([asset])


def main() -> None:
    """One arm."""
    capture, folder, times = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    path = converted(capture, folder, times)
    data = np.load(path)["data"]
    kinds = data["ev"] & 0xFF
    levels = int(np.count_nonzero((kinds == DEPTH_EVENT) | (kinds == DEPTH_SNAPSHOT_EVENT)))
    # Compiled before it is measured. The asset holds no reference to its array, so a name here must.
    few = data[:10_000].copy()
    play(desk_of(few))
    desk = desk_of(data)
    wall, processor = time.perf_counter(), time.process_time()
    play(desk)
    told = {"ran_s": time.perf_counter() - wall, "processor_s": time.process_time() - processor}
    print(json.dumps({**told, "events": len(data), "levels": levels, "version": version("hftbacktest")}))


if __name__ == "__main__":
    main()
