"""`dita run`: strategies on a venue's live market."""

import argparse
import sys
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.cli.backtest import add_params, place_of
from dita.cli.failure import CommandFailure
from dita.cli.gateway import add_web_option
from dita.cli.run_connected import run_connected
from dita.cli.twin import MARKET_FOLDER, add_twin_option, twin_beside
from dita.cli.values import decimal, seconds, whole
from dita.cli.venue import (
    add_venue_options,
    need_venues,
    own_fees,
    place_and_key,
    place_of_market,
    symbols_of,
)
from dita.config import Address, account_for, load, standing_file
from dita.errors import shown
from dita.gateway.beside import beside_host
from dita.host import Directory
from dita.runtime import load_params, load_strategy

if TYPE_CHECKING:
    from dita.config import AccountConfig, Config, Loaded
    from dita.live.plan import Plan, Remaining, Wanted
    from dita.live.run import LiveHost

_GUESTS: Final = 4

DESCRIPTION: Final = """\
Trade strategies at a venue, on its live market. Before the first order it asks what `dita doctor` asks.
Without --live it trades on the venue's test network; with --exchange on `dita exchange`. Real money takes
--live and DITA_LIVE=yes in the environment, and the limits that docs/how-to/open-a-live-account.md names.
Limits, `max_slots` and budgets are those of [accounts.VENUE] in dita.toml, as [accounts.binance]; a key there
that would have no effect on the run is an error.
--shadow sends nothing and needs no key: the simulated venue fills the orders, on the real venue's live depth,
behind the line at their price, after the venue's latency; with a key it takes the account's own fees.

The first Ctrl-C ends it: no new entries, then what --on-stop says, for ten seconds at most; what is left at
the venue is printed. A second one leaves at once. While it runs, `dita status`, `orders`, `pnl`,
`strategies`, `pause`, `start`, `halt` and `stop` reach it from another terminal. Programs connect to
`kernel.sock` in its directory as to `dita serve`: `dita.connect`, --connect, the page's orders (--web)."""

EPILOG: Final = """\
examples:
  dita run ema-cross -c binance -p BTC/USDT --exchange 127.0.0.1:8686
  dita run ema-cross -c binance -p BTC/USDT --shadow
  dita run mine.py --connect /run/dita/kernel.sock --name mine --on-stop flatten
  dita run mine.py other.py -c binance -p BTC/USDT -p ETH/USDT --param mine.fast=20 --name both
  dita run mine.py -c binance -p BTC/USDT --live --api-key keyring:b/key --api-secret keyring:b/secret"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "strategy", nargs="+", metavar="STRATEGY", help="files, module:Class, or samples' names"
    )
    add_venue_options(parser, required=False)
    add_params(parser, "a parameter; STRATEGY.NAME=VALUE where there are several; again for more")
    parser.add_argument(
        "--interval", default="1m", metavar="LENGTH", help="of the bars that strategies receive (1m)"
    )
    parser.add_argument(
        "--shadow", action="store_true", help="simulated orders on the live market; needs no key"
    )
    parser.add_argument(
        "--capital", type=decimal, default=Decimal(10_000), metavar="X", help="of a shadow run (10000)"
    )
    parser.add_argument(
        "--latency",
        type=decimal,
        metavar="MS",
        help="of a shadow order, there and back (what the venue's answers take)",
    )
    parser.add_argument("--hedge-mode", action="store_true", help="the account has two books per instrument")
    parser.add_argument(
        "--connect",
        type=Path,
        metavar="SOCKET",
        help="run one strategy as a client of `dita serve` or `dita run` instead: its socket, or its host's "
        "directory",
    )
    parser.add_argument("--slots", type=int, metavar="N", help="with --connect: slots (as the strategy says)")
    parser.add_argument(
        "--guest-slots",
        type=whole(0, 1_024),
        default=_GUESTS,
        metavar="N",
        help=f"slots for programs that connect here, and for orders by hand ({_GUESTS})",
    )
    parser.add_argument(
        "--grace", type=float, metavar="S", help="with --connect: how long it may be away, seconds (5)"
    )
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help="with --connect: what keeps others from its lease"
    )
    parser.add_argument(
        "--on-stop",
        choices=("keep", "cancel", "flatten"),
        default="cancel",
        help="at the end: keep everything, cancel entries, or close every position (cancel)",
    )
    parser.add_argument(
        "--dead-man",
        type=seconds(10, 86_400),
        metavar="S",
        help="the venue cancels all open orders of the pairs, stops too, S seconds after this program was "
        "last reached the venue (off)",
    )
    parser.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="URL",
        help="post alerts there as JSON, beside those of [alerts] in dita.toml; again for more",
    )
    parser.add_argument(
        "--metrics",
        metavar="ADDRESS",
        help="where Prometheus finds /metrics, on this machine: 127.0.0.1:9464",
    )
    add_web_option(parser)
    add_twin_option(parser)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a dita.toml (./dita.toml where it is there)"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--name", metavar="NAME", help="the host's name (as the configuration says, else live)"
    )
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
    place.add_argument("--ephemeral", action="store_true", help="keep nothing, and answer nobody")
    parser.set_defaults(wrong_usage=parser.error, logs=True)


def run(options: argparse.Namespace) -> int:
    """Trade until it is ended.

    Args:
        options: The parsed command line.

    Returns:
        0: it was ended, and what is left at the venue is known.

    Raises:
        CommandFailure: The account is not ready, or something of the command line cannot be used.
    """
    if options.connect is not None:
        return run_connected(options)
    if options.connector is None:
        options.wrong_usage("the following arguments are required: -c/--connector, or --connect SOCKET")
    need_venues(options)
    loaded = _loaded(options)
    plan = _plan(options, loaded)
    from dita.live.run import LiveHost  # noqa: PLC0415 - it needs aiohttp

    directory = _directory(options, loaded)
    recording = _recording(options, plan) if options.twin else ()
    live = LiveHost(plan, directory, config=_config(options, loaded), metrics=options.metrics)
    _tell_start(live, directory)
    with (
        beside_host(directory, options.web, own_process=True),
        twin_beside(directory, [(MARKET_FOLDER, None)], recording) if options.twin else nullcontext(),
    ):
        left = live.run(lambda: print(_trading(plan), flush=True))
    return _tell_end(left, shadow=plan.shadow)


def _plan(options: argparse.Namespace, loaded: "Loaded") -> "Plan":
    if options.shadow and options.live:
        raise CommandFailure("--shadow: trades no real money; leave --live out")
    key = secret = None
    if options.shadow:
        where = place_of_market(options)
        key, secret = own_fees(options, where)
    else:
        where, key, secret = place_and_key(options)
    symbols = symbols_of(options)
    from dita.live.plan import Plan  # noqa: PLC0415 - it needs aiohttp

    account = _account(loaded, where.name)
    return Plan(
        strategies=_wanted(options),
        symbols=symbols,
        place=where,
        key=key,
        secret=secret,
        interval=options.interval,
        on_stop=options.on_stop,
        live=options.live,
        allow_withdrawals=options.allow_withdrawals,
        shadow=options.shadow,
        capital=options.capital,
        dead_man_s=options.dead_man,
        hedge_mode=options.hedge_mode or account.hedge_mode,
        latency_ms=options.latency,
        guests=0 if options.ephemeral else options.guest_slots,
        account=account,
    )


def _loaded(options: argparse.Namespace) -> "Loaded":
    return load(options.config or standing_file())


def _account(loaded: "Loaded", name: str) -> "AccountConfig":
    """The run's account as dita.toml has it: it is called after its venue."""
    from dita.live.places import VENUES  # noqa: PLC0415 - it needs aiohttp
    from dita.live.plan import ACCOUNT_KEYS  # noqa: PLC0415 - as above

    return account_for(loaded, name, f"dita run -c {name}", ACCOUNT_KEYS, VENUES)


def _recording(options: argparse.Namespace, plan: "Plan") -> list[str]:
    """The words of `dita record` that write the market of a run, for its twin."""
    if options.connector != "binance":
        raise CommandFailure(
            f"--twin: records the market, and `dita record` cannot that of {options.connector}"
        )
    if not (options.shadow or options.live or options.exchange):
        raise CommandFailure(
            "--twin: records the real market, and this run is on the test network: use --shadow, --live or "
            "--exchange"
        )
    pairs = [word for symbol in plan.symbols for word in ("-p", symbol)]
    exchange = ["--exchange", options.exchange] if options.exchange else []
    return ["-c", options.connector, *pairs, *exchange]


def _config(options: argparse.Namespace, loaded: "Loaded") -> "Config":
    """What dita.toml says beside the account; with the webhooks of the command line."""
    try:
        more = tuple(Address.parse(url) for url in options.notify)
    except ValueError as error:
        raise CommandFailure(f"--notify: {error}") from error
    alerts = loaded.config.alerts
    merged = alerts.model_copy(update={"webhooks": (*alerts.webhooks, *more)})
    return loaded.config.model_copy(update={"alerts": merged})


def _wanted(options: argparse.Namespace) -> "list[Wanted]":
    """The strategies, each with the parameters that are meant for it."""
    from dita.live.plan import Wanted  # noqa: PLC0415 - as above

    loaded = [(_file_name(one), load_strategy(place_of(one))) for one in options.strategy]
    files = [file for file, _ in loaded]
    given: list[dict[str, str]] = [{} for _ in loaded]
    for name, value in options.param:
        whose, dot, field = name.partition(".")
        places = [n for n, (file, kind) in enumerate(loaded) if whose in {file, kind.__name__}]
        if dot and not places:
            raise CommandFailure(f"--param {name}: {shown(whose)} is none of {', '.join(files)}")
        for n in places if dot else range(len(loaded)):
            given[n][field if dot else name] = value
    wanted: list[Wanted] = []
    for (_, kind), texts in zip(loaded, given, strict=True):
        same = sum(one.strategy.__name__ == kind.__name__ for one in wanted)
        name = f"{kind.__name__}-{same + 1}" if same else kind.__name__
        wanted.append(Wanted(name, kind, load_params(kind, texts)))
    return wanted


def _file_name(place: str) -> str:
    """How a person calls a strategy: by its file, without the ending."""
    return place.rpartition(":")[2] if place.count(":") else Path(place).stem


def _directory(options: argparse.Namespace, loaded: "Loaded") -> "Directory | None":
    if options.ephemeral:
        return None
    if options.dir:
        return Directory(options.dir)
    return Directory.named(
        options.name or (loaded.config.host.name if "host.name" in loaded.origins else "live")
    )


def _tell_start(live: "LiveHost", directory: "Directory | None") -> None:
    for check in live.checks:
        print(f"{check.result.upper():<5} {check.name:<14} {check.text}", file=sys.stderr)
    _tell_bots(live.plan)
    if live.plan.dead_man_s is not None and not live.plan.shadow:
        print(
            f"WARN  dead man       {live.plan.dead_man_s:g} s after this program last reached the venue, it "
            "cancels every open order of these pairs, stops and targets too",
            file=sys.stderr,
        )
    if directory is not None:
        name = directory.path.name
        print(f"{directory.path}: running; ask it with `dita status {name}`", file=sys.stderr)


def _tell_bots(plan: "Plan") -> None:
    strategies = {one.name for one in plan.strategies}
    for name, bot in plan.account.bots.items():
        text = f"{name} has a budget, which began with {bot.capital} {bot.asset}"
        if name in strategies:
            print(f"OK    bots           {text}", file=sys.stderr)
        else:
            print(f"WARN  bots           {text}; no strategy of this run has that name", file=sys.stderr)


def _trading(plan: "Plan") -> str:
    names = ", ".join(one.name for one in plan.strategies)
    how = "in shadow, on the market of" if plan.shadow else "at"
    return f"{names}: trading {', '.join(plan.symbols)} {how} {plan.place.rest}"


def _tell_end(left: "Remaining", *, shadow: bool) -> int:
    if not left.known:
        raise CommandFailure("ended; the venue could not be asked what is left there: look yourself")
    for row in left.positions:
        print(f"left: position {row['size']} {row['symbol']}")
    for order in left.orders:
        print(f"left: order {order['venue_client_id'] or order['venue_order_id']} {order['symbol']}")
    where = "on the simulated venue" if shadow else "at the venue"
    print(f"ended: {len(left.positions)} positions and {len(left.orders)} orders are left {where}")
    return 0
