"""What a host says of itself, as lines."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from dita.control.provenance import provenance_lines
from dita.text import exact, table, time_text


def strategies_of(states: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the strategies that have trades: a log knows no others."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for account, state in states.items():
        for slot in state["slots"]:
            owner = str(slot.get("owner", ""))
            if owner and str(slot["fsm_state"]) not in ("IDLE", "CLOSED"):
                fresh = {"state": "Stopped", "error": "", "warming": False, "symbols": [], "slots": []}
                one = found.setdefault((account, owner), {"name": owner, "account": account, **fresh})
                one["slots"].append(slot["slot_id"])
                if slot["asset"] not in one["symbols"]:
                    one["symbols"].append(slot["asset"])
    return list(found.values())


def as_status(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return an account's state out of its log as a host's status has it."""
    accounts = {account["asset"]: account for account in state["accounts"]}
    first: Mapping[str, Any] = next(iter(accounts.values()), {})
    slots = [slot for slot in state["slots"] if str(slot["fsm_state"]) not in ("IDLE", "CLOSED")]
    return {
        "seq": state["seq"],
        "now_ns": state["time_ns"],
        "control": state["control"],
        "account": {**first, "assets": accounts},
        "slots": slots,
        "slots_total": state["max_slots"],
        "positions": state["positions"],
        "unassigned": state["unassigned"],
    }


def _status_lines(said: Mapping[str, Any]) -> list[str]:
    lines = [f"{said['name']}: " + ("running" if said["running"] else "not running; this is from its log")]
    for name, account in said["accounts"].items():
        control = account["control"]
        halted = ", kill switch" if control["kill_switch"] else ""
        lines.append(
            f"{name}: gate {control['gate']}{halted}, mode {control['mode']}, input {account['seq']:,}, "
            f"{time_text(account['now_ns'])} UTC"
        )
        if account.get("catching_up"):
            pending = ", ".join(account["catching_up"])
            lines.append(f"  entries wait for what happened before this process began: {pending}")
        lines += [f"  {line}" for line in provenance_lines(control, account["now_ns"])]
        lines += _money_lines(account["account"])
        rows = [
            (
                str(slot["slot_id"]),
                str(slot["asset"]),
                str(slot["side"]),
                str(slot["fsm_state"]),
                _number(slot["size"]),
                _number(slot["entry_price"]),
                _number(slot["unrealized_pnl"]),
                str(slot.get("owner", "")) or "-",
                str(slot["trade_id"]),
            )
            for slot in account["slots"]
        ]
        if rows:
            header = ("slot", "asset", "side", "state", "size", "entry", "open PnL", "owner", "trade")
            lines += table(header, rows, right="slot size entry open PnL")
        else:
            lines.append(f"  no trades; {account['slots_total']} slots are free")
    lines += [_standby_line(one) for one in said.get("standbys", ())]
    return lines


def _standby_line(said: Mapping[str, Any]) -> str:
    primary = said["primary"]
    if primary is None:
        watches = "nobody is known to serve"
    else:
        silent = f", silent for {primary['silent_s']:.2f} s of {said['heartbeat_s']:g}"
        watches = f"process {primary['pid']} is {primary['life'] or 'away'}{silent}"
    follows = ", ".join(
        f"{name} at input {one['seq']:,}, {one['behind']:,} behind"
        if one["seq"] is not None
        else f"{name} is not followed" + (f" ({one['trouble']})" if one["trouble"] else "")
        for name, one in said["accounts"].items()
    )
    step = f" ({said['step']})" if said.get("step") else ""
    return f"standby {said['pid']}: {said['state']}{step}; {follows}; {watches}"


def _money_lines(account: Mapping[str, Any]) -> list[str]:
    rows = []
    for asset, one in (account.get("assets") or {}).items():
        cells = [
            one.get(key) for key in ("k_capital", "equity", "k_realized_pnl", "k_fees_paid", "k_funding_net")
        ]
        rows.append((asset, *map(_number, cells), str(one.get("reconcile_status", "-"))))
    header = ("asset", "K", "equity", "realized", "fees", "funding", "K and E")
    lines = table(header, rows, right="K equity realized fees funding") if rows else []
    for asset, one in (account.get("assets") or {}).items():
        if str(one.get("reconcile_status", "OK")) != "OK":
            lines.append(f"  {asset}: {one.get('reconcile_explanation', '')}")
    return lines


def _order_lines(said: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    lines: list[str] = []
    for name, orders in said.items():
        lines.append(f"{name}: {len(orders)} order(s) at work")
        rows = [
            (
                str(order["venue_client_id"]),
                str(order["asset"]),
                str(order["order_side"]),
                str(order["order_type"]),
                _number(order["intended_size"]),
                _number(order["filled_size"]),
                _number(order["limit_price"]),
                _number(order["trigger_price"]),
                str(order["status"]),
                str(order.get("owner", "")) or "-",
            )
            for order in orders
        ]
        header = ("order", "asset", "side", "type", "size", "filled", "limit", "trigger", "status", "owner")
        if rows:
            lines += table(header, rows, right="size filled limit trigger")
    return lines


def _strategy_lines(said: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        (
            str(one["name"]),
            str(one["state"]) + (", warming up" if one["warming"] else ""),
            ", ".join(one["symbols"]),
            " ".join(str(slot) for slot in one["slots"]),
            str(one["error"]) or "-",
            str(one.get("code", "-")),
        )
        for one in said
    ]
    return table(("strategy", "state", "symbols", "slots", "error", "code"), rows)


def _number(value: object) -> str:
    if value is None:
        return "-"
    return exact(value if isinstance(value, Decimal) else Decimal(str(value)))


#: The lines of each answer.
LINES: Final[dict[str, Callable[[Any], list[str]]]] = {
    "status": _status_lines,
    "orders": _order_lines,
    "strategies": _strategy_lines,
    "pause": _strategy_lines,
    "start": _strategy_lines,
    "stop_strategy": _strategy_lines,
    "stop": lambda _: ["the host stops: it waits for what is under way, and closes"],
}
