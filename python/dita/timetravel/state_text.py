"""A state out of a log, as lines."""

from collections.abc import Iterator, Mapping
from typing import Any

from dita.text import count, exact, table


def state_lines(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield a state's accounts, slots, orders, positions and controls, line by line.

    Args:
        state: As `timetravel.replay` returns it.
    """
    yield from _differences(state)
    for account in state["accounts"]:
        yield ""
        yield from _account(account)
    yield ""
    yield from _slots(state)
    yield ""
    yield from _orders(state)
    yield ""
    yield from _positions(state)
    yield ""
    yield from _control(state["control"])


def _differences(state: Mapping[str, Any]) -> Iterator[str]:
    if not state["differences_all"]:
        return
    yield (
        f"  WARNING: {count(state['differences_all'])} inputs come to something else than when they were "
        "logged, so this is not the state that was logged; replay with the version that wrote the log"
    )
    for row in state["differences"][:10]:
        words = "accepted then, refused now" if row["accepted_then"] else "refused then, accepted now"
        yield f"    input {row['seq']}: {words}"


def _account(account: Mapping[str, Any]) -> Iterator[str]:
    asset = account["asset"]
    yield f"Account in {asset}"
    rows = [
        ("K, what the wallet must hold", exact(account["k_capital"])),
        ("E, what the exchange says", exact(account["e_wallet_balance"])),
        ("E - K", exact(account["reconcile_delta"], sign=True)),
        ("equity", exact(account["equity"])),
        ("realised profit", exact(account["realized_pnl"], sign=True)),
        ("unrealised profit", exact(account["unrealized_pnl"], sign=True)),
        ("fees paid", exact(account["k_fees_paid"])),
        ("funding received", exact(account["k_funding_net"], sign=True)),
        ("open notional", exact(account["open_notional"])),
        ("available", exact(account["available_capital"])),
        ("must hold", exact(account["maint_margin"])),
    ]
    width = max(len(name) for name, _ in rows)
    amount_width = max(len(text) for _, text in rows)
    for name, text in rows:
        yield f"  {name:{width}}  {text:>{amount_width}}"
    assumed = account["assumed_tiers"]
    tiers = f", by an assumed tier: {', '.join(assumed)}" if assumed else ""
    yield f"  margin {account['margin_status']}{tiers}"
    yield f"  {account['reconcile_status']}: {account['reconcile_explanation']}"
    for part in account["reconcile_causes"]:
        about = f" ({', '.join(part['references'])})" if part["references"] else ""
        amount = exact(part["amount"], sign=True)
        # How sure a cause is says nothing where there is none.
        proof = "" if part["cause"] == "UNEXPLAINED" else f", {part['proof'].lower()}"
        yield f"    {amount} {asset}  {part['cause']}{proof}{about}"


def _slots(state: Mapping[str, Any]) -> Iterator[str]:
    carried = [slot for slot in state["slots"] if slot["fsm_state"] not in ("IDLE", "CLOSED")]
    yield f"Slots: {len(carried)} of {state['max_slots']} carry a trade"
    if carried:
        yield from table(
            (
                "slot",
                "trade",
                "asset",
                "side",
                "stage",
                "size",
                "entry",
                "realised",
                "unrealised",
                "fees",
                "funding",
            ),
            (
                (
                    str(slot["slot_id"]),
                    slot["trade_id"],
                    slot["asset"],
                    str(slot["side"]),
                    str(slot["fsm_state"]),
                    exact(slot["size"]),
                    exact(slot["entry_price"]),
                    exact(slot["realized_pnl"], sign=True),
                    exact(slot["unrealized_pnl"], sign=True),
                    exact(slot["fees_paid"]),
                    exact(slot["funding_net"], sign=True),
                )
                for slot in carried
            ),
            right="slot size entry realised unrealised fees funding",
        )


def _orders(state: Mapping[str, Any]) -> Iterator[str]:
    orders = state["orders"]
    yield f"Orders at work: {len(orders)}"
    if orders:
        yield from table(
            ("order", "trade", "asset", "side", "type", "size", "filled", "limit", "status", "doubt"),
            (
                (
                    order["venue_client_id"],
                    order["internal_trade_id"],
                    order["asset"],
                    str(order["order_side"]),
                    str(order["order_type"]),
                    exact(order["intended_size"]),
                    exact(order["filled_size"]),
                    exact(order["limit_price"]),
                    str(order["status"]),
                    str(order["doubt"]),
                )
                for order in orders
            ),
            right="size filled limit",
        )


def _positions(state: Mapping[str, Any]) -> Iterator[str]:
    positions = state["positions"]
    yield f"Positions: {len(positions)}"
    if positions:
        yield from table(
            ("asset", "book", "size", "entry", "unrealised", "venue says", "difference"),
            (
                (
                    row["symbol"],
                    str(row["position_side"]),
                    exact(row["size"], sign=True),
                    exact(row["entry_price"]),
                    exact(row["unrealized_pnl"], sign=True),
                    exact(row["reported_size"], sign=True),
                    exact(row["difference"], sign=True),
                )
                for row in positions
            ),
            right="size entry unrealised difference",
        )
    for row in state["unassigned"]:
        yield f"  of that in no slot: {exact(row['size'], sign=True)} {row['symbol']}"


def _control(control: Mapping[str, Any]) -> Iterator[str]:
    yield f"Controls: mode {control['mode']}, gate {control['gate']}" + (
        ", FROZEN" if control["frozen"] else ""
    )
    limits = {name: value for name, value in control["limits"].items() if value is not None}
    for name, value in limits.items():
        yield f"  {name}  {value}"
