"""Real Hazelcast members for the tests: on loopback, on free ports, ended by their pids."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dita.cluster import ClusterAddress, jars, member

HEAP = "128m"
_REAPERS: dict[Path, subprocess.Popen[bytes]] = {}
_REAPER = """
import sys
from pathlib import Path
from dita.cluster import member
sys.stdin.read()
for one in member.members(state=Path(sys.argv[1])):
    one.kill()
"""


def classpath() -> tuple[Path, ...]:
    """The member's jars, fetched once; skips where they cannot be had, but never in CI."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{program} is missing: CI runs the tests against a real Hazelcast member")
            pytest.skip(f"{program} is not installed: there is no Hazelcast member to test against")
    return jars.jars()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as knock:
        knock.bind((member.LOOPBACK, 0))
        port: int = knock.getsockname()[1]
        return port


@contextmanager
def cluster(state: Path, members: int = 1, name: str = "dita-tests") -> Iterator[list[member.Member]]:
    """A cluster of its own; what is left of it at the end is killed."""
    started: list[member.Member] = []
    try:
        started.extend(grown(state, name) for _ in range(members))
        yield started
    finally:
        for one in member.members(name, state=state):
            one.kill()


def reaped(state: Path) -> Path:
    """See to it that members recorded there end with this process, also when it is killed."""
    if state not in _REAPERS:
        # A signal to the whole group (`timeout`, Ctrl-C) must leave it to do its work.
        process = subprocess.Popen(
            [sys.executable, "-c", _REAPER, str(state)], stdin=subprocess.PIPE, start_new_session=True
        )
        assert process.stdin is not None
        atexit.register(process.wait)
        atexit.register(process.stdin.close)
        _REAPERS[state] = process
    return state


def grown(state: Path, name: str = "dita-tests", port: int | None = None) -> member.Member:
    """One more member."""
    return member.start(classpath(), name, port or free_port(), heap=HEAP, state=reaped(state))


def address_of(members: list[member.Member]) -> ClusterAddress:
    """Where a cluster is: any of its members."""
    return ClusterAddress(tuple(one.address.members[0] for one in members), members[0].cluster)


def eventually(
    true: Callable[[], Any], timeout_s: float = 30.0, *, instead: Callable[[], Any] | None = None
) -> Any:
    """Wait until something is so, and return it; where it never is, say what is so `instead`."""
    until = time.monotonic() + timeout_s
    while not (answer := true()):
        if time.monotonic() >= until:
            pytest.fail(f"not within {timeout_s} s: {instead() if instead else true}")
        time.sleep(0.02)
    return answer


def held(client: Any, map_name: str, key: str) -> dict[str, Any] | None:
    """What the cluster holds there."""
    value = client.get_map(map_name).blocking().get(key)
    return None if value is None else dict(json.loads(value.to_string()))
