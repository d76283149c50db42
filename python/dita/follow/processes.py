"""Followers in processes of their own: begun, watched, begun again."""

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from dita.follow.spec import FollowerSpec
from dita.follow.status import read_status

_LOG: Final = logging.getLogger("dita.follow")
_WATCH_INTERVAL_S: Final = 0.1
#: How long to wait before a follower that died is begun again: first, and at most, seconds.
RESTART_S: Final = (0.5, 30.0)
#: One that has lived so long begins again with the shortest wait.
_STEADY_S: Final = 60.0
#: A follower silent for so long is logged: at rest it writes a status every two seconds.
_SILENT_S: Final = 30.0
_NS_PER_SECOND: Final = 1_000_000_000


class FollowerProcess:
    """One follower's process. It is spawned, never forked; its input ends with its parent, and so does it."""

    def __init__(self, spec: FollowerSpec, restart_s: tuple[float, float] = RESTART_S) -> None:
        """Take its specification; nothing is started yet."""
        self.spec = spec
        self.restarts = 0
        self._restart_s = restart_s
        self._wait_s = restart_s[0]
        self._process: subprocess.Popen[str] | None = None
        self._began = 0.0
        self._due = 0.0
        self._listens_at = 0.0
        self._is_silent = False

    @property
    def pid(self) -> int | None:
        """Its process, where it lives."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Begin it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dita.follow"],
            stdin=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is the kernel's affair: its followers read to the end. A group is enough
            # for that. In a session of its own a follower's nice value would say nothing: Linux shares the
            # processor among sessions first (sched_autogroup), and by nice values within each.
            process_group=0,
        )
        self._began = time.monotonic()
        self._listens_at = self._began + _SILENT_S
        self._is_silent = False
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):
            self._process.stdin.write(self.spec.to_json() + "\n")
            self._process.stdin.flush()

    def watch(self) -> None:
        """Begin it again where it has died, not before its time."""
        process = self._process
        if process is None or process.poll() is None:
            if process is not None and time.monotonic() > self._began + _STEADY_S:
                self._wait_s = self._restart_s[0]
            self._listen()
            return
        now = time.monotonic()
        if self._due == 0.0:
            self._due = now + self._wait_s
            _LOG.error(
                "the follower %s has died (%s); begun again in %.1f s",
                self.spec.kind,
                process.returncode,
                self._wait_s,
            )
            self._wait_s = min(self._wait_s * 2, self._restart_s[1])
        elif now >= self._due:
            self._due = 0.0
            self.restarts += 1
            self._let_go()
            self.start()

    def _listen(self) -> None:
        """Say once that it is silent, where it is: what is starved cannot say so itself."""
        if self._process is None or time.monotonic() < self._listens_at:
            return
        self._listens_at = time.monotonic() + _SILENT_S / 4
        status = read_status(self.spec.log_dir, self.spec.kind)
        is_fresh = status is not None and time.time_ns() < status.updated_ns + _SILENT_S * _NS_PER_SECOND
        if not is_fresh and not self._is_silent:
            _LOG.warning(
                "the follower %s (process %d) has said nothing for %.0f s: what it writes to holds it up, or "
                "every processor is busy, and followers get what is left; "
                "DITA_FOLLOWERS_SCHEDULING=batch gives them a share",
                self.spec.kind,
                self._process.pid,
                _SILENT_S,
            )
        self._is_silent = not is_fresh

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def end(self) -> None:
        """Ask it to read to the log's end and leave."""
        self._let_go()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; past the time it is stopped. Return whether it left by itself, all done."""
        process = self._process
        if process is None:
            return True
        try:
            return process.wait(timeout_s) == 0
        except subprocess.TimeoutExpired:
            process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return False

    def health(self, last_seq: int | None) -> dict[str, Any]:
        """Return how it is: its status, `alive`, `restarts`, `lag_records`, `lag_seconds`."""
        status = read_status(self.spec.log_dir, self.spec.kind)
        found: dict[str, Any] = {"state": "STARTING"} if status is None else status.as_dict()
        lag = {"lag_records": last_seq, "lag_seconds": None} if status is None else status.lag(last_seq)
        pid = self.pid
        alive = pid is not None
        if not alive:
            found["state"] = "REFUSED" if found["state"] == "REFUSED" else "DEAD"
        return {**found, **lag, "alive": alive, "pid": pid, "restarts": self.restarts}


class FollowerProcesses:
    """Several of them, watched by a thread."""

    def __init__(self, specs: Sequence[FollowerSpec], restart_s: tuple[float, float] = RESTART_S) -> None:
        """Begin them all.

        Args:
            specs: Their specifications.
            restart_s: First and longest wait before a dead one is begun again, seconds.
        """
        self._all = [FollowerProcess(spec, restart_s) for spec in specs]
        self._ending = threading.Event()
        self._lock = threading.Lock()
        for follower in self._all:
            follower.start()
        self._thread = threading.Thread(target=self._watch, name="dita-followers", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ending.wait(_WATCH_INTERVAL_S):
            with self._lock:
                for follower in self._all:
                    try:
                        follower.watch()
                    except OSError:
                        _LOG.exception("the follower %s cannot be begun", follower.spec.kind)

    def health(self, last_seq: int | None) -> dict[str, dict[str, Any]]:
        """Return how each is, by kind."""
        return {follower.spec.kind: follower.health(last_seq) for follower in self._all}

    def close(self, timeout_s: float) -> bool:
        """Let them read to the log's end, and wait for them; return whether all did.

        Args:
            timeout_s: Those that take longer are stopped: their cursors say where they were.
        """
        self._ending.set()
        self._thread.join()
        with self._lock:
            for follower in self._all:
                follower.end()
            due = time.monotonic() + timeout_s
            left = [follower.join(max(0.0, due - time.monotonic())) for follower in self._all]
        return all(left)
