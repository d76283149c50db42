"""Binance's protocol without a network: recorded frames, signatures, errors, budgets."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.errors import InvalidInput
from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.failures import classify, read_answer
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request, sign
from dita.venues.wire.updates import UnknownMessage

# Beside the repository, wherever that is checked out.
SHARED = next(
    (
        folder / "shared" / "fixtures"
        for folder in Path(__file__).resolve().parents
        if (folder / "shared" / "fixtures").exists()
    ),
    Path("shared/fixtures"),
)
needs_fixtures = pytest.mark.skipif(
    not SHARED.exists(), reason="recorded payloads are not beside the repository"
)
RECORDED = (
    "venues2/binance_usdm/lean_sessions.jsonl",
    "venues2/binance_usdm/lean_unit_payloads.jsonl",
    "payloads/binance_usdm/ws_user_stream_recorded.jsonl",
    "venues2/binance_usdm/issue_pastes.jsonl",
)
#: Documentation examples: they prove that nothing breaks, and nothing about money.
SCHEMA_ONLY = (
    "venues2/binance_usdm/nautilus_test_data.jsonl",
    "venues2/binance_usdm/sdk_expected_responses.jsonl",
    "payloads/binance_usdm/jkorf.jsonl",
)
#: Frames of the market, which no user stream sends.
OF_THE_MARKET = {
    "aggTrade", "bookTicker", "depthUpdate", "kline", "forceOrder", "markPriceUpdate", "24hrTicker", "trade",
    "compositeIndex", "continuous_kline", "24hrMiniTicker", "contractInfo",
}  # fmt: skip


def records(name: str) -> Iterator[dict[str, Any]]:
    with (SHARED / name).open(encoding="utf-8") as lines:
        yield from (reading.parse(line) for line in lines)


def frames(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        for record in records(name):
            payload = record["payload"]
            if isinstance(payload, dict) and "stream" in payload and "data" in payload:
                payload = payload["data"]
            if isinstance(payload, dict) and "e" in payload and payload["e"] not in OF_THE_MARKET:
                yield payload


# ------------------------------------------------------------------------------------------- recorded truth


@needs_fixtures
def test_every_recorded_fill_has_the_price_the_size_the_fee_and_the_ids_of_its_frame() -> None:
    seen = 0
    for frame in frames(*RECORDED):
        if frame["e"] != "ORDER_TRADE_UPDATE" or frame["o"]["x"] != "TRADE":
            continue
        row = frame["o"]
        update = ReportReader().read(frame)
        fill = update.orders[-1]
        assert str(fill.kind) == ("FULL_FILL" if row["X"] == "FILLED" else "PARTIAL_FILL")
        assert (fill.price, fill.size, fill.fee) == (Decimal(row["L"]), Decimal(row["l"]), Decimal(row["n"]))
        assert (fill.venue_trade_id, fill.venue_order_id) == (str(row["t"]), str(row["i"]))
        assert fill.liquidity == ("MAKER" if row["m"] else "TAKER")
        assert fill.filled_size == Decimal(row["z"])
        assert (fill.realized_pnl, fill.venue_sequence) == (Decimal(row["rp"]), row["t"])
        assert (str(fill.order_side), update.account) == (row["S"], [])
        seen += 1
    assert seen >= 8


@needs_fixtures
def test_recorded_sessions_of_2026_end_as_the_recording_says() -> None:
    sessions: dict[str, list[str]] = {}
    readers: dict[str, ReportReader] = {}
    for record in records(RECORDED[0]):
        name = record["session"]
        update = readers.setdefault(name, ReportReader()).read(record["payload"])
        sessions.setdefault(name, []).extend(str(event.kind) for event in update.orders)
    assert sessions == {
        "lean_FutureLimitSubmittedCancelled": ["ORDER_ACK", "CANCEL_ACK"],
        "lean_FutureLimitSubmittedFilled": ["ORDER_ACK", "FULL_FILL"],
        "lean_FutureMarketSubmittedFilled": ["ORDER_ACK", "FULL_FILL"],
        # A stop that triggered and filled under its second id, and one that was rejected at its trigger.
        "lean_FutureStopLimitSubmittedFilled": ["ORDER_ACK", "TRIGGERED", "EXPIRED", "FULL_FILL"],
        "lean_FutureStopMarketSubmittedCanceled": ["ORDER_ACK", "CANCEL_ACK"],
    }


@needs_fixtures
def test_a_triggered_stop_links_both_of_its_ids() -> None:
    reader = ReportReader()
    found = [
        event
        for record in records(RECORDED[0])
        if record["session"] == "lean_FutureStopLimitSubmittedFilled"
        for event in reader.read(record["payload"]).orders
        if event.kind == "TRIGGERED"
    ]
    assert [(one.parent_order_id, one.venue_order_id) for one in found] == [
        ("2000000547400625", "4904025190")
    ]
    assert (
        reader.client_id_of("4904025190")
        == reader.client_id_of("2000000547400625")
        == found[0].venue_client_id
    )


@needs_fixtures
def test_recorded_wallets_are_reported_to_the_last_digit_and_funding_asks_for_its_id() -> None:
    wallets = []
    for frame in frames(RECORDED[2]):
        if frame["e"] != "ACCOUNT_UPDATE":
            continue
        update = ReportReader().read(frame)
        rows = [row for row in update.account if row["kind"] == "ACCOUNT_UPDATE"]
        assert [(row["asset"], row["wallet_balance"]) for row in rows] == [
            (balance["a"], Decimal(balance["wb"])) for balance in frame["a"]["B"]
        ]
        assert update.ask_income == (frame["a"]["m"] != "ORDER")
        wallets += rows
    assert len(wallets) >= 5


@needs_fixtures
def test_a_fill_reported_early_without_its_fee_is_no_fill() -> None:
    lite = [frame for frame in frames(*RECORDED) if frame["e"] == "TRADE_LITE"]
    assert len(lite) == 2
    for frame in lite:
        update = ReportReader().read(frame)
        assert (update.orders, update.account) == ([], [])


@needs_fixtures
def test_no_documented_frame_of_the_user_stream_breaks_the_reader() -> None:
    read = Counter(frame["e"] for frame in frames(*SCHEMA_ONLY) if ReportReader().read(frame) is not None)
    assert read["ORDER_TRADE_UPDATE"] >= 5
    assert read["ALGO_UPDATE"] >= 3
    assert read["ACCOUNT_UPDATE"] >= 2


@needs_fixtures
def test_documented_forced_closes_are_reported_as_what_they_are() -> None:
    forced = Counter(
        str(event.kind)
        for frame in frames(*SCHEMA_ONLY)
        for event in ReportReader().read(frame).orders
        if frame["e"] == "ORDER_TRADE_UPDATE" and "autoclose" in frame["o"]["c"]
    )
    assert forced["LIQUIDATION"] >= 1
    assert forced["ADL"] >= 1


@needs_fixtures
def test_signatures_are_those_of_the_documentation() -> None:
    vectors = json.loads((SHARED / "signing_vectors.json").read_text(encoding="utf-8"))["vectors"]
    checked = 0
    for vector in vectors:
        if vector["venue"] == "binance" and vector["verified"] and "HMAC" in vector["scheme"]:
            assert sign(vector["secret"], vector["message"]) == vector["expected"]
            checked += 1
    assert checked >= 2


@needs_fixtures
def test_every_code_that_the_venue_documents_has_a_fate() -> None:
    table = json.loads((SHARED / "venue_errors.json").read_text(encoding="utf-8"))["tables"]["binance_usdm"]
    fates = Counter(classify(400, int(code), "") for code in table if code.lstrip("-").isdigit())
    assert fates[Fate.UNKNOWN] == 4
    assert fates[Fate.REFUSED] > 150


# ------------------------------------------------------------------------------------- what an answer means


@pytest.mark.parametrize(
    ("status", "body", "fate"),
    [
        (400, '{"code":-2019,"msg":"Margin is insufficient."}',                      Fate.REFUSED),
        (400, '{"code":-1021,"msg":"Timestamp outside of the recvWindow."}',         Fate.CLOCK),
        (400, '{"code":-2011,"msg":"Unknown order sent."}',                          Fate.STATE),
        (400, '{"code":-4046,"msg":"No need to change margin type."}',               Fate.DONE),
        (429, '{"code":-1003,"msg":"Too many requests."}',                           Fate.LATER),
        (418, '{"code":-1003,"msg":"Way too many requests."}',                       Fate.LATER),
        (503, '{"code":-1008,"msg":"Service Unavailable."}',                         Fate.LATER),
        (503, '{"code":-1000,"msg":"Unknown error, please check your request."}',    Fate.UNKNOWN),
        (503, "Service Unavailable",                                                 Fate.UNKNOWN),
        (408, "",                                                                    Fate.UNKNOWN),
        (500, "<html>oops</html>",                                                   Fate.UNKNOWN),
        (502, "<html>Bad Gateway</html>",                                            Fate.UNKNOWN),
        (403, "<html>Forbidden</html>",                                              Fate.REFUSED),
        (200, '{"orderId": 12',                                                      Fate.UNKNOWN),
        (200, "",                                                                    Fate.UNKNOWN),
        (200, '{"code":-1001,"msg":"Internal error"}',                               Fate.UNKNOWN),
        (200, '{"code":-2019,"msg":"Margin is insufficient."}',                      Fate.REFUSED),
        (400, '{"code":-1007,"msg":"Timeout waiting for response"}',                 Fate.UNKNOWN),
        (400, '{"code":-99999,"msg":"a new one"}',                                   Fate.REFUSED),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_success_says_what_became_of_the_request(
    status: int, body: str, fate: Fate
) -> None:
    with pytest.raises(Failure) as failure:
        read_answer(status, body)
    assert failure.value.fate == fate


def test_a_success_with_code_200_is_one() -> None:
    assert read_answer(200, '{"code":"200","msg":"success","algoId":7}')["algoId"] == 7


def test_a_number_is_read_by_its_text() -> None:
    row = reading.parse('{"p": 0.1234567890123456789012, "q": "0.30", "i": 12345678901234567890}')
    assert reading.decimal(row, "p") == Decimal("0.1234567890123456789012")
    assert (reading.decimal(row, "q"), row["i"]) == (Decimal("0.30"), 12345678901234567890)


@pytest.mark.parametrize(
    ("stated", "read", "is_rounded"),
    [
        ("0.12345678",          "0.12345678",  False),
        ("0.123456780000",      "0.12345678",  False),
        ("0.123456785",         "0.12345678",  True),  # half goes to the even digit
        ("0.123456775",         "0.12345678",  True),
        ("-0.000000005",        "0",           True),
        ("1.5e-9",             "0",           True),
        ("5e-8",               "0.00000005",  False),
        ("-0.0000000051",       "-0.00000001", True),
        ("123456789012345.5",   "123456789012345.5", False),
    ],
)  # fmt: skip
def test_an_amount_finer_than_the_venues_unit_is_rounded_half_even_and_counted(
    stated: str,
    read: str,
    is_rounded: bool,  # noqa: FBT001 - a column of the table
) -> None:
    reader = ReportReader()
    row = {
        "incomeType": "FUNDING_FEE", "income": stated, "asset": "USDT", "time": 1, "tranId": 7,
        "symbol": "BTCUSDT",
    }  # fmt: skip
    entry = reader.income(row)
    assert entry is not None
    assert entry["amount"] == Decimal(read)
    assert reader.amounts.rounding == "HALF_EVEN"
    assert reader.amounts.rounded == ({"income": 1} if is_rounded else {})


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("<html>", "no JSON"),
        ('{"p": NaN}', "NaN is no number"),
        ("[" * 100_000, "no JSON"),
        (" " * (reading.FRAME_BYTES_MAX + 1), "at most"),
    ],
)
def test_what_is_no_frame_is_refused_by_name(raw: str, what: str) -> None:
    with pytest.raises(InvalidInput, match=what):
        reading.parse(raw)


# ------------------------------------------------------------------------------------------ the closed lists


def order_frame(**changes: Any) -> dict[str, Any]:
    plain = {"s": "BTCUSDT", "c": "D1", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1", "p": "5", "ap": "0"}
    now = {
        "x": "NEW",
        "X": "NEW",
        "i": 7,
        "l": "0",
        "z": "0",
        "L": "0",
        "n": "0",
        "N": "USDT",
        "T": 1,
        "t": 0,
    }
    order = plain | now | {"m": False, "ps": "BOTH", "rp": "0", "si": 0} | changes
    return {"e": "ORDER_TRADE_UPDATE", "T": 1, "E": 1, "o": order}


@pytest.mark.parametrize(
    "frame",
    [
        order_frame(x="TELEPORTED"),
        order_frame(X="MAYBE"),
        {"e": "ALGO_UPDATE", "T": 1, "o": {"caid": "a", "aid": 1, "s": "B", "S": "BUY", "X": "PONDERING"}},
    ],
)
def test_a_word_that_no_list_has_is_distinguished_from_a_broken_frame(frame: dict[str, Any]) -> None:
    with pytest.raises(UnknownMessage):
        ReportReader().read(frame)


@pytest.mark.parametrize(
    "frame",
    [
        [],
        {"e": "ORDER_TRADE_UPDATE", "T": 1},
        order_frame(q="much"),
        order_frame(i=True),
        order_frame(x="TRADE", X="FILLED", l="1", z="1", L=None),
        {"e": "ORDER_TRADE_UPDATE", "T": "now", "o": order_frame()["o"]},
        {"e": "ACCOUNT_UPDATE", "T": 1, "a": {"B": [{"a": "USDT", "wb": "Infinity"}]}},
    ],
)
def test_a_broken_frame_is_refused_by_the_field(frame: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        ReportReader().read(frame)
    assert not isinstance(refused.value, UnknownMessage)


def test_income_of_a_type_that_no_list_has_is_booked_and_counted() -> None:
    reader = ReportReader()
    entry = reader.income({"incomeType": "NEW_TAX", "income": "-1", "asset": "USDT", "time": 1, "tranId": 1})
    assert entry is not None
    assert (entry["kind"], entry["amount"]) == ("ADJUSTMENT", Decimal(-1))
    assert reader.unknown == {"incomeType 'NEW_TAX'": 1}


def test_an_event_that_no_list_has_is_counted() -> None:
    reader = ReportReader()
    update = reader.read({"e": "SOMETHING_NEW", "T": 1})
    assert (update.orders, update.account, dict(reader.unknown)) == ([], [], {"event 'SOMETHING_NEW'": 1})


def test_income_ids_are_unique_within_their_type_only() -> None:
    row = {"income": "1", "asset": "USDT", "time": 1, "tranId": 5}
    funding = ReportReader().income({**row, "incomeType": "FUNDING_FEE"})
    transfer = ReportReader().income({**row, "incomeType": "TRANSFER"})
    assert funding is not None
    assert transfer is not None
    assert funding["venue_txn_id"] != transfer["venue_txn_id"]
    assert ReportReader().income({**row, "incomeType": "COMMISSION"}) is None


# ------------------------------------------------------------------------------------------------ the budget

SECOND = 1_000_000_000
ENTRY = Request("POST", "/fapi/v1/order", weight=0, pool="entry")
EXIT = Request("POST", "/fapi/v1/order", weight=0, pool="exit")


def test_a_fifth_of_the_order_budget_is_kept_for_exits() -> None:
    budget = Budget()
    for _ in range(240):
        assert budget.wait_ms(ENTRY, 0) == 0
        budget.take(ENTRY, 0)
    assert budget.wait_ms(ENTRY, 0) > 0
    for _ in range(60):
        assert budget.wait_ms(EXIT, 0) == 0
        budget.take(EXIT, 0)
    assert budget.wait_ms(EXIT, 0) > 0
    assert budget.wait_ms(ENTRY, 11 * SECOND) == 0


def test_a_fifth_of_the_weight_is_kept_for_cancels() -> None:
    budget, question, cancel = Budget(), Request("GET", "/x", weight=5), Request("DELETE", "/x")
    budget.read_headers(question, {"X-MBX-USED-WEIGHT-1M": "1915"}, 0)
    assert budget.wait_ms(question, 0) == 0
    budget.take(question, 0)
    assert budget.wait_ms(question, 0) > 0
    assert budget.wait_ms(cancel, 0) == 0
    budget.read_headers(question, {"X-MBX-USED-WEIGHT-1M": "2399"}, 0)
    assert budget.wait_ms(cancel, 0) == 0
    assert budget.wait_ms(question, 61 * SECOND) == 0


def test_how_things_stand_is_asked_with_the_whole_weight_and_the_past_of_a_downtime_with_most_of_it() -> None:
    budget, past = Budget(), requests.income(0)
    for used, now, before, catching_up in (
        # used, how it stands now, the past, the past of a downtime
        (1_885, True, True, True),
        (1_980, True, False, True),
        (2_250, True, False, True),
        (2_255, True, False, False),
        (2_360, True, False, False),
        (2_365, False, False, False),
    ):
        budget.read_headers(past, {"X-MBX-USED-WEIGHT-1M": str(used)}, 0)
        present = (requests.POSITIONS, requests.open_orders(None), requests.query("BTCUSDT", "D1"))
        assert all(budget.wait_ms(one, 0) == 0 for one in present) is now
        for flag, leaves in ((False, before), (True, catching_up)):
            budget.catching_up = flag
            assert (budget.wait_ms(past, 0) == 0) is leaves, (used, flag)


def test_the_venues_own_count_and_its_word_to_wait_are_kept_to() -> None:
    budget = Budget()
    budget.read_headers(
        Request("GET", "/"), {"X-MBX-ORDER-COUNT-10S": "299", "X-MBX-USED-WEIGHT-1M": "2399"}, 0
    )
    assert budget.wait_ms(ENTRY, 0) > 0
    assert budget.wait_ms(EXIT, 0) == 0
    assert budget.wait_ms(Request("GET", "/x", weight=5), 0) > 0
    budget.barred(3_000, 60 * SECOND)
    assert 3_000 <= budget.wait_ms(EXIT, 60 * SECOND) <= 3_001
