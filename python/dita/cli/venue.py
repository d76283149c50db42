"""How a command names a venue, a place of it, and a key."""

import argparse
import sys
from typing import TYPE_CHECKING

from dita.cli.failure import CommandFailure
from dita.errors import KernelError
from dita.extras import missing

if TYPE_CHECKING:
    from dita.config.secrets import SecretRef
    from dita.live.places import Place


def add_venue_options(
    parser: argparse.ArgumentParser, *, required: bool = True, more: tuple[str, ...] = ()
) -> None:
    """Describe the options.

    Args:
        parser: A command's parser.
        required: Whether the command always has a venue.
        more: Venues that the command takes besides those with a market feed.
    """
    parser.add_argument(
        "-c", "--connector", choices=["binance", "bybit", *more], required=required, help="the venue"
    )
    parser.add_argument(
        "-p", "--pair", action="append", default=[], metavar="PAIR", help="BTC/USDT; again for more"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--live", action="store_true", help="real money; without it the test network")
    place.add_argument(
        "--exchange", metavar="ADDRESS", help="`dita exchange` on this machine: 127.0.0.1:8686"
    )
    parser.add_argument(
        "--api-key",
        default="env:API_KEY",
        metavar="WHERE",
        help="env:NAME, file:PATH, keyring:NAME or keyring:SERVICE/NAME (env:API_KEY)",
    )
    parser.add_argument(
        "--api-secret", default="env:API_SECRET", metavar="WHERE", help="the same, of its secret"
    )
    parser.add_argument(
        "--allow-withdrawals", action="store_true", help="take a key that may withdraw all the same"
    )


def add_unproven_option(parser: argparse.ArgumentParser) -> None:
    """Describe `--unproven`.

    Args:
        parser: The parser of a command that can name such an account.
    """
    parser.add_argument(
        "--unproven",
        action="store_true",
        help="take real money where nothing was proven over a wire too: OKX, BingX, Interactive Brokers",
    )


def place_and_key(options: argparse.Namespace) -> "tuple[Place, SecretRef, SecretRef]":
    """Return the place that a command line means, and where its key and secret are.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: Something of it cannot be used.
    """
    need_venues(options)
    from dita.live.places import Place, reference  # noqa: PLC0415 - it needs aiohttp

    place = Place.chosen(options.exchange, live=options.live, name=options.connector)
    key = reference(options.api_key, place, "DITA_BARE_API_KEY")
    secret = reference(options.api_secret, place, "DITA_BARE_API_SECRET")
    if ":" not in options.api_secret:
        print(
            "warning: a secret on the command line is seen by every program of this machine", file=sys.stderr
        )
    return place, key, secret


def need_venues(options: argparse.Namespace) -> None:
    """Check that the extra `venues` is there.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: It is not.
    """
    try:
        import aiohttp  # noqa: F401, PLC0415 - it is the extra `venues`
    except ImportError as error:
        raise CommandFailure(missing(f"dita {options.command}", "venues")) from error


def place_of_market(options: argparse.Namespace) -> "Place":
    """Return the place whose market is meant: nothing is traded, so without a word it is the real one.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: The address is none of this machine.
    """
    need_venues(options)
    from dita.live.places import Place  # noqa: PLC0415 - it needs aiohttp

    return Place.chosen(options.exchange, live=options.exchange is None, name=options.connector)


def own_fees(options: argparse.Namespace, place: "Place") -> "tuple[SecretRef | None, SecretRef | None]":
    """Return where key and secret are, for a run that only reads with them; nothing where there are none.

    Args:
        options: The parsed command line.
        place: What they open.

    Raises:
        CommandFailure: A named key is missing.
    """
    from dita.live.places import KEY_DEFAULT, SECRET_DEFAULT, reference  # noqa: PLC0415 - it needs aiohttp

    named = (options.api_key, options.api_secret) != (KEY_DEFAULT, SECRET_DEFAULT)
    try:
        key = reference(options.api_key, place, "DITA_BARE_API_KEY")
        secret = reference(options.api_secret, place, "DITA_BARE_API_SECRET")
        key.resolve()
        secret.resolve()
    except KernelError as error:
        if named:
            raise CommandFailure(str(error)) from error
        return None, None
    return key, secret


def symbols_of(options: argparse.Namespace) -> list[str]:
    """Return the venue's names of the pairs.

    Args:
        options: The parsed command line.

    Raises:
        CommandFailure: There is none.
    """
    from dita.live.places import symbol_of  # noqa: PLC0415 - as above

    if not options.pair:
        raise CommandFailure("-p: name at least one pair, as BTC/USDT")
    return list(dict.fromkeys(symbol_of(pair, options.connector) for pair in options.pair))
