"""Limits, the kill switch and the edge monitor, through the controls."""

from decimal import Decimal
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    InMemoryControlPlane,
    InvalidInput,
    InvalidType,
    KernelControlSnapshot,
    KernelOutcome,
)
from dita.control.memory import NO_LIMITS
from kernels import CANCEL, ENTER, EXIT, SYMBOL, intent, opened, paper

LIMITS: dict[str, Any] = {
    "max_order_notional": "5000",
    "max_total_notional": "20000",
    "max_leverage": 3,
    "price_collar": "0.05",
    "max_open_slots": 4,
    "max_order_size": "0.5",
    "max_symbol_notional": "15000",
    "max_asset_notional": "18000",
    "order_burst": 10,
    "orders_per_second": "5",
    "order_reserve_for_exits": 2,
    "cancel_burst": 20,
    "cancels_per_second": "10",
    "max_daily_loss": "500",
    "max_drawdown": "0.2",
    "min_edge_bps": "1.5",
    "edge_freeze_cancels": "ALL",
    "max_mark_age": "30",
}


COUNTS = {"max_open_slots", "order_burst", "order_reserve_for_exits", "cancel_burst"}
DECIMALS = set(LIMITS) - COUNTS - {"edge_freeze_cancels"}


def test_every_limit_is_set_read_and_lifted() -> None:
    assert set(LIMITS) == set(NO_LIMITS)
    kernel = opened()
    kernel.update_control(ControlUpdate(limits=LIMITS, updated_by="ops"))
    exact = {name: Decimal(value) if name in DECIMALS else value for name, value in LIMITS.items()}
    assert kernel.control.limits == exact
    kernel.update_control(ControlUpdate(limits=dict.fromkeys(LIMITS)))
    assert dict(kernel.control.limits) == dict(NO_LIMITS)


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_a_limit_that_cannot_be_is_refused_by_name(name: str) -> None:
    kernel = opened()
    before = kernel.state_hash()
    wrongs = ["x", [1], True] if name == "min_edge_bps" else [-1, "x", [1], True]  # an edge may be negative
    for wrong in wrongs:
        with pytest.raises((InvalidInput, InvalidType)) as caught:
            kernel.update_control(ControlUpdate(limits={name: wrong}))
        assert caught.value.field == name
    assert (kernel.state_hash(), kernel.control.version) == (before, 0)


def blocked(limits: dict[str, Any], **changes: Any) -> KernelOutcome:
    kernel, _ = paper()
    kernel.update_control(ControlUpdate(limits=limits))
    kernel.mark_price(SYMBOL, "60000")
    return kernel.process_intent(intent(ENTER, "i1", **changes))


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        ({"max_order_notional": 500}, {}),
        ({"max_total_notional": 500}, {}),
        ({"max_leverage": 2}, {"leverage": 3}),
        ({"price_collar": "0.01"}, {"order_type": "LIMIT", "limit_price": "66000"}),
        ({"max_open_slots": 0}, {}),
        ({"max_order_size": "0.005"}, {}),
        ({"max_symbol_notional": 500}, {}),
        ({"max_asset_notional": 500}, {}),
    ],
)
def test_an_entry_beyond_a_limit_is_refused_with_its_name(
    limits: dict[str, Any], changes: dict[str, Any]
) -> None:
    outcome = blocked(limits, **changes)
    ((name, _),) = limits.items()
    assert (outcome.accepted, outcome.diagnostic_code, outcome.details["limit"]) == (
        False,
        "RISK_BLOCKED",
        name,
    )
    assert {"value", "attempt"} <= set(outcome.details)


def test_orders_have_a_rate_and_exits_a_reserve() -> None:
    kernel, _ = paper()
    burst = {"order_burst": 2, "orders_per_second": "0.1", "order_reserve_for_exits": 1}
    kernel.update_control(ControlUpdate(limits=burst))
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    second = kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1))
    assert (second.diagnostic_code, second.accepted) == ("RISK_BLOCKED", False)
    assert kernel.process_intent(intent(EXIT, "x1")).state == "CLOSED"


def test_a_daily_loss_stops_entries_and_not_exits() -> None:
    kernel, venue = paper()
    kernel.update_control(ControlUpdate(limits={"max_daily_loss": 50}))
    kernel.process_intent(intent(ENTER, "i1"))
    venue.mark(SYMBOL, "50000")
    stopped = kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1))
    assert (stopped.diagnostic_code, stopped.details["limit"]) == ("RISK_BLOCKED", "max_daily_loss")
    assert kernel.process_intent(intent(EXIT, "x1")).accepted


def working() -> Any:
    kernel, _ = paper()
    kernel.mark_price(SYMBOL, "60000")
    resting = kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="59000"))
    assert resting.state == "ENTRY_WORKING"
    return kernel


def test_the_kill_switch_halts_and_cancels_entries() -> None:
    kernel = working()
    kernel.update_control(ControlUpdate(kill_switch=True, updated_by="ops"))
    assert (kernel.control.gate, kernel.control.kill_switch) == ("HALTED", True)
    assert kernel.orders(live_only=True) == []
    assert kernel.process_intent(intent(ENTER, "i2", trade_id="t2")).diagnostic_code == "CONTROL_HALTED"
    kernel.update_control(ControlUpdate(kill_switch=False))
    assert (kernel.control.gate, kernel.control.kill_switch) == ("HALTED", False)
    kernel.update_control(ControlUpdate(gate="NORMAL"))
    assert kernel.process_intent(intent(ENTER, "i3", trade_id="t3")).accepted


def test_a_thin_edge_freezes_entries_and_cancels_them() -> None:
    kernel = working()
    kernel.update_control(ControlUpdate(limits={"min_edge_bps": 2}))
    assert kernel.on_edge(SYMBOL, "2.5", 10).accepted
    assert (kernel.control.frozen, kernel.control.freeze_events, kernel.now_ns) == (False, 0, 10)
    kernel.on_edge(SYMBOL, "1.9")
    control = kernel.control
    assert (control.frozen, control.freeze_events, control.last_freeze_symbol) == (True, 1, SYMBOL)
    assert control.last_freeze_reason
    assert kernel.orders(live_only=True) == []
    assert kernel.process_intent(intent(ENTER, "i2", trade_id="t2")).diagnostic_code == "FROZEN"
    kernel.update_control(ControlUpdate(frozen=False))
    assert kernel.process_intent(intent(ENTER, "i3", trade_id="t3")).accepted
    for wrong in ("thin", None):
        with pytest.raises((InvalidInput, InvalidType)):
            kernel.on_edge(SYMBOL, wrong)  # type: ignore[arg-type]


def test_a_kernel_opened_by_a_plane_whose_switch_was_pulled_stands_still() -> None:
    plane = InMemoryControlPlane(KernelControlSnapshot(kill_switch=True, gate="HALTED"))  # type: ignore[arg-type]
    kernel = opened(control_plane=plane)
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "CONTROL_HALTED"
    assert kernel.process_intent(intent(CANCEL, "c1")).diagnostic_code == "NO_ACTIVE_ORDER"
    assert (kernel.control.kill_switch, kernel.control.freeze_events) == (True, 0)
