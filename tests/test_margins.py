"""Guards on the paper venue as it comes: marks, capital, losses, margin."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    ExecutionKernel,
    InvalidInput,
    InvalidType,
    KernelOutcome,
    SimulatedVenue,
    SystemClock,
)
from kernels import CANCEL, CONFIG, ENTER, EXIT, SYMBOL, intent, opened, paper

D = Decimal


def desk(
    wallet: str = "10000",
    *,
    liquidation: bool | None = None,
    log_dir: Path | None = None,
    **instrument: Any,
) -> tuple[ExecutionKernel, SimulatedVenue]:
    """A paper venue with all its defaults and one instrument without fees, before the first quote."""
    options = {} if liquidation is None else {"liquidation": liquidation}
    venue = SimulatedVenue(balances={"USDT": wallet}, **options)
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir)
    rules = {"tick_size": "0.1", "lot_step": "0.001", "taker_rate": 0, "maker_rate": 0, **instrument}
    kernel.set_exchange_config({"instruments": {SYMBOL: rules}})
    kernel.set_seed_capital(wallet)
    return kernel, venue


def quote(venue: SimulatedVenue, price: str) -> None:
    venue.on_quote(SYMBOL, price, None, price, None)


def blocked(outcome: KernelOutcome) -> tuple[bool, str, Any]:
    return outcome.accepted, str(outcome.diagnostic_code), outcome.details.get("limit")


def test_a_price_that_the_strategy_names_lets_nothing_through() -> None:
    kernel, venue = desk("100000")
    quote(venue, "60000")
    kernel.update_control(ControlUpdate(limits={"max_order_notional": 5000}))
    outcome = kernel.process_intent(intent(ENTER, "i1", target_size="0.5", reference_price="600"))
    assert blocked(outcome) == (False, "RISK_BLOCKED", "max_order_notional")
    assert outcome.details["attempt"] == "30000"


def test_a_daily_loss_that_is_not_realised_is_seen() -> None:
    kernel, venue = desk()
    quote(venue, "60000")
    kernel.update_control(ControlUpdate(limits={"max_daily_loss": 100}))
    assert kernel.process_intent(intent(ENTER, "i1", target_size="0.1")).accepted
    resting = intent(
        ENTER, "i2", trade_id="t2", slot_id=1, target_size="0.01", order_type="LIMIT", limit_price="50000"
    )
    assert kernel.process_intent(resting).accepted
    quote(venue, "55000")
    assert kernel.slot(1).fsm_state == "CLOSED"
    assert venue.counters()["cancels"] == 1
    outcome = kernel.process_intent(intent(ENTER, "i3", trade_id="t3", slot_id=2))
    assert blocked(outcome) == (False, "RISK_BLOCKED", "max_daily_loss")
    assert kernel.process_intent(intent(EXIT, "x1")).state == "CLOSED"


def test_ten_thousand_do_not_open_three_hundred_thousand() -> None:
    kernel, venue = desk()
    quote(venue, "60000")
    outcome = kernel.process_intent(intent(ENTER, "i1", target_size="5"))
    assert blocked(outcome) == (False, "RISK_BLOCKED", "available_capital")
    assert (outcome.details["value"], outcome.details["attempt"]) == ("10000", "300000")
    assert venue.counters()["orders"] == 0


def test_a_losing_account_says_so_and_has_less_to_trade_with() -> None:
    kernel, venue = desk(leverage=10)
    quote(venue, "60000")
    assert kernel.process_intent(intent(ENTER, "i1", target_size="1")).accepted
    before = kernel.snapshot()["account"]
    assert (before["margin_status"], before["available_capital"]) == ("OK", D(4000))
    assert before["assumed_tiers"] == (SYMBOL,)
    quote(venue, "58000")
    assert kernel.snapshot()["account"]["available_capital"] == D(2200)
    quote(venue, "50360")  # equity 360, and 251.8 must be held
    account = kernel.snapshot()["account"]
    assert (account["equity"], account["maint_margin"]) == (D(360), D("251.8"))
    assert account["margin_status"] == "MARGIN_CALL"
    assert account["available_capital"] < 0
    assert kernel.health()["margin_status"] == {"USDT": "MARGIN_CALL"}
    assert kernel.health()["assumed_tiers"] == [SYMBOL]
    quote(venue, "45000")
    assert venue.counters()["liquidations"] == 1
    assert kernel.positions() == []
    assert kernel.snapshot()["account"]["equity"] == 0


def test_an_account_without_liquidation_is_underwater() -> None:
    kernel, venue = desk(liquidation=False, leverage=10)
    quote(venue, "60000")
    assert kernel.process_intent(intent(ENTER, "i1", target_size="1.5")).state == "POSITION_OPEN"
    quote(venue, "45000")
    account = kernel.snapshot()["account"]
    assert (account["equity"], account["margin_status"]) == (D(-12500), "UNDERWATER")
    assert account["available_capital"] < 0
    assert not kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1)).accepted


def test_without_a_mark_no_entry_passes_and_an_exit_does() -> None:
    kernel = opened(mark=None)
    outcome = kernel.process_intent(intent(ENTER, "i1", reference_price="60000"))
    assert (outcome.accepted, outcome.diagnostic_code) == (False, "NO_MARK")
    kernel, venue = paper(quotes_set_marks=False)
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "NO_MARK"
    venue.mark(SYMBOL, "60000")
    assert kernel.process_intent(intent(ENTER, "i1")).accepted


def test_with_the_machine_s_clock_an_old_mark_is_none() -> None:
    kernel = opened(mark=None, clock=SystemClock())
    kernel.mark_price(SYMBOL, "60000", 1)  # told decades ago
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert blocked(outcome) == (False, "NO_MARK", "max_mark_age")
    kernel.mark_price(SYMBOL, "60000")
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    assert kernel.process_intent(intent(CANCEL, "c1")).accepted
    driven = opened(mark=None)
    driven.mark_price(SYMBOL, "60000", 1)
    driven.advance_time(10**18)
    assert driven.process_intent(intent(ENTER, "i1")).accepted


@pytest.mark.parametrize(
    ("convention", "mode", "last", "first"),
    [
        ("binance", "cross", "556", "555"),
        ("binance", "isolated", "556", "555"),
        ("bybit", "cross", "601", "600"),
        ("bybit", "isolated", "601", "600"),
    ],
)
def test_the_paper_venue_liquidates_where_the_position_says(
    convention: str, mode: str, last: str, first: str
) -> None:
    wallet = "500" if mode == "cross" else "900"
    kernel, venue = desk(
        wallet,
        leverage=2,
        margin_tiers=[{"notional_floor": 0, "maint_rate": "0.1"}],
        margin_convention=convention,
        margin_mode=mode,
    )
    quote(venue, "1000")
    assert kernel.process_intent(intent(ENTER, "i1", target_size="1")).accepted
    price = kernel.positions()[0]["liquidation_price"]
    assert D(first) <= price < D(last)
    quote(venue, last)
    assert venue.counters()["liquidations"] == 0
    quote(venue, first)
    assert venue.counters()["liquidations"] == 1
    assert kernel.positions() == []


def test_an_isolated_position_loses_no_more_than_its_margin() -> None:
    kernel, venue = desk("9000", leverage=2, margin_mode="isolated")
    quote(venue, "1000")
    assert kernel.process_intent(intent(ENTER, "i1", target_size="1")).accepted
    quote(venue, "200")
    assert venue.counters()["liquidations"] == 1
    assert venue.wallet("USDT") == D(8500)
    account = kernel.snapshot()["account"]
    assert (account["reconcile_delta"], account["margin_status"]) == (0, "OK")


@pytest.mark.parametrize("key", ["margin_convention", "margin_mode"])
def test_a_convention_that_is_none_is_refused_by_name(key: str) -> None:
    kernel = ExecutionKernel()
    for wrong in ("okx", 5):
        with pytest.raises((InvalidInput, InvalidType)) as caught:
            kernel.set_exchange_config({**CONFIG, "instruments": {SYMBOL: {**_GRID, key: wrong}}})
        assert caught.value.field == f"instruments.{SYMBOL}.{key}"


_GRID = {"tick_size": "0.1", "lot_step": "0.001"}


def test_on_a_log_a_quote_alone_has_working_entries_taken_back(tmp_path: Path) -> None:
    kernel, venue = desk(log_dir=tmp_path / "log")
    quote(venue, "60000")
    kernel.update_control(ControlUpdate(limits={"max_daily_loss": 100}))
    assert kernel.process_intent(intent(ENTER, "i1", target_size="0.1")).accepted
    resting = {"trade_id": "t2", "slot_id": 1, "order_type": "LIMIT", "limit_price": "50000"}
    assert kernel.process_intent(intent(ENTER, "i2", **resting)).accepted
    quote(venue, "55000")
    assert venue.counters()["cancels"] == 1
    kernel.close()
