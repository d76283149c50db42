"""`dita gateway`: a running host in a browser and over HTTP. And the page beside another command."""

import argparse
import contextlib
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.cli.failure import CommandFailure
from dita.cli.hosts import add_host_options, found
from dita.cli.values import whole
from dita.errors import KernelError
from dita.gateway import AccessRefused, HostSource, TokenFile
from dita.gateway.beside import announce, app_of, needs_web
from dita.gateway.watched import cluster_source, log_source, spawned, story_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dita.gateway import Source

PORT: Final = 8080

DESCRIPTION: Final = """\
Show a running host in a browser, and answer scripts over HTTP: state, orders, figures for Prometheus, a
stream of changes. Operators halt, freeze, flatten and resume there; each change carries their name.
Beside `dita serve` and `dita run` orders go through the kernel's own socket: the token's name is the owner
of its trades.
With --log or --cluster it only looks: at a log's directory, or at a projection. With --spawn it starts
`dita engine --stdio` with its options, shows that, and ends it.

It listens on this machine only. At another address it wants a file with tokens, and something before it that
speaks TLS. The page's address with a token for you is printed at the start; it ends with this process."""

EPILOG: Final = """\
examples:
  dita gateway paper
  dita gateway paper --port 8090 --tokens ~/.config/dita/tokens.json
  dita gateway --log ~/.local/state/dita/live/log/binance
  dita gateway --cluster hazelcast://127.0.0.1:5701/dita
  dita gateway --spawn='--market synthetic --balance 50000'"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_host_options(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--log", type=Path, metavar="DIR", help="look at a kernel's log instead of a host")
    place.add_argument("--cluster", metavar="ADDRESS", help="look at a projection in a Hazelcast cluster")
    place.add_argument(
        "--spawn",
        nargs="?",
        const="",
        metavar="OPTIONS",
        help="start an engine on paper with these options, and show that",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="where to listen (127.0.0.1)"
    )
    parser.add_argument(
        "--port",
        type=whole(0, 65_535),
        default=PORT,
        metavar="N",
        help=f"the port ({PORT}); 0 takes a free one",
    )
    parser.add_argument(
        "--slots",
        type=whole(1, 1_024),
        default=4,
        metavar="N",
        help="at `dita serve` and `dita run`: how many trades each token's name may run at once (4)",
    )
    parser.add_argument(
        "--idle",
        type=whole(1, 1_000_000),
        default=1.0,
        metavar="SECONDS",
        help="at `dita serve` and `dita run`: who sends nothing for so long gives his free slot back (1)",
    )
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="who may use it: dita token")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name under which it is asked"
    )
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="another page that may ask it"
    )
    parser.add_argument("--ends-with-input", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(logs=True)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        options: The parsed command line.

    Returns:
        0: it was stopped.

    Raises:
        CommandFailure: It cannot be served; the text says what to do.
    """
    needs_web("dita gateway")
    from dita.gateway.running import bound, is_loopback, serve  # noqa: PLC0415 - an extra

    try:
        tokens = None if options.tokens is None else TokenFile(options.tokens)
        known = {} if tokens is None else tokens.read()
        if not is_loopback(options.listen) and not known:
            raise CommandFailure(
                f"--listen {options.listen}: others can reach it; give --tokens FILE with one in it "
                "(dita token add NAME --role read --tokens FILE)"
            )
        with _shown(options) as source, bound(options.listen, options.port) as listening:
            hosts = (options.listen, *options.host)
            app = app_of(source, tokens, hosts=hosts, origins=options.origin)
            announce(app, listening)
            if options.ends_with_input:
                _end_with_input()
            serve(app, listening)
    except (KernelError, AccessRefused) as error:
        raise CommandFailure(str(error)) from error
    return 0


@contextlib.contextmanager
def _shown(options: argparse.Namespace) -> "Iterator[Source]":
    """What the command line means: a host, a log, a cluster, or an engine that is started."""
    elsewhere = options.log or options.cluster or options.spawn is not None
    if elsewhere and (options.name or options.dir):
        raise CommandFailure("NAME and --dir name a host; --log, --cluster and --spawn show something else")
    if options.log:
        yield log_source(options.log)
    elif options.cluster:
        yield cluster_source(options.cluster)
    elif options.spawn is not None:
        with spawned(shlex.split(options.spawn)) as directory:
            yield HostSource(directory, story=story_of)
    else:
        yield HostSource(found(options), story=story_of, slots=options.slots, idle_s=options.idle)


def _end_with_input() -> None:
    """End where who has started this does: its end closes our input."""

    def wait() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="dita-input", daemon=True).start()


def add_web_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that shows a page beside a command.

    Args:
        parser: The command's.
    """
    parser.add_argument(
        "--web",
        nargs="?",
        type=whole(0, 65_535),
        const=PORT,
        metavar="PORT",
        help=f"show it in a browser meanwhile ({PORT})",
    )
