"""The events of a frame by the engine's names and words: `order_update`, `fill` and `account`.

See docs/api/engine_protocol.md. They follow the frame in the stream, without an id of their own.
"""

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from dita.gateway.source import Update

_WORDS: Final = {
    **dict.fromkeys(("NEW", "SENT", "ACKED", "STOPPED", "PENDING_CANCEL", "PENDING_REPLACE"), "ACCEPTED"),
    **dict.fromkeys(("CANCELED", "DONE_FOR_DAY"), "CANCELLED"),
}


def named_events(update: Update, *, reset: bool = False) -> bytes:
    """Return the events of a frame as server-sent events.

    Args:
        update: What has changed.
        reset: Whether it is everything there is: orders at work and balances are sent, fills of the past not.
    """
    events: list[bytes] = []
    if not reset:
        events += [_event("fill", _fill(json.loads(text))) for text in update.fills]
        events += [_event("order_update", _order(json.loads(text))) for text in update.ended]
    balances: dict[str, list[str]] = {}
    for key, text in update.rows.items():
        kind, _, place = key.partition(":")
        if kind == "order":
            order = {**json.loads(text), "account": place.partition(":")[0]}
            events.append(_event("order_update", _order(order)))
        elif kind in {"account", "asset"}:
            balances.setdefault(place.partition(":")[0], []).append(_balance(json.loads(text)))
    events += [
        _event(
            "account", f'"ts_ns":{time.time_ns()},"account":{json.dumps(name)},"balances":[{",".join(own)}]'
        )
        for name, own in balances.items()
    ]
    return b"".join(events)


def _event(name: str, fields: str) -> bytes:
    return f'event: {name}\ndata: {{"type":"{name}",{fields}}}\n\n'.encode()


def _fields(given: Mapping[str, Any], numbers: tuple[str, ...]) -> str:
    """The fields in their order; exact decimals are JSON numbers, as the engine has them."""
    return ",".join(
        f'"{name}":{value or 0}' if name in numbers else f'"{name}":{json.dumps(value)}'
        for name, value in given.items()
    )


def _fill(fill: Mapping[str, Any]) -> str:
    said = {
        "ts_ns": fill.get("time_ns"),
        "client_order_id": fill.get("venue_client_id", ""),
        "symbol": fill.get("asset", ""),
        "qty": fill.get("size"),
        "price": fill.get("price"),
        "account": fill.get("account", ""),
    }
    return _fields(said, ("ts_ns", "qty", "price"))


def _order(order: Mapping[str, Any]) -> str:
    status = _WORDS.get(order["status"], order["status"])
    if status == "ACCEPTED" and Decimal(order["filled_size"]):
        status = "PARTIALLY_FILLED"
    said = {
        "ts_ns": time.time_ns(),
        "client_order_id": order["venue_client_id"],
        "venue_order_id": order["venue_order_id"],
        "status": status,
        "symbol": order["asset"],
        "side": order["order_side"],
        "qty": order["intended_size"],
        "price": order["limit_price"],
        "reason": order.get("reason", ""),
        "account": order.get("account", ""),
    }
    return _fields(said, ("ts_ns", "qty", "price"))


def _balance(row: Mapping[str, Any]) -> str:
    """What is free and what is locked; together they are what the wallet must hold."""
    wallet = Decimal(row["k_capital"])
    free = min(wallet, max(Decimal(0), Decimal(row["available_capital"])))
    said = {"asset": row["asset"], "free": f"{free:f}", "locked": f"{wallet - free:f}"}
    return f"{{{_fields(said, ('free', 'locked'))}}}"
