"""The Zinc plane's figures, as JSON: a slot read from Python, T1 with and without one, how soon a halt acts.

T1's arms take turns in one process, and the ratio is taken turn by turn. A halt is written by another
process, which notes the time just before; a round ends when the kernel's adapter is asked for the cancel and
the first intent was refused. `python benches/python/zinc.py [rounds]`
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench_round_trip import Desk

from dita import (
    ControlUpdate,
    ExecutionKernel,
    KernelEventKind,
    KernelIntent,
    MockVenueAdapter,
    SharedMemoryZincPlane,
    SimulatedVenue,
    VenueEvent,
    VenueOrder,
    ZincReader,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 200
TRIPS = 500
OPERATOR = """
import sys, time
from dita import SharedHalt
halt = SharedHalt("bench")
for line in sys.stdin:
    time.sleep(float(line))
    began = time.monotonic_ns()
    halt.ask(by="bench")
    print(began, flush=True)
"""


def timed(trip: Callable[[], None]) -> float:
    """Microseconds a trip, over one turn."""
    began = time.perf_counter_ns()
    for _ in range(TRIPS):
        trip()
    return (time.perf_counter_ns() - began) / TRIPS / 1000


def trips() -> dict[str, float]:
    """T1 of two desks in turns: one shows itself, one does not."""
    plain, shared = (Desk(SimulatedVenue(balances={"USDT": 1_000_000_000})) for _ in range(2))
    shared.kernel.share(SharedMemoryZincPlane("t1"))
    turns = []
    for turn in range(TURNS):
        arms = [plain, shared] if turn % 2 else [shared, plain]
        found = {id(desk): timed(desk.round_trip) for desk in arms}
        turns.append((found[id(plain)], found[id(shared)]))
    shared.kernel.close()
    return {
        "without_us": median(one for one, _ in turns),
        "with_us": median(two for _, two in turns),
        "ratio": median(two / one for one, two in turns),
        "added_us": median(two - one for one, two in turns),
        "added_us_lowest": min(two for _, two in turns) - min(one for one, _ in turns),
    }


def reads() -> dict[str, float]:
    """`read_slot` of a slot with an entry order and an exit at work."""
    kernel = resting(lambda: None)
    kernel.share(SharedMemoryZincPlane("reads"))
    kernel.process_intent(entering("e1", 0, "MARKET"))
    reader = ZincReader("reads")
    slot = reader.read_slot(0)
    assert slot is not None
    assert slot == kernel.slot(0).snapshot()
    each = []
    for _ in range(20_000):
        began = time.perf_counter_ns()
        reader.read_slot(0)
        each.append(time.perf_counter_ns() - began)
    each.sort()
    kernel.close()
    return {"p50_us": each[10_000] / 1000, "p99_us": each[19_800] / 1000}


def entering(name: str, slot_id: int, order_type: str) -> KernelIntent:
    """An entry of 0.01 BTC; a LIMIT rests."""
    price: dict[str, Any] = {"limit_price": "50000"} if order_type == "LIMIT" else {}
    return KernelIntent(
        timestamp=1, intent_id=name, trade_id=f"t{name}", slot_id=slot_id, asset="BTCUSDT", side="LONG",
        action="ENTER", reference_price="60000", target_size="0.01", order_type=order_type, **price,
    )  # fmt: skip


def resting(canceled: Callable[[], None]) -> ExecutionKernel:
    """A kernel whose venue fills market orders, and lets limit orders rest."""

    def event(order: VenueOrder, kind: KernelEventKind, **more: Any) -> VenueEvent:
        return VenueEvent(
            timestamp=1, kind=kind, venue_client_id=order.venue_client_id, slot_id=order.slot_id,
            asset=order.asset, venue_order_id="V" + order.venue_client_id, **more,
        )  # fmt: skip

    def submit(order: VenueOrder) -> list[VenueEvent]:
        acked = event(order, KernelEventKind.ORDER_ACK)
        if order.order_type == "LIMIT":
            return [acked]
        filled = event(
            order, KernelEventKind.FULL_FILL, venue_trade_id="F" + order.venue_client_id,
            order_side=order.order_side, size=order.intended_size, price="60000", fee="0", fee_asset="USDT",
        )  # fmt: skip
        return [acked, filled]

    def cancel(order: VenueOrder, _reason: str) -> list[VenueEvent]:
        canceled()
        return [event(order, KernelEventKind.CANCEL_ACK)]

    kernel = ExecutionKernel(venue=MockVenueAdapter(submit=submit, cancel=cancel))
    instrument = {"tick_size": "0.1", "lot_step": "0.001"}
    kernel.set_exchange_config({"taker_rate": "0", "instruments": {"BTCUSDT": instrument}})
    kernel.set_seed_capital("10000000")
    kernel.mark_price("BTCUSDT", "60000")
    return kernel


def halts(rounds: int, *, busy: bool) -> dict[str, float]:
    """How long after the store the cancel was sent, and the first intent refused, ns to µs."""
    sent_ns = 0
    sent = threading.Event()

    def canceled() -> None:
        nonlocal sent_ns
        sent_ns = time.monotonic_ns()
        sent.set()

    kernel = resting(canceled)
    kernel.share(SharedMemoryZincPlane("bench"))
    operator = subprocess.Popen(
        [sys.executable, "-c", OPERATOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert operator.stdin is not None
    assert operator.stdout is not None
    to_cancel, to_refusal = [], []
    for number in range(rounds):
        sent.clear()
        assert kernel.process_intent(entering(f"w{number}", 1, "LIMIT")).accepted
        operator.stdin.write(f"{0.002 + number % 7 / 1000}\n")
        operator.stdin.flush()
        if not busy:
            assert sent.wait(10), "no cancel was sent"
            began = int(operator.stdout.readline())
        else:
            at = 0
            while True:
                at += 1
                # One that is refused for its slot costs what every intent costs.
                outcome = kernel.process_intent(entering(f"b{number}-{at}", 1, "LIMIT"))
                if outcome.diagnostic_code == "CONTROL_HALTED":
                    to_refusal.append(time.monotonic_ns())
                    break
            assert sent.wait(10), "no cancel was sent"
            began = int(operator.stdout.readline())
            to_refusal[-1] -= began
        to_cancel.append(sent_ns - began)
        kernel.update_control(ControlUpdate(gate="NORMAL", kill_switch=False, updated_by="bench"))
    operator.stdin.close()
    operator.wait()
    kernel.close()
    figures = {}
    for name, times in (("cancel", sorted(to_cancel)), ("refusal", sorted(to_refusal))):
        if times:
            figures[f"{name}_p50_us"] = times[len(times) // 2] / 1000
            figures[f"{name}_p99_us"] = times[len(times) * 99 // 100] / 1000
    return figures


def main() -> None:
    """Prints all of them."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="dita-bench-") as directory:
        Path(directory).chmod(0o700)
        os.environ["DITA_ZINC_DIR"] = directory
        gc.disable()
        figures = {
            "read_slot": reads(),
            "t1": trips(),
            "halt_idle": halts(rounds, busy=False),
            "halt_busy": halts(rounds, busy=True),
        }
    figures["load"] = os.getloadavg()[0]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
