"""Slots and orders as JSON text, made in Rust: they read back to the last digit, whatever their names."""

import json
from decimal import Decimal
from typing import Any

import pytest

from dita import TradeSlot, VenueOrder

NAMES = [
    "plain",
    'a "quoted" one',
    "back\\slash",
    "line\nbreak\ttab",
    "\x01\x1f",
    "ÄÖ€",
    "日本",
    "🚀",
    "</script>",
    "",
]


def order(**changes: Any) -> VenueOrder:
    fields: dict[str, Any] = {
        "venue_client_id": "c1",
        "asset": "BTCUSDT",
        "side": "SHORT",
        "order_side": "SELL",
        "intended_size": "1.500",
        "filled_size": "0.5",
        "limit_price": "0.00000001",
        "order_type": "LIMIT",
        "time_in_force": "GTD",
        "expire_time": 1_700_000_000_123_456_789,
        "other_venue_ids": ("v2", 'v"3'),
        "pending_amend": {"request_id": "r1", "size": "2", "limit_price": "3.10"},
        "metadata": {"deep": {"list": [1, "zwei", None, True]}},
    }
    return VenueOrder(**{**fields, **changes})


def slot(**changes: Any) -> TradeSlot:
    fields: dict[str, Any] = {
        "slot_id": 7,
        "trade_id": "t1",
        "asset": "BTCUSDT",
        "side": "SHORT",
        "size": "1.500",
        "entry_price": "60000.10",
        "leverage": "2.5",
        "exit_leg_ratios": ("0.25", "0.75"),
        "unrealized_pnl": "-0.000000000000000001",
        "entry_time": 1_700_000_000_123_456_789,
        "exit_orders": (order(venue_client_id="c2"), order(venue_client_id="c3")),
        "active_entry_order": order(),
        "metadata": {"why": "because"},
        "unprotected": True,
    }
    return TradeSlot(**{**fields, **changes})


@pytest.mark.parametrize("name", NAMES)
def test_names_and_metadata_of_any_kind_read_back(name: str) -> None:
    made = slot(trade_id=name, close_reason=name, metadata={name: name} if name else {})
    assert TradeSlot.from_dict(json.loads(made.to_json())) == made
    one = order(venue_client_id=name or "c", oco_group=name, metadata={"k": name})
    assert VenueOrder.from_dict(json.loads(one.to_json())) == one


@pytest.mark.parametrize(
    "made", [slot(), TradeSlot(slot_id=0), order(), order(order_type="MARKET", limit_price=None)]
)
def test_the_text_has_the_fields_of_the_dict_and_no_floats(made: Any) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"a float: {text}")

    read = json.loads(made.to_json(), parse_float=refuse)
    fields = made.to_dict()
    assert list(read) == list(fields)
    for field, value in fields.items():
        if isinstance(value, Decimal):
            assert (read[field], Decimal(read[field])) == (format(value, "f"), value), field
    assert type(made).from_dict(read) == made
