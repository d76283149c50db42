"""Control planes outside of the process, a file and a real cluster: what they share, then each one's own."""

import itertools
import json
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusters import eventually
from dita import ControlUpdate, ExecutionKernel, InvalidInput, KernelControlSnapshot, build_control_plane
from dita.cluster import ClusterAddress, connected
from dita.cluster.mappings import CONTROL_PLANE
from dita.control import ControlConflict, ControlPlaneError
from dita.control.record import CHANGES_MAX, Reader, Record
from kernels import ENTER, intent, opened

_NAMES = itertools.count()
Open = Callable[[], Any]


@pytest.fixture(params=["file", "cluster"])
def open_plane(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same plane again and again, as operators and kernels do."""
    planes = []
    if request.param == "file":
        place = str(tmp_path / "controls.json")
    else:
        address: ClusterAddress = request.getfixturevalue("hazelcast")
        place = f"{address}?plane=p{next(_NAMES)}"

    def open_one() -> Any:
        planes.append(build_control_plane(place))
        return planes[-1]

    yield open_one
    for plane in planes:
        plane.close()


def test_a_change_from_elsewhere_is_an_input_of_the_kernel(open_plane: Open) -> None:
    with opened(control_plane=open_plane()) as kernel:
        operator = open_plane()
        assert operator.exists()
        operator.update(ControlUpdate(kill_switch=True, updated_by="ops"))
        eventually(lambda: kernel.control.gate == "HALTED")
        assert (kernel.control.updated_by, kernel.control.version) == ("ops", 1)
        assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "CONTROL_HALTED"
        operator.update(ControlUpdate(gate="NORMAL", kill_switch=False, updated_by="ops"))
        eventually(lambda: kernel.control.gate == "NORMAL")
        assert kernel.process_intent(intent(ENTER, "i2")).accepted


def edge_freeze(kernel: ExecutionKernel) -> None:
    """The kernel's own guard freezes entries: no operator has changed anything."""
    kernel.on_edge("BTCUSDT", 1)
    assert (kernel.control.frozen, kernel.control.freeze_events) == (True, 1)


def test_what_a_kernel_shows_is_the_version_that_the_plane_stands_at_after_a_restart_too(
    open_plane: Open, tmp_path: Path
) -> None:
    log_dir = tmp_path / "log"
    operator = open_plane()
    operator.update(ControlUpdate(limits={"min_edge_bps": 5}))

    def stands_at(kernel: ExecutionKernel, version: int) -> None:
        eventually(lambda: kernel.control.version == version)
        assert operator.read().version == version

    with opened(control_plane=open_plane(), log_dir=log_dir) as kernel:
        stands_at(kernel, 1)
        kernel.update_control(ControlUpdate(kill_switch=True))
        operator.update(ControlUpdate(kill_switch=False))
        stands_at(kernel, 3)
        operator.update(ControlUpdate(gate="NORMAL"))
        stands_at(kernel, 4)
        edge_freeze(kernel)
        stands_at(kernel, 4)
    with opened(control_plane=open_plane(), log_dir=log_dir) as kernel:
        stands_at(kernel, 4)
        assert kernel.control.frozen
        operator.update(ControlUpdate(frozen=False), if_version=kernel.control.version)
        stands_at(kernel, 5)
    # While it is down, others go on.
    for leverage in range(1, 100):
        operator.update(ControlUpdate(limits={"max_leverage": leverage}))
    with opened(control_plane=open_plane(), log_dir=log_dir) as kernel:
        stands_at(kernel, 104)


def test_a_new_plane_on_an_old_log_begins_to_count_for_both(open_plane: Open, tmp_path: Path) -> None:
    log_dir = tmp_path / "log"
    with opened(log_dir=log_dir) as kernel:
        for leverage in range(1, 10):
            kernel.update_control(ControlUpdate(limits={"max_leverage": leverage}, updated_by="ann"))
        assert kernel.control.version == 9
    operator = open_plane()
    with opened(control_plane=open_plane(), log_dir=log_dir) as kernel:
        assert (kernel.control.version, operator.read().version) == (0, 0)
        assert (kernel.control.limits["max_leverage"], kernel.control.updated_by) == (9, "ann")


def test_every_kernel_receives_every_change_once_and_in_order(open_plane: Open) -> None:
    received: list[list[Any]] = [[], []]
    for one in received:
        open_plane().watch(lambda update, one=one: one.append(update.limits["max_open_slots"]))
    operators = [open_plane() for _ in range(3)]
    for number in range(30):
        operators[number % 3].update(ControlUpdate(limits={"max_open_slots": number}))
    eventually(lambda: all(len(one) == 30 for one in received))
    assert received == [list(range(30))] * 2
    assert open_plane().read().version == 30


def test_changes_of_ones_own_are_no_news(open_plane: Open) -> None:
    plane = open_plane()
    received: list[Any] = []
    plane.watch(lambda update: received.append(update.limits["max_open_slots"]))
    for number in range(100):
        plane.update(ControlUpdate(limits={"max_open_slots": number}))
        assert plane.standing()["trouble"] == ""
    open_plane().update(ControlUpdate(limits={"max_open_slots": 100}))
    eventually(lambda: len(received) == 101)
    assert received == list(range(101))


def test_two_operators_at_once_lose_nothing(open_plane: Open) -> None:
    limits = ["max_open_slots", "max_order_size", "max_leverage", "max_order_notional"]

    def operate(name: str) -> None:
        plane = open_plane()
        for number in range(1, 11):
            plane.update(ControlUpdate(limits={name: number}))

    threads = [threading.Thread(target=operate, args=(name,)) for name in limits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    controls = open_plane().read()
    assert controls.version == 40
    assert [controls.limits[name] for name in limits] == [10] * 4


def test_a_change_for_another_version_is_refused(open_plane: Open) -> None:
    plane = open_plane()
    plane.update(ControlUpdate(frozen=True))
    with pytest.raises(ControlConflict, match="stands at version 1, not 0"):
        plane.update(ControlUpdate(frozen=False), if_version=0)
    assert plane.update(ControlUpdate(frozen=False), if_version=1).version == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {"max_order_notional": -1}},
        {"limits": {"no_such_limit": 1}},
        {"gate": "AJAR"},
        {"updated_by": "x" * 65},
    ],
)
def test_what_no_kernel_would_take_does_not_get_there(open_plane: Open, wrong: dict[str, Any]) -> None:
    plane = open_plane()
    with pytest.raises(InvalidInput):
        plane.update(ControlUpdate(**wrong))
    assert plane.read().version == 0


def test_a_change_is_held_against_what_stands(open_plane: Open) -> None:
    plane = open_plane()
    with pytest.raises(InvalidInput):
        plane.update(ControlUpdate(limits={"order_burst": 5}))
    plane.update(ControlUpdate(limits={"order_burst": 5, "orders_per_second": 1}))
    plane.update(ControlUpdate(limits={"order_burst": 6}))
    assert open_plane().read().limits["order_burst"] == 6


def test_a_change_that_one_kernel_refuses_stands_and_is_reported(open_plane: Open) -> None:
    plane = open_plane()
    with opened(control_plane=plane) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        # Not flat: the mode cannot change.
        assert kernel.state.slots[0].fsm_state != "IDLE"
        open_plane().update(ControlUpdate(mode="LIVE"))
        eventually(lambda: "refused" in kernel.health()["control_trouble"])
        assert kernel.control.mode == "PAPER"
        with pytest.raises(InvalidInput):
            kernel.update_control(ControlUpdate(mode="SHADOW"))
        assert open_plane().read().mode == "LIVE"


def test_a_kernel_that_begins_goes_by_what_stands(open_plane: Open) -> None:
    open_plane().update(ControlUpdate(frozen=True, limits={"max_order_notional": "12.5"}, updated_by="risk"))
    with opened(control_plane=open_plane()) as kernel:
        assert kernel.control.frozen
        assert str(kernel.control.limits["max_order_notional"]) == "12.5"
        kernel.update_control(ControlUpdate(frozen=False, updated_by="strategy"))
        assert (open_plane().read().frozen, open_plane().read().updated_by) == (False, "strategy")


def test_a_restart_lifts_no_halt(open_plane: Open, tmp_path: Path) -> None:
    plane = open_plane()
    plane.update(ControlUpdate(verbosity="VERBOSE"))
    with opened(log_dir=tmp_path / "log") as kernel:
        kernel.update_control(ControlUpdate(kill_switch=True, frozen=True))
    with ExecutionKernel(log_dir=tmp_path / "log", control_plane=plane) as kernel:
        assert (kernel.control.gate, kernel.control.frozen) == ("HALTED", True)
        assert kernel.control.verbosity == "VERBOSE"
        plane.update(ControlUpdate(gate="NORMAL", kill_switch=False, frozen=False))
        assert (kernel.control.gate, kernel.control.frozen) == ("NORMAL", False)


def test_a_plane_that_is_lost_is_put_back(open_plane: Open, request: pytest.FixtureRequest) -> None:
    plane = open_plane()
    with opened(control_plane=plane) as kernel:
        plane.update(ControlUpdate(frozen=True))
        lose(plane, request)
        eventually(lambda: open_plane().exists())
        assert open_plane().read().frozen
        open_plane().update(ControlUpdate(frozen=False))
        eventually(lambda: not kernel.control.frozen)
        eventually(lambda: kernel.health()["control_trouble"] == "")


def lose(plane: Any, request: pytest.FixtureRequest) -> None:
    if hasattr(plane, "path"):
        plane.path.unlink()
    else:
        with connected(request.getfixturevalue("hazelcast")) as client:
            client.get_map(CONTROL_PLANE).blocking().remove(plane._plane)


@pytest.mark.parametrize("overtaken", [1, 2])
def test_a_halt_while_a_kernel_begins_does_not_fall_between(open_plane: Open, overtaken: int) -> None:
    plane = open_plane()
    read = plane.read
    reads = itertools.count(1)

    def read_and_be_overtaken() -> KernelControlSnapshot:
        standing: KernelControlSnapshot = read()
        if next(reads) == overtaken:
            open_plane().update(ControlUpdate(kill_switch=True, limits={"max_open_slots": 2}))
        return standing

    open_plane().update(ControlUpdate(limits={"max_open_slots": 9}))
    plane.read = read_and_be_overtaken
    with opened(control_plane=plane) as kernel:
        eventually(lambda: kernel.control.gate == "HALTED")
        eventually(lambda: kernel.control.limits["max_open_slots"] == 2)


def test_a_watcher_that_breaks_keeps_nothing_from_the_next(open_plane: Open) -> None:
    plane = open_plane()
    received: list[ControlUpdate] = []

    def break_down(update: ControlUpdate) -> None:
        received.append(update)
        raise ZeroDivisionError

    plane.watch(break_down)
    for number in range(3):
        open_plane().update(ControlUpdate(limits={"max_open_slots": number}))
        eventually(lambda number=number: len(received) == number + 1)
    assert "refused" in plane.standing()["refused"]


# -------------------------------------------------------------------------------- the file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the plane is."""
    return tmp_path / "controls.json"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 2, "version": 1, "controls": {}, "changes": []}',
        Record().with_change(ControlUpdate(frozen=True)).to_json().replace('"version": 1', '"version": 9', 1),
        Record().with_change(ControlUpdate(frozen=True)).to_json().replace('"NORMAL"', '"AJAR"', 1),
    ],
)
def test_a_damaged_file_is_reported_and_the_kernel_goes_on(path: Path, text: str) -> None:
    plane = build_control_plane(path)
    with opened(control_plane=plane) as kernel:
        plane.update(ControlUpdate(limits={"max_open_slots": 3}))
        path.write_text(text)
        eventually(lambda: str(path) in kernel.health()["control_trouble"])
        assert kernel.control.limits["max_open_slots"] == 3
        assert kernel.process_intent(intent(ENTER, "i1")).accepted
        with pytest.raises(ControlPlaneError, match=str(path)):
            build_control_plane(path).update(ControlUpdate(frozen=True))
        with pytest.raises(ControlPlaneError), opened(control_plane=build_control_plane(path)):
            pass
        path.unlink()
        eventually(path.exists)
        build_control_plane(path).update(ControlUpdate(frozen=True))
        eventually(lambda: kernel.control.frozen)
    plane.close()


def test_an_older_copy_put_back_undoes_nothing_and_what_comes_after_counts(path: Path) -> None:
    plane = build_control_plane(path)
    with opened(control_plane=plane) as kernel:
        plane.update(ControlUpdate(limits={"max_open_slots": 3}))
        copy = path.read_text()
        plane.update(ControlUpdate(kill_switch=True))
        path.write_text(copy)
        eventually(lambda: "went back from version 2 to 1" in kernel.health()["control_trouble"])
        assert kernel.control.gate == "HALTED"
        build_control_plane(path).update(ControlUpdate(frozen=True))
        eventually(lambda: kernel.control.frozen)
        eventually(lambda: kernel.health()["control_trouble"] == "")
        assert kernel.control.gate == "HALTED"
    plane.close()


def hold(path: str, ready: Any, ends: Any) -> None:
    with build_control_plane(path)._locked():  # type: ignore[attr-defined]
        ready.set()
        ends.wait()


def test_a_lock_ends_with_its_holder_and_no_sooner(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, ends = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(path), ready, ends))
    holder.start()
    assert ready.wait(30)
    plane = build_control_plane(path)
    plane._lock_timeout_s = 0.05  # type: ignore[attr-defined]
    with pytest.raises(ControlPlaneError, match=f"held by process {holder.pid}"):
        plane.update(ControlUpdate(frozen=True))
    holder.kill()
    holder.join()
    assert plane.update(ControlUpdate(frozen=True)).version == 1


def test_a_file_in_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="is no directory"):
        build_control_plane(tmp_path / "nowhere" / "controls.json")


def test_a_file_that_cannot_be_written_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = build_control_plane(path)
    plane.update(ControlUpdate(frozen=True))
    before = path.read_text()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ControlPlaneError, match="No space left"):
        plane.update(ControlUpdate(frozen=False))
    assert path.read_text() == before
    assert list(path.parent.glob(f".{path.name}.*")) == []


# -------------------------------------------------------------------------------- the record


def test_whoever_missed_more_than_is_kept_takes_what_stands() -> None:
    record = Record().with_change(ControlUpdate(frozen=True))
    reader = Reader()
    reader.skip(record)
    for number in range(CHANGES_MAX + 5):
        record = record.with_change(ControlUpdate(limits={"max_open_slots": number}))
    (only,) = reader.news(record)
    assert (only.frozen, only.limits and only.limits["max_open_slots"]) == (True, CHANGES_MAX + 4)
    assert list(reader.news(record)) == []
    assert len(record.changes) == CHANGES_MAX


def test_a_record_reads_back() -> None:
    record = Record().with_change(ControlUpdate(limits={"max_drawdown": "0.2"}, audited=("run-1",)))
    record = record.with_change(ControlUpdate(flatten=True, updated_by="ops"))
    again = Record.from_json(record.to_json(), "here")
    assert again == record
    assert again.flatten_stands
    assert not again.flatten_all_stands
    everything = again.with_change(ControlUpdate(flatten_all=True, updated_by="ops"))
    assert (everything.flatten_stands, everything.flatten_all_stands) == (True, True)
    assert everything.controls.gate == "HALTED"
    assert not again.with_change(ControlUpdate(gate="NORMAL")).flatten_stands
    assert json.loads(record.to_json())["version"] == 2
    assert Record().controls == KernelControlSnapshot()
