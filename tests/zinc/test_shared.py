"""The Zinc plane in shared memory: what other processes see, and what is refused."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dita import (
    ExecutionKernel,
    InMemoryZincPlane,
    InvalidInput,
    KernelCommandType,
    MockVenueAdapter,
    SharedMemoryZincPlane,
    SimulatedVenue,
    TradeSlot,
    ZincError,
    ZincPlane,
    ZincReader,
)
from dita.zinc import zinc_names
from kernels import ENTER, EXIT, LONG, SHORT, SYMBOL, ack, fill, intent, opened, paper

pytestmark = pytest.mark.usefixtures("directory")

# Long enough for a loaded machine; nothing waits for it where all is well.
PATIENCE_US = 20_000_000


@contextmanager
def other_process(program: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A Python that runs a program; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold, within the patience."""
    until = time.monotonic() + PATIENCE_US / 1e6
    while not holds():
        if time.monotonic() > until:
            return False
        os.sched_yield()
    return True


@pytest.fixture(params=["in memory", "shared"])
def plane(request: pytest.FixtureRequest) -> Iterator[InMemoryZincPlane | SharedMemoryZincPlane]:
    if request.param == "in memory":
        yield InMemoryZincPlane()
        return
    shared = SharedMemoryZincPlane("contract")
    yield shared
    shared.close()


def test_both_planes_keep_the_protocol(plane: InMemoryZincPlane | SharedMemoryZincPlane) -> None:
    assert isinstance(plane, ZincPlane)
    slot = TradeSlot(
        slot_id=3, trade_id="t1", asset=SYMBOL, side="SHORT", size="0.5", entry_price="60000.5", leverage=3
    )
    assert (plane.read_slot(3), dict(plane.read_account()), list(plane.intents)) == (None, {}, [])
    plane.write_slot(slot)
    plane.write_slot(TradeSlot(slot_id=4))
    assert (plane.read_slot(3), plane.read_slot(4)) == (slot, TradeSlot(slot_id=4))
    first, second = intent(ENTER, "i1"), intent(EXIT, "i2")
    plane.publish_intent(first)
    plane.publish_intent(second)
    assert list(plane.intents) == [first, second]
    kernel = opened(MockVenueAdapter())
    plane.write_account(kernel._engine.account() or {})
    assert plane.read_account()["k_capital"] == kernel.account.capital
    plane.update_control({"gate": "HALTED", "frozen": True})
    assert plane.control == {"gate": "HALTED", "frozen": True}


def test_another_process_reads_what_the_kernel_shows() -> None:
    program = """
import sys
from dita import ZincReader
reader = ZincReader("desk")
for line in sys.stdin:
    assert reader.reaches(int(line), 20_000_000)
    slot = reader.read_slot(0)
    print(slot.to_json() if slot else "none", flush=True)
"""
    kernel, venue = paper()
    kernel.share(SharedMemoryZincPlane("desk"))
    with other_process(program) as reader:
        assert reader.stdin is not None
        for step in (ENTER, EXIT):
            kernel.process_intent(intent(step, step))
            reader.stdin.write(f"{kernel.seq}\n")
            reader.stdin.flush()
            assert TradeSlot.from_dict(json.loads(said(reader))) == kernel.slot(0).snapshot()
            venue.on_quote(SYMBOL, "61000.0", None, "61000.1", None, 2)
    kernel.close()


def test_every_slot_is_shown_as_the_kernel_has_it_whatever_happens() -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    venue = SimulatedVenue(balances={"USDT": "1000000"})
    kernel = ExecutionKernel(venue=venue, max_slots=6)
    rules = {"tick_size": "0.1", "lot_step": "0.001", "opposite_slots": "net", "pair_off": "same_owner"}
    kernel.set_exchange_config({"taker_rate": "0.0005", "instruments": {SYMBOL: rules}})
    kernel.set_seed_capital("1000000")
    kernel.share(SharedMemoryZincPlane("random"))
    reader = ZincReader("random")
    price, met = 60000, set()
    for at in range(1, 400):
        price += dice.randint(-300, 300)
        venue.on_quote(SYMBOL, f"{price}.0", None, f"{price}.1", None, at * 10**9)
        slot_id, action = dice.randrange(6), dice.choice([ENTER, ENTER, EXIT, KernelCommandType.CANCEL])
        slot = kernel.slot(slot_id)
        trade = f"t{at}" if slot.is_free() else slot.trade_id
        changes = {
            "slot_id": slot_id,
            "trade_id": trade,
            "timestamp": at * 10**9,
            "side": dice.choice([LONG, SHORT]) if slot.is_free() else slot.side,
            "reference_price": str(price),
            "owner": dice.choice(["ann", "bob"]),
        }
        if action == ENTER and dice.random() < 0.5:
            changes |= {"order_type": "LIMIT", "limit_price": f"{price - dice.randint(-500, 500)}.0"}
        met.add(kernel.process_intent(intent(action, f"i{at}", **changes)).diagnostic_code)
        for one in range(6):
            shown = reader.read_slot(one) or TradeSlot(slot_id=one)
            assert shown == kernel.slot(one).snapshot(), f"slot {one} after input {kernel.seq}"
        assert reader.seq == kernel.seq
    assert len(met) > 3, met
    kernel.close()


def test_account_controls_and_marks_follow() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]), mark="60000")
    kernel.share(SharedMemoryZincPlane("figures"))
    reader = ZincReader("figures")
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.mark_price(SYMBOL, "61000")
    mark = reader.read_mark(0)
    assert mark is not None
    assert (mark.symbol, str(mark.price)) == (SYMBOL, "61000")
    slot = reader.read_slot(0)
    assert slot is not None
    assert slot.unrealized_pnl == kernel.slot(0).unrealized_pnl != 0
    wanted = kernel._engine.account() or {}
    assert eventually(lambda: reader.read_account()["unrealized_pnl"] == wanted["unrealized_pnl"])
    account = reader.read_account("USDT")
    assert {name: account[name] for name in ("equity", "k_capital", "open_notional", "reconcile_status")} == {
        name: wanted[name] for name in ("equity", "k_capital", "open_notional", "reconcile_status")
    }
    assert reader.read_account("BTC") == {}
    assert (reader.control["gate"], reader.health["busy_slots"]) == ("NORMAL", 1)
    assert reader.read_quote(0) is None
    kernel.close()


def test_the_ring_has_each_intent_with_its_verdict() -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("ring"))
    reader = ZincReader("ring")
    sent = [intent(ENTER, "i1"), intent(ENTER, "i2", slot_id=1, target_size="0"), intent(EXIT, "i3")]
    outcomes = [kernel.process_intent(one) for one in sent]
    found, missed = reader.read_intents()
    assert missed == 0
    assert [(one.intent, one.accepted, one.code) for one in found] == [
        (one, outcome.accepted, outcome.diagnostic_code) for one, outcome in zip(sent, outcomes, strict=True)
    ]
    assert reader.read_intents(found[-1].number) == ([], 0)
    for at in range(1100):
        kernel.process_intent(intent(KernelCommandType.CANCEL, f"c{at}"))
    later, missed = reader.read_intents(found[-1].number)
    assert missed + len(later) == 1100
    assert missed > 0
    kernel.close()


def test_a_closed_kernel_is_seen_and_the_next_one_is_read() -> None:
    kernel, _ = paper()
    kernel.share(SharedMemoryZincPlane("again"))
    kernel.process_intent(intent(ENTER, "i1"))
    reader = ZincReader("again")
    kernel.close()
    assert (reader.standing, zinc_names()) == ("CLOSED", ["again"])
    with pytest.raises(ZincError, match="is not there"):
        ZincReader("again")
    newer, _ = paper()
    newer.share(SharedMemoryZincPlane("again"))
    assert (reader.read_slot(0), reader.standing, reader.pid) == (None, "LIVE", os.getpid())
    newer.close()


def test_a_killed_kernels_last_word_stays_until_the_next_one_takes_its_name() -> None:
    program = """
import sys
from dita import SharedMemoryZincPlane
from kernels import ENTER, intent, paper
kernel, _ = paper()
kernel.share(SharedMemoryZincPlane("killed"))
kernel.process_intent(intent(ENTER, "i1"))
print("there", flush=True)
sys.stdin.read()
"""
    with other_process(program) as process:
        assert said(process) == "there"
        reader = ZincReader("killed")
        with pytest.raises(ZincError, match=f"process {process.pid} writes it"):
            SharedMemoryZincPlane("killed")
        assert (reader.standing, reader.pid) == ("LIVE", process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert reader.standing == "DEAD"
    slot = reader.read_slot(0)
    assert slot is not None
    assert slot.fsm_state == "POSITION_OPEN"
    plane = SharedMemoryZincPlane("killed")
    assert (reader.read_slot(0), reader.standing) == (None, "LIVE")
    plane.close()


def test_what_killed_kernels_have_left_goes_after_an_hour(directory: Path) -> None:
    # Writers that died have let go of their locks, and closed nothing.
    SharedMemoryZincPlane("begun").close()
    for name, age_s in (("old", 3700), ("new", 3500)):
        for end in ("zinc", "lock", "halt"):
            left = directory / f"{name}.{end}"
            left.write_bytes(b"left behind")
            left.chmod(0o600)
            os.utime(left, (left.stat().st_atime, left.stat().st_mtime - age_s))
    plane = SharedMemoryZincPlane("begun")
    assert sorted(path.name for path in directory.iterdir()) == [
        "begun.halt", "begun.lock", "begun.zinc", "new.halt", "new.lock", "new.zinc", "old.halt",
    ]  # fmt: skip
    plane.close()


def test_a_plane_is_given_once_and_to_a_kernel_that_fits() -> None:
    kernel, _ = paper()
    plane = SharedMemoryZincPlane("small", slots=9)
    with pytest.raises(InvalidInput, match="slots: 9 are too few: the kernel has 10"):
        kernel.share(plane)
    plane.close()
    plane = SharedMemoryZincPlane("fits", slots=10)
    kernel.share(plane)
    assert kernel.zinc_plane is plane
    with pytest.raises(ZincError, match="a kernel writes it"):
        plane.write_slot(TradeSlot(slot_id=0))
    other, _ = paper()
    with pytest.raises(ZincError, match="a kernel writes it"):
        other.share(plane)
    kernel.close()


@pytest.mark.parametrize("name", ["", "../x", ".x", "a b", "x" * 65])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no name of a plane"):
        ZincReader(name)


def test_another_versions_plane_is_refused(directory: Path) -> None:
    plane = SharedMemoryZincPlane("other")
    with (directory / "other.zinc").open("r+b") as file:
        file.seek(8)
        file.write((2).to_bytes(8, "little"))
    with pytest.raises(ZincError, match="its layout has version 2, and this DITA reads version 1"):
        ZincReader("other")
    plane.close()


def test_a_record_that_is_no_slot_is_refused(directory: Path) -> None:
    plane = SharedMemoryZincPlane("odd")
    plane.write_slot(TradeSlot(slot_id=0, trade_id="t1"))
    with (directory / "odd.zinc").open("r+b") as file:
        # Generation 1 of the first slot, behind header, head, generation 0, mark and length: its stage.
        file.seek((512 + 8 + 1024 + 2) * 8 + 8 + 1 + 4)
        file.write(b"\xff")
    with pytest.raises(ZincError, match="a record of the plane is no slot"):
        plane.read_slot(0)
    plane.close()


def test_a_slot_with_more_than_fits_loses_lists_and_texts_first() -> None:
    plane = SharedMemoryZincPlane("long")
    slot = TradeSlot(
        slot_id=0, trade_id="t1", size=1, side="LONG", metadata={"note": "x" * 4000},
        seen_event_ids=[f"{at:060}" for at in range(200)],
    )  # fmt: skip
    plane.write_slot(slot)
    read = plane.read_slot(0)
    assert read is not None
    assert (read.seen_event_ids, read.metadata, read.size) == ((), slot.metadata, 1)
    assert plane._segment.slot_standing(0) == (0, True)
    plane.close()


OWNER = """
import sys
from dita import ExecutionKernel, SharedMemoryZincPlane
kernel = ExecutionKernel(zinc_plane=SharedMemoryZincPlane("again", directory=sys.argv[1]))
kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}})
kernel.set_seed_capital(sys.argv[2])
for number in range(int(sys.argv[3])):
    kernel.process_intent({
        "timestamp": 1, "intent_id": f"i{number}", "trade_id": "t", "slot_id": 0, "asset": "BTCUSDT",
        "side": "LONG", "action": "EXIT",
    })
kernel.account.state()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("is_file_gone", [False, True])
def test_a_reader_follows_a_segment_that_was_made_anew(tmp_path: Path, *, is_file_gone: bool) -> None:
    def started(capital: int, intents: int) -> subprocess.Popen[str]:
        given = [sys.executable, "-c", OWNER, str(tmp_path), str(capital), str(intents)]
        process = subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    with started(100, 5) as first:
        reader = ZincReader("again", directory=tmp_path)
        shown, _ = reader.read_intents(0)
        assert (reader.pid, shown[-1].number) == (first.pid, 5)
        first.kill()
    if is_file_gone:
        (tmp_path / "again.zinc").unlink()
    with started(200, 2) as second:
        until = time.monotonic() + 10
        while reader.pid != second.pid:
            assert time.monotonic() < until, reader.standing
        assert reader.standing == "LIVE"
        again, _ = reader.read_intents(shown[-1].number)
        assert [one.number for one in again] == [1, 2]
        second.kill()
