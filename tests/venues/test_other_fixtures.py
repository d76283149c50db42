"""Everything beside the repository of OKX, BingX and Hyperliquid, through the protocol modules.

What is not read by one stands in `NOT_READ`, with its reason: a fixture that no list has fails the test.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from dita.errors import InvalidInput
from dita.venues.bingx.reports import ReportReader as BingxReader
from dita.venues.bingx.reports import position as bingx_position
from dita.venues.bingx.reports import read_instruments as bingx_instruments
from dita.venues.bingx.requests import BingxCodec
from dita.venues.okx.adapter import OkxSwap
from dita.venues.okx.reports import ReportReader as OkxReader
from dita.venues.okx.reports import read_instruments as okx_instruments
from dita.venues.okx.requests import OkxCodec
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure
from dita.venues.wire.updates import in_venue_order
from fixtures import FIXTURES, present

OKX = ("payloads/okx/jkorf.jsonl", "venues2/okx/gct_ws.jsonl", "venues2/okx/nautilus_test_data.jsonl")
BINGX = (
    "payloads/bingx/ws_user_stream.jsonl", "payloads/bingx/jkorf.jsonl", "payloads/bingx/docs_v3.jsonl",
    "venues2/bingx/api_ai_skills_2026_04.jsonl",
)  # fmt: skip
#: What goes through no reader, with the reason: the first that fits the fixture's path or topic counts.
NOT_READ: tuple[tuple[str, str], ...] = (
    (
        "a market: these adapters hear none",
        (
            r"/quote/|/market/|/public/|/rubik/|[Kk]line|[Cc]andle|[Tt]icker|[Bb]ook|[Tt]rades?_?|[Mm]ark_?[Pp]rice"
            r"|[Ii]ndex|OptionSummary|opt_summary|[Ff]unding_?[Rr]ate|PriceLimit|EstimatedPrice|SystemStatus|Symbol"
            r"|instruments|Price$|dept_info|trade_info|latest_records|depth_info|OpenInterest|Announcement"
        ),
    ),
    (
        "another product or service: spot, options, spreads, algos, grids, loans, copy trading, conversion",
        (
            r"/spot/|/oco/|/twap/|[Aa]lgo|[Ss]prd|[Ss]pread|[Gg]reeks|[Ii]nterest|[Bb]orrow|[Ll]oan|[Cc]onvert|[Cc]opy"
            r"|[Ee]arn|[Ss]taking|[Ss]avings|/rfq/|/tradingBot/|executionReport|option|Quick|FixedLoan"
        ),
    ),
    (
        "money that moves elsewhere: deposits, withdrawals, sub-accounts, what is held in other accounts",
        (
            r"/wallets/|/asset/|/capital/|[Dd]eposit|[Ww]ithdraw|[Tt]ransfer|[Ss]ub_?[Aa]ccount|/users/|getVst"
            r"|userDataStream|/uid|apiKey|affiliate"
        ),
    ),
    (
        "an action or a setting that nothing here asks for, or its answer of many orders at once",
        (
            r"batch|allOpenOrders|cancelAllAfter|cancel-all-after|close|amend|cancelReplace|order/test|precheck"
            r"|[Mm]argin|[Ll]ev(er|erage)|dual|assetMode|marginType|commissionRate|trade-fee|config|set-|/account/"
            r"|mass-cancel|mmp|LiquidationWarning|Multiple|PositionHistory|AmendOrder|CancelOrder|PlaceOrder"
        ),
    ),
    (
        "the vendor's tables of fields, and frames of login and settings: no answer",
        r"\.json$|docs_rule|^Balance$|^Order$|_setting|_subscribe|login",
    ),
    ("the wallet of an older version, or an instrument without a unit", r"/user/balance|/quote/contracts"),
)
HYPERLIQUID = "no adapter of its own: ccxt's speaks to it"


def reason(record: dict[str, Any]) -> str:
    """Why a fixture is not read: its place among `NOT_READ`, or a failure of the test."""
    header = record.get("header") or ["", ""]
    name = f"{header[1]} {record.get('topic') or record.get('event') or record.get('label') or ''}".strip()
    for why, pattern in NOT_READ:
        if re.search(pattern, name):
            return why
    raise AssertionError(f"{name!r} of {record['source']} is read by nothing, and has no reason")


def rows(name: str) -> Iterator[dict[str, Any]]:
    with present(FIXTURES / name).open(encoding="utf-8") as lines:
        yield from (reading.parse(line) for line in lines)


def read_okx(payload: Any) -> str:
    """Read a payload of OKX's; return what it was read as, or empty where no reader is for it."""
    reader = OkxReader()
    if isinstance(payload, dict) and ("arg" in payload or "event" in payload):
        if "data" not in payload and "event" not in payload:
            return ""
        reader.read(payload)
        return "skipped" if reader.skipped else "frame"
    if isinstance(payload, dict) and "data" in payload and "code" in payload:
        raw = json.dumps(payload, default=str).encode()
        payload = OkxCodec("", "", "", simulated=False).read(200, raw, {})
    found = payload if isinstance(payload, list) else [payload]
    kinds = {read_okx_row(reader, row) for row in found if isinstance(row, dict)}
    return next(iter(kinds), "") if len(kinds) == 1 else ""


def read_okx_row(reader: OkxReader, row: dict[str, Any]) -> str:  # noqa: C901, PLR0911 - a kind each
    if "sprdId" in row:
        return ""
    if {"ordId", "state", "accFillSz", "sz"} <= set(row):
        reader.status(row)
        return "order"
    if {"tradeId", "fillPx", "fillSz", "feeCcy"} <= set(row) and "state" not in row:
        reader.trade({"posSide": "net", **row})
        return "fill"
    if {"billId", "balChg"} <= set(row):
        reader.bill(row)
        return "bill"
    if {"pos", "posSide", "instType"} <= set(row):
        reader.position(row)
        return "position"
    if {"instId", "tickSz", "lotSz"} <= set(row) and row.get("instType") == "SWAP":
        okx_instruments([row], [row["instId"]])
        return "instrument"
    if {"ordId", "sCode"} <= set(row):
        return "reply"
    if "cashBal" in row:
        reading.decimal(row, "cashBal")
        return "balance"
    details = row.get("details")
    if isinstance(details, list) and details and "cashBal" in details[0]:
        for one in details:
            reading.decimal(one, "cashBal")
        return "balance"
    return ""


@pytest.mark.parametrize("name", OKX)
def test_every_fixture_of_okx_is_read_or_has_a_reason(name: str) -> None:
    read: Counter[str] = Counter()
    for record in rows(name):
        if record.get("part") == "client":
            read["not: sent by a client"] += 1
            continue
        try:
            what = read_okx(record["payload"])
        except Failure:
            what = "failure"
        read[what or f"not: {reason(record)}"] += 1
    assert read["order"] + read["frame"] >= {"gct_ws.jsonl": 4}.get(name.rpartition("/")[2], 6), read
    assert sum(read.values()) == sum(1 for _ in rows(name))


def test_a_recorded_fill_of_okxs_has_its_price_size_fee_and_ids() -> None:
    seen = 0
    for record in rows(OKX[1]):
        if record["topic"] != "orders":
            continue
        row = record["payload"]["data"][0]
        update = OkxReader().read(record["payload"])
        fills = [one for one in update.orders if one.venue_trade_id]
        # The terminal frame repeats the fee with an empty trade id: it is no fill.
        assert len(fills) == (1 if row["tradeId"] else 0)
        for fill in fills:
            assert (fill.price, fill.size) == (Decimal(row["fillPx"]), Decimal(row["fillSz"]))
            assert (fill.fee, fill.fee_asset) == (-Decimal(row["fillFee"]), row["fillFeeCcy"])
            # One of the frames has no profit.
            profit = Decimal(row["fillPnl"]) if row.get("fillPnl") else None
            assert (fill.realized_pnl, fill.venue_sequence) == (profit, int(row["tradeId"]))
            assert fill.liquidity == ("MAKER" if row["execType"] == "M" else "TAKER")
            seen += 1
    assert seen == 2


def test_fills_of_a_frame_of_okxs_come_by_their_trade_ids() -> None:
    frames = [record["payload"] for record in rows(OKX[1]) if record["topic"] == "orders"]
    frame = next(frame for frame in frames if frame["data"][0]["tradeId"])
    row = frame["data"][0]
    later = {**row, "ordId": "9", "clOrdId": "D9", "tradeId": str(int(row["tradeId"]) + 1), "fillPnl": "-1.5"}
    update = OkxReader().read({**frame, "data": [later, row]})
    fills = [one for one in update.orders if one.venue_trade_id]
    fills = in_venue_order(fills, OkxSwap.sequence_order, OkxSwap.sequence_ties)
    assert [one.venue_trade_id for one in fills] == [row["tradeId"], later["tradeId"]]
    assert fills[1].realized_pnl == Decimal("-1.5")
    assert update.account == []


def test_a_liquidation_of_okxs_is_reported_as_one() -> None:
    update = [
        one
        for record in rows(OKX[2])
        if record["topic"] == "ws_orders_liquidation"
        for one in OkxReader().read(record["payload"]).orders
    ]
    assert [(str(one.kind), one.price, one.fee) for one in update] == [
        ("LIQUIDATION", Decimal("40000.0"), 20)
    ]


def read_bingx(payload: Any) -> str:
    reader = BingxReader()
    if not isinstance(payload, dict):
        return ""
    if "e" in payload:
        reader.read(payload)
        return "frame"
    if "dataType" in payload:
        reader.read(payload)
        return "skipped"
    if "code" not in payload:
        return ""
    data = BingxCodec("", "").read(200, json.dumps(payload, default=str).encode(), {})
    return read_bingx_data(reader, data)


def read_bingx_data(reader: BingxReader, data: Any) -> str:
    if isinstance(data, dict) and "fill_orders" in data:
        return "traded" if all(row.get("orderId") for row in data["fill_orders"]) else ""
    found = data.get("orders") or data.get("order") or data if isinstance(data, dict) else data
    found = found if isinstance(found, list) else [found]
    kinds = {read_bingx_row(reader, row) for row in found if isinstance(row, dict)}
    return next(iter(kinds), "") if len(kinds) == 1 else ""


def read_bingx_row(reader: BingxReader, row: dict[str, Any]) -> str:  # noqa: PLR0911 - a kind each
    if "cummulativeQuoteQty" in row:
        # Spot.
        return ""
    if {"orderId", "status", "origQty", "executedQty", "side"} <= set(row):
        reader.stands(row)
        return "order"
    if {"orderId", "symbol"} <= set(row) and "status" not in row and "executedQty" not in row:
        return "reply"
    if {"incomeType", "income", "tranId"} <= set(row):
        reader.income(row)
        return "income"
    if {"positionAmt", "positionSide", "symbol"} <= set(row):
        bingx_position(row)
        return "position"
    if {"asset", "balance", "equity"} <= set(row):
        reading.maybe(row, "balance")
        return "balance"
    if {"symbol", "quantityPrecision", "pricePrecision", "currency"} <= set(row) and row.get("status") == 1:
        bingx_instruments([row], [row["symbol"]])
        return "instrument"
    return ""


@pytest.mark.parametrize("name", BINGX)
def test_every_fixture_of_bingxs_is_read_or_has_a_reason(name: str) -> None:
    read: Counter[str] = Counter()
    for record in rows(name):
        try:
            what = read_bingx(record["payload"])
        except Failure:
            what = "failure"
        read[what or f"not: {reason(record)}"] += 1
    wanted = {
        "ws_user_stream.jsonl": ("frame", 7),
        "jkorf.jsonl": ("order", 2),
        "docs_v3.jsonl": ("order", 3),
        "api_ai_skills_2026_04.jsonl": ("position", 1),
    }[name.rpartition("/")[2]]
    assert read[wanted[0]] >= wanted[1], read


def test_a_recorded_frame_of_bingxs_without_a_fills_size_is_read_from_its_total() -> None:
    frames = [record["payload"] for record in rows(BINGX[0]) if record.get("event") == "ORDER_TRADE_UPDATE"]
    update = BingxReader().read(frames[0])
    fill = update.orders[0]
    assert (str(fill.kind), fill.size, fill.price) == ("FULL_FILL", Decimal("0.1"), Decimal("64.36"))
    assert (fill.fee, fill.fee_asset, fill.venue_order_id) == (
        Decimal("0.003218"),
        "USDT",
        "1711312357852147712",
    )
    # Its fills have no ids and no sequence, so none is settled by itself.
    assert (fill.realized_pnl, fill.venue_sequence, update.account) == (None, None, [])
    # An id that is larger than 64 bits stays one; a trigger that has not traded is no fill.
    update = BingxReader().read(frames[1])
    assert (update.orders[0].venue_order_id, str(update.orders[0].kind)) == (
        "172998235239792314304",
        "ORDER_ACK",
    )


def test_samples_of_ccxts_comments_break_no_reader() -> None:
    read: Counter[str] = Counter()
    for record in rows("payloads/ccxt_comment_samples.jsonl"):
        reader = {"okx": read_okx, "bingx": read_bingx}.get(record["venue"])
        if reader is None:
            continue
        payload = record["payload"]
        try:
            what = reader(payload)
        except Failure:
            what = "failure"
        except InvalidInput as error:
            # Spot orders, cut samples, and numbers that a parser before has corrupted.
            what = f"refused by field: {str(error).partition(':')[0]}"
        read[f"{record['venue']} {what or 'not read'}"] += 1
    assert read["okx order"] + read["okx frame"] >= 5, read
    assert read["bingx order"] + read["bingx frame"] >= 5, read


def test_hyperliquid_has_no_adapter_of_its_own() -> None:
    names = ("venues2/hyperliquid/nautilus_test_data.jsonl", "venues2/hyperliquid/sdk_cassettes.jsonl")
    assert sum(1 for name in names for _ in rows(name)) == 25
    assert "ccxt" in HYPERLIQUID
