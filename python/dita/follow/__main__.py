"""A follower's process: `python -m dita.follow`, configured by its first line of input.

Its input stays open for as long as it shall follow. When it ends, by a word or by the other side's death, the
follower reads the log to its end and leaves.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from typing import Final

from dita.errors import InvalidInput, LogError, refuse
from dita.follow.follower import Follower
from dita.follow.spec import FollowerSpec, build_target
from dita.follow.status import FollowerStatus, write_status
from dita.follow.target import TargetRefused
from dita.journal.place import JournalRefused

EXIT_REFUSED: Final = 3
NICE: Final = 10
#: Names how followers are scheduled on Linux, in the environment of the kernel that spawns them.
SCHEDULING: Final = "DITA_FOLLOWERS_SCHEDULING"
_SCHEDULING_DEFAULT: Final = "idle"
_POLICIES: Final = {"idle": "SCHED_IDLE", "batch": "SCHED_BATCH"}
_REFUSALS: Final = (TargetRefused, JournalRefused, LogError, InvalidInput)
#: So long a follower tries to bring the rest to a target that is away, once it shall end.
END_WITHIN_S: Final = 10.0


class _Ending:
    """Whether it shall end, and since when."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._terminated = False

    def watch_input(self) -> None:
        """End with the input."""
        sys.stdin.read()
        self._since = time.monotonic()

    def terminate(self, *_: object) -> None:
        """End at once."""
        self._terminated = True

    def asked(self) -> bool:
        """Whether to end with the log."""
        return self._since is not None

    def now(self) -> bool:
        """Whether to end now."""
        since = self._since
        return self._terminated or (since is not None and time.monotonic() > since + END_WITHIN_S)


def _stand_back() -> None:
    """Let the kernel come first, where they share a processor.

    A follower wakes some fifty times a second. As an idle process it takes the processor from nobody, and a
    kernel that wakes has it at once, where it would wait for a batch process to give it up. The price: where
    every processor is busy, an idle process gets next to nothing. Its lag grows then, and the kernel's
    process says that it is silent.

    Raises:
        InvalidInput: The environment asks for another class of scheduling than there are.
    """
    wanted = os.environ.get(SCHEDULING) or _SCHEDULING_DEFAULT
    if wanted not in _POLICIES:
        raise refuse(SCHEDULING, wanted, f"is none of {', '.join(_POLICIES)}")
    os.nice(NICE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, getattr(os, _POLICIES[wanted]), os.sched_param(0))


def _refused(error: Exception) -> int:
    """Say why, and return what the process ends with."""
    logging.getLogger("dita.follow").error("%s", error)
    return EXIT_REFUSED


def main() -> int:
    """Follow as the first line says."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        # What they have to say of a connection comes as an error, and is said once.
        handler.addFilter(lambda record: not record.name.startswith(("urllib3", "clickhouse_connect")))
    if hasattr(signal, "SIGTTOU"):
        # A terminal may be set to stop whoever writes to it from the background.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    spec = FollowerSpec.from_json(sys.stdin.readline())
    try:
        _stand_back()
        target = build_target(spec)
    except _REFUSALS as error:
        # A follower that has begun says it itself.
        status = FollowerStatus(spec.kind, spec.kernel, state="REFUSED", error=str(error))
        write_status(spec.log_dir, status)
        return _refused(error)
    ending = _Ending()
    signal.signal(signal.SIGTERM, ending.terminate)
    threading.Thread(target=ending.watch_input, daemon=True).start()
    try:
        follower = Follower(
            spec.log_dir,
            target,
            kernel=spec.kernel,
            durable=spec.durable,
            when_enabled=spec.when_enabled,
            accept_gap=spec.accept_gap,
            stopping=ending.now,
            ending=ending.asked,
        )
        follower.run()
    except _REFUSALS as error:
        return _refused(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
