"""The halt in shared memory: it tightens, at once, and whether somebody speaks to the kernel or not."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    InvalidInput,
    KernelCommandType,
    MockVenueAdapter,
    SharedHalt,
    SharedMemoryZincPlane,
    ZincError,
)
from kernels import ENTER, EXIT, ack, fill, intent, opened, paper

pytestmark = pytest.mark.usefixtures("directory")
PATIENCE_S = 20.0
CANCEL, AMEND = KernelCommandType.CANCEL, KernelCommandType.AMEND


def limit_order(name: str, **changes: Any) -> Any:
    return intent(ENTER, name, order_type="LIMIT", limit_price="50000", **changes)


def test_a_halt_cancels_what_works_on_a_kernel_to_which_nobody_speaks() -> None:
    canceled = threading.Event()

    def cancel(order: Any, _reason: str = "") -> list[Any]:
        canceled.set()
        return []

    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order)], cancel=cancel))
    kernel.share(SharedMemoryZincPlane("idle"))
    kernel.process_intent(limit_order("i1"))
    halt = SharedHalt("idle")
    asked = halt.ask(by="ann")
    assert canceled.wait(PATIENCE_S)
    assert halt.is_taken(asked, PATIENCE_S)
    control = kernel.control
    assert (control.gate, control.kill_switch, control.updated_by) == ("HALTED", True, "ann")
    assert (control.version, halt.standing[:2]) == (0, ("HALTED", "ann"))
    kernel.close()


@pytest.mark.parametrize(
    ("gate", "action", "code"),
    [
        ("HALTED",      "ENTER",  "CONTROL_HALTED"),
        ("HALTED",      "EXIT",   "OK"),
        ("REDUCE_ONLY", "CANCEL", "OK"),
        ("REDUCE_ONLY", "ENTER",  "REDUCE_ONLY"),
        ("REDUCE_ONLY", "EXIT",   "OK"),
    ],
)  # fmt: skip
def test_the_first_intent_behind_a_halt_meets_it(gate: Any, action: str, code: str) -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(limit_order("i2", slot_id=1, trade_id="t2"))
    kernel.share(SharedMemoryZincPlane("busy"))
    SharedHalt("busy").ask(gate, by="ann")
    asked = {
        "ENTER": limit_order("i3", slot_id=2, trade_id="t3"),
        "EXIT": intent(EXIT, "i3"),
        "CANCEL": intent(CANCEL, "i3", slot_id=1, trade_id="t2"),
    }[action]
    assert kernel.process_intent(asked).diagnostic_code == code
    kernel.close()


def test_the_halt_is_a_logged_input_before_the_intent(tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]), log_dir=log_dir)
    kernel.share(SharedMemoryZincPlane("logged"))
    SharedHalt("logged").ask(by="ann")
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "CONTROL_HALTED"
    kernel.close()
    (path := tmp_path / "planes" / "logged.halt").unlink()
    again = opened_again(log_dir)
    assert (again.control.gate, again.control.updated_by, path.exists()) == ("HALTED", "ann", False)
    again.close()


def opened_again(log_dir: Path, **options: Any) -> Any:
    from dita import ExecutionKernel  # noqa: PLC0415

    return ExecutionKernel(venue=MockVenueAdapter(), log_dir=log_dir, **options)


def test_an_operator_opens_the_gate_at_the_control_plane_and_the_halt_follows() -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("resumed"))
    halt = SharedHalt("resumed")
    assert halt.is_taken(halt.ask(by="ann"), PATIENCE_S)
    kernel.update_control(ControlUpdate(gate="NORMAL", kill_switch=False, updated_by="bob"))
    assert (kernel.control.gate, halt.standing.gate) == ("NORMAL", "NORMAL")
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    # A change of something else opens nothing, and the next request counts again.
    assert halt.is_taken(halt.ask("REDUCE_ONLY", by="eve"), PATIENCE_S)
    kernel.update_control(ControlUpdate(frozen=True, updated_by="bob"))
    assert (kernel.control.gate, halt.standing.gate) == ("REDUCE_ONLY", "REDUCE_ONLY")
    # What is tighter at the kernel stays.
    kernel.update_control(ControlUpdate(kill_switch=True, updated_by="bob"))
    assert halt.is_taken(halt.ask("REDUCE_ONLY", by="eve"), PATIENCE_S)
    assert (kernel.control.gate, kernel.control.updated_by) == ("HALTED", "bob")
    kernel.close()


def test_a_halt_outlives_the_kernel_and_meets_the_next_one() -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("restarted"))
    kernel.close()
    asked = SharedHalt("restarted").ask(by="ann")
    assert not SharedHalt("restarted").is_taken(asked)
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("restarted"))
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "CONTROL_HALTED"
    assert SharedHalt("restarted").is_taken(asked, PATIENCE_S)
    kernel.close()


def test_a_halt_of_another_process_stops_a_busy_kernel() -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("elsewhere"))
    program = "from dita import SharedHalt; SharedHalt('elsewhere').ask(by='ops')"
    operator = subprocess.Popen([sys.executable, "-c", program])
    until = time.monotonic() + PATIENCE_S
    at = 0
    while kernel.control.gate != "HALTED" and time.monotonic() < until:
        at += 1
        outcome = kernel.process_intent(intent(ENTER, f"i{at}", trade_id=f"t{at}"))
        outcome = (
            kernel.process_intent(intent(EXIT, f"x{at}", trade_id=f"t{at}")) if outcome.accepted else outcome
        )
    assert operator.wait(PATIENCE_S) == 0
    assert (kernel.control.gate, kernel.control.updated_by) == ("HALTED", "ops")
    kernel.close()


def test_what_is_no_halt_or_no_gate_is_refused(directory: Path) -> None:
    with pytest.raises(ZincError, match=r"nobody\.halt: is not there"):
        SharedHalt("nobody")
    plane = SharedMemoryZincPlane("there")
    with pytest.raises(InvalidInput, match="gate: NORMAL is none of REDUCE_ONLY, HALTED: it only tightens"):
        SharedHalt("there").ask("NORMAL", by="ann")  # type: ignore[arg-type]
    plane.close()
    (directory / "there.halt").chmod(0o622)
    with pytest.raises(ZincError, match="mode 622, which lets others in"):
        SharedHalt("there")


def test_a_kernel_that_is_shared_ends_with_its_threads_and_gives_its_name_back() -> None:
    for _ in range(20):
        kernel, _venue = paper()
        kernel.share(SharedMemoryZincPlane("often"))
        kernel.process_intent(intent(ENTER, "i1"))
        kernel.close()
    threads = Path("/proc/self/task")
    names = [(task / "comm").read_text().strip() for task in threads.iterdir()]
    assert "dita-zinc" not in names
