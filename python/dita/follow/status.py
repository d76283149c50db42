"""How a follower is: a small file in the log's directory, for the kernel and for people."""

import json
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

_NS_PER_SECOND: Final = 1_000_000_000


@dataclass(slots=True)
class FollowerStatus:
    """How a follower is.

    Attributes:
        name: The follower's.
        kernel: The name that its rows and states carry.
        state: STARTING, FOLLOWING, AWAY (the target cannot be reached; it is tried again), REFUSED (a person
            has to do what `error` says), STOPPED.
        pid: Its process.
        seq: Everything up to here was taken.
        time_ns: Kernel time of that input.
        target: Where it writes.
        rows: Rows written since it was started.
        batches: Batches written since it was started.
        retries: How often something was tried again.
        error: The last thing that went wrong.
        at_end: Whether it had read the whole log when this was written.
        caught_up_ns: System time at which it last had.
        bytes_behind: Bytes of the log that it had not read.
        ledger_missing: Ledger rows that are missing, since one input booked more than the core remembers.
        lost: Inputs that were gone before they could be read, since it was started.
        updated_ns: System time at which this was written.
        extra: What the target says of itself.
    """

    name: str
    kernel: str
    state: str = "STARTING"
    pid: int = field(default_factory=os.getpid)
    seq: int = 0
    time_ns: int | None = None
    target: str = ""
    rows: int = 0
    batches: int = 0
    retries: int = 0
    error: str = ""
    at_end: bool = False
    caught_up_ns: int = field(default_factory=time.time_ns)
    bytes_behind: int = 0
    ledger_missing: int = 0
    lost: int = 0
    updated_ns: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def lag(self, last_seq: int | None = None, now_ns: int | None = None) -> dict[str, Any]:
        """Return how far behind it is.

        Args:
            last_seq: The kernel's last input, where it is known.
            now_ns: System time; None means now.

        Returns:
            `lag_records` (None where nobody knows) and `lag_seconds`: how long it has not been at the end.
        """
        now_ns = time.time_ns() if now_ns is None else now_ns
        records = None if last_seq is None else max(0, last_seq - self.seq)
        behind = records != 0 if records is not None else not self.at_end
        seconds = max(0, now_ns - self.caught_up_ns) / _NS_PER_SECOND if behind else 0.0
        return {"lag_records": records, "lag_seconds": seconds}

    def as_dict(self) -> dict[str, Any]:
        """Return every field by name."""
        return asdict(self)


def status_path(log_dir: str | os.PathLike[str], name: str) -> Path:
    """Return where a follower's status is."""
    return Path(log_dir) / f"{name}.status"


def write_status(log_dir: str | os.PathLike[str], status: FollowerStatus) -> None:
    """Write a status, whole. A directory that is gone or full is left alone: the cursor is what counts."""
    status.updated_ns = time.time_ns()
    path = status_path(log_dir, status.name)
    unfinished = path.with_suffix(f".status.{os.getpid()}")
    try:
        unfinished.write_text(json.dumps(status.as_dict()), encoding="utf-8")
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)


def read_status(log_dir: str | os.PathLike[str], name: str) -> FollowerStatus | None:
    """Return a follower's status as it last wrote it; None where there is none that can be read."""
    try:
        found = json.loads(status_path(log_dir, name).read_text(encoding="utf-8"))
        known = {one.name for one in fields(FollowerStatus)}
        return FollowerStatus(**{key: value for key, value in found.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
