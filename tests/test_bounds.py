"""What a venue bounds of orders beside grid and minimums: market size, price band, open orders."""

from decimal import Decimal
from typing import Any

import pytest

from clusters import eventually
from dita import ControlUpdate, ExecutionKernel, ExitSpec, InvalidInput, MarketLimits, SimulatedVenue
from dita.venues.small import rules_of
from kernels import CANCEL, ENTER, EXIT, SYMBOL, intent

BOUNDS: dict[str, Any] = {
    "market_max_qty": "2",
    "price_band": ("0.95", "1.05"),
    "max_open_orders": 5,
    "max_open_stops": 10,
}


def bounded(**changes: Any) -> tuple[ExecutionKernel, SimulatedVenue]:
    """A kernel on the simulated venue, both of them with bounds."""
    venue = SimulatedVenue(balances={"USDT": "10000000"})
    kernel = ExecutionKernel(venue=venue, max_slots=10)
    kernel.set_exchange_config(
        {
            "instruments": {
                SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "max_qty": "1000", **BOUNDS, **changes}
            }
        }
    )
    kernel.set_seed_capital("10000000")
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    return kernel, venue


def flat(venue: SimulatedVenue) -> bool:
    """Whether the venue itself holds nothing."""
    held = venue.position(SYMBOL)
    return held is not None and held[0] == 0


def test_limits_say_what_they_were_given() -> None:
    limits = MarketLimits(SYMBOL, **BOUNDS)
    assert limits.market_max_qty == Decimal(2)
    assert limits.price_band == (Decimal("0.95"), Decimal("1.05"))
    assert (limits.max_open_orders, limits.max_open_stops) == (5, 10)
    assert limits == MarketLimits(SYMBOL, **{**BOUNDS, "price_band": "0.05"})
    assert "market_max_qty=Decimal('2')" in repr(limits)
    nothing = MarketLimits(SYMBOL)
    assert nothing.market_max_qty is None
    assert nothing.price_band is None
    assert nothing.max_open_orders is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("market_max_qty", 0),
        ("market_max_qty", "NaN"),
        ("price_band", ("0.95",)),
        ("price_band", ("1.01", "1.05")),
        ("price_band", ("0.9", "0.99")),
        ("price_band", ("-0.1", 2)),
        ("price_band", "1.5"),
        ("price_band", -1),
        ("max_open_orders", 0),
        ("max_open_orders", -1),
        ("max_open_stops", 1 << 40),
    ],
)
def test_a_bound_that_cannot_be_is_refused_with_field_and_value(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        MarketLimits(SYMBOL, **{field: value})
    assert refused.value.field == field
    kernel = ExecutionKernel()
    with pytest.raises(InvalidInput, match=field):
        kernel.set_exchange_config(
            {"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", field: value}}}
        )


@pytest.mark.parametrize(
    ("side", "price", "size", "rejects"),
    [
        ("SELL", None,    "2",    ()),
        ("SELL", None,    "2.1",  ("ABOVE_MARKET_MAX_QTY",)),
        ("SELL", None,    "9",    ("ABOVE_MAX_QTY", "ABOVE_MARKET_MAX_QTY")),
        ("SELL", "100",   "3",    ()),
        ("BUY",  "105.1", "1",    ("OUTSIDE_PRICE_BAND",)),
        ("BUY",  "50",    "1",    ()),
        ("SELL", "94.9",  "1",    ("OUTSIDE_PRICE_BAND",)),
    ],
)  # fmt: skip
def test_an_order_is_judged_by_the_bounds(
    side: str, price: str | None, size: str, rejects: tuple[str, ...]
) -> None:
    limits = MarketLimits("X", tick_size="0.1", lot_step="0.1", max_qty=5, **BOUNDS)
    assert limits.round_order(side, price, size, mark=100).rejects == rejects
    without = tuple(name for name in rejects if name != "OUTSIDE_PRICE_BAND")
    assert limits.round_order(side, price, size).rejects == without


def test_a_kernel_shows_the_bounds_and_changes_them() -> None:
    kernel, _ = bounded()
    shown = kernel.instrument(SYMBOL)
    assert {name: shown[name] for name in BOUNDS} == {
        **BOUNDS,
        "market_max_qty": Decimal(2),
        "price_band": (Decimal("0.95"), Decimal("1.05")),
    }
    kernel.set_exchange_config({"instruments": {SYMBOL: {"market_max_qty": None, "price_band": None}}})
    assert kernel.instrument(SYMBOL)["market_max_qty"] is None
    assert kernel.instrument(SYMBOL)["max_open_orders"] == 5


def test_limits_are_taken_as_an_instruments_configuration() -> None:
    limits = MarketLimits(SYMBOL, tick_size="0.1", lot_step="0.001", **BOUNDS)
    with ExecutionKernel() as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: limits}})
        shown = kernel.instrument(SYMBOL)
        assert {name: shown[name] for name in BOUNDS} == {name: getattr(limits, name) for name in BOUNDS}
    assert rules_of({SYMBOL: limits})[SYMBOL]["price_band"] == limits.price_band


def test_an_exit_above_the_largest_market_order_closes_the_position_in_parts() -> None:
    kernel, venue = bounded()
    with kernel:
        entered = kernel.process_intent(
            intent(ENTER, "e", target_size="7", order_type="LIMIT", limit_price="60100")
        )
        assert entered.accepted
        assert kernel.slot(0).size == 7
        left = kernel.process_intent(intent(EXIT, "x"))
        assert (left.accepted, str(left.state)) == (True, "CLOSED")
        exits = [order for order in kernel.orders() if order.intent_id == "x"]
        assert [order.intended_size for order in exits] == [2, 2, 2, 1]
        assert all(order.reduce_only and str(order.status) == "FILLED" for order in exits)
        assert flat(venue)
        kernel.check_invariants()


def test_an_entry_above_the_largest_market_order_is_refused_and_changes_nothing() -> None:
    kernel, _ = bounded()
    with kernel:
        before = kernel.state_hash()
        refused = kernel.process_intent(intent(ENTER, "e", target_size="2.1"))
        assert str(refused.diagnostic_code) == "INVALID_INTENT"
        assert refused.details["field"] == "target_size"
        assert "market_max_qty" in str(refused.details)
        assert kernel.state_hash() == before


def test_an_entry_outside_the_band_is_refused_by_name() -> None:
    kernel, _ = bounded()
    with kernel:
        refused = kernel.process_intent(
            intent(ENTER, "e", target_size="1", order_type="LIMIT", limit_price="63000.1")
        )
        assert str(refused.diagnostic_code) == "RISK_BLOCKED"
        assert refused.details["limit"] == "price_band"


def test_entries_leave_room_for_exits_and_stops() -> None:
    kernel, _ = bounded()
    with kernel:
        for slot in range(4):
            resting = intent(
                ENTER, f"e{slot}", trade_id=f"t{slot}", slot_id=slot, order_type="LIMIT", limit_price="50000"
            )
            assert kernel.process_intent(resting).accepted
        refused = kernel.process_intent(
            intent(ENTER, "e4", trade_id="t4", slot_id=4, order_type="LIMIT", limit_price="50000")
        )
        assert str(refused.diagnostic_code) == "RISK_BLOCKED"
        assert refused.details["limit"] == "max_open_orders"


def test_an_attached_stop_covers_a_position_in_parts_and_closes_it() -> None:
    kernel, venue = bounded(max_open_orders=None)
    with kernel:
        entered = kernel.process_intent(
            intent(
                ENTER, "e", target_size="5", order_type="LIMIT", limit_price="60100",
                exits=[ExitSpec("STOP", trigger_price="59000")],
            )
        )  # fmt: skip
        assert entered.accepted
        stops = kernel.slot(0).exit_orders
        assert [order.intended_size for order in stops] == [2, 2, 1]
        assert not kernel.slot(0).unprotected
        venue.on_quote(SYMBOL, "58999.9", None, "59000.0", None, 3)
        assert str(kernel.slot(0).fsm_state) == "CLOSED"
        assert flat(venue)


def test_a_cancel_takes_all_the_parts_of_an_exit_back() -> None:
    kernel, _ = bounded()
    with kernel:
        kernel.process_intent(intent(ENTER, "e", target_size="5", order_type="LIMIT", limit_price="60100"))
        stop = intent(EXIT, "x", order_type="STOP_MARKET", trigger_price="59000")
        assert kernel.process_intent(stop).accepted
        assert len(kernel.slot(0).exit_orders) == 3
        assert kernel.process_intent(intent(CANCEL, "c")).accepted
        assert [str(order.status) for order in kernel.orders() if order.intent_id == "x"] == ["CANCELED"] * 3
        assert str(kernel.slot(0).fsm_state) == "POSITION_OPEN"


def test_flatten_leaves_a_position_above_the_largest_market_order() -> None:
    kernel, venue = bounded()
    with kernel:
        kernel.process_intent(intent(ENTER, "e", target_size="7", order_type="LIMIT", limit_price="60100"))
        kernel.update_control(ControlUpdate(flatten=True, updated_by="ops"))
        eventually(lambda: not kernel.health()["flattening"])
        assert str(kernel.slot(0).fsm_state) == "CLOSED"
        assert flat(venue)
        sold = [order.intended_size for order in kernel.orders() if str(order.order_side) == "SELL"]
        assert sold == [2, 2, 2, 1]


def test_bounds_outlive_the_process(tmp_path: Any) -> None:
    def opened() -> ExecutionKernel:
        return ExecutionKernel(log_dir=tmp_path / "log")

    with opened() as kernel:
        kernel.set_exchange_config(
            {"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", **BOUNDS}}}
        )
        kernel.set_seed_capital("1000")
        before = kernel.state_hash()
    with opened() as kernel:
        assert kernel.state_hash() == before
        assert kernel.instrument(SYMBOL)["market_max_qty"] == 2
