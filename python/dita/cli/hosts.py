"""`dita status`, `orders`, `stop`: what a host says of itself; from its log where it does not run."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.failure import CommandFailure
from dita.host import Directory, HostAway, ask
from dita.host.text import LINES, as_status, strategies_of
from dita.server.standby import standbys
from dita.text import as_json

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
        sys.stdout.write("\n".join(LINES[request](said)) + "\n")
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
        return strategies_of(states)
    if request == "orders":
        print(f"{directory.path.name}: not running; this is from its log", file=sys.stderr)
        return {name: state["orders"] for name, state in states.items()}
    return {
        "name": directory.path.name,
        "running": False,
        "accounts": {name: as_status(state) for name, state in states.items()},
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
