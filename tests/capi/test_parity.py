"""The same inputs through the C ABI and through the native module come to the same, text for text."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from capi_library import EXCHANGE, SIMULATED, SYMBOL, CKernel, plain
from dita import ExecutionKernel, SimulatedVenue, TradeSlot, VenueEvent

SLOTS = 4


def snapshot_of(native: ExecutionKernel) -> Any:
    """The native snapshot, as JSON has it."""
    return plain(native.snapshot())


class Pair:
    """A native kernel and one behind the C ABI, which are told the same."""

    def __init__(self) -> None:
        self.venue = SimulatedVenue(**SIMULATED)
        self.native = ExecutionKernel(max_slots=SLOTS, venue=self.venue)
        self.native.set_exchange_config(EXCHANGE)
        self.native.set_seed_capital("10000")
        self.c = CKernel(
            {
                "max_slots": SLOTS,
                "start_time": 0,
                "simulated": SIMULATED,
                "exchange": EXCHANGE,
                "seed_capital": {"USDT": "10000"},
            }
        )

    def quote(self, symbol: str, bid: str, ask: str, time_ns: int) -> None:
        self.venue.on_quote(symbol, bid, None, ask, None, time_ns)
        said = self.c.answer("quote_json", {"asset": symbol, "bid": bid, "ask": ask, "timestamp": time_ns})
        assert said == {"effects": []}

    def intent(self, fields: dict[str, Any]) -> dict[str, Any]:
        native = plain(self.native.process_intent(fields).to_dict())
        said = self.c.answer("process_intent_json", fields)
        assert said.pop("effects") == []
        assert said == native
        return native

    def same(self) -> None:
        for slot_id in range(SLOTS):
            assert self.c.call("get_slot_json", slot_id) == self.native.slot(slot_id).snapshot().to_json()
        assert self.c.answer("snapshot_json") == snapshot_of(self.native)
        assert self.c.call("state_hash") == self.native.state_hash()


@pytest.fixture
def pair() -> Iterator[Pair]:
    both = Pair()
    yield both
    both.native.close()
    both.c.close()


def fields(number: int, action: str, **changes: Any) -> dict[str, Any]:
    given = {
        "timestamp": number,
        "intent_id": f"i{number}",
        "trade_id": f"t{number}",
        "slot_id": 0,
        "asset": SYMBOL,
        "side": "LONG",
        "action": action,
        "reference_price": "60000.5",
    }
    return {**given, **changes}


def some_intent(chance: random.Random, number: int, pair: Pair) -> dict[str, Any]:
    """Anything that a strategy might send, and some that it should not."""
    slot_id = chance.choice([0, 1, 2, 3, 3, 9])
    action = chance.choice(["ENTER", "ENTER", "EXIT", "EXIT", "CANCEL", "AMEND"])
    slot = pair.native.slot(min(slot_id, SLOTS - 1))
    changes: dict[str, Any] = {"slot_id": slot_id, "side": chance.choice(["LONG", "SHORT"])}
    if action != "ENTER" and slot.trade_id:
        changes |= {"trade_id": slot.trade_id, "side": slot.side.value}
    if action in {"ENTER", "AMEND"}:
        changes["target_size"] = chance.choice(["0.01", "0.0105", "0", "5", "1e-2", 0.02])
        if chance.random() < 0.5:
            changes |= {"order_type": "LIMIT", "limit_price": chance.choice(["59990.0", "60010.0", "0.03"])}
        if chance.random() < 0.2:
            changes["metadata"] = {"b": ["é", 1, None], "a": "line\nfeed"}
        if chance.random() < 0.2:
            changes["exits"] = [
                {"kind": "STOP", "offset": "0.01"},
                {"kind": "TARGET", "limit_price": "61000.0"},
            ]
    if action == "EXIT" and chance.random() < 0.3:
        changes["target_size"] = "0.001"
    return fields(number, action, **changes)


@pytest.mark.parametrize("seed", range(4))
def test_random_intents_come_to_the_same_outcomes_slots_and_state(pair: Pair, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    codes = set()
    for number in range(1, 250):
        if number % 5 == 1:
            bid = Decimal(60000) + chance.randrange(-200, 200) / Decimal(10)
            pair.quote(SYMBOL, str(bid), str(bid + Decimal("0.1")), number)
        codes.add(pair.intent(some_intent(chance, number, pair))["diagnostic_code"])
        if number % 25 == 0:
            pair.same()
    pair.same()
    # What has been compared is more than one refusal.
    assert {"OK", "INVALID_SLOT_ID", "INVALID_INTENT", "SLOT_BUSY"} <= codes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target_size": "NaN"}, "target_size"),
        ({"target_size": [1]}, "target_size"),
        ({"side": "UP"}, "side"),
        ({"intent_id": "x" * 65}, "intent_id"),
        ({"exits": [{"kind": "STOP"}]}, "exits[0].trigger_price"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_an_intent_that_is_none_is_an_invalid_intent_in_both(
    pair: Pair, change: dict[str, Any], field: str
) -> None:
    given = fields(1, "ENTER", target_size="0.01") | change
    said = pair.c.answer("process_intent_json", given)
    native = plain(pair.native.process_intent(given).to_dict())
    assert said["details"]["field"] == field
    for outcome in (said, native):
        # The two show values and reasons in the words of their languages.
        for name in ("value", "reason"):
            assert outcome["details"].pop(name)
    said.pop("effects")
    assert said == native
    pair.same()


def test_account_events_fees_and_overrides_come_to_the_same(pair: Pair) -> None:
    pair.quote(SYMBOL, "60000.0", "60000.1", 1)
    pair.intent(fields(1, "ENTER", target_size="0.01"))
    event = {"kind": "TRANSFER", "timestamp": 2, "asset": "USDT", "amount": "250.5", "venue_txn_id": "w1"}
    account = plain(pair.native.on_account_event(event))
    assert pair.c.answer("on_account_event_json", event)["account"] == account
    sample = {"fill_price": "60000", "fill_qty": "0.01", "actual_fee": "0.31", "asset": SYMBOL}
    calibrated = pair.c.answer("calibrate_fee_json", sample)
    assert calibrated.pop("effects") == []
    assert calibrated == plain(pair.native.calibrate_fee(**sample))
    with pair.native.override(by="ops", reason="a test"):
        pair.native.slot(0).unprotected = True
    said = pair.c.answer("set_slot_json", 0, {"by": "ops", "reason": "a test", "unprotected": True})
    assert said["accepted"]
    pair.same()


def test_marks_time_and_events_by_hand_come_to_the_same(pair: Pair) -> None:
    pair.native.mark_price("ETHUSDT", "3000.01", 5)
    mark = {"asset": "ETHUSDT", "price": "3000.01", "timestamp": 5}
    assert pair.c.answer("mark_price_json", mark)["accepted"]
    native = plain(pair.native.advance_time(10**9).to_dict())
    said = pair.c.answer("advance_time_json", {"timestamp": 10**9})
    assert {**native, "effects": []} == said
    event = {"timestamp": 11, "kind": "FULL_FILL", "venue_order_id": "stranger", "asset": SYMBOL,
             "price": "60000", "size": "0.5", "order_side": "BUY", "venue_trade_id": "x1",
             "raw_payload": {"z": 1, "a": [1, "b"]}, "reason": "?"}  # fmt: skip
    native = plain(pair.native.on_venue_event(VenueEvent(**event)).to_dict())
    said = pair.c.answer("on_venue_event_json", event)
    assert {**native, "effects": []} == said
    pair.same()


def test_slots_known_from_elsewhere_are_taken_over_alike() -> None:
    opening = {
        "balances": {"USDT": "10000"},
        "positions": [{"symbol": SYMBOL, "size": "0.5", "entry_price": "60000"}],
        "timestamp": 1,
    }
    slot = TradeSlot(slot_id=1, trade_id="old", asset=SYMBOL, side="LONG", size="0.5", entry_price="60000")
    native = ExecutionKernel(max_slots=2)
    native.set_exchange_config(EXCHANGE)
    native.open_with(opening)
    config = {
        "max_slots": 2,
        "start_time": 0,
        "venue": "caller",
        "exchange": EXCHANGE,
        "opening_state": opening,
    }
    c = CKernel(config)
    want = plain(native.reconcile_from_slots([slot], by="ops").to_dict())
    said = c.answer("reconcile_slots_json", {"slots": [json.loads(slot.to_json())], "by": "ops"})
    assert {**want, "effects": []} == said
    assert c.answer("snapshot_json") == snapshot_of(native)
    assert c.call("state_hash") == native.state_hash()
    native.close()
    c.close()
