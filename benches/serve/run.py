"""What strategy processes cost: a call beside a bare exchange of packets, fairness, reads, the halt.

`python benches/serve/run.py` prints its figures; benches/RESULTS.md says on which machine they were taken. It
needs the extension (`make setup`) and builds one Rust example.
"""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import dita
from dita import KernelIntent, ServerAway, SharedHalt, ZincReader
from dita.host import Directory, HostAway, ask

HERE: Final = Path(__file__).resolve()
CALLS: Final = 20_000
PROCESSES: Final = 16
CLOSED_LOOP_S: Final = 10.0
IN_FLIGHT: Final = 64
READS: Final = 50_000
HALTS: Final = 200
#: So many processes call without a pause beside the halt of a busy kernel.
BUSY: Final = 4
CONFIG: Final = """
[accounts.main]
max_slots = 64
log_policy = "off"
# Fees of all the calls come out of it.
simulated.balances.USDT = "1000000000"
[accounts.main.instruments]
taker_rate = "0.0005"
instruments.BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}
"""


def main() -> None:
    """Take every figure, one after the other."""
    load = "{:.1f} {:.1f} {:.1f}".format(*os.getloadavg())
    print(f"load {load}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as place, served(Path(place)) as socket:
        calls(Path(place), socket)
        fairness(socket)
        shared_memory(socket)
        halt(socket)


@contextmanager
def served(place: Path) -> Iterator[Path]:
    """Run `dita serve` on the second processor, with a market."""
    os.environ["DITA_ZINC_DIR"] = str(place / "planes")
    config, socket = place / "dita.toml", place / "kernel.sock"
    config.write_text(CONFIG)
    directory = Directory(place / "host")
    command = [sys.executable, "-m", "dita.cli", "serve", "--config", str(config)]
    command += ["--dir", str(directory.path), "--socket", str(socket)]
    server = subprocess.Popen(["taskset", "-c", "1", *command], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        while True:
            try:
                ask(directory, "quote", symbol="BTCUSDT", bid="60000.0", ask="60000.1")
                break
            except HostAway:
                time.sleep(0.05)
        yield socket
    finally:
        server.terminate()
        server.wait(30)


def show(what: str, values_ns: Sequence[float]) -> None:
    """Print a line: median, 99 and 99.9 of a hundred, microseconds."""
    ordered = sorted(values_ns)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] / 1e3 for part in (0.5, 0.99, 0.999)]
    print(
        f"{what:<44} p50 {at[0]:9.2f}  p99 {at[1]:9.2f}  p99.9 {at[2]:9.2f} us  ({len(ordered):,})",
        flush=True,
    )


def calls(place: Path, socket: Path) -> None:
    """One intent and its answer beside a bare exchange, in turns, client on 0 and servers on 1."""
    build = [
        "cargo",
        "build",
        "--locked",
        "--quiet",
        "--release",
        "--package",
        "dita-link",
        "--example",
        "calls",
    ]
    subprocess.run(build, check=True, cwd=HERE.parents[2])
    program = HERE.parents[2] / "target" / "release" / "examples" / "calls"
    bare = place / "ping.sock"
    ping = subprocess.Popen(["taskset", "-c", "1", str(program), "ping", str(bare)])
    while not bare.exists():
        time.sleep(0.01)
    command = ["taskset", "-c", "0", str(program), "measure", str(socket), str(bare), str(CALLS)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ping.wait(10)
    pairs = [tuple(map(float, line.split())) for line in said.splitlines()]
    show("bare SEQPACKET exchange (Rust)", [one[0] for one in pairs])
    show("one intent and its answer (Rust client)", [one[1] for one in pairs])
    medians = [statistics.median(one[side] for one in pairs) for side in (0, 1)]
    print(f"{'':<44} the call is {(medians[1] - medians[0]) / 1e3:.2f} us above the bare exchange")
    in_python(socket)


def in_python(socket: Path) -> None:
    """The same from Python."""
    with dita.connect(socket, name="python", grace_s=0) as kernel:
        taken = []
        for turn in range(CALLS // 4):
            intent = intent_of("p", kernel.slots[0], turn)
            began = time.perf_counter_ns()
            outcome = kernel.process_intent(intent)
            taken.append(time.perf_counter_ns() - began)
            assert outcome.accepted, outcome
        show("one intent and its answer (Python client)", taken)


def intent_of(name: str, slot: int, turn: int) -> KernelIntent:
    """Enter and exit in turn."""
    return KernelIntent(
        intent_id=f"{name}-{turn}",
        slot_id=slot,
        trade_id=f"{name}-{turn // 2}",
        asset="BTCUSDT",
        side="LONG",
        action="EXIT" if turn % 2 else "ENTER",
        target_size="0.001",
        timestamp=1,
    )


def closed_loop(socket: Path, at: int, in_flight: int, begin: Any, results: Any) -> None:
    """Call until the time is over; a process of its own."""
    kernel = dita.connect(socket, name=f"loop{at}-{in_flight}", grace_s=0)
    (slot,), turn, taken = kernel.slots, 0, []
    begin.wait()
    until = time.monotonic() + CLOSED_LOOP_S
    if in_flight == 1:
        while time.monotonic() < until:
            began = time.perf_counter_ns()
            kernel.process_intent(intent_of("l", slot, turn))
            taken.append(time.perf_counter_ns() - began)
            turn += 1
    else:
        waiting: list[int] = []
        while time.monotonic() < until:
            while len(waiting) < in_flight:
                waiting.append(kernel.link.start([intent_of("l", slot, turn)]))
                turn += 1
            kernel.link.wait(1)
            kernel.link.quiet()
            waiting = [number for number in waiting if kernel.link.taken(number) is None]
            kernel.poll()
        turn -= len(waiting)
    ordered = sorted(taken)
    results.put((at, turn, ordered[int(len(ordered) * 0.99)] if ordered else 0))
    kernel.close()


def fairness(socket: Path) -> None:
    """Many processes in closed loop, then with one of them that has many calls under way."""
    p99 = []
    for greedy in (False, True):
        begin, results = multiprocessing.Barrier(PROCESSES), multiprocessing.Queue()
        workers = [
            multiprocessing.Process(
                target=closed_loop,
                args=(socket, at, IN_FLIGHT if greedy and at == 0 else 1, begin, results),
            )
            for at in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()
        found = sorted(results.get() for _ in workers)
        for worker in workers:
            worker.join()
        counts = {at: count for at, count, _ in found}
        mean = statistics.mean(counts.values())
        spread = [(count - mean) / mean for at, count in counts.items() if not (greedy and at == 0)]
        others = statistics.median(slow for at, _, slow in found if at)
        p99.append(others)
        title = (
            f"{PROCESSES} processes, one with {IN_FLIGHT} under way" if greedy else f"{PROCESSES} processes"
        )
        print(
            f"{title:<44} {sum(counts.values()) / CLOSED_LOOP_S:,.0f} calls/s,"
            f" from {min(spread):+.1%} to {max(spread):+.1%} of"
            f" the mean; p99 {others / 1e3:,.0f} us"
            + (f"; the one {counts[0] / mean:.2f} of the mean" if greedy else ""),
            flush=True,
        )
    print(f"{'':<44} the others' p99 is {p99[1] / p99[0]:.2f} of what it was")


def shared_memory(socket: Path) -> None:
    """Reads of a slot, beside a program that writes it without a pause."""
    begin, results = multiprocessing.Barrier(2), multiprocessing.Queue()
    writer = multiprocessing.Process(target=closed_loop, args=(socket, 0, IN_FLIGHT, begin, results))
    writer.start()
    with dita.connect(socket, name="reader", grace_s=0) as kernel:
        plane = kernel.zinc_plane
        assert plane is not None
        begin.wait()
        segment = ZincReader(plane.name).segment
        names = {lease for lease in range(64) if segment.read_slot(lease) is not None}
        slot = max(names)
        taken = []
        for _ in range(READS):
            began = time.perf_counter_ns()
            plane.read_slot(slot)
            taken.append(time.perf_counter_ns() - began)
        show("read_slot from Python, beside a busy writer", taken)
    results.get()
    writer.join()


def halt(socket: Path) -> None:
    """From the store into the halt to the first intent refused and the first cancel done, idle and busy."""
    halts(socket, "idle")
    begin, results = multiprocessing.Barrier(BUSY + 1), multiprocessing.Queue()
    stop = multiprocessing.Event()
    workers = [
        multiprocessing.Process(target=keep_busy, args=(socket, at, begin, stop, results))
        for at in range(BUSY)
    ]
    for worker in workers:
        worker.start()
    begin.wait()
    halts(socket, "busy")
    stop.set()
    calls = sum(results.get() for _ in workers)
    for worker in workers:
        worker.join()
    print(f"{'':<44} {BUSY} processes made {calls:,} calls beside it, refused ones among them", flush=True)


def keep_busy(socket: Path, at: int, begin: Any, stop: Any, results: Any) -> None:
    """Call without a pause, whatever comes of it; a process of its own."""
    kernel = dita.connect(socket, name=f"busy{at}", grace_s=0)
    (slot,), turn = kernel.slots, 0
    begin.wait()
    while not stop.is_set():
        kernel.process_intent(intent_of("b", slot, turn))
        turn += 1
    results.put(turn)
    kernel.close()


def halts(socket: Path, how: str) -> None:
    """Halt again and again: an intent is refused, and another slot's resting entry is canceled."""
    with dita.connect(socket, name=f"halted-{how}", slots=2, grace_s=0) as kernel:
        plane = kernel.zinc_plane
        assert plane is not None
        shared = SharedHalt(plane.name)
        refused, canceled = [], []
        for turn in range(HALTS):
            began = time.perf_counter_ns()
            shared.ask(by="bench")
            outcome = kernel.process_intent(intent_of("h", kernel.slots[0], 2 * turn))
            refused.append(time.perf_counter_ns() - began)
            assert not outcome.accepted, outcome
            ask_open(socket)
            # A halt cancels working entries; nobody asks for anything here.
            resting = kernel.process_intent(resting_entry(kernel.slots[1], turn))
            assert resting.accepted, resting
            began = time.perf_counter_ns()
            shared.ask(by="bench")
            while works(plane, kernel.slots[1]):
                pass
            canceled.append(time.perf_counter_ns() - began)
            ask_open(socket)
        show(f"from the halt to the first intent refused, {how}", refused)
        show(f"from the halt to the first cancel done, {how}", canceled)


def works(plane: ZincReader, slot: int) -> bool:
    """Whether a slot's entry is at work, as shared memory shows it."""
    held = plane.read_whole_slot(slot)
    return held is not None and held.active_entry_order is not None and held.active_entry_order.is_live()


def resting_entry(slot: int, turn: int) -> KernelIntent:
    """An entry far below the market."""
    return KernelIntent(
        intent_id=f"r-{turn}",
        slot_id=slot,
        trade_id=f"r-{turn}",
        asset="BTCUSDT",
        side="LONG",
        action="ENTER",
        order_type="LIMIT",
        limit_price="50000",
        target_size="0.001",
        timestamp=1,
    )


def ask_open(socket: Path) -> None:
    """Open the gate again."""
    directory = Directory(socket.parent / "host")
    ask(directory, "control", change={"gate": "NORMAL", "kill_switch": False, "updated_by": "bench"})


if __name__ == "__main__":
    try:
        main()
    except ServerAway as error:
        sys.exit(json.dumps({"error": str(error)}))
