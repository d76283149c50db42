"""`dita exchange`: a venue to practise on, in a real one's wire format."""

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from dita.cli.failure import CommandFailure
from dita.cli.values import not_negative, pair
from dita.errors import KernelError
from dita.extras import missing
from dita.practice.certificate import write_certificate
from dita.practice.exchange import Terms

_PORT: Final = 8686
DESCRIPTION: Final = """\
Run the simulated venue behind HTTP and WebSocket, in the wire format of a real one: signatures, time window,
listen keys, rate limits, order and market endpoints, streams. Programs that speak to the venue trade here by
a change of their base address alone. The market is made up. It listens on this machine alone, unless asked
otherwise; what it holds is gone when it ends.

While it runs, lines on its standard input are commands, and `dita exchange --tell LINE` sends one from
elsewhere: `help` lists them."""

EPILOG: Final = """\
examples:
  dita exchange --venue binance
  dita exchange --balance USDT=500 --price BTCUSDT=61000 --fault duplicate=3
  dita exchange --tell 'fault silent on'
  dita exchange --tell 'price BTCUSDT 59000'"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "--venue", choices=["binance", "bybit"], default="binance", help="whose wire format (binance)"
    )
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="where it listens (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=_PORT, metavar="N", help=f"its port; 0 takes any ({_PORT})"
    )
    parser.add_argument(
        "--balance",
        type=_amount,
        action="append",
        metavar="ASSET=AMOUNT",
        help="opening balance (USDT=10000)",
    )
    parser.add_argument(
        "--price", type=_amount, action="append", metavar="SYMBOL=PRICE", help="where a market begins"
    )
    parser.add_argument(
        "--fault",
        type=pair(),
        action="append",
        metavar="NAME=VALUE",
        help="what goes wrong; may be given again",
    )
    parser.add_argument("--api-key", default="practise-key", metavar="KEY", help="the key (practise-key)")
    parser.add_argument(
        "--api-secret", default="practise-secret", metavar="SECRET", help="its secret (practise-secret)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the made-up market (1)")
    parser.add_argument("--hedge", action="store_true", help="an account with two books per instrument")
    parser.add_argument("--still", action="store_true", help="the market moves only by command")
    parser.add_argument(
        "--tls",
        nargs="*",
        metavar="FILE",
        help="serve with TLS: a certificate and its key; without a word, one that is made for this run",
    )
    parser.add_argument(
        "--tell", metavar="LINE", help="send a command to one that runs (--tls: with TLS), print its answer"
    )


def run(options: argparse.Namespace) -> int:
    """Serve, until it is interrupted.

    Args:
        options: The parsed command line.

    Returns:
        0.

    Raises:
        CommandFailure: A setting cannot be used, or the port is taken.
    """
    if options.tell is not None:
        return _tell(options)

    try:
        import aiohttp  # noqa: F401, PLC0415 - it is the extra `venues`
    except ImportError as error:
        raise CommandFailure(missing("dita exchange", "venues")) from error
    if options.tls is not None and len(options.tls) not in {0, 2}:
        raise CommandFailure(
            f"--tls: expected a certificate and its key, or nothing, got {len(options.tls)} files"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="dita-exchange-") as folder:
            return asyncio.run(_serve(options, Path(folder)))
    except KernelError as error:
        raise CommandFailure(str(error)) from error
    except OSError as error:
        raise CommandFailure(f"{options.host}:{options.port}: {error.strerror or error}") from error


async def _serve(options: argparse.Namespace, folder: Path) -> int:
    from dita.practice.server import Server, is_loopback  # noqa: PLC0415 - it needs aiohttp

    server = Server(_terms(options))
    for name, value in options.fault or []:
        server.exchange.faults.set(name, value)
    for symbol, price in options.price or []:
        server.command(f"price {symbol} {price}")
    tls, shown = _tls(options, folder)
    if not is_loopback(options.host):
        print(f"warning: {options.host} can be reached from other machines", file=sys.stderr)
    await server.start(options.host, options.port, tls)
    scheme, stream = ("https", "wss") if tls else ("http", "ws")
    where = f"{options.host}:{server.port}"
    addresses = {"rest": f"{scheme}://{where}", "stream": f"{stream}://{where}"}
    print(server.api.addresses.format(**addresses), flush=True)
    print(f"key {options.api_key}  secret {options.api_secret}", flush=True)
    if shown is not None:
        print(
            f"certificate {shown}: clients have to trust it (SSL_CERT_FILE, REQUESTS_CA_BUNDLE)", flush=True
        )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)

    def take_line() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
        elif line.strip():
            try:
                print(json.dumps(server.command(line.strip())), flush=True)
            except KernelError as error:
                print(json.dumps({"error": str(error)}), flush=True)

    # Where standard input is a file, or closed, commands come by --tell.
    with contextlib.suppress(OSError, ValueError):
        loop.add_reader(sys.stdin, take_line)
    await ended.wait()
    await server.stop()
    return 0


def _terms(options: argparse.Namespace) -> "Terms":
    return Terms(
        balances=dict(options.balance or [("USDT", Decimal(10_000))]),
        api_key=options.api_key,
        api_secret=options.api_secret,
        seed=options.seed,
        hedge=options.hedge,
        still=options.still,
        venue=options.venue,
    )


def _tls(options: argparse.Namespace, folder: Path) -> "tuple[ssl.SSLContext | None, Path | None]":
    """What it is served with, and the certificate that was made for this run."""
    if options.tls is None:
        return None, None

    made = None
    if options.tls:
        certificate, key = map(Path, options.tls)
    else:
        try:
            made, key = write_certificate(folder, options.host)
        except ImportError as error:
            raise CommandFailure(missing("dita exchange --tls", "venues")) from error
        certificate = made
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CommandFailure(f"--tls: {certificate}, {key}: {error}") from error
    return context, made


def _tell(options: argparse.Namespace) -> int:
    # Its own certificate proves nothing that the address does not: it is this machine.
    trust, scheme = None, "http"
    if options.tls is not None:
        trust, scheme = ssl._create_unverified_context(), "https"  # noqa: S323, SLF001
    address = f"{scheme}://{options.host}:{options.port}/dita/command"
    asked = Request(address, options.tell.encode())  # noqa: S310 - http or https, as written above
    try:
        with urlopen(asked, timeout=10, context=trust) as reply:  # noqa: S310 - the same
            print(reply.read().decode())
    except HTTPError as error:
        text = error.read().decode("utf-8", "replace")
        try:
            raise CommandFailure(str(json.loads(text)["error"])) from error
        except (ValueError, KeyError, TypeError):
            raise CommandFailure(f"{address}: {error}") from error
    except URLError as error:
        raise CommandFailure(f"{address}: {error.reason}; is `dita exchange` running there?") from error
    return 0


def _amount(text: str) -> tuple[str, Decimal]:
    name, value = pair()(text)
    return name, not_negative(value)
