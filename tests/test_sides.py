"""Slots of both sides on one book, from Python: settings, quotes beside one another, pairs."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, KernelIntent, SimulatedVenue, TradeSlot
from dita.compat.trading import OrderTracker
from kernels import SYMBOL

D = Decimal
GRID = {"tick_size": "1", "lot_step": "0.001", "maker_rate": 0, "taker_rate": 0}
NET = {"opposite_slots": "net"}
PAIRS = {"opposite_slots": "net", "pair_off": "same_owner"}


def desk(rules: dict[str, Any], log_dir: Path | None = None) -> tuple[ExecutionKernel, SimulatedVenue]:
    venue = SimulatedVenue(balances={"USDT": 10_000})
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir)
    kernel.set_exchange_config({"instruments": {SYMBOL: {**GRID, **rules}}})
    kernel.set_seed_capital(10_000)
    venue.on_quote(SYMBOL, "59999", None, "60001", None)
    return kernel, venue


def send(kernel: ExecutionKernel, slot: int, side: str, action: str = "ENTER", **terms: Any) -> Any:
    number = kernel.snapshot()["account"]["event_seq"]
    trade = f"{side} {slot}"
    about = {"trade_id": trade, "slot_id": slot, "asset": SYMBOL, "side": side, "timestamp": 0}
    return kernel.process_intent(
        KernelIntent(intent_id=f"{action} {trade} {number}", action=action, **about, **terms)
    )


def test_bid_and_ask_rest_beside_one_another_and_the_worse_side_is_held_back() -> None:
    kernel, _venue = desk(NET)
    assert send(kernel, 0, "LONG", target_size="0.01", order_type="LIMIT", limit_price=59_900).accepted
    assert send(kernel, 1, "SHORT", target_size="0.02", order_type="LIMIT", limit_price=60_100).accepted
    assert kernel.snapshot()["account"]["reserved_notional"] == D("0.02") * 60_100


def test_the_paper_venue_and_the_kernel_agree_on_slots_of_both_sides(tmp_path: Path) -> None:
    kernel, venue = desk(NET, tmp_path / "log")
    assert send(kernel, 0, "LONG", target_size="0.03").accepted
    assert send(kernel, 1, "SHORT", target_size="0.01").accepted
    assert [row["size"] for row in kernel.positions()] == [D("0.02")]
    # 0.03 to sell of a net 0.02: not reduce-only, and whole.
    assert send(kernel, 0, "LONG", "EXIT").accepted
    assert [row["size"] for row in kernel.positions()] == [D("-0.01")]
    assert send(kernel, 1, "SHORT", "EXIT").accepted
    assert kernel.positions() == []
    assert venue.wallet("USDT") == kernel.account.capital
    assert kernel.snapshot()["account"]["reconcile_delta"] == 0


def test_a_fill_closes_its_owners_trade_of_the_other_side() -> None:
    kernel, _venue = desk(PAIRS)
    assert send(kernel, 0, "LONG", target_size="0.01", owner="maker").accepted
    assert send(kernel, 1, "SHORT", target_size="0.01", owner="other").accepted
    assert send(kernel, 2, "SHORT", target_size="0.03", owner="maker").accepted
    slots = [kernel.slot(number) for number in range(3)]
    assert [(slot.fsm_state, slot.size) for slot in slots] == [
        ("CLOSED", 0),
        ("POSITION_OPEN", D("0.01")),
        ("POSITION_OPEN", D("0.02")),
    ]
    assert slots[0].close_reason == "NETTED"


def test_a_tracker_counts_a_fill_that_closes_a_trade_of_the_other_side_once(tmp_path: Path) -> None:
    kernel, _venue = desk(PAIRS, tmp_path / "log")
    assert send(kernel, 0, "LONG", target_size="0.01", owner="maker").accepted
    assert send(kernel, 1, "SHORT", target_size="0.03", owner="maker").accepted
    assert [kernel.slot(number).size for number in (0, 1)] == [0, D("0.02")]
    # That one fill has changed two of its owner's slots.
    bought, sold = OrderTracker(kernel).get_by_strategy("maker")
    assert [fill.quantity for fill in bought.fills] == [D("0.01")]
    assert [fill.quantity for fill in sold.fills] == [D("0.03")]
    assert sold.filled_quantity == D("0.03")


def test_a_restart_takes_slots_of_both_sides_for_the_net_position() -> None:
    venue = SimulatedVenue(balances={"USDT": 10_000})
    kernel = ExecutionKernel(venue=venue)
    kernel.set_exchange_config({"instruments": {SYMBOL: {**GRID, **NET}}})
    kernel.set_seed_capital(10_000)
    venue.on_quote(SYMBOL, "59999", None, "60001", None)
    venue.manual_trade(SYMBOL, "BUY", "0.02", "60000")
    known = [
        TradeSlot(slot_id=slot, trade_id=side, asset=SYMBOL, side=side, size=size, entry_price="60000")
        for slot, side, size in ((0, "LONG", "0.03"), (1, "SHORT", "0.01"))
    ]
    assert not kernel.reconcile_from_slots(known[:1], by="operator").accepted
    assert kernel.reconcile_from_slots(known, by="operator").accepted
    assert kernel.unassigned() == []


@pytest.mark.parametrize(
    ("rules", "accounts", "field"),
    [
        ({"opposite_slots": "hedge"}, "one_way", "opposite_slots"),
        ({"opposite_slots": 1}, "one_way", "opposite_slots"),
        ({"pair_off": "same_owner"}, "one_way", "pair_off"),
        ({"opposite_slots": "net", "product": "spot"}, "one_way", "opposite_slots"),
        ({"opposite_slots": "net"}, "hedge", "opposite_slots"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(rules: dict[str, Any], accounts: str, field: str) -> None:
    kernel = ExecutionKernel(hedge_mode=accounts == "hedge")
    with pytest.raises((InvalidInput, InvalidType)) as caught:
        kernel.set_exchange_config({"instruments": {SYMBOL: {**GRID, **rules}}})
    assert caught.value.field == f"instruments.{SYMBOL}.{field}"
