"""`dita doctor -c VENUE`: what has to be right at a venue before the first order."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from dita.cli.failure import CommandFailure
from dita.cli.venue import add_unproven_option, add_venue_options, place_and_key, symbols_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dita.live.checks import Check, Doctor
    from dita.live.places import Place
    from dita.venues.wire.adapter import WireAdapter
    from dita.venues.wire.live import LiveAdapter


DESCRIPTION: Final = """\
Ask a venue whether an account is ready: clock, the key's rights, position mode, account mode, instruments
with the account's own fees and leverage, balances, positions, and external orders. It changes nothing
there, except that --probe places one order that cannot fill, and cancels it. `dita run` asks the same before
its first order. Without --live the test network is asked."""

EPILOG: Final = """\
examples:
  dita doctor -c binance -p BTC/USDT
  dita doctor -c binance -p BTC/USDT --exchange 127.0.0.1:8686 --json
  dita doctor -c binance -p BTC/USDT --live --api-key keyring:b/key --api-secret keyring:b/secret
  dita doctor -c okx -p BTC/USDT --live --unproven --api-passphrase keyring:okx/passphrase"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_venue_options(parser, more=("okx", "bingx"))
    parser.add_argument(
        "--api-passphrase",
        default="env:API_PASSPHRASE",
        metavar="WHERE",
        help="the same, of OKX's passphrase",
    )
    add_unproven_option(parser)
    parser.add_argument(
        "--probe", action="store_true", help="place the smallest order 5 %% under the mark, and cancel it"
    )
    parser.add_argument("--hedge-mode", action="store_true", help="two books per instrument are meant")
    parser.add_argument("--json", action="store_true", help="print the checks as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Ask, and print.

    Args:
        options: The parsed command line.

    Returns:
        0 where nothing failed, else 1.

    Raises:
        CommandFailure: A secret is missing, or an option cannot be used.
    """
    place, key, secret = place_and_key(options)
    symbols = symbols_of(options)
    from dita.live.checks import doctor_of  # noqa: PLC0415 - it needs aiohttp
    from dita.live.places import UNPROVEN  # noqa: PLC0415 - as above

    if options.probe and place.name in UNPROVEN:
        raise CommandFailure(f"--probe: is not there for {place.name}; leave it out")
    if options.probe and place.is_real:
        print("the probe places an order with real money, and cancels it", file=sys.stderr)
    adapter = place.wire_adapter(key.resolve(), secret.resolve(), symbols, **_more(options, place))
    try:
        doctor = doctor_of(
            adapter, hedge_mode=options.hedge_mode, allow_withdrawals=options.allow_withdrawals
        )
        checks = []
        if not options.json:
            print(f"{place.rest}: {'real money' if place.is_real else 'no real money'}")
        for check in _all_of(doctor, adapter, symbols, probed=options.probe):
            checks.append(check)
            if not options.json:
                print(f"{check.result.upper():<5} {check.name:<14} {check.text}", flush=True)
    finally:
        adapter.close()
    failed = any(check.result == "fail" for check in checks)
    if options.json:
        rows = [{"name": one.name, "result": one.result, "text": one.text} for one in checks]
        sys.stdout.write(json.dumps({"venue": place.rest, "ready": not failed, "checks": rows}) + "\n")
    return 1 if failed else 0


def _more(options: argparse.Namespace, place: "Place") -> dict[str, Any]:
    """What the venue wants beside key and secret."""
    from dita.live.places import UNPROVEN, reference  # noqa: PLC0415 - it needs aiohttp

    more: dict[str, Any] = {"unproven": options.unproven} if place.name in UNPROVEN else {}
    if place.name == "okx":
        more["passphrase"] = reference(options.api_passphrase, place, "DITA_BARE_API_PASSPHRASE").resolve()
    return more


def _all_of(
    doctor: "Doctor", adapter: "WireAdapter", symbols: list[str], *, probed: bool
) -> "Iterator[Check]":
    """The checks, and the probe where nothing failed."""
    from dita.live.probe import probe  # noqa: PLC0415 - it needs aiohttp

    failed = False
    for check in doctor.run():
        failed = failed or check.result == "fail"
        yield check
    if probed and not failed:
        yield probe(cast("LiveAdapter", adapter), symbols[0])
