"""`MarketLimits.round_order`: by hand, and on recorded instruments."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import InvalidInput, MarketLimits

FIXTURES = Path(__file__).resolve().parents[2] / "shared" / "fixtures" / "precision"


def recorded(name: str) -> Any:
    path = FIXTURES / name
    if not path.is_file():
        pytest.skip(f"the recorded cases {name} are not beside the repository (../shared/fixtures/precision)")
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_recorded_case_is_rounded_exactly() -> None:
    cases = recorded("order_precision_cases.json")["cases"]
    assert len(cases) == 290
    for case in cases:
        limits = MarketLimits(
            case["id"],
            tick_size=case["tick"],
            lot_step=case["step"],
            min_qty=case["min_qty"],
            max_qty=case["max_qty"],
            min_notional=case["min_notional"],
            max_price=case.get("max_price"),
            contract_multiplier=case["contract_size"] or 1,
            inverse=case["linear"] is False,
        )
        nearest = limits.round_order("SELL", case["price_in"], case["qty_in"], price_rounding="NEAREST")
        assert nearest.price == Decimal(case["price_nearest"]), case
        assert nearest.size == Decimal(case["qty_floor"]), case
        assert nearest.notional == Decimal(case["notional"]), case
        assert set(nearest.rejects) == set(case["reject"]), case
        assert limits.round_order("BUY", case["price_in"], 1).price == Decimal(case["price_floor"]), case


def test_ccxts_tick_size_cases_agree() -> None:
    cases = [
        case
        for case in recorded("ccxt_decimal_to_precision.json")["cases"]
        if case["counting"] == "TICK_SIZE" and case["padding"] == "NO_PADDING" and Decimal(case["input"]) >= 0
    ]
    assert cases
    for case in cases:
        limits = MarketLimits("X", tick_size=case["precision"])
        rounding = {"ROUND": "NEAREST", "TRUNCATE": "FLOOR"}[case["rounding"]]
        rounded = limits.round_order("BUY", case["input"], 1, price_rounding=rounding)
        assert rounded.price == Decimal(case["expected"]), case


@pytest.mark.parametrize(
    ("side", "price", "size", "price_out", "size_out", "rejects"),
    [
        ("BUY", "100.19", "0.29", "100.1", "0.29", ()),
        ("SELL", "100.11", "0.299", "100.2", "0.29", ()),
        ("BUY", None, "0.299", None, "0.29", ()),
        ("BUY", "100", "0.009", "100", "0", ("QTY_TRUNCATES_TO_ZERO",)),
        ("BUY", "100", "0.01", "100", "0.01", ("BELOW_MIN_NOTIONAL",)),
        ("SELL", "1000.01", "1", "1000.1", "1", ("ABOVE_MAX_PRICE",)),
        ("BUY", "0.05", "1", "0", "1", ("PRICE_TRUNCATES_TO_ZERO", "BELOW_MIN_NOTIONAL")),
    ],
)
def test_orders_are_rounded_and_judged(
    side: str,
    price: str | None,
    size: str,
    price_out: str | None,
    size_out: str,
    rejects: tuple[str, ...],
) -> None:
    limits = MarketLimits("X", tick_size="0.1", lot_step="0.01", min_notional=5, max_price=1000)
    rounded = limits.round_order(side, price, size)
    assert rounded.price == (None if price_out is None else Decimal(price_out))
    assert (rounded.size, rounded.rejects) == (Decimal(size_out), rejects)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tick_size": 0}, "tick_size"),
        ({"lot_step": "-1"}, "lot_step"),
        ({"min_qty": "nan"}, "min_qty"),
        ({"tick": 1}, "tick"),
        ({"contract_multiplier": 0}, "contract_multiplier"),
    ],
)
def test_a_bad_limit_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        MarketLimits("X", **fields)
    assert caught.value.field == field


def test_more_digits_than_fit_are_refused() -> None:
    limits = MarketLimits("X")
    with pytest.raises(InvalidInput, match="28 digits"):
        limits.round_order("BUY", "1.234567890123456789", "1.234567890123456789")
    with pytest.raises(InvalidInput, match="price_rounding"):
        limits.round_order("BUY", 1, 1, price_rounding="UP")
