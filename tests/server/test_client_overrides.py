"""An operator's override from a program: of its lease's slots, attributed, as in the kernel's own process."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import ExecutionKernel, KernelError, SimulatedVenue
from dita._kernel import Link
from dita.errors import InvalidInput
from dita.server import ConnectedKernel, Serving
from serving import Served, serving

SYMBOL = "BTCUSDT"


@pytest.fixture
def planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_ZINC_DIR", str(tmp_path / "planes"))
    return tmp_path


def quote(owner: Serving) -> None:
    venue = owner.host.kernel("main").venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)


def enter(kernel: ExecutionKernel | ConnectedKernel, slot: int) -> None:
    intent: Any = {
        "intent_id": "mine:e",
        "slot_id": slot,
        "trade_id": "t",
        "asset": SYMBOL,
        "side": "LONG",
        "action": "ENTER",
        "target_size": "0.010",
        "owner": "mine",
        "timestamp": 1,
    }
    assert kernel.process_intent(intent).accepted


def operate(kernel: ExecutionKernel | ConnectedKernel, slot: int) -> list[Any]:
    """Enter, and put an operator's hand on the trade: what reads inside, what came of it, and the slot."""
    enter(kernel, slot)
    read = []
    with kernel.override(by="ops", reason="sold by hand") as block:
        kernel.slot(slot).size = "0.004"
        kernel.slot(slot).entry_price = "59000"
        kernel.slot(slot).metadata = {"by": "hand"}
        read.append(kernel.slot(slot).size)
    (outcome,) = block.outcomes
    after = kernel.slot(slot).snapshot()
    read += [outcome.accepted, outcome.diagnostic_code, outcome.state]
    return [*read, after.size, after.entry_price, after.metadata, after.owner]


def test_an_override_from_a_program_does_what_it_does_in_the_kernels_own_process(planes: Path) -> None:
    with serving(planes, "inside") as owner:
        quote(owner)
        inside = operate(owner.host.kernel("main"), 0)
        hash_inside = owner.host.kernel("main").account.capital
    with serving(planes, "outside") as owner:
        quote(owner)
        with dita.connect(planes / "outside.sock", name="mine") as kernel:
            assert operate(kernel, kernel.slots[0]) == inside
        assert owner.host.kernel("main").account.capital == hash_inside
        owner.host.kernel("main").check_invariants()
    assert inside[0] == inside[4] == Decimal("0.004")
    assert inside[5] == Decimal(59000)


def test_what_the_kernel_does_not_take_names_slot_and_field_and_nothing_is_changed(served: Served) -> None:
    with dita.connect(served.socket, name="mine") as kernel:
        (slot,) = kernel.slots
        enter(kernel, slot)
        seq = kernel.health()["seq"]
        with (
            pytest.raises(InvalidInput, match=r"slots\[0\]\.side") as caught,
            kernel.override(by="ops", reason="turned"),
        ):
            kernel.slot(slot).side = "SHORT"
        assert caught.value.field == "slots[0].side"
        assert kernel.slot(slot).side == "LONG"
        with pytest.raises(InvalidInput, match="reason"):
            kernel.override(by="ops", reason="")
        with pytest.raises(InvalidInput, match=r"with kernel\.override"):
            kernel.slot(slot).size = "1"
        assert kernel.health()["seq"] <= seq + 1, "at most the refusal is in the log"


def test_a_slot_of_another_lease_is_not_written(served: Served) -> None:
    with (
        dita.connect(served.socket, name="mine") as mine,
        dita.connect(served.socket, name="other") as other,
    ):
        enter(mine, mine.slots[0])
        seq = mine.health()["seq"]
        with (
            pytest.raises(InvalidInput, match="is not one of other's"),
            other.override(by="ops", reason="takes it"),
        ):
            other.slot(mine.slots[0]).size = "0.004"
        assert mine.health()["seq"] == seq
        assert mine.slot(mine.slots[0]).size == Decimal("0.010")


def test_a_server_of_the_version_before_is_asked_for_no_override(served: Served) -> None:
    with ConnectedKernel(Link(served.socket, name="mine", versions=(1, 3)), "mine") as kernel:
        enter(kernel, kernel.slots[0])
        with pytest.raises(KernelError, match="version 3"), kernel.override(by="ops", reason="x"):
            kernel.slot(kernel.slots[0]).size = "0.004"
        assert kernel.slot(kernel.slots[0]).size == Decimal("0.010")
