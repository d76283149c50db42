"""How fast an audit ledger is written and verified: `python benches/python/audit.py [--records N]`.

A kernel trades on a log; its rows are read once, in batches as a follower reads them. What is timed is the
ledger alone: lines, hashes and files, synced after each batch; and `verify` of the whole.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from dita import ExecutionKernel, KernelCommandType, KernelIntent, ManualClock, SimulatedVenue, TradeSide
from dita._kernel import AuditLedger, LogFollower, audit_verify

SYMBOL = "BTCUSDT"
CONFIG = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}},
}
ROUNDS = 5


def trade(log_dir: Path, trips: int) -> None:
    """Write a log of so many round trips."""
    venue = SimulatedVenue(balances={"USDT": "1000000"})
    kernel = ExecutionKernel(venue=venue, clock=ManualClock(1), log_dir=log_dir, log_policy="off")
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("1000000")
    venue.on_quote(SYMBOL, "60000", None, "60000.1", None, 1)
    for trip in range(trips):
        for action in (KernelCommandType.ENTER, KernelCommandType.EXIT):
            kernel.process_intent(
                KernelIntent(
                    timestamp=1,
                    intent_id=f"{trip}-{action}",
                    trade_id=f"t{trip}",
                    slot_id=0,
                    asset=SYMBOL,
                    side=TradeSide.LONG,
                    action=action,
                    target_size="0.01" if action == KernelCommandType.ENTER else None,
                )
            )
    kernel.close()


def main() -> None:
    """Print records a second, median of the rounds. Without --wall two busy threads count twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--wall", action="store_true", help="by the wall's time, and not the processor's")
    options = parser.parse_args()
    clock = time.perf_counter if options.wall else time.process_time
    root = Path(tempfile.mkdtemp(prefix="dita-audit-"))
    try:
        # A round trip makes six records: two intents, two outcomes, two executions.
        trade(root / "log", options.records // 6)
        source = LogFollower(root / "log", "bench", "bench", journal=True, durable=False)
        batches = []
        while (batch := source.poll(records_max=50_000, bytes_max=32 << 20)) is not None:
            batches.append(batch["blocks"])
        written, verified, records = [], [], 0
        for number in range(ROUNDS):
            ledger = AuditLedger(root / f"ledger-{number}", "bench")
            begin = clock()
            for blocks in batches:
                ledger.write(blocks)
            written.append(ledger.records / (clock() - begin))
            begin = clock()
            report = audit_verify(root / f"ledger-{number}")
            verified.append(report["records"] / (clock() - begin))
            records = report["records"]
            shutil.rmtree(root / f"ledger-{number}")
        print(f"{records:,} records, median of {ROUNDS} rounds")
        print(f"written  {statistics.median(written):>12,.0f} records a second")
        print(f"verified {statistics.median(verified):>12,.0f} records a second")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
