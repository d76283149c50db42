"""What Bybit v5 answers to a request that it does not take: a code in a reply of status 200, and words."""

from typing import Final

from dita.practice.encoder import Refused

PARAMETER: Final = 10001
CLOCK: Final = 10002
KEY: Final = 10003
SIGNATURE: Final = 10004
TOO_MANY: Final = 10006

#: Refusals of the simulated venue and of the account, in the venue's codes.
OF_ORDERS: Final[dict[str, tuple[int, str]]] = {
    "DUPLICATE_CLIENT_ID": (110072, "OrderLinkedID is duplicate"),
    "UNKNOWN_SYMBOL": (PARAMETER, "params error: symbol invalid"),
    "MISSING_TRIGGER_PRICE": (PARAMETER, "params error: triggerPrice invalid"),
    "UNEXPECTED_TRIGGER_PRICE": (PARAMETER, "params error: triggerPrice invalid"),
    "TRIGGER_NOT_POSITIVE": (PARAMETER, "params error: triggerPrice invalid"),
    "TRIGGER_OFF_TICK": (PARAMETER, "params error: triggerPrice invalid"),
    "TRIGGER_ABOVE_MAXIMUM": (110003, "Order price exceeds the allowable range."),
    "WOULD_TRIGGER_AT_ONCE": (110092, "expect Rising, but trigger_price <= current"),
    "ONE_WAY_ACCOUNT": (PARAMETER, "position idx not match position mode"),
    "HEDGE_ACCOUNT": (PARAMETER, "position idx not match position mode"),
    "INSUFFICIENT_MARGIN": (110007, "ab not enough for new order"),
    "SIZE_NOT_POSITIVE": (PARAMETER, "Qty invalid"),
    "SIZE_OFF_LOT": (PARAMETER, "Qty invalid"),
    "SIZE_BELOW_MINIMUM": (PARAMETER, "The number of contracts is below the minimum"),
    "SIZE_ABOVE_MAXIMUM": (PARAMETER, "The number of contracts exceeds maximum limit allowed: too large"),
    "TOO_LARGE": (PARAMETER, "The number of contracts exceeds maximum limit allowed: too large"),
    "MISSING_LIMIT_PRICE": (PARAMETER, "params error: price invalid"),
    "UNEXPECTED_LIMIT_PRICE": (PARAMETER, "params error: price invalid"),
    "PRICE_NOT_POSITIVE": (PARAMETER, "params error: price invalid"),
    "PRICE_OFF_TICK": (PARAMETER, "params error: price invalid"),
    "PRICE_ABOVE_MAXIMUM": (110003, "Order price exceeds the allowable range."),
    "BELOW_MIN_NOTIONAL": (110094, "Order does not meet minimum order value"),
    "REDUCE_ONLY": (110017, "current position is zero, cannot fix reduce-only order qty"),
    "BELOW_FILLED": (
        110064,
        "The modified contract quantity cannot be less than or equal to the filled quantity.",
    ),
    "NOTHING_TO_CANCEL": (110001, "order not exists or too late to cancel"),
    "UNKNOWN_ORDER": (110001, "order not exists or too late to replace"),
    "NOTHING_TO_CHANGE": (PARAMETER, "order not modified"),
    "LEVERAGE_NOT_VALID": (110013, "cannot set leverage gt maxLeverage by risk limit"),
    "MARGIN_MODE_SAME": (110026, "Cross/isolated margin mode is not modified"),
    "MARGIN_MODE_ORDERS": (110073, "Set margin mode failed"),
    "MARGIN_MODE_POSITION": (110073, "Set margin mode failed"),
}

#: What the venue acknowledges first, and then ends: its acknowledgement is no acceptance.
AFTER_THE_ANSWER: Final[dict[str, str]] = {
    "POST_ONLY_WOULD_TAKE": "EC_PostOnlyWillTakeLiquidity",
    "NO_MARKET": "EC_NoImmediateQtyToFill",
    "SIMULATED_REJECT": "EC_Others",
}


class EndsAtOnce(Refused):
    """An order that is acknowledged, and ended at once.

    Attributes:
        reason: The venue's word for why.
    """

    def __init__(self, reason: str) -> None:
        """Take why."""
        super().__init__(0, reason, status=200)
        self.reason = reason


def of_order(name: str, words: str = "") -> Refused:
    """Put a refusal into the venue's code."""
    if name in AFTER_THE_ANSWER:
        return EndsAtOnce(AFTER_THE_ANSWER[name])
    code, text = OF_ORDERS.get(name, (PARAMETER, words or "params error"))
    return Refused(code, text, status=200)


def wrong(name: str) -> Refused:
    """A parameter is not there, or cannot be read."""
    return Refused(PARAMETER, f"params error: {name} invalid", status=200)
