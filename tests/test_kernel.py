"""The kernel from outside: whole trades, refusals, controls, threads, the end."""

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    ExecutionKernel,
    InboxFull,
    InvalidInput,
    InvalidType,
    InvariantViolation,
    KernelClosed,
    KernelCommandType,
    KernelError,
    KernelEventKind,
    ManualClock,
    MockVenueAdapter,
    NotYetSupported,
    SimulatedVenue,
    SystemClock,
    TradeStage,
    VenueEvent,
    VenueOrder,
    transition_table,
)
from kernels import CANCEL, CONFIG, ENTER, EXIT, LONG, SHORT, SYMBOL, ack, event, fill, intent, opened, paper


def test_ten_lines_open_enter_exit_and_read() -> None:
    from dita import ExecutionKernel, KernelIntent, SimulatedVenue  # noqa: PLC0415 - the example is whole

    venue = SimulatedVenue(balances={"USDT": "10000"})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital("10000")
        venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None, 1)
        trade = {"trade_id": "t1", "slot_id": 0, "asset": "BTCUSDT", "side": "LONG"}
        kernel.mark_price("BTCUSDT", "60000.1")
        kernel.process_intent(KernelIntent(1, "i1", action="ENTER", target_size="0.01", **trade))
        kernel.process_intent(KernelIntent(2, "i2", action="EXIT", **trade))
        assert kernel.slot(0).fsm_state == TradeStage.CLOSED
        assert kernel.snapshot()["account"]["reconcile_delta"] == 0


def test_a_round_trip_settles_to_the_last_unit() -> None:
    kernel, venue = paper()
    entered = kernel.process_intent(intent(ENTER, "i1"))
    assert (entered.accepted, entered.state, entered.severity) == (True, "POSITION_OPEN", "INFO")
    assert [event.kind for event in entered.emitted_events] == ["ORDER_ACK", "FULL_FILL"]
    assert [change.next_state for change in entered.transitions][-1] == "POSITION_OPEN"
    assert kernel.state.active_trade_index == {"t1": 0}
    left = kernel.process_intent(intent(EXIT, "i2"))
    assert left.state == "CLOSED"
    slot = kernel.slot(0).snapshot()
    assert (slot.entry_price, slot.realized_pnl, slot.close_reason) == (
        Decimal("60000.1"),
        Decimal("-0.001"),
        "EXIT",
    )
    account = kernel.snapshot()["account"]
    assert account["k_capital"] == account["e_wallet_balance"] == venue.wallet("USDT")
    assert account["k_capital"] == Decimal(10_000) - Decimal("0.001") - slot.fees_paid
    assert (account["reconcile_delta"], account["reconcile_status"], account["reconcile_causes"]) == (
        0,
        "OK",
        [],
    )
    assert kernel.state.active_trade_index == kernel.state.client_order_index == {}
    kernel.check_invariants()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"partial_fill_rate": 1, "seed": 7},
        {"slippage_bps": "3"},
        {"slippage_bps": "1.5", "partial_fill_rate": "0.5", "fee_in_fill": False, "seed": 3},
        {"latency_ms": 5},
        {"reject_rate": "0.2", "fill_rate": "0.8", "seed": 11},
    ],
)
def test_k_equals_e_after_many_trades(options: dict[str, Any]) -> None:
    kernel, venue = paper(**options)
    for n in range(60):
        side = LONG if n % 2 else SHORT
        now = 1 + n * 100_000_000
        for action in (ENTER, EXIT):
            kernel.process_intent(
                intent(action, f"{action}{n}", trade_id=f"t{n}", side=side, timestamp=now, slot_id=0)
            )
            kernel.advance_time(now := now + 10_000_000)
            venue.on_quote(SYMBOL, f"{60000 + n}.0", None, f"{60000 + n}.3", None, now)
        while not kernel.slot(0).is_free():
            kernel.process_intent(intent(EXIT, f"again{now}", trade_id=f"t{n}", side=side, timestamp=now))
            kernel.advance_time(now := now + 10_000_000)
    kernel.check_invariants()
    account = kernel.snapshot()["account"]
    assert account["k_capital"] == venue.wallet("USDT")
    assert account["reconcile_delta"] == 0


# ------------------------------------------------------------------------------------------------ bad input

BAD_INTENTS = [
    #  changes                                             code                 field or limit
    ({"slot_id": 99},                                      "INVALID_SLOT_ID",   "slot_id"),
    ({"slot_id": -1},                                      "INVALID_SLOT_ID",   "slot_id"),
    ({"intent_id": ""},                                    "INVALID_INTENT",    "intent_id"),
    ({"trade_id": ""},                                     "INVALID_INTENT",    "trade_id"),
    ({"asset": "NOPE"},                                    "INVALID_INTENT",    "asset"),
    ({"side": "FLAT"},                                     "INVALID_INTENT",    "side"),
    ({"target_size": None},                                "INVALID_INTENT",    "target_size"),
    ({"target_size": "-0.01"},                             "INVALID_INTENT",    "target_size"),
    ({"target_size": 0},                                   "INVALID_INTENT",    "target_size"),
    ({"target_size": "0.0004"},                            "BELOW_FLOOR",       "target_size"),
    ({"target_size": "1e15"},                              "PRECISION",         "target_size"),
    ({"reference_price": 0},                               "INVALID_INTENT",    "reference_price"),
    ({"order_type": "LIMIT"},                              "INVALID_INTENT",    "limit_price"),
    ({"order_type": "LIMIT", "limit_price": 0},            "INVALID_INTENT",    "limit_price"),
    ({"order_type": "LIMIT", "limit_price": -1},           "INVALID_INTENT",    "limit_price"),
    ({"limit_price": "60000"},                             "INVALID_INTENT",    "limit_price"),
    ({"exit_leg_ratios": ("0.5", "0.4")},                  "INVALID_INTENT",    "exit_leg_ratios"),
    ({"exit_leg_ratios": ("1.5", "-0.5")},                 "INVALID_INTENT",    "exit_leg_ratios"),
    ({"leverage": 0},                                      "INVALID_INTENT",    "leverage"),
    ({"action": "EXIT"},                                   "NO_POSITION",       None),
    ({"action": "CANCEL"},                                 "NO_ACTIVE_ORDER",   None),
    ({"action": "AMEND"},                                  "NO_ACTIVE_ORDER",   None),
    ({"order_type": "STOP_MARKET"},                        "INVALID_INTENT",    "trigger_price"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "field"), BAD_INTENTS)
def test_a_refused_intent_changes_nothing(changes: dict[str, Any], code: str, field: str | None) -> None:
    kernel, venue = paper()
    before = kernel.state_hash()
    outcome = kernel.process_intent(intent(ENTER, "bad").replace(**changes))
    assert (outcome.accepted, outcome.diagnostic_code) == (False, code)
    assert outcome.details.get("field") == field
    assert outcome.severity in {"WARNING", "ERROR"}
    assert (kernel.state_hash(), venue.counters()["orders"]) == (before, 0)
    assert kernel.process_intent(intent(ENTER, "bad", trade_id="t2")).accepted, (
        "a refused id is not remembered"
    )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"target_size": float("nan")}, InvalidInput),
        ({"target_size": float("inf")}, InvalidInput),
        ({"reference_price": Decimal("NaN")}, InvalidInput),
        ({"target_size": "lots"}, InvalidInput),
        ({"target_size": [1]}, InvalidType),
        ({"target_size": True}, InvalidType),
        ({"trade_id": "x" * 65}, InvalidInput),
        ({"trade_id": 7}, InvalidType),
        ({"side": "UP"}, InvalidInput),
        ({"slot_id": "0"}, InvalidType),
        ({"timestamp": datetime(2024, 1, 1)}, InvalidInput),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_what_is_no_intent_is_an_exception_with_field_and_value(
    changes: dict[str, Any], error: type[KernelError]
) -> None:
    ((field, value),) = changes.items()
    with pytest.raises(error) as caught:
        intent(ENTER, "i1", **changes)
    assert isinstance(caught.value, (InvalidInput, InvalidType))
    assert (caught.value.field, caught.value.value is value) == (field, True)


def test_a_busy_slot_and_the_opposite_side_are_refused() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    before = kernel.state_hash()
    again = kernel.process_intent(intent(ENTER, "i2", trade_id="t2"))
    other = kernel.process_intent(intent(ENTER, "i3", trade_id="t3", slot_id=1, side=SHORT))
    wrong = kernel.process_intent(intent(EXIT, "i4", trade_id="t9"))
    assert [o.diagnostic_code for o in (again, other, wrong)] == [
        "SLOT_BUSY",
        "OPPOSITE_SIDE",
        "INVALID_INTENT",
    ]
    assert kernel.state_hash() == before


def test_an_intent_that_comes_again_does_nothing_again() -> None:
    kernel, venue = paper()
    first = kernel.process_intent(intent(ENTER, "i1"))
    before = kernel.state_hash()
    again = kernel.process_intent(intent(ENTER, "i1"))
    assert (again.accepted, again.diagnostic_code) == (True, "DUPLICATE_INTENT")
    assert again.details["venue_client_id"] == first.details["venue_client_id"]
    assert (kernel.state_hash(), venue.counters()["orders"]) == (before, 1)


def test_before_any_capital_nothing_is_traded() -> None:
    kernel = ExecutionKernel(venue=SimulatedVenue({"USDT": 1}))
    kernel.set_exchange_config(CONFIG)
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "NOT_OPENED"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda k: k.mark_price(SYMBOL, float("nan")), "price"),
        (lambda k: k.mark_price("x" * 65, 1), "asset"),
        (lambda k: k.mark_price(SYMBOL, 1, datetime(2024, 1, 1)), "timestamp"),  # noqa: DTZ001
        (lambda k: k.advance_time(-5), "timestamp"),
        (lambda k: k.advance_time("now"), "timestamp"),
        (lambda k: k.set_seed_capital(-1), "capital"),
        (lambda k: k.set_seed_capital(1, asset=""), "asset"),
        (lambda k: k.set_exchange_config({"takr_rate": 1}), "takr_rate"),
        (lambda k: k.set_exchange_config({"instruments": {"X": {"tic": 1}}}), "instruments.X.tic"),
        (lambda k: k.set_exchange_config({"instruments": {"XUSDT": {}}}), "instruments.XUSDT.tick_size"),
        (
            lambda k: k.set_exchange_config({"instruments": {"X-P": {"tick_size": 1, "lot_step": 1}}}),
            "instruments.X-P.quote",
        ),
        (
            lambda k: k.set_exchange_config({"instruments": {"XUSD": {"tick_size": -1, "lot_step": 1}}}),
            "instruments.XUSD.tick_size",
        ),
        (lambda k: k.set_exchange_config({"fee_rounding": "0.3"}), f"instruments.{SYMBOL}.fee_rounding"),
        (lambda k: k.on_account_event({"kind": "TRANSFER", "timestamp": 1, "asset": "USDT"}), "amount"),
        (lambda k: k.on_account_event({"kind": "TRANSFER", "timestamp": 1, "asst": "USDT"}), "asst"),
        (lambda k: k.slot(10), "slot_id"),
        (lambda k: k.slot(-1), "slot_id"),
        (lambda k: k.calibrate_fee(1, 1, "no"), "actual_fee"),
        (lambda k: k.calibrate_fee(1, 1, 1, asset="NOPE"), "asset"),
        (lambda k: k.update_control(ControlUpdate(limits={"max_order_notional": -1})), "max_order_notional"),
        (lambda k: k.update_control(ControlUpdate(limits={"max_orders": 1})), "max_orders"),
        (lambda k: k.venue.on_quote(SYMBOL, "2", None, "1", None), "bid"),
        (lambda k: k.venue.on_quote("NOPE", "1", None, "1", None), "symbol"),
        (lambda k: k.venue.on_depth(SYMBOL, [("1.05", "1")], []), "bids.price"),
    ],
)
def test_a_setting_that_cannot_be_is_an_exception_and_changes_nothing(call: Any, field: str) -> None:
    kernel, _ = paper()
    before = kernel.state_hash()
    with pytest.raises((InvalidInput, InvalidType)) as caught:
        call(kernel)
    assert caught.value.field == field
    assert kernel.state_hash() == before


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"max_slots": 0}, "max_slots"),
        ({"max_slots": "10"}, "max_slots"),
        ({"inbox_max": 0}, "inbox_max"),
        ({"remembered_orders": -1}, "remembered_orders"),
        ({"instance_nonce": 1 << 40}, "instance_nonce"),
        ({"venue": object()}, "venue"),
        ({"clock": 5}, "clock"),
        ({"venue": SimulatedVenue(fill_rate=2)}, "fill_rate"),
        ({"venue": SimulatedVenue({"USDT": float("nan")})}, "balances"),
    ],
)
def test_a_kernel_that_cannot_be_is_not_opened(options: dict[str, Any], field: str) -> None:
    with pytest.raises((InvalidInput, InvalidType)) as caught:
        ExecutionKernel(**options)
    assert caught.value.field == field


def test_what_is_no_input_is_named() -> None:
    kernel, _ = paper()
    calls: list[tuple[Any, str]] = [
        (lambda: kernel.process_intent(5), "intent"),  # type: ignore[arg-type]
        (lambda: kernel.on_venue_event({}), "event"),  # type: ignore[arg-type]
        (lambda: kernel.on_account_event([]), "event"),  # type: ignore[arg-type]
        (lambda: kernel.update_control({}), "update"),  # type: ignore[arg-type]
        (lambda: kernel.slot("a"), "slot_id"),  # type: ignore[arg-type]
        (lambda: kernel.ledger(-1), "limit"),
        (lambda: kernel.calibrate_fee(1, 1, 1, liquidity="x"), "liquidity"),
    ]
    for call, field in calls:
        with pytest.raises((InvalidInput, InvalidType)) as caught:
            call()
        assert caught.value.field == field


def test_a_mark_that_cannot_be_is_refused() -> None:
    kernel, _ = paper()
    before = kernel.state_hash()
    for asset, price, field in ((SYMBOL, 0, "price"), (SYMBOL, -1, "price"), ("NOPE", 1, "asset")):
        outcome = kernel.mark_price(asset, price)
        assert (outcome.accepted, outcome.details["field"]) == (False, field)
    assert kernel.state_hash() == before


def test_kernel_time_runs_forward_and_venue_time_may_not() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order)]), clock=ManualClock(100))
    kernel.advance_time(500)
    with pytest.raises(InvalidInput, match="499"):
        kernel.advance_time(499)
    sent = kernel.process_intent(intent(ENTER, "i1", timestamp=600))
    late = fill(kernel.orders()[0]).replace(timestamp=7)
    assert (sent.state, kernel.on_venue_event(late).diagnostic_code, kernel.now_ns) == (
        "ENTRY_WORKING",
        "OK",
        600,
    )


def test_a_kernel_on_the_systems_clock_is_not_driven() -> None:
    kernel = opened(clock=SystemClock())
    assert kernel.now_ns > 1_600_000_000_000_000_000
    with pytest.raises(InvalidInput, match="ahead of the machine's clock"):
        kernel.advance_time(datetime(2200, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="forward only"):
        kernel.advance_time(1)


def test_an_adapter_that_is_live_brings_the_systems_clock() -> None:
    class Live(MockVenueAdapter):
        live = True
        real_money = False

    assert opened(Live()).now_ns > 1_600_000_000_000_000_000
    assert opened(MockVenueAdapter()).now_ns == 0


def test_an_event_of_an_unknown_order_changes_nothing_or_is_held() -> None:
    kernel = opened(MockVenueAdapter())
    before = kernel.state_hash()
    assert (
        kernel.on_venue_event(event(KernelEventKind.ORDER_ACK, "nobody")).diagnostic_code == "UNKNOWN_ORDER"
    )
    assert kernel.state_hash() == before
    manual = VenueEvent(
        timestamp=1,
        kind=KernelEventKind.FULL_FILL,
        asset=SYMBOL,
        order_side="BUY",
        venue_trade_id="m1",
        size="0.5",
        price="60000",
        venue_order_id="theirs",
    )
    assert kernel.on_venue_event(manual).diagnostic_code == "UNKNOWN_ORDER"
    assert [(row["symbol"], row["size"]) for row in kernel.unassigned()] == [(SYMBOL, Decimal("0.5"))]
    assert kernel.positions()[0]["entry_price"] == 60000
    kernel.check_invariants()


# ------------------------------------------------------------------------------------------ life of orders


def test_an_exit_ladder_goes_leg_by_leg() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1", exit_leg_ratios=("0.5", "0.3", "0.2")))
    slot = kernel.slot(0)
    seen = []
    for n in range(3):
        seen.append((slot.next_exit_ratio(), slot.active_leg_index))
        kernel.process_intent(intent(EXIT, f"x{n}"))
        seen.append((slot.size, slot.fsm_state))
    assert seen == [
        (Decimal("0.5"), 0), (Decimal("0.005"), "POSITION_OPEN"),
        (Decimal("0.3"), 1), (Decimal("0.002"), "POSITION_OPEN"),
        (Decimal("0.2"), 2), (Decimal(0), "CLOSED"),
    ]  # fmt: skip


def test_an_exit_of_a_size_takes_that_size() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(intent(EXIT, "x1", target_size="0.003"))
    assert kernel.slot(0).size == Decimal("0.007")
    kernel.process_intent(intent(EXIT, "x2", target_size=5))
    assert (kernel.slot(0).size, kernel.slot(0).close_reason) == (0, "EXIT")


def test_a_resting_entry_is_canceled() -> None:
    kernel, venue = paper()
    entered = kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="59000"))
    assert (entered.state, venue.counters()["fills"]) == ("ENTRY_WORKING", 0)
    client_id = entered.details["venue_client_id"]
    assert kernel.state.client_order_index == {client_id: 0}
    assert kernel.state.venue_order_index == {kernel.order(client_id).venue_order_id: 0}  # type: ignore[union-attr]
    canceled = kernel.process_intent(intent(CANCEL, "c1"))
    assert (canceled.state, kernel.slot(0).close_reason) == ("CLOSED", "CANCELED")
    order = kernel.order(client_id)
    assert order is not None
    assert (order.status, order.remaining_size) == ("CANCELED", 0)


def test_leverage_is_set_first_and_never_while_exposed() -> None:
    venue = MockVenueAdapter(submit=lambda order: [ack(order), fill(order)])
    kernel = opened(venue)
    kernel.process_intent(intent(ENTER, "i1", leverage=5))
    assert [call.method for call in venue.calls] == ["set_leverage", "submit"]
    assert venue.calls[0].arguments == (SYMBOL, Decimal(5))
    refused = kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1, leverage=7))
    assert refused.diagnostic_code == "RISK_BLOCKED"
    assert refused.details == {"limit": "leverage_change_while_exposed", "value": "5", "attempt": "7"}


def test_a_leverage_that_the_venue_sets_later_releases_the_entry() -> None:
    class Later(MockVenueAdapter):
        def set_leverage(self, symbol: str, leverage: Decimal) -> None:
            raise RuntimeError(f"no {leverage} for {symbol}")

    kernel = opened(Later())
    outcome = kernel.process_intent(intent(ENTER, "i1", leverage=5))
    assert (outcome.accepted, outcome.diagnostic_code, outcome.state) == (True, "VENUE_REJECTED", "CLOSED")
    assert outcome.details["method"] == "set_leverage"
    assert isinstance(outcome.details["adapter_error"], RuntimeError)


# ------------------------------------------------------------------------------------------------ controls


def test_gates_hold_back_entries_and_let_exits_through() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    for n, (change, code) in enumerate(
        [
            ({"gate": "HALTED"}, "CONTROL_HALTED"),
            ({"gate": "REDUCE_ONLY"}, "REDUCE_ONLY"),
            ({"frozen": True}, "FROZEN"),
        ]
    ):
        kernel.update_control(ControlUpdate(gate="NORMAL", frozen=False))
        control = kernel.update_control(ControlUpdate(updated_by="ops", **change))
        assert (control.updated_by, control.version) == ("ops", 2 * n + 2)
        before = kernel.state_hash()
        outcome = kernel.process_intent(intent(ENTER, f"e{n}", trade_id=f"n{n}", slot_id=1))
        assert (outcome.diagnostic_code, kernel.state_hash()) == (code, before)
    assert kernel.process_intent(intent(EXIT, "x")).state == "CLOSED"


@pytest.mark.parametrize(
    ("limits", "changes", "details"),
    [
        ({"max_order_notional": "500"}, {}, ("max_order_notional", "500", "600")),
        ({"max_total_notional": "500.5"}, {}, ("max_total_notional", "500.5", "600")),
        ({"max_leverage": 3}, {"leverage": 4}, ("max_leverage", "3", "4")),
        ({"max_open_slots": 0}, {}, ("max_open_slots", "0", "1")),
        (
            {"price_collar": "0.01"},
            {"order_type": "LIMIT", "limit_price": "61200"},
            ("price_collar", "0.01", "0.02"),
        ),
    ],
)
def test_a_limit_names_itself_its_value_and_the_attempt(
    limits: dict[str, Any], changes: dict[str, Any], details: tuple[str, str, str]
) -> None:
    kernel, _ = paper()
    kernel.mark_price(SYMBOL, 60000)
    kernel.update_control(ControlUpdate(limits=limits))
    before = kernel.state_hash()
    outcome = kernel.process_intent(intent(ENTER, "i1", **changes))
    assert (outcome.diagnostic_code, outcome.severity) == ("RISK_BLOCKED", "WARNING")
    assert outcome.details == dict(zip(("limit", "value", "attempt"), details, strict=True))
    assert kernel.state_hash() == before
    kernel.update_control(ControlUpdate(limits=dict.fromkeys(limits)))
    assert kernel.process_intent(intent(ENTER, "i1", **changes)).accepted


def test_the_mode_changes_only_when_flat() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    with pytest.raises(InvalidInput) as caught:
        kernel.update_control(ControlUpdate(mode="SHADOW"))
    assert (caught.value.field, kernel.control.mode) == ("mode", "PAPER")
    kernel.process_intent(intent(EXIT, "i2"))
    assert kernel.update_control(ControlUpdate(mode="SHADOW")).mode == "SHADOW"


# ------------------------------------------------------------------------------------------------ threads


def test_two_threads_share_one_kernel() -> None:
    kernel, venue = paper()
    start = threading.Barrier(2)
    failures: list[object] = []

    def trade(slot_id: int) -> None:
        start.wait()
        for n in range(200):
            for action in (ENTER, EXIT):
                name = f"{action}-{slot_id}-{n}"
                outcome = kernel.process_intent(
                    intent(action, name, trade_id=f"t{slot_id}-{n}", slot_id=slot_id)
                )
                if not outcome.accepted:
                    failures.append(outcome)

    threads = [threading.Thread(target=trade, args=(slot_id,)) for slot_id in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert venue.counters()["fills"] == 800
    kernel.check_invariants()
    assert kernel.snapshot()["account"]["reconcile_delta"] == 0


def test_an_intent_of_another_thread_waits_for_the_drain() -> None:
    asked, go_on = threading.Event(), threading.Event()
    outcomes: dict[str, Any] = {}

    def submit(order: Any) -> list[VenueEvent]:
        if order.internal_trade_id == "t1":
            asked.set()
            assert go_on.wait(30)
        return [ack(order), fill(order)]

    kernel = opened(MockVenueAdapter(submit=submit))

    def send(name: str, slot_id: int) -> None:
        outcomes[name] = kernel.process_intent(intent(ENTER, name, trade_id=name, slot_id=slot_id))

    first = threading.Thread(target=send, args=("t1", 0))
    first.start()
    assert asked.wait(30)
    assert kernel.slot(0).fsm_state == "ORDER_SENT", "the kernel is readable while the adapter runs"
    second = threading.Thread(target=send, args=("t2", 1))
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "t1": "POSITION_OPEN",
        "t2": "POSITION_OPEN",
    }


def test_the_inbox_is_bounded() -> None:
    kernel: ExecutionKernel
    full: list[BaseException] = []

    def submit(order: Any) -> list[VenueEvent]:
        try:
            for _ in range(3):
                kernel.on_venue_event(ack(order))
        except InboxFull as error:
            full.append(error)
        return []

    kernel = opened(MockVenueAdapter(submit=submit), inbox_max=2)
    kernel.process_intent(intent(ENTER, "i1"))
    assert len(full) == 1
    assert "inbox_max" in str(full[0])
    assert kernel.slot(0).fsm_state == "ENTRY_WORKING"


# ------------------------------------------------------------------------------------------------ reads


def test_the_snapshot_has_what_its_contract_names() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.mark_price(SYMBOL, "60100")
    snapshot = kernel.snapshot()
    wanted = {
        "capital", "equity", "realized_pnl", "unrealized_pnl", "open_positions", "open_notional", "leverage",
        "k_capital", "k_realized_pnl", "k_fees_paid", "k_funding_net", "e_wallet_balance",
        "e_available_margin", "e_used_margin", "e_maint_margin", "available_capital", "reconcile_status",
        "reconcile_delta", "reconcile_explanation", "reconcile_causes", "event_seq",
    }  # fmt: skip
    account = snapshot["account"]
    assert wanted <= set(account)
    assert wanted <= set(account["assets"]["USDT"])
    assert (account["open_positions"], account["open_notional"], account["unrealized_pnl"]) == (
        1,
        601,
        Decimal("0.999"),
    )
    assert account["equity"] == account["k_capital"] + account["unrealized_pnl"]
    assert account["available_capital"] == account["k_capital"] - 601
    assert account["event_seq"] == kernel.seq
    assert len(snapshot["slots"]) == 10
    assert snapshot["control"]["gate"] == "NORMAL"


def test_the_ledger_tells_where_the_money_went() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(intent(EXIT, "i2"))
    rows = kernel.ledger()
    assert [row["cause"] for row in rows] == ["SEED", "FEE", "REALIZED_PNL", "FEE"]
    assert (rows[0]["from"], rows[0]["to"], rows[0]["amount"]) == ("CAPITAL", "WALLET", 10_000)
    assert [row["number"] for row in kernel.ledger(2)] == [3, 4]
    assert len(kernel.ledger(trade_id="t1")) == 3


def test_account_events_move_k() -> None:
    kernel = opened(MockVenueAdapter())
    state = kernel.on_account_event(
        {"kind": "TRANSFER", "timestamp": 1, "asset": "USDT", "amount": "-100", "venue_txn_id": "w1"}
    )
    again = kernel.on_account_event(
        {"kind": "TRANSFER", "timestamp": 2, "asset": "USDT", "amount": "-100", "venue_txn_id": "w1"}
    )
    assert state["k_capital"] == again["k_capital"] == 9900
    state = kernel.on_account_event(
        {
            "kind": "ACCOUNT_UPDATE",
            "timestamp": 3,
            "asset": "USDT",
            "wallet_balance": "9899",
            "available_margin": 5,
        }
    )
    assert (state["reconcile_delta"], state["reconcile_status"], state["available_capital"]) == (
        -1,
        "WARN",
        5,
    )
    assert state["reconcile_causes"] == [
        {"cause": "UNEXPLAINED", "amount": Decimal(-1), "proof": "PROVEN", "references": []}
    ]


def test_a_reported_position_stands_beside_the_booked_one() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    assert (kernel.positions()[0]["reported_size"], kernel.positions()[0]["difference"]) == (None, None)
    reported = {
        "kind": "POSITION_UPDATE",
        "timestamp": 1,
        "symbol": SYMBOL,
        "size": "0.03",
        "entry_price": 60_000,
    }
    kernel.on_account_event(reported)
    (position,) = kernel.positions()
    assert [str(position[name]) for name in ("size", "reported_size", "difference")] == [
        "0.010",
        "0.030",
        "0.020",
    ]
    kernel.on_account_event({**reported, "timestamp": 2, "size": "0.01"})
    assert kernel.positions()[0]["difference"] == 0


def test_a_fee_is_calibrated() -> None:
    kernel, _ = paper()
    good = kernel.calibrate_fee("60000", "0.01", "0.3")
    assert (good["expected_fee"], good["ratio"], good["calibration_status"]) == (Decimal("0.3"), 1, "OK")
    bad = kernel.calibrate_fee(60000, 0.01, 0.33)
    assert (bad["deviation_pct"], bad["calibration_status"], bad["calibration_samples"]) == (10, "ERROR", 2)
    assert bad["calibration_ratio"] == Decimal("1.01")
    assert kernel.calibrate_fee(60000, "0.01", "0.12", liquidity="MAKER")["calibration_samples"] == 1
    assert good["why"] == "AS_PREDICTED"
    for fee, why, rate in (
        ("0.12", "MAKER_NOT_TAKER", "0.0002"),
        ("0.24", "OTHER_TIER", "0.0004"),
        (-1, "REBATE", None),
    ):
        read = kernel.calibrate_fee(60000, "0.01", fee)
        assert (read["why"], rate is None or read["implied_rate"] == Decimal(rate)) == (why, True), fee
    assert (read["configured_rate"], read["rate_changes"]) == (Decimal("0.0005"), [])


def test_a_second_configuration_changes_rates() -> None:
    kernel, _ = paper()
    kernel.set_exchange_config({"taker_rate": "0.001"})
    assert kernel.calibrate_fee(60000, "0.01", "0.6")["ratio"] == 1
    kernel.process_intent(intent(ENTER, "i1"))
    assert kernel.slot(0).fees_paid == Decimal("0.600001")
    assert kernel.snapshot()["account"]["reconcile_delta"] == 0


def test_the_transition_table_is_whole() -> None:
    table = transition_table()
    assert len({(stage, symbol) for stage, symbol, *_ in table}) == len(table) == 9 * 35
    assert {verdict for _, _, verdict, _, _ in table} == {"GO", "IGNORE", "REFUSE"}
    assert table[0] == ("IDLE", "ENTER", "GO", "ORDER_REQUESTED", 0)


def test_what_is_not_supported_yet_says_so() -> None:
    kernel, _ = paper()
    calls: list[Any] = [
        lambda: ExecutionKernel(account=kernel.account),
    ]
    for call in calls:
        with pytest.raises(NotYetSupported):
            call()


# ------------------------------------------------------------------------------------------------ the end


def test_a_closed_kernel_says_so() -> None:
    kernel, venue = paper()
    view = kernel.slot(0)
    kernel.close()
    kernel.close()
    assert kernel.closed
    for call in (
        lambda: kernel.process_intent(intent(ENTER, "i1")),
        lambda: kernel.process_intents([intent(ENTER, "i1")]),
        lambda: kernel.on_venue_event(event(KernelEventKind.ORDER_ACK, "x")),
        lambda: kernel.mark_price(SYMBOL, 1),
        lambda: kernel.advance_time(5),
        lambda: kernel.snapshot(),
        lambda: kernel.state_hash(),
        lambda: view.size,
        lambda: venue.on_quote(SYMBOL, 1, None, 2, None),
        lambda: kernel.update_control(ControlUpdate(frozen=True)) and kernel.control,
    ):
        with pytest.raises(KernelClosed):
            call()


def test_a_kernel_that_nobody_holds_is_gone() -> None:
    kernel, venue = paper()
    gone = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert gone() is None
    assert venue.wallet("USDT") == 10_000


def test_a_venue_belongs_to_one_kernel() -> None:
    _, venue = paper()
    with pytest.raises(InvalidInput, match="another kernel"):
        ExecutionKernel(venue=venue)
    with pytest.raises(InvalidInput, match="ExecutionKernel"):
        SimulatedVenue().wallet("USDT")


def test_the_import_is_light() -> None:
    program = "import dita, sys; print('dita._kernel' in sys.modules, 'decimal' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "False False\n"


def test_every_public_name_is_there() -> None:
    import dita  # noqa: PLC0415 - looks at the module itself

    assert all(getattr(dita, name) is not None for name in dita.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        dita.nope  # noqa: B018
    assert issubclass(InvariantViolation, KernelError)


def test_limits_changed_one_after_the_other_within_a_drain_all_stand() -> None:
    class Cautious(MockVenueAdapter):
        def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
            kernel.update_control(ControlUpdate(limits={"max_order_notional": "1000"}))
            kernel.update_control(ControlUpdate(limits={"max_leverage": "3"}))
            return super().submit(order)

    kernel = opened(Cautious())
    kernel.process_intent(intent(ENTER, "i1"))
    limits = kernel.control.limits
    assert (limits["max_order_notional"], limits["max_leverage"]) == (Decimal(1000), Decimal(3))


def test_a_time_that_reads_the_kernel_while_it_is_shown_in_an_error_does_not_hang() -> None:
    class Curious(int):
        def __repr__(self) -> str:
            return f"Curious, at seq {kernel.seq}"

    kernel = opened()
    kernel.advance_time(100)
    with pytest.raises(InvalidInput, match="Curious, at seq"):
        kernel.advance_time(Curious(5))


def test_an_order_that_is_done_for_day_lives_on_with_its_leaves() -> None:
    kernel = opened()
    kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="60000"))
    (order,) = kernel.orders()
    kernel.on_venue_event(event(KernelEventKind.DONE_FOR_DAY, order, remaining_size="0.01"))
    (order,) = kernel.orders()
    assert (order.status, order.remaining_size, order.is_live()) == ("DONE_FOR_DAY", Decimal("0.01"), True)
    assert kernel.snapshot()["account"]["reserved_notional"] == 600
    kernel.on_venue_event(event(KernelEventKind.EXPIRED, order))
    (order,) = kernel.orders()
    assert (order.status, order.remaining_size, order.is_live()) == ("EXPIRED", 0, False)
    assert kernel.snapshot()["account"]["reserved_notional"] == 0


def test_a_pending_cancel_is_pending_until_it_is_answered_though_the_order_fills() -> None:
    kernel = opened()
    kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="60000"))
    (order,) = kernel.orders()
    kernel.process_intent(intent(CANCEL, "i2"))
    kernel.on_venue_event(event(KernelEventKind.CANCEL_PENDING, order))
    kernel.on_venue_event(fill(order))
    (order,) = kernel.orders()
    assert (order.status, order.remaining_size, order.is_live()) == ("PENDING_CANCEL", 0, False)
    assert kernel.slot(0).fsm_state == "POSITION_OPEN"
    kernel.on_venue_event(event(KernelEventKind.CANCEL_REJECT, order, reason_code="ALREADY_FILLED"))
    assert kernel.orders()[0].status == "FILLED"


def test_a_filled_order_is_amended_up_if_the_venue_does_it() -> None:
    kernel = opened()
    kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="60000"))
    (order,) = kernel.orders()
    kernel.on_venue_event(fill(order))
    asked = kernel.process_intent(intent(KernelCommandType.AMEND, "i2", target_size="0.02"))
    assert (asked.accepted, asked.state) == (True, "POSITION_OPEN")
    kernel.on_venue_event(event(KernelEventKind.AMEND_PENDING, order))
    assert kernel.orders()[0].status == "PENDING_REPLACE"
    kernel.on_venue_event(event(KernelEventKind.AMEND_ACK, order, order_size="0.02"))
    (order,) = kernel.orders()
    assert (order.status, order.remaining_size) == ("PARTIALLY_FILLED", Decimal("0.01"))
    assert kernel.slot(0).fsm_state == "ENTRY_WORKING"
