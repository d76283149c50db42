"""A kernel's name in a cluster: one kernel has it at a time, for as long as it says so."""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cluster.mappings import KERNELS
from dita.errors import shown

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient

_LOG: Final = logging.getLogger("dita.projection")

#: A claim that nobody renews ends after so many seconds.
LEASE_S: Final = 15
_RENEW_S: Final = 3.0
_RETRY_S: Final = 0.25
_END_S: Final = 1.0
# After so many answers in a row, a cluster that was away is back.
_ANSWERS_MIN: Final = 2


class Claim:
    """The right to write under a kernel's name in a cluster.

    It is an entry in the map `dita.kernels` that the cluster lets go of after `LEASE_S`, and that a thread
    renews. Who finds another kernel's entry there does not write. The same log on the same machine takes its
    own name over at once, since the log's lock has let only one kernel open it; so does who finds that the
    holder's process on this machine is dead. All else waits for the claim's end.

    Attributes:
        trouble: Who has the name instead, and what to do; empty where nobody else has.
    """

    def __init__(
        self,
        client: "HazelcastClient",
        kernel: str,
        run: int,
        log_dir: Path | None,
        *,
        where: str = "the cluster",
        on_taken: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to claim it, in a thread.

        Args:
            client: The cluster's client.
            kernel: The name.
            run: Which sequence of inputs.
            log_dir: The kernel's log; None without one.
            where: The cluster, in words.
            on_taken: Called in the claim's thread each time the name has been taken, before `held` says so.
        """
        host, pid = socket.gethostname(), os.getpid()
        log = None if log_dir is None else str(log_dir.absolute())
        self._kernel = kernel
        self._own = {
            "kernel": kernel,
            "run": run,
            "host": host,
            "pid": pid,
            "log": log,
            # Whoever shows the same one is this kernel, in whatever process.
            "instance": f"{host} {log}" if log is not None else f"{host} {pid} {run}",
            "token": uuid.uuid4().hex,
            "since_ns": time.time_ns(),
        }
        self._text = json.dumps(self._own)
        self._client = client
        self._where = where
        self._on_taken = on_taken
        self._map: Any = None
        self._until = 0.0
        self._is_new = False
        self._fails_since: float | None = None
        self._answers = 0
        self.trouble = ""
        self._decided = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dita-claim", daemon=True)
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether the name is ours now. It is asked before each write."""
        return time.monotonic() < self._until

    def decided(self, timeout_s: float) -> bool:
        """Wait until it is known whose the name is; return whether it is."""
        return self._decided.wait(timeout_s)

    def close(self) -> None:
        """Let go of the name."""
        self._ending.set()
        self._thread.join(_END_S)
        if self.held:
            self._until = 0.0
            try:
                self._map.remove_if_same(self._kernel, self._value())
            except Exception as error:  # noqa: BLE001 - whatever the client breaks with, the lease ends
                _LOG.debug("the name %s was not given back: %r", self._kernel, error)

    # ---------------------------------------------------------------------------------- in the claim's thread

    def _work(self) -> None:
        rest_s = 0.0
        while not self._ending.wait(rest_s):
            try:
                rest_s = _RENEW_S if self._renew() else _RETRY_S
                self._answered()
            except Exception as error:  # noqa: BLE001 - whatever the client breaks with, it is tried again
                self._failed(error)
                rest_s = _RETRY_S

    def _failed(self, error: Exception) -> None:
        """Say once that the cluster is away: it is asked four times a second until it is back."""
        self._answers = 0
        if self._fails_since is None and not self._ending.is_set():
            self._fails_since = time.monotonic()
            _LOG.warning(
                "%s: the name %r was not renewed (%s: %s): the kernel goes on, what it writes there waits "
                "until the cluster is back",
                self._where,
                self._kernel,
                type(error).__name__,
                error,
            )

    def _answered(self) -> None:
        """Say once that the cluster is back: a client that has just found it again may lose it once more."""
        self._answers += 1
        if self._fails_since is not None and self._answers >= _ANSWERS_MIN:
            away_s = time.monotonic() - self._fails_since
            self._fails_since = None
            _LOG.warning("%s: the name %r is renewed again, after %.1f s", self._where, self._kernel, away_s)

    def _renew(self) -> bool:
        """Take the name, or keep it; return whether it is ours."""
        # From before it was asked for: here it ends no later than there.
        until = time.monotonic() + LEASE_S
        if self._map is None:
            self._map = self._client.get_map(KERNELS).blocking()
        own = self._value()
        there = self._map.put_if_absent(self._kernel, own, LEASE_S)
        if there is not None and _read(there).get("token") != self._own["token"]:
            other = _read(there)
            if not self._succeeds(other):
                self._leave(other)
                return False
            # Not exchanged: an entry that is put has its end with it, whatever becomes of this process.
            self._map.remove_if_same(self._kernel, there)
            return False
        self._is_new |= there is None
        if there is not None:
            self._map.set_ttl(self._kernel, LEASE_S)
        if self._is_new:
            self._on_taken()
            self._is_new = False
        self._until = until
        self._say("")
        self._decided.set()
        return True

    def _succeeds(self, other: dict[str, Any]) -> bool:
        """Whether the holder is this kernel's past, and dead."""
        if other.get("instance") == self._own["instance"] or "token" not in other:
            return True
        return other.get("host") == self._own["host"] and not _lives(other.get("pid"))

    def _leave(self, other: dict[str, Any]) -> None:
        log = f", with the log {other['log']}" if other.get("log") else ""
        self._until = 0.0
        self._say(
            f"{self._where}: the name {shown(self._kernel)} is held by process {other.get('pid')} on "
            f"{other.get('host')}{log}: two kernels of one name would overwrite each other; give this one a "
            "name of its own (ExecutionKernel(name=...)), or stop the other: the name is free when that is "
            f"closed, or {LEASE_S} s after its death"
        )
        self._decided.set()

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            if trouble:
                _LOG.error("%s", trouble)
            else:
                _LOG.warning("%s: the name %r is ours now", self._where, self._kernel)
            self.trouble = trouble

    def _value(self) -> Any:  # noqa: ANN401 - the client's
        from hazelcast.core import HazelcastJsonValue  # noqa: PLC0415 - an extra

        return HazelcastJsonValue(self._text)


def _read(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever somebody put there
    """A claim as it reads; empty where it is none."""
    try:
        found = json.loads(value.to_string())
    except (AttributeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lives(pid: object) -> bool:
    """Whether a process of this machine lives; where nobody knows, it does."""
    if not isinstance(pid, int) or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
