"""`Standby`: stands by for a host's server, and takes over from it once it is dead, or hung and ended.

On one machine fencing is killing: whoever takes over holds the host's lock, which the system gives to one
process only, and the one before is no more.
"""

import contextlib
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dita._kernel import LogReplica, log_bounds
from dita.alerts import Alert, Cause
from dita.config import Config
from dita.errors import KernelClosed, KernelError, LogError
from dita.host import Directory
from dita.host.alerting import alerts_of
from dita.host.documents import to_json
from dita.host.metrics_port import address_of
from dita.host.notify import ALIVE, READY, STOPPING, Notifier
from dita.host.opening import venue_of
from dita.host.owner import NoRight, Owner
from dita.host.serving import HostSocket
from dita.kernel.place import SOCKET_NAME
from dita.server.asking import standbys
from dita.server.heartbeat import LOOKS, Heartbeat
from dita.server.sameness import check_terms, terms_of
from dita.server.serving import Serving, load_live
from dita.signals import elsewhere
from dita.zinc.directory import directory_of

_LOG: Final = logging.getLogger("dita.standby")
#: How long the locks of a process that was killed may take to be free: it may be in the midst of a sync.
_GONE_S: Final = 30.0
_LOGGED_EVERY_S: Final = 10.0
#: So long after a takeover that failed the next one is tried.
_AGAIN_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_RECORDS_MAX: Final = 65_536


class Standby:
    """Follows the logs of a host that runs elsewhere on this machine, ready to become it.

    Attributes:
        config: What it would run with.
        directory: The host's.
        primary: Who runs there now; None where nobody is known to.
        state: "standing by", "taking over", "failed", "primary" or "ended".
        step: What a takeover is at, and what that waits for; why the last one failed, where it did.
    """

    def __init__(
        self,
        config: Config,
        directory: Directory,
        *,
        socket: Path | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        """Make ready: adapters are made, and nothing is asked of any venue.

        Args:
            config: What to open at a takeover: the primary's own.
            directory: The host's.
            socket: Where programs connect; None means as the configuration says.
            notifier: Notified that it stands by, and is alive.

        Raises:
            KernelError: An adapter cannot be made, or a secret is missing.
        """
        self.config, self.directory = config, directory
        self.primary: Owner | None = None
        self.state, self.step = "standing by", ""
        self._socket = socket
        where = socket or (Path(config.serve.socket) if config.serve.socket else directory.path / SOCKET_NAME)
        self._terms = terms_of(config, where)
        if config.serve.metrics is not None:
            address_of(config.serve.metrics, public=config.serve.metrics_public)
        self._notifier = notifier or Notifier({})
        self._notified_s = 0.0
        self.heartbeat = Heartbeat(directory_of(None), directory.path.name, float(config.serve.heartbeat_s))
        self._adapters = self._made_adapters()
        if self._adapters:
            load_live()
        self._replicas: dict[str, LogReplica] = {}
        self._troubles: dict[str, str] = {}
        self._same = False
        self._stuck_s = 0.0
        self._killed: Owner | None = None
        self._me = Owner.here()
        self._why = ""
        self._held = threading.Event()
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._since_s = time.time()
        self._answers: HostSocket | None = None
        self._serving: Serving | None = None

    # -------------------------------------------------------------------------------------------- standing by

    def wait(self) -> Serving | None:
        """Stand by until there is nobody there; then take over. In the main thread it handles SIGTERM.

        Returns:
            The server that it has become, to be run; None where it was asked to end.

        Raises:
            KernelError: The primary has another configuration, or may not be ended from here. A takeover
                that fails is tried again.
        """
        hands: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                hands[number] = signal.signal(number, elsewhere(self.end))
        try:
            self._meet()
            pauses_s = itertools.chain(_AGAIN_S, itertools.repeat(_AGAIN_S[-1]))
            while True:
                threading.Thread(target=self._wait_for_lock, name="dita-standby", daemon=True).start()
                self._stand_by()
                if self._ended.is_set():
                    return None
                try:
                    return self._take_over()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is named, and a standby stays one
                    pause_s = next(pauses_s)
                    self._fail(error, pause_s)
                if self._ended.wait(pause_s):
                    return None
                self._begin_again()
        except BaseException:
            self.end()
            raise
        finally:
            self._close()
            if self._serving is None:
                for number, action in hands.items():
                    signal.signal(number, action)

    def end(self) -> None:
        """Stand by no more; what it has become ends too. From any thread."""
        self._ended.set()
        self._wake.set()
        if self._serving is not None:
            self._serving.host.stop()

    def _wait_for_lock(self) -> None:
        # The system wakes it the moment that the lock is free, and of several who wait it wakes one.
        try:
            self.directory.wait()
        except KernelError as error:
            _LOG.error("%s", error)
            self.end()
            return
        if self._ended.is_set():
            self.directory.release()
        self._held.set()
        self._wake.set()

    def _made_adapters(self) -> dict[str, Any]:
        return {
            name: venue_of(name, account)
            for name, account in self.config.accounts.items()
            if account.venue != "sim"
        }

    def _begin_again(self) -> None:
        """Stand by once more: what a failed takeover has opened is closed."""
        self._close_adapters()
        self._replicas = {}
        self._held.clear()
        self._wake.clear()
        self.state = "standing by"

    def _open_socket(self) -> None:
        path = self.directory.path / f"standby.{os.getpid()}.sock"
        self._answers = HostSocket(path, self._answer, to_json)

    def _stand_by(self) -> None:
        ready = False
        while not self._held.is_set() and not self._ended.is_set():
            self._look_at_owner()
            caught_up = self._follow()
            if not ready:
                ready = True
                who = f"process {self.primary.pid}" if self.primary else "whoever holds the lock"
                _LOG.info("%s: standing by for %s", self.directory.path, who)
                self._notifier.tell(READY, "STATUS=standing by")
            if self.primary is not None and self.heartbeat.look(self.primary):
                self._end_primary(self.primary)
            self._tell_alive()
            self._wake.wait(self.heartbeat.limit_s / LOOKS if caught_up else 0)

    def _meet(self) -> None:
        """See who runs there, before anything is waited for."""
        self.directory.prepare()
        self.primary = self.directory.owner()
        if self.primary is not None and self.directory.is_held():
            self._check(self.primary)
        self._open_socket()

    def _look_at_owner(self) -> None:
        owner = self.directory.owner()
        # No name, or this process's own: the lock changes hands, and who had it last is known.
        if owner is None or owner == self._me:
            return
        if owner != self.primary:
            self.primary, self._same = owner, False
            self._check(owner)
        elif not self._same:
            self._same = check_terms(self.directory, owner, self._terms)

    def _check(self, owner: Owner) -> None:
        _LOG.info("%s: the primary is process %d", self.directory.path, owner.pid)
        owner.check_right()
        self._same = check_terms(self.directory, owner, self._terms)

    def _follow(self) -> bool:
        """Bring every replica nearer to its log's end; whether they are there."""
        caught_up = True
        for name in self.config.accounts:
            try:
                replica = self._replicas.get(name)
                if replica is None:
                    log = self.directory.log(name)
                    if not any(log.glob("*.seg")):
                        continue
                    replica = self._replicas[name] = LogReplica(log)
                caught_up &= replica.follow(_RECORDS_MAX) < _RECORDS_MAX
                self._troubles.pop(name, None)
            except LogError as error:
                # A part was removed before it was read, or it cannot be read: the takeover will say better.
                self._replicas.pop(name, None)
                if self._troubles.get(name) != str(error):
                    _LOG.warning("%s: is followed anew: %s", name, error)
                self._troubles[name] = str(error)
        return caught_up

    def _end_primary(self, owner: Owner) -> None:
        """End a primary that is hung. It may be stopped, or wait for a disk: it does nothing any more."""
        silent_s = self.heartbeat.silent_s
        limit_s = self.heartbeat.limit_s
        why = f"process {owner.pid} has shown no sign of life for {silent_s:.2f} s (limit {limit_s:g} s)"
        if self._killed == owner:
            # It dies once the system lets it: nobody takes over before that.
            if time.monotonic() - self._stuck_s >= _LOGGED_EVERY_S:
                self._stuck_s = time.monotonic()
                _LOG.critical(
                    "%s: process %d was ended and still holds the lock", self.directory.path, owner.pid
                )
            return
        if owner.kill(self.directory.path):
            self._killed, self._why, self._stuck_s = owner, f"{why}: it was ended (SIGKILL)", time.monotonic()
            _LOG.critical("%s: %s", self.directory.path, self._why)

    def _tell_alive(self) -> None:
        interval_s = self._notifier.interval_s
        if interval_s is not None and time.monotonic() - self._notified_s >= interval_s:
            self._notified_s = time.monotonic()
            self._notifier.tell(ALIVE)

    # -------------------------------------------------------------------------------------------- taking over

    def _take_over(self) -> Serving:
        began_s = time.monotonic()
        self.state, self.step = "taking over", "waiting for the end of the process before"
        # The lock names this process by now; `primary` is who was there before.
        before = self.primary
        if before is not None and not before.wait(_GONE_S):
            # It let go of the host's lock, and lives: its other locks say whether it is done.
            _LOG.warning(
                "%s: process %d let go of the lock and has not ended", self.directory.path, before.pid
            )
        self.step = "following the rest of the logs"
        with contextlib.suppress(KernelError):
            self._follow()
        self.step = "opening the accounts"
        try:
            self._adapters = self._adapters or self._made_adapters()
            serving = Serving(
                self.config,
                self.directory,
                socket=self._socket,
                notifier=self._notifier,
                replicas=self._replicas,
                adapters=self._adapters,
            )
        except BaseException:
            self.directory.release()
            raise
        self._close_socket(later=True)
        self._adapters, self._serving = {}, serving
        if self._ended.is_set():
            # Asked to end while it opened: `run` ends at once.
            serving.host.stop()
        self.state, self.step = "primary", ""
        took_s = time.monotonic() - began_s
        epochs = serving.epochs()
        if before is None:
            _LOG.info("%s: nobody was there: this is the primary", self.directory.path)
            return serving
        why = self._why or f"process {before.pid} has ended"
        listed = ", ".join(f"{name} {epoch}" for name, epoch in epochs.items())
        text = f"{why}; process {os.getpid()} has taken over in {took_s:.3f} s, epoch {listed}"
        _LOG.warning("%s: %s", self.directory.path, text)
        details = {
            "before": before.pid,
            "now": os.getpid(),
            "killed": bool(self._why),
            "took_s": round(took_s, 3),
        }
        serving.host.alert(Alert(Cause.TAKEOVER, text, "CRITICAL", details={**details, "epochs": epochs}))
        return serving

    def _fail(self, error: Exception, pause_s: float) -> None:
        """Name why a takeover failed; it is tried again."""
        why = (
            str(error)
            if isinstance(error, KernelError) and str(error)
            else f"{type(error).__name__}: {error}"
        )
        text = f"the takeover failed at {self.step}: {why}; tried again in {pause_s:g} s"
        self.state, self.step = "failed", text
        _LOG.critical("%s: %s", self.directory.path, text, exc_info=not isinstance(error, KernelError))
        with contextlib.suppress(KernelError):
            alerts = alerts_of(self.directory.path.name, self.config.alerts)
            if alerts is not None:
                alerts.tell(Alert(Cause.TAKEOVER, text, "CRITICAL"))
                alerts.close()

    def _close_socket(self, *, later: bool = False) -> None:
        answers, self._answers = self._answers, None
        if answers is not None:
            (answers.close_later if later else answers.close)()

    def _close(self) -> None:
        self._close_socket()
        if self.state == "standing by":
            self.state = "ended"
            self._notifier.tell(STOPPING)
        self._close_adapters()

    def _close_adapters(self) -> None:
        for adapter in self._adapters.values():
            with contextlib.suppress(Exception):
                adapter.close()
        self._adapters = {}

    # ----------------------------------------------------------------------------------------------- showing

    def _answer(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a socket's fields
        if request["request"] == "stop":
            self.end()
            return {"stopping": True}
        return self.status()

    def status(self) -> dict[str, Any]:
        """Return how it stands, as plain values: the primary, its silence, how far each log is followed."""
        owner = self.primary
        return {
            "name": self.directory.path.name,
            "role": "standby",
            "state": self.state,
            "step": self._step(),
            "pid": os.getpid(),
            "since_ns": int(self._since_s * 1e9),
            "heartbeat_s": self.heartbeat.limit_s,
            "primary": None
            if owner is None
            else {
                "pid": owner.pid,
                "life": self.heartbeat.life,
                "silent_s": round(self.heartbeat.silent_s, 3),
                "same_configuration": self._same,
            },
            "accounts": {name: self._account_status(name) for name in self.config.accounts},
        }

    def _step(self) -> str:
        waits = {name: getattr(adapter, "waits", "") for name, adapter in dict(self._adapters).items()}
        if self.state != "taking over" or not any(waits.values()):
            return self.step
        return f"{self.step}: " + "; ".join(f"{name}: {why}" for name, why in waits.items() if why)

    def _account_status(self, name: str) -> dict[str, Any]:
        trouble = self._troubles.get(name, "")
        try:
            replica = self._replicas[name]
            seq, now_ns = replica.seq, replica.now_ns
            behind = max(0, log_bounds(self.directory.log(name))[1] - seq)
        except (KeyError, LogError, KernelClosed) as error:
            return {"seq": None, "now_ns": None, "behind": None, "trouble": trouble or str(error)}
        return {"seq": seq, "now_ns": now_ns, "behind": behind, "trouble": trouble}


__all__ = ["NoRight", "Standby", "standbys"]
