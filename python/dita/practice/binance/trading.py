"""REST: orders, conditional orders, and what is asked about them."""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, TypeVar

from dita.practice.account import NewOrder
from dita.practice.binance import refusals
from dita.practice.binance.replies import algo_reply, order_reply, status_reply, trade_reply
from dita.practice.binance.request import BinanceRequest
from dita.practice.encoder import Refused
from dita.practice.exchange import Exchange
from dita.practice.market import Listing, Market
from dita.practice.records import ZERO, PlacedOrder
from dita.precision import plain

CONDITIONAL: Final = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"})
_LIVES: Final = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD"})
_DAY_MS: Final = 86_400_000
_CONDITIONAL_MAX: Final = 200
_BATCH_MAX: Final = 5
_Row = TypeVar("_Row")


class Trading:
    """The endpoints that place, change, cancel and show orders."""

    def __init__(self, exchange: Exchange) -> None:
        """Serve an exchange's account."""
        self.exchange = exchange
        self.account = exchange.account
        self.faults = exchange.faults
        self._made_up = itertools.count(1)

    # ------------------------------------------------------------------------------------------ placing

    def place(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/order."""
        wanted = self._read(asked)
        if self.faults.spend("instant_expired"):
            return order_reply(self.account.expire_unseen(wanted))
        try:
            order = self.account.place(wanted)
        except Refused as refused:
            if refused.code == -4116:
                # It comes again under its id: from now on it is found.
                self.exchange.hidden.pop(wanted.client_id, None)
            raise
        if order.status == "FILLED" and self.faults.spend("twice"):
            # The venue takes an id again once its order is no longer open.
            self.account.place(wanted)
        if order.is_open and self.faults.spend("reject_after_ack"):
            reply = order_reply(order)
            self.account.expire(order)
            return reply
        if asked.values.get("newOrderRespType") == "RESULT":
            return order_reply(order)
        return {**order_reply(order), "status": "NEW", "executedQty": "0", "cumQty": "0"}

    def test(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/order/test: the parameters alone are looked at."""
        self._read(asked)
        return {}

    def place_algo(self, asked: BinanceRequest) -> dict[str, Any]:
        """POST /fapi/v1/algoOrder."""
        if asked.text("algoType") != "CONDITIONAL":
            raise Refused(-1130, "Data sent for parameter 'algoType' is not valid.")
        if sum(order.waits for order in self.account.open_orders()) >= _CONDITIONAL_MAX:
            raise Refused(-4045, "Reach max stop order limit.")
        order = self.account.place(self._read(asked, conditional=True), conditional=True)
        return algo_reply(order)

    def amend(self, asked: BinanceRequest) -> dict[str, Any]:
        """PUT /fapi/v1/order: quantity and price are both needed."""
        order = self._one(asked)
        quantity, price = asked.number("quantity"), asked.number("price")
        if asked.text("side") != order.side:
            raise refusals.missing("side")
        return order_reply(self.account.amend(order, quantity, price, asked.values.get("modifyId", "")))

    def place_batch(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """POST /fapi/v1/batchOrders: five orders at most, each on its own."""
        wanted = _listed(asked, "batchOrders")
        if not all(isinstance(one, dict) for one in wanted) or len(wanted) > _BATCH_MAX:
            raise Refused(-4082, "Invalid number of batch orders.")
        fields = [{name: str(value) for name, value in one.items()} for one in wanted]
        return [self._each(self.place, replace(asked, values=one)) for one in fields]

    def cancel_batch(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """DELETE /fapi/v1/batchOrders: by our ids, or the venue's; ten at most."""
        # ccxt writes the names in lower case, which the venue takes as well.
        given = {name.lower(): name for name in asked.values}
        of = "orderId" if "orderidlist" in given else "origClientOrderId"
        wanted = _listed(asked, given.get(f"{of.lower()}list", f"{of}List"))
        if len(wanted) > 2 * _BATCH_MAX:
            raise Refused(-4082, "Invalid number of batch orders.")
        fields = [{"symbol": asked.text("symbol"), of: str(one)} for one in wanted]
        return [self._each(self.cancel, replace(asked, values=one)) for one in fields]

    def _each(
        self, call: Callable[[BinanceRequest], dict[str, Any]], asked: BinanceRequest
    ) -> dict[str, Any]:
        """What comes of one order of several: its refusal stands in its place."""
        try:
            return call(asked)
        except Refused as refused:
            return refusals.body_of(refused)

    # --------------------------------------------------------------------------------------- cancelling

    def cancel(self, asked: BinanceRequest) -> dict[str, Any]:
        """DELETE /fapi/v1/order."""
        number, client_id = asked.maybe("orderId"), asked.values.get("origClientOrderId")
        if number is None and not client_id:
            raise refusals.missing("origClientOrderId")
        order = self.account.find(asked.text("symbol"), number, client_id)
        if order is None or not order.is_open:
            raise refusals.nothing_to_cancel()
        if self.faults.spend("false_cancel"):
            self.exchange.false_cancels.append(order)
            return order_reply(self.account.pretend_canceled(order))
        if self.faults.spend("fill_after_cancel"):
            return order_reply(self.account.cancel_with_a_fill_untold(order))
        return order_reply(self.account.cancel(order))

    def cancel_all(self, asked: BinanceRequest) -> dict[str, Any]:
        """DELETE /fapi/v1/allOpenOrders: plain orders only, conditional ones have their own endpoint."""
        symbol = asked.text("symbol")
        for order in [o for o in self.account.open_orders() if o.symbol == symbol and o.is_open]:
            self.account.cancel(order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def cancel_algo(self, asked: BinanceRequest) -> dict[str, Any]:
        """DELETE /fapi/v1/algoOrder."""
        order = self.account.find_algo(asked.maybe("algoId"), asked.values.get("clientAlgoId"))
        if order is None or not order.waits:
            raise refusals.nothing_to_cancel()
        self.account.cancel(order)
        return {
            "algoId": order.algo_number,
            "clientAlgoId": order.client_id,
            "code": "200",
            "msg": "success",
        }

    def cancel_all_algo(self, asked: BinanceRequest) -> dict[str, Any]:
        """DELETE /fapi/v1/algoOpenOrders."""
        symbol = asked.text("symbol")
        for order in [o for o in self.account.open_orders() if o.symbol == symbol and o.waits]:
            self.account.cancel(order)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    # -------------------------------------------------------------------------------------------- asking

    def order(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/order: with a client id, the newest order that had it."""
        return status_reply(self._as_seen(self._one(asked)))

    def open_order(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/openOrder."""
        order = self._as_seen(self._one(asked))
        if not order.is_open:
            raise refusals.unknown_order()
        return status_reply(order)

    def open_orders(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/openOrders."""
        return [status_reply(o) for o in self._seen(asked.values.get("symbol")) if o.is_open]

    def all_orders(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/allOrders."""
        orders = [o for o in self._seen(asked.text("symbol")) if o.number]
        first = asked.maybe("orderId")
        if first is not None:
            orders = [o for o in orders if o.number >= first]
        return [status_reply(o) for o in self._in_time(asked, orders, lambda o: o.created_ms)]

    def algo_order(self, asked: BinanceRequest) -> dict[str, Any]:
        """GET /fapi/v1/algoOrder."""
        order = self.account.find_algo(asked.maybe("algoId"), asked.values.get("clientAlgoId"))
        if order is None:
            raise refusals.unknown_order()
        return algo_reply(self._as_seen(order))

    def open_algo_orders(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/openAlgoOrders."""
        return [algo_reply(o) for o in self._seen(asked.values.get("symbol")) if o.waits]

    def all_algo_orders(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/allAlgoOrders."""
        orders = [o for o in self._seen(asked.text("symbol")) if o.algo_number]
        return [algo_reply(o) for o in self._in_time(asked, orders, lambda o: o.created_ms)]

    def user_trades(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/userTrades: a symbol is needed, a call spans seven days at most."""
        symbol = asked.text("symbol")
        market = self.account.markets.get(symbol)
        if market is None:
            raise refusals.unknown_symbol()
        until = self.account.now_ms() - self.faults.rest_lag_ms
        trades = [t for t in self.account.histories.trades if t.order.symbol == symbol and t.time_ms <= until]
        number = asked.maybe("orderId")
        if number is not None:
            trades = [t for t in trades if t.order.number == number]
        first = asked.maybe("fromId")
        if first is not None:
            if asked.maybe("startTime") is not None or asked.maybe("endTime") is not None:
                raise Refused(-1128, "Combination of optional parameters invalid.")
            chosen = [t for t in trades if t.number >= first][: asked.whole("limit", 500)]
        else:
            chosen = self._in_time(asked, trades, lambda t: t.time_ms)
        return [trade_reply(t, market.listing.quote) for t in chosen]

    def force_orders(self, asked: BinanceRequest) -> list[dict[str, Any]]:
        """GET /fapi/v1/forceOrders: liquidations and deleveragings."""
        forced = ("autoclose-", "adl_autoclose")
        orders = [o for o in self._seen(asked.values.get("symbol")) if o.client_id.startswith(forced)]
        return [status_reply(o) for o in self._in_time(asked, orders, lambda o: o.created_ms)]

    # -------------------------------------------------------------------------------------------- inside

    def _one(self, asked: BinanceRequest) -> PlacedOrder:
        number, client_id = asked.maybe("orderId"), asked.values.get("origClientOrderId")
        if number is None and not client_id:
            raise refusals.missing("orderId")
        order = self.account.find(asked.text("symbol"), number, client_id)
        if order is None or self.exchange.is_hidden(order.client_id):
            raise refusals.unknown_order()
        return order

    def _as_seen(self, order: PlacedOrder) -> PlacedOrder:
        if not self.faults.rest_lag_ms:
            return order
        seen = self.account.lagged(self.faults.rest_lag_ms).get(order.inner_id)
        if seen is None:
            raise refusals.unknown_order()
        return seen

    def _seen(self, symbol: str | None) -> list[PlacedOrder]:
        lag_ms = self.faults.rest_lag_ms
        orders = list(self.account.lagged(lag_ms).values()) if lag_ms else self.account.histories.orders
        return [
            order
            for order in orders
            if (symbol is None or order.symbol == symbol) and order.client_id not in self.exchange.hidden
        ]

    def _in_time(
        self, asked: BinanceRequest, rows: Iterable[_Row], time_of: Callable[[_Row], int]
    ) -> list[_Row]:
        start, end = asked.maybe("startTime"), asked.maybe("endTime")
        if start is not None and end is not None and end - start > 7 * _DAY_MS:
            raise Refused(-4166, "Search window is restricted to recent 7 days only.")
        if start is not None and end is None:
            end = start + 7 * _DAY_MS
        chosen = [
            row
            for row in rows
            if (start is None or time_of(row) >= start) and (end is None or time_of(row) <= end)
        ]
        limit = min(asked.whole("limit", 500), 1_000)
        # With a start the oldest come first, without one the newest are meant.
        return chosen[:limit] if start is not None else chosen[-limit:]

    def _check_kind(self, asked: BinanceRequest, kind: str, *, conditional: bool) -> None:
        if not conditional and (kind in CONDITIONAL or kind == "TRAILING_STOP_MARKET"):
            text = (
                "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            )
            raise Refused(-4120, text)
        if kind not in (CONDITIONAL if conditional else {"LIMIT", "MARKET"}):
            raise Refused(-1116, "Invalid orderType.")
        if asked.values.get("priceMatch", "NONE") != "NONE":
            raise Refused(-1106, "Parameter 'priceMatch' sent when not required.")

    def _check_open(self, listing: Listing, *, conditional: bool) -> None:
        """As many orders as may be are open. One that takes at once is not among them."""
        orders = [order for order in self.account.open_orders() if order.symbol == listing.symbol]
        if len(orders) >= listing.max_open_orders:
            raise Refused(-2025, "Reach max open order limit.")
        if conditional and sum(order.waits for order in orders) >= listing.max_open_stops:
            raise Refused(-4045, "Reach max stop order limit.")

    def _read(self, asked: BinanceRequest, *, conditional: bool = False) -> NewOrder:
        symbol, side, kind = asked.text("symbol"), asked.text("side"), asked.text("type")
        market = self.account.markets.get(symbol)
        if market is None:
            raise refusals.unknown_symbol()
        if side not in {"BUY", "SELL"}:
            raise Refused(-1117, "Invalid side.")
        self._check_kind(asked, kind, conditional=conditional)
        position_side = asked.text("positionSide", "BOTH")
        if (position_side == "BOTH") == self.account.hedge:
            raise Refused(-4061, "Order's position side does not match user's setting.")
        limited = kind in {"LIMIT", "STOP", "TAKE_PROFIT"}
        life = asked.text("timeInForce", None if kind == "LIMIT" else "GTC")
        if life not in _LIVES:
            raise Refused(-1115, "Invalid timeInForce.")
        close_position = conditional and asked.flag("closePosition")
        if close_position and "quantity" in asked.values:
            raise Refused(-4136, "Target strategy invalid for orderType, closePosition true")
        quantity = ZERO if close_position else asked.number("quantity")
        price = asked.number("price") if limited else ZERO
        if not limited and quantity > market.listing.market_max_qty:
            raise Refused(-4005, "Quantity greater than max quantity.")
        if kind == "LIMIT":
            _check_band(market, side, price)
        if kind != "MARKET":
            self._check_open(market.listing, conditional=conditional)
        default = f"x{self.account.now_ms()}n{next(self._made_up)}"
        good_till = asked.whole("goodTillDate") if life == "GTD" else 0
        if good_till and good_till <= self.account.now_ms():
            raise refusals.of_order("EXPIRE_TIME_PASSED", "")
        return NewOrder(
            symbol=symbol,
            side=side,
            position_side=position_side,
            kind=kind,
            time_in_force=life,
            quantity=quantity,
            price=price,
            client_id=asked.client_id("clientAlgoId" if conditional else "newClientOrderId", default),
            reduce_only=asked.flag("reduceOnly"),
            close_position=close_position,
            trigger_price=asked.number("triggerPrice") if conditional else ZERO,
            working_type=asked.text("workingType", "CONTRACT_PRICE"),
            good_till_ms=good_till,
        )


def _check_band(market: Market, side: str, price: Decimal) -> None:
    """PERCENT_PRICE: no buy far above the mark, and no sell far below it."""
    low, high = (market.mark * end for end in market.listing.band)
    if side == "BUY" and price > high:
        raise Refused(-4016, f"Limit price can't be higher than {plain(high)}.")
    if side == "SELL" and price < low:
        raise Refused(-4024, f"Limit price can't be lower than {plain(low)}.")


def _listed(asked: BinanceRequest, name: str) -> list[Any]:
    try:
        found = json.loads(asked.text(name))
    except ValueError:
        found = None
    if not isinstance(found, list) or not found:
        raise refusals.missing(name)
    return found
