"""Plain orders as adapters of the smallest form and the router take them, and what is answered."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita._kernel import OrderSide, OrderType, TimeInForce
from dita.errors import InvalidInput, refuse

#: The fields of `MarketLimits` beside its symbol.
LIMITS: Final = (
    "tick_size", "lot_step", "min_qty", "max_qty", "min_notional", "max_price", "contract_multiplier",
    "inverse", "market_max_qty", "price_band", "max_open_orders", "max_open_stops",
)  # fmt: skip
#: Types of orders that wait for a trigger.
CONDITIONAL: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT})
_CHOICES: Final = {
    "side": tuple(OrderSide), "order_type": tuple(OrderType), "time_in_force": (*TimeInForce, "DAY"),
}  # fmt: skip
_STATUSES: Final = {
    "NEW": "ACKED", "ACCEPTED": "ACKED", "OPEN": "ACKED", "SUBMITTED": "ACKED", "PENDING": "ACKED",
    "SENT": "ACKED", "ACKED": "ACKED", "PARTIALLY_FILLED": "PARTIALLY_FILLED", "FILLED": "FILLED",
    "CLOSED": "FILLED", "CANCELED": "CANCELED", "CANCELLED": "CANCELED", "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
}  # fmt: skip


def exactly(field: str, value: object) -> Decimal:
    """Read a decimal; a float is read as it is printed.

    Args:
        field: What the error calls it.
        value: A Decimal, whole number, text or float.

    Raises:
        InvalidInput: It is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str, float)):
        # Numbers of numpy and pandas print themselves as what they are.
        if not hasattr(value, "item"):
            raise refuse(field, value, "is no decimal")
        value = value.item()
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise refuse(field, value, "is no decimal") from None
    if not number.is_finite():
        raise refuse(field, value, "must be finite")
    return number


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A plain order. Decimals may be given as text, whole numbers or floats; they are kept as Decimal.

    Attributes:
        symbol: The instrument: as the venue names it, or an alias (`BTC/USDT`).
        side: BUY or SELL.
        quantity: Base units or contracts, above zero.
        order_type: MARKET, LIMIT, STOP_MARKET, STOP_LIMIT or TAKE_PROFIT.
        limit_price: Quote units; None where the type has none.
        trigger_price: The same.
        time_in_force: GTC, IOC, FOK, GTD or DAY.
        client_id: Our id of it; the router makes one where it is empty.
        reduce_only: Whether it may only make a position smaller.
        post_only: Whether it may only rest.
        venue: Where; empty means the only venue.
        account: Which account there; empty means the only one.
    """

    symbol: str
    side: str
    quantity: Decimal
    order_type: str = "MARKET"
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: str = "GTC"
    client_id: str = ""
    reduce_only: bool = False
    post_only: bool = False
    venue: str = ""
    account: str = ""

    def __post_init__(self) -> None:
        """Check, and keep decimals exactly.

        Raises:
            InvalidInput: A value cannot be taken, by field and value.
        """
        if not self.symbol:
            raise refuse("symbol", self.symbol, "must name an instrument")
        for name, known in _CHOICES.items():
            word = str(getattr(self, name)).upper()
            if word not in known:
                raise refuse(name, getattr(self, name), f"is none of {', '.join(known)}")
            object.__setattr__(self, name, word)
        object.__setattr__(self, "quantity", exactly("quantity", self.quantity))
        if self.quantity <= 0:
            raise refuse("quantity", self.quantity, "must be above zero")
        for name in ("limit_price", "trigger_price"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, exactly(name, getattr(self, name)))
        if self.order_type in {"LIMIT", "STOP_LIMIT"} and self.limit_price is None:
            raise refuse("limit_price", None, f"is needed for {self.order_type}")
        if self.order_type in CONDITIONAL and self.trigger_price is None:
            raise refuse("trigger_price", None, f"is needed for {self.order_type}")


@dataclass(frozen=True, slots=True)
class OrderResponse:
    """What a venue says of a plain order, as of now. Decimals as in `OrderRequest`.

    Attributes:
        status: ACKED (also NEW, ACCEPTED, OPEN), PARTIALLY_FILLED, FILLED, CANCELED, REJECTED, EXPIRED.
        order_id: The venue's id of it.
        client_id: Ours.
        filled_quantity: How much has filled in all.
        average_price: Of all that has filled; None where nothing has.
        fee: Charged for all that has filled (+ is a charge); None where the venue has not said.
        fee_asset: What it is charged in.
        reason: Why it was refused, or ended.
    """

    status: str
    order_id: str = ""
    client_id: str = ""
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        """Check, and keep decimals exactly.

        Raises:
            InvalidInput: A value cannot be taken, by field and value.
        """
        status = _STATUSES.get(str(self.status).upper())
        if status is None:
            raise refuse("status", self.status, f"is none of {', '.join(dict.fromkeys(_STATUSES.values()))}")
        object.__setattr__(self, "status", status)
        object.__setattr__(self, "filled_quantity", exactly("filled_quantity", self.filled_quantity))
        for name in ("average_price", "fee"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, exactly(name, getattr(self, name)))
        for name in ("order_id", "client_id"):
            object.__setattr__(self, name, str(getattr(self, name) or ""))
        if self.filled_quantity < 0:
            raise refuse("filled_quantity", self.filled_quantity, "must not be below zero")
        if self.filled_quantity and self.average_price is None:
            raise refuse("average_price", None, "is needed with a filled_quantity")

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can fill."""
        return self.status in {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}


def response_of(answer: Any) -> OrderResponse:  # noqa: ANN401 - what an adapter of somebody's returned
    """Return an adapter's answer, which may be a mapping of the same fields.

    Args:
        answer: The answer.

    Raises:
        InvalidInput: It is neither.
    """
    if isinstance(answer, OrderResponse):
        return answer
    if isinstance(answer, dict):
        try:
            return OrderResponse(**answer)
        except TypeError as error:
            raise InvalidInput(f"OrderResponse: {error}") from error
    raise refuse("submit_order", answer, "must return an OrderResponse")
