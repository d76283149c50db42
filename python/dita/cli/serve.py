"""`dita serve`: one kernel an account, for strategies in processes of their own."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Any, Final

from dita.cli.venue import add_unproven_option
from dita.config import load
from dita.host import Directory, with_consent
from dita.host.notify import Notifier
from dita.server import Serving
from dita.server.standby import Standby

DESCRIPTION: Final = """\
Own the accounts of a configuration, and let strategy processes trade them: `dita.connect(PATH)` in Python, or
`dita run FILE --connect PATH`. Each takes a lease on slots by name, and says what becomes of its orders
once it is away. The socket is `kernel.sock` in the host's directory; its mode (0600) says who may connect.
SIGTERM ends it: nothing more is taken, programs are notified, and orders stay as they are. It tells systemd
that it is ready, alive and ending. `dita status`, `orders`, `halt` and `stop` reach it as any host.
An account at a live venue is looked at first, as `dita doctor` does.

With --standby it waits while another process serves there, follows its logs, and takes over once that is
dead. One that has shown no sign of life for --heartbeat seconds (1) is ended first (SIGKILL)."""

EPILOG: Final = """\
examples:
  dita serve --config dita.toml
  dita serve --config dita.toml --dir /var/lib/dita/main --socket /run/dita/kernel.sock
  dita serve --config dita.toml --standby --heartbeat 2"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a dita.toml (./dita.toml where it is there)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--name", metavar="NAME", help="the host's name (as the configuration says: main)")
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="where programs connect")
    parser.add_argument("--mode", metavar="MODE", help="the socket's mode (0600)")
    add_unproven_option(parser)
    parser.add_argument(
        "--allow-withdrawals", action="store_true", help="take a live venue's key that may withdraw"
    )
    parser.add_argument("--standby", action="store_true", help="take over from the process that serves there")
    parser.add_argument(
        "--heartbeat", metavar="SECONDS", help="how long that may be silent before it is ended (1)"
    )
    parser.set_defaults(logs=True)


def run(options: argparse.Namespace) -> int:
    """Serve until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0: it was ended.

    Raises:
        CommandFailure: The configuration cannot be used, or another server runs there.
    """
    config = load(_file(options), overrides=_overrides(options)).config
    if options.unproven:
        config = with_consent(config)
    directory = Directory(options.dir) if options.dir else Directory.named(options.name or config.host.name)
    if options.standby:
        found = Standby(config, directory, socket=options.socket, notifier=Notifier()).wait()
        if found is None:
            return 0
    else:
        found = Serving(
            config,
            directory,
            socket=options.socket,
            notifier=Notifier(),
            allow_withdrawals=options.allow_withdrawals,
        )
        _tell_checks(found)
    with found as serving:
        where = options.socket or config.serve.socket or directory.path / "kernel.sock"
        print(f"serving {', '.join(config.accounts)} at {where}", flush=True)
        try:
            serving.run()
        finally:
            # It ends anyhow: who asks for that once more shall not see it killed.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0


def _tell_checks(serving: "Serving") -> None:
    for account, checks in serving.checks.items():
        for one in checks:
            print(f"{one.result.upper():<5} {account} {one.name:<14} {one.text}", file=sys.stderr)


def _file(options: argparse.Namespace) -> Path | None:
    here = Path("dita.toml")
    return options.config or (here if here.is_file() else None)


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    given = {"serve.mode": options.mode, "serve.heartbeat_s": options.heartbeat}
    return {name: value for name, value in given.items() if value is not None}
