"""Asks the standbys of a host how they stand."""

from collections.abc import Iterator
from typing import Any

from dita.host import Directory
from dita.host.asking import HostAway, HostRefused, ask_at
from dita.host.owner import started_of


def standbys(directory: Directory) -> Iterator[dict[str, Any]]:
    """Ask every standby of a host how it stands; what a dead one left is removed.

    Args:
        directory: The host's.
    """
    for path in sorted(directory.path.glob("standby.*.sock")):
        try:
            yield ask_at(path, "status", timeout_s=2.0)
        except HostAway:
            # One that only begins does not answer yet, and is none of the dead.
            pid = path.suffixes[0].removeprefix(".")
            if pid.isdigit() and not started_of(int(pid)):
                path.unlink(missing_ok=True)
        except HostRefused:
            continue
