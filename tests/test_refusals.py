"""A refusal says what is in the way: the trade, the side held, the orders to choose from, who halted."""

from typing import Any

import pytest

from dita import ExecutionKernel, KernelOutcome, SimulatedVenue
from dita.control import ControlUpdate
from dita.errors import InvalidInput
from kernels import SYMBOL, intent, opened


@pytest.fixture
def kernel() -> ExecutionKernel:
    venue = SimulatedVenue(balances={"USDT": 10_000})
    kernel = opened(venue, max_slots=3)
    venue.on_quote(SYMBOL, "59999.9", None, "60000.0", None, 1)
    return kernel


def refused(outcome: KernelOutcome, code: str) -> dict[str, Any]:
    assert (outcome.accepted, outcome.diagnostic_code) == (False, code)
    return outcome.details


def enter(kernel: ExecutionKernel, name: str, **terms: Any) -> KernelOutcome:
    terms = {"slot_id": 0, "trade_id": "t1", "side": "LONG", "target_size": "0.01"} | terms
    return kernel.process_intent(intent("ENTER", name, **terms))


def test_an_entry_into_a_busy_slot_names_the_trade_that_is_there(kernel: ExecutionKernel) -> None:
    assert enter(kernel, "i1").accepted
    details = refused(enter(kernel, "i2", trade_id="t2"), "SLOT_BUSY")
    assert (details["trade_id"], details["state"]) == ("t1", "POSITION_OPEN")


def test_an_entry_against_another_slot_names_which_slot_holds_the_side(kernel: ExecutionKernel) -> None:
    assert enter(kernel, "i1").accepted
    details = refused(enter(kernel, "i2", slot_id=1, trade_id="t2", side="SHORT"), "OPPOSITE_SIDE")
    reported = [details[name] for name in ("held_by", "held_slot_id", "held_trade_id", "held_side")]
    assert reported == ["slot", 0, "t1", "LONG"]


def test_a_cancel_that_could_mean_several_orders_names_them(kernel: ExecutionKernel) -> None:
    assert enter(kernel, "i1").accepted
    for name, price in (("x1", "61000"), ("x2", "62000")):
        exits = intent(
            "EXIT", name, trade_id="t1", target_size="0.005", order_type="LIMIT", limit_price=price
        )
        assert kernel.process_intent(exits).accepted
    resting = {order.venue_client_id for order in kernel.slot(0).exit_orders}
    details = refused(kernel.process_intent(intent("CANCEL", "c1", trade_id="t1")), "AMBIGUOUS_ORDER")
    assert len(resting) == 2
    assert set(details["orders"]) == resting


def test_a_cancel_of_an_order_that_has_filled_gets_its_end(kernel: ExecutionKernel) -> None:
    entered = enter(kernel, "i1").details["venue_client_id"]
    gone = kernel.process_intent(intent("CANCEL", "c1", trade_id="t1", target_client_id=entered))
    details = refused(gone, "NO_ACTIVE_ORDER")
    assert (details["target_client_id"], details["status"]) == (entered, "FILLED")
    never = kernel.process_intent(intent("CANCEL", "c2", trade_id="t1", target_client_id="D9"))
    details = refused(never, "NO_ACTIVE_ORDER")
    assert (details["target_client_id"], details["status"]) == ("D9", None)
    any_order = kernel.process_intent(intent("CANCEL", "c3", trade_id="t1"))
    details = refused(any_order, "NO_ACTIVE_ORDER")
    assert (details["trade_id"], details["state"]) == ("t1", "POSITION_OPEN")


def test_an_entry_under_a_halt_says_who_halted_and_when(kernel: ExecutionKernel) -> None:
    kernel.update_control(ControlUpdate(kill_switch=True, updated_by="ann"))
    details = refused(enter(kernel, "i1"), "CONTROL_HALTED")
    assert (details["gate"], details["updated_by"], details["kill_switch"]) == ("HALTED", "ann", True)
    assert details["updated_at_ns"] == kernel.now_ns
    kernel.update_control(ControlUpdate(kill_switch=False, gate="REDUCE_ONLY", updated_by="bob"))
    details = refused(enter(kernel, "i2"), "REDUCE_ONLY")
    assert (details["gate"], details["updated_by"], details["kill_switch"]) == ("REDUCE_ONLY", "bob", False)


def test_an_entry_under_a_freeze_says_why_the_edge_monitor_froze(kernel: ExecutionKernel) -> None:
    kernel.update_control(ControlUpdate(limits={"min_edge_bps": "3"}, updated_by="ann"))
    kernel.on_edge(SYMBOL, "2.4")
    details = refused(enter(kernel, "i1"), "FROZEN")
    assert details["updated_by"] == "EDGE_MONITOR"
    assert "2.4" in details["reason"]


@pytest.mark.parametrize(
    ("give", "known"),
    [
        (lambda k: k.set_exchange_config({"instruments": {"BTCUSDT": {"tick_sise": "1"}}}), "tick_size"),
        (lambda k: k.set_exchange_config({"instrumens": {}}), "instruments"),
        (lambda k: k.update_control(ControlUpdate(limits={"max_order_notonal": 4})), "max_order_notional"),
        (
            lambda k: k.on_account_event({"kind": "TRANSFER", "timestamp": 1, "wallet_balnce": 5}),
            "wallet_balance",
        ),
    ],
    ids=["instrument", "configuration", "limit", "account event"],
)
def test_an_unknown_name_is_refused_with_the_names_that_there_are(
    kernel: ExecutionKernel, give: Any, known: str
) -> None:
    before = kernel.state_hash()
    with pytest.raises(InvalidInput, match=rf"is no .*; there are .*\b{known}\b"):
        give(kernel)
    assert kernel.state_hash() == before


def test_an_unknown_name_in_an_intent_is_refused_with_the_names_that_there_are(
    kernel: ExecutionKernel,
) -> None:
    outcome = kernel.process_intent({"intnt_id": "x"})  # type: ignore[arg-type]
    assert not outcome.accepted
    assert "intent_id" in outcome.details["reason"]
