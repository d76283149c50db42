"""A kernel that is killed in the middle of a trade, and comes back to it.

Run it: `python examples/survive_a_crash.py`
"""

import os
import signal
import subprocess
import sys
import tempfile

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"
TRADE = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "LONG", "timestamp": 0}


def opened(log_dir: str) -> ExecutionKernel:
    """Open the kernel: a new one, or the one that the log leads to. The program is the same either way."""
    venue = SimulatedVenue(balances={"USDT": 10_000})
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir)
    kernel.set_exchange_config(
        {"taker_rate": "0.0005", "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}}
    )
    kernel.set_seed_capital(10_000)
    venue.on_quote(SYMBOL, "61800.2", None, "61800.3", None)
    return kernel


def be_killed(log_dir: str) -> None:
    """Enter a trade and die: no close, no goodbye."""
    kernel = opened(log_dir)
    outcome = kernel.process_intent(
        KernelIntent(intent_id="i1", action="ENTER", target_size="0.01", reference_price=61_800, **TRADE)
    )
    print("entered:", outcome.state, "durable:", outcome.durable, "K", kernel.account.capital, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Have a child killed, and take its trade over."""
    with tempfile.TemporaryDirectory() as log_dir:
        child = subprocess.run([sys.executable, __file__, log_dir], check=False)  # noqa: S603 - this file
        print("killed:", child.returncode == -signal.SIGKILL, flush=True)

        with opened(log_dir) as kernel:
            recovery = kernel.recovery or {}
            print("opening", recovery["epoch"], "replayed", recovery["replayed"], "inputs")
            print("again:", kernel.slot(0).fsm_state, kernel.slot(0).size, "K", kernel.account.capital)
            # The strategy does not know whether its intent arrived, and says it again. It did.
            again = KernelIntent(
                intent_id="i1", action="ENTER", target_size="0.01", reference_price=61_800, **TRADE
            )
            print("said again:", kernel.process_intent(again).diagnostic_code)
            left = kernel.process_intent(KernelIntent(intent_id="i2", action="EXIT", **TRADE))
            print("left:", left.state, "K", kernel.account.capital, "E - K", kernel.account.reconcile_delta)

        with opened(log_dir) as kernel:
            recovery = kernel.recovery or {}
            print("opening", recovery["epoch"], "replayed", recovery["replayed"], "inputs: it was closed")


if __name__ == "__main__":
    be_killed(sys.argv[1]) if len(sys.argv) > 1 else main()
