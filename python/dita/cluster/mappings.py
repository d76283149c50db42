"""How the projection's maps read in SQL."""

import contextlib
from typing import TYPE_CHECKING, Final

from dita.cluster.errors import ClusterError

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient

SLOTS: Final = "dita.slots"
ORDERS: Final = "dita.orders"
ACCOUNT: Final = "dita.account"
CONTROL: Final = "dita.control"
HEALTH: Final = "dita.health"
# Not a projection: what operators ask for, by plane.
CONTROL_PLANE: Final = "dita.control_plane"
# Nor this: who writes under which kernel's name.
KERNELS: Final = "dita.kernels"

_ID: Final = "VARCHAR"
_EXACT: Final = "DECIMAL"
_COUNT: Final = "BIGINT"
_FLAG: Final = "BOOLEAN"
_JSON: Final = "JSON"
_LIST: Final = "JSON[]"
# A flat mapping reads no list and no object: a map that has any is a view over its JSON.
_NESTED: Final = "_json"

# What is text in JSON reads as DECIMAL without passing through a float.
_HEAD: Final = {"kernel": _ID, "run": _COUNT, "seq": _COUNT}
MAPPINGS: Final[dict[str, dict[str, str]]] = {
    SLOTS: {
        **_HEAD,
        "slot_id": "INTEGER",
        **dict.fromkeys(("trade_id", "owner", "asset", "side"), _ID),
        **dict.fromkeys(("entry_price", "size", "initial_size", "leverage"), _EXACT),
        "entry_time": _COUNT,
        **dict.fromkeys(("unrealized_pnl", "realized_pnl"), _EXACT),
        "closed": _FLAG,
        "active_leg_index": "INTEGER",
        **dict.fromkeys(("fsm_state", "close_reason"), _ID),
        "last_event_time": _COUNT,
        **dict.fromkeys(("fees_paid", "funding_net"), _EXACT),
        "unprotected": _FLAG,
        "cost": _EXACT,
        **dict.fromkeys(("exit_leg_ratios", "seen_event_ids"), _LIST),
        **dict.fromkeys(("active_entry_order", "active_exit_order", "metadata"), _JSON),
    },
    ORDERS: {
        **_HEAD,
        **dict.fromkeys(("internal_trade_id", "owner"), _ID),
        "slot_id": "INTEGER",
        **dict.fromkeys(
            ("venue_order_id", "venue_client_id", "asset", "side", "order_side", "position_side"), _ID
        ),
        **dict.fromkeys(("intended_size", "filled_size", "remaining_size", "average_fill_price"), _EXACT),
        **dict.fromkeys(("status", "order_type"), _ID),
        **dict.fromkeys(("limit_price", "trigger_price"), _EXACT),
        "time_in_force": _ID,
        **dict.fromkeys(("post_only", "reduce_only", "triggered", "stale", "pending_cancel"), _FLAG),
        **dict.fromkeys(("oco_group", "intent_id", "doubt"), _ID),
    },
    ACCOUNT: {
        **_HEAD,
        "asset": _ID,
        **dict.fromkeys(
            (
                *(
                    "capital",
                    "equity",
                    "realized_pnl",
                    "unrealized_pnl",
                    "open_notional",
                    "available_capital",
                ),
                *("k_capital", "k_realized_pnl", "k_fees_paid", "k_funding_net"),
                *("e_wallet_balance", "e_available_margin", "e_used_margin", "e_maint_margin"),
                *("reconcile_delta", "reconcile_tolerance", "leverage", "maint_margin"),
            ),
            _EXACT,
        ),
        "open_positions": "INTEGER",
        **dict.fromkeys(("reconcile_status", "reconcile_explanation", "margin_status"), _ID),
    },
    CONTROL: {
        **_HEAD,
        **dict.fromkeys(("mode", "gate", "verbosity", "regime"), _ID),
        **dict.fromkeys(("frozen", "kill_switch", "require_audit", "debug_clickhouse_enabled"), _FLAG),
        "version": _COUNT,
        "updated_by": _ID,
        "updated_at": _COUNT,
    },
    HEALTH: {
        **_HEAD,
        "now_ns": _COUNT,
        "at_ns": _COUNT,
        "plane_errors": _COUNT,
        "flattening": _FLAG,
        "control_trouble": _ID,
        "closed": _FLAG,
    },
}


def table_of(map_name: str) -> str:
    """Return a map's name in SQL: `dita_slots` for `dita.slots`."""
    return map_name.replace(".", "_")


def statements() -> list[str]:
    """Return the SQL that lets the maps be read as tables. To run it again changes nothing."""
    made = []
    for name, columns in MAPPINGS.items():
        table = table_of(name)
        if _JSON in columns.values():
            fields = ", ".join(f'{_column(one, kind)} AS "{one}"' for one, kind in columns.items())
            shape = (
                "(__key VARCHAR, this JSON) TYPE IMap OPTIONS ('keyFormat'='varchar', 'valueFormat'='json')"
            )
            made += [
                f'CREATE OR REPLACE EXTERNAL MAPPING {table}{_NESTED} EXTERNAL NAME "{name}" {shape}',
                # As an earlier version made it.
                f"DROP MAPPING IF EXISTS {table}",
                f"CREATE OR REPLACE VIEW {table} AS SELECT __key, {fields} FROM {table}{_NESTED}",  # noqa: S608 - ours
            ]
            continue
        fields = ", ".join(("__key VARCHAR", *(f'"{one}" {kind}' for one, kind in columns.items())))
        made.append(
            f'CREATE OR REPLACE EXTERNAL MAPPING {table} EXTERNAL NAME "{name}" ({fields}) '
            "TYPE IMap OPTIONS ('keyFormat'='varchar', 'valueFormat'='json-flat')"
        )
    return made


def _column(name: str, kind: str) -> str:
    """A field of a JSON value as a column of a type."""
    if kind in {_JSON, _LIST}:
        wrapper = " WITH ARRAY WRAPPER EMPTY ARRAY ON EMPTY" if kind == _LIST else ""
        return f"JSON_QUERY(this, '$.{name}'{wrapper})"
    text = f"JSON_VALUE(this, '$.{name}')"
    return text if kind == _ID else f"CAST({text} AS {kind})"


def set_up(client: "HazelcastClient") -> list[str]:
    """Make the mappings in a cluster; return the tables' names.

    Raises:
        ClusterError: The cluster refuses.
    """
    from hazelcast.errors import HazelcastError  # noqa: PLC0415 - an extra
    from hazelcast.sql import HazelcastSqlError  # noqa: PLC0415

    try:
        for statement in statements():
            # A view of this name is no mapping to drop, and the next statement replaces it.
            with contextlib.suppress(*[HazelcastSqlError] * statement.startswith("DROP ")):
                client.sql.execute(statement).result()
    except (HazelcastError, HazelcastSqlError) as error:
        raise ClusterError(
            f"the cluster refuses the mappings ({error}): its members need hazelcast-sql and jet enabled"
        ) from error
    return [table_of(name) for name in MAPPINGS]
