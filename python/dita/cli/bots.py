"""`dita bots`: an account by the bots that share it, and capital moved between them."""

import argparse
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from dita._kernel import Replay
from dita.cli.actions import add_action, add_place
from dita.cli.values import positive
from dita.control.operator import me
from dita.host import Directory, HostAway, ask
from dita.observe.text import limits_text
from dita.text import as_json, exact, table

DESCRIPTION: Final = """\
Several bots on one account: an owner that the configuration gives a capital is a bot. Its budget is that
capital with what it has made of it: realised and open result, fees, funding. An entry whose initial margin
the budget does not carry is refused (BUDGET); exits never are.

    [accounts.main.bots.scalper]
    capital = "2500"
    max_slots = 3                 # limits of its own: each is optional
    max_order_notional = "1000"
    max_notional = "5000"

The rows add up to the account: `unassigned` is what is no bot's, `between` what the account has
realised beside the bots' own trades."""

EPILOG: Final = """\
examples:
  dita bots list
  dita bots list --host paper --json
  dita bots transfer scalper hedger 250
  dita bots transfer unassigned scalper 1000 --id top-up-2026-01"""

_EXAMPLES: Final = {
    "list": "dita bots list --host paper",
    "transfer": "dita bots transfer scalper hedger 250 --id monday",
}
_COLUMNS: Final = (
    "wallet",
    "capital",
    "realized_pnl",
    "fees",
    "funding",
    "open_pnl",
    "budget",
    "margin",
    "free",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _action(actions, "list", "each bot's money, budget and margin", _list)
    listing.add_argument("--asset", metavar="NAME", help="in which asset (the account's settlement asset)")
    transfer = _action(actions, "transfer", "move capital between bots; no wallet moves", _transfer)
    transfer.add_argument("giver", metavar="FROM", help="a bot, or `unassigned`")
    transfer.add_argument("taker", metavar="TO", help="a bot, or `unassigned`")
    transfer.add_argument("amount", metavar="AMOUNT", type=positive, help="how much")
    transfer.add_argument("--asset", default="USDT", metavar="NAME", help="of which asset (USDT)")
    transfer.add_argument(
        "--id", metavar="ID", help="its name: a second transfer of the same does nothing (a new one)"
    )
    transfer.add_argument("--by", metavar="WHO", help="who asks (you)")


def _action(
    actions: Any,  # noqa: ANN401 - argparse's own class is private
    name: str,
    what: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = add_action(actions, name, what, run, _EXAMPLES[name])
    add_place(parser)
    parser.add_argument("--account", metavar="NAME", help="which account (default: the only one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def _directory(options: argparse.Namespace) -> "Directory":
    return Directory.found(options.host, options.dir)


def _list(options: argparse.Namespace) -> int:
    directory = _directory(options)
    try:
        said = ask(directory, "bots", account=options.account, asset=options.asset)
    except HostAway:
        print(f"{directory.path.name}: not running; this is from its log", file=sys.stderr)
        said = _from_logs(directory, options)
    if options.json:
        sys.stdout.write(as_json(said))
    else:
        print("\n".join(_lines(said)))
    return 0


def _from_logs(directory: "Directory", options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for name in [options.account] if options.account else directory.accounts():
        replay = Replay(directory.log(name))
        replay.run()
        found[name] = replay.bots(options.asset)
    return found


def _lines(said: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    lines = []
    for account, rows in said.items():
        if not rows:
            lines.append(f"{account}: no bots; give one a capital: [accounts.{account}.bots.NAME]")
            continue
        lines.append(f"{account}, in {rows[0]['asset']}")
        shown_rows = [
            (
                str(row["bot"]),
                str(row["slots"]),
                *(exact(Decimal(str(row[name]))) for name in _COLUMNS),
                limits_text(row),
            )
            for row in rows
        ]
        sums = [
            exact(sum((Decimal(str(row[name])) for row in rows), Decimal(0)))
            if name in ("wallet", "open_pnl")
            else ""
            for name in _COLUMNS
        ]
        right = " ".join(("slots", *_COLUMNS))
        account_row = ("account", "", *sums, "")
        lines += table(("bot", "slots", *_COLUMNS, "limits"), [*shown_rows, account_row], right=right)
    return lines


def _transfer(options: argparse.Namespace) -> int:
    said = ask(
        _directory(options),
        "move_capital",
        account=options.account,
        asset=options.asset,
        amount=format(options.amount, "f"),
        id=options.id or f"transfer-{uuid.uuid4().hex[:16]}",
        by=options.by or me()[:31],
        **{"from": options.giver, "to": options.taker},
    )
    if options.json:
        sys.stdout.write(as_json(said))
        return 0
    again = " had been done before: nothing moved" if said["code"] == "DUPLICATE_INTENT" else ""
    moved = f"{options.amount:f} {options.asset} from {options.giver} to {options.taker}"
    print(f"{said['id']}{again or f': {moved}'}")
    return 0
