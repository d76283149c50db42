"""`dita serve`: one kernel an account, for strategies in processes of their own."""

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.venue import add_unproven_option

EXAMPLE: Final = (
    "dita serve --config dita.toml",
    "own the accounts; strategies connect from other processes",
)

_DESCRIPTION: Final = """\
Own the accounts of a configuration, and let strategy processes trade them: `dita.connect(PATH)` in Python, or
`dita run FILE --connect PATH`. Each takes a lease on slots by name, and says what becomes of its orders
once it is away. The socket is `kernel.sock` in the host's directory; its mode (0600) says who may connect.
SIGTERM ends it: nothing more is taken, programs are told, and orders stay as they are. It tells systemd
that it is ready, alive and ending. `dita status`, `orders`, `halt` and `stop` reach it as any host."""

_EPILOG: Final = """\
examples:
  dita serve --config dita.toml
  dita serve --config dita.toml --dir /var/lib/dita/main --socket /run/dita/kernel.sock"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command.

    Args:
        commands: The command line's list of commands.
    """
    parser = commands.add_parser(
        "serve",
        help="own the accounts; strategies connect from other processes",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a dita.toml (./dita.toml where it is there)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--name", metavar="NAME", help="the host's name (as the configuration says: main)")
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="where programs connect")
    parser.add_argument("--mode", metavar="MODE", help="the socket's mode (0600)")
    add_unproven_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0: it was ended.

    Raises:
        CommandFailure: The configuration cannot be used, or another server runs there.
    """
    from dita.config import load  # noqa: PLC0415 - `dita --help` answers at once
    from dita.engine.notify import Notifier  # noqa: PLC0415 - as above
    from dita.errors import KernelError  # noqa: PLC0415 - as above
    from dita.host import Directory, with_consent  # noqa: PLC0415 - as above
    from dita.server import Serving  # noqa: PLC0415 - as above

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        config = load(_file(options), overrides=_overrides(options)).config
        if options.unproven:
            config = with_consent(config)
        directory = (
            Directory(options.dir) if options.dir else Directory.named(options.name or config.host.name)
        )
        with Serving(config, directory, socket=options.socket, notifier=Notifier()) as serving:
            where = options.socket or config.serve.socket or directory.path / "kernel.sock"
            print(f"serving {', '.join(config.accounts)} at {where}", flush=True)
            try:
                serving.run()
            finally:
                # It ends anyhow: who asks for that once more shall not see it killed.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except (KernelError, OSError) as error:
        raise CommandFailure(str(error)) from error
    return 0


def _file(options: argparse.Namespace) -> Path | None:
    here = Path("dita.toml")
    return options.config or (here if here.is_file() else None)


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.mode is None else {"serve.mode": options.mode}
