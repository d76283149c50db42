"""`dita.compat.ditav2`: the older system's programs, as they were written."""

import importlib
import json
from decimal import Decimal
from typing import Any

import pytest

import dita
from dita import ControlUpdate, InvalidInput, KernelIntent, VenueEvent
from dita.compat import ditav2
from dita.compat.ditav2 import AccountProjection, ExecutionKernel, MockVenueAdapter, VenueOrder, json_safe

FLAT = {
    "taker_rate": 0.0005, "maker_rate": 0.0002, "lot_step": 0.001, "tick_size": 0.1,
    "funding_interval_secs": 28800,
}  # fmt: skip


def intent(action: str = "ENTER", name: str = "i1", **changes: Any) -> KernelIntent:
    fields: dict[str, Any] = {
        "timestamp": 1, "intent_id": name, "trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT",
        "side": "LONG", "action": action, "reference_price": "60000",
    }  # fmt: skip
    if action == "ENTER":
        fields["target_size"] = "0.01"
    return KernelIntent(**{**fields, **changes})


def test_a_kernel_without_arguments_has_every_plane_and_trades() -> None:
    with ExecutionKernel() as kernel:
        planes = (kernel.venue, kernel.journal, kernel.projection, kernel.zinc_plane, kernel.control_plane)
        assert None not in planes
        assert kernel.account.snapshot.capital == 25_000
        entered = kernel.process_intent(intent())
        assert (entered.accepted, entered.state) == (True, "POSITION_OPEN")
        left = kernel.process_intent(intent("EXIT", "x1", reference_price="61000"))
        assert left.state == "CLOSED"
        account = kernel.account.snapshot
        assert (account.realized_pnl, account.capital) == (10, 25_010 - account.fees_paid)
        assert kernel.zinc_plane.read_slot(0).fsm_state == "CLOSED"
        assert kernel.projection.slots[0].fsm_state == "CLOSED"


def test_flat_keys_are_any_assets_rules_and_the_account_is_the_programs() -> None:
    account = AccountProjection(1_000)
    kernel = ExecutionKernel(account=account)
    kernel.set_exchange_config(FLAT)
    assert kernel.process_intent(intent(asset="ETHUSDT", reference_price="3000")).state == "POSITION_OPEN"
    assert kernel.account is account
    assert account.snapshot.capital == 1_000 - account.snapshot.fees_paid
    assert kernel.instrument("ETHUSDT")["lot_step"] == Decimal("0.001")
    kernel.set_seed_capital(500)
    assert account.snapshot.capital == 500 - account.snapshot.fees_paid


def test_settle_moves_capital_alone_and_at_a_kernel_and_never_at_a_live_venue() -> None:
    account = AccountProjection(1_000)
    assert account.settle("12.5").capital == Decimal("1012.5")
    kernel = ExecutionKernel(account=account)
    kernel.process_intent(intent())
    before = account.snapshot.capital
    assert account.settle(-5).capital == before - 5
    assert account.settle() == account.snapshot

    class Live(MockVenueAdapter):
        live = True
        real_money = False

    with ExecutionKernel(venue=Live()) as live:
        live.open_with({"balances": {"USDT": "10"}})
        live.snapshot()
        with pytest.raises(InvalidInput, match="pnl: 5 is not booked by hand"):
            live.account.settle(5)
        assert live.account.snapshot.capital == 10


def test_an_account_alone_observes_slots() -> None:
    slots = [
        dita.TradeSlot(slot_id=0, asset="X", side="LONG", size=2, entry_price=100, unrealized_pnl=6),
        dita.TradeSlot(slot_id=1, asset="Y", side="SHORT", size=1, entry_price=50, unrealized_pnl=-1),
        dita.TradeSlot(slot_id=2),
    ]  # fmt: skip
    seen = AccountProjection(1_000).observe_slots(slots)
    assert (seen.open_positions, seen.unrealized_pnl, seen.equity) == (2, 5, 1_005)
    assert seen.open_notional == 206 + 51


def test_a_slot_is_written_without_a_block_and_the_log_says_who() -> None:
    with ExecutionKernel() as kernel:
        kernel.process_intent(intent(exit_leg_ratios=("0.5", "0.5")))
        slot = kernel.slot(0)
        slot.consume_exit_leg()
        assert slot.size == Decimal("0.005")
        slot.metadata = {"tag": 1}
        assert kernel.state.slots[0].metadata == {"tag": 1}
        with pytest.raises(AttributeError, match="follows from the rest"):
            slot.fsm_state = "CLOSED"  # type: ignore[misc]
        with kernel.override(by="ops", reason="by hand"):
            slot.leverage = 3  # type: ignore[assignment, misc]
        assert slot.leverage == 3


def test_an_order_that_the_kernel_knows_is_attached_to_a_trade() -> None:
    with ExecutionKernel() as kernel:
        kernel.set_exchange_config({**FLAT, "instruments": {"BTCUSDT": {}}})
        resting = {"symbol": "BTCUSDT", "order_side": "SELL", "size": "0.01", "price": "70000"}
        order = {**resting, "order_type": "LIMIT", "venue_order_id": "V1", "venue_client_id": "mine"}
        kernel.open_with({"balances": {"USDT": "10000"}, "orders": [order]})
        assert kernel.process_intent(intent()).state == "POSITION_OPEN"
        order_of_it = VenueOrder("t1", "V1", "mine", "LONG", "0.01")
        with pytest.raises(InvalidInput, match="mine is still at work"):
            kernel.slot(0).attach_exit_order(order_of_it)
        sold = {"venue_client_id": "mine", "order_side": "SELL", "size": "0.01", "price": "70000"}
        kernel.on_venue_event(VenueEvent(2, kind="FULL_FILL", venue_trade_id="f9", **sold))
        kernel.slot(0).attach_exit_order(order_of_it)
        assert (kernel.slot(0).size, kernel.slot(0).realized_pnl) == (0, 100)


def test_slots_of_another_kernel_are_taken_by_a_fresh_one() -> None:
    with ExecutionKernel() as old, ExecutionKernel() as new:
        old.process_intent(intent(asset="AAPL", side="SHORT", reference_price="200", target_size=3))
        assert new.reconcile_from_slots([old.slot(0).snapshot()]).accepted
        assert (new.slot(0).size, new.slot(0).side, new.account.snapshot.open_positions) == (3, "SHORT", 1)
        left = new.process_intent(intent("EXIT", "x", asset="AAPL", side="SHORT", reference_price="190"))
        assert (left.state, new.account.snapshot.realized_pnl) == ("CLOSED", 30)


def test_an_account_event_takes_the_kernels_time() -> None:
    with ExecutionKernel() as kernel:
        state = kernel.on_account_event({"kind": "TRANSFER", "asset": "USDT", "amount": 5})
        assert state["k_capital"] == 25_005


class OldVenue:
    """An adapter as the older system had them: `submit` takes the intent, events name no order."""

    def __init__(self) -> None:
        self.got: list[KernelIntent] = []

    def submit(self, intent: KernelIntent) -> list[VenueEvent]:
        self.got.append(intent)
        size, price = intent.target_size, intent.reference_price
        return [
            VenueEvent(1, kind="ORDER_ACK", venue_order_id="V1"),
            VenueEvent(1, kind="FULL_FILL", venue_trade_id="f1", size=size, price=price),
        ]

    def cancel(self, order: dita.VenueOrder, reason: str) -> list[VenueEvent]:
        return []


def test_an_adapter_whose_submit_names_an_intent_gets_it() -> None:
    venue = OldVenue()
    with ExecutionKernel(venue=venue) as kernel:
        assert kernel.process_intent(intent()).state == "POSITION_OPEN"
        assert [one.intent_id for one in venue.got] == ["i1"]
        assert kernel.venue is venue


def test_the_journal_follows_the_switch() -> None:
    with ExecutionKernel() as kernel:
        kernel.process_intent(intent())
        assert kernel.journal.records == []
        kernel.update_control(ControlUpdate(debug_clickhouse_enabled=True, updated_by="ops"))
        kernel.process_intent(intent("EXIT", "x1"))
        assert kernel.journal.records[-1].transition.next_state == "CLOSED"


def test_orders_take_their_fields_alone_and_anything_is_json() -> None:
    order = VenueOrder("t1", "v1", "c1", "SHORT", "1.5")
    assert (order.order_side, order.intended_size, order.asset) == ("SELL", Decimal("1.5"), "")
    assert ditav2.TradeSlot(slot_id=0).is_free()
    with ExecutionKernel() as kernel:
        kernel.process_intent(intent())
        said = json.loads(json.dumps(json_safe(kernel.snapshot())))
        assert said["slots"][0]["fsm_state"] == "POSITION_OPEN"
        assert json_safe(kernel.account.snapshot)["capital"] == str(kernel.account.snapshot.capital)


def test_a_log_that_is_opened_again_gets_no_second_capital(tmp_path: Any) -> None:
    for _ in range(2):
        with ExecutionKernel(log_dir=tmp_path / "log") as kernel:
            kernel.on_account_event({"kind": "TRANSFER", "asset": "USDT", "amount": 5})
            capital = kernel.account.snapshot.capital
    assert capital == 25_010


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("account", "AccountProjection"), ("account", "AccountSnapshot"), ("mock_venue", "MockVenueAdapter"),
        ("venue", "VenueAdapter"), ("zinc_plane", "InMemoryZincPlane"), ("utils", "json_safe"),
    ],
)  # fmt: skip
def test_the_older_modules_are_there(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(f"dita.compat.ditav2.{module}"), name)
