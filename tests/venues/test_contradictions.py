"""A report that contradicts the kernel is asked about at once, and positions are read again and again."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from dita.venues.wire.adapter import DEAF_S
from exchange_client import Client
from practising import Account, practising

#: The regular questions come once a minute.
AT_ONCE_S = 20.0


@pytest.fixture(params=["binance", "bybit"])
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with practising(venue=request.param) as opened:
        yield opened


def reported(account: Account) -> list[Decimal]:
    return [row["reported_size"] for row in account.kernel.positions()]


def test_a_fill_whose_frame_is_lost_is_asked_for_once_the_position_contradicts(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING")
    account.wait(lambda: account.adapter.is_quiet)
    client_id = account.kernel.orders()[0].venue_client_id
    # The order's own frames are lost until somebody asks about it; those of the account come.
    account.server.call(lambda one: one.hidden.update({client_id: 0}))
    account.server.command(f"fill {client_id} 0.01")
    account.wait(lambda: reported(account) == [Decimal("0.01")])
    assert account.stage() == "ENTRY_WORKING"
    account.wait(lambda: account.stage() == "POSITION_OPEN", AT_ONCE_S)
    account.wait(account.books_agree)
    account.wait(lambda: reported(account) == [Decimal("0.01")])
    assert str(account.kernel.account.state()["reconcile_status"]) == "OK"


def test_positions_are_read_again_when_a_silent_stream_is_opened_anew() -> None:
    with practising() as account:
        account.act("ENTER", target_size="0.009")
        account.wait(lambda: account.stage() == "POSITION_OPEN")
        account.wait(lambda: reported(account) == [Decimal("0.009")])
        account.server.command("fault silent on")
        assert Client(account.server.address).place(side="SELL", quantity="0.006")[0] == 200
        account.server.command("cut")
        account.wait(lambda: reported(account) == [Decimal("0.003")], AT_ONCE_S)
        (row,) = account.kernel.positions()
        assert (row["size"], row["difference"]) == (Decimal("0.003"), 0)
        assert Client(account.server.address).place(side="SELL", quantity="0.003")[0] == 200
        account.server.command("cut")
        account.wait(lambda: account.kernel.positions() == [], AT_ONCE_S)


def test_a_position_that_no_question_explains_is_in_the_verdict() -> None:
    with practising() as account:
        account.act("ENTER", target_size="0.01")
        account.wait(lambda: account.stage() == "POSITION_OPEN")
        account.wait(account.agrees)
        asked = account.server.call(lambda one: one.received.count(("GET", "/fapi/v3/positionRisk")))
        at_ms = time.time_ns() // 1_000_000
        row = {"s": "BTCUSDT", "pa": "0.03", "ep": "60000", "ps": "BOTH"}
        account.say({"e": "ACCOUNT_UPDATE", "T": at_ms, "E": at_ms, "a": {"m": "ORDER", "B": [], "P": [row]}})
        account.wait(lambda: reported(account) == [Decimal("0.03")])
        verdict = account.kernel.snapshot()["account"]
        assert str(verdict["reconcile_status"]) == "WARN"
        assert verdict["reconcile_explanation"].endswith(
            "; the venue reports 0.030 BTCUSDT, booked are 0.010"
        )
        # Positions are read at once: that word was the stream's alone.
        account.wait(lambda: reported(account) == [Decimal("0.01")], AT_ONCE_S)
        assert account.server.call(lambda one: one.received.count(("GET", "/fapi/v3/positionRisk"))) > asked
        assert str(account.kernel.snapshot()["account"]["reconcile_status"]) == "OK"


@pytest.mark.parametrize("trouble", ["cut", "expire-key"])
@pytest.mark.parametrize("venue", ["binance", "bybit"])
def test_a_stream_that_is_cut_or_loses_its_key_is_trusted_once_it_is_resynced(
    venue: str, trouble: str
) -> None:
    with practising(venue=venue, deaf_s=DEAF_S) as account:
        account.act("ENTER", target_size="0.01")
        account.wait(lambda: account.stage() == "POSITION_OPEN")
        account.server.command(trouble)
        # What ends no stream is found out by the next request.
        began = time.monotonic()
        account.act("EXIT")
        account.wait(lambda: account.stage() == "CLOSED")
        account.wait(lambda: account.adapter.reconnects > 0)
        account.wait(lambda: account.adapter.is_quiet)
        account.wait(lambda: account.kernel.health()["clock"]["disconnected_since_ns"] is None)
        account.act("ENTER", trade_id="t2", target_size="0.01")
        account.wait(lambda: account.stage() == "POSITION_OPEN")
        assert time.monotonic() - began < 15


def test_a_stream_that_stays_silent_is_resynced_and_rest_says_what_it_does_not(account: Account) -> None:
    account.server.command("fault silent on")
    for slot in range(3):
        account.act("ENTER", slot_id=slot, trade_id=f"t{slot}", target_size="0.01")
        account.wait(lambda slot=slot: str(account.kernel.slot(slot).fsm_state) == "POSITION_OPEN", 10)
        account.wait(lambda: account.adapter.is_quiet, 10)
        account.wait(lambda: account.kernel.health()["clock"]["disconnected_since_ns"] is None, 5)
        assert account.adapter.is_deaf
    assert account.adapter.reconnects > 0
    account.wait(account.agrees)
