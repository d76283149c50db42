"""`dita replay`: the kernel's state at any moment of its log."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option, read_log
from dita.errors import LogCorrupt
from dita.text import as_json, count, exact, table, time_text

DESCRIPTION: Final = """\
Show the kernel's state at a moment of its log: what each slot held, which orders were at work, the account
with K, E and their difference, and the positions. The log is replayed into a kernel of its own, from the
newest snapshot before that moment. Where an input gives another result than when it was logged (another
version's rules) that is said.

Reads only, takes no lock, and works beside a running kernel."""

EPILOG: Final = """\
examples:
  dita replay /var/lib/dita/main
  dita replay /var/lib/dita/main --until 2026-03-01T14:30:00Z
  dita replay /var/lib/dita/main --until 18250 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    add_until_option(parser)
    add_json_option(parser)


def add_until_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that names a moment.

    Args:
        parser: A command's parser.
    """
    parser.add_argument(
        "--until",
        metavar="SEQ|TIME",
        help="an input's number, or a time (UTC unless it says otherwise); default: the log's end",
    )


def run(options: argparse.Namespace) -> int:
    """Replay and show.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The log cannot be read, or `--until` is no moment.
    """

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener

        try:
            return timetravel.replay(options.log_dir, options.until, progress=listen)
        except LogCorrupt as error:
            damage = timetravel.verify(options.log_dir)["damage"]
            if damage is None or damage["seq"] <= 1:
                raise
            raise CommandFailure(
                f"{error}; --until {damage['seq'] - 1} shows what stands before it"
            ) from error

    state = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(state))
    else:
        sys.stdout.write("\n".join(_lines(options, state)) + "\n")
    return 0


def _lines(options: argparse.Namespace, state: Mapping[str, Any]) -> Iterator[str]:
    if state["seq"] == 0:
        yield f"{options.log_dir}: nothing had been taken by then"
        return
    yield f"{options.log_dir}: after input {count(state['seq'])}, {time_text(state['time_ns'])} UTC"
    wanted = options.until
    if wanted is not None and wanted.isdecimal() and int(wanted) > state["seq"]:
        yield f"  the log ends here: there is no input {count(int(wanted))} yet"
    at = state["began"]
    began = "the log's beginning" if at is None else f"the snapshot after input {count(at)}"
    yield f"  {count(state['replayed'])} inputs replayed from {began}"
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
