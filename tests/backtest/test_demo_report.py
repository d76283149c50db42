"""The report: the same exact figures for people and for machines."""

import json
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

import pytest

from dita.backtest.demo_report import DemoReport, Trade, as_json, as_text, latency_us, moment, plain
from dita.precision import plain as money

START_NS = 1_723_161_255_088_169_167


class Colour(StrEnum):
    """Stands for an enumeration of the kernel."""

    RED = "RED"


TRADE = Trade(
    trade_id="t1",
    side="LONG",
    entry_kind="taker",
    entered_ns=START_NS,
    left_ns=START_NS + 10**9,
    size=Decimal("0.016"),
    entry_price=Decimal("61800.30"),
    exit_price=Decimal("61810.3"),
    fees=Decimal("0.98"),
    funding=Decimal("0E-18"),
    realized_pnl=Decimal("0.160"),
)

REPORT = DemoReport(
    market_name="capture.jsonl.gz",
    market_kind="real",
    symbol="BTCUSDT",
    asset="USDT",
    seed=1,
    capital=Decimal(10_000),
    trades=(TRADE, replace(TRADE, trade_id="t2", exit_price=None)),
    trades_shown=1,
    unfilled_entries=3,
    refusals={"SLOT_BUSY": 2},
    events=1_000,
    start_ns=START_NS,
    end_ns=START_NS + 344 * 10**9,
    elapsed_ns=5 * 10**8,
    intent_ns=[3_000, 1_000, 2_000],
    account={
        "k_capital": Decimal("9999.180000000000000000"),
        "e_wallet_balance": Decimal("9999.17"),
        "k_fees_paid": Decimal("1.96"),
        "k_funding_net": Decimal("0E-18"),
        "k_realized_pnl": Decimal("0.32"),
        "reconcile_delta": Decimal("-0.01"),
        "reconcile_status": "WARN",
        "margin_status": "MARGIN_CALL",
        "assumed_tiers": ("BTCUSDT",),
        "reconcile_causes": [{"cause": "rounding", "amount": Decimal("-0.01"), "proof": "PRESUMED"}],
    },
    positions=[],
)


def test_json_is_one_object_with_sorted_keys_and_money_as_text() -> None:
    text = as_json(REPORT)
    content = json.loads(text)

    assert text.endswith("}\n")
    assert list(content) == sorted(content)
    assert content["trades"] == 2
    assert [trade["trade_id"] for trade in content["trade_list"]] == ["t2"]
    assert content["trade_list"][0]["net_pnl"] == "-0.82"
    assert (content["k_capital"], content["e_wallet_balance"]) == ("9999.18", "9999.17")
    assert (content["reconcile_delta"], content["funding"], content["fees"]) == ("-0.01", "0", "1.96")
    assert content["reconcile_causes"] == [{"amount": "-0.01", "cause": "rounding", "proof": "PRESUMED"}]
    assert content["latency_us"] == {"p50": 2.0, "p99": 3.0, "p999": 3.0, "max": 3.0}
    assert content["throughput"] == {"events_per_s": 2000.0, "trades_per_s": 4.0}
    assert content["market"]["start"] == "2024-08-08T23:54:15.088169Z"


def test_text_tells_a_trader_what_happened() -> None:
    text = as_text(REPORT)
    for expected in (
        "capture.jsonl.gz (recorded at a venue)",
        "Last 1 of 2 trades",
        "3 resting entries were taken back unfilled",
        "2 intents refused: SLOT_BUSY",
        "Net       -1.64 USDT on 10000",
        "Delta     -0.01 USDT  E - K, status WARN",
        "cause rounding, amount -0.01, proof PRESUMED",
        "Margin    MARGIN_CALL, by an assumed tier: BTCUSDT",
        "Positions none, everything is closed",
        "p50 2.0, p99 3.0",
    ):
        assert expected in text


def test_a_generated_market_is_never_shown_as_a_real_one() -> None:
    text = as_text(replace(REPORT, market_kind="synthetic", trades=(), intent_ns=[]))
    assert "SYNTHETIC: made by DITA, no real market" in text
    assert "recorded at a venue" not in text
    assert "No trade was finished." in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0E-18", "0"),
        ("-0.00", "0"),
        ("10000", "10000"),
        ("1E+3", "1000"),
        ("-1.500", "-1.5"),
        ("0.1", "0.1"),
    ],
)
def test_money_is_exact_and_without_exponent(value: str, text: str) -> None:
    assert money(Decimal(value)) == text


def test_percentiles_are_by_nearest_rank() -> None:
    assert latency_us([n * 1_000 for n in range(1, 1_001)]) == {
        "p50": 500.0,
        "p99": 990.0,
        "p999": 999.0,
        "max": 1000.0,
    }
    assert latency_us([])["p50"] is None


def test_plain_values_keep_decimals_exact_and_refuse_floats() -> None:
    assert plain({"a": [Decimal("1.10"), Colour.RED, None, 3]}) == {"a": ["1.1", "RED", None, 3]}
    with pytest.raises(TypeError, match=r"float: 1\.5"):
        plain(1.5)


def test_moments_are_utc() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
