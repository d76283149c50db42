"""What a host says of itself and its accounts, as plain values: from live kernels, and from a log."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from dita.control.provenance import provenance_of
from dita.kernel import ExecutionKernel
from dita.slots import KernelSlotView


def to_json(content: object) -> str:
    """Return compact JSON: money as text, enumerations by name, times as int nanoseconds or ISO 8601.

    Args:
        content: Plain values.
    """
    return json.dumps(content, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def account_status(kernel: ExecutionKernel) -> dict[str, Any]:
    """Return one account: its money, its controls, its trades, how the kernel is.

    Args:
        kernel: The account's.
    """
    snapshot = kernel.snapshot()
    health = kernel.health()
    slots = [slot for slot in snapshot["slots"] if not is_free(slot)]
    return {
        "seq": kernel.seq,
        "now_ns": kernel.now_ns,
        "control": snapshot["control"],
        "provenance": provenance_of(snapshot["control"], kernel.now_ns),
        "account": snapshot["account"],
        "slots": slots,
        "slots_total": kernel.max_slots,
        "marks": {asset: kernel.instrument(asset)["mark_price"] for asset in kernel.instruments},
        "positions": kernel.positions(),
        "unassigned": kernel.unassigned(),
        "health": health,
        "catching_up": (kernel.recovery or {}).get("pending", []),
    }


def account_orders(kernel: ExecutionKernel, *, live_only: bool = True) -> list[dict[str, Any]]:
    """Return an account's orders, oldest first.

    Args:
        kernel: The account's.
        live_only: Whether ended ones are left out.
    """
    return [order.to_dict() for order in kernel.orders(live_only=live_only)]


def is_free(slot: Mapping[str, Any]) -> bool:
    """Whether a slot, as plain values, carries no trade.

    Args:
        slot: As `to_dict` gives it.
    """
    return str(slot["fsm_state"]) in ("IDLE", "CLOSED")


def owned(view: KernelSlotView, owner: str) -> bool:
    """Whether a slot carries a trade of an owner.

    Args:
        view: The slot.
        owner: The owner.
    """
    return not view.is_free() and view.owner == owner
