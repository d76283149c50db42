"""What the exchange remembers of orders, trades and money, and how its REST answers write them."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

ZERO: Final = Decimal(0)
OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED"})


def plain(value: Decimal) -> str:
    """Write a decimal as the venue does: digits, no exponent, no zeros at the end."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


@dataclass(slots=True)
class PlacedOrder:
    """An order that the exchange took. Times in milliseconds; ids as the venue counts them."""

    number: int
    client_id: str
    inner_id: str
    symbol: str
    side: str
    position_side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    close_position: bool
    working_type: str
    created_ms: int
    updated_ms: int
    trigger_price: Decimal = ZERO
    good_till_ms: int = 0
    status: str = "NEW"
    filled: Decimal = ZERO
    turnover: Decimal = ZERO
    algo_number: int = 0
    algo_status: str = ""
    triggered_ms: int = 0
    modify_id: str = ""
    post_only: bool = False
    self_trade: str = "EXPIRE_MAKER"
    first_kind: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it works in the book."""
        return self.number > 0 and self.status in OPEN

    @property
    def waits(self) -> bool:
        """Whether it is conditional and waits for its trigger."""
        return self.algo_status == "NEW"

    @property
    def average(self) -> Decimal:
        """The average price of its fills; 0 without one."""
        return self.turnover / self.filled if self.filled else ZERO

    def copy(self) -> "PlacedOrder":
        """Return it as it is now."""
        return replace(self)

    def reply(self) -> dict[str, Any]:
        """Write it as order, cancel and amend replies do: since 2026-07-15 without avgPrice and cumQuote."""
        body: dict[str, Any] = {
            "orderId": self.number,
            "symbol": self.symbol,
            "pair": self.symbol,
            "status": self.status,
            "clientOrderId": self.client_id,
            "price": plain(self.price),
            "origQty": plain(self.quantity),
            "executedQty": plain(self.filled),
            "cumQty": plain(self.filled),
            "timeInForce": self.time_in_force,
            "type": self.kind,
            "reduceOnly": self.reduce_only,
            "closePosition": self.close_position,
            "side": self.side,
            "positionSide": self.position_side,
            "stopPrice": "0",
            "workingType": self.working_type,
            "priceProtect": False,
            "origType": self.kind,
            "priceMatch": "NONE",
            "selfTradePreventionMode": self.self_trade,
            "goodTillDate": self.good_till_ms,
            "updateTime": self.updated_ms,
        }
        if self.modify_id:
            body["modifyId"] = self.modify_id
        return body

    def status_reply(self) -> dict[str, Any]:
        """Write it as questions about orders are answered."""
        return {
            **self.reply(),
            "avgPrice": plain(self.average.quantize(Decimal("1e-8"))) if self.filled else "0.00",
            "cumQuote": plain(self.turnover),
            "time": self.created_ms,
        }

    def algo_reply(self) -> dict[str, Any]:
        """Write it as the service of conditional orders does."""
        return {
            "algoId": self.algo_number,
            "clientAlgoId": self.client_id,
            "algoType": "CONDITIONAL",
            "orderType": self.first_kind,
            "symbol": self.symbol,
            "side": self.side,
            "positionSide": self.position_side,
            "timeInForce": self.time_in_force,
            "quantity": plain(self.quantity),
            "algoStatus": self.algo_status,
            "actualOrderId": str(self.number) if self.number else "",
            "actualQty": plain(self.filled),
            "actualPrice": plain(self.average.quantize(Decimal("1e-8"))),
            "triggerPrice": plain(self.trigger_price),
            "price": plain(self.price),
            "icebergQuantity": None,
            "selfTradePreventionMode": self.self_trade,
            "workingType": self.working_type,
            "priceMatch": "NONE",
            "closePosition": self.close_position,
            "priceProtect": False,
            "reduceOnly": self.reduce_only,
            "createTime": self.created_ms,
            "updateTime": self.updated_ms,
            "triggerTime": self.triggered_ms,
            "goodTillDate": self.good_till_ms,
        }


@dataclass(frozen=True, slots=True)
class Trade:
    """A fill of the account's."""

    number: int
    order: PlacedOrder
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int
    realized: Decimal

    def reply(self, margin_asset: str) -> dict[str, Any]:
        """Write it as `GET /fapi/v1/userTrades` does."""
        return {
            "symbol": self.order.symbol,
            "pair": self.order.symbol,
            "id": self.number,
            "orderId": self.order.number,
            "side": self.order.side,
            "price": plain(self.price),
            "qty": plain(self.size),
            "baseQty": plain(self.size),
            "quoteQty": plain(self.price * self.size),
            "realizedPnl": plain(self.realized),
            "marginAsset": margin_asset,
            "commission": plain(self.fee),
            "commissionAsset": self.fee_asset,
            "time": self.time_ms,
            "positionSide": self.order.position_side,
            "buyer": self.order.side == "BUY",
            "maker": self.maker,
        }


@dataclass(frozen=True, slots=True)
class Income:
    """One entry of the wallet's history."""

    kind: str
    asset: str
    amount: Decimal
    time_ms: int
    number: int
    symbol: str = ""
    trade_number: int | None = None

    def reply(self) -> dict[str, Any]:
        """Write it as `GET /fapi/v1/income` does."""
        return {
            "symbol": self.symbol,
            "incomeType": self.kind,
            "income": plain(self.amount),
            "asset": self.asset,
            "time": self.time_ms,
            "info": str(self.trade_number) if self.trade_number else self.kind,
            "tranId": self.number,
            "tradeId": str(self.trade_number) if self.trade_number else "",
        }


@dataclass(slots=True)
class Histories:
    """Everything that can be asked for later."""

    orders: list[PlacedOrder] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    income: list[Income] = field(default_factory=list)
