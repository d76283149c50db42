"""The native adapter on `dita exchange --venue bybit`: real sockets, and what goes wrong on them."""

import time
from decimal import Decimal

import pytest

from practising import practising

VENUE = "bybit"


def test_a_round_trip_ends_flat_with_both_books_in_agreement() -> None:
    with practising(venue=VENUE) as account:
        account.act("ENTER", target_size="0.05")
        account.wait(lambda: account.stage() == "POSITION_OPEN")
        account.act("EXIT")
        account.wait(lambda: account.stage() == "CLOSED")
        account.wait(account.books_agree)
        assert account.adapter.get_positions() == []
        # A tick of spread and two takers' fees.
        assert account.adapter.get_balances()["USDT"] == Decimal("9996.9949975")


def test_a_resting_order_is_amended_and_canceled() -> None:
    with practising(venue=VENUE) as account:
        account.act("ENTER", target_size="0.05", order_type="LIMIT", limit_price="50000")
        account.wait(lambda: account.kernel.orders()[-1].status == "ACKED")
        account.act("AMEND", target_size="0.06", limit_price="50010")
        account.wait(lambda: account.kernel.orders()[-1].intended_size == Decimal("0.06"))
        account.wait(lambda: account.adapter.get_open_orders()[0]["limit_price"] == 50_010)
        account.act("CANCEL")
        account.wait(lambda: not account.kernel.orders()[-1].is_live())
        assert account.adapter.get_open_orders() == []


def test_an_order_that_ends_at_a_time_is_refused_by_name_and_never_sent() -> None:
    with practising(venue=VENUE) as account:
        until = time.time_ns() + 60_000_000_000
        account.act(
            "ENTER",
            target_size="0.05",
            order_type="LIMIT",
            limit_price="50000",
            time_in_force="GTD",
            expire_time=until,
        )
        account.wait(lambda: not account.kernel.orders()[-1].is_live())
        assert account.kernel.orders()[-1].status == "REJECTED"
        assert account.placed() == 0


@pytest.mark.parametrize("fault", ["silent on", "no_answer 1", "error_503_executed 1", "drop 4"])
def test_what_the_stream_or_the_answer_hides_is_found_by_rest(fault: str) -> None:
    with practising(venue=VENUE, deaf_s=0.3) as account:
        account.server.command(f"fault {fault}")
        account.act("ENTER", target_size="0.05")
        account.wait(lambda: account.stage() == "POSITION_OPEN", seconds=15)
        account.server.command("heal")
        account.wait(account.books_agree)
        assert account.orders_there() == 1
