"""A venue that the caller is: what the kernel wants of it comes with the answers, and what came goes back."""

from collections.abc import Iterator
from typing import Any

import pytest

from capi_library import CKernel
from dita.capi import header

CONFIG: dict[str, Any] = {
    "max_slots": 2,
    "venue": "caller",
    "exchange": {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}},
    "seed_capital": {"USDT": "10000"},
}
ENTER: dict[str, Any] = {
    "timestamp": 2, "intent_id": "i1", "trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT", "side": "LONG",
    "action": "ENTER", "target_size": "0.01", "reference_price": "60000",
}  # fmt: skip


@pytest.fixture
def kernel() -> Iterator[CKernel]:
    made = CKernel(CONFIG)
    made.answer("mark_price_json", {"asset": "BTCUSDT", "price": "60000", "timestamp": 1})
    yield made
    made.close()


def effect(answer: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = answer["effects"]
    assert found["effect"] == kind
    return dict(found)


def event(order: dict[str, Any], kind: str, **changes: Any) -> dict[str, Any]:
    given = {"timestamp": 3, "kind": kind, "venue_client_id": order["venue_client_id"],
             "venue_order_id": "v1",
             "asset": "BTCUSDT"}  # fmt: skip
    return given | changes


def test_an_order_is_submitted_filled_changed_and_canceled_by_the_caller(kernel: CKernel) -> None:
    resting = ENTER | {"order_type": "LIMIT", "limit_price": "59000.0"}
    said = kernel.answer("process_intent_json", resting)
    assert (said["diagnostic_code"], said["state"]) == ("OK", "ORDER_SENT")
    order = effect(said, "submit")["order"]
    assert (order["order_side"], order["intended_size"], order["limit_price"]) == ("BUY", "0.010", "59000")
    said = kernel.answer("on_venue_event_json", event(order, "ORDER_ACK"))
    assert said["state"] == "ENTRY_WORKING"
    assert said["effects"] == []

    target = {"target_client_id": order["venue_client_id"]}
    amend = (
        resting | target | {"action": "AMEND", "intent_id": "i2", "limit_price": "59100.0", "timestamp": 4}
    )
    change = effect(kernel.answer("process_intent_json", amend), "amend")
    assert change["limit_price"] == "59100"
    kernel.answer(
        "on_venue_event_json",
        event(order, "AMEND_ACK", request_id=change["request_id"], order_price="59100.0", order_size="0.010"),
    )
    fill = {"price": "59100.0", "size": "0.004", "filled_size": "0.004", "venue_trade_id": "f1"}
    said = kernel.answer("on_venue_event_json", event(order, "PARTIAL_FILL", **fill))
    assert kernel.answer("get_slot_json", 0)["size"] == "0.004"

    cancel = ENTER | target | {"action": "CANCEL", "intent_id": "i3", "reason": "enough", "timestamp": 5}
    wanted = effect(kernel.answer("process_intent_json", cancel), "cancel")
    assert wanted["order"]["venue_order_id"] == "v1"
    assert wanted["reason"] == "enough"
    kernel.answer("on_venue_event_json", event(order, "CANCEL_ACK"))
    slot = kernel.answer("get_slot_json", 0)
    assert (slot["fsm_state"], slot["size"]) == ("POSITION_OPEN", "0.004")


def test_effects_are_given_once_and_wait_for_who_does_not_ask(kernel: CKernel) -> None:
    effect(kernel.answer("process_intent_json", ENTER), "submit")
    assert kernel.answer("take_effects_json") == {"effects": []}


def test_an_order_that_surely_never_left_is_no_order(kernel: CKernel) -> None:
    order = effect(kernel.answer("process_intent_json", ENTER), "submit")["order"]
    never = {"kind": "NOT_SENT", "venue_client_id": order["venue_client_id"], "reason": "no connection"}
    kernel.answer("on_venue_event_json", never)
    assert kernel.answer("get_slot_json", 0)["fsm_state"] == "CLOSED"


def test_an_order_without_an_answer_is_asked_about(kernel: CKernel) -> None:
    order = effect(kernel.answer("process_intent_json", ENTER), "submit")["order"]
    said = kernel.answer("on_venue_event_json", event(order, "SEND_TIMEOUT"))
    assert effect(said, "query")["venue_client_id"] == order["venue_client_id"]


def test_leverage_is_set_by_the_caller_before_the_order_leaves(kernel: CKernel) -> None:
    wanted = effect(kernel.answer("process_intent_json", ENTER | {"leverage": "3"}), "set_leverage")
    assert (wanted["asset"], wanted["leverage"]) == ("BTCUSDT", "3")
    reported = {"kind": "LEVERAGE_SET", "asset": "BTCUSDT", "leverage": "3"}
    effect(kernel.answer("on_venue_event_json", reported), "submit")


def test_a_kernel_on_a_log_goes_on_where_it_was_and_asks_about_its_orders(tmp_path: Any) -> None:
    config = CONFIG | {"log_dir": str(tmp_path / "log")}
    first = CKernel(config)
    first.answer("mark_price_json", {"asset": "BTCUSDT", "price": "60000", "timestamp": 1})
    order = effect(first.answer("process_intent_json", ENTER), "submit")["order"]
    first.close()
    second = CKernel(config)
    asked = second.answer("take_effects_json")["effects"]
    assert [one["venue_client_id"] for one in asked] == [order["venue_client_id"]]
    assert second.answer("get_slot_json", 0)["trade_id"] == "t1"
    second.close()


def test_the_header_is_there() -> None:
    assert header().read_text().startswith("/* DITA's C ABI.")
