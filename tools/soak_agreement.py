"""What must be so at the end of `soak_followers.py`: rows and values held against a replay of the log."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from soak_trader import NAME

from dita import timetravel
from dita.cluster import connected, mappings
from dita.follow import LogFollower, read_status
from dita.journal import ask_journal
from dita.journal.place import place_of
from dita.journal.schema import TABLES
from dita.projection.cluster import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dita.cluster import ClusterAddress

_SETTLED_S: Final = 120.0
#: Of a slot, what a kernel says of it under the same name; of its orders the cluster has the ids.
_SLOT: Final = (
    *("slot_id", "trade_id", "asset", "side", "fsm_state", "closed", "size", "initial_size", "entry_price"),
    *("leverage", "unrealized_pnl", "realized_pnl", "fees_paid", "funding_net", "cost", "entry_time"),
    *("last_event_time", "close_reason", "active_leg_index", "unprotected"),
)
_ORDER: Final = (
    *("venue_client_id", "venue_order_id", "intent_id", "internal_trade_id", "asset", "side", "order_side"),
    *(
        "order_type",
        "status",
        "intended_size",
        "filled_size",
        "remaining_size",
        "limit_price",
        "pending_cancel",
    ),
)
_ACCOUNT: Final = (
    *("asset", "equity", "unrealized_pnl", "open_notional", "available_capital", "k_capital"),
    *("k_realized_pnl", "k_fees_paid", "k_funding_net", "e_wallet_balance", "reconcile_delta"),
    *("reconcile_status", "open_positions"),
)
_CONTROL: Final = ("gate", "frozen", "kill_switch", "version", "updated_by", "debug_clickhouse_enabled")


def drained(log_dir: Path, last: int, timeout_s: float) -> list[str]:
    """Wait until every follower has taken everything; return which have not."""
    until = time.monotonic() + timeout_s
    behind: list[str] = []
    while time.monotonic() < until:
        behind = []
        for name in ("journal", "embedded", "projection"):
            status = read_status(log_dir, name)
            if status is None or status.seq < last:
                behind.append(f"the follower {name} is behind {last}: {status}")
        if not behind:
            return []
        time.sleep(0.1)
    return behind


def journaled(log_dir: Path, url: str, path: Path, tell: Callable[[str], None]) -> list[str]:
    """Hold both journals against an undisturbed replay, and against plain counts of the log's records."""
    expected, missing = replayed(log_dir)
    wrong = [f"{missing} ledger rows are missing in a replay, too"] if missing else []
    wrong += counted(log_dir, expected)
    digests: dict[str, object] = {}
    for where, place in (("server", place_of(url)), ("embedded", place_of(path))):
        for table in TABLES:
            found = ask_journal(
                place,
                "SELECT count(), uniqExact(seq * 1048576 + n), toString(sum(cityHash64(*))), "  # noqa: S608 - ours
                f"max(kernel != '{NAME}') FROM {table}",
            ).rows[0]
            rows, distinct, digest, strangers = int(found[0]), int(found[1]), found[2], int(found[3] or 0)
            if (rows, distinct, strangers) != (expected[table], expected[table], 0):
                wrong.append(
                    f"{where}: {table} has {rows} rows, {distinct} of them distinct, not {expected[table]}"
                )
            if digests.setdefault(table, digest) != digest:
                wrong.append(f"{table}: the two databases differ in what their rows say")
    shown = ", ".join(f"{table} {expected[table]:,}" for table in TABLES)
    tell(f"rows in each database: {sum(expected.values()):,} ({shown})")
    return wrong


def replayed(log_dir: Path) -> tuple[dict[str, int], int]:
    """The rows of each table that an undisturbed follower gives out, and those that it could not."""
    source = LogFollower(log_dir, NAME, "count", journal=True)
    rows = dict.fromkeys(TABLES, 0)
    while (batch := source.poll(records_max=50_000, bytes_max=32 << 20)) is not None:
        for table, count, _ in batch["blocks"]:
            rows[table] += count
    return rows, source.ledger_missing


def counted(log_dir: Path, expected: Mapping[str, int]) -> list[str]:
    """Hold the rows against the log's records of each type."""
    records = {row["type"]: row["records"] for row in timetravel.stats(log_dir)["types"]}
    news = ("VENUE_EVENT", "ACCOUNT_EVENT", "RECALLED")
    pairs = (
        ("intents", expected["intents"], records.get("INTENT", 0)),
        ("control_changes", expected["control_changes"], records.get("CONTROL", 0)),
        (
            "venue_events and account_events",
            expected["venue_events"] + expected["account_events"],
            sum(records.get(name, 0) for name in news),
        ),
    )
    return [f"{what}: {rows} rows of {written} records" for what, rows, written in pairs if rows != written]


def projected(
    log_dir: Path, address: ClusterAddress, state_hash: str, tell: Callable[[str], None]
) -> list[str]:
    """Hold the cluster against a replay of the log, for as long as it may take to settle."""
    past = timetravel.replay(log_dir)
    wrong = (
        [] if past["state_hash"] == state_hash else ["the log does not come to the state that the kernel had"]
    )
    until = time.monotonic() + _SETTLED_S
    with connected(address) as client:
        while True:
            differences = differing(client, past)
            if not differences or time.monotonic() > until:
                break
            time.sleep(0.5)
        orders = len(_held(client, mappings.ORDERS))
    tell(
        f"in the cluster: {len(past['slots'])} slots, {len(past['orders'])} live orders and {orders} in all, "
        f"{len(past['accounts'])} accounts"
    )
    return wrong + differences


def differing(client: Any, past: Mapping[str, Any]) -> list[str]:  # noqa: ANN401 - the cluster's client
    """What the cluster says otherwise than the replay."""
    slots = {str(slot["slot_id"]): slot for slot in past["slots"] if slot["trade_id"]}
    wrong = _compare("slot", _SLOT, _held(client, mappings.SLOTS), slots)
    held = _held(client, mappings.ORDERS)
    live = {order["venue_client_id"]: order for order in past["orders"]}
    shown = {name: order for name, order in held.items() if order.get("live", True)}
    wrong += _compare("live order", _ORDER, shown, live)
    accounts = {account["asset"]: account for account in past["accounts"]}
    wrong += _compare("account", _ACCOUNT, _held(client, mappings.ACCOUNT), accounts)
    wrong += _compare("controls", _CONTROL, _held(client, mappings.CONTROL), {NAME: past["control"]})
    return wrong


def _held(client: Any, name: str) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - the cluster's client
    """What a map holds, without the kernel's name before the key."""
    entries = client.get_map(name).blocking().entry_set()
    return {key.removeprefix(f"{NAME}/"): json.loads(value.to_string()) for key, value in entries}


def _compare(
    what: str,
    names: tuple[str, ...],
    held: Mapping[str, Mapping[str, Any]],
    own: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    wrong = [f"{what} {key} is missing in the cluster" for key in own.keys() - held.keys()]
    wrong += [f"{what} {key} is in the cluster and not in the kernel" for key in held.keys() - own.keys()]
    for key in own.keys() & held.keys():
        wanted = json.loads(json.dumps(own[key], default=plain))
        wrong += [
            f"{what} {key}: {name} is {held[key].get(name)!r}, not {wanted.get(name)!r}"
            for name in names
            if held[key].get(name) != wanted.get(name)
        ]
    return wrong
