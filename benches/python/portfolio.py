"""How fast targets are planned and applied: `python benches/python/portfolio.py [--targets N]`.

The goal is 10,000 targets in a second. A file of N targets is planned for an account that holds a half of
them: the file is read, the account is read, sizes, floors and parts are made. Before that the half is applied
on the simulated venue, without a log's syncs.
"""

import argparse
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from dita import SimulatedVenue
from dita.config import load
from dita.host import Directory, Host
from dita.portfolio import PlanSettings, PlanState, PortfolioDesk

ROUNDS = 5


def account(root: Path, targets: int) -> Host:
    """A host with one account of so many instruments, each with a price."""
    rules = ", ".join(
        f'C{n}USDT = {{tick_size = "0.01", lot_step = "0.001", min_notional = "5"}}' for n in range(targets)
    )
    config = load(
        environ={},
        overrides={
            "accounts.main.instruments": f"{{instruments = {{{rules}}}}}",
            "accounts.main.max_slots": str(targets),
            "accounts.main.simulated.balances": '{USDT = "1000000000"}',
            "accounts.main.log_policy": "off",
        },
    ).config
    host = Host(config, directory=Directory(root / "h"), feed=False)
    venue = host.kernel(None).venue
    assert isinstance(venue, SimulatedVenue)
    for n in range(targets):
        venue.on_quote(f"C{n}USDT", "100", None, "100", None, 1)
    return host


def written(path: Path, symbols: range, weight: str) -> Path:
    """A file of targets, a weight for each symbol."""
    assets = [{"Symbol": f"BINANCE:C{n}USDT", "Weight": weight, "Source_Run": "run-1"} for n in symbols]
    winner = {
        "rank": 1,
        "profile": "wide",
        "engine": "bench",
        "assets": assets,
        "metadata": {"generated_at": datetime.now(UTC).isoformat(), "source_run_id": "run-1"},
    }
    path.write_text(json.dumps({"winners": [winner]}))
    return path


def main() -> None:
    """Print the plan's time, median of the rounds, and the apply's orders a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=10_000)
    options = parser.parse_args()
    # Fees move what shares are of by so little: what is held already stays.
    how = PlanSettings(threshold=Decimal("0.000001"))
    with tempfile.TemporaryDirectory(prefix="dita-portfolio-") as folder:
        root = Path(folder)
        weight = f"{Decimal(1) / options.targets:.9f}"
        half = written(root / "half.json", range(options.targets // 2), weight)
        whole = written(root / "whole.json", range(options.targets), weight)
        with account(root, options.targets) as host:
            desk = PortfolioDesk(host)
            start, wall = time.process_time(), time.perf_counter()
            assert desk.apply(desk.prepare(half, how)).state is PlanState.DONE
            cpu_s, wall_s = time.process_time() - start, time.perf_counter() - wall
            orders = options.targets // 2
            print(f"applied: {orders:,} orders in {cpu_s:.2f} s of processor ({wall_s:.2f} s), no syncs")
            cpu, walls = [], []
            for _ in range(ROUNDS):
                start, wall = time.process_time(), time.perf_counter()
                planned = desk.prepare(whole, how)
                cpu.append(time.process_time() - start)
                walls.append(time.perf_counter() - wall)
                assert len(planned.stored.plan.rows) == options.targets
                assert len(planned.stored.plan.traded()) == options.targets - orders
            print(
                f"planned: {options.targets:,} targets in {statistics.median(cpu):.2f} s of processor "
                f"(wall {statistics.median(walls):.2f} s, best {min(walls):.2f} s)"
            )


if __name__ == "__main__":
    main()
