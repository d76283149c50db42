"""A live account's opening state: taken as one, or refused by name with nothing changed."""

from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

POSITION: dict[str, Any] = {"symbol": SYMBOL, "size": "-0.5", "entry_price": "61000"}
ORDER: dict[str, Any] = {
    "symbol": SYMBOL,
    "order_side": "BUY",
    "size": "0.5",
    "price": "50000",
    "venue_order_id": "V7",
    "reduce_only": True,
}
STATE: dict[str, Any] = {
    "balances": {"USDT": "2500.5"},
    "positions": [POSITION],
    "orders": [ORDER],
    "fill_cursor": "f-100",
    "income_cursor": "i-7",
    "timestamp": 1_700_000_000_000_000_000,
}


def unopened() -> ExecutionKernel:
    kernel = ExecutionKernel()
    kernel.set_exchange_config(CONFIG)
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def test_before_it_nothing_is_traded_and_after_it_all_is() -> None:
    kernel = unopened()
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "NOT_OPENED"
    assert kernel.open_with({"balances": {"USDT": 1000}}).accepted
    assert kernel.account.capital == 1000
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    kernel.check_invariants()


def test_what_the_account_held_belongs_to_no_slot() -> None:
    kernel = unopened()
    kernel.open_with(STATE)
    assert kernel.account.capital == Decimal("2500.5")
    (position,) = kernel.positions()
    assert (position["size"], position["entry_price"]) == (Decimal("-0.5"), 61_000)
    assert [row["size"] for row in kernel.unassigned()] == [Decimal("-0.5")]
    assert kernel.state.active_trade_index == {}
    assert kernel.now_ns == STATE["timestamp"]
    kernel.check_invariants()


def test_it_comes_once_and_before_any_trade() -> None:
    kernel = unopened()
    kernel.open_with(STATE)
    before = kernel.state_hash()
    with pytest.raises(InvalidInput):
        kernel.open_with(STATE)
    assert kernel.state_hash() == before
    assert kernel.process_intent(intent(EXIT, "x1")).diagnostic_code == "NO_POSITION"


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"balances": None},                                         InvalidType,  "balances"),
        ({"balances": {"USDT": "much"}},                             InvalidInput, "balances"),
        ({"balances": {7: 1}},                                       InvalidType,  "balances"),
        ({"positions": 5},                                           InvalidType,  "positions"),
        ({"positions": [5]},                                         InvalidType,  "positions[0]"),
        ({"positions": [POSITION, {**POSITION, "size": "x"}]},       InvalidInput, "positions[1].size"),
        ({"positions": [{"size": 1, "entry_price": 1}]},             InvalidInput, "positions[0].symbol"),
        ({"positions": [{**POSITION, "colour": "red"}]},             InvalidInput, "positions[0].colour"),
        ({"orders": [{**ORDER, "order_side": "UP"}]},                InvalidInput, "orders[0].order_side"),
        ({"orders": [{**ORDER, "reduce_only": 1}]},                  InvalidType,  "orders[0].reduce_only"),
        ({"timestamp": "now"},                                       InvalidType,  "timestamp"),
        ({"cursor": "f-1"},                                          InvalidInput, "cursor"),
    ],
)  # fmt: skip
def test_a_wrong_part_is_named_and_nothing_has_changed(
    changes: dict[str, Any], error: Any, field: str
) -> None:
    kernel = unopened()
    before = kernel.state_hash()
    with pytest.raises(error) as caught:
        kernel.open_with({**STATE, **changes})
    assert isinstance(caught.value, (InvalidInput, InvalidType))
    assert (caught.value.field, kernel.state_hash()) == (field, before)


@pytest.mark.parametrize(
    "changes",
    [
        {"balances": {"USDT": "0.0000000000000000001"}},
        {"positions": [{**POSITION, "symbol": "NOPE"}]},
        {"positions": [POSITION, POSITION]},
        {"positions": [{**POSITION, "entry_price": 0}]},
        {"positions": [{**POSITION, "size": "0.0001"}]},
        {"orders": [{**ORDER, "filled_size": "0.6"}]},
        {"orders": [{**ORDER, "symbol": "NOPE"}]},
    ],
)
def test_a_state_that_contradicts_itself_is_refused_whole(changes: dict[str, Any]) -> None:
    kernel = unopened()
    before = kernel.state_hash()
    with pytest.raises(InvalidInput):
        kernel.open_with({**STATE, **changes})
    assert kernel.state_hash() == before
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "NOT_OPENED"


def test_the_balances_are_required() -> None:
    with pytest.raises(InvalidInput, match=r"^balances: is required"):
        unopened().open_with({})
    with pytest.raises(InvalidType, match=r"^opening_state: expected a mapping"):
        unopened().open_with([])  # type: ignore[arg-type]
