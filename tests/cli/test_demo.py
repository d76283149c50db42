"""The demonstration end to end, on the real kernel and the paper venue."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.cli import main


def demo(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["demo", "--json", *arguments]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def assert_accounts_agree(report: dict[str, Any]) -> None:
    """K = E to the last unit, nothing open, and K follows from the totals."""
    assert report["k_capital"] == report["e_wallet_balance"]
    assert (report["reconcile_delta"], report["reconcile_status"]) == ("0", "OK")
    assert report["positions"] == []
    assert report["refusals"] == {}
    parts = [Decimal(report[name]) for name in ("capital", "realized_pnl", "funding")]
    assert sum(parts) - Decimal(report["fees"]) == Decimal(report["k_capital"])


def without_timings(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key not in {"latency_us", "throughput"}}


def test_the_bundled_market_is_labelled_and_the_accounts_agree(capsys: pytest.CaptureFixture[str]) -> None:
    report = demo(capsys, "--max-trades", "40")
    assert report["market"]["kind"] == "synthetic"
    assert report["trades"] == 40
    assert_accounts_agree(report)


def test_the_same_seed_gives_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--max-trades", "20", "--seed", "5")
    assert without_timings(demo(capsys, *arguments)) == without_timings(demo(capsys, *arguments))


def test_a_recorded_book_gives_at_least_fifty_trades(
    btcusdt_capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = demo(capsys, "--data", str(btcusdt_capture))
    assert report["trades"] >= 50
    assert {trade["entry_kind"] for trade in report["trade_list"]} == {"maker", "taker"}
    assert_accounts_agree(report)


def test_a_month_of_bars_gives_a_few_hundred_trades(
    btc_perp_bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = demo(capsys, "--data", str(btc_perp_bars))
    assert 200 <= report["trades"] <= 1_000
    assert_accounts_agree(report)


def test_capital_that_buys_no_lot_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--capital", "1"]) == 1
    assert "give a larger --capital" in capsys.readouterr().err


def test_the_report_for_people_has_the_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--max-trades", "3"]) == 0
    text = capsys.readouterr().out
    assert "SYNTHETIC" in text
    assert "Delta     0 USD  E - K, status OK" in text
