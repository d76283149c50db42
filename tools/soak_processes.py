"""What `soak_followers.py` starts, kills and starts again: the kernel, a server, a cluster, a follower."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from soak_trader import NAME

from clusters import free_port, grown
from dita.cluster import ClusterAddress, member
from dita.follow.status import read_status

ROOT: Final = Path(__file__).resolve().parent.parent
ENDPOINT: Final = ROOT / "tests" / "journal" / "http_endpoint.py"
HERE: Final = Path(__file__).resolve().parent
USER, PASSWORD = "soak", "soak"
_CLUSTER: Final = "dita-soak"

# Merging takes repeated rows away, and would hide that there were any.
_PREPARE: Final = """
import sys
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import connect
from dita.journal.schema import TABLES
writer = ClickHouseWriter(sys.argv[1])
writer.open()
client = connect(writer.place, again=True)
for table in TABLES:
    client.command(
        f"ALTER TABLE dita.{table} MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, "
        "parts_to_delay_insert = 1000000, parts_to_throw_insert = 1000000"
    )
writer.close()
"""
_FOLLOW: Final = """
import sys, threading
from dita.follow import Follower
from dita.follow.journal import JournalTarget
from dita.journal.clickhouse import ClickHouseWriter
log_dir, name, path = sys.argv[1:]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
target = JournalTarget(ClickHouseWriter(path), name="embedded")
Follower(log_dir, target, kernel=name, stopping=ended.is_set).run()
"""


def kill(pid: int | None) -> bool:
    """End a process as a power failure would; return whether there was one."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def follower_pid(log_dir: Path, name: str) -> int | None:
    """The process of a kernel's follower: as its status and the system say; None where none runs."""
    status = read_status(log_dir, name)
    running = status is not None and _command(status.pid).endswith("-m dita.follow")
    return status.pid if status is not None and running else None


def _command(pid: int) -> str:
    """A process's command line; empty where it is no more."""
    said = subprocess.run(  # noqa: S603 - ps
        ["ps", "-o", "stat=,command=", "-ww", "-p", str(pid)],  # noqa: S607 - wherever ps is
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, command = said.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else command.strip()


def prepare(path: Path) -> None:
    """Make the journal's tables in an embedded database, so that no repeated row is ever merged away."""
    subprocess.run([sys.executable, "-c", _PREPARE, str(path)], check=True)  # noqa: S603 - ours


class Child:
    """A process with a pipe to it; when this program ends, however, its input ends."""

    def __init__(self, *command: str) -> None:
        """Start it."""
        self.process = subprocess.Popen(  # noqa: S603 - our own programs
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, text: str) -> None:
        """Tell it something; where it is dead, that shows in its answer."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()

    def line(self) -> list[str]:
        """Its next line, in words; empty where it has died."""
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        line = self.process.stdout.readline()
        return line.split() if line.endswith("\n") else []

    def kill(self) -> None:
        """Kill it, and bury it."""
        self.process.kill()
        self.bury()

    def bury(self) -> None:
        """Wait for its end."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self.process.wait()


class Trader:
    """The kernel's process, life after life.

    Attributes:
        seq: The last input that it told of.
        lives: How many there were.
        state_hash: The state's at the end.
    """

    def __init__(self, log_dir: Path, journal: str, cluster: str) -> None:
        """Begin the first life."""
        self._command = (sys.executable, str(HERE / "soak_trader.py"), str(log_dir), journal, cluster)
        self.seq = self.lives = 0
        self.state_hash = ""
        self.start()

    def start(self) -> None:
        """Begin a life: that is a recovery."""
        self.lives += 1
        self._child = Child(*self._command)
        self._hear("open")

    def begin(self, inputs: int) -> None:
        """Let it take so many inputs."""
        self._child.say(f"trade {inputs}")

    def done(self) -> bool:
        """Wait until it has; False where it was killed on the way."""
        words = self._child.line()
        if not words:
            self._child.bury()
            return False
        self.seq = int(words[1])
        return True

    def kill(self) -> None:
        """Kill it; `done` says so."""
        self._child.process.kill()

    def end(self) -> int:
        """Let it come to an end; it still runs."""
        self._child.say("end")
        self.state_hash = self._hear("end")[2]
        return self.seq

    def close(self) -> None:
        """Let it close its kernel."""
        self._child.bury()

    def _hear(self, word: str) -> list[str]:
        words = self._child.line()
        if not words or words[0] != word:
            raise RuntimeError(f"the kernel's process said {words}, not {word}: see its words above")
        self.seq = int(words[1])
        return words


class Endpoint:
    """The server: the engine behind HTTP.

    Attributes:
        url: Where it is.
    """

    def __init__(self, path: Path) -> None:
        """Start it on a database that is prepared."""
        self._path, self._port = path, free_port()
        self.url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self._port}"
        self._lock = threading.Lock()
        self.start()

    def start(self) -> None:
        """Start it, at the same port."""
        where = (str(self._path), str(self._port), USER, PASSWORD)
        with self._lock:
            self._child = Child(sys.executable, str(ENDPOINT), *where)
            if not self._child.line():
                raise RuntimeError("the server does not start: see its words above")

    def fault(self, text: str) -> None:
        """Something goes wrong with an INSERT to come."""
        with self._lock:
            self._child.say(text)
            self._child.line()

    def kill(self) -> None:
        """Kill it."""
        with self._lock:
            self._child.kill()


class Embedded:
    """A follower by hand, with an embedded database.

    Attributes:
        path: The database.
    """

    def __init__(self, log_dir: Path, path: Path) -> None:
        """Start it on a database that is prepared."""
        self.path = path
        self._command = (sys.executable, "-c", _FOLLOW, str(log_dir), NAME, str(path))
        self._child = Child(*self._command)

    def kill(self) -> None:
        """Kill it, and the engine with it."""
        self._child.kill()

    def watch(self) -> None:
        """Begin it again where it was killed."""
        if self._child.process.poll() is not None:
            if self._child.process.returncode > 0:
                raise RuntimeError("the embedded database's follower ended by itself: see its words above")
            self._child = Child(*self._command)

    def close(self) -> None:
        """Let it end."""
        self._child.bury()


class Cluster:
    """Two members of a cluster.

    Attributes:
        members: Those that run.
        address: Where they are, whichever of them run.
    """

    def __init__(self, state: Path) -> None:
        """Choose their ports; they are started later."""
        self._state = state
        self._ports = [free_port(), free_port()]
        self.members: list[member.Member] = []
        self.address = ClusterAddress(tuple(f"{member.LOOPBACK}:{port}" for port in self._ports), _CLUSTER)

    def start(self) -> None:
        """Start those that do not run."""
        running = {one.port for one in self.members}
        for port in self._ports:
            if port not in running:
                self.members.append(grown(self._state, _CLUSTER, port))

    def kill(self, count: int) -> None:
        """Kill so many of them, the oldest first."""
        for _ in range(count):
            self.members.pop(0).kill()

    def close(self) -> None:
        """Stop them all."""
        for one in member.members(_CLUSTER, state=self._state):
            one.kill()
