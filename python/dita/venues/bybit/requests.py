"""What is asked of Bybit v5: path, parameters, and the text that is signed."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from dita._kernel import VenueOrder
from dita.errors import NotSent
from dita.venues.bybit.failures import read_answer
from dita.venues.wire.requests import Request, Written, digits, is_conditional, pool_of, sign

RECV_WINDOW_MS: Final = 5_000
_CATEGORY: Final = {"category": "linear"}
_SETTLES_IN: Final = "USDT"
#: The venue's names of the bars' lengths.
INTERVALS: Final[Mapping[str, str]] = {
    "1m": "1", "3m": "3", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "2h": "120", "4h": "240",
    "6h": "360", "12h": "720", "1d": "D",
}  # fmt: skip


class BybitCodec:
    """One account's requests, with its key."""

    name: Final = "bybit"

    def __init__(self, key: str, secret: str) -> None:
        """Take the key and its secret."""
        self._key, self._secret = key, secret
        self.server_time: Request = SERVER_TIME

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request: parameters in the address, or in a JSON body; time and signature in headers."""
        query = urlencode(request.values) if request.method == "GET" else ""
        body = "" if request.method == "GET" else json.dumps(request.values, separators=(",", ":"))
        address = f"{request.path}?{query}".rstrip("?")
        headers = {"Content-Type": "application/json"} if body else {}
        if request.signed:
            whole = f"{now_ms}{self._key}{RECV_WINDOW_MS}{query or body}"
            headers |= {
                "X-BAPI-API-KEY": self._key,
                "X-BAPI-TIMESTAMP": str(now_ms),
                "X-BAPI-RECV-WINDOW": str(RECV_WINDOW_MS),
                "X-BAPI-SIGN": sign(self._secret, whole),
            }
        return Written(address, headers, body.encode() if body else None)

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer.

        Raises:
            Failure: It is no success.
        """
        return read_answer(status, raw, headers.get("X-Bapi-Limit-Reset-Timestamp"))

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the venue's time."""
        return int(answer["timeNano"])

    def login(self, now_ms: int) -> str:
        """Write the login of a private stream; it is good for ten seconds.

        Args:
            now_ms: The venue's time.
        """
        expires = now_ms + 10_000
        words = [self._key, str(expires), sign(self._secret, f"GET/realtime{expires}")]
        return json.dumps({"op": "auth", "args": words}, separators=(",", ":"))


def place(order: VenueOrder) -> Request:
    """Ask for an order.

    Args:
        order: As the kernel has it.

    Raises:
        NotSent: The venue has no such order.
    """
    kind, life = str(order.order_type), str(order.time_in_force)
    if life == "GTD":
        raise NotSent("time_in_force: Bybit has no GTD for linear contracts")
    buys = str(order.order_side) == "BUY"
    values: dict[str, Any] = {
        **_CATEGORY,
        "symbol": order.asset,
        "side": "Buy" if buys else "Sell",
        "positionIdx": {"BOTH": 0, "LONG": 1, "SHORT": 2}[str(order.position_side)],
        "orderType": "Market" if order.limit_price is None else "Limit",
        "qty": digits(order.intended_size),
        "orderLinkId": order.venue_client_id,
    }
    if order.limit_price is not None:
        values["price"] = digits(order.limit_price)
        values["timeInForce"] = "PostOnly" if order.post_only else life
    elif life == "FOK":
        raise NotSent(f"time_in_force: {life} needs a limit price at Bybit")
    if order.reduce_only:
        values["reduceOnly"] = True
    if is_conditional(order):
        if order.trigger_price is None:
            raise NotSent("trigger_price: missing")
        stops = kind != "TAKE_PROFIT"
        values["triggerPrice"] = digits(order.trigger_price)
        values["triggerDirection"] = 1 if buys == stops else 2
        values["triggerBy"] = "MarkPrice" if str(order.trigger_by) == "MARK" else "LastPrice"
    return Request("POST", "/v5/order/create", values, pool=pool_of(order))


def cancel(order: VenueOrder) -> Request:
    """Ask to cancel an order, conditional or not."""
    named = {"orderId": order.venue_order_id}
    if order.venue_client_id:
        named = {"orderLinkId": order.venue_client_id}
    return Request("POST", "/v5/order/cancel", {**_CATEGORY, "symbol": order.asset, **named})


def amend(order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
    """Ask to change an order's total and limit; the venue takes no id of the request."""
    del request_id
    values = {
        **_CATEGORY,
        "symbol": order.asset,
        "orderLinkId": order.venue_client_id,
        "qty": digits(size),
        "price": digits(price),
    }
    return Request("POST", "/v5/order/amend", values)


def _scope(symbol: str | None) -> dict[str, Any]:
    return {**_CATEGORY, **({"symbol": symbol} if symbol else {"settleCoin": _SETTLES_IN})}


def query(client_id: str, symbol: str = "") -> Request:
    """Ask about an order: open, or ended lately."""
    return Request("GET", "/v5/order/realtime", {**_scope(symbol), "orderLinkId": client_id})


def query_history(client_id: str) -> Request:
    """Ask about an order that ended before: after a restart of the service it is there alone."""
    return Request("GET", "/v5/order/history", {**_CATEGORY, "orderLinkId": client_id})


def open_orders(symbol: str | None, cursor: str = "") -> Request:
    """Ask for the orders that work or wait: fifty a page."""
    values = {**_scope(symbol), "openOnly": 0, "limit": 50}
    return Request("GET", "/v5/order/realtime", values | ({"cursor": cursor} if cursor else {}))


def executions(since_ms: int, until_ms: int, cursor: str = "", client_id: str = "") -> Request:
    """Ask for executions of all instruments: seven days a call at most, a hundred a page."""
    values = {**_CATEGORY, "startTime": since_ms, "endTime": until_ms, "limit": 100}
    values |= {"orderLinkId": client_id} if client_id else {}
    return Request("GET", "/v5/execution/list", values | ({"cursor": cursor} if cursor else {}))


def transactions(since_ms: int, until_ms: int, cursor: str = "") -> Request:
    """Ask for the changes of the wallet: seven days a call at most, fifty a page."""
    values = {"accountType": "UNIFIED", "startTime": since_ms, "endTime": until_ms, "limit": 50}
    return Request("GET", "/v5/account/transaction-log", values | ({"cursor": cursor} if cursor else {}))


BALANCE: Final = Request("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"})
ACCOUNT: Final = Request("GET", "/v5/account/info")
KEY_RIGHTS: Final = Request("GET", "/v5/user/query-api")
SERVER_TIME: Final = Request("GET", "/v5/market/time", signed=False)


def positions(symbol: str | None = None) -> Request:
    """Ask for the positions: by instrument the flat ones too."""
    return Request("GET", "/v5/position/list", {**_scope(symbol), "limit": 200})


def leverage(symbol: str, value: Decimal) -> Request:
    """Ask to set the leverage of both sides."""
    both = {"buyLeverage": digits(value), "sellLeverage": digits(value)}
    return Request("POST", "/v5/position/set-leverage", {**_CATEGORY, "symbol": symbol, **both})


def margin_mode(mode: str) -> Request:
    """Ask to set the margin mode: a unified account has one for all instruments.

    Raises:
        NotSent: It is none that is known.
    """
    word = {"CROSS": "REGULAR_MARGIN", "ISOLATED": "ISOLATED_MARGIN"}.get(mode)
    if word is None:
        raise NotSent(f"margin_mode: expected CROSS or ISOLATED, got {mode!r}")
    return Request("POST", "/v5/account/set-margin-mode", {"setMarginMode": word})


def fee_rate(symbol: str) -> Request:
    """Ask for the account's own fee rates."""
    return Request("GET", "/v5/account/fee-rate", {**_CATEGORY, "symbol": symbol})


def _public(path: str, symbol: str, **more: Any) -> Request:  # noqa: ANN401 - parameters of any kind
    return Request("GET", f"/v5/market/{path}", {**_CATEGORY, "symbol": symbol, **more}, signed=False)


def instrument(symbol: str) -> Request:
    """Ask for an instrument's rules."""
    return _public("instruments-info", symbol)


def risk_limits(symbol: str) -> Request:
    """Ask for an instrument's margin by notional."""
    return _public("risk-limit", symbol)


def ticker(symbol: str) -> Request:
    """Ask for an instrument's mark and funding terms."""
    return _public("tickers", symbol)


def klines(symbol: str, interval: str, start_ms: int, end_ms: int) -> Request:
    """Ask for bars: the newest thousand of a time.

    Raises:
        NotSent: The venue has no bars of that length.
    """
    word = INTERVALS.get(interval)
    if word is None:
        raise NotSent(f"interval: expected one of {', '.join(INTERVALS)}, got {interval!r}")
    return _public("kline", symbol, interval=word, start=start_ms, end=end_ms, limit=1_000)


def funding_history(symbol: str, since_ms: int, until_ms: int) -> Request:
    """Ask for funding rates: the newest two hundred of a time."""
    return _public("funding/history", symbol, startTime=since_ms, endTime=until_ms, limit=200)
