"""An adapter that changes the controls inside one of the kernel's calls, while the plane brings a change."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters import eventually
from dita import ControlUpdate, ExecutionKernel, InvalidInput, KernelError, VenueOrder, build_control_plane
from dita.control import ControlFromInside, InMemoryControlPlane, KernelControlSnapshot
from filling import FillingVenue, on
from kernels import ENTER, intent

if TYPE_CHECKING:
    from dita.cluster import ClusterAddress

_PATIENCE_S = 20.0


def within(work: Callable[[], Any]) -> Any:
    """What it comes to, in a thread: a wait for ever must not be the test's own."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert found, "it waits for ever"
    return found[0]


class Halting:
    """A venue's trouble: with an order in its hands, a change comes from outside, then it makes one."""

    def __init__(self, plane: Any) -> None:
        self.plane = plane
        self.kernel: ExecutionKernel | None = None
        self.own: Callable[[], object] = lambda: None
        self.outside = ControlUpdate(limits={"max_open_slots": 7}, updated_by="outside")
        self.raised: list[Exception] = []
        self.watched: list[str] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, order: VenueOrder) -> None:
        if self.watched:
            return
        # The change from outside has the plane, and waits for this call: its watcher was told of it.
        self.plane.watch(lambda update: self.watched.append(update.updated_by))
        thread = threading.Thread(target=lambda: self.plane.update(self.outside), daemon=True)
        thread.start()
        self.threads.append(thread)
        rest = threading.Event()
        for _ in range(50):
            # The kernel is told first, and waits; nobody after it is told.
            assert self.watched == []
            rest.wait(0.002)
        try:
            self.own()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.raised.append(error)
        self.watched.append("inside")


@pytest.fixture(params=["memory", "file", "cluster"])
def halting(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A kernel on a venue that does so."""
    place: str | None = None
    if request.param == "file":
        place = str(tmp_path / "controls.json")
    elif request.param == "cluster":
        address: ClusterAddress = request.getfixturevalue("hazelcast")
        place = f"{address}?plane=inside-{tmp_path.name[:40]}"
    trouble = Halting(build_control_plane(place))
    trouble.kernel = on(FillingVenue(trouble), control_plane=trouble.plane)
    yield trouble
    trouble.kernel.close()
    close = getattr(trouble.plane, "close", None)
    if close is not None:
        close()


def test_the_kernel_takes_it_right_after_the_call_and_the_plane_soon(halting: Halting) -> None:
    kernel = halting.kernel
    assert kernel is not None
    own = ControlUpdate(kill_switch=True, updated_by="adapter")
    halting.own = lambda: kernel.update_control(own)
    within(lambda: kernel.process_intent(intent(ENTER, "i1")))
    assert halting.raised == []
    # Before anything else: the next entry finds the gate shut.
    assert (
        kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1)).diagnostic_code
        == "CONTROL_HALTED"
    )
    eventually(lambda: halting.plane.read().gate == "HALTED")
    eventually(lambda: halting.plane.read().version == 2)
    eventually(lambda: kernel.control.limits["max_open_slots"] == 7)
    assert kernel.control.gate == "HALTED"
    assert kernel.health()["control_trouble"] == ""


def test_it_is_taken_once_and_the_same_change_can_be_made_again(halting: Halting) -> None:
    kernel = halting.kernel
    assert kernel is not None
    own = ControlUpdate(gate="HALTED", updated_by="adapter")
    halting.own = lambda: kernel.update_control(own)
    within(lambda: kernel.process_intent(intent(ENTER, "i1")))
    eventually(lambda: halting.plane.read().version == 2)
    eventually(lambda: kernel.control.limits["max_open_slots"] == 7)
    # The plane told the kernel of it, which had it already.
    within(lambda: kernel.update_control(ControlUpdate(gate="NORMAL", updated_by="operator")))
    eventually(lambda: kernel.control.gate == "NORMAL")
    assert kernel.control.version == 3
    within(lambda: kernel.update_control(own))
    eventually(lambda: kernel.control.gate == "HALTED")
    assert kernel.control.version == 4


def test_a_change_that_the_plane_counts_after_anothers_has_the_planes_number_in_the_kernel_too() -> None:
    class Raced(InMemoryControlPlane):
        def update(self, update: ControlUpdate) -> KernelControlSnapshot:
            if update.updated_by == "adapter":
                super().update(ControlUpdate(limits={"max_open_slots": 7}, updated_by="outside"))
            return super().update(update)

    plane = Raced()
    own = ControlUpdate(kill_switch=True, updated_by="adapter")
    with on(FillingVenue(lambda _order: kernel.update_control(own)), control_plane=plane) as kernel:
        kernel.process_intent(intent(ENTER, "i1"))
        eventually(lambda: plane.read().version == 2)
        eventually(lambda: kernel.control.version == 2)
        assert (kernel.control.updated_by, kernel.control.limits["max_open_slots"]) == ("adapter", 7)


def test_the_plane_itself_refuses_at_once(halting: Halting) -> None:
    kernel = halting.kernel
    assert kernel is not None
    halting.own = lambda: halting.plane.update(ControlUpdate(kill_switch=True, updated_by="adapter"))
    within(lambda: kernel.process_intent(intent(ENTER, "i1")))
    (refusal,) = halting.raised
    assert isinstance(refusal, ControlFromInside)
    assert "use update_control of the kernel" in str(refusal)
    eventually(lambda: kernel.control.limits["max_open_slots"] == 7)
    assert kernel.control.gate == "NORMAL"


def test_a_change_that_cannot_be_is_refused_inside_as_outside(halting: Halting) -> None:
    kernel = halting.kernel
    assert kernel is not None
    halting.own = lambda: kernel.update_control(ControlUpdate(limits={"max_leverage": -1}))
    within(lambda: kernel.process_intent(intent(ENTER, "i1")))
    (refusal,) = halting.raised
    assert isinstance(refusal, InvalidInput)
    eventually(lambda: halting.plane.read().version == 1)


def test_a_plane_that_does_not_take_it_is_reported(tmp_path: Path) -> None:
    place = tmp_path / "gone" / "controls.json"
    place.parent.mkdir()
    plane: Any = build_control_plane(str(place))

    def halt(_: VenueOrder) -> None:
        place.write_text("damaged")
        kernel.update_control(ControlUpdate(kill_switch=True, updated_by="adapter"))

    kernel = on(FillingVenue(halt), control_plane=plane)
    kernel.process_intent(intent(ENTER, "i1"))
    assert kernel.control.gate == "HALTED"
    eventually(lambda: kernel.health()["control_trouble"] != "")
    kernel.close()
    plane.close()


def test_a_plane_that_refuses_it_and_is_well_is_reported() -> None:
    class Refusing(InMemoryControlPlane):
        def update(self, update: ControlUpdate) -> Any:
            if update.updated_by == "adapter":
                raise KernelError("not from there")
            return super().update(update)

    def halt(_: VenueOrder) -> None:
        kernel.update_control(ControlUpdate(kill_switch=True, updated_by="adapter"))

    kernel = on(FillingVenue(halt), control_plane=Refusing())
    kernel.process_intent(intent(ENTER, "i1"))
    eventually(lambda: "stands in the kernel and not in the plane" in kernel.health()["control_trouble"])
    assert "not from there" in kernel.health()["control_trouble"]
    assert kernel.control.gate == "HALTED"
    kernel.close()


def test_a_flatten_from_inside_leaves_the_position(halting: Halting) -> None:
    kernel = halting.kernel
    assert kernel is not None
    halting.own = lambda: kernel.update_control(ControlUpdate(flatten=True, updated_by="adapter"))
    within(lambda: kernel.process_intent(intent(ENTER, "i1")))
    eventually(lambda: kernel.slot(0).closed)
    assert kernel.control.gate == "HALTED"
