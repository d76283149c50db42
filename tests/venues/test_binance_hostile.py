"""A hostile exchange, over real sockets: entries halt on unknown truth, exits go, nothing is lost."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from dita.venues.wire import reading
from practising import Account, practising


@pytest.fixture
def account() -> Iterator[Account]:
    with practising() as opened:
        opened.act("ENTER", target_size="0.01")
        opened.wait(lambda: opened.stage() == "POSITION_OPEN")
        yield opened


def leave(account: Account) -> None:
    """The exit goes, and the books are the exchange's to the last unit."""
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")
    account.wait(account.books_agree)
    account.kernel.check_invariants()


# --------------------------------------------------------------------------------------- frames that are none


@pytest.mark.parametrize(
    "frame",
    [
        '{"e":"ORDER_TRADE_UPDATE","o":{"x":"TRA',
        "<html>502 Bad Gateway</html>",
        '{"e":"ORDER_TRADE_UPDATE","T":1,"E":1}',
        '{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"B":[{"a":"USDT","wb":NaN}]}}',
        b"\x1f\x8b\x08\x00",
        "x" * (reading.FRAME_BYTES_MAX + 1),
    ],
    ids=["truncated", "html", "without its body", "no number", "binary", "longer than 8 MiB"],
)
def test_a_frame_that_cannot_be_read_ends_the_stream_and_what_was_missed_is_asked_for(
    account: Account, frame: str | bytes
) -> None:
    account.act(
        "ENTER", slot_id=1, trade_id="t2", order_type="LIMIT", limit_price="59000", target_size="0.01"
    )
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "ENTRY_WORKING")
    client_id = account.kernel.orders()[-1].venue_client_id
    account.server.command("fault silent on")
    account.server.command(f"fill {client_id} 0.01")
    account.server.command("heal")
    account.server.call(lambda one: one.say_raw(frame))
    account.wait(lambda: account.adapter.reconnects > 0)
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "POSITION_OPEN")
    account.act("EXIT", slot_id=1, trade_id="t2")
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "CLOSED")
    leave(account)


# --------------------------------------------------------------------------------- words that no list has


def order_frame(**changes: Any) -> dict[str, Any]:
    order = {
        "s": "BTCUSDT", "c": "web_1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1", "p": "5", "ap": "0",
        "x": "NEW", "X": "NEW", "i": 900_001, "l": "0", "z": "0", "L": "0", "n": "0", "N": "USDT", "t": 0,
        "m": False, "ps": "BOTH", "rp": "0", "si": 0, "T": time.time_ns() // 1_000_000,
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "T": order["T"], "E": order["T"], "o": order | changes}


@pytest.mark.parametrize(
    "frame",
    [
        order_frame(x="TELEPORTED"),
        order_frame(X="MAYBE"),
        {
            "e": "ALGO_UPDATE",
            "T": 1,
            "o": {"caid": "a", "aid": 1, "s": "BTCUSDT", "S": "BUY", "X": "PONDERING"},
        },
    ],
    ids=["execution type", "order status", "status of a conditional order"],
)
def test_a_word_that_no_list_has_halts_entries_until_it_is_forgiven(
    account: Account, frame: dict[str, Any]
) -> None:
    account.say(frame)
    account.wait(lambda: account.adapter.unheard != "")
    assert account.is_halted()
    account.adapter.forgive_unheard()
    # The stream is sound: entries go on without a reconnect.
    account.act("ENTER", slot_id=1, trade_id="t3", target_size="0.01")
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "POSITION_OPEN")
    assert account.adapter.reconnects == 0
    account.act("EXIT", slot_id=1, trade_id="t3")
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "CLOSED")
    leave(account)


def test_a_status_that_no_list_has_in_an_answer_of_rest_halts_entries(account: Account) -> None:
    def pretend(exchange: Any) -> None:
        call, weight, signed = exchange._endpoints["GET", "/fapi/v1/order"]
        exchange._endpoints["GET", "/fapi/v1/order"] = (
            lambda asked: call(asked) | {"status": "PONDERING"}, weight, signed,
        )  # fmt: skip

    account.server.call(pretend)
    account.adapter.query_order(account.kernel.orders()[0].venue_client_id)
    account.wait(lambda: "PONDERING" in account.adapter.unheard)
    assert account.is_halted()
    leave(account)


# ------------------------------------------------------------------------------------- answers to an order


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, -1022, "Signature for this request is not valid."),
        (401, -2015, "Invalid API-key, IP, or permissions for action."),
        (401, -2014, "API-key format invalid."),
        (400, -4140, "Invalid symbol status for opening position."),
        (400, -1121, "Invalid symbol."),
    ],
    ids=["wrong signature", "key without permission", "no key", "delisted", "unknown symbol"],
)
def test_what_the_venue_refuses_for_its_key_or_its_symbol_ends_as_rejected_and_keeps_the_position(
    account: Account, status: int, code: int, words: str
) -> None:
    placed = account.placed()
    for slot_id, action in ((1, "ENTER"), (0, "EXIT")):
        account.server.command(f"answer place {status} {code} {words!r}")
        more = {"target_size": "0.01", "trade_id": "t2"} if slot_id else {}
        account.act(action, slot_id=slot_id, **more)
        account.wait(lambda: not account.kernel.orders()[-1].is_live())
        assert str(account.kernel.orders()[-1].status) == "REJECTED"
    assert account.placed() == placed + 2
    assert account.stage() == "POSITION_OPEN"
    leave(account)


def test_a_position_in_a_delisted_symbol_is_closed_by_the_venue_and_booked(account: Account) -> None:
    account.server.command("answer place 400 -4108 'Symbol is on delivering or delivered or settling.'")
    account.act("EXIT")
    account.wait(lambda: not account.kernel.orders()[-1].is_live())
    assert account.stage() == "POSITION_OPEN"
    account.server.call(
        lambda one: one.account.force("liquidation", "BTCUSDT", Decimal("0.01"), Decimal(60_000), "SELL")
    )
    account.wait(lambda: account.kernel.slot(0).size == 0)
    account.wait(account.books_agree)


def test_a_settlement_order_of_the_venues_closes_the_slot_though_its_id_is_longer_than_ours(
    account: Account,
) -> None:
    account.server.command("settle BTCUSDT")
    account.wait(lambda: account.kernel.slot(0).size == 0)
    order = account.server.call(lambda one: one.account.histories.orders[-1])
    assert order.client_id.startswith("settlement_autoclose-")
    assert len(order.client_id) == 37
    assert account.stage() == "CLOSED"
    assert account.kernel.unassigned() == []
    account.wait(account.books_agree)


def position_frame(*rows: tuple[str, str]) -> dict[str, Any]:
    at_ms = time.time_ns() // 1_000_000
    empty = {"s": "BTCUSDT", "cr": "0", "up": "0", "mt": "cross", "iw": "0"}
    held = [{**empty, "ps": side, "pa": size, "ep": "60000" if size != "0" else "0"} for side, size in rows]
    return {"e": "ACCOUNT_UPDATE", "T": at_ms, "E": at_ms, "a": {"B": [], "P": held, "m": "ORDER"}}


@pytest.mark.parametrize("hedge", [False, True])
def test_rows_of_the_other_account_mode_are_left_out_and_those_of_the_accounts_own_are_read(
    *, hedge: bool
) -> None:
    def reported(kernel: Any) -> dict[str, Decimal]:
        return {str(row["position_side"]): row["reported_size"] for row in kernel.positions()}

    with practising(hedge=hedge) as account:
        rows = (("BOTH", "0"), ("LONG", "0.02"), ("SHORT", "-0.01"))
        account.say(position_frame(*(rows if hedge else (("BOTH", "0.02"), ("LONG", "0"), ("SHORT", "0")))))
        wanted = {"LONG": Decimal("0.02"), "SHORT": Decimal("-0.01")} if hedge else {"BOTH": Decimal("0.02")}
        account.wait(lambda: reported(account.kernel) == wanted)
        # All empty: each book of the account's own mode is known to be flat.
        account.say(position_frame(("BOTH", "0"), ("LONG", "0"), ("SHORT", "0")))
        account.wait(lambda: reported(account.kernel) == {})
        assert not account.adapter.unheard


# ------------------------------------------------------------------------------------------ time and others


def test_a_clock_that_goes_back_an_hour_loses_no_fill_and_once_it_is_right_the_wallets_agree(
    account: Account,
) -> None:
    account.server.command("fault clock_off_ms -3600000")
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")
    assert account.orders_there() == 2
    # What is stamped an hour ago is older than what is known of the wallet; its money is booked all the same.
    there = account.server.call(lambda one: one.account.sim.wallet("USDT"))
    account.wait(lambda: account.kernel.snapshot()["account"]["assets"]["USDT"]["k_capital"] == there)
    account.server.command("fault clock_off_ms 0")
    account.adapter.clock_offset_ms()
    account.server.command("cut")
    account.wait(account.books_agree)


def test_an_order_of_another_account_goes_to_the_unassigned_book_and_the_difference_shows(
    account: Account,
) -> None:
    account.say(order_frame(x="TRADE", X="FILLED", l="1", z="1", L="60000", n="30", t=77_001, ap="60000"))
    account.wait(lambda: bool(account.kernel.unassigned()))
    assert account.kernel.slot(0).size == Decimal("0.01")
    # The venue's wallet never paid that fee.
    account.wait(lambda: not account.agrees())
    account.act("EXIT")
    account.wait(lambda: account.stage() == "CLOSED")


@pytest.mark.parametrize("fault", ["html 4", "broken_json 4", "error_in_200 4", "rate_limited 3"])
def test_a_repair_that_is_answered_by_rubbish_is_tried_again_until_it_is_done(
    account: Account, fault: str
) -> None:
    waits: Callable[[], bool] = lambda: account.adapter.reconnects > 0 and account.adapter.is_quiet  # noqa: E731
    account.act(
        "ENTER", slot_id=1, trade_id="t2", order_type="LIMIT", limit_price="59000", target_size="0.01"
    )
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "ENTRY_WORKING")
    client_id = account.kernel.orders()[-1].venue_client_id
    account.server.command(f"fault {fault}")
    account.server.command("cut")
    account.server.command(f"fill {client_id} 0.01")
    account.wait(waits, 20)
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "POSITION_OPEN", 20)
    account.act("EXIT", slot_id=1, trade_id="t2")
    account.wait(lambda: str(account.kernel.slot(1).fsm_state) == "CLOSED")
    leave(account)
