"""Members of a cluster on this machine: processes of their own, on loopback, known by their pid."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from dita.cluster.address import PORT_MAX, ClusterAddress
from dita.cluster.errors import ClusterError
from dita.errors import shown

LOOPBACK: Final = "127.0.0.1"
MAIN_CLASS: Final = "com.hazelcast.core.server.HazelcastMemberStarter"
HEAP_DEFAULT: Final = "256m"
JAVA_MIN: Final = 17
START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.05

# What Hazelcast asks of Java 17.
_OPENS: Final = (
    *("--add-modules", "java.se"),
    *("--add-exports", "java.base/jdk.internal.ref=ALL-UNNAMED"),
    *("--add-opens", "java.base/java.lang=ALL-UNNAMED"),
    *("--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED"),
    *("--add-opens", "java.management/sun.management=ALL-UNNAMED"),
    *("--add-opens", "jdk.management/com.sun.management.internal=ALL-UNNAMED"),
)

# Loopback only: bound to it alone, found by a list, no multicast, no word to anybody outside.
_CONFIG: Final = """\
hazelcast:
  cluster-name: {name}
  network:
    public-address: {host}
    port:
      port: {port}
      auto-increment: false
    interfaces:
      enabled: true
      interfaces: ["{host}"]
    join:
      auto-detection:
        enabled: false
      multicast:
        enabled: false
      tcp-ip:
        enabled: true
        member-list: [{members}]
  jet:
    enabled: true
  map:
    dita.*:
      backup-count: 1
  properties:
    hazelcast.phone.home.enabled: "false"
    hazelcast.socket.bind.any: "false"
    hazelcast.logging.type: jdk
    hazelcast.wait.seconds.before.join: "0"
    hazelcast.max.wait.seconds.before.join: "5"
    hazelcast.tcp.join.port.try.count: "1"
    hazelcast.heartbeat.interval.seconds: "1"
    hazelcast.max.no.heartbeat.seconds: "10"
"""

_CLUSTER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEAP: Final = re.compile(r"[1-9][0-9]{0,5}[mMgG]")


@dataclass(frozen=True, slots=True)
class Member:
    """One member that was started here.

    Attributes:
        cluster: The cluster's name.
        port: Where it listens, on loopback.
        pid: Its process.
        place: Its folder: settings, output, and this record.
    """

    cluster: str
    port: int
    pid: int
    place: Path

    @property
    def address(self) -> ClusterAddress:
        """Where its cluster is."""
        return ClusterAddress((f"{LOOPBACK}:{self.port}",), self.cluster)

    @property
    def output(self) -> Path:
        """What it says."""
        return self.place / "member.log"

    def is_alive(self) -> bool:
        """Whether its process runs, and is still the one that was started."""
        with suppress(ChildProcessError):
            # Where this process started it, it also buries it.
            os.waitpid(self.pid, os.WNOHANG)
        return str(self.place / "member.yaml") in _command_of(self.pid)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop it, by its pid; at once where it does not listen. Return whether it ran."""
        was_alive = self.is_alive()
        if was_alive:
            os.kill(self.pid, signal.SIGTERM)
            if not _gone(self, timeout_s):
                self.kill()
        (self.place / "member.json").unlink(missing_ok=True)
        return was_alive

    def kill(self) -> None:
        """End it as a power failure would."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
            _gone(self, STOP_TIMEOUT_S)
        (self.place / "member.json").unlink(missing_ok=True)


def state_dir() -> Path:
    """Return where the members of this machine are recorded."""
    root = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(root) / "dita" / "hazelcast"


def members(cluster: str | None = None, *, state: Path | None = None) -> list[Member]:
    """Return the members recorded here, by port; those that died by themselves are still among them.

    Args:
        cluster: Of this cluster only.
        state: Where they are recorded; None means `state_dir()`.
    """
    found = []
    for record in (state or state_dir()).glob("*/*/member.json"):
        try:
            fields = json.loads(record.read_text(encoding="utf-8"))
            member = Member(str(fields["cluster"]), int(fields["port"]), int(fields["pid"]), record.parent)
        except (OSError, ValueError, KeyError, TypeError):
            # Half-written by a start that was killed: it names no process that could be stopped.
            continue
        if cluster is None or member.cluster == cluster:
            found.append(member)
    return sorted(found, key=lambda member: (member.cluster, member.port))


def start(
    classpath: Sequence[Path],
    cluster: str,
    port: int,
    *,
    heap: str = HEAP_DEFAULT,
    state: Path | None = None,
    timeout_s: float = START_TIMEOUT_S,
    tell: Callable[[str], None] | None = None,
) -> Member:
    """Start a member and wait until it is part of its cluster.

    Args:
        classpath: The jars.
        cluster: The cluster's name; members of that name that run here are joined.
        port: Where it listens, on loopback.
        heap: Java's memory, as "256m" or "2g".
        state: Where it is recorded; None means `state_dir()`.
        timeout_s: How long it may take.
        tell: Called with the progress.

    Raises:
        ClusterError: There is no Java 17, the port is taken, or it does not start.
    """
    java = _java()
    if not _CLUSTER_NAME.fullmatch(cluster):
        raise ClusterError(
            f"{shown(cluster)}: a cluster's name has letters, digits, '.', '_', '-', at most 64"
        )
    if not _HEAP.fullmatch(heap):
        raise ClusterError(f"{shown(heap)}: is no size of a heap; it reads like 256m or 2g")
    _free(port)
    place = (state or state_dir()) / cluster / str(port)
    place.mkdir(parents=True, exist_ok=True)
    known = [member.port for member in members(cluster, state=state) if member.is_alive()]
    config = place / "member.yaml"
    listed = ", ".join(f'"{LOOPBACK}:{one}"' for one in (*known, port))
    config.write_text(
        _CONFIG.format(name=cluster, host=LOOPBACK, port=port, members=listed), encoding="utf-8"
    )
    command = [
        *(java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", *_OPENS),
        f"-Dhazelcast.config={config}",
        *("-cp", os.pathsep.join(str(jar) for jar in classpath)),
        MAIN_CLASS,
    ]
    output = place / "member.log"
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - Java, by its full path
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C at the terminal is not for it.
            start_new_session=True,
        )
    member = Member(cluster, port, process.pid, place)
    record = {**asdict(member), "place": str(place)}
    (place / "member.json").write_text(json.dumps(record) + "\n", encoding="utf-8")
    _await_start(member, process, timeout_s, tell)
    return member


def _await_start(
    member: Member, process: subprocess.Popen[bytes], timeout_s: float, tell: Callable[[str], None] | None
) -> None:
    try:
        trouble = _trouble_at_start(member, process, timeout_s, tell)
    except BaseException:
        _abandon(member, process)
        raise
    if trouble is not None:
        _abandon(member, process)
        raise ClusterError(trouble)
    # From here on it is known by its pid alone: this object must not wait for it when it is forgotten.
    process.returncode = 0


def _trouble_at_start(
    member: Member, process: subprocess.Popen[bytes], timeout_s: float, tell: Callable[[str], None] | None
) -> str | None:
    began = time.monotonic()
    while "is STARTED" not in (said := member.output.read_text(encoding="utf-8", errors="replace")):
        waited = time.monotonic() - began
        if process.poll() is not None:
            return f"the member on port {member.port} ended: {_complaint(said, member)}"
        if waited > timeout_s:
            return f"the member on port {member.port} is not up after {timeout_s:.0f} s: see {member.output}"
        if tell is not None:
            tell(f"starting a member on port {member.port}: {waited:.0f} s")
        time.sleep(_POLL_S)
    return None


def _abandon(member: Member, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    (member.place / "member.json").unlink(missing_ok=True)


def _complaint(said: str, member: Member) -> str:
    found = re.search(r"(?:SEVERE|Exception|Error)[^\n]*", said)
    return f"{found[0] if found else 'it gave no reason'}; see {member.output}"


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise ClusterError(f"java was not found: install Java {JAVA_MIN} or newer, a member runs on it")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA_MIN:
        raise ClusterError(f"{java} is Java {version[1] if version else '?'}: a member needs {JAVA_MIN}")
    return java


def _free(port: int) -> None:
    if not 0 < port <= PORT_MAX:
        raise ClusterError(f"{port}: is no port")
    with socket.socket() as knock:
        # A connection of a member that just ended must not count as a listener.
        knock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            knock.bind((LOOPBACK, port))
        except OSError as error:
            raise ClusterError(
                f"port {port} is taken ({error.strerror}): give another one with --port, or stop what "
                "listens there; `dita hazelcast status` shows the members of this machine"
            ) from error


def _command_of(pid: int) -> str:
    """The command line of a process, empty where there is none or it is dead already."""
    ps = shutil.which("ps")
    if ps is None:
        raise ClusterError("ps was not found: a member's process cannot be distinguished from another's")
    said = subprocess.run(  # noqa: S603 - ps, by its full path
        [ps, "-o", "stat=,command=", "-ww", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, command = said.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else command


def _gone(member: Member, timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while member.is_alive():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True
