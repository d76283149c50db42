"""OKX's wire form for the contract suite's scripted venue: no socket, and no exchange behind it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.certify.books import Resting
from dita.certify.rig import VenueFault
from dita.certify.rigs.scripted_wire import Answer, ScriptedWire, WireScriptRig
from dita.venues.okx.adapter import OkxPractice
from dita.venues.okx.requests import OkxCodec
from dita.venues.wire.requests import Codec

_OK: Final = {"code": "0", "msg": ""}
_STATES: Final = {
    "ACKED": "live", "PARTIALLY_FILLED": "partially_filled", "FILLED": "filled", "CANCELED": "canceled",
}  # fmt: skip


class OkxScriptRig(WireScriptRig):
    """OKX swaps, scripted."""

    symbol: ClassVar[str] = "BTC-USDT-SWAP"
    other_symbol: ClassVar[str] = "ETH-USDT-SWAP"
    config: ClassVar[Mapping[str, Any]] = {
        "taker_rate": "0.0005",
        "maker_rate": "0.0002",
        "instruments": {
            name: {
                "tick_size": "0.1", "lot_step": "0.001", "min_notional": "5",
                "base": name[:3], "quote": "USDT", "settle": "USDT",
            }
            for name in ("BTC-USDT-SWAP", "ETH-USDT-SWAP")
        },
    }  # fmt: skip
    not_offered: ClassVar[Mapping[VenueFault, str]] = {
        VenueFault.IDS_PER_RUN: "every fill of OKX's has an id",
        VenueFault.PRICE_LATER: "OKX tells a fill with its price",
    }

    def make(self, wire: ScriptedWire) -> OkxPractice:
        """Make the adapter."""
        return OkxPractice(
            "key", "secret", "phrase", (self.symbol, self.other_symbol), transport=lambda *_: wire,
            clock_ns=lambda: self.now_ns, deaf_s=0.5,
        )  # fmt: skip

    def codec(self) -> Codec:
        """Return how OKX's requests are written."""
        return OkxCodec("key", "secret", "phrase", simulated=True)

    # -------------------------------------------------------------------------------------------- requests

    def answer(  # noqa: C901, PLR0911 - a case for each path
        self, method: str, path: str, values: dict[str, Any]
    ) -> Answer | None:
        """Answer a request."""
        match path.rpartition("/")[2]:
            case "time":
                return 200, {**_OK, "data": [{"ts": str(self.now_ns // 1_000_000)}]}
            case "order" if method == "POST":
                return self._place(values)
            case "order":
                order = self.order_of(values["clOrdId"])
                if order is None or self.hidden(values["clOrdId"]):
                    return 200, {"code": "51603", "msg": "Order does not exist", "data": []}
                return 200, {**_OK, "data": [self._row(order)]}
            case "cancel-order":
                return self._change(values, None)
            case "amend-order":
                change = {
                    "size": Decimal(values["newSz"]), "limit_price": Decimal(values["newPx"]),
                    "request_id": values.get("reqId", ""),
                }  # fmt: skip
                return self._change(values, change)
            case "fills-history":
                rows = [self._trade(fill) for fill in self.fills_reported()]
                return 200, {**_OK, "data": rows[::-1]}
            case "bills":
                return 200, {**_OK, "data": [self._bill(one) for one in self.paid][::-1]}
            case "balance":
                return 200, {**_OK, "data": [{"details": self._details()}]}
            case "positions":
                rows = [self._position(one) for one in (self.symbol, self.other_symbol)]
                return 200, {**_OK, "data": rows}
            case "orders-pending":
                rows = [self._row(one) for one in self._orders.values() if one.left > 0 and one.working]
                return 200, {**_OK, "data": rows}
        return 404, {"code": "404", "msg": f"{method} {path}"}

    def _place(self, values: dict[str, Any]) -> Answer | None:
        kind = values["ordType"]
        sent = VenueOrder(
            venue_client_id=values["clOrdId"], asset=values["instId"],
            side="LONG" if values["side"] == "buy" else "SHORT", order_side=values["side"].upper(),
            intended_size=values["sz"], order_type="MARKET" if kind == "market" else "LIMIT",
            limit_price=values.get("px"), post_only=kind == "post_only",
            reduce_only=values.get("reduceOnly") == "true",
        )  # fmt: skip
        placed = self.placed(sent)
        if placed is None:
            return None
        if isinstance(placed, str):
            taken = placed == "DUPLICATE_CLIENT_ID"
            item = {"sCode": "51016" if taken else "51008", "sMsg": placed, "clOrdId": values["clOrdId"]}
            return 200, {"code": "1", "msg": "All operations failed", "data": [item]}
        item = {"clOrdId": values["clOrdId"], "ordId": placed.venue_id, "sCode": "0", "sMsg": ""}
        return 200, {**_OK, "data": [item]}

    def _change(self, values: dict[str, Any], change: dict[str, Any] | None) -> Answer:
        why = self.changed_order(values["clOrdId"], change)
        if why:
            code = "51400" if change is None else "51510"
            return 200, {"code": "1", "msg": "", "data": [{"sCode": code, "sMsg": why}]}
        return 200, {**_OK, "data": [{"clOrdId": values["clOrdId"], "sCode": "0", "sMsg": ""}]}

    # -------------------------------------------------------------------------------------------- its words

    def order_frame(self, event: VenueEvent, order: Resting | None) -> dict[str, Any]:
        """Write an order's frame."""
        row = self._row(order) if order is not None else self._forced(event)
        at = str(max(event.timestamp_ns, 1_000_000) // 1_000_000)
        row |= {"uTime": at, "amendResult": "", "reqId": "", "tradeId": "", "fillSz": "0", "fillPx": ""}
        match str(event.kind):
            case "PARTIAL_FILL" | "FULL_FILL" | "LIQUIDATION" | "ADL":
                row |= {
                    "tradeId": event.venue_trade_id, "fillSz": str(event.size), "fillPx": str(event.price),
                    "fillTime": at, "fillFee": str(-(event.fee or Decimal(0))),
                    "fillFeeCcy": event.fee_asset, "execType": "M" if event.liquidity == "MAKER" else "T",
                }  # fmt: skip
                if event.filled_size is not None and order is not None:
                    row["accFillSz"] = str(event.filled_size)
                    row["state"] = _STATES[str(event.status)]
            case "AMEND_ACK" | "AMEND_REJECT":
                row |= {"amendResult": "0" if event.kind == "AMEND_ACK" else "-1", "reqId": event.request_id}
                if event.order_size is not None:
                    row |= {"sz": str(event.order_size), "px": str(event.order_price)}
            case "ORDER_ACK" | "ORDER_STATUS":
                row |= {"state": "live", "accFillSz": str(event.filled_size or 0)}
            case _:
                row["state"] = "canceled"
        return {"arg": {"channel": "orders", "instType": "SWAP"}, "data": [row]}

    def wallet_frame(self, balances: Mapping[str, Decimal]) -> dict[str, Any]:
        """Write the account's frame."""
        return {"arg": {"channel": "account"}, "data": [{"details": self._details(balances)}]}

    def say_funding(self) -> None:
        """Say that the wallet moved."""
        row = {"eventType": "funding_fee", "balData": [], "posData": []}
        self.wire.say({"arg": {"channel": "balance_and_position"}, "data": [row]})

    def _row(self, order: Resting) -> dict[str, Any]:
        sent = order.sent
        return {
            "instId": sent.asset, "instType": "SWAP", "ordId": order.venue_id,
            "clOrdId": sent.venue_client_id, "side": str(sent.order_side).lower(), "posSide": "net",
            "sz": str(order.size), "px": "" if sent.limit_price is None else str(sent.limit_price),
            "accFillSz": str(order.filled), "avgPx": "", "state": _STATES[self.status_of(order)],
            "category": "normal", "cTime": str(order.placed_ns // 1_000_000),
            "uTime": str(self.now_ns // 1_000_000),
        }  # fmt: skip

    def _forced(self, event: VenueEvent) -> dict[str, Any]:
        size = str(event.size)
        return {
            "instId": event.asset, "instType": "SWAP", "ordId": event.venue_order_id, "clOrdId": "",
            "side": str(event.order_side).lower(), "posSide": "net", "sz": size, "px": "", "accFillSz": size,
            "state": "filled", "category": "adl" if event.kind == "ADL" else "full_liquidation",
            "cTime": str(self.now_ns // 1_000_000),
        }  # fmt: skip

    def _trade(self, fill: VenueEvent) -> dict[str, Any]:
        order = self._orders[fill.venue_client_id]
        return {
            "instId": fill.asset, "instType": "SWAP", "tradeId": fill.venue_trade_id, "ordId": order.venue_id,
            "clOrdId": fill.venue_client_id, "billId": fill.venue_trade_id, "fillPx": str(fill.price),
            "fillSz": str(fill.size), "side": str(order.sent.order_side).lower(), "posSide": "net",
            "execType": "M" if fill.liquidity == "MAKER" else "T", "feeCcy": fill.fee_asset,
            "fee": str(-(fill.fee or Decimal(0))), "ts": str(self.now_ns // 1_000_000), "subType": "1",
        }  # fmt: skip

    def _bill(self, paid: dict[str, Any]) -> dict[str, Any]:
        return {
            "billId": f"b{paid['at_ns']}", "type": "8", "ccy": self.asset, "balChg": str(paid["amount"]),
            "instId": self.symbol, "ts": str(paid["at_ns"] // 1_000_000),
        }  # fmt: skip

    def _details(self, balances: Mapping[str, Decimal] | None = None) -> list[dict[str, Any]]:
        at = str(self.now_ns // 1_000_000)
        held = self._books.wallets if balances is None else balances
        return [{"ccy": asset, "cashBal": str(amount), "uTime": at} for asset, amount in held.items()]

    def _position(self, symbol: str) -> dict[str, Any]:
        return {
            "instId": symbol, "instType": "SWAP", "pos": str(self.position(symbol)), "posSide": "net",
            "avgPx": "", "uTime": str(self.now_ns // 1_000_000),
        }  # fmt: skip
