"""An intent that was taken is never taken again, however long ago that was and whoever sends it."""

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from dita import ExecutionKernel, KernelOutcome, ManualClock, SimulatedVenue
from dita.timetravel import verify
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

GOLDEN = Path(__file__).resolve().parent / "golden" / "kernel_logs" / "v3"
# More than the kernel remembers of accepted intents.
ROUNDS = 2_100
MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_000_000_000_000


def opened(log_dir: Path, **options: Any) -> ExecutionKernel:
    """Open a kernel on the simulated venue, with a quote."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    clock = ManualClock(START_NS)
    kernel = ExecutionKernel(max_slots=4, venue=venue, clock=clock, log_dir=log_dir, **options)
    if not kernel.recovery["last_seq"]:
        kernel.set_exchange_config(CONFIG)
        kernel.set_seed_capital("10000")
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, kernel.now_ns + 1)
    return kernel


def trade(kernel: ExecutionKernel, rounds: int, prefix: str = "later") -> None:
    """Enter and leave, each round with two intents."""
    for number in range(rounds):
        for action in (ENTER, EXIT):
            name = f"{prefix}-{action}-{number}"
            assert kernel.process_intent(intent(action, name, trade_id=f"{prefix}-{number}")).accepted


def first_of(kernel: ExecutionKernel) -> KernelOutcome:
    """Take the intent that is sent again later, and leave its trade."""
    first = kernel.process_intent(intent(ENTER, "old", trade_id="old"))
    assert first.diagnostic_code == "OK"
    kernel.process_intent(intent(EXIT, "old-exit", trade_id="old"))
    return first


def test_after_a_kill_and_5000_others_an_old_intent_has_its_first_outcome_and_makes_no_order(
    tmp_path: Path,
) -> None:
    # In a process of its own, which is killed.
    code = f"""
        import os, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_intents_again import ROUNDS, first_of, opened, trade
        kernel = opened(Path({str(tmp_path / "log")!r}))
        first = first_of(kernel)
        trade(kernel, ROUNDS)
        print(kernel.seq, *(event.venue_trade_id for event in first.emitted_events), flush=True)
        os.kill(os.getpid(), {int(signal.SIGKILL)})
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    seq, *trade_ids = ran.stdout.split()
    with opened(tmp_path / "log") as kernel:
        wallet = kernel.account.capital
        again = kernel.process_intent(intent(ENTER, "old", trade_id="old"))
        assert again.accepted
        assert (again.diagnostic_code, again.details["first_seq"] < int(seq)) == ("DUPLICATE_INTENT", True)
        assert again.emitted_events == ()
        # Its program says that it sends it again: it has the outcome of then, with the fills of then.
        first = kernel.process_intent(intent(ENTER, "old", trade_id="old"), resend=True)
        assert (first.accepted, first.diagnostic_code, first.trade_id) == (True, "OK", "old")
        assert [event.venue_trade_id for event in first.emitted_events if event.venue_trade_id] == trade_ids
        assert trade_ids
        # One that was never taken is taken.
        new = kernel.process_intent(intent(ENTER, "new", trade_id="new"), resend=True)
        assert (new.diagnostic_code, str(kernel.slot(0).size)) == ("OK", "0.010")
        assert kernel.process_intent(intent(EXIT, "new-exit", trade_id="new")).accepted
        assert len(kernel.orders()) == len({order.intent_id for order in kernel.orders()})
        assert wallet > kernel.account.capital
        kernel.check_invariants()
    with opened(tmp_path / "log") as kernel:
        # What was answered is in the log like any other input: a replay comes to the same.
        again = kernel.process_intent(intent(ENTER, "old", trade_id="old"))
        assert again.diagnostic_code == "DUPLICATE_INTENT"
        assert kernel.slot(0).size == 0
    replayed = verify(tmp_path / "log", replay=True)
    assert replayed["good"], replayed


def test_the_intents_of_a_log_that_was_written_before_are_known(tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    shutil.copytree(GOLDEN, log_dir)
    (log_dir / "expected.json").unlink()
    with opened(log_dir) as kernel:
        trade(kernel, ROUNDS)
        for name in ("enter-0", "exit-5", "open", "resting"):
            again = kernel.process_intent(intent(ENTER, name, trade_id="anew", slot_id=3))
            assert (name, again.diagnostic_code) == (name, "DUPLICATE_INTENT")
        assert kernel.slot(3).is_free()
        first = kernel.process_intent(intent(ENTER, "open", trade_id="open", slot_id=1), resend=True)
        assert (first.diagnostic_code, first.trade_id) == ("OK", "open")
        assert [str(event.kind) for event in first.emitted_events][-1] == "FULL_FILL"


def test_an_intent_whose_records_are_gone_is_refused_with_its_number_and_time(tmp_path: Path) -> None:
    sizes = {"log_segment_bytes": 1 << 14, "log_snapshot_records": 200, "log_retained_bytes": 0}
    with opened(tmp_path / "log", **sizes) as kernel:
        kernel.advance_time(START_NS + 90 * MINUTE_NS + 1)
        first_of(kernel)
        seq = kernel.seq
        kernel.advance_time(START_NS + 100 * MINUTE_NS)
        trade(kernel, ROUNDS)
    for _ in range(2):
        with opened(tmp_path / "log", **sizes) as kernel:
            state = kernel.state_hash()
            for resend in (False, True):
                again = kernel.process_intent(intent(ENTER, "old", trade_id="old"), resend=resend)
                assert (again.accepted, again.diagnostic_code) == (False, "INTENT_TAKEN")
                assert 0 < again.details["first_seq"] < seq
                time_ns = again.details["first_time_ns"]
                assert START_NS + 89 * MINUTE_NS < time_ns <= START_NS + 91 * MINUTE_NS, time_ns
                assert again.trade_id == "old"
            assert kernel.state_hash() == state
            assert kernel.slot(0).size == 0
    assert verify(tmp_path / "log", replay=True)["good"]


def test_a_refused_intent_is_taken_when_it_comes_again(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as kernel:
        refused = kernel.process_intent(intent(EXIT, "twice", trade_id="t"))
        assert refused.diagnostic_code == "NO_POSITION"
    with opened(tmp_path / "log") as kernel:
        assert (
            kernel.process_intent(intent(ENTER, "twice", trade_id="t"), resend=True).diagnostic_code == "OK"
        )
        assert (
            kernel.process_intent(intent(ENTER, "twice", trade_id="t")).diagnostic_code == "DUPLICATE_INTENT"
        )


def test_intents_that_come_together_are_each_taken_once(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as kernel:
        together = [intent(ENTER, f"old-{slot}", trade_id=f"old-{slot}", slot_id=slot) for slot in range(4)]
        firsts = kernel.process_intents(together)
        for slot in range(4):
            kernel.process_intent(intent(EXIT, f"left-{slot}", trade_id=f"old-{slot}", slot_id=slot))
        trade(kernel, ROUNDS)
        again = kernel.process_intents(together)
        assert {one.diagnostic_code for one in again} == {"DUPLICATE_INTENT"}
        reported = kernel.process_intents(together, resend=True)
        assert [[event.venue_trade_id for event in one.emitted_events] for one in reported] == [
            [event.venue_trade_id for event in one.emitted_events] for one in firsts
        ]
