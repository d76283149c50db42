"""The venues' own worked examples of fees, funding and margin: exact within the tolerance each states."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, KernelEventKind, Liquidity, TradeSide
from fixtures import recorded
from kernels import ENTER, EXIT, LONG, SHORT, event, intent

D = Decimal
Example = dict[str, Any]

LINEAR = {"tick_size": "0.0001", "lot_step": "0.001", "base": "COIN", "quote": "USDT", "settle": "USDT"}
INVERSE = {
    "tick_size": "0.01", "lot_step": "1", "base": "BTC", "quote": "USD", "settle": "BTC", "inverse": True,
}  # fmt: skip
SPOT = {"tick_size": "0.01", "lot_step": "0.00001", "base": "BTC", "quote": "USDT", "product": "spot"}


def desk(instrument: dict[str, Any], **config: Any) -> ExecutionKernel:
    """A kernel that trades X, rich in everything."""
    kernel = ExecutionKernel(max_slots=2)
    # Enough decimals that the venue's rounding does not show, unless an example says how it rounds.
    kernel.set_exchange_config({"fee_rounding": 18, **config, "instruments": {"X": instrument}})
    for asset in {instrument.get("settle", instrument["quote"]), instrument["base"]}:
        kernel.set_seed_capital("1000000", asset)
    return kernel


def filled(
    kernel: ExecutionKernel,
    size: str,
    price: str,
    *,
    side: TradeSide = LONG,
    action: Any = ENTER,
    maker: bool = False,
    name: str = "1",
    timestamp: int = 1,
) -> None:
    """An order for X at its mark, filled at once without a word about its fee."""
    kernel.mark_price("X", price)
    kernel.process_intent(
        intent(action, f"i{name}", asset="X", side=side, target_size=size, reference_price=price)
    )
    order = kernel.orders(live_only=True)[-1]
    reported = event(
        KernelEventKind.FULL_FILL,
        order,
        timestamp=timestamp,
        venue_trade_id=f"T{name}",
        size=size,
        price=price,
        liquidity=Liquidity.MAKER if maker else Liquidity.TAKER,
    )
    assert kernel.on_venue_event(reported).accepted


def fees(kernel: ExecutionKernel) -> dict[str, Decimal]:
    """What was charged, by asset: + a charge."""
    charged = [row for row in kernel.ledger() if row["cause"] == "FEE_PREDICTED"]
    return {row["asset"]: row["amount"] for row in charged}


def linear(inputs: Example, expected: Example, **config: Any) -> None:
    """A fee of a linear contract, in the settlement asset."""
    instrument = {**LINEAR, "contract_multiplier": inputs.get("ctVal", 1), "lot_step": "0.00001"}
    size = inputs.get("contracts", inputs.get("qty"))
    kernel = desk(instrument, taker_rate=inputs["rate"], maker_rate=inputs["rate"], **config)
    filled(kernel, size, inputs["price"], side=SHORT if inputs.get("side") in ("SELL", "sell") else LONG)
    assert fees(kernel) == {"USDT": abs(D(expected["fee"]))}


def inverse(inputs: Example, expected: Example, tolerance: str = "0") -> None:
    """A fee of an inverse contract, in coin."""
    contracts = inputs.get("contracts", inputs.get("contracts_usd"))
    multiplier = inputs.get("contract_size_usd", inputs.get("ctVal_usd", 1))
    kernel = desk({**INVERSE, "contract_multiplier": multiplier}, taker_rate=inputs["rate"])
    filled(kernel, contracts, inputs["price"])
    assert abs(fees(kernel)["BTC"] - D(expected["fee"])) <= D(tolerance)


def rebate(inputs: Example, expected: Example) -> None:
    """A maker is paid: the fee is negative."""
    kernel = desk(INVERSE, taker_rate=inputs["taker"], maker_rate=inputs["maker"])
    filled(kernel, inputs["contracts_usd"], inputs["price"])
    assert fees(kernel) == {"BTC": D(expected["taker_debit"])}
    kernel = desk(INVERSE, taker_rate=inputs["taker"], maker_rate=inputs["maker"])
    filled(kernel, inputs["contracts_usd"], inputs["price"], maker=True)
    assert fees(kernel) == {"BTC": -D(expected["maker_credit"])}


def spot(side: str, *, maker: bool, rates: tuple[str, str], size: str, price: str) -> dict[str, Decimal]:
    """What a spot trade on that side was charged."""
    taker, maker_rate = rates
    kernel = desk(SPOT, taker_rate=taker, maker_rate=maker_rate)
    if side.upper() == "BUY":
        filled(kernel, size, price, maker=maker)
        return fees(kernel)
    # A sale needs something to sell; what buying it cost is of no account here.
    kernel.set_exchange_config({"taker_rate": "0", "maker_rate": "0"})
    filled(kernel, size, price, name="buy")
    kernel.set_exchange_config({"taker_rate": taker, "maker_rate": maker_rate})
    filled(kernel, size, price, action=EXIT, maker=maker, name="sell")
    return fees(kernel)


def spot_fee(inputs: Example, expected: Example) -> None:
    """A spot fee is paid in what is received."""
    charged = spot(
        inputs["side"],
        maker=False,
        rates=(inputs["rate"], inputs["rate"]),
        size=inputs["qty"],
        price=inputs["price"],
    )
    assert charged == {expected["fee_asset"]: D(expected["fee"])}


def spot_asset(inputs: Example, expected: Example) -> None:
    """Which asset a spot fee is paid in, by the sign of the maker's rate."""
    rates = ("0.001", "0.001" if inputs["maker_fee_rate_positive"] else "-0.0005")
    for maker in (True, False) if inputs["is_maker"] is None else (inputs["is_maker"],):
        charged = spot(inputs["side"], maker=maker, rates=rates, size="0.5", price="40000")
        assert set(charged) == {{"base": "BTC", "quote": "USDT"}[expected["fee_currency"]]}


def margin(
    instrument: dict[str, Any], side: TradeSide, size: str, price: str, **config: Any
) -> dict[str, Any]:
    """A position's margin, as the kernel shows it."""
    kernel = desk({**instrument, **config})
    filled(kernel, size, price, side=side)
    (position,) = kernel.positions()
    return position


def tiers(*rows: tuple[str, str]) -> list[dict[str, str]]:
    """Maintenance margin by notional."""
    return [{"notional_floor": floor, "maint_rate": rate} for floor, rate in rows]


BYBIT = {"margin_convention": "bybit", "margin_mode": "isolated"}


def isolated_long(inputs: Example, expected: Example) -> None:
    """Bybit, linear."""
    shown = margin(
        LINEAR, LONG, inputs["qty"], inputs["entry"],
        leverage=inputs["leverage"], margin_tiers=tiers(("0", inputs["mmr"])), **BYBIT,
    )  # fmt: skip
    assert shown["initial_margin"] == D(expected["initial_margin"])
    assert shown["maint_margin"] == D(expected["maintenance_margin"])
    assert shown["liquidation_price"] == D(expected["liq_price"])


def isolated_inverse_short(inputs: Example, expected: Example) -> None:
    """Bybit, inverse."""
    shown = margin(
        INVERSE, SHORT, inputs["contracts_usd"], inputs["entry"],
        leverage=inputs["leverage"], margin_tiers=tiers(("0", inputs["mmr"])), **BYBIT,
    )  # fmt: skip
    assert shown["initial_margin"] == D(expected["initial_margin_btc"])
    assert shown["maint_margin"] == D(expected["maintenance_margin_btc"])
    assert abs(shown["liquidation_price"] - D(expected["liq_price"])) <= D("0.01")


def maintenance_amount(inputs: Example, expected: Example) -> None:
    """Binance: the amount that makes the margin continuous."""
    brackets = tiers(("0", "0.004"), ("50000", inputs["mmr_n_1"]), (inputs["bracket_floor"], inputs["mmr_n"]))
    shown = margin(LINEAR, LONG, "1", "300000", margin_tiers=brackets)
    assert D(300000) * D(inputs["mmr_n"]) - shown["maint_margin"] == D(expected["cum_n"])


def maintenance_in_coin(inputs: Example, expected: Example) -> None:
    """Binance COIN-M."""
    shown = margin(
        INVERSE, LONG, inputs["contracts"], inputs["mark"],
        contract_multiplier=inputs["contract_size_usd"], margin_tiers=tiers(("0", inputs["mmr"])),
    )  # fmt: skip
    assert abs(shown["cost"]) == D(expected["notional_btc"])
    assert shown["maint_margin"] == D(expected["maintenance_margin_btc"])


def position_margin(inputs: Example, expected: Example) -> None:
    """BingX: what it reports has the unrealised loss in it."""
    shown = margin(LINEAR, LONG, inputs["amt"], inputs["avg"], leverage=inputs["lev"], **BYBIT)
    assert shown["initial_margin"] == D(expected["entry_notional/leverage"])
    assert abs(D(inputs["initialMargin"]) - D(inputs["upnl"]) - shown["initial_margin"]) <= D("0.001")


def ledger_chain(inputs: Example, expected: Example) -> None:
    """Bybit's transaction log, row by row: K is its cash balance after each."""
    rows = inputs["entries"]
    kernel = desk({**LINEAR, "lot_step": "1"}, taker_rate="0.0006")
    before = D(inputs["cash_before"].split(" ")[0])
    kernel.set_seed_capital(before, "USDT")
    boundary = int(rows[2]["time"]) * 1_000_000
    filled(kernel, rows[0]["qty"], rows[0]["price"], name="1", timestamp=boundary - 2)
    assert kernel.snapshot()["account"]["k_capital"] == D(rows[0]["cashBalance"])
    kernel.process_intent(
        intent(ENTER, "i2", asset="X", target_size=rows[1]["qty"], slot_id=1, trade_id="t2")
    )
    second = event(
        KernelEventKind.FULL_FILL, kernel.orders(live_only=True)[-1], timestamp=boundary - 1,
        venue_trade_id="T2", size=rows[1]["qty"], price=rows[1]["price"], liquidity="TAKER",
    )  # fmt: skip
    kernel.on_venue_event(second)
    assert kernel.snapshot()["account"]["k_capital"] == D(rows[1]["cashBalance"])
    kernel.on_funding("X", rate=rows[2]["rate"], next_boundary=boundary, mark_price=rows[2]["price"])
    kernel.advance_time(boundary)
    assert kernel.snapshot()["account"]["k_capital"] == D(expected["cash_after"]), "predicted"
    kernel.on_account_event(
        {"kind": "FUNDING_FEE", "timestamp": boundary, "asset": "USDT", "symbol": "X",
         "amount": rows[2]["funding"], "event_id": "f1"}
    )  # fmt: skip
    assert kernel.snapshot()["account"]["k_capital"] == D(expected["cash_after"]), "and settled"


def funding_sign(_: Example, expected: Example) -> None:
    """Bybit's funding is + when received, as ours is; its fees are + when paid, as ours are."""
    assert expected["change"] == "cashFlow + funding - fee"
    kernel = desk(LINEAR)
    for name, amount in (("f1", "-0.5"), ("f2", "0.25")):
        kernel.on_account_event(
            {"kind": "FUNDING_FEE", "timestamp": 1, "asset": "USDT", "amount": amount, "event_id": name}
        )
    assert kernel.snapshot()["account"]["k_funding_net"] == D("-0.25")


def discount_asset(inputs: Example, expected: Example) -> None:
    """Paid in BNB, at its mark, at the effective rate."""
    kernel = desk({**LINEAR, "fee_asset": "BNB"}, taker_rate=expected["effective_rate"])
    kernel.set_exchange_config({"instruments": {"BNBUSDT": {"tick_size": "0.01", "lot_step": "0.01"}}})
    kernel.mark_price("BNBUSDT", "600")
    filled(kernel, "1", "30000")
    assert fees(kernel) == {"BNB": D(30000) * D(inputs["rate"]) * D("0.9") / 600}


def base_rates(_: Example, expected: Example) -> None:
    """What a kernel predicts with when nobody said otherwise."""
    kernel = desk(LINEAR)
    filled(kernel, "1", "1000")
    assert fees(kernel) == {"USDT": D(1000) * D(expected["taker"])}
    kernel = desk(LINEAR)
    filled(kernel, "1", "1000", maker=True)
    assert fees(kernel) == {"USDT": D(1000) * D(expected["maker"])}


def rate_of_placement(_: Example, __: Example) -> None:
    """Bybit charges the rate of when the order was placed; we predict with the newest until it settles."""
    kernel = desk(LINEAR, taker_rate="0.00055")
    kernel.mark_price("X", "1000")
    kernel.process_intent(intent(ENTER, "i", asset="X", target_size="1", reference_price="1000"))
    kernel.set_exchange_config({"taker_rate": "0.0004"})
    order = kernel.orders(live_only=True)[-1]
    kernel.on_venue_event(event(KernelEventKind.FULL_FILL, order, venue_trade_id="T", size="1", price="1000"))
    kernel.on_account_event(
        {"kind": "FILL_SETTLED", "timestamp": 1, "symbol": "X", "venue_trade_id": "T", "fee": "0.55"}
    )
    assert kernel.snapshot()["account"]["k_fees_paid"] == D("0.55")


def rounded(decimals: int, direction: str) -> Callable[[Example, Example], None]:
    """A venue that rounds its fees so."""

    def check(inputs: Example, expected: Example) -> None:
        linear(inputs, expected, fee_rounding=(decimals, direction))

    return check


def coarse(tolerance: str) -> Callable[[Example, Example], None]:
    """The example itself is rounded."""
    return lambda inputs, expected: inverse(inputs, expected, tolerance)


CHECKS: dict[str, Callable[[Example, Example], None]] = {
    "bin-fee-01": linear, "bin-fee-02": linear, "bin-fee-03": coarse("1e-9"), "bin-fee-04": coarse("2e-8"),
    "bin-fee-05": discount_asset, "byb-fee-01": inverse, "byb-fee-02": inverse, "byb-fee-03": linear,
    "byb-fee-04": linear, "byb-fee-05": spot_fee, "byb-fee-06": spot_fee, "byb-fee-07": rebate,
    "okx-fee-01": linear, "okx-fee-02": inverse, "btx-fee-01": base_rates, "byb-liq-01": isolated_long,
    "byb-liq-02": isolated_inverse_short, "bin-mm-01": maintenance_amount, "bin-mm-02": maintenance_in_coin,
    "byb-fund-02": ledger_chain, "byb-rec-05": linear, "byb-rec-06": linear, "okx-rec-05": linear,
    "btx-rec-02": rounded(8, "HALF_UP"), "btx-rec-04": rounded(6, "HALF_UP"), "btx-pos-01": position_margin,
    "byb-spotfeeccy-1": spot_asset, "byb-spotfeeccy-2": spot_asset, "byb-spotfeeccy-3": spot_asset,
    "byb-spotfeeccy-4": spot_asset, "byb-spotfeeccy-5": spot_asset, "byb-spotfeeccy-6": spot_asset,
    "byb-settle-sign": funding_sign, "byb-tier-time": rate_of_placement,
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_a_documented_example_comes_out_as_documented(name: str) -> None:
    examples = {example["id"]: example for example in recorded("worked_examples.json")["examples"]}
    example = examples[name]
    CHECKS[name](example["inputs"], example["expected"])


def test_every_documented_example_is_checked() -> None:
    assert {example["id"] for example in recorded("worked_examples.json")["examples"]} == set(CHECKS)
