"""How `dita portfolio` prints plans: one table for a dry run and an apply, and how far they are."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dita.text import count, exact, table, time_text

if TYPE_CHECKING:
    from dita.portfolio.shadow import ShadowPlan

#: Why the kernel will refuse what a row increases.
BLOCKED: Final = frozenset({"REGIME_BLOCKED", "CONTROL_HALTED", "REDUCE_ONLY", "FROZEN"})
_ID_CHARS: Final = 16
_HEADER: Final = (
    "symbol",
    "action",
    "side",
    "size",
    "orders",
    "actual",
    "target",
    "is",
    "wanted",
    "mark",
    "why",
)
_RIGHT: Final = "size orders actual target is wanted mark"


def plan_lines(said: Mapping[str, Any]) -> list[str]:
    """Return a plan's table, with what it is made of above.

    Args:
        said: `plan`, as `plan_as_dict` returns it, and whether it is `known` and was `already` applied.
    """
    plan = said["plan"]
    equity, settings = plan["equity"], plan["settings"]
    lines = [
        f"plan {plan['plan_id'][:_ID_CHARS]} of {plan['key']} for {plan['account']}",
        f"  shares of {exact(Decimal(equity['amount']))} {equity['asset']}, min(K, E) plus open PnL",
        f"  buffer {settings['buffer']}, threshold {settings['threshold']}, regime {plan['regime']}",
    ]
    if said["already"]:
        lines.append(
            f"  ALREADY_APPLIED: ended {time_text(plan['ended_ns'])} UTC; nothing is traded, "
            "--again plans anew"
        )
    elif said["known"]:
        lines.append(f"  begun {time_text(plan['begun_ns'])} UTC and cut short: it goes on where it stood")
    lines += table(_HEADER, [_cells(row) for row in plan["rows"]], right=_RIGHT)
    # A long that the regime blocks is reduced where it has to be, and else does not trade.
    trades = [
        row
        for row in plan["rows"]
        if row_size(row) and not (row["why"] in BLOCKED and not Decimal(row["reduce"]))
    ]
    orders = sum(row["orders"] for row in trades)
    return [
        *lines,
        f"  {count(len(trades))} of {count(len(plan['rows']))} rows trade, in {count(orders)} orders",
    ]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    size = row_size(row)
    return (
        row["symbol"],
        _action(row),
        _side(row),
        exact(size) if size else "-",
        str(row["orders"]) if size else "-",
        exact(Decimal(row["actual"])),
        exact(Decimal(row["target"])),
        _percent(row["actual_weight"]),
        _percent(row["weight"]),
        exact(Decimal(row["mark"])),
        row["why"] or "-",
    )


def row_size(row: Mapping[str, Any]) -> Decimal:
    """Return how much a row trades.

    Args:
        row: As `plan_as_dict` returns it.
    """
    return Decimal(row["reduce"]) + Decimal(row["increase"])


def _action(row: Mapping[str, Any]) -> str:
    if Decimal(row["reduce"]):
        return "FLIP" if Decimal(row["increase"]) else "REDUCE"
    return "INCREASE" if Decimal(row["increase"]) else "HOLD"


def _side(row: Mapping[str, Any]) -> str:
    if not row_size(row):
        return "-"
    return "BUY" if Decimal(row["target"]) > Decimal(row["actual"]) else "SELL"


def _percent(weight: str) -> str:
    return f"{Decimal(weight) * 100:.2f}%"


def summary_line(plan: Mapping[str, Any]) -> str:
    """Return what came of an apply, and of what was refused why.

    Args:
        plan: As `plan_as_dict` returns it.
    """
    trades = [row for row in plan["rows"] if row_size(row)]
    done = sum(row["state"] == "DONE" for row in trades)
    lines = [f"{plan['state']}: {count(done)} of {count(len(trades))} rows are on their target"]
    refused = [row for row in trades if row["state"] == "REFUSED"]
    lines += [f"  {row['symbol']}: {row['refusal']}" for row in refused[:20]]
    if len(refused) > 20:
        lines.append(f"  and {count(len(refused) - 20)} more: dita portfolio status {plan['plan_id'][:8]}")
    if plan["state"] == "INCOMPLETE":
        lines.append("  apply the file again to go on")
    return "\n".join(lines)


def status_lines(plans: Mapping[str, Sequence[Mapping[str, Any]]], *, rows: bool) -> list[str]:
    """Return how far the plans of accounts are.

    Args:
        plans: By account.
        rows: Whether their rows are shown.
    """
    lines: list[str] = []
    for account, found in plans.items():
        lines.append(f"{account}: {len(found)} plan(s)")
        if found:
            lines += table(
                ("plan", "state", "portfolio", "begun", "done", "trades", "refused", "file"),
                [_status_cells(plan) for plan in found],
                right="done trades refused",
            )
        for plan in found if rows else ():
            lines += table(
                ("symbol", "state", "size", "target", "why"),
                [
                    (
                        row["symbol"],
                        row["state"] if row_size(row) else "-",
                        exact(row_size(row)),
                        exact(Decimal(row["target"])),
                        row["refusal"] or row["why"] or "-",
                    )
                    for row in plan["rows"]
                ],
                right="size target",
            )
    return lines or ["no account has a plan yet"]


def _status_cells(plan: Mapping[str, Any]) -> tuple[str, ...]:
    counts = plan["counts"]
    return (
        plan["plan_id"][:_ID_CHARS],
        plan["state"],
        plan["key"],
        time_text(plan["begun_ns"]),
        count(counts["done"]),
        count(counts["trades"]),
        count(counts["refused"]),
        plan["file"],
    )


def shadow_lines(plan: "ShadowPlan") -> list[str]:
    """Return what a shadow apply fills.

    Args:
        plan: As `ShadowState.plan` returns it.
    """
    rows = [
        (
            row.symbol,
            "HOLD" if row.why else ("BUY" if row.drift > 0 else "SELL"),
            _percent(str(row.actual)),
            _percent(str(row.target)),
            _percent(str(row.drift)),
            "-" if row.size is None else exact(row.size),
            str(row.why) or "-",
        )
        for row in plan.rows
    ]
    header = ("symbol", "action", "is", "wanted", "drift", "size", "why")
    return [
        f"shadow fills of {plan.key}",
        *table(header, rows, right="is wanted drift size"),
        f"  {count(len(plan.fills()))} of {count(len(plan.rows))} rows trade",
    ]


def shadow_as_dict(plan: "ShadowPlan") -> dict[str, Any]:
    """Return the same as plain values.

    Args:
        plan: As `ShadowState.plan` returns it.
    """
    rows = [
        {
            "symbol": row.symbol,
            "actual": row.actual,
            "target": row.target,
            "size": row.size,
            "why": str(row.why),
        }
        for row in plan.rows
    ]
    return {"key": plan.key, "fills": len(plan.fills()), "rows": rows}
