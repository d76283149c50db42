"""`dita run`: a strategy on a venue's live market."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dita.cli.backtest import add_params, place_of
from dita.cli.failure import CommandFailure
from dita.cli.venue import add_venue_options, place_and_key, symbols_of

EXAMPLE: Final = ("dita run STRATEGY -c binance -p BTC/USDT", "trade on a venue's live market")

_DESCRIPTION: Final = """\
Trade a strategy at a venue, on its live market. Before the first order it asks what `dita doctor` asks.
Without --live it trades on the venue's test network; with --exchange on `dita exchange`. Real money takes
--live and DITA_LIVE=yes in the environment, and the limits that docs/how-to/open-a-live-account.md names.

The first Ctrl-C ends it: no new entries, then what --on-stop says, for ten seconds at most; what is left at
the venue is printed. A second one leaves at once. While it runs, `dita status`, `orders`, `pnl`,
`strategies`, `pause`, `start`, `halt` and `stop` reach it from another terminal."""

_EPILOG: Final = """\
examples:
  dita run ema-cross -c binance -p BTC/USDT --exchange 127.0.0.1:8686
  dita run my_strategy.py -c binance -p BTC/USDT -p ETH/USDT --param fast=20 --name mine
  dita run mine.py -c binance -p BTC/USDT --live --api-key keyring:b/key --api-secret keyring:b/secret"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command.

    Args:
        commands: The command line's list of commands.
    """
    parser = commands.add_parser(
        "run",
        help="trade on a venue's live market",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("strategy", metavar="STRATEGY", help="a file, module:Class, or a sample's name")
    add_venue_options(parser)
    add_params(parser)
    parser.add_argument("--interval", default="1m", metavar="LENGTH", help="of the bars that are heard (1m)")
    parser.add_argument(
        "--on-stop",
        choices=("keep", "cancel", "flatten"),
        default="cancel",
        help="at the end: keep everything, cancel entries, or close every position (cancel)",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--name", metavar="NAME", default="live", help="the host's name (live)")
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
    place.add_argument("--ephemeral", action="store_true", help="keep nothing, and answer nobody")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Trade until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0: it was ended, and what is left at the venue is known.

    Raises:
        CommandFailure: The account is not ready, or something of the command line cannot be used.
    """
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` answers at once
    from dita.host import Directory  # noqa: PLC0415 - as above
    from dita.runtime import load_params, load_strategy  # noqa: PLC0415 - as above

    where, key, secret = place_and_key(options)
    symbols = symbols_of(options)
    from dita.live.run import LiveRun, Plan  # noqa: PLC0415 - it needs aiohttp

    try:
        strategy = load_strategy(place_of(options.strategy))
        plan = Plan(
            strategy=strategy,
            params=load_params(strategy, dict(options.param)),
            symbols=symbols,
            place=where,
            key=key,
            secret=secret,
            interval=options.interval,
            on_stop=options.on_stop,
            live=options.live,
            allow_withdrawals=options.allow_withdrawals,
        )
        directory = None
        if not options.ephemeral:
            directory = Directory(options.dir) if options.dir else Directory.named(options.name)
        live = LiveRun(plan, directory)
        for check in live.checks:
            print(f"{check.result.upper():<5} {check.name:<14} {check.text}", file=sys.stderr)
        if directory is not None:
            name = directory.path.name
            print(f"{directory.path}: running; ask it with `dita status {name}`", file=sys.stderr)
        left = live.run(
            lambda: print(f"{strategy.__name__}: trading {', '.join(symbols)} at {where.rest}", flush=True)
        )
    except KernelError as error:
        raise CommandFailure(str(error)) from error
    if not left.known:
        raise CommandFailure("ended; the venue could not be asked what is left there: look yourself")
    for row in left.positions:
        print(f"left: position {row['size']} {row['symbol']}")
    for order in left.orders:
        print(f"left: order {order['venue_client_id'] or order['venue_order_id']} {order['symbol']}")
    print(f"ended: {len(left.positions)} positions and {len(left.orders)} orders are left at the venue")
    return 0
