"""Everything recorded of Binance USD-M, through the adapter's readers; whole sessions, K against E."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel
from dita.errors import InvalidInput
from dita.venues.binance.markets import read_instruments, read_klines, read_market, read_tiers
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import reading
from fixtures import FIXTURES, present

FILES = (
    "payloads/binance_usdm/ws_user_stream_recorded.jsonl",
    "payloads/binance_usdm/gct_http_recorded.jsonl",
    "payloads/binance_usdm/rest_recorded_extra.jsonl",
    "payloads/binance_usdm/jkorf.jsonl",
    "venues2/binance_usdm/lean_sessions.jsonl",
    "venues2/binance_usdm/lean_unit_payloads.jsonl",
    "venues2/binance_usdm/issue_pastes.jsonl",
    "venues2/binance_usdm/nautilus_test_data.jsonl",
    "venues2/binance_usdm/sdk_expected_responses.jsonl",
)
SESSIONS = "payloads/binance_usdm/ws_user_stream_recorded.jsonl"
LEAN = "venues2/binance_usdm/lean_sessions.jsonl"
OF_THE_USER = {
    "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ALGO_UPDATE", "TRADE_LITE", "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL", "listenKeyExpired", "CONDITIONAL_ORDER_TRIGGER_REJECT", "STRATEGY_UPDATE", "GRID_UPDATE",
}  # fmt: skip
Row = dict[str, Any]


def payloads(name: str) -> list[Any]:
    lines = present(FIXTURES / name).read_text(encoding="utf-8").splitlines()
    return [reading.parse(line)["payload"] for line in lines]


# ------------------------------------------------------------------------------------ which reader takes what


#: By the fields that a row has: its kind, and the reader that the adapter gives it to.
ROWS: tuple[tuple[str, set[str], Callable[[Row], object]], ...] = (
    ("order", {"orderId", "clientOrderId", "status", "origQty"}, ReportReader().status),
    ("conditional order", {"algoStatus", "clientAlgoId"}, ReportReader().algo_status),
    ("fill", {"commission", "realizedPnl", "qty"}, lambda row: ReportReader().trade(row, "")),
    ("entry", {"incomeType"}, ReportReader().income),
    ("balance", {"accountAlias", "balance"}, lambda row: reading.decimal(row, "balance")),
    ("position", {"symbol", "positionAmt"}, lambda row: reading.decimal(row, "positionAmt")),
    ("margin steps", {"brackets"}, lambda row: read_tiers([row], row["symbol"])),
    ("fees", {"makerCommissionRate"}, lambda row: reading.decimal(row, "makerCommissionRate")),
    ("settings", {"symbol", "marginType", "leverage"}, lambda row: reading.decimal(row, "leverage")),
)


def read(payload: Any) -> str:
    """Have its reader read a payload; return its kind, or "" where the adapter asks for no such thing."""
    if isinstance(payload, dict) and "data" in payload and "stream" in payload:
        payload = payload["data"]
    if isinstance(payload, dict) and {"s", "c", "x", "X", "l"} <= payload.keys():
        payload = {"e": "ORDER_TRADE_UPDATE", "T": payload["T"], "E": payload["T"], "o": payload}
    if isinstance(payload, dict) and "e" in payload:
        return read_frame(payload)
    if isinstance(payload, dict) and "symbols" in payload and "rateLimits" in payload:
        kept = ("TRADING", "PERPETUAL")
        rows = [row for row in payload["symbols"] if (row.get("status"), row.get("contractType")) == kept]
        read_instruments(payload, [row["symbol"] for row in rows])
        return "instruments"
    if isinstance(payload, list) and payload and isinstance(payload[0], list) and len(payload[0]) == 12:
        read_klines(payload, "S", "1m", 1 << 62)
        return "bars"
    return read_rows(payload if isinstance(payload, list) else [payload])


def read_frame(frame: Row) -> str:
    if frame["e"] in OF_THE_USER:
        ReportReader().read(frame)
        return "frame of the user stream"
    return "frame of the market" if read_market(frame) is not None else ""


def read_rows(rows: list[Any]) -> str:
    for kind, fields, take in ROWS:
        if rows and all(isinstance(row, dict) and fields <= row.keys() for row in rows):
            for row in rows:
                take(row)
            return kind
    return ""


#: What no reader takes, by a field that tells it, and why.
UNREAD: dict[str, str] = {
    "method": "a request to the venue",
    "params": "a request to the venue",
    "result": "an answer of the WebSocket API, or to a subscription: it trades by REST",
    "code": "the answer to a setting or a batch: read as success or failure, see the errors",
    "listenKey": "a key: read as text",
    "serverTime": "the venue's time: read as a time",
    "dualSidePosition": "a setting of the account: read as a flag", "multiAssetsMargin": "the same",
    "feeBurn": "the same", "indicators": "trading rules' statistics", "leverage": "the answer to a setting",
    "countdownTime": "the dead man's switch",
    "feeTier": "the account as a whole: balances and positions are asked for",
    "totalInitialMargin": "the same",
    "maxWithdrawAmountUSD": "the same",
    "downloadId": "a download of the history",
    "rateLimitType": "order limits: the answers' headers are gone by",
    "adlQuantile": "an auto-deleveraging rank",
    "adlRisk": "the same", "deltaType": "a change of isolated margin", "amendmentId": "the history of amends",
    "fromAsset": "a conversion of assets", "quoteId": "the same", "orderStatus": "the same",
    "subOrders": "an algorithm of the venue's own", "orders": "the same",
    "makerCommission": "rates of the spot market",
    "fundingRate": "market data that the adapter does not ask for by REST", "lastFundingRate": "the same",
    "adjustedFundingRateCap": "the same", "indexPrice": "the same", "asks": "the same",
    "askPrice": "the same",
    "isBuyerMaker": "the same", "a": "the same", "bidBuffer": "the same", "component": "the same",
    "longShortRatio": "the same", "constituents": "the same", "openInterest": "the same",
    "sumOpenInterest": "the same",
    "price": "the same", "buySellRatio": "the same", "priceChange": "the same",
    "bidQty": "the same", "e": "a frame of the market that is not used", "data": "the same",
    "stream": "the same",
    "symbols": "a list of indices", "cumQty": "orders of a batch, some of them refused",
}  # fmt: skip
#: Those that their reader refuses, by file and line, and why.
REFUSED = {
    ("gct_http_recorded.jsonl", 22): "updateTime: missing",
    ("gct_http_recorded.jsonl", 23): "updateTime: missing",
    # Examples of the documentation with their fields folded into one filter, and without a bracket.
    ("sdk_expected_responses.jsonl", 7): "leverageBracket: nothing of 'ETHUSDT'",
    ("sdk_expected_responses.jsonl", 12): "maxQty: expected a decimal, got None",
}


def fields_of(payload: Any) -> set[str]:
    rows = payload if isinstance(payload, list) else [payload]
    return {name for row in rows if isinstance(row, dict) for name in row}


def test_every_record_is_read_or_is_listed_with_the_reason() -> None:
    taken: Counter[str] = Counter()
    refused, unnamed = {}, []
    for name in FILES:
        for line, payload in enumerate(payloads(name), 1):
            try:
                kind = read(payload)
            except InvalidInput as error:
                refused[name.rpartition("/")[2], line] = str(error)
                continue
            taken[kind] += 1
            # An empty answer says nothing.
            if not kind and payload and not fields_of(payload) & UNREAD.keys():
                unnamed.append((name, line, sorted(fields_of(payload))))
    assert unnamed == []
    assert refused == REFUSED
    # No reader has become blind.
    assert taken["frame of the user stream"] >= 62
    assert taken["order"] >= 25
    assert taken["conditional order"] >= 11
    assert taken["entry"] >= 3


def test_an_entry_whose_time_came_as_text_is_booked() -> None:
    (row,) = payloads("payloads/binance_usdm/rest_recorded_extra.jsonl")[0]
    entry = ReportReader().income(row)
    assert entry is not None
    assert (entry["timestamp"], entry["amount"]) == (1_707_465_600_000_000_000, Decimal("-0.04618913"))


# ------------------------------------------------------------------------------------------- whole sessions


def sessions(name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for line in present(FIXTURES / name).read_text(encoding="utf-8").splitlines():
        record = reading.parse(line)
        found.setdefault(record["session"], []).append(record["payload"])
    return found


def opened(
    symbol: str, tick: str, asset: str, balance: str, position: tuple[str, str] | None
) -> ExecutionKernel:
    """A kernel with what the account held before its first frame."""
    kernel = ExecutionKernel()
    kernel.set_exchange_config(
        {"instruments": {symbol: {"tick_size": tick, "lot_step": "0.001", "settle": asset}}}
    )
    held = [] if position is None else [{"symbol": symbol, "size": position[0], "entry_price": position[1]}]
    kernel.open_with({"timestamp": 0, "balances": {asset: balance}, "positions": held, "orders": []})
    return kernel


def play(kernel: ExecutionKernel, reader: ReportReader, frame: Row) -> None:
    """Feed a frame as the adapter does, and answer for REST where it asks there for an entry's id."""
    update = reader.read(frame)
    for event in update.orders:
        kernel.on_venue_event(event)
    for event in update.account:
        kernel.on_account_event(event)
    if update.ask_income:
        kind = {"DEPOSIT": "TRANSFER", "WITHDRAW": "TRANSFER"}.get(frame["a"]["m"], frame["a"]["m"])
        for balance in frame["a"]["B"]:
            row = {"incomeType": kind, "income": balance["bc"], "asset": balance["a"]}
            entry = reader.income({**row, "time": frame["T"], "tranId": frame["T"]})
            assert entry is not None
            kernel.on_account_event(entry)
    kernel.check_invariants()


def test_a_session_of_2021_ends_with_k_as_e_to_the_last_unit() -> None:
    # Before the recording: the balance without the fee, and four of the five coins, at the average to match.
    kernel = opened("BTCUSDT", "0.01", "USDT", "41171.69033305", ("4", "39488.1425"))
    reader = ReportReader()
    for frame in sessions(SESSIONS)["btc_jkorf546_2021-01-14"]:
        play(kernel, reader, frame)
    asset = kernel.snapshot()["account"]["assets"]["USDT"]
    assert (asset["reconcile_delta"], asset["k_capital"]) == (0, Decimal("41155.75036105"))
    (position,) = kernel.positions()
    assert (position["size"], position["entry_price"], position["difference"]) == (5, Decimal("39560.5"), 0)


def test_a_session_that_lacks_frames_differs_by_what_they_moved() -> None:
    kernel, reader = opened("ETHUSDC", "0.01", "USDC", "38.84650063", None), ReportReader()
    for frame in sessions(SESSIONS)["ethusdc_2026-04-21"]:
        play(kernel, reader, frame)
    account = kernel.snapshot()["account"]
    # Trades that were not recorded moved the wallet by this, as its own frames show.
    assert account["reconcile_delta"] == Decimal("-0.96698169")
    assert account["k_funding_net"] == Decimal("-0.00085067")
    assert [row["amount"] for row in kernel.ledger() if row["cause"] == "TRANSFER"] == [10, -10]


@pytest.mark.parametrize(
    ("session", "size", "price", "fee"),
    [
        ("lean_FutureLimitSubmittedFilled", "800", "0.00661", "0.002644"),
        ("lean_FutureMarketSubmittedFilled", "800", "0.006567", "0.0026268"),
        ("lean_FutureStopLimitSubmittedFilled", "800", "0.00665", "0.001064"),
        ("lean_FutureLimitSubmittedCancelled", "0", "0", "0"),
        ("lean_FutureStopMarketSubmittedCanceled", "0", "0", "0"),
    ],
)
def test_a_session_of_mainnet_of_2026_leaves_its_position_and_costs_its_fee(
    session: str, size: str, price: str, fee: str
) -> None:
    # It has no frame of the account: the wallet is what it was, less the fee that the recording names.
    kernel, reader = opened("ACHUSDT", "0.000001", "USDT", "100", None), ReportReader()
    for frame in sessions(LEAN)[session]:
        play(kernel, reader, frame)
    wallet = Decimal(100) - Decimal(fee)
    kernel.on_account_event(
        {
            "kind": "ACCOUNT_UPDATE",
            "timestamp": 1_772_500_000_000_000_000,
            "asset": "USDT",
            "wallet_balance": wallet,
        }
    )
    asset = kernel.snapshot()["account"]["assets"]["USDT"]
    assert (asset["k_capital"], asset["reconcile_delta"]) == (wallet, 0)
    held = [(row["size"], row["entry_price"]) for row in kernel.positions() if row["size"]]
    assert held == ([(Decimal(size), Decimal(price))] if Decimal(size) else [])


def test_the_sessions_of_mainnet_are_played_whole() -> None:
    assert {name: len(frames) for name, frames in sessions(LEAN).items()} == {
        "lean_FutureLimitSubmittedCancelled": 2, "lean_FutureLimitSubmittedFilled": 2,
        "lean_FutureMarketSubmittedFilled": 2, "lean_FutureStopLimitSubmittedFilled": 8,
        "lean_FutureStopMarketSubmittedCanceled": 2,
    }  # fmt: skip
