"""`dita engine`: the engine protocol on standard input and output, or at a socket as a service."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.values import not_negative
from dita.config import load
from dita.host import Directory
from dita.host.engine_server import EngineServer, configured
from dita.host.notify import Notifier

DESCRIPTION: Final = """\
Trade on paper by lines of text: commands come in, one a line, events go out as NDJSON, and nothing else is
written there. docs/api/engine_protocol.md has every command and every event. With --stdio it ends with its
input; with --service it is a server at a socket, with a heartbeat, and tells systemd how it is. SIGTERM ends
both: no more commands are taken, and what is under way at the venue comes to its end."""

EPILOG: Final = """\
examples:
  dita engine --stdio | tee events.ndjson
  dita engine --stdio --clock step=1000000 --market none | tee events.ndjson
  dita engine --service --socket /run/dita/engine.sock --config dita.toml

MM_FREEZE_UTC_ISO=2026-01-01T00:00:00Z fixes when kernel time begins; with --clock step=NS the same lines then
give the same bytes."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--stdio", action="store_true", help="commands on stdin, events on stdout")
    mode.add_argument("--service", action="store_true", help="a server at --socket, until SIGTERM")
    parser.add_argument("--socket", type=Path, metavar="PATH", help="the Unix socket of --service")
    parser.add_argument(
        "--dir",
        type=Path,
        metavar="DIR",
        help="a host's directory: its log, and where `dita status` and `dita gateway` reach it",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a dita.toml: [engine], account, strategies"
    )
    parser.add_argument("--clock", metavar="C", help="system, or step=NS: so much for each command (system)")
    parser.add_argument("--market", metavar="M", help="synthetic, none, or a file of bars or ticks")
    parser.add_argument("--interval", metavar="I", help="how long the bars of the file are (1m)")
    parser.add_argument("--symbols", metavar="A,B", help="spot markets to list (BTCUSDT,ETHUSDT)")
    parser.add_argument("--balance", type=not_negative, metavar="USDT", help="money to begin with (100000)")
    parser.add_argument("--fill-ms", metavar="MS", help="how long until an order meets the market (300)")
    parser.add_argument("--slots", metavar="N", help="how many trades may run at once (1000)")


def run(options: argparse.Namespace) -> int:
    """Run to the end of the input, or to a signal.

    Args:
        options: The parsed command line.

    Returns:
        0: it has ended.

    Raises:
        CommandFailure: Something of the command line or the file cannot be used, or nobody takes the events.
    """
    if options.service != (options.socket is not None):
        raise CommandFailure("--service and --socket PATH belong together")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # Fills and orders are on stdout.
    logging.getLogger("dita").setLevel(logging.WARNING)
    logging.getLogger("dita.engine").setLevel(logging.INFO)
    try:
        config = configured(
            load(options.config, overrides=_overrides(options)).config,
            options.balance,
            hosted=options.dir is not None,
        )
        notifier = Notifier() if options.service else None
        directory = None if options.dir is None else Directory(options.dir)
        with EngineServer(config, notifier=notifier, directory=directory) as server:
            server.run(options.socket, service=options.service)
    except BrokenPipeError as error:
        raise CommandFailure("nobody reads the events any more") from error
    return 0


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    given = {
        "engine.clock": options.clock,
        "engine.market": options.market,
        "engine.interval": options.interval,
        "engine.symbols": None if options.symbols is None else options.symbols.split(","),
        "engine.fill_delay_ms": options.fill_ms,
        "engine.slots": options.slots,
    }
    return {key: value for key, value in given.items() if value is not None}
