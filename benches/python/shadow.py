"""Iterations a second of the shadow loop, kernel, monitor and store on: `python benches/python/shadow.py`."""

import statistics
import time

from dita.compat.shadow import (
    ExecutionLoop,
    ExecutionParams,
    FakeExchangeClient,
    InMemoryOrderStore,
    RuntimeRiskMonitor,
)

ITERATIONS = 10_000
ROUNDS = 5
PLENTY = 1_000_000_000


def rate() -> float:
    exchange = FakeExchangeClient(
        fill_rate=1, reject_rate=0, latency_ms=0, partial_fill_rate=0, slots=64, balance=PLENTY
    )
    monitor = RuntimeRiskMonitor(
        max_inventory_usd_per_symbol=10_000, max_total_notional_usd=50_000, edge_freeze_threshold_bps=0
    )
    loop = ExecutionLoop(exchange, InMemoryOrderStore(), monitor)
    began = time.process_time()
    loop.run_shadow(ExecutionParams(["BTCUSDT"], ITERATIONS, 10_000, 50_000, 0))
    seconds = time.process_time() - began
    account = exchange.kernel.snapshot()["account"]
    assert account["k_capital"] == account["e_wallet_balance"]
    assert loop.stats["orders_filled"] == 2 * ITERATIONS
    exchange.close()
    return ITERATIONS / seconds


if __name__ == "__main__":
    rates = [rate() for _ in range(ROUNDS)]
    print(f"{statistics.median(rates):,.0f} iterations a second ({min(rates):,.0f} to {max(rates):,.0f})")
