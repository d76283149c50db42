"""What a real Hazelcast member takes and tells: slot updates a second, and how long a halt is on its way.

Starts a member on loopback (java and mvn), measures, stops it by its pid; a JSON object for each figure.

    python benches/python/cluster.py [--repeats N]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dita import ControlUpdate, ExecutionKernel, KernelIntent, SimulatedVenue, TradeSlot, build_control_plane
from dita.cluster import jars, member
from dita.projection import HazelcastProjection

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOTS = 2_000
UPDATES = 40_000
BURST = 300_000
HALTS = 200
HEAP = "512m"
CONFIG = {
    "instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001", "base": "BTC", "quote": "USDT"}}
}


def report(figure: str, values: list[float], **facts: Any) -> None:
    """One line."""
    row = {
        "figure": figure,
        "median": statistics.median(values),
        "lowest": min(values),
        "highest": max(values),
    }
    print(json.dumps({**row, **facts}), flush=True)


def traded_slot() -> TradeSlot:
    """A slot as a kernel has it: open, with its entry order and a stop."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config(CONFIG)
        kernel.set_seed_capital(10_000)
        venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None, 1)
        kernel.process_intent(intent("ENTER", "i1"))
        kernel.process_intent(intent("EXIT", "s1", order_type="STOP_MARKET", trigger_price="59000"))
        return kernel.slot(0).snapshot()


def intent(action: str, name: str, **fields: Any) -> KernelIntent:
    """An intent about 0.01 BTC in slot 0."""
    return KernelIntent(
        timestamp=1, intent_id=name, trade_id="t1", slot_id=0, asset="BTCUSDT", side="LONG", action=action,
        reference_price="60000", target_size="0.01", **fields,
    )  # fmt: skip


def numbered(slot: TradeSlot, count: int, *, with_orders: bool) -> list[TradeSlot]:
    """The same slot under as many numbers."""
    fields = slot.to_dict()
    if not with_orders:
        fields |= {"active_entry_order": None, "active_exit_order": None, "exit_orders": ()}
    return [TradeSlot.from_dict({**fields, "slot_id": number}) for number in range(count)]


def updates(address: str, repeats: int) -> None:
    """Every update of another slot, so that nothing is left out; then of ten slots, as fast as it goes."""
    made = traded_slot()
    slots = numbered(made, SLOTS, with_orders=False)
    rates: list[float] = []
    for repeat in range(repeats):
        projection = HazelcastProjection.open(address, f"bench{repeat}", in_flight_max=512)
        for slot in slots:
            projection.write_slot(slot)
        assert projection.flush(120)
        began_written = projection.standing()["written"]
        began = time.perf_counter()
        for seq in range(1, UPDATES // SLOTS + 1):
            projection.advance(seq)
            for slot in slots:
                projection.write_slot(slot)
            assert projection.flush(120)
        took = time.perf_counter() - began
        landed = projection.standing()["written"] - began_written
        assert landed == UPDATES, landed
        rates.append(landed / took)
        projection.close()
    report("slot_updates_written_per_second", rates, bytes_of_a_slot=len(slots[0].to_json()))
    ten = numbered(made, 10, with_orders=False)
    taken: list[float] = []
    written: list[float] = []
    for repeat in range(repeats):
        projection = HazelcastProjection.open(address, f"burst{repeat}", in_flight_max=512)
        began = time.perf_counter()
        for seq in range(BURST // 10):
            projection.advance(seq)
            for slot in ten:
                projection.write_slot(slot)
        took = time.perf_counter() - began
        assert projection.flush(120)
        standing = projection.standing()
        taken.append(BURST / took)
        written.append(standing["written"] / took)
        projection.close()
    report("slot_updates_taken_per_second_ten_slots", taken)
    report("of_them_written_per_second", written)


def operate(place: str, commands: Any, answers: Any) -> None:
    """An operator's process: halts when told, and says when it began and when the plane had it."""
    plane: Any = build_control_plane(place)
    answers.put("ready")
    while (command := commands.get()) != "end":
        began = time.monotonic_ns()
        if command == "halt":
            plane.update(ControlUpdate(kill_switch=True, updated_by="bench"))
        else:
            plane.update(ControlUpdate(gate="NORMAL", kill_switch=False, updated_by="bench"))
        answers.put((began, time.monotonic_ns()))
    plane.close()


def names() -> Iterator[str]:
    """A name for each intent."""
    number = 0
    while True:
        number += 1
        yield f"n{number}"


def halts(place: str, figure: str) -> None:
    """From an operator's word in another process to the kernel's first refusal, under a strategy's orders."""
    context = multiprocessing.get_context("spawn")
    commands, answers = context.Queue(), context.Queue()
    operator = context.Process(target=operate, args=(place, commands, answers))
    operator.start()
    plane: Any = build_control_plane(place)
    venue = SimulatedVenue(balances={"USDT": "1000000"})
    took: list[float] = []
    with ExecutionKernel(venue=venue, control_plane=plane) as kernel:
        kernel.set_exchange_config(CONFIG)
        kernel.set_seed_capital(1_000_000)
        venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None, 1)
        answers.get()
        name = names()
        for _ in range(HALTS):
            commands.put("halt")
            # A strategy at 2,000 orders a second, not one that starves every other thread.
            while kernel.process_intent(intent("ENTER", next(name))).diagnostic_code != "CONTROL_HALTED":
                kernel.process_intent(intent("EXIT", next(name)))
                time.sleep(0.0005)
            refused = time.monotonic_ns()
            began, _stored = answers.get()
            took.append((refused - began) / 1e6)
            if not kernel.slot(0).is_free():
                kernel.process_intent(intent("EXIT", next(name)))
            commands.put("resume")
            answers.get()
            while kernel.control.gate != "NORMAL":
                time.sleep(0.001)
    commands.put("end")
    operator.join()
    plane.close()
    took.sort()
    report(figure, took, p99=took[int(len(took) * 0.99) - 1], halts=HALTS)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps({"load_before": os.getloadavg()[0]}), flush=True)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as knock:
        knock.bind((member.LOOPBACK, 0))
        port = knock.getsockname()[1]
        knock.close()
        started = member.start(jars.jars(), "dita-bench", port, heap=HEAP, state=Path(folder))
        try:
            updates(str(started.address), options.repeats)
            halts(str(started.address), "halt_through_hazelcast_ms")
            halts(str(Path(folder) / "controls.json"), "halt_through_a_file_ms")
        finally:
            started.stop()


if __name__ == "__main__":
    main()
