"""How fast targets are planned and applied: `python benches/python/portfolio.py [--targets N] [--account N]`.

The goal is 10,000 targets in a second. Two things are timed, each as a plan does it: a file of N targets is
read and planned on a book of as many markets, a half of which is held; and an account of so many instruments
is read. They are apart because a kernel takes minutes to be given 10,000 instruments.
Before that the account gets its positions by an apply on the simulated venue, without a log's syncs.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from dita import MarketLimits, Product, SimulatedVenue
from dita.config import load
from dita.host import Directory, Host
from dita.portfolio import (
    OWNER,
    Book,
    Equity,
    PlanSettings,
    PlanState,
    PortfolioDesk,
    book_of,
    make_plan,
    read_targets,
)
from dita.portfolio.book import Holding, Market

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


def wide(targets: int) -> Book:
    """A book of so many markets, the first half held as a file of equal weights has it."""
    rules = {"tick_size": "0.01", "lot_step": "0.001", "min_notional": "5"}
    symbols = [f"C{n}USDT" for n in range(targets)]
    held = Decimal("9.8e8") / targets / 100
    return Book(
        instruments=tuple(symbols),
        markets={
            symbol: Market(symbol, "USDT", Product.PERP, Decimal(100), MarketLimits(symbol, **rules))
            for symbol in symbols
        },
        holdings={
            symbol: Holding(position=held, own=held, slots=(n,))
            for n, symbol in enumerate(symbols[: targets // 2])
        },
        equities={"USDT": Equity("USDT", Decimal(10**9), Decimal(10**9), Decimal(0))},
        limits={},
        free_slots=targets,
        slots=targets,
    )


def median_of(work: Callable[[], object]) -> str:
    """Time a piece of work, processor and wall."""
    cpu, walls = [], []
    for _ in range(ROUNDS):
        start, wall = time.process_time(), time.perf_counter()
        work()
        cpu.append(time.process_time() - start)
        walls.append(time.perf_counter() - wall)
    return f"{statistics.median(cpu):.3f} s of processor (wall {statistics.median(walls):.3f} s)"


def main() -> None:
    """Print medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--account", type=int, default=1_000)
    options = parser.parse_args()
    how = PlanSettings(threshold=Decimal(0))
    with tempfile.TemporaryDirectory(prefix="dita-portfolio-") as folder:
        root = Path(folder)
        file = written(root / "wide.json", range(options.targets), f"{Decimal(1) / options.targets:.9f}")
        book = wide(options.targets)

        def plan() -> None:
            made = make_plan(read_targets(file), book, "bench/main", now_ns=time.time_ns(), settings=how)
            assert len(made.traded()) == options.targets - options.targets // 2

        print(f"file and plan: {options.targets:,} targets in {median_of(plan)}")
        own = written(root / "own.json", range(options.account), f"{Decimal(1) / options.account:.9f}")
        with account(root, options.account) as host:
            desk = PortfolioDesk(host)
            start, wall = time.process_time(), time.perf_counter()
            assert desk.apply(desk.prepare(own, how)).state is PlanState.DONE
            cpu_s, wall_s = time.process_time() - start, time.perf_counter() - wall
            print(f"applied: {options.account:,} orders in {cpu_s:.2f} s of processor (wall {wall_s:.2f} s)")
            kernel = host.kernel(None)
            read = median_of(lambda: book_of(kernel, OWNER))
            print(f"account read: {options.account:,} instruments, each held, in {read}")


if __name__ == "__main__":
    main()
