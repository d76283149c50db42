"""Slots, orders and transitions made by hand: checked field by field, and read back from what they write."""

import pickle
from decimal import Decimal
from typing import Any

import pytest

from dita import (
    InvalidInput,
    InvalidType,
    KernelTransition,
    TradeSlot,
    VenueOrder,
    transition_table,
)
from kernels import CANCEL, ENTER, EXIT, ack, event, fill, intent, opened, paper

ORDER: dict[str, Any] = {
    "venue_client_id": "DC1",
    "asset": "BTCUSDT",
    "side": "LONG",
    "order_side": "SELL",
    "intended_size": "0.5",
}
FULL_ORDER: dict[str, Any] = {
    **ORDER,
    "internal_trade_id": "t1",
    "slot_id": 3,
    "venue_order_id": "V1",
    "position_side": "LONG",
    "filled_size": "0.1",
    "remaining_size": "0.4",
    "average_fill_price": "60000.5",
    "status": "PARTIALLY_FILLED",
    "order_type": "STOP_LIMIT",
    "limit_price": "59000",
    "trigger_price": "59100",
    "time_in_force": "GTD",
    "expire_time": 1_700_000_000_000_000_001,
    "post_only": False,
    "reduce_only": True,
    "oco_group": "g1",
    "triggered": True,
    "stale": True,
    "pending_cancel": True,
    "pending_amend": {"request_id": "R1", "size": "0.3", "limit_price": "58000", "trigger_price": None},
    "valid_until": 1_700_000_000_000_000_002,
    "other_venue_ids": ("A1",),
    "intent_id": "i1",
    "doubt": "AMEND",
    "owner": "scalper",
    "trigger_by": "MARK",
    "attached": True,
    "metadata": {"a": 1},
}
SLOT: dict[str, Any] = {
    "slot_id": 2,
    "trade_id": "t1",
    "asset": "BTCUSDT",
    "side": "SHORT",
    "entry_price": "60000",
    "size": "0.2",
    "initial_size": "0.5",
    "leverage": 3,
    "realized_pnl": "1.5",
    "exit_leg_ratios": ("0.6", "0.4"),
    "active_leg_index": 1,
    "active_entry_order": VenueOrder(**ORDER),
    "exit_orders": (VenueOrder(**FULL_ORDER), ORDER),
    "metadata": {"x": [1]},
    "fees_paid": "0.01",
    "funding_net": "-0.02",
    "unprotected": True,
}


def test_an_order_made_by_hand_reads_back() -> None:
    made = VenueOrder(**FULL_ORDER)
    plain = made.to_dict()
    assert set(FULL_ORDER) | {"requests"} >= set(plain) >= set(FULL_ORDER)
    assert VenueOrder.from_dict(plain) == VenueOrder(**plain) == pickle.loads(pickle.dumps(made)) == made  # noqa: S301
    assert made.requests == ("CANCEL", "AMEND")
    assert made.pending_amend is not None
    assert (made.pending_amend["size"], made.doubt, made.trigger_price) == (
        Decimal("0.3"),
        "AMEND",
        Decimal(59100),
    )
    assert VenueOrder(**ORDER).remaining_size == Decimal("0.5")
    assert (VenueOrder(**ORDER).is_live(), VenueOrder(**ORDER, status="CANCELED").is_live()) == (True, False)
    assert VenueOrder(**ORDER, status="CANCELED").remaining_size == 0


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"asset": None},                          InvalidType,  "asset"),
        ({"side": "UP"},                           InvalidInput, "side"),
        ({"intended_size": -1},                    InvalidInput, "intended_size"),
        ({"filled_size": float("nan")},            InvalidInput, "filled_size"),
        ({"slot_id": -1},                          InvalidInput, "slot_id"),
        ({"status": "OPEN"},                       InvalidInput, "status"),
        ({"triggered": 1},                         InvalidType,  "triggered"),
        ({"pending_amend": {"size": 1}},           InvalidInput, "pending_amend.request_id"),
        ({"pending_amend": {"request_id": "R", "size": "x"}}, InvalidInput, "pending_amend.size"),
        ({"pending_amend": 5},                     InvalidType,  "pending_amend"),
        ({"other_venue_ids": "V1"},                InvalidType,  "other_venue_ids"),
        ({"colour": "red"},                        InvalidInput, "colour"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_an_order_is_named(
    changes: dict[str, Any], error: type[Exception], field: str
) -> None:
    with pytest.raises(error) as caught:
        VenueOrder(**{**ORDER, **changes})
    assert isinstance(caught.value, (InvalidInput, InvalidType))
    assert caught.value.field == field


def test_a_required_field_is_asked_for() -> None:
    for name in ORDER:
        with pytest.raises(InvalidInput, match=f"^{name}: is required"):
            VenueOrder(**{key: value for key, value in ORDER.items() if key != name})
    with pytest.raises(InvalidInput, match=r"^slot_id: is required"):
        TradeSlot()  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match=r"^timestamp: is required"):
        KernelTransition()  # type: ignore[call-arg]


def test_a_slot_made_by_hand_reads_back() -> None:
    made = TradeSlot(**SLOT)
    assert TradeSlot.from_dict(made.to_dict()) == TradeSlot(**made.to_dict()) == made
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301
    assert (made.fsm_state, made.closed, made.cost) == ("POSITION_OPEN", False, Decimal(-12_000))
    assert made.active_exit_order == made.exit_orders[-1] == VenueOrder(**ORDER)
    assert made.mark_price(50_000).unrealized_pnl == Decimal(2_000)
    assert TradeSlot(slot_id=0).fsm_state == "IDLE"
    assert TradeSlot(slot_id=0, closed=True).fsm_state == "CLOSED"
    assert TradeSlot(slot_id=0, side="LONG", size=1).initial_size == 1
    assert TradeSlot(slot_id=0, active_exit_order=ORDER).exit_orders == (VenueOrder(**ORDER),)


def test_the_slots_of_a_kernel_read_back() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1", exit_leg_ratios=("0.5", "0.5"), metadata={"why": "test"}))
    kernel.process_intent(intent(EXIT, "x1", order_type="LIMIT", limit_price="70000", reason="target"))
    for view in kernel.state.slots:
        slot = view.snapshot()
        assert TradeSlot.from_dict(slot.to_dict()) == slot
    for order in kernel.orders():
        assert VenueOrder.from_dict(order.to_dict()) == order
    assert kernel.slot(0).active_exit_order is not None


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"slot_id": -1},                                    InvalidInput, "slot_id"),
        ({"slot_id": True},                                  InvalidType,  "slot_id"),
        ({"side": "FLAT"},                                   InvalidInput, "side"),
        ({"size": "-1"},                                     InvalidInput, "size"),
        ({"entry_price": 0},                                 InvalidInput, "entry_price"),
        ({"leverage": -2},                                   InvalidInput, "leverage"),
        ({"closed": True},                                   None,         None),
        ({"closed": True, "fsm_state": "POSITION_OPEN"},     InvalidInput, "closed"),
        ({"fsm_state": "IDLE"},                              InvalidInput, "fsm_state"),
        ({"exit_orders": ({**ORDER, "side": "?"},)},         InvalidInput, "exit_orders[0].side"),
        ({"exit_orders": (5,)},                              InvalidType,  "exit_orders[0]"),
        ({"exit_orders": (None,)},                           InvalidType,  "exit_orders[0]"),
        ({"active_exit_order": {**ORDER, "asset": "ETH"}},   InvalidInput, "active_exit_order"),
        ({"active_entry_order": {"venue_client_id": ""}},    InvalidInput, "active_entry_order.asset"),
        ({"fees_paid": "1e-20"},                             InvalidInput, "fees_paid"),
        ({"entry_price": "1e14", "size": "1e14"},            InvalidInput, "entry_price"),
        ({"metadata": "{}"},                                 InvalidType,  "metadata"),
        ({"colour": "red"},                                  InvalidInput, "colour"),
    ],
)  # fmt: skip
def test_a_wrong_field_of_a_slot_is_named(changes: dict[str, Any], error: Any, field: str | None) -> None:
    with pytest.raises(error or InvalidInput) as caught:
        TradeSlot(**{**SLOT, **changes})
    if error is None:  # a position in a closed slot: whichever of the two is wrong
        assert caught.value.field in {"closed", "fsm_state"}
    else:
        assert caught.value.field == field


def test_a_transition_reads_back_and_knows_its_rule() -> None:
    kernel = opened()
    kernel.process_intent(intent(ENTER, "i1"))
    order = kernel.orders()[0]
    outcomes = [kernel.on_venue_event(ack(order)), kernel.on_venue_event(fill(order, "0.004"))]
    kernel.process_intent(intent(CANCEL, "c1"))
    outcomes.append(kernel.on_venue_event(event("CANCEL_ACK", order)))  # type: ignore[arg-type]
    changes = [change for outcome in outcomes for change in outcome.transitions]
    assert len(changes) == 3
    for change in changes:
        plain = change.to_dict()
        assert KernelTransition.from_dict(plain) == pickle.loads(pickle.dumps(change)) == change  # noqa: S301
        del plain["rule"]
        assert KernelTransition(**plain).rule == change.rule
    by_hand = KernelTransition(
        timestamp=1,
        trade_id="t",
        slot_id=0,
        prev_state="IDLE",
        next_state="ORDER_REQUESTED",
        trigger="ENTER",
        details={"a": 1},
    )
    assert (by_hand.rule, by_hand.details) == (transition_table()[0][4], {"a": 1})
    for wrong in ({"trigger": "JUMP"}, {"prev_state": "GONE"}, {"seq": -1}, {"rule": 70_000}):
        with pytest.raises(InvalidInput) as caught:
            KernelTransition(**{**by_hand.to_dict(), **wrong})
        assert caught.value.field == next(iter(wrong))


def test_a_slot_number_is_shown_as_it_was_given() -> None:
    kernel, _ = paper()
    for given in (-1, 99, 2**40, -(2**200)):
        outcome = kernel.process_intent(intent(ENTER, "i1", slot_id=given))
        assert (outcome.diagnostic_code, outcome.details["field"]) == ("INVALID_SLOT_ID", "slot_id")
        if abs(given) < 2**100:
            assert outcome.details["value"] == str(given)
