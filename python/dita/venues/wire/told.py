"""What one message of a venue comes to, in the kernel's words."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.errors import InvalidInput

_OURS_MAX: Final = 36


class Unheard(InvalidInput):
    """What the closed lists of what the venue may say do not have: entries halt until somebody looks."""


@dataclass(slots=True)
class Told:
    """What one message comes to.

    Attributes:
        orders: Events of orders, in their order.
        account: Events of the account, each a dict as `on_account_event` takes it.
        leverages: Instruments whose leverage was set elsewhere.
        ask_income: Whether the wallet moved for a reason that only the income history names by its id.
        key_ended: Whether the stream ends with it.
    """

    orders: list[VenueEvent] = field(default_factory=list)
    account: list[dict[str, Any]] = field(default_factory=list)
    leverages: dict[str, Decimal] = field(default_factory=dict)
    ask_income: bool = False
    key_ended: bool = False


def ours(client_id: str) -> str:
    """A client id as an event carries it. What is longer than the kernel's ids was never one of them."""
    return client_id if len(client_id) <= _OURS_MAX else ""


def settled(
    ids: dict[str, Any],
    trade_id: str,
    size: Decimal,
    profit: Decimal,
    fee: Decimal,
    asset: object,
    at_ns: int,
) -> dict[str, Any]:
    """Write a fill's settlement as `on_account_event` takes it.

    Args:
        ids: Its order's ids, with `asset` and `order_side`.
        trade_id: The fill's.
        size: Its size.
        profit: What it realised.
        fee: Its fee.
        asset: What the fee is paid in.
        at_ns: When.
    """
    return {
        "kind": "FILL_SETTLED", "timestamp": at_ns, "symbol": ids["asset"], "venue_trade_id": trade_id,
        "realized_pnl": profit, "fee": fee, "fee_asset": str(asset or ""),
        "size": size if ids["order_side"] == "BUY" else -size,
    }  # fmt: skip
