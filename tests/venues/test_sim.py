"""The simulated venue's own hand: marks, funding, transfers, other people's trades, counters."""

from decimal import Decimal

import pytest

from dita import InvalidInput
from kernels import ENTER, SYMBOL, intent, paper


def test_a_transfer_reaches_both_accounts() -> None:
    kernel, venue = paper()
    venue.transfer("USDT", "250.5")
    venue.transfer("USDT", -50, 2)
    venue.credit("USDT", "0.25", rebate=True)
    venue.credit("USDT", "-0.125")
    assert venue.wallet("USDT") == kernel.account.capital == Decimal("10200.625")
    assert kernel.account.reconcile_delta == 0
    assert venue.counters()["transfers"] == 2
    with pytest.raises(InvalidInput, match="at most what the wallet holds"):
        venue.transfer("USDT", -20_000)


def test_a_mark_is_received() -> None:
    kernel, venue = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    venue.mark(SYMBOL, "61000.1", 5)
    assert (kernel.slot(0).unrealized_pnl, kernel.now_ns) == (10, 5)
    for price in (0, -1):
        with pytest.raises(InvalidInput):
            venue.mark(SYMBOL, price)


def test_what_others_trade_on_the_account_is_external() -> None:
    kernel, venue = paper()
    venue.manual_trade(SYMBOL, "BUY", "0.2", "60000.1")
    assert [row["size"] for row in kernel.unassigned()] == [Decimal("0.2")]
    assert kernel.state.active_trade_index == {}
    assert venue.wallet("USDT") == kernel.account.capital
    kernel.check_invariants()


def test_rates_that_change_without_a_word_are_booked_as_they_are() -> None:
    kernel, venue = paper()
    venue.set_fee_rates(SYMBOL, "0.0001", "0.0003")
    kernel.process_intent(intent(ENTER, "i1"))
    assert kernel.slot(0).fees_paid == Decimal("0.01") * Decimal("60000.1") * Decimal("0.0003")
    assert venue.wallet("USDT") == kernel.account.capital


def test_counters_name_everything() -> None:
    _, venue = paper()
    assert set(venue.counters().values()) == {0}
    assert "fault_duplicate" in venue.counters()
    assert {"orders", "fills", "amends", "triggered", "fundings", "liquidations", "adls"} <= set(
        venue.counters()
    )


def test_faults_happen_are_counted_and_end() -> None:
    kernel, venue = paper(faults={"duplicate": 1, "delay_ms_max": 5})
    kernel.process_intent(intent(ENTER, "i1"))
    assert venue.counters()["fault_duplicate"] > 0
    venue.heal()
    assert kernel.account.capital == venue.wallet("USDT")
    kernel.check_invariants()


def test_a_fault_that_is_none_is_refused_by_name() -> None:
    for wrong, value in (("gremlins", 1), ("drop", "often"), ("drop", -1)):
        with pytest.raises(InvalidInput, match=rf"faults\.{wrong}"):
            paper(faults={wrong: value})
