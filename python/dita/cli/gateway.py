"""`dita gateway`: a running host in a browser and over HTTP. And the page beside another command."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.halt import me
from dita.cli.hosts import add_host_options, found

if TYPE_CHECKING:
    import socket

    from dita.gateway import TokenFile
    from dita.host import Directory

EXAMPLE: Final = ("dita gateway paper", "watch and steer a running host in a browser")
PORT: Final = 8080

_DESCRIPTION: Final = """\
Show a running host in a browser, and answer scripts over HTTP: state, orders, figures for Prometheus, a
stream of changes. Operators halt, freeze, flatten and resume there; each change carries their name.

It listens on this machine only. At another address it wants a file with tokens, and something before it that
speaks TLS. The page's address with a token for you is printed at the start; it ends with this process."""

_EPILOG: Final = """\
examples:
  dita gateway paper
  dita gateway paper --port 8090 --tokens ~/.config/dita/tokens.json"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command.

    Args:
        commands: The command line's list of commands.
    """
    parser = commands.add_parser(
        "gateway",
        help="a running host in a browser, and over HTTP",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_host_options(parser)
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="where to listen (127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=_port, default=PORT, metavar="N", help=f"the port ({PORT}); 0 takes a free one"
    )
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="who may use it: dita token")
    parser.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name under which it is asked"
    )
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL", help="another page that may ask it"
    )
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        options: The parsed command line.

    Returns:
        0: it was told to stop.

    Raises:
        CommandFailure: It cannot be served; the text says what to do.
    """
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` answers at once

    _needs_web("dita gateway")
    from dita.gateway import AccessRefused, TokenFile  # noqa: PLC0415 - an extra
    from dita.gateway.running import bound, is_loopback, serve  # noqa: PLC0415 - an extra

    try:
        tokens = None if options.tokens is None else TokenFile(options.tokens)
        known = {} if tokens is None else tokens.read()
        if not is_loopback(options.listen) and not known:
            raise CommandFailure(
                f"--listen {options.listen}: others can reach it; give --tokens FILE with one in it "
                "(dita token add NAME --role read --tokens FILE)"
            )
        listening = bound(options.listen, options.port)
        app = _app(found(options), tokens, options)
    except (KernelError, AccessRefused) as error:
        raise CommandFailure(str(error)) from error
    _announce(app, listening)
    serve(app, listening)
    return 0


def _needs_web(what: str) -> None:
    from dita.extras import is_there, missing  # noqa: PLC0415 - `dita --help` answers at once

    if not all(is_there(module) for module in ("fastapi", "uvicorn", "httptools", "prometheus_client")):
        raise CommandFailure(missing(what, "web"))


def _app(directory: "Directory", tokens: "TokenFile | None", options: argparse.Namespace | None) -> Any:  # noqa: ANN401 - the application is an extra's
    from dita.gateway import Access, HostSource, Hub  # noqa: PLC0415 - an extra
    from dita.gateway.app import build_app  # noqa: PLC0415 - an extra
    from dita.gateway.guards import LOOPBACK, Guards  # noqa: PLC0415 - an extra

    more = () if options is None else (options.listen, *options.host)
    guards = Guards(hosts=(*LOOPBACK, *more), origins=() if options is None else tuple(options.origin))
    return build_app(Hub(HostSource(directory, story=_story)), Access(tokens), guards=guards)


def _story(log: Path, trade_id: str) -> list[str]:
    """Tell a trade's story as `dita explain` does."""
    from dita import timetravel  # noqa: PLC0415 - `dita --help` answers at once
    from dita.cli.story import story_lines  # noqa: PLC0415 - as above
    from dita.gateway.source import UnknownTrade  # noqa: PLC0415 - as above

    try:
        return list(story_lines(timetravel.explain(log, trade_id)))
    except timetravel.UnknownTrade as error:
        raise UnknownTrade(str(error)) from error


def _announce(app: Any, listening: "socket.socket") -> None:  # noqa: ANN401 - an extra's
    """Print the page's address, with a token that ends with this process."""
    address, port = listening.getsockname()[:2]
    token = app.state.access.grant(me(), "operate")
    shown = f"[{address}]" if ":" in address else address
    print(f"http://{shown}:{port}/#token={token}", file=sys.stderr)


@contextlib.contextmanager
def beside(directory: "Directory", port: int) -> Iterator[None]:
    """Serve the page of a host beside what runs it, on this machine only.

    Args:
        directory: The host's.
        port: 0 takes a free one.

    Raises:
        CommandFailure: The extra is missing, or the port is taken.
    """
    from dita.errors import KernelError  # noqa: PLC0415 - `dita --help` answers at once

    _needs_web("--web")
    from dita.gateway.running import bound, served  # noqa: PLC0415 - an extra

    try:
        listening = bound("127.0.0.1", port)
    except KernelError as error:
        raise CommandFailure(str(error)) from error
    app = _app(directory, None, None)
    with served(app, listening):
        _announce(app, listening)
        yield


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
