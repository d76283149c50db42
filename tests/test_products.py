"""Inverse contracts, spot, other fee assets and hedge mode, on a venue that keeps a wallet of its own."""

from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, SimulatedVenue
from kernels import ENTER, EXIT, LONG, SHORT, intent

GRID = {"tick_size": "0.1", "lot_step": "0.001"}


def market(
    symbol: str, balances: dict[str, Any], **instrument: Any
) -> tuple[ExecutionKernel, SimulatedVenue]:
    venue = SimulatedVenue(balances=balances)
    kernel = ExecutionKernel(venue=venue)
    kernel.set_exchange_config({"instruments": {symbol: {**GRID, **instrument}}})
    for asset, amount in balances.items():
        kernel.set_seed_capital(amount, asset=asset)
    venue.on_quote(symbol, "60000.0", None, "60000.1", None, 1)
    return kernel, venue


def agree(kernel: ExecutionKernel, venue: SimulatedVenue, *assets: str) -> None:
    accounts = kernel.snapshot()["account"]["assets"]
    for asset in assets:
        assert accounts[asset]["k_capital"] == venue.wallet(asset), asset
        assert accounts[asset]["reconcile_delta"] in {0, None}, asset
    kernel.check_invariants()


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_an_inverse_contract_settles_in_its_base(side: str) -> None:
    kernel, venue = market("BTCUSD", {"BTC": "2"}, inverse=True, lot_step="1", contract_multiplier="100")
    trade = {"asset": "BTCUSD", "side": side}
    kernel.process_intent(intent(ENTER, "i1", target_size="30", **trade))
    slot = kernel.slot(0).snapshot()
    assert (slot.inverse, slot.contract_multiplier, slot.size) == (True, 100, 30)
    assert slot.unrealized_pnl == kernel.slot(0).unrealized_pnl
    kernel.mark_price("BTCUSD", "66000")
    marked = slot.mark_price("66000").unrealized_pnl
    assert marked == kernel.slot(0).unrealized_pnl
    assert (marked > 0) is (side == LONG)
    rebuilt = type(slot)(**{name: value for name, value in slot.to_dict().items() if name != "cost"})
    assert rebuilt.cost == slot.cost
    venue.on_quote("BTCUSD", "66000.0", None, "66000.1", None, 2)
    kernel.process_intent(intent(EXIT, "x1", **trade))
    assert (kernel.slot(0).realized_pnl > 0) is (side == LONG)
    agree(kernel, venue, "BTC")


def test_spot_moves_two_assets_and_pays_its_fee_in_what_it_gets() -> None:
    kernel, venue = market("BTCUSDT", {"USDT": "10000", "BTC": "0"}, product="spot", fee_rounding=(8, "DOWN"))
    kernel.process_intent(intent(ENTER, "i1", target_size="0.1"))
    bought = Decimal("0.1") - Decimal("0.1") * Decimal("0.0005")
    assert venue.wallet("BTC") == bought
    agree(kernel, venue, "BTC", "USDT")


def test_spot_has_no_short_side() -> None:
    kernel, _ = market("BTCUSDT", {"USDT": "10000", "BTC": "0"}, product="spot")
    outcome = kernel.process_intent(intent(ENTER, "i1", side=SHORT))
    assert (outcome.accepted, outcome.details["field"]) == (False, "side")


def test_fees_in_a_third_asset_are_booked_there() -> None:
    kernel, venue = market("BTCUSDT", {"USDT": "10000", "BNB": "5"})
    venue.pay_fees_in("BNB", 600, "0.25")
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.process_intent(intent(EXIT, "x1"))
    assert venue.wallet("BNB") < 5  # type: ignore[operator]
    agree(kernel, venue, "USDT", "BNB")


@pytest.mark.parametrize(
    ("given", "decimals", "direction"),
    [
        ("0.00000001", 8, None),
        (8, 8, None),
        (("0.01", "UP"), 2, "UP"),
        ([4, "HALF_UP"], 4, "HALF_UP"),
        ((2, "DOWN"), 2, "DOWN"),
    ],
)
def test_a_venue_rounds_its_fees_as_it_says(given: Any, decimals: int, direction: str | None) -> None:
    kernel, venue = market("BTCUSDT", {"USDT": "10000"}, fee_rounding=given, taker_rate="0.000333")
    kernel.process_intent(intent(ENTER, "i1", target_size="0.013"))
    paid = kernel.slot(0).fees_paid
    exact = Decimal("0.013") * Decimal("60000.1") * Decimal("0.000333")
    modes = {None: "ROUND_HALF_EVEN", "UP": "ROUND_UP", "DOWN": "ROUND_DOWN", "HALF_UP": "ROUND_HALF_UP"}
    assert paid == exact.quantize(Decimal(1).scaleb(-decimals), rounding=modes[direction])
    agree(kernel, venue, "USDT")


@pytest.mark.parametrize(
    ("instrument", "field"),
    [
        ({"product": "future"},                                    "product"),
        ({"product": "spot", "inverse": True},                     "inverse"),
        ({"inverse": "yes"},                                       "inverse"),
        ({"inverse": True, "settle": "USDT"},                      "settle"),
        ({"fee_rounding": (8, "SIDEWAYS")},                        "fee_rounding"),
        ({"fee_rounding": (8,)},                                   "fee_rounding"),
        ({"fee_rounding": ("0.3", "UP")},                          "fee_rounding"),
        ({"fee_asset": 7},                                         "fee_asset"),
        ({"margin_tiers": 5},                                      "margin_tiers"),
        ({"margin_tiers": [{"notional_floor": 0}]},                "margin_tiers[0].maint_rate"),
        ({"margin_tiers": [{"notional_floor": 0, "maint_rate": "x"}]}, "margin_tiers[0].maint_rate"),
    ],
)  # fmt: skip
def test_an_instrument_that_cannot_be_is_refused_by_name(instrument: dict[str, Any], field: str) -> None:
    kernel = ExecutionKernel()
    with pytest.raises((InvalidInput, InvalidType)) as caught:
        kernel.set_exchange_config({"instruments": {"BTCUSDT": {**GRID, **instrument}}})
    assert caught.value.field == f"instruments.BTCUSDT.{field}"


def test_margin_tiers_liquidate_on_the_simulated_venue() -> None:
    tiers = [{"notional_floor": 0, "maint_rate": "0.004", "max_leverage": 50}]
    venue = SimulatedVenue(balances={"USDT": 100}, liquidation_fee_rate="0.001")
    kernel = ExecutionKernel(venue=venue)
    kernel.set_exchange_config({"instruments": {"BTCUSDT": {**GRID, "leverage": 50, "margin_tiers": tiers}}})
    kernel.set_seed_capital(100)
    venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None, 1)
    assert kernel.process_intent(intent(ENTER, "i1", target_size="0.05")).accepted
    venue.mark("BTCUSDT", "58000")
    assert venue.counters()["liquidations"] == 1
    assert venue.position("BTCUSDT") == (0, 0)


def test_hedge_mode_keeps_two_books_at_both() -> None:
    venue = SimulatedVenue(balances={"USDT": 10_000})
    kernel = ExecutionKernel(venue=venue, hedge_mode=True)
    kernel.set_exchange_config({"instruments": {"BTCUSDT": GRID}})
    kernel.set_seed_capital(10_000)
    venue.on_quote("BTCUSDT", "60000.0", None, "60000.1", None, 1)
    assert kernel.process_intent(intent(ENTER, "i1")).state == "POSITION_OPEN"
    other = kernel.process_intent(
        intent(ENTER, "i2", trade_id="t2", slot_id=1, side=SHORT, target_size="0.02")
    )
    assert other.state == "POSITION_OPEN", other
    assert {row["position_side"]: str(row["size"]) for row in kernel.positions()} == {
        "LONG": "0.010",
        "SHORT": "-0.020",
    }
    agree(kernel, venue, "USDT")
