"""A kernel on its log: what it promised is there again, and what goes wrong is said plainly."""

import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    ExecutionKernel,
    InvalidInput,
    InvalidType,
    KernelClosed,
    KernelError,
    KernelPoisoned,
    LogCorrupt,
    LogDisk,
    LogError,
    LogFailed,
    LogLocked,
    LogMismatch,
    LogVersion,
    MockVenueAdapter,
    SimulatedVenue,
    TradeStage,
)
from dita._kernel import Replay
from dita.kernel import opening
from dita.timetravel import verify
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent, opened

VICTIMS = Path(__file__).resolve().parent / "victims"
NOBODY = 65534


def paper(log_dir: Path, *, quoted: bool = True, **options: Any) -> tuple[ExecutionKernel, SimulatedVenue]:
    """A paper kernel on its log: a new one, or the one that was there. Quotes set marks."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    if quoted:
        quote(kernel, venue)
    return kernel, venue


def quote(kernel: ExecutionKernel, venue: SimulatedVenue) -> None:
    """The market as it is in all of these tests."""
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, kernel.now_ns + 1)


def as_if_killed(log_dir: Path, to: Path) -> Path:
    """What a kill would leave: the files as they are, while their owner has them open."""
    shutil.copytree(log_dir, to)
    return to


def traded(log_dir: Path, trades: int) -> Path:
    """A log of so many round trips, without a snapshot."""
    origin = log_dir.parent / "origin"
    kernel, _ = paper(origin)
    for number in range(trades):
        for action in (ENTER, EXIT):
            assert kernel.process_intent(intent(action, f"{action}{number}", trade_id=f"t{number}")).accepted
    kernel.sync()
    as_if_killed(origin, log_dir)
    kernel.close()
    return log_dir


def recovered(kernel: ExecutionKernel) -> dict[str, Any]:
    """What opening its log found."""
    assert kernel.recovery is not None
    return kernel.recovery


def standing(kernel: ExecutionKernel) -> dict[str, Any]:
    """How its log stands."""
    assert kernel.log_standing is not None
    return kernel.log_standing


def contents(log_dir: Path) -> dict[str, str]:
    """The files by name, with what is in them; the lock holds nothing of the log."""
    files = sorted(log_dir.iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def segment(log_dir: Path) -> Path:
    """The first file of records."""
    return min(log_dir.glob("*.seg"))


# -------------------------------------------------------------------------------------------- opening again


def test_a_closed_kernel_is_where_it_was_when_it_is_opened_again(tmp_path: Path) -> None:
    with paper(tmp_path)[0] as kernel:
        assert kernel.process_intent(intent(ENTER, "i1")).state == TradeStage.POSITION_OPEN
        last_seq, before, capital = kernel.seq, kernel.state_hash(), kernel.account.capital
    kernel, venue = paper(tmp_path, quoted=False)
    recovery = recovered(kernel)
    assert (recovery["last_seq"], recovery["snapshot_seq"], recovery["replayed"]) == (last_seq, last_seq, 0)
    assert recovery["epoch"] == 2
    assert (kernel.state_hash(), kernel.account.capital) == (before, capital)
    # The paper venue goes on with it, and the account's two sides agree.
    assert venue.wallet("USDT") == capital
    quote(kernel, venue)
    assert kernel.process_intent(intent(EXIT, "i2")).state == TradeStage.CLOSED
    assert kernel.account.reconcile_delta == 0
    kernel.check_invariants()


def test_a_killed_kernel_is_replayed_to_where_it_was(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path / "log")
    for number in range(5):
        for action in (ENTER, EXIT):
            kernel.process_intent(intent(action, f"{action}{number}", trade_id=f"t{number}"))
    again, venue = paper(as_if_killed(tmp_path / "log", tmp_path / "killed"), quoted=False)
    recovery = recovered(again)
    assert (recovery["snapshot_seq"], recovery["replayed"], recovery["torn"]) == (None, kernel.seq, None)
    assert again.state_hash() == kernel.state_hash()
    assert venue.wallet("USDT") == kernel.account.capital
    # What was done stays done: an intent's id is not taken twice.
    assert again.process_intent(intent(ENTER, "ENTER3", trade_id="t3")).diagnostic_code == "DUPLICATE_INTENT"


def test_a_write_that_a_crash_tore_is_cut_off_and_said(tmp_path: Path) -> None:
    log_dir = traded(tmp_path / "log", 3)
    path = segment(log_dir)
    with path.open("ab") as file:
        file.write(b"half a record")
    kernel, _ = paper(log_dir)
    recovery = recovered(kernel)
    assert recovery["torn"]["bytes"] == len(b"half a record")
    assert recovery["torn"]["file"] == path.name or recovery["torn"]["file"] == str(path)


def test_a_new_log_has_nothing_to_recover_and_no_log_has_no_standing(tmp_path: Path) -> None:
    kernel = ExecutionKernel(log_dir=tmp_path / "made" / "here")
    assert (recovered(kernel)["last_seq"], recovered(kernel)["epoch"]) == (0, 1)
    assert standing(kernel)["last_seq"] == standing(kernel)["durable_seq"] == 0
    assert kernel.snapshot()["log"] == standing(kernel)
    without = ExecutionKernel()
    assert (without.recovery, without.log_standing, without.snapshot()["log"]) == (None, None, None)
    without.sync()


def test_the_controls_are_in_the_log_too(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path)
    kernel.update_control(ControlUpdate(frozen=True, limits={"max_order_notional": "5000"}, updated_by="ops"))
    kernel.close()
    again, _ = paper(tmp_path)
    assert again.control.frozen
    assert again.control.limits["max_order_notional"] == 5000
    # And the plane that goes with them goes on from there.
    again.update_control(ControlUpdate(frozen=False, updated_by="ops"))
    assert not again.control.frozen
    assert again.control.limits["max_order_notional"] == 5000


# ------------------------------------------------------------------------------------------ what is durable


@pytest.mark.parametrize(
    ("policy", "with_effect", "without_effect"),
    [
        ("always", True,  True),
        ("batch",  True,  False),
        ("off",    False, False),
    ],
)  # fmt: skip
def test_an_outcome_says_whether_it_is_durable(
    tmp_path: Path, *, policy: str, with_effect: bool, without_effect: bool
) -> None:
    kernel, _ = paper(tmp_path, log_policy=policy, log_delay_us=60_000_000, log_records=1_000_000)
    entered = kernel.process_intent(intent(ENTER, "i1"))
    assert entered.durable is with_effect
    assert entered.to_dict()["durable"] is with_effect
    passed = kernel.advance_time(kernel.now_ns + 1)
    assert passed.durable is without_effect
    kernel.sync()
    assert standing(kernel)["durable_seq"] == kernel.seq
    assert opened().process_intent(intent(ENTER, "i1", reference_price="60000")).durable is False


def test_a_batch_leaves_only_once_all_of_it_is_durable(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def submit(order: Any) -> list[Any]:
        seen.append((order.slot_id, standing(kernel)["durable_seq"]))
        return []

    kernel = opened(MockVenueAdapter(submit=submit), log_dir=tmp_path, log_delay_us=60_000_000)
    before = kernel.seq
    names = range(5)
    outcomes = kernel.process_intents(
        intent(ENTER, f"i{slot}", slot_id=slot, trade_id=f"t{slot}") for slot in names
    )
    assert [outcome.slot_id for outcome in outcomes] == list(names)
    assert all(outcome.accepted and outcome.durable for outcome in outcomes)
    assert seen == [(slot, before + 5) for slot in names]


def test_a_batch_with_something_else_in_it_leaves_nothing_behind(tmp_path: Path) -> None:
    for kernel in (paper(tmp_path)[0], opened()):
        before = kernel.seq
        with pytest.raises(InvalidType, match=r"intents\[1\]: expected KernelIntent, got int 5"):
            kernel.process_intents([intent(ENTER, "i1"), 5])  # type: ignore[list-item]
        assert kernel.seq == before
        assert kernel.process_intents([]) == []


def test_a_batch_larger_than_the_inbox_is_refused_whole(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path, inbox_max=4)
    before = kernel.seq
    with pytest.raises(KernelError, match="5 inputs come together and the inbox has room for 4"):
        kernel.process_intents([intent(ENTER, f"i{i}", slot_id=i, trade_id=f"t{i}") for i in range(5)])
    assert kernel.seq == before


def test_a_batch_behind_another_threads_drain_is_taken_too(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def submit(order: Any) -> list[Any]:
        if order.slot_id == 9:
            inside.set()
            assert go_on.wait(30)
        return []

    kernel = opened(MockVenueAdapter(submit=submit), log_dir=tmp_path)
    first = threading.Thread(
        target=kernel.process_intent, args=(intent(ENTER, "a", slot_id=9, trade_id="t9"),)
    )
    first.start()
    assert inside.wait(30)
    threading.Timer(0.05, go_on.set).start()
    outcomes = kernel.process_intents([intent(ENTER, f"i{i}", slot_id=i, trade_id=f"t{i}") for i in range(3)])
    first.join()
    assert [(outcome.slot_id, outcome.accepted, outcome.durable) for outcome in outcomes] == [
        (slot, True, True) for slot in range(3)
    ]


def test_marks_are_seen_by_whoever_reads_and_only_those_are_logged(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path)
    kernel.process_intent(intent(ENTER, "i1"))
    before = kernel.seq
    for step in range(1_000):
        outcome = kernel.mark_price(SYMBOL, Decimal(60_000) + step)
        assert outcome.accepted
        assert not outcome.durable
    assert kernel.slot(0).unrealized_pnl == kernel.slot(0).size * 999 - Decimal("0.001")
    assert kernel.seq == before + 1
    kernel.mark_price(SYMBOL, "61000")
    assert kernel.snapshot()["slots"][0]["unrealized_pnl"] == Decimal("9.999")
    assert kernel.seq == before + 2
    assert not kernel.mark_price("NOSUCH", "1").accepted


# ------------------------------------------------------------------------------------------ what goes wrong


def test_a_second_kernel_on_the_same_log_is_refused(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path)
    script = f"from dita import ExecutionKernel; ExecutionKernel(log_dir={str(tmp_path)!r})"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"LogLocked: {tmp_path}/: the log is open in process {os.getpid()}; stop it" in other.stderr
    with pytest.raises(LogLocked, match="stop it first, or use another directory"):
        ExecutionKernel(log_dir=tmp_path)
    kernel.close()
    ExecutionKernel(log_dir=tmp_path).close()


def test_a_kernel_whose_logs_directory_is_renamed_stops_and_goes_on_from_the_log(tmp_path: Path) -> None:
    log, moved = tmp_path / "log", tmp_path / "moved"
    kernel, _ = paper(log, log_segment_bytes=65_536)
    log.rename(moved)
    orders = ((action, number) for number in range(10_000) for action in (ENTER, EXIT))
    wanted = (intent(action, f"{action}{number}", trade_id=f"t{number}") for action, number in orders)
    with pytest.raises(LogFailed, match="renamed or replaced while the log was open") as failed:
        any(not kernel.process_intent(one).accepted for one in wanted)
    assert "reopen from the log" in str(failed.value)
    with pytest.raises(LogFailed):
        kernel.process_intent(intent(ENTER, "after", trade_id="after"))
    with pytest.raises(LogLocked):
        ExecutionKernel(log_dir=moved)
    kernel.close()
    moved.rename(log)
    again, _ = paper(log)
    assert recovered(again)["last_seq"] > 100
    again.check_invariants()
    again.close()


def test_a_kernel_of_other_settings_is_refused(tmp_path: Path) -> None:
    log_dir = traded(tmp_path / "log", 1)
    before = contents(log_dir)
    with pytest.raises(LogMismatch, match=r"hedge_mode=false .*, not of .* hedge_mode=true "):
        ExecutionKernel(hedge_mode=True, log_dir=log_dir)
    assert contents(log_dir) == before


def test_a_kernel_opened_with_more_room_keeps_its_trades_and_says_so_in_its_log(tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    venue = SimulatedVenue(balances={"USDT": 10_000})
    with opened(venue, log_dir=log_dir, max_slots=2, remembered_orders=16) as kernel:
        venue.on_quote(SYMBOL, "60000", None, "60000", None)
        assert kernel.process_intent(intent(ENTER, "i1", slot_id=1, target_size="0.01")).accepted
        money = kernel.account.snapshot.capital
    with ExecutionKernel(venue=SimulatedVenue(), log_dir=log_dir, max_slots=5) as kernel:
        assert len(kernel.state.slots) == 5
        assert (kernel.slot(1).trade_id, kernel.account.snapshot.capital) == ("t1", money)
        later = intent(ENTER, "i2", slot_id=4, trade_id="t9", target_size="0.01")
        assert kernel.process_intent(later).accepted
        kernel.sync()
        steps = list(Replay(log_dir, from_start=True))
    (capacity,) = [step for step in steps if step["type"] == "CAPACITY"]
    assert capacity["input"] == {"max_slots": 5, "remembered_orders": 4096}
    assert verify(log_dir, replay=True)["good"]
    with ExecutionKernel(venue=SimulatedVenue(), log_dir=log_dir, max_slots=5) as kernel:
        assert kernel.slot(4).trade_id == "t9"


@pytest.mark.parametrize(
    ("less", "why"),
    [
        ({"max_slots": 1}, r"max_slots: 1 is less than the 3 of this log \(slot 1 carries trade t1\)"),
        ({"max_slots": 2}, r"max_slots: 2 is less than the 3 of this log \(slots 2 to 2 are in it\)"),
        ({"max_slots": 3, "remembered_orders": 15}, r"remembered_orders: 15 is less than the 16 of this log"),
    ],
    ids=["a trade", "slots", "orders"],
)
def test_a_kernel_opened_with_less_room_is_refused_with_what_is_in_the_way(
    tmp_path: Path, less: dict[str, int], why: str
) -> None:
    log_dir = tmp_path / "log"
    venue = SimulatedVenue(balances={"USDT": 10_000})
    with opened(venue, log_dir=log_dir, max_slots=3, remembered_orders=16) as kernel:
        venue.on_quote(SYMBOL, "60000", None, "60000", None)
        assert kernel.process_intent(intent(ENTER, "i1", slot_id=1, target_size="0.01")).accepted
    before = contents(log_dir)
    with pytest.raises(LogMismatch, match=why):
        ExecutionKernel(venue=SimulatedVenue(), log_dir=log_dir, **{"remembered_orders": 16, **less})
    after = contents(log_dir)
    del before["durable.mark"], after["durable.mark"]  # an opening is counted, also one that is refused
    assert after == before
    ExecutionKernel(venue=SimulatedVenue(), log_dir=log_dir, max_slots=3, remembered_orders=16).close()


def newer(log_dir: Path) -> None:
    """The format's number, one up, vouched for by the checksum as in every later format."""
    path = segment(log_dir)
    data = bytearray(path.read_bytes())
    data[8] += 1
    length = int.from_bytes(data[12:16], "little")
    data[16:20] = crc32c(data[8:16] + data[20:length]).to_bytes(4, "little")
    path.write_bytes(data)


def crc32c(data: bytes) -> int:
    """CRC-32C, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def renumbered(log_dir: Path) -> None:
    """One bit, in the format's number."""
    path = segment(log_dir)
    data = bytearray(path.read_bytes())
    data[8] ^= 4
    path.write_bytes(data)


def flipped(log_dir: Path) -> None:
    """One bit, in the middle of what is durable."""
    path = segment(log_dir)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def shortened(log_dir: Path) -> None:
    """The end of what is durable."""
    path = segment(log_dir)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "error", "text"),
    [
        (newer,     LogVersion, r"\.seg: format version \d+ is newer than \d+, .*; use a newer build"),
        (renumbered, LogCorrupt, r"\.seg: corrupt at byte 0, seq 1: .*header is damaged; nothing was"),
        (flipped,   LogCorrupt, r"\.seg: corrupt at byte \d+, seq \d+: .*; nothing was changed: restore"),
        (shortened, LogCorrupt, r"\.seg: corrupt at byte \d+, seq \d+: .*; nothing was changed: restore"),
    ],
)  # fmt: skip
def test_a_damaged_log_is_refused_and_left_alone(
    tmp_path: Path, damage: Callable[[Path], None], error: type[LogError], text: str
) -> None:
    log_dir = traded(tmp_path / "log", 20)
    damage(log_dir)
    before = contents(log_dir)
    for _ in range(2):
        with pytest.raises(error, match=text):
            ExecutionKernel(log_dir=log_dir)
        assert contents(log_dir) == before


def test_a_log_whose_mark_is_gone_opens_and_says_so_once(tmp_path: Path) -> None:
    log_dir = traded(tmp_path / "log", 1)
    (log_dir / "durable.mark").unlink()
    for said in (1, 0):
        kernel, _ = paper(log_dir)
        remarks = recovered(kernel)["remarks"]
        kernel.close()
        assert [remark.count("durable.mark: missing or damaged") for remark in remarks] == [1] * said


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that another user can reach."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def test_a_directory_that_cannot_be_written_is_refused(open_to_all: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs another user's process to see permissions bite")
    log_dir = traded(open_to_all / "log", 1)
    before = contents(log_dir)
    for path in (*log_dir.iterdir(), log_dir):
        path.chmod(path.stat().st_mode & 0o555)
    script = f"""
import os, dita
dita.ExecutionKernel, dita.LogDisk
if os.getuid() == 0:
    os.setuid({NOBODY})
try:
    dita.ExecutionKernel(log_dir={str(log_dir)!r})
except dita.LogDisk as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "cannot open: Permission denied" in done.stdout, (done.stdout, done.stderr)
    assert "give this user read and write access" in done.stdout
    assert contents(log_dir) == before


@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"log_policy": "sometimes"},   InvalidInput, "log_policy: 'sometimes' is none of batch,"),
        ({"log_dir": ""},               InvalidInput, "log_dir: '' names no directory"),
        ({"log_dir": 5},                InvalidType,  "log_dir: expected str or os.PathLike, got int 5"),
        ({"log_segment_bytes": 100},    InvalidInput, "log_segment_bytes: 100 it has to be between 512 and"),
        ({"log_records": 0},            InvalidInput, "log_records: 0 must be from 1"),
        ({"log_delay_us": 1 << 40},     InvalidInput, "log_delay_us: 1099511627776 must be from 0 to"),
        ({"log_snapshot_records": "a"}, InvalidType,  "log_snapshot_records: expected int, got str 'a'"),
        ({"log_dir": "/dev/null/log"},  LogDisk,      "/dev/null/log: cannot make the directory: "),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named(
    tmp_path: Path, settings: dict[str, Any], error: type[KernelError], text: str
) -> None:
    with pytest.raises(error, match=text):
        ExecutionKernel(**{"log_dir": tmp_path, **settings})


def run_trader(log_dir: Path, policy: str, rounds: int, before: str = "") -> subprocess.CompletedProcess[str]:
    """The trader in a process of its own, after a line of code."""
    script = (
        f"import runpy, sys\n{before}\nsys.argv = ['trader.py', {str(log_dir)!r}, {policy!r}, '{rounds}']\n"
    )
    script += f"runpy.run_path({str(VICTIMS / 'trader.py')!r}, run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_disk_that_is_full_stops_the_kernel_and_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))"
    done = run_trader(tmp_path, "batch", 100_000, limit)
    lines = done.stdout.splitlines()
    assert done.returncode == 3, done.stderr
    assert lines[-1].startswith("LogFailed the log failed (")
    assert "open the log again" in lines[-1]
    assert "cannot write: File too large" in lines[-1]
    _, seq, _, capital = lines[-2].split()
    kernel, venue = paper(tmp_path)
    recovery = recovered(kernel)
    assert recovery["last_seq"] >= int(seq) > 100
    assert kernel.account.capital <= Decimal(capital)
    assert venue.wallet("USDT") == kernel.account.capital
    kernel.check_invariants()


def test_a_log_that_fails_at_work_refuses_everything_and_the_state_on_disk_counts(tmp_path: Path) -> None:
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(VICTIMS.parent)!r})
from kernels import *
from dita import LogFailed, KernelPoisoned, KernelClosed
kernel = opened(log_dir={str(tmp_path)!r}, log_policy="always")
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
calls = [
    lambda: kernel.process_intent(intent(ENTER, "i1")),
    lambda: kernel.process_intents([intent(ENTER, "i2")]),
    lambda: kernel.mark_price(SYMBOL, 1),
    lambda: kernel.advance_time(10),
    lambda: kernel.snapshot(),
    lambda: kernel.sync(),
]
texts = set()
for call in calls:
    try:
        call()
    except LogFailed as error:
        assert isinstance(error, KernelPoisoned)
        texts.add(str(error))
    else:
        raise AssertionError("it went on")
assert len(texts) == 1, texts
print(texts.pop())
kernel.close()
kernel.close()
try:
    kernel.seq
except (LogFailed, KernelClosed):
    print("closed")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the log failed (")
    assert done.stdout.endswith("closed\n")
    kernel = ExecutionKernel(log_dir=tmp_path)
    assert kernel.slot(0).fsm_state == TradeStage.IDLE
    assert kernel.account.capital == 10_000


# ------------------------------------------------------------------------------------- the end of a process


def test_ending_without_a_close_loses_nothing(tmp_path: Path) -> None:
    # Held by a module until the interpreter ends, or let go of by a function: either way.
    script = f"""
import sys
sys.path.insert(0, {str(VICTIMS.parent)!r})
from kernels import *
kernel = opened(log_dir={str(tmp_path)!r}, log_policy="off")
kernel.process_intent(intent(ENTER, "i1"))
print(kernel.seq)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    seq = int(done.stdout)
    for _ in range(2):
        kernel = ExecutionKernel(log_dir=tmp_path)
        recovery = recovered(kernel)
        # A snapshot was left each time; the second time after the restart itself, which is an input too.
        assert recovery["snapshot_seq"] == recovery["last_seq"] == seq
        seq = kernel.seq
        assert kernel.slot(0).fsm_state == TradeStage.ORDER_SENT
        del kernel


def test_a_fork_never_writes_its_parents_log(tmp_path: Path) -> None:
    script = f"""
import os, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {str(VICTIMS.parent)!r})
from kernels import *
from dita import LogError, LogFailed
kernel = opened(log_dir={str(tmp_path)!r}, log_delay_us=60_000_000)
kernel.mark_price(SYMBOL, 60_000)
child = os.fork()
if child == 0:
    for call in (lambda: kernel.process_intent(intent(ENTER, "i1")), lambda: kernel.account.capital,
                 lambda: kernel.mark_price(SYMBOL, 1), lambda: kernel.sync(), lambda: kernel.log_standing):
        try:
            call()
        except LogError as error:
            assert type(error) is LogError, error
            assert str(os.getppid()) in str(error) and "spawn" in str(error), error
        else:
            os._exit(1)
    assert kernel.closed
    kernel.close()
    del kernel
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert kernel.process_intent(intent(ENTER, "i1")).accepted
kernel.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    kernel = ExecutionKernel(log_dir=tmp_path)
    assert kernel.slot(0).fsm_state == TradeStage.ORDER_SENT
    assert recovered(kernel)["epoch"] == 2


def test_a_fork_that_outlives_its_parent_does_not_keep_the_log(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {str(VICTIMS.parent)!r})
from kernels import *
kernel = opened(log_dir={str(tmp_path)!r})
kernel.process_intent(intent(ENTER, "i1"))
if os.fork() == 0:
    print("alive", flush=True)
    sys.stdin.read()
    print("still alive", flush=True)
    os._exit(0)
sys.stdin.close()
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == "alive\n"
        with pytest.raises(LogLocked):
            ExecutionKernel(log_dir=tmp_path)
        parent.kill()
        parent.wait()
        kernel = ExecutionKernel(log_dir=tmp_path)
        assert kernel.slot(0).fsm_state == TradeStage.ORDER_SENT
        parent.stdin.close()
        assert parent.stdout.read() == "still alive\n"


def test_closing_waits_for_the_thread_that_drains(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def submit(_order: Any) -> list[Any]:
        inside.set()
        assert go_on.wait(30)
        return []

    kernel = opened(MockVenueAdapter(submit=submit), log_dir=tmp_path)
    worker = threading.Thread(target=kernel.process_intent, args=(intent(ENTER, "i1"),))
    worker.start()
    assert inside.wait(30)
    threading.Timer(0.3, go_on.set).start()
    kernel.close()
    assert go_on.is_set()
    worker.join()
    with pytest.raises(KernelClosed):
        kernel.process_intent(intent(ENTER, "i2"))
    again = ExecutionKernel(log_dir=tmp_path)
    assert recovered(again)["snapshot_seq"] == recovered(again)["last_seq"]


def test_closing_from_inside_an_adapter_closes_at_the_drains_end(tmp_path: Path) -> None:
    kernel = opened(MockVenueAdapter(submit=lambda _order: kernel.close()), log_dir=tmp_path)
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    with pytest.raises(KernelClosed):
        kernel.process_intent(intent(ENTER, "i2"))
    again = ExecutionKernel(log_dir=tmp_path)
    assert recovered(again)["snapshot_seq"] == recovered(again)["last_seq"]
    assert again.slot(0).fsm_state == TradeStage.ORDER_SENT


def test_log_errors_are_a_family() -> None:
    for error in (LogLocked, LogCorrupt, LogMismatch, LogVersion, LogDisk, LogFailed):
        assert issubclass(error, LogError)
        assert issubclass(error, KernelError)
    assert issubclass(LogFailed, KernelPoisoned)
    assert not issubclass(LogDisk, KernelPoisoned)


# ------------------------------------------------------------------------------------------ a long replay


@pytest.fixture(scope="module")
def long_origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A log of 270,000 records without a snapshot: a replay looks up four times meanwhile."""
    directory = tmp_path_factory.mktemp("long")
    kernel = ExecutionKernel(log_dir=directory / "at-work", log_policy="off", log_snapshot_records=1 << 40)
    for now_ns in range(1, 270_001):
        kernel.advance_time(now_ns)
    kernel.sync()
    return as_if_killed(directory / "at-work", directory / "log"), kernel.seq


@pytest.fixture
def long_log(long_origin: tuple[Path, int], tmp_path: Path) -> tuple[Path, int]:
    """A copy of it."""
    return as_if_killed(long_origin[0], tmp_path / "log"), long_origin[1]


@pytest.fixture
def ticking() -> Iterator[Callable[..., None]]:
    """Calls something every millisecond, or as it is said, where the interpreter listens to signals."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("needs timers that send signals")
    before = signal.getsignal(signal.SIGALRM)

    def start(call: Callable[[], None], first_s: float = 0.001, *, every_s: float = 0.001) -> None:
        signal.signal(signal.SIGALRM, lambda _number, _frame: call())
        signal.setitimer(signal.ITIMER_REAL, first_s, every_s)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_long_replay_is_stopped_by_an_interrupt_and_nothing_is_lost(
    long_log: tuple[Path, int],
    ticking: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_dir, seq = long_log
    ticks: list[int] = []
    made: list[Any] = []
    real = opening.Engine

    def spied(**settings: Any) -> Any:
        engine = real(**settings)
        made.append(engine)
        return engine

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(opening, "Engine", spied)
    ticking(tick)
    with pytest.raises(KeyboardInterrupt):
        ExecutionKernel(log_dir=log_dir)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert made == [], "the replay went on to its end"
    kernel = ExecutionKernel(log_dir=log_dir)
    assert recovered(kernel)["last_seq"] == seq


def test_a_long_replay_says_how_far_it_is(
    long_log: tuple[Path, int],
    ticking: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow: list[float] = []
    real = opening.Engine

    def tick() -> None:
        # Twice: on a busy machine the first may strike before the replay has begun.
        slow.append(time.monotonic())
        while time.monotonic() < slow[-1] + 1.05:
            pass
        if len(slow) < 2:
            ticking(tick, 0.03, every_s=0)

    def spied(**settings: Any) -> Any:
        ticking(tick, 0.03, every_s=0)
        return real(**settings)

    monkeypatch.setattr(opening, "Engine", spied)
    with caplog.at_level(logging.INFO, "dita.log"):
        kernel = ExecutionKernel(log_dir=long_log[0])
    reported = [record for record in caplog.records if "replaying" in record.getMessage()]
    assert 1 <= len(reported) <= 2
    assert reported[-1].created - reported[0].created >= len(reported) - 1, "at most once a second"
    assert re.fullmatch(r"replaying the log: \d+ of \d+ KiB, input \d+", reported[0].getMessage())
    assert recovered(kernel)["replayed"] == long_log[1]
