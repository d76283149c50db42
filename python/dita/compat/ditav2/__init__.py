"""DITAv2's names, with its defaults: `from dita.compat.ditav2 import ExecutionKernel`.

Names that mean the same in both systems are DITA's own.
"""

from decimal import Decimal
from typing import Any

import dita
from dita.compat.ditav2.account import AccountProjection
from dita.compat.ditav2.kernel import ExecutionKernel
from dita.compat.ditav2.mock_venue import MockVenueAdapter
from dita.compat.ditav2.utils import json_safe

__all__ = ["AccountProjection", "ExecutionKernel", "MockVenueAdapter", "VenueOrder", "json_safe"]


def VenueOrder(  # noqa: N802 - the older name
    internal_trade_id: str = "",
    venue_order_id: str = "",
    venue_client_id: str = "",
    side: str = "LONG",
    intended_size: Decimal | str | float = 0,
    **fields: Any,  # noqa: ANN401 - fields of DITA's VenueOrder
) -> dita.VenueOrder:
    """Return an order by the older system's fields alone.

    Args:
        internal_trade_id: The trade.
        venue_order_id: The venue's id.
        venue_client_id: Our id.
        side: The position's side; the order's follows from it.
        intended_size: The order's size.
        fields: More fields of `dita.VenueOrder`.
    """
    fields.setdefault("order_side", "SELL" if str(side) == "SHORT" else "BUY")
    fields.setdefault("asset", "")
    return dita.VenueOrder(
        internal_trade_id=internal_trade_id,
        venue_order_id=venue_order_id,
        venue_client_id=venue_client_id,
        side=side,
        intended_size=intended_size,
        **fields,
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401 - DITA's own
    return getattr(dita, name)
