"""What Binance USD-M answers to a request that it does not take: HTTP status, code and text."""

from typing import Any, Final

from dita.practice.encoder import Refused

_MISSING: Final = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."


def body_of(refused: Refused) -> dict[str, Any]:
    """Return a refusal's JSON."""
    return {"code": refused.code, "msg": refused.text}


#: The simulated venue's refusals of an order in the venue's codes.
OF_ORDERS: Final[dict[str, tuple[int, str]]] = {
    "DUPLICATE_CLIENT_ID": (-4116, "ClientOrderId is duplicated."),
    "UNKNOWN_SYMBOL": (-1121, "Invalid symbol."),
    "MISSING_TRIGGER_PRICE": (-1102, _MISSING.format("triggerPrice")),
    "UNEXPECTED_TRIGGER_PRICE": (-1106, "Parameter 'stopprice' sent when not required."),
    "TRIGGER_NOT_POSITIVE": (-4006, "Stop price less than zero."),
    "TRIGGER_OFF_TICK": (-4014, "Price not increased by tick size."),
    "TRIGGER_ABOVE_MAXIMUM": (-4007, "Stop price greater than max price."),
    "WOULD_TRIGGER_AT_ONCE": (-2021, "Order would immediately trigger."),
    "MISSING_EXPIRE_TIME": (-1102, _MISSING.format("goodTillDate")),
    "EXPIRE_TIME_PASSED": (-5040, "The goodTillDate must be greater than the current time plus 600 seconds."),
    "ONE_WAY_ACCOUNT": (-4061, "Order's position side does not match user's setting."),
    "HEDGE_ACCOUNT": (-4061, "Order's position side does not match user's setting."),
    "INSUFFICIENT_MARGIN": (-2019, "Margin is insufficient."),
    "SIZE_NOT_POSITIVE": (-4003, "Quantity less than or equal to zero."),
    "SIZE_OFF_LOT": (-1111, "Precision is over the maximum defined for this asset."),
    "SIZE_BELOW_MINIMUM": (-4004, "Quantity less than min quantity."),
    "SIZE_ABOVE_MAXIMUM": (-4005, "Quantity greater than max quantity."),
    "MISSING_LIMIT_PRICE": (-1102, _MISSING.format("price")),
    "UNEXPECTED_LIMIT_PRICE": (-1106, "Parameter 'price' sent when not required."),
    "PRICE_NOT_POSITIVE": (-4001, "Price less than or equal to zero."),
    "PRICE_OFF_TICK": (-4014, "Price not increased by tick size."),
    "PRICE_ABOVE_MAXIMUM": (-4002, "Price greater than max price."),
    "BELOW_MIN_NOTIONAL": (
        -4164,
        "Order's notional must be no smaller than the minimum (unless you choose reduce only).",
    ),
    "TOO_LARGE": (-4005, "Quantity greater than max quantity."),
    "NO_MARKET": (-2020, "Unable to fill."),
    "POST_ONLY_WOULD_TAKE": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    "REDUCE_ONLY": (-2022, "ReduceOnly Order is rejected."),
    "SIMULATED_REJECT": (-2010, "NEW_ORDER_REJECTED"),
    "CLOSE_POSITION_EXISTS": (
        -4130,
        "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    ),
    "NOTHING_TO_CANCEL": (-2011, "Unknown order sent."),
    "UNKNOWN_ORDER": (-2013, "Order does not exist."),
    "NOTHING_TO_CHANGE": (-5027, "No need to modify the order."),
    "LEVERAGE_NOT_VALID": (-4028, "Leverage is not valid"),
    "MARGIN_MODE_SAME": (-4046, "No need to change margin type."),
    "MARGIN_MODE_ORDERS": (-4047, "Margin type cannot be changed if there exists open orders."),
    "MARGIN_MODE_POSITION": (-4048, "Margin type cannot be changed if there exists position."),
    "BELOW_FILLED": (-5028, "Quantity less than the executed quantity."),
}  # fmt: skip


def of_order(reason_code: str, reason: str) -> Refused:
    """Put a refusal of the simulated venue into the venue's code."""
    code, text = OF_ORDERS.get(reason_code, (-2010, reason or "NEW_ORDER_REJECTED"))
    return Refused(code, text)


def missing(name: str) -> Refused:
    """A mandatory parameter is not there, or not readable."""
    return Refused(-1102, _MISSING.format(name))


def unknown_symbol() -> Refused:
    """No such instrument."""
    return Refused(-1121, "Invalid symbol.")


def unknown_order() -> Refused:
    """A question about an order that is not there."""
    return Refused(-2013, "Order does not exist.")


def nothing_to_cancel() -> Refused:
    """A cancel of an order that is not open."""
    return Refused(-2011, "Unknown order sent.")
