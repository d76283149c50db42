"""What each adapter states of its venue's sequences, held against recorded payloads."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from dita import BaseExecutionAdapter, VenueEvent
from dita.errors import InvalidInput
from dita.venues.base import SequenceOrder
from dita.venues.binance.adapter import BinancePractice, BinanceUsdm
from dita.venues.binance.reports import ReportReader as BinanceReader
from dita.venues.bingx.adapter import BingxSwap
from dita.venues.bybit.adapter import BybitLinear, BybitPractice
from dita.venues.bybit.reports import ReportReader as BybitReader
from dita.venues.ccxt import CCXTAdapter
from dita.venues.ibkr import IBKRAdapter
from dita.venues.mock import MockVenueAdapter
from dita.venues.okx.adapter import OkxPractice, OkxSwap
from dita.venues.wire import reading
from dita.venues.wire.requests import Request
from dita.venues.wire.updates import in_venue_order
from fixtures import FIXTURES, present

#: Binance's real sessions, Bybit's and OKX's frames as recorded or as documented.
BINANCE = (
    "venues2/binance_usdm/lean_sessions.jsonl", "venues2/binance_usdm/lean_unit_payloads.jsonl",
    "payloads/binance_usdm/ws_user_stream_recorded.jsonl",
)  # fmt: skip
BYBIT = ("payloads/bybit/docs_examples.jsonl", "payloads/bybit/gct_ws_auth.jsonl")
OKX = ("payloads/okx/jkorf.jsonl", "venues2/okx/gct_ws.jsonl")
STATED = [
    # adapter        sequence_order  sequence_ties  revisions
    (BinanceUsdm,    "SYMBOL",       "PLACE",       "NONE"),
    (BybitLinear,    "SYMBOL",       "LEAVES",      "NONE"),
    (OkxSwap,        "SYMBOL",       "PLACE",       "NONE"),
    (BingxSwap,      "NONE",         "PLACE",       "NONE"),
    (CCXTAdapter,    "NONE",         "PLACE",       "NONE"),
    (IBKRAdapter,    "NONE",         "PLACE",       "NONE"),
    (MockVenueAdapter, "NONE",         "PLACE",       "STAMP"),
]  # fmt: skip


def payloads(*names: str) -> Iterator[Any]:
    for name in names:
        with present(FIXTURES / name).open(encoding="utf-8") as lines:
            yield from (reading.parse(line)["payload"] for line in lines)


def within(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a payload."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(inner)


def binance_fills() -> list[VenueEvent]:
    rows = (row for payload in payloads(*BINANCE) for row in within(payload))
    frames = [row for row in rows if row.get("e") == "ORDER_TRADE_UPDATE" and row["o"]["x"] == "TRADE"]
    return [BinanceReader().read(frame).orders[-1] for frame in frames]


def bybit_rows() -> list[dict[str, Any]]:
    rows = [row for payload in payloads(*BYBIT) for row in within(payload) if "execId" in row]
    return [row for row in rows if row.get("category") == "linear" and "leavesQty" in row]


def okx_rows() -> list[dict[str, Any]]:
    rows = [row for payload in payloads(*OKX) for row in within(payload)]
    return [row for row in rows if row.get("fillPx") and row.get("tradeId") and row.get("ordId")]


def ids(fills: list[VenueEvent]) -> list[str]:
    return [fill.venue_trade_id for fill in fills]


# ------------------------------------------------------------------------------------------------ stated


@pytest.mark.parametrize(("adapter", "order", "ties", "revisions"), STATED)
def test_an_adapter_states_its_venues_sequence(
    adapter: type[BaseExecutionAdapter], order: str, ties: str, revisions: str
) -> None:
    assert (adapter.sequence_order, adapter.sequence_ties, adapter.revisions) == (order, ties, revisions)


@pytest.mark.parametrize("field", ["sequence_order", "sequence_ties", "revisions"])
def test_a_value_that_does_not_exist_is_refused_where_the_class_is_made(field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"Wrong\.{field}: expected one of .*, got 'seq'"):
        type("Wrong", (BaseExecutionAdapter,), {field: "seq"})


# ------------------------------------------------------------------------------------------------ recorded


def test_binances_recorded_trade_ids_ascend_with_time_within_an_instrument() -> None:
    fills = binance_fills()
    assert len({fill.asset for fill in fills}) > 1
    assert len(fills) >= 8
    by_time = sorted(fills, key=lambda fill: fill.timestamp_ns)
    for symbol in {fill.asset for fill in fills}:
        own = [fill.venue_sequence for fill in by_time if fill.asset == symbol]
        assert own == sorted(own)
        assert len(set(own)) == len(own)
    # The recording lists them in another order; the stated one is that of time.
    one = [fill for fill in fills if fill.asset == "ACHUSDT"]
    assert ids(one) != ids(sorted(one, key=lambda fill: fill.timestamp_ns))
    ordered = in_venue_order(one, BinanceUsdm.sequence_order, BinanceUsdm.sequence_ties)
    assert ids(ordered) == ids(sorted(one, key=lambda fill: fill.timestamp_ns))


def test_okxs_recorded_trade_ids_ascend_with_time_within_an_instrument() -> None:
    rows = [row for row in okx_rows() if row["instId"] == "BTC-USDT"]
    times = {row["tradeId"]: int(row.get("fillTime") or row["ts"]) for row in rows}
    assert len(times) >= 3
    assert sorted(times, key=int) == sorted(times, key=lambda trade_id: times[trade_id])


def test_bybits_recorded_executions_have_a_sequence_and_leaves() -> None:
    rows = bybit_rows()
    assert len({row["symbol"] for row in rows}) >= 2
    for row in rows:
        fill = BybitReader().fill(row)
        assert (fill.venue_sequence, fill.remaining_size) == (row["seq"], Decimal(row["leavesQty"]))


# -------------------------------------------------------------------------------------- through the adapter


class Wire:
    """A transport that answers from a table and opens nothing."""

    rest = "http://127.0.0.1"
    now = 1_800_000_000_000_000_000
    waits = ""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def now_ms(self) -> int:
        return self.now // 1_000_000

    def is_own_thread(self) -> bool:
        return False

    def spawn(self, work: Any) -> None:
        work.close()

    def wait_for(self, work: Any, wait_s: float) -> Any:
        return asyncio.run(asyncio.wait_for(work, wait_s))

    async def ask(self, request: Request) -> Any:
        return self.answers.get(request.path, {"list": []})


class Kernel:
    """Keeps the order in which events arrive."""

    def __init__(self) -> None:
        self.fills: list[VenueEvent] = []

    def on_venue_event(self, event: VenueEvent) -> Any:
        if event.venue_trade_id:
            self.fills.append(event)
        return SimpleNamespace(accepted=True)

    def on_account_event(self, event: dict[str, Any]) -> Any:
        return event


def bybit(rows: list[dict[str, Any]]) -> BybitLinear:
    wire: Any = Wire({"/v5/execution/list": {"list": rows}})
    return BybitPractice("key", "secret", ["BTCUSDT"], transport=lambda *_: wire)


def tied() -> list[dict[str, Any]]:
    """A recorded execution as five of one moment, the newest first: o1's and o2's share a sequence."""
    row = next(row for row in bybit_rows() if row["symbol"] == "BTCUSDT")
    own = {**row, "orderQty": "1", "orderId": "o1"}
    return [
        {**own, "execId": "e5", "seq": row["seq"] + 1, "leavesQty": "0"},
        {**own, "execId": "e4", "leavesQty": "0.1"},
        {**own, "execId": "e3", "orderId": "o2", "leavesQty": "0"},
        {**own, "execId": "e2", "leavesQty": "0.2"},
        {**own, "execId": "e1", "seq": row["seq"] - 1, "leavesQty": "0.3"},
    ]


def test_simultaneous_executions_of_a_bybit_frame_arrive_by_falling_leaves() -> None:
    # As REST lists them, with o1's two swapped as well: only leaves can tell.
    rows = tied()
    for frame_rows in (rows, [rows[0], rows[3], rows[2], rows[1], rows[4]]):
        adapter, kernel = bybit([]), Kernel()
        adapter.attach(kernel)
        frame = {"topic": "execution", "creationTime": 1_700_000_000_002, "data": frame_rows}
        assert adapter._on_frame(json.dumps(frame, default=str))
        assert ids(kernel.fills) == ["e1", "e2", "e3", "e4", "e5"]


def test_executions_of_bybits_rest_are_returned_the_oldest_first() -> None:
    fills = list(bybit(tied()).get_fills(Wire.now - 3_600_000_000_000))
    assert ids(fills) == ["e1", "e2", "e3", "e4", "e5"]
    assert [fill.realized_pnl for fill in fills] == [Decimal("0.05")] * 5


def test_fills_of_one_moment_at_binance_and_okx_are_returned_by_trade_id() -> None:
    trade = {
        "symbol": "BTCUSDT", "orderId": 7, "side": "BUY", "price": "60000", "qty": "0.001",
        "realizedPnl": "0",
        "commission": "0.01", "commissionAsset": "USDT", "time": 5, "positionSide": "BOTH", "maker": True,
        "buyer": True,
    }  # fmt: skip
    wire: Any = Wire(
        {
            "/fapi/v1/userTrades": [{**trade, "id": 9}, {**trade, "id": 8}], "/fapi/v1/income": [],
            "/fapi/v1/order": {"clientOrderId": "D1"}, "/fapi/v3/positionRisk": [],
        }
    )  # fmt: skip
    binance = BinancePractice("key", "secret", ["BTCUSDT"], transport=lambda *_: wire)
    fills = list(binance.get_fills(0))
    assert ids(fills) == ["8", "9"]
    assert [(fill.realized_pnl, fill.fee) for fill in fills] == [(0, Decimal("0.01"))] * 2
    row = {
        "instId": "BTC-USDT-SWAP", "ordId": "1", "clOrdId": "D1", "side": "buy", "fillPx": "60000",
        "fillSz": "1",
        "fee": "-0.01", "feeCcy": "USDT", "fillTime": "5", "ts": "5", "posSide": "net",
    }  # fmt: skip
    wire = Wire({"/api/v5/trade/fills-history": [{**row, "tradeId": "8"}, {**row, "tradeId": "9"}]})
    okx = OkxPractice("key", "secret", "phrase", ["BTC-USDT-SWAP"], transport=lambda *_: wire)
    assert ids(list(okx.get_fills(0))) == ["8", "9"]


# -------------------------------------------------------------------------------------------- each value

FILLS = [
    VenueEvent(
        1, kind="PARTIAL_FILL", asset=asset, venue_trade_id=f"{asset}{number}", venue_sequence=number,
        price=1, size=1,
    )
    for asset, number in (("A", 3), ("A", None), ("B", 1), ("A", 2))
]  # fmt: skip


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("SYMBOL",  ["A2", "ANone", "B1", "A3"]),
        ("ACCOUNT", ["B1", "ANone", "A2", "A3"]),
        ("NONE",    ["A3", "ANone", "B1", "A2"]),
    ],
)  # fmt: skip
def test_fills_are_ordered_as_the_adapter_states(order: SequenceOrder, expected: list[str]) -> None:
    assert ids(in_venue_order(FILLS, order, "PLACE")) == expected
