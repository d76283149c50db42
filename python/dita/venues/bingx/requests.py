"""What BingX is asked: method, path, parameters, the text that is signed; and its answers read."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from dita._kernel import VenueOrder
from dita.errors import NotSent
from dita.venues.bingx.failures import classify
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure, number_of, read_record
from dita.venues.wire.requests import Request, Written, digits, pool_of, sign

RECV_WINDOW_MS: Final = 5_000


class BingxCodec:
    """One account's requests, with its key."""

    name: Final = "bingx"
    server_time: Final[Request] = Request("GET", "/openApi/swap/v2/server/time", signed=False)

    def __init__(self, key: str, secret: str) -> None:
        """Take the key and its secret."""
        self._headers = {"X-BX-APIKEY": key} if key else {}
        self._secret = secret

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request: everything is in its address."""
        values = dict(request.values)
        if request.signed:
            values |= {"recvWindow": RECV_WINDOW_MS, "timestamp": now_ms}
        query = urlencode(values)
        if request.signed:
            query += f"&signature={sign(self._secret, query)}"
        return Written(f"{request.path}?{query}".rstrip("?"), self._headers)

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer: its `data`, or all of it where it has none, as a listen key.

        Raises:
            Failure: It is no success.
        """
        del headers
        body = read_record(status, raw, classify)
        code = body.get("code", 0)
        if status < 300 and str(code) == "0":
            return body["data"] if body.get("data") is not None else body
        number = number_of(code)
        words = str(body.get("msg") or "")
        raise Failure(classify(status, number, words), status, number, words)

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the venue's time."""
        return reading.nanoseconds(answer, "serverTime")


def lowered(client_id: str) -> str:
    """A client id as the venue keeps it: in lower case."""
    return client_id.lower()


def place(order: VenueOrder) -> Request:
    """Ask for an order, in coins.

    Raises:
        NotSent: The venue has no such order, or one that cannot carry our id.
    """
    kind, life = str(order.order_type), str(order.time_in_force)
    if kind not in {"MARKET", "LIMIT"}:
        raise NotSent(
            f"order_type: a {kind} carries no client id at BingX: unanswered, it could not be found"
        )
    if life not in {"GTC", "IOC", "FOK"}:
        raise NotSent(f"time_in_force: BingX has no {life}")
    values: dict[str, Any] = {
        "symbol": order.asset, "side": str(order.order_side), "positionSide": str(order.position_side),
        "type": kind, "quantity": digits(order.intended_size),
        "clientOrderId": lowered(order.venue_client_id),
    }  # fmt: skip
    if order.limit_price is not None:
        values["price"] = digits(order.limit_price)
        values["timeInForce"] = "PostOnly" if order.post_only else life
    if order.reduce_only and str(order.position_side) == "BOTH":
        values["reduceOnly"] = "true"
    return Request("POST", "/openApi/swap/v2/trade/order", values, pool=pool_of(order))


def cancel(order: VenueOrder) -> Request:
    """Ask to cancel an order."""
    named = {"orderId": order.venue_order_id}
    if order.venue_client_id:
        named = {"clientOrderId": lowered(order.venue_client_id)}
    return Request("DELETE", "/openApi/swap/v2/trade/order", {"symbol": order.asset, **named})


def amend(order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
    """Refuse to change an order.

    Raises:
        NotSent: Always.
    """
    del size, price, request_id
    raise NotSent(f"{order.venue_client_id}: BingX changes no orders here: cancel it and send another")


def query(symbol: str, client_id: str = "", order_id: str = "") -> Request:
    """Ask how an order stands; of any status."""
    named = {"orderId": order_id} if order_id else {"clientOrderId": lowered(client_id)}
    return Request("GET", "/openApi/swap/v2/trade/order", {"symbol": symbol, **named})


def open_orders(symbol: str | None) -> Request:
    """Ask for the orders that are open."""
    return Request("GET", "/openApi/swap/v2/trade/openOrders", {"symbol": symbol} if symbol else {})


def fill_orders(symbol: str, since_ms: int, until_ms: int) -> Request:
    """Ask for the fills of an instrument: their rows have no id."""
    values = {"symbol": symbol, "tradingUnit": "COIN", "startTs": since_ms, "endTs": until_ms}
    return Request("GET", "/openApi/swap/v2/trade/allFillOrders", values)


def income(since_ms: int) -> Request:
    """Ask for the wallet's entries."""
    return Request("GET", "/openApi/swap/v2/user/income", {"startTime": since_ms, "limit": 1000})


BALANCE: Final = Request("GET", "/openApi/swap/v3/user/balance")
POSITIONS: Final = Request("GET", "/openApi/swap/v2/user/positions")
INSTRUMENTS: Final = Request("GET", "/openApi/swap/v2/quote/contracts", signed=False)
NEW_KEY: Final = Request("POST", "/openApi/user/auth/userDataStream", signed=False)


def keep_key(key: str) -> Request:
    """Ask to keep a listen key for another hour."""
    return Request("PUT", "/openApi/user/auth/userDataStream", {"listenKey": key}, signed=False)
