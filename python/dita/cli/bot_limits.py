"""What a bot may do at most, and how much of it is in use, in words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dita.text import exact


def limits_text(row: Mapping[str, Any]) -> str:
    """Return a bot's limits with what is in use of them; nothing where it has none.

    Args:
        row: The bot's row, as `kernel.bots()` and the host's status show it.
    """
    parts = []
    if (most := row.get("max_slots")) is not None:
        parts.append(f"{row['slots']} of {most} slots")
    if (most := row.get("max_notional")) is not None:
        parts.append(f"{_plain(row['notional'])} of {_plain(most)} held")
    if (most := row.get("max_order_notional")) is not None:
        parts.append(f"{_plain(most)} an order")
    return ", ".join(parts)


def _plain(amount: object) -> str:
    return exact(Decimal(str(amount)))
