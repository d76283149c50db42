"""BingX's wire form for the contract suite's scripted venue: no socket, and no exchange behind it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.certify.books import Resting
from dita.certify.rig import VenueFault
from dita.certify.rigs.scripted_wire import Answer, ScriptedWire, WireScriptRig
from dita.venues.bingx.adapter import BingxPractice
from dita.venues.bingx.requests import BingxCodec
from dita.venues.wire.requests import Codec

_STATUSES: Final = {
    "ACKED": "NEW", "PARTIALLY_FILLED": "PARTIALLY_FILLED", "FILLED": "FILLED", "CANCELED": "CANCELED",
}  # fmt: skip
_TOTALS: Final = "BingX's fills have no ids: they are read from their order's total, so this cannot happen"


class BingxScriptRig(WireScriptRig):
    """BingX swaps, scripted."""

    symbol: ClassVar[str] = "BTC-USDT"
    other_symbol: ClassVar[str] = "ETH-USDT"
    config: ClassVar[Mapping[str, Any]] = {
        "taker_rate": "0.0005",
        "maker_rate": "0.0002",
        "instruments": {
            name: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "5"}
            for name in ("BTC-USDT", "ETH-USDT")
        },
    }
    not_offered: ClassVar[Mapping[VenueFault, str]] = {
        VenueFault.IDS_PER_RUN: _TOTALS,
        VenueFault.ONE_ID_TWO_FILLS: _TOTALS,
        VenueFault.IDS_PER_SYMBOL: _TOTALS,
        VenueFault.PRICE_LATER: "BingX tells a fill with its average price",
    }

    def make(self, wire: ScriptedWire) -> BingxPractice:
        """Make the adapter."""
        return BingxPractice(
            "key", "secret", (self.symbol, self.other_symbol), transport=lambda *_: wire,
            clock_ns=lambda: self.now_ns, deaf_s=0.5,
        )  # fmt: skip

    def codec(self) -> Codec:
        """Return how BingX's requests are written."""
        return BingxCodec("key", "secret")

    # -------------------------------------------------------------------------------------------- requests

    def answer(  # noqa: C901, PLR0911 - a case for each path
        self, method: str, path: str, values: dict[str, Any]
    ) -> Answer | None:
        """Answer a request."""
        match method, path.rpartition("/")[2]:
            case _, "time":
                return _good({"serverTime": self.now_ns // 1_000_000})
            case _, "userDataStream":
                return 200, {"listenKey": "key"}
            case "POST", "order":
                return self._place(values)
            case "GET", "order":
                order = self._asked(values)
                if order is None or self.hidden(order.sent.venue_client_id):
                    return 200, {"code": 80016, "msg": "order does not exist"}
                return _good({"order": self._row(order)})
            case "DELETE", "order":
                order = self._asked(values)
                why = "unknown" if order is None else self.changed_order(order.sent.venue_client_id, None)
                return (200, {"code": 80018, "msg": why}) if why else _good({"order": {}})
            case _, "allFillOrders":
                rows = [self._trade(one) for one in self.fills_reported() if one.asset == values["symbol"]]
                return _good({"fill_orders": rows})
            case _, "income":
                return _good([self._entry(one) for one in self.paid])
            case _, "balance":
                held = self._books.wallets.items()
                return _good([{"asset": asset, "balance": str(amount)} for asset, amount in held])
            case _, "positions":
                return _good([self._position(one) for one in (self.symbol, self.other_symbol)])
            case _, "openOrders":
                rows = [self._row(one) for one in self._orders.values() if one.left > 0 and one.working]
                return _good({"orders": rows})
        return 404, {"code": 404, "msg": f"{method} {path}"}

    def _asked(self, values: dict[str, Any]) -> Resting | None:
        if values.get("orderId"):
            wanted = values["orderId"]
            return next((one for one in self._orders.values() if one.venue_id == wanted), None)
        # The venue keeps ids in lower case.
        wanted = values["clientOrderId"]
        return next((one for name, one in self._orders.items() if name.lower() == wanted), None)

    def _place(self, values: dict[str, Any]) -> Answer | None:
        life = values.get("timeInForce")
        sent = VenueOrder(
            venue_client_id=values["clientOrderId"].upper(), asset=values["symbol"],
            side="LONG" if values["side"] == "BUY" else "SHORT", order_side=values["side"],
            intended_size=values["quantity"], order_type=values["type"], limit_price=values.get("price"),
            post_only=life == "PostOnly", reduce_only=values.get("reduceOnly") == "true",
        )  # fmt: skip
        placed = self.placed(sent)
        if placed is None:
            return None
        if isinstance(placed, str):
            taken = placed == "DUPLICATE_CLIENT_ID"
            return 200, {"code": 101481 if taken else 101204, "msg": placed}
        return _good({"order": {"orderId": placed.venue_id, "clientOrderId": values["clientOrderId"]}})

    # -------------------------------------------------------------------------------------------- its words

    def order_frame(self, event: VenueEvent, order: Resting | None) -> dict[str, Any]:
        """Write an order's frame: it has totals, and no fill."""
        row = self._pushed(order, event) if order is not None else self._forced(event)
        match str(event.kind):
            case "PARTIAL_FILL" | "FULL_FILL":
                row |= {"x": "TRADE", "X": _STATUSES[str(event.status)], "z": str(event.filled_size)}
                if order is not None:
                    row |= self._totals(order, event.filled_size)
            case "LIQUIDATION" | "ADL":
                row |= {"x": "CALCULATED", "X": "FILLED"}
            case "ORDER_ACK" | "ORDER_STATUS":
                row |= {"x": "NEW", "X": "NEW", "z": str(event.filled_size or 0)}
            case _:
                row |= {"x": "CANCELED", "X": "CANCELED"}
        return {"e": "ORDER_TRADE_UPDATE", "E": self.now_ns // 1_000_000, "o": row}

    def wallet_frame(self, balances: Mapping[str, Decimal]) -> dict[str, Any]:
        """Write the account's frame."""
        rows = [{"a": asset, "wb": str(amount), "cw": str(amount)} for asset, amount in balances.items()]
        at = self.now_ns // 1_000_000
        return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"m": "ORDER", "B": rows, "P": []}}

    def say_funding(self) -> None:
        """Say that the wallet moved."""
        at = self.now_ns // 1_000_000
        body = {"m": "FUNDING_FEE", "B": [], "P": []}
        self.wire.say({"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": body})

    def _reported_of(self, order: Resting, filled: Decimal | None) -> list[VenueEvent]:
        """The fills that an order's total is made of."""
        found: list[VenueEvent] = []
        for fill in self._fills:
            if fill.venue_client_id == order.sent.venue_client_id:
                found.append(fill)
                if (
                    filled is not None
                    and sum((one.size or Decimal(0) for one in found), Decimal(0)) >= filled
                ):
                    break
        return found

    def _totals(self, order: Resting, filled: Decimal | None) -> dict[str, Any]:
        fills = self._reported_of(order, filled)
        size = sum((one.size or Decimal(0) for one in fills), Decimal(0))
        cost = sum(((one.price or Decimal(0)) * (one.size or Decimal(0)) for one in fills), Decimal(0))
        fee = sum((one.fee or Decimal(0) for one in fills), Decimal(0))
        asset = fills[-1].fee_asset if fills else self.asset
        return {"ap": str(cost / size if size else 0), "n": str(-fee), "N": asset}

    def _pushed(self, order: Resting, event: VenueEvent) -> dict[str, Any]:
        sent = order.sent
        filled = order.filled if event.filled_size is None else event.filled_size
        return {
            "s": sent.asset, "c": sent.venue_client_id.lower(), "i": order.venue_id,
            "S": str(sent.order_side), "o": str(sent.order_type), "q": str(order.size),
            "p": str(sent.limit_price or 0), "ps": "BOTH", "z": str(filled),
            "X": _STATUSES[self.status_of(order)], "x": "NEW", **self._totals(order, filled),
        }  # fmt: skip

    def _forced(self, event: VenueEvent) -> dict[str, Any]:
        return {
            "s": event.asset, "c": "", "i": event.venue_order_id, "S": str(event.order_side),
            "o": "ADL" if event.kind == "ADL" else "LIQUIDATION", "q": str(event.size), "z": str(event.size),
            "ap": str(event.price), "n": str(-(event.fee or Decimal(0))), "N": self.asset, "ps": "BOTH",
        }  # fmt: skip

    def _row(self, order: Resting) -> dict[str, Any]:
        sent, totals = order.sent, self._totals(order, order.filled)
        return {
            "symbol": sent.asset, "orderId": order.venue_id, "side": str(sent.order_side),
            "positionSide": "BOTH", "type": str(sent.order_type), "origQty": str(order.size),
            "price": str(sent.limit_price or 0), "executedQty": str(order.filled), "avgPrice": totals["ap"],
            "commission": totals["n"], "status": _STATUSES[self.status_of(order)],
            "time": order.placed_ns // 1_000_000, "updateTime": self.now_ns // 1_000_000,
            "clientOrderId": sent.venue_client_id.lower(),
        }  # fmt: skip

    def _trade(self, fill: VenueEvent) -> dict[str, Any]:
        return {
            "orderId": self._orders[fill.venue_client_id].venue_id, "symbol": fill.asset,
            "volume": str(fill.size), "price": str(fill.price), "currency": fill.fee_asset,
            "commission": str(-(fill.fee or Decimal(0))),
        }  # fmt: skip

    def _entry(self, paid: dict[str, Any]) -> dict[str, Any]:
        return {
            "incomeType": "FUNDING_FEE", "income": str(paid["amount"]), "asset": self.asset,
            "symbol": self.symbol, "time": paid["at_ns"] // 1_000_000, "tranId": f"f{paid['at_ns']}",
        }  # fmt: skip

    def _position(self, symbol: str) -> dict[str, Any]:
        return {
            "symbol": symbol, "positionAmt": str(self.position(symbol)), "positionSide": "BOTH",
            "avgPrice": "0",
        }  # fmt: skip


def _good(data: Any) -> Answer:  # noqa: ANN401 - any JSON
    return 200, {"code": 0, "msg": "", "data": data}
