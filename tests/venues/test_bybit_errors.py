"""What each of Bybit's codes leads to: answered on a real socket, and seen in the kernel's state."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from dita.venues.bybit.failures import classify
from dita.venues.wire.failures import Fate
from fixtures import recorded
from practising import Account, practising

SENT_ONCE, SENT_TWICE = 1, 2
PLENTY = 1_000_000
#: What v5's orders are answered; the table's other codes are of spot, margin, options and older versions.
OF_ORDERS = (range(10_000, 11_000), range(110_000, 111_000))


@pytest.fixture
def account() -> Iterator[Account]:
    def unlimit(exchange: Any) -> None:
        exchange.limits.per_address = exchange.limits.others = PLENTY
        exchange.limits.per_second = dict.fromkeys(exchange.limits.per_second, PLENTY)

    with practising(venue="bybit") as opened:
        # More orders in a second than the venue would take.
        opened.server.call(unlimit)
        opened.adapter.budget.limited(PLENTY)  # type: ignore[attr-defined]
        yield opened


def enter_resting(account: Account) -> None:
    account.act("ENTER", order_type="LIMIT", limit_price="59000", target_size="0.01")
    account.wait(lambda: account.stage() == "ENTRY_WORKING" and account.adapter.is_quiet)


def is_refused_at_once(account: Account, code: int) -> bool:
    """Place an order that is answered so; it ends, and is not sent again."""
    before = account.placed()
    account.server.command(f"answer place 200 {code}")
    account.act("ENTER", trade_id=f"t{account.intents}", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    is_rejected = str(account.kernel.orders()[-1].status) == "REJECTED"
    return is_rejected and account.placed() == before + SENT_ONCE


def test_every_documented_code_that_refuses_an_order_ends_it_and_sends_nothing_again(
    account: Account,
) -> None:
    table = recorded("venue_errors.json")["tables"]["bybit_v5"]
    codes = [int(code) for code in table if any(int(code) in one for one in OF_ORDERS)]
    seen = 0
    for code in codes:
        # 110072 is asked about: it has a test of its own.
        if classify(200, code) in {Fate.REFUSED, Fate.STATE, Fate.DONE} and code != 110072:
            assert is_refused_at_once(account, code), code
            seen += 1
    assert seen > 150
    assert account.orders_there() == 0


LATER = [(200, 10006), (200, 10018), (200, 10429), (200, 20003), (200, 110079), (429, 0), (403, 0)]


@pytest.mark.parametrize(("status", "code"), LATER)
def test_an_order_that_is_refused_for_now_ends_and_is_not_sent_again(
    account: Account, status: int, code: int
) -> None:
    account.server.command(f"answer place {status} {code}")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert str(account.kernel.orders()[-1].status) == "REJECTED"
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, 0)


UNKNOWN = [
    (200, 10000), (200, 10014), (200, 10016), (200, 10019), (200, 20006), (200, 170007), (200, 500000),
    (408, 0), (500, 0), (502, 0), (503, 10001),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), UNKNOWN)
def test_an_unknown_answer_to_an_order_that_was_taken_is_never_sent_again(
    account: Account, status: int, code: int
) -> None:
    # Neither answer nor stream tells of it: it has to be asked about.
    account.server.command("fault drop 6")
    account.server.command(f"answer place {status} {code} executed")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    account.wait(account.books_agree)
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, SENT_ONCE)


def test_an_unknown_answer_to_an_order_that_was_not_taken_leaves_it_in_doubt_until_that_is_proven(
    account: Account,
) -> None:
    account.server.command("answer place 200 10016 'Internal error'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: ("GET", "/v5/order/realtime") in account.server.call(lambda one: one.received))
    assert account.stage() != "POSITION_OPEN"
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert str(account.kernel.orders()[-1].status) == "REJECTED"
    assert (account.placed(), account.orders_there()) == (SENT_ONCE, 0)


def test_an_order_that_was_refused_for_the_clock_is_sent_once_more(account: Account) -> None:
    account.server.command("answer place 200 10002 'invalid request, please check your server timestamp'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert (account.placed(), account.orders_there()) == (SENT_TWICE, 1)


def test_a_duplicate_id_is_asked_about_since_the_first_order_may_be_ours(account: Account) -> None:
    account.server.command("fault drop 6")
    account.server.command("answer place 200 110072 executed 'OrderLinkedID is duplicate'")
    account.act("ENTER", target_size="0.01")
    account.wait(lambda: account.stage() == "POSITION_OPEN")
    assert account.placed() == SENT_ONCE


# ------------------------------------------------------------------------------------- cancels and amends


@pytest.mark.parametrize(
    ("answer", "ends_as"),
    [
        ("200 110003", "ACKED"),
        ("200 10005", "ACKED"),
        ("200 10006", "CANCELED"),
        ("429 0", "CANCELED"),
        ("200 110001 executed", "CANCELED"),
        ("200 110008 executed", "CANCELED"),
        ("200 10016 executed", "CANCELED"),
        ("502 0 executed", "CANCELED"),
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
        ("200 110003", "59000"),
        ("200 10006", "58000"),
        ("200 110001", "59000"),
        ("200 10016 executed", "58000"),
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
