"""Rows of what a host says: one text for each thing that can change by itself."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def rows_of(read: Mapping[str, Any]) -> dict[str, str]:
    """Return the rows, as JSON by their keys.

    Args:
        read: `status` and `orders`, as a source gives them.

    Returns:
        `host`, and for each account `account:NAME`, `control:NAME`, `health:NAME`, `market:NAME:SYMBOL`,
        `slot:NAME:N`, `order:NAME:ID`; for each strategy `strategy:NAME`.
    """
    return {key: _text(value) for key, value in _rows(read["status"], read["orders"])}


def _text(value: object) -> str:
    # Numbers of money are text already; "<" would end a script, should the text ever stand in a page.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True).replace(
        "<", "\\u003c"
    )


def _rows(status: Mapping[str, Any], orders: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "host", {"name": status["name"], "boot": status["boot"], "heartbeat": status["heartbeat"]}
    for name, account in status["accounts"].items():
        yield f"account:{name}", account["account"]
        for symbol, mark in account["marks"].items():
            yield f"market:{name}:{symbol}", {"symbol": symbol, "mark_price": mark}
        yield f"control:{name}", account["control"]
        yield (
            f"health:{name}",
            {
                "seq": account["seq"],
                "now_ns": account["now_ns"],
                "slots_total": account["slots_total"],
                "positions": account["positions"],
                "unassigned": account["unassigned"],
                **account["health"],
            },
        )
        for slot in account["slots"]:
            yield f"slot:{name}:{slot['slot_id']}", slot
        for order in orders.get(name, ()):
            yield f"order:{name}:{order['venue_client_id']}", order
    for strategy in status["strategies"]:
        yield f"strategy:{strategy['name']}", strategy


def frame_of(before: Mapping[str, str], now: Mapping[str, str], number: int) -> str:
    """Return what changed, as one JSON object; empty where nothing did.

    Args:
        before: The rows as they were told.
        now: The rows as they are.
        number: The frame's.

    Returns:
        `id`, `rows` (the newest value of each row that changed) and `gone` (keys that are no more).
    """
    changed = [f"{json.dumps(key)}:{text}" for key, text in now.items() if before.get(key) != text]
    gone = [key for key in before if key not in now]
    if not changed and not gone:
        return ""
    return (
        f'{{"id":{number},"rows":{{{",".join(changed)}}},"gone":{json.dumps(gone, separators=(",", ":"))}}}'
    )
