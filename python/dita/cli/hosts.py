"""`dita status`, `orders`, `stop`: what a host says of itself; from its log where it does not run."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.control.provenance import provenance_lines
from dita.host import Directory, HostAway, ask
from dita.server.standby import standbys
from dita.text import as_json, exact, table, time_text

_NAMES: Final = """\
NAME is a host's name; without it the only one that runs is meant. Hosts keep their directories below
$DITA_HOME (~/.local/state/dita). Where nobody answers, the log is read, and the first line says so."""


class Command:
    """One question to a host."""

    def __init__(self, name: str, description: str, request: str) -> None:
        """Describe it.

        Args:
            name: The command.
            description: What it shows.
            request: What the host is asked.
        """
        self.DESCRIPTION = f"{description}\n\n{_NAMES}"
        self.EPILOG = f"examples:\n  dita {name}\n  dita {name} paper --json"
        self._request = request

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options to its parser."""
        add_host_options(parser)
        if self._request in ("pause", "start", "stop"):
            all_of_it = "the host" if self._request == "stop" else "each"
            parser.add_argument("--strategy", metavar="NAME", help=f"which strategy (default: {all_of_it})")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")

    def run(self, options: argparse.Namespace) -> int:
        """Ask, and show.

        Args:
            options: The parsed command line.

        Returns:
            The exit code.

        Raises:
            CommandFailure: There is no such host, or neither it nor its log can be read.
        """
        directory = found(options)
        try:
            fields = {"strategy": options.strategy} if getattr(options, "strategy", None) else {}
            request = "stop_strategy" if fields and self._request == "stop" else self._request
            said = ask(directory, request, **fields)
        except HostAway as away:
            if self._request not in ("status", "orders", "strategies"):
                raise CommandFailure(str(away)) from away
            request = self._request
            said = _from_log(directory, self._request)
        if self._request == "status" and isinstance(said, dict):
            said = {**said, "standbys": list(standbys(directory))}
        if options.json:
            sys.stdout.write(as_json(said if isinstance(said, dict) else {"strategies": said}))
            return 0
        sys.stdout.write("\n".join(_LINES[request](said)) + "\n")
        return 0


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """Describe how a command names a host.

    Args:
        parser: A command's parser.
    """
    parser.add_argument("name", nargs="?", metavar="NAME", help="the host (default: the only one that runs)")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")


def found(options: argparse.Namespace) -> "Directory":
    """Return the directory of the host that a command line means.

    Args:
        options: `name` and `dir`.

    Raises:
        DirectoryError: There is none, or several run.
    """
    return Directory.found(options.name, options.dir)


def _from_log(directory: "Directory", request: str) -> dict[str, Any] | list[dict[str, Any]]:
    """Answer from the logs of a host that does not run."""
    names = directory.accounts()
    if not names:
        raise CommandFailure(f"{directory.path}: nobody answers, and there is no log yet")
    states = {name: timetravel.replay(directory.path / "log" / name) for name in names}
    if request == "strategies":
        print(f"{directory.path.name}: not running; this is from its log", file=sys.stderr)
        return _strategies_of(states)
    if request == "orders":
        print(f"{directory.path.name}: not running; this is from its log", file=sys.stderr)
        return {name: state["orders"] for name, state in states.items()}
    return {
        "name": directory.path.name,
        "running": False,
        "accounts": {name: _as_status(state) for name, state in states.items()},
    }


def _strategies_of(states: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those that have trades: a log knows no others."""
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


def _as_status(state: Mapping[str, Any]) -> dict[str, Any]:
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


_LINES: Final[dict[str, Callable[[Any], list[str]]]] = {
    "status": _status_lines,
    "orders": _order_lines,
    "strategies": _strategy_lines,
    "pause": _strategy_lines,
    "start": _strategy_lines,
    "stop_strategy": _strategy_lines,
    "stop": lambda _: ["the host stops: it waits for what is under way, and closes"],
}

STATUS: Final = Command(
    "status",
    "Show each account of a host: K and E, its controls, its open trades.",
    "status",
)
ORDERS: Final = Command("orders", "Show the orders that are at work, of each account of a host.", "orders")
STRATEGIES: Final = Command(
    "strategies",
    "Show the strategies of a host: how they are, and why.",
    "strategies",
)
PAUSE: Final = Command(
    "pause",
    "Send strategies no events until `dita start`, also after a restart of the host. Their orders and\n"
    "trades stay as they are.",
    "pause",
)
START: Final = Command(
    "start",
    "Start strategies that were paused or stopped. The code is the code that the host loaded; where a\n"
    "file has changed since, the last column says so: restart the host to run the new code.",
    "start",
)
STOP: Final = Command(
    "stop",
    "Let a host end: it waits for requests that are under way, and closes. `dita run` first does what its\n"
    "--on-stop says (by default it cancels entries); other hosts leave orders at venues as they are.\n"
    "With --strategy only that strategy ends, and stays so after a restart; `dita start` starts it again.",
    "stop",
)
