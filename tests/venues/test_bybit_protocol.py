"""Bybit's protocol without a network: signatures, errors, budgets, orders, the book's numbers."""

from decimal import Decimal
from typing import Any

import pytest

from dita._kernel import VenueOrder
from dita.errors import InvalidInput
from dita.venues.bybit import requests
from dita.venues.bybit.books import Books
from dita.venues.bybit.budget import Budget
from dita.venues.bybit.failures import classify, read_answer
from dita.venues.bybit.reports import ReportReader
from dita.venues.bybit.requests import BybitCodec
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request, sign
from dita.venues.wire.updates import UnknownMessage
from fixtures import recorded

SECOND = 1_000_000_000
ORDER = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "D1", "side": "Buy",
    "positionIdx": 0, "orderStatus": "New", "qty": "0.1", "cumExecQty": "0", "price": "60000",
    "createdTime": "1700000000000", "updatedTime": "1700000000000", "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
}  # fmt: skip
EXECUTION = {
    "category": "linear", "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "D1", "side": "Buy",
    "execId": "e1", "execType": "Trade", "execQty": "0.1", "execPrice": "60000", "execFee": "3",
    "feeCurrency": "USDT", "execPnl": "0", "execTime": "1700000000001", "isMaker": False, "orderQty": "0.1",
    "leavesQty": "0", "seq": 5,
}  # fmt: skip


def received(reader: ReportReader, topic: str, *rows: dict[str, Any]) -> Any:
    return reader.read({"topic": topic, "creationTime": 1_700_000_000_002, "data": list(rows)})


# ------------------------------------------------------------------------------------------- signatures


def test_the_signature_is_the_recorded_one() -> None:
    vectors = [one for one in recorded("signing_vectors.json")["vectors"] if one["venue"] == "bybit"]
    assert len(vectors) >= 2
    for vector in vectors:
        assert sign(vector["secret"], vector["message"]) == vector["expected"]


def test_what_is_signed_is_what_is_sent() -> None:
    codec = BybitCodec("key", "secret")
    asked = codec.write(requests.query("D1", "BTCUSDT"), 7)
    query = asked.address.partition("?")[2]
    assert asked.headers["X-BAPI-SIGN"] == sign("secret", f"7key5000{query}")
    order = VenueOrder(venue_client_id="D1", asset="BTCUSDT", side="LONG", order_side="BUY", intended_size=1)
    sent = codec.write(requests.cancel(order), 7)
    assert sent.body is not None
    assert sent.headers["X-BAPI-SIGN"] == sign("secret", f"7key5000{sent.body.decode()}")
    assert "secret" not in str(sent)


# ----------------------------------------------------------------------------------------------- errors


def test_every_documented_code_has_a_fate_and_none_that_refuses_is_unknown() -> None:
    table = recorded("venue_errors.json")["tables"]["bybit_v5"]
    codes = [int(code) for code in table if code.lstrip("-").isdigit()]
    fates = {code: classify(200, code) for code in codes if code}
    unknown = {code for code, fate in fates.items() if fate is Fate.UNKNOWN}
    assert unknown == {10000, 10014, 10016, 10019, 20006, 170007, 500000} & set(codes)
    later = {code for code, fate in fates.items() if fate is Fate.LATER}
    assert later == {429, 10006, 10018, 10429, 20003, 110079} & set(codes)
    assert len(codes) > 800


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [
        (200, '{"retCode":10002,"retMsg":"time"}', Fate.CLOCK),
        (200, '{"retCode":110072,"retMsg":"dup"}', Fate.STATE),
        (200, '{"retCode":110043,"retMsg":"same"}', Fate.DONE),
        (200, '{"retCode":0,"result":', Fate.UNKNOWN),
        (200, "[]", Fate.UNKNOWN),
        (502, "<html>", Fate.UNKNOWN),
        (403, "<html>", Fate.LATER),
        (404, "<html>", Fate.REFUSED),
    ],
)
def test_an_answer_that_is_no_success_says_what_became_of_its_request(
    status: int, body: str, fate: Fate
) -> None:
    with pytest.raises(Failure) as caught:
        read_answer(status, body)
    assert caught.value.fate is fate


# -------------------------------------------------------------------------------------------- the stream


def test_a_canceled_order_says_how_much_of_it_filled() -> None:
    ended = {"orderStatus": "Cancelled", "cumExecQty": "0.04", "cancelType": "CancelByUser"}
    update = received(ReportReader(), "order", {**ORDER, **ended})
    [event] = update.orders
    assert (event.kind, event.filled_size, event.remaining_size) == ("CANCEL_ACK", Decimal("0.04"), 0)


def test_two_filled_frames_after_a_lost_cancel_are_no_second_fill() -> None:
    reader = ReportReader()
    received(reader, "execution", EXECUTION)
    for _ in range(2):
        assert received(reader, "order", {**ORDER, "orderStatus": "Filled", "cumExecQty": "0.1"}).orders == []
    assert reader.owed == set()


def test_an_order_reported_as_filled_without_its_execution_is_owed() -> None:
    reader = ReportReader()
    received(reader, "order", {**ORDER, "orderStatus": "Filled", "cumExecQty": "0.1"})
    assert reader.owed == {"D1"}


def test_an_execution_reported_twice_counts_once() -> None:
    reader = ReportReader()
    received(reader, "execution", {**EXECUTION, "execQty": "0.05", "leavesQty": "0.05"})
    received(reader, "execution", {**EXECUTION, "execQty": "0.05", "leavesQty": "0.05"})
    received(reader, "order", {**ORDER, "orderStatus": "PartiallyFilled", "cumExecQty": "0.1"})
    assert reader.owed == {"D1"}


def test_a_changed_order_is_an_amend_and_one_reported_again_is_not() -> None:
    reader = ReportReader()
    assert received(reader, "order", ORDER).orders[0].kind == "ORDER_ACK"
    reader.amends["D1"] = "r1"
    [amend] = received(reader, "order", {**ORDER, "qty": "0.2"}).orders
    assert (amend.kind, amend.order_size, amend.request_id) == ("AMEND_ACK", Decimal("0.2"), "r1")
    assert received(reader, "order", {**ORDER, "qty": "0.2"}).orders[0].kind == "ORDER_ACK"


@pytest.mark.parametrize("row", [{"execType": "NewThing"}, {"execType": None}])
def test_an_execution_type_that_no_list_has_halts_entries(row: dict[str, Any]) -> None:
    with pytest.raises(UnknownMessage):
        received(ReportReader(), "execution", {**EXECUTION, **row})


def test_forced_executions_are_attributed_and_fast_ones_ignored() -> None:
    reader = ReportReader()
    assert (
        received(reader, "execution", {**EXECUTION, "execType": "BustTrade"}).orders[0].kind == "LIQUIDATION"
    )
    assert received(reader, "execution", {**EXECUTION, "execType": "AdlTrade"}).orders[0].kind == "ADL"
    forced = {**EXECUTION, "createType": "CreateByTakeOver_PassThrough"}
    assert received(reader, "execution", forced).orders[0].kind == "LIQUIDATION"
    assert received(reader, "execution.fast", EXECUTION).orders == []


def test_bad_rows_are_named() -> None:
    with pytest.raises(InvalidInput, match="side"):
        received(ReportReader(), "order", {**ORDER, "side": "Up"})
    with pytest.raises(InvalidInput, match="execQty"):
        received(ReportReader(), "execution", {**EXECUTION, "execQty": "NaN"})


# ------------------------------------------------------------------------------------------------ budgets


def test_a_fifth_of_each_second_is_kept_for_exits() -> None:
    budget, entry = Budget(), Request("POST", "/v5/order/create", pool="entry")
    exits = Request("POST", "/v5/order/create", pool="exit")
    for _ in range(8):
        assert budget.wait_ms(entry, 0) == 0
        budget.take(entry, 0)
    assert budget.wait_ms(entry, 0) > 0
    for _ in range(2):
        assert budget.wait_ms(exits, 0) == 0
        budget.take(exits, 0)
    assert budget.wait_ms(exits, 0) > 0
    assert budget.wait_ms(entry, SECOND) == 0


def test_the_venues_own_limit_is_kept_to() -> None:
    budget, exits = Budget(), Request("POST", "/v5/order/create", pool="exit")
    budget.read_headers(exits, {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "0"}, 0)
    assert budget.wait_ms(exits, 0) > 0
    budget.barred(600_000, 0)
    assert budget.wait_ms(Request("GET", "/v5/order/realtime"), SECOND) > 0


# ---------------------------------------------------------------------------------------------- the book


def frame(kind: str, number: int, bids: list[Any], asks: list[Any]) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": number}
    return {"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": 1, "data": data}


def test_a_book_follows_its_numbers_and_asks_anew_after_a_gap() -> None:
    update: list[Any] = []
    again: list[str] = []
    books = Books(["BTCUSDT"], update.append, again.append, lambda: 0)
    books.take(frame("snapshot", 10, [["60000", "1"], ["59999", "2"]], [["60001", "1"]]))
    books.take(frame("delta", 11, [["60000", "0"]], [["60001", "3"]]))
    book = books.book("BTCUSDT")
    assert book.best_bid == (Decimal(59999), Decimal(2))
    assert book.best_ask == (Decimal(60001), Decimal(3))
    books.take(frame("delta", 13, [], []))
    assert again == ["orderbook.200.BTCUSDT"]
    assert book.best_bid is None
    assert update[-1].bids == ()
    books.take(frame("delta", 14, [], []))
    assert len(again) == 1
    books.take(frame("snapshot", 20, [["60000", "1"]], [["60001", "1"]]))
    books.take(frame("delta", 21, [["60000", "5"]], []))
    assert book.best_bid == (Decimal(60000), Decimal(5))
    assert books.gaps == 1
