"""`dita watch`: a kernel's slots, orders, account, controls and followers, live in a terminal."""

import argparse
import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.values import seconds
from dita.control import ControlUpdate, build_control_plane
from dita.control.operator import me
from dita.errors import KernelError
from dita.extras import missing
from dita.observe.source import ClusterSource, LogSource, ZincSource
from dita.observe.text import as_text

if TYPE_CHECKING:
    from dita.observe.screen import WatchScreen
    from dita.observe.source import Source

CLUSTER_DEFAULT: Final = "hazelcast://127.0.0.1:5701/dita"
SCREENSHOT_SIZE: Final = (132, 34)
_FONT: Final = re.compile(r"@font-face \{.*?\}", re.DOTALL)

DESCRIPTION: Final = """\
Show a kernel live in the terminal: its slots and orders, its account with K, E and every named difference,
its controls, and how far its followers are behind. From the projection in a Hazelcast cluster, with --zinc
from shared memory, or with --log from a log's directory, which is followed by a replica of its own. It only
looks; with --control the key H halts every kernel of that control plane."""

EPILOG: Final = """\
keys: n next kernel, p pause, H halt (with --control), q quit

examples:
  dita watch
  dita watch --at hazelcast://10.0.0.5:5701/desk --kernel main
  dita watch --log /var/lib/dita/main --control /run/dita/controls.json
  dita watch --zinc main.main
  dita watch --once"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--at", metavar="ADDRESS", help=f"the cluster ({CLUSTER_DEFAULT})")
    place.add_argument("--log", type=Path, metavar="DIR", help="a kernel's log instead of a cluster")
    place.add_argument("--zinc", metavar="NAME", help="a kernel of this machine, from shared memory")
    parser.add_argument("--kernel", metavar="NAME", help="which kernel of the cluster (default: the first)")
    parser.add_argument("--control", metavar="PLACE", help="the control plane that the key H halts")
    parser.add_argument(
        "--interval",
        type=seconds(0.05, 3600),
        default=0.5,
        metavar="SECONDS",
        help="how often it is read (0.5)",
    )
    parser.add_argument("--once", action="store_true", help="print it once as text, and end")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="write one screen as SVG, and end")


def run(options: argparse.Namespace) -> int:
    """Watch.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is nothing to watch there, or textual is not installed.
    """
    source = _source(options)
    try:
        if options.once:
            sys.stdout.write(as_text(source.read(options.kernel)))
            return 0
        return _show(options, source)
    finally:
        source.close()


def _source(options: argparse.Namespace) -> "Source":
    if options.zinc is not None:
        return ZincSource(options.zinc)
    if options.log is None:
        return ClusterSource(options.at or CLUSTER_DEFAULT)
    progress = Progress()

    def listen(_seq: int, bytes_done: int, bytes_all: int) -> None:
        if progress.is_due():
            progress.show(f"{options.log}: {bytes_done / max(1, bytes_all):4.0%} read")

    try:
        return LogSource(options.log, listen)
    finally:
        progress.close()


def _show(options: argparse.Namespace, source: "Source") -> int:
    try:
        from dita.observe.screen import WatchScreen  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CommandFailure(f"{missing('dita watch', 'watch')}, or use --once") from error
    screen = WatchScreen(source, options.kernel, interval_s=options.interval, halt=_halter(options.control))
    if options.screenshot is not None:
        asyncio.run(_screenshot(screen, options.screenshot))
        print(f"wrote {options.screenshot}")
    else:
        screen.run()
    return 0


async def _screenshot(screen: "WatchScreen", place: Path) -> None:
    async with screen.run_test(size=SCREENSHOT_SIZE) as pilot:
        while screen.seen is None:
            await pilot.pause(0.05)
        await pilot.pause()
        drawn = screen.export_screenshot(title="dita watch")
        # A picture that fetches nothing: the reader's own fixed-width font will do.
        place.write_text(_FONT.sub("", drawn), encoding="utf-8")


def _halter(place: str | None) -> Callable[[], str] | None:
    if place is None:
        return None

    def halt() -> str:
        try:
            plane = build_control_plane(place)
            try:
                controls = plane.update(ControlUpdate(kill_switch=True, updated_by=me()))
            finally:
                plane.close()  # type: ignore[attr-defined] # one with a place has it
        except KernelError as error:
            return f"NOT HALTED: {error}"
        return f"halted: version {controls.version} of {place}"

    return halt
