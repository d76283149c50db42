"""What OKX is asked: method, path, values, the text that is signed; and its answers read."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from dita._kernel import VenueOrder
from dita.errors import NotSent
from dita.venues.okx.failures import classify
from dita.venues.wire import reading
from dita.venues.wire.failures import Failure, number_of, read_record
from dita.venues.wire.requests import Request, Written, digits, pool_of

#: An order that would take effect later than this does not take effect at all.
EXPIRES_MS: Final = 5_000
PAGE: Final = 100


def sign(secret: str, message: str) -> str:
    """HMAC-SHA256 of time, method, path and body, in base 64."""
    return base64.b64encode(hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()).decode()


class OkxCodec:
    """One account's requests, with its key."""

    name: Final = "okx"
    server_time: Final[Request] = Request("GET", "/api/v5/public/time", signed=False)

    def __init__(self, key: str, secret: str, passphrase: str, *, simulated: bool) -> None:
        """Take the key, its secret and its passphrase."""
        self._key, self._secret, self._passphrase = key, secret, passphrase
        self._simulated = simulated

    def write(self, request: Request, now_ms: int) -> Written:
        """Write a request: a question in its address, everything else in its body."""
        is_question = request.method == "GET"
        query = urlencode(request.values) if is_question else ""
        address = f"{request.path}?{query}" if query else request.path
        body = "" if is_question else json.dumps(request.values, separators=(",", ":"))
        headers = {"Content-Type": "application/json"}
        if self._simulated:
            headers["x-simulated-trading"] = "1"
        if request.signed:
            at = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            stamp = f"{at}{now_ms % 1000:03d}Z"
            headers |= {
                "OK-ACCESS-KEY": self._key, "OK-ACCESS-PASSPHRASE": self._passphrase,
                "OK-ACCESS-TIMESTAMP": stamp,
                "OK-ACCESS-SIGN": sign(self._secret, f"{stamp}{request.method}{address}{body}"),
            }  # fmt: skip
        if request.pool != "none":
            headers["expTime"] = str(now_ms + EXPIRES_MS)
        return Written(address, headers, body.encode() if body else None)

    def read(self, status: int, raw: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        """Read an answer: its `data`. The request has a code, and each item one of its own.

        Raises:
            Failure: One of them is no success.
        """
        del headers
        body = read_record(status, raw, classify)
        code, words = str(body.get("code", "")), str(body.get("msg") or "")
        data = body.get("data")
        items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        for item in items:
            # "1" says that all failed: why, its item says.
            if str(item.get("sCode", "0")) != "0":
                code, words = str(item["sCode"]), str(item.get("sMsg") or "")
                break
        if status < 300 and code == "0":
            return data if isinstance(data, list) else []
        number = number_of(code)
        raise Failure(classify(status, number, words), status, number, words)

    def read_time(self, answer: Any) -> int:  # noqa: ANN401 - any JSON
        """Read the venue's time."""
        return reading.nanoseconds(reading.table(answer, "time")[0], "ts")

    def login(self, now_ms: int) -> str:
        """Write what a private stream is greeted with."""
        stamp = str(now_ms // 1000)
        row = {
            "apiKey": self._key, "passphrase": self._passphrase, "timestamp": stamp,
            "sign": sign(self._secret, f"{stamp}GET/users/self/verify"),
        }  # fmt: skip
        return json.dumps({"op": "login", "args": [row]})


SUBSCRIBE: Final = json.dumps(
    {
        "op": "subscribe",
        "args": [
            {"channel": "orders", "instType": "SWAP"}, {"channel": "account"},
            {"channel": "positions", "instType": "SWAP"}, {"channel": "balance_and_position"},
        ],
    }
)  # fmt: skip


def place(order: VenueOrder) -> Request:
    """Ask for an order, in contracts, on cross margin.

    Raises:
        NotSent: The venue has no such order.
    """
    kind, life = str(order.order_type), str(order.time_in_force)
    if kind not in {"MARKET", "LIMIT"}:
        raise NotSent(f"order_type: {kind} lives in OKX's algo service, which this adapter does not speak")
    if life not in {"GTC", "IOC", "FOK"}:
        raise NotSent(f"time_in_force: OKX has no {life}")
    word = "market"
    if order.limit_price is not None:
        word = "post_only" if order.post_only else {"GTC": "limit"}.get(life, life.lower())
    side = str(order.position_side)
    values: dict[str, Any] = {
        "instId": order.asset, "tdMode": "cross", "clOrdId": order.venue_client_id,
        "side": str(order.order_side).lower(), "posSide": "net" if side == "BOTH" else side.lower(),
        "ordType": word, "sz": digits(order.intended_size),
    }  # fmt: skip
    if order.limit_price is not None:
        values["px"] = digits(order.limit_price)
    if order.reduce_only and side == "BOTH":
        values["reduceOnly"] = "true"
    return Request("POST", "/api/v5/trade/order", values, pool=pool_of(order))


def cancel(order: VenueOrder) -> Request:
    """Ask to cancel an order."""
    named = {"clOrdId": order.venue_client_id} if order.venue_client_id else {"ordId": order.venue_order_id}
    return Request("POST", "/api/v5/trade/cancel-order", {"instId": order.asset, **named})


def amend(order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
    """Ask to change an order; the answer acknowledges, the stream tells."""
    values = {
        "instId": order.asset, "clOrdId": order.venue_client_id, "newSz": digits(size),
        "newPx": digits(price),
    }  # fmt: skip
    if request_id:
        values["reqId"] = request_id
    return Request("POST", "/api/v5/trade/amend-order", values)


def query(symbol: str, client_id: str) -> Request:
    """Ask about an order; one that was cancelled without a fill is gone after two hours."""
    return Request("GET", "/api/v5/trade/order", {"instId": symbol, "clOrdId": client_id})


def open_orders(symbol: str | None) -> Request:
    """Ask for the orders that are open."""
    named = {"instId": symbol} if symbol else {}
    return Request("GET", "/api/v5/trade/orders-pending", {"instType": "SWAP", **named})


def fills(since_ms: int, after: str = "") -> Request:
    """Ask for fills, the newest first: three months back at most; `after` names the last earlier row."""
    values: dict[str, Any] = {"instType": "SWAP", "begin": since_ms, "limit": PAGE}
    return Request("GET", "/api/v5/trade/fills-history", {**values, "after": after} if after else values)


def bills(since_ms: int, after: str = "") -> Request:
    """Ask for the wallet's entries, the newest first: seven days back at most."""
    values: dict[str, Any] = {"begin": since_ms, "limit": PAGE}
    return Request("GET", "/api/v5/account/bills", {**values, "after": after} if after else values)


BALANCE: Final = Request("GET", "/api/v5/account/balance")
POSITIONS: Final = Request("GET", "/api/v5/account/positions", {"instType": "SWAP"})
INSTRUMENTS: Final = Request("GET", "/api/v5/public/instruments", {"instType": "SWAP"}, signed=False)
