"""Everything recorded of Bybit v5, through the adapter's readers."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dita.errors import InvalidInput
from dita.venues.bybit.failures import read_answer
from dita.venues.bybit.markets import (
    MarketReader,
    read_instrument,
    read_klines,
    read_ticker,
    read_tiers,
)
from dita.venues.bybit.reports import ReportReader
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure
from fixtures import FIXTURES, present

FILES = (
    "payloads/bybit/docs_examples.jsonl",
    "payloads/bybit/gct_ws_auth.jsonl",
    "payloads/bybit/jkorf.jsonl",
    "venues2/bybit/docs_2026_07.jsonl",
    "venues2/bybit/hirokisan_v5.jsonl",
    "venues2/bybit/issue_pastes.jsonl",
    "venues2/bybit/nautilus_test_data.jsonl",
    "venues2/bybit/xchange_test_resources.jsonl",
)
ACCOUNT = {"order", "execution", "position", "wallet"}
MARKET = {"kline", "publicTrade", "trade", "tickers", "orderbook"}
Row = dict[str, Any]

#: By the fields that a row has: its kind, and the reader that the adapter gives it to.
ROWS: tuple[tuple[str, set[str], Callable[[Row], object]], ...] = (
    ("order", {"orderId", "orderStatus", "cumExecQty", "positionIdx"}, ReportReader().status),
    ("execution", {"execId", "execType", "execFee"}, lambda row: executed(row)),
    ("transaction", {"transactionTime", "cashFlow", "change"}, ReportReader().entry),
    ("position", {"positionIdx", "positionValue"}, lambda row: reading.decimal(row, "size")),
    (
        "margin steps",
        {"riskLimitValue", "maintenanceMargin"},
        lambda row: read_tiers({"list": [row]}, row["symbol"]),
    ),
    ("fees", {"takerFeeRate", "makerFeeRate"}, lambda row: reading.decimal(row, "takerFeeRate")),
    ("funding rate", {"fundingRateTimestamp"}, lambda row: reading.decimal(row, "fundingRate")),
    (
        "balance",
        {"totalEquity", "coin"},
        lambda row: [reading.decimal(one, "walletBalance") for one in row["coin"]],
    ),
    ("ticker", {"markPrice", "lastPrice", "fundingRate"}, lambda row: read_ticker(row, 0)),
)  # fmt: skip
#: Why the adapter has no reader for the rest, by what their records have in common.
NO_READER = {
    "another category": "spot, option, inverse and spread are not traded by this adapter",
    "not asked for": "borrowing, conversion, transfers, sub-accounts, announcements, statistics",
    "a request": "what a client sends: it is written here, not read",
    "order entry by WebSocket": "orders go by REST",
    "not wire format": "rows that a Go client wrote anew, without their envelope",
}


READ = {
    *(kind for kind, _, _ in ROWS), *(f"frame: {topic}" for topic in ACCOUNT | MARKET), "bars", "instruments",
    "answer", "an answer on the stream",
}  # fmt: skip
#: Answers with an error inside, by file: they are read as the refusals that they are.
REFUSED = {
    "payloads/bybit/docs_examples.jsonl": ["Set Margin Mode"],
    "payloads/bybit/jkorf.jsonl": ["SetMarginMode"],
    "venues2/bybit/xchange_test_resources.jsonl": ["getOrderError"],
}


def executed(row: Row) -> object:
    reader = ReportReader()
    return reader.fill(row) if reader.is_trade(row) else None


def payloads(name: str) -> list[Row]:
    return [reading.parse(line) for line in present(FIXTURES / name).read_text("utf-8").splitlines()]


def read(payload: Any) -> str:
    """Have its reader read a payload; return its kind, or why there is no reader."""
    if not isinstance(payload, dict) or "args" in payload or "request" in payload:
        return "a request"
    if "topic" in payload:
        return read_frame(payload)
    if "op" in payload:
        return "an answer on the stream"
    result = payload
    if "retCode" in payload:
        result = read_answer(200, reading_text(payload))
    if not isinstance(result, dict):
        return "not asked for"
    return read_result(result)


def reading_text(payload: Row) -> str:
    return json.dumps(payload, default=str)


def read_frame(frame: Row) -> str:
    topic = frame["topic"].partition(".")[0]
    if topic in ACCOUNT:
        ReportReader().read(frame)
        return f"frame: {topic}"
    if topic in MARKET and not frame["topic"].endswith("-C"):
        MarketReader().read(frame)
        return f"frame: {topic}"
    return "another category"


def read_result(result: Row) -> str:
    category = result.get("category")
    rows = result.get("list", result if "execId" in result else None)
    rows = [rows] if isinstance(rows, dict) else rows
    if isinstance(result.get("coin"), list):
        rows = [result]
    if not isinstance(rows, list) or not rows:
        known = {"timeNano", "orderId", "unifiedMarginStatus", "permissions"}
        return "answer" if known & result.keys() else "not asked for"
    return read_rows(result, rows) if category in {None, "", "linear"} else "another category"


def read_rows(result: Row, rows: list[Any]) -> str:
    if isinstance(rows[0], list):
        if any(len(row) != 7 for row in rows):
            return "not asked for"
        read_klines(result, "S", "1h", 1 << 62)
        return "bars"
    if {"lotSizeFilter", "contractType"} <= rows[0].keys():
        kept = [row for row in rows if (row["contractType"], row["status"]) == ("LinearPerpetual", "Trading")]
        for row in kept:
            read_instrument(result, row["symbol"])
        return "instruments" if kept else "another category"
    for kind, fields, take in ROWS:
        if all(isinstance(row, dict) and fields <= row.keys() for row in rows):
            for row in rows:
                take(row)
            return kind
    return "not asked for"


@pytest.mark.parametrize("name", FILES)
def test_every_record_goes_through_its_reader_or_is_of_a_kind_that_has_none(name: str) -> None:
    found: Counter[str] = Counter()
    refused = []
    for record in payloads(name):
        try:
            found[read(record["payload"])] += 1
        except (InvalidInput, Failure) as error:
            refused.append((record["topic"], str(error)))
    assert found.total() + len(refused) == len(payloads(name))
    assert [topic for topic, _ in refused] == REFUSED.get(name, []), refused
    assert found.keys() <= READ | NO_READER.keys()


def test_a_row_of_funding_is_no_trade() -> None:
    row = payloads("venues2/bybit/issue_pastes.jsonl")[0]["payload"]
    reader = ReportReader()
    assert not reader.is_trade(row)
    update = reader.read({"topic": "execution", "creationTime": 1, "data": [{**row, "category": "linear"}]})
    assert update.orders == []
    assert update.ask_income


def test_recorded_executions_have_the_fees_and_profits_that_their_rows_say() -> None:
    frame = payloads("payloads/bybit/docs_examples.jsonl")[46]["payload"]
    update = ReportReader().read(frame)
    [fill], [] = update.orders, update.account
    assert (fill.kind, fill.size, fill.price) == ("FULL_FILL", Decimal("0.5"), Decimal("95900.1"))
    assert (fill.fee, fill.fee_asset, fill.liquidity) == (Decimal("26.3725275"), "USDT", "TAKER")
    assert (fill.realized_pnl, fill.order_side) == (Decimal("0.05"), "SELL")
    assert fill.venue_sequence == 140612148849382


def test_the_recorded_transaction_log_adds_up_and_books_funding_alone() -> None:
    records = payloads("payloads/bybit/docs_examples.jsonl")
    record = next(one for one in records if one["topic"] == "Get Transaction Log")
    rows = record["payload"]["result"]["list"]
    reader = ReportReader()
    for row in rows:
        flow, fee = reading.decimal(row, "cashFlow"), reading.decimal(row, "fee")
        funding = reading.maybe(row, "funding") or Decimal(0)
        assert reading.decimal(row, "change") == flow + funding - fee
    entries = [entry for row in rows if (entry := reader.entry(row)) is not None]
    assert [(one["kind"], one["amount"]) for one in entries] == [("FUNDING_FEE", Decimal("-0.003676"))]
