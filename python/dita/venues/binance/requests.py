"""What is asked of the venue: method, path, parameters, and the text that is signed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from dita._kernel import VenueOrder
from dita.errors import NotSent
from dita.venues.binance.failures import read_answer
from dita.venues.wire.reading import nanoseconds
from dita.venues.wire.requests import (
    Request,
    Written,
    digits,
    is_conditional,
    pool_of,
    sign,
    waits_for_trigger,
)

RECV_WINDOW_MS: Final = 5_000


SERVER_TIME: Final = Request("GET", "/fapi/v1/time", signed=False, first=True)


class BinanceCodec:
    """One account's requests, with its key."""

    name: Final = "binance"
    server_time: Final[Request] = SERVER_TIME

    def __init__(self, key: str = "", secret: str = "") -> None:
        """Take the key and its secret; without them public questions alone are answered."""
        self._headers = {"X-MBX-APIKEY": key} if key else {}
        self._secret = secret

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request: everything is in its address, with time and signature where they are wanted."""
        values = dict(request.values)
        if request.signed:
            values |= {"recvWindow": RECV_WINDOW_MS, "timestamp": now_ms}
        query = urlencode(values)
        if request.signed:
            query += f"&signature={sign(self._secret, query)}"
        return Written(f"{request.path}?{query}".rstrip("?"), self._headers)

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer.

        Raises:
            Failure: It is no success.
        """
        return read_answer(status, raw, headers.get("Retry-After"))

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the venue's time."""
        return nanoseconds(answer, "serverTime")


def place(order: VenueOrder) -> Request:
    """Ask for an order.

    Args:
        order: As the kernel has it.

    Raises:
        NotSent: The venue has no such order.
    """
    kind, life = str(order.order_type), str(order.time_in_force)
    values: dict[str, Any] = {
        "symbol": order.asset,
        "side": str(order.order_side),
        "positionSide": str(order.position_side),
        "type": {"STOP_LIMIT": "STOP", "TAKE_PROFIT": "TAKE_PROFIT_MARKET"}.get(kind, kind),
        "quantity": digits(order.intended_size),
    }
    if kind == "TAKE_PROFIT" and order.limit_price is not None:
        values["type"] = "TAKE_PROFIT"
    if order.limit_price is not None:
        values["price"] = digits(order.limit_price)
        values["timeInForce"] = "GTX" if order.post_only else life
    elif life in {"FOK", "GTD"}:
        raise NotSent(f"time_in_force: {life} needs a limit price at Binance")
    if life == "GTD":
        if order.post_only:
            raise NotSent("time_in_force: GTD cannot be post-only at Binance")
        if order.expire_time_ns is None:
            raise NotSent("expire_time: missing for GTD")
        # The venue takes whole seconds.
        values["goodTillDate"] = order.expire_time_ns // 1_000_000_000 * 1_000
    # In hedge mode the side says it already, and the venue refuses the flag.
    if order.reduce_only and str(order.position_side) == "BOTH":
        values["reduceOnly"] = "true"
    pool = pool_of(order)
    # Those that wait for a trigger live in a service of their own since 2025-12-09.
    if not is_conditional(order):
        values |= {"newClientOrderId": order.venue_client_id, "newOrderRespType": "ACK"}
        return Request("POST", "/fapi/v1/order", values, weight=0, pool=pool)
    if order.trigger_price is None:
        raise NotSent("trigger_price: missing")
    values |= {
        "algoType": "CONDITIONAL",
        "triggerPrice": digits(order.trigger_price),
        "workingType": "MARK_PRICE" if str(order.trigger_by) == "MARK" else "CONTRACT_PRICE",
        "clientAlgoId": order.venue_client_id,
    }
    return Request("POST", "/fapi/v1/algoOrder", values, weight=0, pool=pool)


def cancel(order: VenueOrder) -> Request:
    """Ask to cancel an order: by the venue's id where no client id is known."""
    client_id, order_id = order.venue_client_id, order.venue_order_id
    if waits_for_trigger(order):
        named = {"clientAlgoId": client_id} if client_id else {"algoId": order_id}
        return Request("DELETE", "/fapi/v1/algoOrder", named, pool="none")
    named = {"origClientOrderId": client_id} if client_id else {"orderId": order_id}
    return Request("DELETE", "/fapi/v1/order", {"symbol": order.asset, **named})


def amend(order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
    """Ask to change an order: the venue wants quantity and price both."""
    values = {
        "symbol": order.asset,
        "side": str(order.order_side),
        "origClientOrderId": order.venue_client_id,
        "quantity": digits(size),
        "price": digits(price),
    }
    if request_id:
        values["modifyId"] = request_id
    return Request("PUT", "/fapi/v1/order", values)


def query(symbol: str, client_id: str = "", order_id: str = "") -> Request:
    """Ask about a plain order."""
    named = {"orderId": order_id} if order_id else {"origClientOrderId": client_id}
    return Request("GET", "/fapi/v1/order", {"symbol": symbol, **named}, first=True)


def query_algo(client_id: str) -> Request:
    """Ask about a conditional order."""
    return Request("GET", "/fapi/v1/algoOrder", {"clientAlgoId": client_id}, first=True)


def open_orders(symbol: str | None) -> Request:
    """Ask for the plain orders that are open; without a symbol it weighs 40."""
    values = {"symbol": symbol} if symbol else {}
    return Request("GET", "/fapi/v1/openOrders", values, weight=1 if symbol else 40, first=True)


def open_algo_orders(symbol: str | None) -> Request:
    """Ask for the conditional orders that wait."""
    values = {"symbol": symbol} if symbol else {}
    return Request("GET", "/fapi/v1/openAlgoOrders", values, weight=1 if symbol else 40, first=True)


def user_trades(
    symbol: str, *, since_ms: int | None = None, order_id: str = "", from_id: int | None = None
) -> Request:
    """Ask for an instrument's fills: seven days a call at most; `from_id` excludes times."""
    values: dict[str, Any] = {"symbol": symbol, "limit": 1000}
    if from_id is not None:
        values["fromId"] = from_id
    elif order_id:
        values["orderId"] = order_id
    elif since_ms is not None:
        values["startTime"] = since_ms
    return Request("GET", "/fapi/v1/userTrades", values, weight=5, first=bool(order_id))


def income(since_ms: int, until_ms: int | None = None, kind: str = "") -> Request:
    """Ask for the wallet's entries: of the whole account, three months back at most."""
    values: dict[str, Any] = {"startTime": since_ms, "limit": 1000}
    if kind:
        values["incomeType"] = kind
    if until_ms is not None:
        values["endTime"] = until_ms
    return Request("GET", "/fapi/v1/income", values, weight=30)


BALANCE: Final = Request("GET", "/fapi/v3/balance", weight=5, first=True)
POSITIONS: Final = Request("GET", "/fapi/v3/positionRisk", weight=5, first=True)
POSITION_MODE: Final = Request("GET", "/fapi/v1/positionSide/dual", weight=30)
MULTI_ASSETS: Final = Request("GET", "/fapi/v1/multiAssetsMargin", weight=30)
FEE_BURN: Final = Request("GET", "/fapi/v1/feeBurn", weight=30)
KEY_RIGHTS: Final = Request("GET", "/sapi/v1/account/apiRestrictions")
INSTRUMENTS: Final = Request("GET", "/fapi/v1/exchangeInfo", signed=False)
LISTEN_KEY: Final = "/fapi/v1/listenKey"
NEW_KEY: Final = Request("POST", LISTEN_KEY, signed=False, patient=True)
END_KEY: Final = Request("DELETE", LISTEN_KEY, signed=False, patient=True)
KEEP_KEY: Final = Request("PUT", LISTEN_KEY, signed=False, patient=True)


def leverage(symbol: str, value: Decimal) -> Request:
    """Ask to set the leverage: whole numbers only.

    Raises:
        NotSent: It is none.
    """
    if value != value.to_integral_value():
        raise NotSent(f"leverage: Binance takes whole numbers, got {digits(value)}")
    return Request("POST", "/fapi/v1/leverage", {"symbol": symbol, "leverage": int(value)})


def margin_mode(symbol: str, mode: str) -> Request:
    """Ask to set an instrument's margin mode."""
    word = {"CROSS": "CROSSED", "ISOLATED": "ISOLATED"}.get(mode)
    if word is None:
        raise NotSent(f"margin_mode: expected CROSS or ISOLATED, got {mode!r}")
    return Request("POST", "/fapi/v1/marginType", {"symbol": symbol, "marginType": word})


def commission(symbol: str) -> Request:
    """Ask for the account's own fee rates."""
    return Request("GET", "/fapi/v1/commissionRate", {"symbol": symbol}, weight=20)


def symbol_config(symbol: str) -> Request:
    """Ask for an instrument's leverage and margin mode."""
    return Request("GET", "/fapi/v1/symbolConfig", {"symbol": symbol}, weight=5)


def brackets(symbol: str) -> Request:
    """Ask for an instrument's margin by notional."""
    return Request("GET", "/fapi/v1/leverageBracket", {"symbol": symbol})


def premium_index(symbol: str) -> Request:
    """Ask for an instrument's mark and funding terms."""
    return Request("GET", "/fapi/v1/premiumIndex", {"symbol": symbol}, signed=False)


def klines(symbol: str, interval: str, start_ms: int, end_ms: int) -> Request:
    """Ask for bars: 1,500 a call at most."""
    values = {"symbol": symbol, "interval": interval, "startTime": start_ms, "endTime": end_ms, "limit": 1500}
    return Request("GET", "/fapi/v1/klines", values, signed=False, weight=10)


def agg_trades(
    symbol: str, start_ms: int | None = None, end_ms: int | None = None, *, from_number: int | None = None
) -> Request:
    """Ask for trades of others in aggregates, 1,000 a call: by number, or by time within an hour."""
    values: dict[str, Any] = {"symbol": symbol, "limit": 1000}
    if from_number is not None:
        values["fromId"] = from_number
    else:
        values |= {"startTime": start_ms, "endTime": end_ms}
    return Request("GET", "/fapi/v1/aggTrades", values, signed=False, weight=20)


def funding_rates(symbol: str, start_ms: int, end_ms: int) -> Request:
    """Ask for rates that were paid, 1,000 a call: they weigh nothing, 500 calls in five minutes are taken."""
    values = {"symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": 1000}
    return Request("GET", "/fapi/v1/fundingRate", values, signed=False, weight=0)


def depth(symbol: str) -> Request:
    """Ask for a snapshot of an order book: a thousand levels."""
    return Request("GET", "/fapi/v1/depth", {"symbol": symbol, "limit": 1000}, signed=False, weight=20)


def countdown(symbol: str, wait_ms: int) -> Request:
    """Ask to cancel all of an instrument's open orders after a time, unless asked again; 0 takes that off."""
    values = {"symbol": symbol, "countdownTime": wait_ms}
    return Request("POST", "/fapi/v1/countdownCancelAll", values, weight=10)
