"""Trades known from elsewhere: all of them, or none, and only where the position book has them."""

from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, TradeSlot
from kernels import CONFIG, ENTER, EXIT, SYMBOL, ack, fill, intent, opened

SLOT: dict[str, Any] = {
    "slot_id": 2,
    "trade_id": "t7",
    "asset": SYMBOL,
    "side": "LONG",
    "size": "0.3",
    "initial_size": "0.5",
    "entry_price": "60000",
    "realized_pnl": "12.5",
    "fees_paid": "1.25",
    "leverage": 3,
    "exit_leg_ratios": ("0.4", "0.6"),
    "metadata": {"from": "elsewhere"},
}


def opened_with(size: str = "0.5") -> ExecutionKernel:
    kernel = ExecutionKernel()
    kernel.set_exchange_config(CONFIG)
    position = {"symbol": SYMBOL, "size": size, "entry_price": "60000"}
    kernel.open_with({"balances": {"USDT": 10_000}, "positions": [position]})
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def test_another_kernels_slots_move_over() -> None:
    old = opened()
    old.process_intent(intent(ENTER, "i1", exit_leg_ratios=("0.5", "0.5"), metadata={"why": "x"}))
    old.on_venue_event(ack(old.orders()[0]))
    old.on_venue_event(fill(old.orders()[0]))
    old.process_intent(intent(EXIT, "x1", order_type="LIMIT", limit_price="70000"))
    old.on_venue_event(ack(old.orders()[1]))
    new = opened_with("0.01")
    outcome = new.reconcile_from_slots([view.snapshot() for view in old.state.slots], by="migration")
    assert (outcome.accepted, outcome.diagnostic_code) == (True, "OK")
    there, here = old.slot(0).snapshot(), new.slot(0).snapshot()
    for name in (
        "trade_id",
        "asset",
        "side",
        "size",
        "initial_size",
        "entry_price",
        "exit_leg_ratios",
        "metadata",
    ):
        assert getattr(here, name) == getattr(there, name), name
    assert (here.fsm_state, new.unassigned()) == ("POSITION_OPEN", [])
    left = outcome.details["orders_to_attach"]
    assert left == [{"slot_id": 0, "venue_client_id": old.orders()[1].venue_client_id}]
    new.check_invariants()


def test_an_adopted_trade_goes_on() -> None:
    kernel = opened_with()
    assert kernel.reconcile_from_slots([TradeSlot(**SLOT)]).accepted
    slot = kernel.slot(2).snapshot()
    assert (slot.trade_id, str(slot.size), slot.active_leg_index, slot.metadata) == (
        "t7",
        "0.300",
        1,
        {"from": "elsewhere"},
    )
    assert [str(row["size"]) for row in kernel.unassigned()] == ["0.200"]
    assert kernel.process_intent(intent(EXIT, "x1", slot_id=2, trade_id="t7")).accepted
    kernel.on_venue_event(ack(kernel.orders()[0]))
    kernel.on_venue_event(fill(kernel.orders()[0]))
    assert kernel.slot(2).fsm_state == "CLOSED"
    kernel.check_invariants()


@pytest.mark.parametrize(
    "second",
    [
        {"size": "0.3", "trade_id": "t8", "slot_id": 3},  # more than lies there
        {"size": "0.1", "trade_id": "t8", "slot_id": 2},  # the same slot
        {"size": "0.1", "trade_id": "t7", "slot_id": 3},  # the same trade
        {"size": "0.1", "trade_id": "t8", "slot_id": 3, "side": "SHORT"},
        {"size": "0.1", "trade_id": "t8", "slot_id": 3, "asset": "NOPE"},
        {"size": "0.1", "trade_id": "t8", "slot_id": 99},
        {"size": "0.1", "trade_id": "", "slot_id": 3},
        {"size": "0.1", "trade_id": "t8", "slot_id": 3, "exit_leg_ratios": ("0.5", "0.4")},
    ],
)
def test_one_that_does_not_fit_keeps_all_of_them_out(second: dict[str, Any]) -> None:
    kernel = opened_with()
    before = kernel.state_hash()
    outcome = kernel.reconcile_from_slots([TradeSlot(**SLOT), TradeSlot(**{**SLOT, **second})])
    assert not outcome.accepted, outcome
    assert kernel.state_hash() == before
    assert "orders_to_attach" not in outcome.details


def test_what_is_no_slot_is_an_error() -> None:
    kernel = opened_with()
    with pytest.raises(InvalidType, match=r"^slots\[1\]: expected TradeSlot"):
        kernel.reconcile_from_slots([TradeSlot(**SLOT), 5])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"^slots\[0\]\.entry_price: is required"):
        kernel.reconcile_from_slots([TradeSlot(slot_id=0, trade_id="t", asset=SYMBOL, side="LONG", size=1)])
