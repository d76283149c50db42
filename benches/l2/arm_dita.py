"""DITA: a file of columns through venue and kernel; a strategy without a callback, marks and ledger on."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import dita
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.market import open_market
from dita.strategy import Strategy


def main() -> None:
    """One arm."""
    path = Path(sys.argv[1])
    engine = BacktestEngine([Named("none", Strategy)], [open_market(path)], BacktestSettings())
    wall, processor = time.perf_counter(), time.process_time()
    result = engine.run()
    told = {"ran_s": time.perf_counter() - wall, "processor_s": time.process_time() - processor}
    print(json.dumps({**told, "events": result.events, "version": dita.__version__}))


if __name__ == "__main__":
    main()
