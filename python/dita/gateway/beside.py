"""The page beside what runs: in a thread of its process, or in a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dita.control.operator import me
from dita.errors import KernelError
from dita.extras import is_there, missing
from dita.gateway import Access, HostSource, Hub, TokenFile
from dita.gateway.watched import story_of

if TYPE_CHECKING:
    import socket

    from dita.gateway import Source
    from dita.host import Directory


def needs_web(what: str) -> None:
    """Say which extra is missing, where it is.

    Args:
        what: What was asked for.

    Raises:
        KernelError: It is missing.
    """
    if not all(is_there(module) for module in ("fastapi", "uvicorn", "httptools", "prometheus_client")):
        raise KernelError(missing(what, "web"))


def app_of(
    source: "Source",
    tokens: "TokenFile | None" = None,
    *,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    report: Callable[[], Path | None] | None = None,
) -> Any:  # noqa: ANN401 - the application is an extra's
    """Return the gateway's application.

    Args:
        source: What is shown.
        tokens: Who may use it; None means those alone that this process grants.
        hosts: More names under which it is asked.
        origins: Other pages that may ask it.
        report: Returns a page of its own, once there is one.
    """
    from dita.gateway.app import build_app  # noqa: PLC0415 - an extra
    from dita.gateway.guards import LOOPBACK, Guards  # noqa: PLC0415 - an extra

    guards = Guards(hosts=(*LOOPBACK, *hosts), origins=tuple(origins))
    return build_app(Hub(source), Access(tokens), guards=guards, report=report)


def announce(app: Any, listening: "socket.socket") -> None:  # noqa: ANN401 - an extra's
    """Print the page's address, with a token that ends with this process."""
    address, port = listening.getsockname()[:2]
    token = app.state.access.grant(me(), "operate")
    shown = f"[{address}]" if ":" in address else address
    sys.stderr.write(f"http://{shown}:{port}/#token={token}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def beside(source: "Source", port: int, report: Callable[[], Path | None] | None = None) -> Iterator[None]:
    """Serve a page beside what runs in this process, on this machine only.

    Args:
        source: What is shown.
        port: 0 takes a free one.
        report: Returns a page of its own, once there is one.

    Raises:
        KernelError: The extra is missing, or the port is taken.
    """
    needs_web("--web")
    from dita.gateway.running import bound, served  # noqa: PLC0415 - an extra

    listening = bound("127.0.0.1", port)
    app = app_of(source, report=report)
    with served(app, listening):
        announce(app, listening)
        yield


@contextlib.contextmanager
def beside_host(directory: "Directory | None", port: int | None, *, own_process: bool) -> Iterator[None]:
    """Serve the page of a host meanwhile, where it is wanted.

    Args:
        directory: The host's; None where it keeps nothing and answers nobody.
        port: None where no page is wanted; 0 takes a free one.
        own_process: Whether it is a process of its own, so that it takes no time of the kernel's.

    Raises:
        KernelError: The host answers nobody, the extra is missing, or the port is taken.
    """
    if port is None:
        yield
        return
    if directory is None:
        raise KernelError("--web: an ephemeral run answers nobody; leave out --ephemeral")
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
