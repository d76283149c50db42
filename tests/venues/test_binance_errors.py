"""What each of the venue's codes leads to: answered on a real socket, and seen in the kernel's state."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dita.venues.binance.failures import classify
from dita.venues.wire.failures import Fate
from practising import Account, practising

# Beside the repository, wherever that is checked out.
TABLE = next(
    (
        folder / "shared" / "fixtures" / "venue_errors.json"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared" / "fixtures" / "venue_errors.json").exists()
    ),
    Path("shared/fixtures/venue_errors.json"),
)
needs_table = pytest.mark.skipif(not TABLE.exists(), reason="the table of codes is not beside the repository")
SENT_ONCE, SENT_TWICE = 1, 2


@pytest.fixture
def account() -> Iterator[Account]:
    with practising() as opened:
        yield opened


def enter_resting(account: Account) -> str:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING")
    return str(account.kernel.orders()[-1].venue_client_id)


def is_refused_at_once(account: Account, code: int) -> bool:
    """Place an order that is answered so; it ends, and is not sent again."""
    before = account.placed()
    account.server.command(f"answer place 400 {code}")
    account.act("ENTER", trade_id=f"t{account.intents}", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    is_rejected = str(account.kernel.orders()[-1].status) == "REJECTED"
    return is_rejected and account.placed() == before + SENT_ONCE


@needs_table
def test_every_documented_code_that_refuses_an_order_ends_it_and_sends_nothing_again(
    account: Account,
) -> None:
    codes = [int(code) for code in json.loads(TABLE.read_text("utf-8"))["tables"]["binance_usdm"]]
    seen = 0
    for code in codes:
        # -4116 is asked about, -1021 is sent again: they have tests of their own.
        if classify(400, code, "") in {Fate.REFUSED, Fate.STATE, Fate.DONE} and code != -4116:
            assert is_refused_at_once(account, code), code
            seen += 1
    assert seen > 190
    assert account.orders_there() == 0


@pytest.mark.parametrize(("status", "code"), [(429, -1003), (400, -1015), (503, -1008)])
def test_an_order_that_is_refused_for_now_ends_and_is_not_sent_again(
    account: Account, status: int, code: int
) -> None:
    words = "'Service Unavailable.'" if status == 503 else "''"
    account.server.command(f"answer place {status} {code} {words}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert str(account.kernel.orders()[-1].status) == "REJECTED"
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, 0)


UNKNOWN = [(400, -1000), (400, -1001), (408, -1006), (400, -1007), (503, -1000), (500, 0), (502, 0)]


@pytest.mark.parametrize(("status", "code"), UNKNOWN)
def test_an_unknown_answer_to_an_order_that_was_taken_is_never_sent_again(
    account: Account, status: int, code: int
) -> None:
    # Neither answer nor stream tells of it: it has to be asked about.
    account.server.command("fault drop 4")
    account.server.command(f"answer place {status} {code} executed 'Unknown error'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.wait(account.books_agree)
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, SENT_ONCE)


def test_an_unknown_answer_to_an_order_that_was_not_taken_leaves_it_in_doubt_until_that_is_proven(
    account: Account,
) -> None:
    account.server.command("answer place 400 -1007 'Timeout waiting for response from backend server.'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: ("GET", "/fapi/v1/order") in account.server.call(lambda one: one.received))
    assert account.stage() != "POSITION_OPEN"
    account.wait(lambda: not account.kernel.orders()[-1].is_live(), 20)
    assert str(account.kernel.orders()[-1].status) == "REJECTED"
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, 0)


@pytest.mark.parametrize(("code", "words"), [(-1021, "''"), (-5028, "'Timestamp outside of recvWindow'")])
def test_an_order_that_was_refused_for_the_clock_is_sent_once_more(
    account: Account, code: int, words: str
) -> None:
    account.server.command(f"answer place 400 {code} {words}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert (account.placed(), account.orders_there()) == (SENT_TWICE, 1)


def test_a_duplicate_id_is_asked_about_since_the_first_order_may_be_ours(account: Account) -> None:
    account.server.command("fault drop 4")
    account.server.command("answer place 400 -4116 executed 'ClientOrderId is duplicated.'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert account.placed() == SENT_ONCE


# ------------------------------------------------------------------------------------- cancels and amends


@pytest.mark.parametrize(
    ("answer", "ends_as"),
    [
        ("400 -2027", "ACKED"),
        ("400 -1102", "ACKED"),
        ("429 -1003", "CANCELED"),
        ("503 -1008 'Service Unavailable.'", "CANCELED"),
        ("400 -2011 executed", "CANCELED"),
        ("400 -1007 executed", "CANCELED"),
        ("400 -1000 executed", "CANCELED"),
    ],
    ids=[
        "refused",
        "refused: parameter",
        "later 429",
        "later 503",
        "state",
        "unknown -1007",
        "unknown -1000",
    ],
)
def test_a_cancel_ends_as_the_venue_has_it(account: Account, answer: str, ends_as: str) -> None:
    enter_resting(account)
    account.server.command("fault drop 2")
    account.server.command(f"answer cancel {answer}")
    account.act("CANCEL")
    account.wait(lambda: str(account.kernel.orders()[-1].status) == ends_as and account.adapter.is_quiet)
    open_there = account.server.call(lambda one: len(one.account.open_orders()))
    assert open_there == (1 if ends_as == "ACKED" else 0)


@pytest.mark.parametrize(
    ("answer", "price"),
    [
        ("400 -5027", "59000"),
        ("429 -1003", "58000"),
        ("400 -2013", "59000"),
        ("400 -1007 executed", "58000"),
    ],
    ids=["refused", "later", "state", "unknown"],
)
def test_an_amend_ends_as_the_venue_has_it(account: Account, answer: str, price: str) -> None:
    enter_resting(account)
    account.server.command("fault drop 1")
    account.server.command(f"answer amend {answer}")
    account.act("AMEND", limit_price="58000", target_size="0.01")
    account.wait(lambda: str(account.kernel.orders()[-1].limit_price) == price and account.adapter.is_quiet)
    assert account.server.call(lambda one: one.account.open_orders()[0].price) == Decimal(price)
