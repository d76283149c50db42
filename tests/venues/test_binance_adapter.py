"""The native adapter on `dita exchange`, over real sockets: certification, cuts, hostile answers, secrets."""

import logging
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from dita.certify import SEQUENCES, certify_one
from dita.certify.rigs.binance import BinanceRig
from practising import SECRET, Account, practising

#: Every fill of Binance's has an id of its own: 10 is about venues whose ids are made up.
NOT_OFFERED = {10}


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda one: f"{one.number}")
def test_certification_over_real_sockets(sequence: Any) -> None:
    verdict = certify_one(BinanceRig, sequence)
    assert (verdict.result, verdict.why) == (
        ("SKIP", verdict.why) if sequence.number in NOT_OFFERED else ("PASS", "")
    )


@pytest.fixture
def account() -> Iterator[Account]:
    with practising() as opened:
        yield opened


def test_a_round_trip_ends_flat_with_the_venues_money(account: Account) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")
    account.wait(account.agrees)
    there = account.server.call(lambda one: one.account.sim.wallet("USDT"))
    account.wait(lambda: account.kernel.snapshot()["account"]["assets"]["USDT"]["k_capital"] == there)


def test_a_stop_waits_in_the_algo_service_and_closes_the_position_when_the_price_comes(
    account: Account,
) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.act("EXIT", order_type="STOP_MARKET", trigger_price="59000", reduce_only=True)
    account.wait(
        lambda: account.server.call(lambda one: sum(o.waits for o in one.account.open_orders())) == 1
    )
    account.server.command("price BTCUSDT 58990")
    account.wait(lambda: account.stage() == "CLOSED")
    account.wait(account.agrees)


def test_what_filled_while_the_network_was_cut_is_booked_once_it_is_back(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING")
    client_id = account.kernel.orders()[0].venue_client_id
    account.server.command("fault silent on")
    account.server.command("cut")
    account.server.command(f"fill {client_id} 0.01")
    account.server.command("heal")
    began = time.monotonic()
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert time.monotonic() - began < 5
    assert account.kernel.slot(0).size == Decimal("0.01")
    account.wait(account.agrees)


def test_a_stream_that_does_not_report_an_amend_is_found_to_be_deaf(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING" and account.adapter.is_quiet)
    account.server.command("fault silent on")
    account.act("AMEND", target_size="0.02", limit_price="59000")
    account.wait(lambda: account.kernel.orders()[0].intended_size == Decimal("0.02"))
    account.wait(lambda: account.adapter.reconnects > 0)
    account.server.command("heal")
    account.wait(lambda: account.adapter.is_quiet and not account.adapter.is_deaf)


@pytest.mark.parametrize("fault", ["error_503_executed", "no_answer"])
def test_an_order_that_was_taken_and_not_answered_is_never_sent_twice(account: Account, fault: str) -> None:
    account.server.command(f"fault {fault} 1")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.wait(account.agrees)
    assert account.server.call(lambda one: len(one.account.histories.orders)) == 1


@pytest.mark.parametrize("fault", ["html 1", "broken_json 1", "error_in_200 1"])
def test_an_answer_that_cannot_be_read_leaves_the_truth_to_the_stream(account: Account, fault: str) -> None:
    account.server.command(f"fault {fault}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.wait(account.agrees)


def test_an_order_that_the_venue_refuses_ends_with_the_venues_code(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="60001", post_only=True, target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[0].is_live())
    assert str(account.kernel.orders()[0].status) == "REJECTED"
    assert account.server.call(lambda one: one.account.histories.orders) == []


def test_an_hour_off_the_clock_is_found_out_and_the_order_is_sent_once(account: Account) -> None:
    account.server.command("fault clock_off_ms 3600000")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert account.server.call(lambda one: len(one.account.histories.orders)) == 1


def test_money_that_moved_without_an_order_is_booked_under_its_own_id(account: Account) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.server.command("transfer USDT -100")
    account.server.command("transfer USDT 30")
    there = account.server.call(lambda one: one.account.sim.wallet("USDT"))
    account.wait(lambda: account.kernel.snapshot()["account"]["assets"]["USDT"]["k_capital"] == there)
    account.wait(account.agrees)


def say_what_no_list_has(account: Account) -> None:
    def say(exchange: Any) -> None:
        for session in exchange.sessions:
            about = '"s":"BTCUSDT","c":"D","S":"BUY","X":"NEW","i":7,"q":"1","z":"0","ps":"BOTH"'
            session.line.say('{"e":"ORDER_TRADE_UPDATE","E":1,"T":1,"o":{"x":"TELEPORTED",' + about + "}}")

    account.server.call(say)
    account.wait(lambda: account.adapter.unheard != "")


def enter_in_vain(account: Account) -> None:
    """An entry is refused before it is sent."""
    account.act("ENTER", slot_id=1, trade_id="t2", target_size="0.01")
    # The stream's thread may be draining: then the refusal is told by it, a moment later.
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert [str(order.status) for order in account.kernel.orders()] == ["FILLED", "REJECTED"]
    assert account.server.call(lambda one: len(one.account.histories.orders)) == 1


def test_a_word_that_no_list_has_halts_entries_and_lets_exits_through(account: Account) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    say_what_no_list_has(account)
    enter_in_vain(account)
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")


def test_a_word_that_no_list_has_halts_entries_also_after_a_reconnect_and_its_repair(
    account: Account,
) -> None:
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    say_what_no_list_has(account)
    repairs = account.adapter.repairs
    account.server.command("cut")
    account.wait(lambda: account.adapter.repairs > repairs and account.adapter.is_quiet)
    enter_in_vain(account)
    account.adapter.forgive_unheard()
    account.act("ENTER", slot_id=1, trade_id="t3", target_size="0.01")
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "POSITION_OPEN")
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")


def test_the_secret_is_in_no_log_and_no_repr(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        account.server.command("fault lost 1")
        account.act("ENTER", target_size="0.01")
        account.server.command("cut")
        account.wait(lambda: account.adapter.reconnects > 0)
        account.wait(lambda: account.adapter.is_quiet)
    assert SECRET not in caplog.text + repr(account.adapter) + repr(account.kernel)
    assert "signature=" not in caplog.text
