"""What `dita watch` says of a kernel, as rows and lines: the screen and the plain text show the same."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from dita.control.provenance import provenance_lines
from dita.observe.source import Seen
from dita.text import count, exact, table, time_text

SLOT_HEADER: Final = (
    "slot",
    "stage",
    "trade",
    "asset",
    "side",
    "size",
    "entry",
    "unrealized",
    "realized",
    "fees",
)
ORDER_HEADER: Final = ("order", "asset", "side", "type", "size", "filled", "limit", "status", "doubt")
RIGHT: Final = "size entry unrealized realized fees filled limit"
_SILENT_S: Final = 5.0


def slot_rows(seen: Seen) -> list[tuple[str, ...]]:
    """One row for each slot that has carried a trade."""
    return [
        (
            str(slot["slot_id"]),
            f"{slot['fsm_state']}{' UNPROTECTED' if slot['unprotected'] else ''}",
            slot["trade_id"],
            slot["asset"],
            slot["side"],
            number(slot["size"]),
            number(slot["entry_price"]),
            number(slot["unrealized_pnl"], sign=True),
            number(slot["realized_pnl"], sign=True),
            number(slot["fees_paid"]),
        )
        for slot in seen.slots
    ]


def order_rows(seen: Seen) -> list[tuple[str, ...]]:
    """One row for each order at work."""
    return [
        (
            order["venue_client_id"],
            order["asset"],
            order["order_side"],
            order["order_type"],
            number(order["intended_size"]),
            number(order["filled_size"]),
            number(order["limit_price"] or order["trigger_price"]),
            order["status"],
            "" if order["doubt"] == "NONE" else order["doubt"],
        )
        for order in seen.orders
    ]


def account_lines(seen: Seen) -> list[str]:
    """K, E and every named difference, asset by asset."""
    lines = []
    for account in seen.accounts:
        asset = account["asset"]
        lines.append(
            f"K {number(account['k_capital'])} {asset}    E {number(account['e_wallet_balance'])} {asset}"
        )
        lines.append(
            f"E - K {number(account['reconcile_delta'], sign=True)}    {account['reconcile_status']}: "
            f"{account['reconcile_explanation']}"
        )
        lines.extend(
            f"  {cause['cause']} {number(cause['amount'], sign=True)}"
            + ("" if cause["cause"] == "UNEXPLAINED" else f" {cause['proof']}")
            for cause in account["reconcile_causes"]
        )
        lines.append(
            f"equity {number(account['equity'])}    unrealized {number(account['unrealized_pnl'], sign=True)}"
        )
        lines.append(margin_line(account))
        lines.append(
            f"fees {number(account['k_fees_paid'])}    funding {number(account['k_funding_net'], sign=True)}"
        )
        lines.extend(bot_line(row) for row in account.get("bots", ()))
    return lines or ["no account yet"]


def bot_line(row: Mapping[str, Any]) -> str:
    """A bot's money, and what of its budget is free."""
    line = f"  {row['bot']}    K {number(row['wallet'])}    open {number(row['open_pnl'], sign=True)}"
    if row["kind"] == "between":
        return line
    line = f"{line}    free {number(row['free'])} of {number(row['budget'])}"
    limits = limits_text(row)
    return f"{line}    {limits}" if limits else line


def limits_text(row: Mapping[str, Any]) -> str:
    """Return a bot's limits with what is in use of them; nothing where it has none.

    Args:
        row: The bot's row, as `kernel.bots()` and the host's status show it.
    """
    parts = []
    if (most := row.get("max_slots")) is not None:
        parts.append(f"{row['slots']} of {most} slots")
    if (most := row.get("max_notional")) is not None:
        parts.append(f"{number(row['notional'])} of {number(most)} held")
    if (most := row.get("max_order_notional")) is not None:
        parts.append(f"{number(most)} an order")
    return ", ".join(parts)


def margin_line(account: Mapping[str, Any]) -> str:
    """How far the equity is above what the positions must hold, and whose tiers are only assumed."""
    line = f"margin {account['margin_status']}    must hold {number(account['maint_margin'])}"
    assumed = account["assumed_tiers"]
    return f"{line}    tiers assumed: {', '.join(assumed)}" if assumed else line


def control_lines(seen: Seen) -> list[str]:
    """What operators have set."""
    control = seen.control
    if not control:
        return ["no controls yet"]
    gate = str(control["gate"]) + (", KILL SWITCH" if control["kill_switch"] else "")
    lines = [
        f"gate {gate}    entries {'FROZEN' if control['frozen'] else 'not frozen'}",
        f"mode {control['mode']}    verbosity {control['verbosity']}    regime {control['regime']}",
        f"version {control['version']} by {control['updated_by'] or 'nobody'}",
    ]
    lines.extend(provenance_lines(control, seen.time_ns or 0))
    lines.extend(f"{name} {value}" for name, value in control["limits"].items() if value is not None)
    if control["last_freeze_reason"]:
        lines.append(f"last freeze: {control['last_freeze_reason']} ({control['last_freeze_symbol']})")
    return [*lines, *breaker_lines(seen)]


def breaker_lines(seen: Seen) -> list[str]:
    """Whether the venue's circuit breaker lets entries through, and why not."""
    breaker = seen.breaker
    if not breaker:
        return []
    line = f"circuit breaker of {breaker['venue']} {breaker['state']}"
    if breaker["state"] != "CLOSED":
        line += f", entries wait: {breaker['reason']}; {breaker['held_back']} held back"
    return [line]


def follower_lines(seen: Seen) -> list[str]:
    """Who is how far behind."""
    return [
        f"{one['name']}    {_or_unknown(one['waiting'])} waiting    "
        f"{_or_unknown(one['lag_seconds'])} s behind" + (f"    {one['trouble']}" if one["trouble"] else "")
        for one in seen.followers
    ] or ["none is known here"]


def head_line(seen: Seen) -> str:
    """Which kernel, and how fresh it is."""
    words = [seen.kernel or "no kernel", f"input {count(seen.seq)}", f"{time_text(seen.time_ns)} UTC"]
    if seen.kept_s is not None:
        words.append(f"LAST KNOWN, not read for {seen.kept_s:.1f} s")
    elif seen.age_s is not None:
        words.append(f"{seen.age_s:.1f} s ago")
        if seen.age_s > _SILENT_S:
            words.append("SILENT: the kernel or its projection has stopped")
    return "    ".join(words)


def as_text(seen: Seen) -> str:
    """Return all of it as plain text."""
    parts: list[tuple[str, Sequence[str]]] = [
        ("account", [f"  {line}" for line in account_lines(seen)]),
        ("controls", [f"  {line}" for line in control_lines(seen)]),
        ("followers", [f"  {line}" for line in follower_lines(seen)]),
        ("slots", table(SLOT_HEADER, slot_rows(seen), right=RIGHT)),
        ("orders at work", table(ORDER_HEADER, order_rows(seen), right=RIGHT)),
    ]
    lines = [head_line(seen)]
    if seen.trouble:
        lines.append(f"TROUBLE: {seen.trouble}")
    for title, body in parts:
        lines.extend((title, *body))
    return "\n".join(lines) + "\n"


def number(text: str | int | None, *, sign: bool = False) -> str:
    """Return a decimal in full, without trailing zeros; a dash where there is none."""
    return exact(None if text is None else Decimal(text), sign=sign)


def tone(seen: Seen) -> str:
    """Return "bad", "warn" or "good": what somebody sees from across the room."""
    statuses = {str(account["reconcile_status"]) for account in seen.accounts}
    silent = seen.age_s is not None and seen.age_s > _SILENT_S
    margins = {str(account.get("margin_status", "OK")) for account in seen.accounts}
    if (
        seen.trouble
        or silent
        or statuses & {"ERROR"}
        or "UNDERWATER" in margins
        or any(_unprotected(slot) for slot in seen.slots)
    ):
        return "bad"
    if (
        "WARN" in statuses
        or "MARGIN_CALL" in margins
        or seen.control.get("gate", "NORMAL") != "NORMAL"
        or seen.control.get("frozen")
        or seen.breaker.get("state", "CLOSED") != "CLOSED"
    ):
        return "warn"
    return "good"


def _or_unknown(value: object) -> object:
    return "?" if value is None else value


def _unprotected(slot: Mapping[str, Any]) -> bool:
    return bool(slot["unprotected"])
