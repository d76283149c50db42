"""Flatten: whatever is open leaves, whatever is in its way goes, and it ends when somebody opens the gate."""

from pathlib import Path
from typing import Any

import pytest

from clusters import eventually
from dita import (
    ControlUpdate,
    ExecutionKernel,
    FileControlPlane,
    KernelEventKind,
    MockVenueAdapter,
    SimulatedVenue,
    VenueEvent,
)
from kernels import CONFIG, ENTER, EXIT, SYMBOL, ack, event, fill, intent, opened, paper

FLATTEN = ControlUpdate(flatten=True, updated_by="ops")


def flattened(kernel: ExecutionKernel) -> None:
    kernel.update_control(FLATTEN)
    eventually(lambda: not kernel.health()["flattening"])
    assert (kernel.control.gate, kernel.control.kill_switch) == ("HALTED", True)
    assert kernel.control.updated_by == "ops"
    assert kernel.positions() == []
    assert kernel.orders(live_only=True) == []
    kernel.check_invariants()


@pytest.mark.parametrize(
    "exits",
    [
        [],
        [{"order_type": "STOP_MARKET", "trigger_price": "59000"}],
        [{"order_type": "LIMIT", "limit_price": "65000"}],
        [{"order_type": "LIMIT", "limit_price": "65000", "target_size": "0.004"}],
        [
            {"order_type": "LIMIT", "limit_price": "65000", "target_size": "0.004"},
            {"order_type": "STOP_MARKET", "trigger_price": "59000", "target_size": "0.006"},
        ],
    ],
)
def test_a_position_leaves_whatever_exits_rest(exits: list[dict[str, Any]]) -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    for number, fields in enumerate(exits):
        assert kernel.process_intent(intent(EXIT, f"x{number}", **fields)).accepted
    flattened(kernel)
    assert kernel.slot(0).fsm_state == "CLOSED"


def test_working_entries_are_canceled_and_every_slot_leaves() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(
        intent(ENTER, "i2", trade_id="t2", slot_id=1, order_type="LIMIT", limit_price="59000")
    )
    flattened(kernel)
    assert kernel.process_intent(intent(ENTER, "i3", trade_id="t3")).diagnostic_code == "CONTROL_HALTED"


def test_what_is_external_leaves_too() -> None:
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = opened(venue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    venue.manual_trade(SYMBOL, "BUY", "0.02", "60000")
    assert kernel.unassigned()
    flattened(kernel)
    assert kernel.unassigned() == []


@pytest.mark.parametrize("sold", ["0.004", "0.01"])
def test_a_slot_that_was_sold_by_hand_is_freed(sold: str) -> None:
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = opened(venue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    kernel.process_intent(intent(ENTER, "i1"))
    venue.manual_trade(SYMBOL, "SELL", sold, "60000")
    assert kernel.slot(0).size
    assert kernel.unassigned()
    flattened(kernel)
    assert kernel.unassigned() == []
    slot = kernel.slot(0)
    assert (slot.fsm_state, slot.close_reason) == ("CLOSED", "PAIRED_OFF")


HEDGE = {"symbol": SYMBOL, "size": "0.3", "entry_price": "59000"}


def hedged() -> ExecutionKernel:
    """A kernel that was opened beside somebody's hedge, on a venue that fills whatever comes."""
    kernel = ExecutionKernel(venue=MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]))
    kernel.set_exchange_config(CONFIG)
    kernel.open_with({"balances": {"USDT": "50000"}, "positions": [HEDGE]})
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def test_what_was_there_at_the_opening_stays_and_is_listed(caplog: pytest.LogCaptureFixture) -> None:
    kernel = hedged()
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    by_hand = VenueEvent(
        timestamp=1,
        kind=KernelEventKind.FULL_FILL,
        asset=SYMBOL,
        venue_order_id="hand",
        venue_trade_id="H1",
        order_side="BUY",
        size="0.02",
        price="60000",
    )
    assert kernel.on_venue_event(by_hand).accepted
    sizes = {row["origin"]: str(row["size"]) for row in kernel.unassigned()}
    assert sizes == {"OPENING": "0.300", "MANUAL": "0.020"}
    kernel.update_control(FLATTEN)
    eventually(lambda: not kernel.health()["flattening"])
    (left,) = kernel.unassigned()
    assert (left["origin"], str(left["size"])) == ("OPENING", "0.300")
    assert kernel.health()["flatten_leaves"] == [left]
    assert "0.300 BTCUSDT stays: it was there when the kernel was opened" in caplog.text
    assert str(kernel.positions()[0]["size"]) == "0.300"
    kernel.check_invariants()


@pytest.mark.parametrize("asked_before", [False, True])
def test_flatten_all_leaves_what_was_there_at_the_opening_too(*, asked_before: bool) -> None:
    kernel = hedged()
    if asked_before:
        kernel.update_control(FLATTEN)
        eventually(lambda: not kernel.health()["flattening"])
    kernel.update_control(ControlUpdate(flatten_all=True, updated_by="ops"))
    # The venue's report of the opening stands beside what is booked, until the next one.
    eventually(lambda: [row["size"] for row in kernel.positions()] == [0])
    assert (kernel.unassigned(), kernel.health()["flatten_leaves"]) == ([], [])
    assert kernel.control.gate == "HALTED"


def test_an_exit_that_is_rejected_is_tried_again() -> None:
    rejects = iter([True, True])

    def submit(order: Any) -> list[Any]:
        if order.reduce_only and next(rejects, False):
            return [event(KernelEventKind.ORDER_REJECT, order, status="REJECTED", reason="busy")]
        return [ack(order), fill(order)]

    kernel = opened(MockVenueAdapter(submit=submit))
    kernel.process_intent(intent(ENTER, "i1"))
    flattened(kernel)
    assert len([order for order in kernel.orders() if order.intent_id.startswith("flatten-")]) == 3


def test_an_exit_that_is_slow_is_waited_for() -> None:
    def submit(order: Any) -> list[Any]:
        return [ack(order)] if order.reduce_only else [ack(order), fill(order)]

    kernel = opened(MockVenueAdapter(submit=submit))
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.update_control(FLATTEN)
    passes = kernel._flattening
    assert passes is not None
    for _ in range(5):
        passes._pass(kernel)
    (_, exit_order) = kernel.orders()
    assert (exit_order.status, exit_order.pending_cancel) == ("ACKED", False)
    kernel.on_venue_event(fill(exit_order))
    eventually(lambda: not kernel.health()["flattening"])
    assert kernel.slot(0).fsm_state == "CLOSED"


def test_an_entry_whose_cancel_fails_is_canceled_again() -> None:
    answers = iter([KernelEventKind.CANCEL_REJECT, KernelEventKind.CANCEL_REJECT])

    def cancel(order: Any, *_: Any) -> list[Any]:
        return [event(next(answers, KernelEventKind.CANCEL_ACK), order)]

    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order)], cancel=cancel))
    kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="60000"))
    flattened(kernel)
    assert kernel.slot(0).fsm_state == "CLOSED"


def test_it_ends_when_somebody_opens_the_gate() -> None:
    def submit(order: Any) -> list[Any]:
        if order.reduce_only:
            return [event(KernelEventKind.ORDER_REJECT, order, status="REJECTED", reason="busy")]
        return [ack(order), fill(order)]

    kernel = opened(MockVenueAdapter(submit=submit))
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.update_control(FLATTEN)
    assert kernel.health()["flattening"]
    kernel.update_control(ControlUpdate(gate="NORMAL", kill_switch=False))
    eventually(lambda: not kernel.health()["flattening"])
    assert kernel.slot(0).fsm_state == "POSITION_OPEN"


def test_a_fill_that_comes_late_leaves_as_well() -> None:
    def submit(order: Any) -> list[Any]:
        return [ack(order), fill(order)] if order.reduce_only else [ack(order)]

    kernel = opened(
        MockVenueAdapter(submit=submit, cancel=lambda order, *_: [event(KernelEventKind.CANCEL_ACK, order)])
    )
    entered = kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="60000"))
    (order,) = kernel.orders(live_only=True)
    assert entered.state == "ENTRY_WORKING"
    flattened(kernel)
    assert kernel.slot(0).fsm_state == "CLOSED"
    kernel.on_venue_event(fill(order))
    eventually(lambda: kernel.positions() == [] and kernel.slot(0).fsm_state == "CLOSED")
    assert [one.intent_id.startswith("flatten-") for one in kernel.orders()] == [False, True]


def test_a_kernel_that_was_down_when_it_was_asked_begins_with_it(tmp_path: Path) -> None:
    place = tmp_path / "controls.json"
    venue = SimulatedVenue(balances={"USDT": "10000"})
    with opened(venue, log_dir=tmp_path / "log") as kernel:
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        kernel.process_intent(intent(ENTER, "i1"))
    with FileControlPlane(place) as plane:
        plane.update(FLATTEN)
        again = SimulatedVenue(balances={"USDT": "10000"})
        with ExecutionKernel(venue=again, log_dir=tmp_path / "log", control_plane=plane) as kernel:
            again.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 2)
            eventually(lambda: kernel.slot(0).fsm_state == "CLOSED" and not kernel.health()["flattening"])
            assert kernel.positions() == []
            plane.update(ControlUpdate(gate="NORMAL", kill_switch=False))
            assert not plane.flatten_stands
