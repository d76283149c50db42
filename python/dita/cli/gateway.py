"""`dita gateway`: a running host in a browser and over HTTP. And the page beside another command."""

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.halt import me
from dita.cli.hosts import add_host_options, found
from dita.errors import KernelError
from dita.extras import is_there, missing
from dita.gateway import Access, AccessRefused, HostSource, Hub, TokenFile
from dita.gateway.watched import cluster_source, log_source, spawned, story_of

if TYPE_CHECKING:
    import socket

    from dita.gateway import Source
    from dita.host import Directory

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
        "--port", type=_port, default=PORT, metavar="N", help=f"the port ({PORT}); 0 takes a free one"
    )
    parser.add_argument(
        "--slots",
        type=_slots,
        default=4,
        metavar="N",
        help="at `dita serve` and `dita run`: how many trades each token's name may run at once (4)",
    )
    parser.add_argument(
        "--idle",
        type=_idle,
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


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return int(text)


def _slots(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_024:
        raise argparse.ArgumentTypeError(f"expected 1 to 1024, got {text!r}")
    return int(text)


def _idle(text: str) -> float:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"expected 1 to 1000000 seconds, got {text!r}")
    return float(text)


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
            app = _app(source, tokens, options)
            _announce(app, listening)
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


def needs_web(what: str) -> None:
    """Say which extra is missing, where it is.

    Args:
        what: What was asked for.

    Raises:
        CommandFailure: It is missing.
    """
    if not all(is_there(module) for module in ("fastapi", "uvicorn", "httptools", "prometheus_client")):
        raise CommandFailure(missing(what, "web"))


def _app(
    source: "Source",
    tokens: "TokenFile | None",
    options: argparse.Namespace | None,
    report: Callable[[], Path | None] | None = None,
) -> Any:  # noqa: ANN401 - the application is an extra's
    from dita.gateway.app import build_app  # noqa: PLC0415 - an extra
    from dita.gateway.guards import LOOPBACK, Guards  # noqa: PLC0415 - an extra

    more = () if options is None else (options.listen, *options.host)
    guards = Guards(hosts=(*LOOPBACK, *more), origins=() if options is None else tuple(options.origin))
    return build_app(Hub(source), Access(tokens), guards=guards, report=report)


def _announce(app: Any, listening: "socket.socket") -> None:  # noqa: ANN401 - an extra's
    """Print the page's address, with a token that ends with this process."""
    address, port = listening.getsockname()[:2]
    token = app.state.access.grant(me(), "operate")
    shown = f"[{address}]" if ":" in address else address
    print(f"http://{shown}:{port}/#token={token}", file=sys.stderr)


@contextlib.contextmanager
def beside(source: "Source", port: int, report: Callable[[], Path | None] | None = None) -> Iterator[None]:
    """Serve a page beside what runs in this process, on this machine only.

    Args:
        source: What is shown.
        port: 0 takes a free one.
        report: Returns a page of its own, once there is one.

    Raises:
        CommandFailure: The extra is missing, or the port is taken.
    """
    needs_web("--web")
    from dita.gateway.running import bound, served  # noqa: PLC0415 - an extra

    listening = bound("127.0.0.1", port)
    app = _app(source, None, None, report)
    with served(app, listening):
        _announce(app, listening)
        yield


@contextlib.contextmanager
def beside_host(directory: "Directory | None", port: int | None, *, own_process: bool) -> Iterator[None]:
    """Serve the page of a host meanwhile, where it is wanted.

    Args:
        directory: The host's; None where it keeps nothing and answers nobody.
        port: None where no page is wanted; 0 takes a free one.
        own_process: Whether it is a process of its own, so that it takes no time of the kernel's.

    Raises:
        CommandFailure: The host answers nobody, the extra is missing, or the port is taken.
    """
    if port is None:
        yield
        return
    if directory is None:
        raise CommandFailure("--web: an ephemeral run answers nobody; leave out --ephemeral")
    needs_web("--web")
    if not own_process:
        with beside(HostSource(directory, story=story_of), port):
            yield
        return
    _free(port)
    command = [sys.executable, "-m", "dita.cli", "gateway", "--dir", str(directory.path)]
    # Its input is ours: where we end, however that is, it ends too.
    page = subprocess.Popen(  # noqa: S603 - our own command
        [*command, "--port", str(port), "--ends-with-input"], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield
    finally:
        page.terminate()
        page.communicate()


def _free(port: int) -> None:
    """Say at once that a port is taken, and not after the run has begun."""
    from dita.gateway.running import bound  # noqa: PLC0415 - an extra

    bound("127.0.0.1", port).close()


def add_web_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that shows a page beside a command.

    Args:
        parser: The command's.
    """
    parser.add_argument(
        "--web",
        nargs="?",
        type=_port,
        const=PORT,
        metavar="PORT",
        help=f"show it in a browser meanwhile ({PORT})",
    )
