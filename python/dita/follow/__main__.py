"""A follower's process: `python -m dita.follow`, told by its first line of input what to do.

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

from dita.errors import InvalidInput, LogError
from dita.follow.follower import Follower
from dita.follow.spec import FollowerSpec, build_target
from dita.follow.target import TargetRefused
from dita.journal.place import JournalRefused

EXIT_REFUSED: Final = 3
NICE: Final = 10
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

    A follower wakes some fifty times a second. As a batch process it waits for its turn then, and takes the
    processor from nobody.
    """
    os.nice(NICE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> int:
    """Follow as the first line says."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        # What they have to say of a connection comes as an error, and is said once.
        handler.addFilter(lambda record: not record.name.startswith(("urllib3", "clickhouse_connect")))
    _stand_back()
    spec = FollowerSpec.from_json(sys.stdin.readline())
    ending = _Ending()
    signal.signal(signal.SIGTERM, ending.terminate)
    threading.Thread(target=ending.watch_input, daemon=True).start()
    try:
        follower = Follower(
            spec.log_dir,
            build_target(spec),
            kernel=spec.kernel,
            durable=spec.durable,
            when_enabled=spec.when_enabled,
            accept_gap=spec.accept_gap,
            stopping=ending.now,
            ending=ending.asked,
        )
        follower.run()
    except (TargetRefused, JournalRefused, LogError, InvalidInput) as error:
        logging.getLogger("dita.follow").error("%s", error)  # noqa: TRY400 - the text is for a person
        return EXIT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
