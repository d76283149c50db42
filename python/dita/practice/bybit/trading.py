"""REST: placing, changing, cancelling and showing orders and executions."""

import itertools
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeVar

from dita.practice.account import NewOrder
from dita.practice.bybit import refusals
from dita.practice.bybit.refusals import wrong
from dita.practice.bybit.replies import closing_row, execution_row, link_id, order_id, order_row
from dita.practice.bybit.request import BybitRequest
from dita.practice.encoder import Refused
from dita.practice.exchange import Exchange
from dita.practice.market import Market
from dita.practice.records import ZERO, PlacedOrder, Trade

_DAY_MS: Final = 86_400_000
_WINDOW_MS: Final = 7 * _DAY_MS
_SIDES: Final = {"Buy": "BUY", "Sell": "SELL"}
_LIVES: Final = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "PostOnly": "GTX"}
_POSITIONS: Final = ("BOTH", "LONG", "SHORT")
_ATTACHED: Final = ("takeProfit", "stopLoss", "tpslMode")
_RECENT: Final = 500
_Row = TypeVar("_Row")


class Trading:
    """The endpoints that place, change, cancel and show orders."""

    def __init__(self, exchange: Exchange) -> None:
        """Serve an exchange's account."""
        self.exchange = exchange
        self.account = exchange.account
        self.faults = exchange.faults
        self._made_up = itertools.count(1)
        self._guards: dict[tuple[str, str, str], PlacedOrder] = {}

    # ------------------------------------------------------------------------------------------ changing

    def create(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/order/create: its answer is an acknowledgement, no acceptance."""
        wanted = self._read(asked)
        if self.faults.spend("instant_expired"):
            return _ids(self.account.expire_unseen(wanted, "EC_Others"), wanted)
        try:
            order = self.account.place(wanted, conditional=bool(wanted.trigger_price))
        except refusals.EndsAtOnce as ended:
            return _ids(self.account.expire_unseen(wanted, ended.reason), wanted)
        except Refused as refused:
            if refused.code == refusals.OF_ORDERS["DUPLICATE_CLIENT_ID"][0]:
                # It comes again under its id: from now on it is found.
                self.exchange.hidden.pop(wanted.client_id, None)
            raise
        if order.is_open and self.faults.spend("reject_after_ack"):
            self.account.expire(order)
        return _ids(order, wanted)

    def amend(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/order/amend: what is not named stays as it is."""
        asked.check_linear()
        order = self._one(asked)
        if order.waits or asked.maybe("triggerPrice"):
            raise wrong("triggerPrice: conditional orders are not changed here, it is")
        quantity = asked.number("qty") if asked.maybe("qty") else order.quantity
        price = asked.number("price") if asked.maybe("price") else order.price
        return _ids(self.account.amend(order, quantity, price))

    def cancel(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/order/cancel."""
        asked.check_linear()
        order = self._one(asked)
        if not (order.is_open or order.waits):
            raise refusals.of_order("NOTHING_TO_CANCEL")
        if self.faults.spend("false_cancel"):
            self.exchange.false_cancels.append(order)
            return _ids(self.account.pretend_canceled(order))
        if self.faults.spend("fill_after_cancel"):
            return _ids(self.account.cancel_with_a_fill_untold(order))
        return _ids(self.account.cancel(order))

    def cancel_all(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/order/cancel-all: a symbol or a settlement coin has to be named."""
        asked.check_linear()
        canceled = [
            _ids(self.account.cancel(order))
            for order in self.account.open_orders()
            if self._is_asked_for(asked, order.symbol)
        ]
        return {"list": canceled, "success": "1"}

    # -------------------------------------------------------------------------------------------- asking

    def realtime(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/order/realtime: what is open, and by id also what ended lately."""
        asked.check_linear()
        named = asked.maybe("orderId") or asked.maybe("orderLinkId")
        closed_too = bool(named) or asked.whole("openOnly", 0) == 1
        recent = self.account.histories.orders[-_RECENT:] if closed_too else []
        rows = [one for one in self._seen(asked) if one.is_open or one.waits or one in recent]
        return self._page(asked, rows, order_row)

    def history(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/order/history: what has ended."""
        asked.check_linear()
        rows = [order for order in self._seen(asked, needs_scope=False) if not (order.is_open or order.waits)]
        return self._page(asked, self._in_time(asked, rows, lambda o: o.created_ms), order_row)

    def executions(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/execution/list: seven days a call at most, the newest first."""
        asked.check_linear()
        until = self.account.now_ms() - self.faults.rest_lag_ms
        kind = asked.maybe("execType") or "Trade"
        trades = [
            trade
            for trade in self.account.histories.trades
            if trade.time_ms <= until
            and trade.order.client_id not in self.exchange.hidden
            and asked.maybe("symbol") in {"", trade.order.symbol}
            and asked.maybe("orderId") in {"", order_id(trade.order)}
            and asked.maybe("orderLinkId") in {"", link_id(trade.order)}
        ]
        marks = {symbol: market.mark for symbol, market in self.account.markets.items()}
        rows = [
            execution_row(trade, marks[trade.order.symbol])
            for trade in self._in_time(asked, trades, lambda trade: trade.time_ms)
        ]
        if asked.maybe("execType"):
            rows = [row for row in rows if row["execType"] == kind]
        return self._page(asked, rows, lambda row: row)

    def closed_pnl(self, asked: BybitRequest) -> dict[str, Any]:
        """GET /v5/position/closed-pnl: an order that has closed something is a row, the newest first."""
        asked.check_linear()
        rows = [row for row in self._closings() if asked.maybe("symbol") in {"", row["symbol"]}]
        return self._page(
            asked, self._in_time(asked, rows, lambda row: int(row["updatedTime"])), lambda row: row
        )

    def _closings(self) -> list[dict[str, Any]]:
        """Walk through all trades, and sum up what each order has closed."""
        held: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        found: dict[str, list[tuple[Trade, Decimal, Decimal]]] = {}
        for trade in self.account.histories.trades:
            order, way = trade.order, 1 if trade.order.side == "BUY" else -1
            place = order.symbol, order.position_side
            size, fees = held.get(place, (ZERO, ZERO))
            closed = min(trade.size, abs(size)) if size * way < 0 else ZERO
            opening_fee = fees * closed / abs(size) if closed else ZERO
            opened = trade.fee * (trade.size - closed) / trade.size
            held[place] = size + way * trade.size, fees - opening_fee + opened
            if closed:
                found.setdefault(order_id(order), []).append((trade, closed, opening_fee))
        return [
            closing_row(parts, self.account.leverages[parts[0][0].order.symbol]) for parts in found.values()
        ]

    def trading_stop(self, asked: BybitRequest) -> dict[str, Any]:
        """POST /v5/position/trading-stop: a stop and a target of all that is held now; "0" cancels one."""
        asked.check_linear()
        symbol, place = asked.text("symbol"), _POSITIONS[asked.whole("positionIdx", 0)]
        if symbol not in self.account.markets:
            raise refusals.of_order("UNKNOWN_SYMBOL")
        for name in ("trailingStop", "tpLimitPrice", "slLimitPrice"):
            if asked.maybe(name) not in {"", "0"}:
                raise Refused(refusals.PARAMETER, f"params error: {name} is not served here", status=200)
        given = {name: asked.number(name) for name in ("stopLoss", "takeProfit") if asked.maybe(name)}
        if not given:
            raise wrong("takeProfit or stopLoss")
        long, short = (self._held(symbol, place, side) for side in ("SELL", "BUY"))
        if not (long or short):
            raise Refused(refusals.PARAMETER, "can not set tp/sl/ts for zero position", status=200)
        changed = [
            self._guard(asked, (symbol, place, name), price, long or -short) for name, price in given.items()
        ]
        if not any(changed):
            raise Refused(34040, "not modified", status=200)
        return {}

    def _guard(self, asked: BybitRequest, key: tuple[str, str, str], price: Decimal, held: Decimal) -> bool:
        """Set a position's stop or target anew; whether that changes anything."""
        symbol, place, name = key
        before = self._guards.get(key)
        is_there = before is not None and before.waits
        if (before.trigger_price if before is not None and is_there else ZERO) == price:
            return False
        side = "SELL" if held > 0 else "BUY"
        rises = (held > 0) == (name == "takeProfit")
        by = asked.maybe("tpTriggerBy" if name == "takeProfit" else "slTriggerBy")
        if price:
            made = self.account.place(
                NewOrder(
                    symbol=symbol,
                    side=side,
                    position_side=place,
                    kind=_kind("Market", side, 1 if rises else 2),
                    time_in_force="IOC",
                    quantity=abs(held),
                    price=ZERO,
                    client_id=f"made-up-{self.account.now_ms()}-{next(self._made_up)}",
                    reduce_only=True,
                    trigger_price=price,
                    working_type="MARK_PRICE" if by == "MarkPrice" else "CONTRACT_PRICE",
                    trigger_direction=1 if rises else 2,
                ),
                conditional=True,
            )
            self._guards[key] = made
        if before is not None and is_there:
            self.account.cancel(before)
        return True

    def _quantity(self, asked: BybitRequest, market: Market, place: str, side: str) -> Decimal:
        """Read qty: 0 of a market order that only closes is all that is held, or the largest order."""
        quantity, most = asked.number("qty"), market.listing.market_max_qty
        if asked.text("orderType") != "Market":
            return quantity
        if not quantity and asked.flag("reduceOnly") and asked.flag("closeOnTrigger"):
            quantity = min(self._held(market.listing.symbol, place, side), most)
            if not quantity:
                raise refusals.of_order("REDUCE_ONLY")
        if quantity > most:
            raise refusals.of_order("TOO_LARGE")
        return quantity

    def _held(self, symbol: str, place: str, side: str) -> Decimal:
        """How much of a position an order of this side closes."""
        for one in self.account.held(0).positions:
            if (one.symbol, one.position_side) == (symbol, place):
                return max(ZERO, one.size if side == "SELL" else -one.size)
        return ZERO

    # -------------------------------------------------------------------------------------------- inside

    def _one(self, asked: BybitRequest) -> PlacedOrder:
        number, client_id = asked.maybe("orderId"), asked.maybe("orderLinkId")
        if not number and not client_id:
            raise wrong("orderId or orderLinkId")
        symbol = asked.text("symbol")
        for order in reversed(self.account.histories.orders):
            mine = order_id(order) == number if number else order.client_id == client_id
            if mine and order.symbol == symbol and not self.exchange.is_hidden(order.client_id):
                return order
        raise refusals.of_order("UNKNOWN_ORDER")

    def _is_asked_for(self, asked: BybitRequest, symbol: str, *, needs_scope: bool = True) -> bool:
        wanted, base, settle = asked.maybe("symbol"), asked.maybe("baseCoin"), asked.maybe("settleCoin")
        if needs_scope and not (wanted or base or settle):
            raise Refused(refusals.PARAMETER, "Missing some parameters that must be filled in", status=200)
        listing = self.account.markets[symbol].listing
        return wanted in {"", symbol} and base in {"", listing.base} and settle in {"", listing.quote}

    def _seen(self, asked: BybitRequest, *, needs_scope: bool = True) -> list[PlacedOrder]:
        """The orders that a question may show, the newest first."""
        lag_ms = self.faults.rest_lag_ms
        orders = list(self.account.lagged(lag_ms).values()) if lag_ms else self.account.histories.orders
        number, client_id = asked.maybe("orderId"), asked.maybe("orderLinkId")
        scoped = needs_scope and not self._scope_is_named(asked)
        if scoped:
            raise Refused(refusals.PARAMETER, "Missing some parameters that must be filled in", status=200)
        return [
            order
            for order in reversed(orders)
            if number in {"", order_id(order)}
            and client_id in {"", link_id(order)}
            and self._is_asked_for(asked, order.symbol, needs_scope=False)
            and not self._is_hidden(order, by_name=bool(client_id))
        ]

    def _is_hidden(self, order: PlacedOrder, *, by_name: bool) -> bool:
        """Whether an order is not to be found yet; a question that names it counts."""
        if by_name:
            return self.exchange.is_hidden(order.client_id)
        return order.client_id in self.exchange.hidden

    def _scope_is_named(self, asked: BybitRequest) -> bool:
        return any(asked.maybe(name) for name in ("symbol", "baseCoin", "settleCoin"))

    def _in_time(
        self, asked: BybitRequest, rows: Iterable[_Row], time_of: Callable[[_Row], int]
    ) -> list[_Row]:
        start, end = asked.whole("startTime", -1), asked.whole("endTime", -1)
        now_ms = self.account.now_ms()
        if start >= 0 and end >= 0 and end - start > _WINDOW_MS:
            raise Refused(
                refusals.PARAMETER, "The time range between startTime and endTime is over 7 days", status=200
            )
        if start < 0:
            start = (end if end >= 0 else now_ms) - _WINDOW_MS
        if end < 0:
            end = start + _WINDOW_MS
        chosen = [row for row in rows if start <= time_of(row) <= end]
        chosen.sort(key=time_of, reverse=True)
        return chosen

    def _page(
        self, asked: BybitRequest, rows: list[_Row], write: Callable[[_Row], dict[str, Any]]
    ) -> dict[str, Any]:
        limit = min(asked.whole("limit", 20), 100)
        begin = asked.whole("cursor", 0)
        more = begin + limit < len(rows)
        written = [write(row) for row in rows[begin : begin + limit]]
        return {"category": "linear", "nextPageCursor": str(begin + limit) if more else "", "list": written}

    def _read(self, asked: BybitRequest) -> NewOrder:
        asked.check_linear()
        symbol, kind = asked.text("symbol"), asked.text("orderType")
        market = self.account.markets.get(symbol)
        if market is None:
            raise refusals.of_order("UNKNOWN_SYMBOL")
        side = _SIDES.get(asked.text("side"))
        if side is None:
            raise wrong("side")
        if kind not in {"Limit", "Market"}:
            raise wrong("orderType")
        for name in _ATTACHED:
            if asked.maybe(name) not in {"", "0"}:
                raise Refused(refusals.PARAMETER, f"params error: {name} is not served here", status=200)
        life = _LIVES.get(asked.maybe("timeInForce") or ("GTC" if kind == "Limit" else "IOC"))
        if life is None:
            raise wrong("timeInForce")
        idx = asked.whole("positionIdx", 0)
        if not 0 <= idx <= 2 or (idx == 0) == self.account.hedge:
            raise refusals.of_order("HEDGE_ACCOUNT")
        quantity = self._quantity(asked, market, _POSITIONS[idx], side)
        trigger = asked.number("triggerPrice") if asked.maybe("triggerPrice") else ZERO
        direction = asked.whole("triggerDirection", 0)
        if trigger and direction not in {1, 2}:
            raise wrong("triggerDirection")
        return NewOrder(
            symbol=symbol,
            side=side,
            position_side=_POSITIONS[idx],
            kind=_kind(kind, side, direction if trigger else 0),
            time_in_force=life if kind == "Limit" else "IOC",
            quantity=quantity,
            price=asked.number("price") if kind == "Limit" else ZERO,
            client_id=asked.link_id(f"made-up-{self.account.now_ms()}-{next(self._made_up)}"),
            reduce_only=asked.flag("reduceOnly") or asked.flag("closeOnTrigger"),
            trigger_price=trigger,
            working_type="MARK_PRICE" if asked.maybe("triggerBy") == "MarkPrice" else "CONTRACT_PRICE",
            trigger_direction=direction if trigger else 0,
        )


def _kind(kind: str, side: str, direction: int) -> str:
    """The order's type in the words of the simulated venue's account."""
    if not direction:
        return kind.upper()
    stops = (side == "BUY") == (direction == 1)
    name = "STOP" if stops else "TAKE_PROFIT"
    return name if kind == "Limit" else f"{name}_MARKET"


def _ids(order: PlacedOrder, wanted: NewOrder | None = None) -> dict[str, Any]:
    named = wanted.client_id if wanted is not None else order.client_id
    return {"orderId": order_id(order), "orderLinkId": "" if named.startswith("made-up-") else named}
