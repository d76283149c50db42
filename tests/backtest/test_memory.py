"""A run's memory does not grow with its file."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import open_market
from dita.strategy import Strategy

rules = BacktestSettings(instruments={"XUSDT": {"tick_size": "0.1", "lot_step": "0.001"}})
result = BacktestEngine([Named("s", Strategy)], [open_market(Path(sys.argv[1]), "XUSDT")], rules).run()
# Not ru_maxrss: that begins with what the parent had.
print(result.events, Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
GROWTH_KIB_MAX = 6 * 1024


def peak_kib(path: Path, megabytes: int) -> int:
    """Peak memory of a run over a file of quotes of this size."""
    with path.open("w") as file:
        file.write("timestamp,bid,ask,bid_size,ask_size\n")
        rows = megabytes * 1_000_000 // 48
        for number in range(rows):
            price = 60_000 + number % 977
            file.write(
                f"{1_704_067_200_000_000 + number * 250_000},{price}.1,{price}.2,1.500,{number % 9 + 1}.250\n"
            )
    command = [sys.executable, "-c", PROGRAM, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    events, peak = map(int, done.stdout.split())
    assert events == rows
    return peak


def test_a_file_many_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    megabytes = int(os.environ.get("DITA_MEMORY_MB", "100"))
    small, large = (peak_kib(tmp_path / f"{size}.csv", size) for size in (10, megabytes))
    assert large - small < GROWTH_KIB_MAX, f"{small} KiB for 10 MB, {large} KiB for {megabytes} MB"
