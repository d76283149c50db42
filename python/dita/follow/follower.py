"""One follower: from a log, by batches, to a target, with a cursor that survives it."""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self, TypeVar

from dita._kernel import LogFollower, log_bounds, read_cursor
from dita.errors import LogDisk, LogError, LogMismatch, shown
from dita.follow.lock import FollowerLock
from dita.follow.status import FollowerStatus, write_status
from dita.follow.target import Target, TargetAway, TargetRefused

if TYPE_CHECKING:
    from dita._kernel import FollowBatch

_LOG: Final = logging.getLogger("dita.follow")
_Result = TypeVar("_Result")
RECORDS_MAX: Final = 50_000
BYTES_MAX: Final = 32 << 20
_IDLE_S: Final = 0.02
#: How long to let rows gather once all was read: a database wants few and large batches.
LINGER_S: Final = 0.5
_STATUS_INTERVAL_S: Final = 0.25
#: A status that says nothing new is written so seldom: on some file systems each write waits for the disk.
_HEARTBEAT_S: Final = 2.0
_OPEN_ATTEMPTS: Final = 5
#: Back-off while a target is away: from, up to, seconds.
BACK_OFF_S: Final = (0.1, 15.0)
#: The longest wait while another follower of the same name ends.
_ALONE_S: Final = 1.0


class Stopped(Exception):  # noqa: N818 - not an error: somebody said stop
    """The follower was stopped."""


class _Ahead:
    """Reads the next batch while the target takes the one before. Two are in memory at most."""

    def __init__(self, records_max: int, bytes_max: int) -> None:
        self._bounds = (records_max, bytes_max)
        self._source: LogFollower | None = None
        self._pending: int | None = None
        self._next: Future[FollowBatch | None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dita-reader")

    def begin(self, source: LogFollower, pending: int | None) -> None:
        """Read from here on; the first batch ends with `pending`, where one may have been taken."""
        self._source, self._pending, self._next = source, pending, None

    def read_on(self) -> None:
        """Read the next batch in the meantime."""
        self._next = self._thread.submit(self._read)

    def take(self) -> "FollowBatch | None":
        """Return the next batch; None at the log's end."""
        reading, self._next = self._next, None
        return self._read() if reading is None else reading.result()

    def _read(self) -> "FollowBatch | None":
        assert self._source is not None  # noqa: S101 - `begin` comes first
        if self._pending is None:
            records_max, bytes_max = self._bounds
            return self._source.poll(records_max=records_max, bytes_max=bytes_max)
        # A batch that may have been taken comes again just as it was.
        batch = self._source.poll(records_max=1 << 62, bytes_max=1 << 62, last_seq=self._pending)
        self._pending = None if batch is not None else self._pending
        return batch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True)


class Follower:
    """Reads a log from its cursor, gives batches to a target, and keeps the cursor.

    The cursor says before each batch how far that will reach, so that a batch which may have been taken is
    given again just as it was, under the same token.

    Attributes:
        status: How it is.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        target: Target,
        *,
        kernel: str,
        durable: bool = True,
        when_enabled: bool = False,
        accept_gap: bool = False,
        records_max: int = RECORDS_MAX,
        bytes_max: int = BYTES_MAX,
        back_off_s: tuple[float, float] = BACK_OFF_S,
        linger_s: float = LINGER_S,
        stopping: Callable[[], bool] = lambda: False,
        ending: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what it needs; nothing is opened yet.

        Args:
            log_dir: The log's directory; it may come into being later.
            target: Where to write.
            kernel: The name that rows and states carry: unique where several kernels share a target.
            durable: False also takes what a power loss could take back; for a log whose policy is "off".
            when_enabled: True leaves out the rows of inputs that were taken while the control
                `debug_clickhouse_enabled` was off.
            accept_gap: True goes on from the oldest snapshot where what follows the cursor is gone.
            records_max: How many inputs a batch has at most.
            bytes_max: About how many bytes of rows.
            back_off_s: Shortest and longest wait while the target is away, seconds.
            linger_s: How long to let rows gather once all was read, seconds.
            stopping: Asked now and then whether to stop at once.
            ending: Asked at the log's end whether to stop there.
            sleep: Waits so many seconds.
        """
        self._log_dir = os.fspath(log_dir)
        self._target = target
        self._kernel = kernel
        self._durable = durable
        self._when_enabled = when_enabled
        self._accept_gap = accept_gap
        self._bounds = (records_max, bytes_max)
        self._back_off_s = back_off_s
        self._linger_s = linger_s
        self._stopping = stopping
        self._ending = ending
        self._sleep = sleep
        self._status_written = -_HEARTBEAT_S
        self._said: tuple[object, ...] = ()
        self._cursor: tuple[int, int | None] = (-1, None)
        self.status = FollowerStatus(target.name, kernel)

    def run(self, *, until_end: bool = False) -> None:
        """Follow until stopped.

        Args:
            until_end: True stops at the log's end.

        Raises:
            TargetRefused: A person has to do something; the text says what.
            LogError: The log or the cursor cannot be used; the text says why and what to do.
        """
        try:
            self._run(until_end=until_end)
        except Stopped:
            self._tell("STOPPED", now=True)
        except (TargetRefused, LogError) as error:
            self.status.error = str(error)
            self._tell("REFUSED", now=True)
            raise
        except Exception as error:
            self.status.error = f"{type(error).__name__}: {error}"
            self._tell("DEAD", now=True)
            raise
        else:
            self._tell("STOPPED", now=True)
        finally:
            self._target.close()

    def _run(self, *, until_end: bool) -> None:
        self._tell("STARTING", now=True)
        with FollowerLock(self._log_dir, self._target.name) as alone:
            if self._target.wants_rows:
                # The newest state may come from two; rows may not.
                self._wait_for_directory()
                self._patiently(alone.take, longest_s=_ALONE_S)
            self.status.target = self._patiently(self._target.open)
            self._follow(until_end=until_end)

    def _follow(self, *, until_end: bool) -> None:
        with _Ahead(*self._bounds) as ahead:
            source = self._beginning(ahead)
            while True:
                if self._target.wants_refill:
                    self._refill(source)
                ending = until_end or self._ending()
                try:
                    batch = ahead.take()
                except LogMismatch:
                    # It was too slow, and retention did not wait for ever.
                    if not self._accept_gap:
                        raise
                    source = self._beginning(ahead)
                    continue
                if batch is None:
                    self._idle(source)
                    if ending:
                        return
                    self._wait(_IDLE_S)
                    continue
                self._note(source)
                if self._target.wants_rows and not batch["at_end"]:
                    ahead.read_on()
                self._give(source, batch)
                if self._target.wants_rows and batch["at_end"] and not ending:
                    self._wait(self._linger_s)

    def _wait_for_directory(self) -> None:
        """Wait for a log that is not there yet."""
        while not os.path.isdir(self._log_dir):  # noqa: PTH112 - a text is what the rest takes
            self._tell("STARTING")
            self._wait(_IDLE_S * 5)

    def _beginning(self, ahead: "_Ahead") -> LogFollower:
        """Open the log at the cursor, and give all states where they are wanted."""
        source, pending = self._begin()
        ahead.begin(source, pending)
        self._refill(source)
        return source

    def _refill(self, source: LogFollower) -> None:
        """Give all states there are, where they are wanted."""
        if self._target.wants_states:
            self._patiently(lambda: self._target.refill(source.everything()))

    def _begin(self) -> tuple[LogFollower, int | None]:
        """Open the log at the cursor."""
        for attempt in range(1, _OPEN_ATTEMPTS + 1):
            try:
                return self._open_once()
            except LogError:
                # A snapshot that was to be the beginning may have gone meanwhile.
                if attempt == _OPEN_ATTEMPTS:
                    raise
                self._wait(_IDLE_S * attempt)
        raise AssertionError("unreachable")

    def _open_once(self) -> tuple[LogFollower, int | None]:
        first, durable_last = self._bounds_of_log()
        cursor = read_cursor(self._log_dir, self._target.name)
        if cursor is not None and cursor["target"] != self.status.target:
            raise TargetRefused(
                f"the cursor {shown(self._target.name)} in {self._log_dir} is of {shown(cursor['target'])}, "
                f"and this is {shown(self.status.target)}: give the one it belongs to, or remove "
                f"{self._target.name}.cursor to write everything again"
            )
        seq = first if cursor is None else cursor["seq"]
        pending = None if cursor is None else cursor["pending"]
        if self._target.wants_states and not self._target.wants_rows:
            seq, pending = max(seq, durable_last), None
        elif cursor is None and first > 0:
            _LOG.warning("%s begins after input %d: what came before is gone", self._target.name, first)
            self.status.lost += first
        if self._accept_gap and seq < first:
            _LOG.warning(
                "%s leaves out the inputs %d to %d, which are gone", self._target.name, seq + 1, first
            )
            self.status.lost += first - seq
            seq, pending = first, None
        source = LogFollower(
            self._log_dir,
            self._kernel,
            self._target.name,
            seq=seq,
            journal=self._target.wants_rows,
            when_enabled=self._when_enabled,
            states=self._target.wants_states,
            durable=self._durable,
        )
        self.status.seq, self.status.time_ns = source.seq, source.time_ns
        return source, pending

    def _bounds_of_log(self) -> tuple[int, int]:
        """Return where the log can be followed from and to; wait for one that is not there yet."""
        while True:
            try:
                return log_bounds(self._log_dir)
            except LogDisk as error:
                if os.path.isdir(self._log_dir) and os.listdir(self._log_dir):  # noqa: PTH112, PTH208
                    raise
                self.status.error = str(error)
                self._tell("STARTING")
                self._wait(_IDLE_S * 5)

    def _note(self, source: LogFollower) -> None:
        """Learn how the source is, while it is not read in another thread."""
        self.status.ledger_missing = source.ledger_missing
        self.status.bytes_behind = source.bytes_behind

    def _give(self, source: LogFollower, batch: "FollowBatch") -> None:
        status = self.status
        if self._target.wants_rows:
            self._keep(source, pending=batch["last_seq"])
        token = self._token(batch)
        self._patiently(lambda: self._target.write(batch, token))
        status.seq, status.time_ns = batch["last_seq"], batch["last_ns"]
        status.rows += sum(rows for _, rows, _ in batch["blocks"])
        status.batches += 1
        self._at_end(at_end=batch["at_end"])
        self._tell("FOLLOWING")

    def _token(self, batch: "FollowBatch") -> str:
        """Return a batch's name. Its content counts: another log may have the same name and inputs."""
        content = hashlib.blake2b(digest_size=8)
        for table, _, block in batch["blocks"]:
            content.update(table.encode())
            content.update(block)
        return f"{self._kernel}:{batch['first_seq']}-{batch['last_seq']}:{content.hexdigest()}"

    def _idle(self, source: LogFollower) -> None:
        """Nothing more to read: the cursor says that all was taken."""
        if self._cursor != (self.status.seq, None):
            self._keep(source, pending=None)
        self.status.bytes_behind = 0
        self._at_end(at_end=True)
        self._tell("FOLLOWING")

    def _at_end(self, *, at_end: bool) -> None:
        self.status.at_end = at_end
        if at_end:
            self.status.caught_up_ns = time.time_ns()

    def _keep(self, source: LogFollower, *, pending: int | None) -> None:
        """Write the cursor. A full disk is waited for: without a cursor nothing may be given out."""

        def write() -> None:
            try:
                source.write_cursor(
                    self.status.seq, self.status.time_ns or 0, pending=pending, target=self.status.target
                )
            except LogDisk as error:
                raise TargetAway(f"the cursor cannot be written: {error}") from error

        self._patiently(write)
        self._cursor = (self.status.seq, pending)

    def _patiently(self, work: Callable[[], _Result], *, longest_s: float | None = None) -> _Result:
        """Do something at the target, again and again while that is away."""
        import tenacity  # noqa: PLC0415 - `import dita` must stay light, and imports this module

        shortest_s, usual_s = self._back_off_s
        longest_s = usual_s if longest_s is None else max(longest_s, shortest_s)

        def again(state: tenacity.RetryCallState) -> None:
            self.status.retries += 1
            raised = state.outcome.exception() if state.outcome is not None else None
            self.status.error = str(raised)
            _LOG.warning("%s: %s; tried again (%d)", self._target.name, raised, state.attempt_number)
            self._tell("AWAY", now=True)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TargetAway),
            wait=tenacity.wait_random_exponential(multiplier=shortest_s, min=shortest_s, max=longest_s),
            sleep=self._wait,
            before_sleep=again,
            reraise=True,
        )
        return retrying(work)

    def _wait(self, seconds: float) -> None:
        """Wait, and say now and then how it is; leave where it is time to stop."""
        left = seconds
        while left > 0:
            if self._stopping():
                raise Stopped
            part = min(left, _STATUS_INTERVAL_S)
            self._sleep(part)
            left -= part
            self._tell(self.status.state)
        if self._stopping():
            raise Stopped

    def _tell(self, state: str, *, now: bool = False) -> None:
        self.status.state = state
        clock = time.monotonic()
        said = (state, self.status.seq, self.status.at_end, self.status.retries)
        interval_s = _HEARTBEAT_S if said == self._said else _STATUS_INTERVAL_S
        if not now and clock < self._status_written + interval_s:
            return
        self._status_written, self._said = clock, said
        write_status(self._log_dir, self.status)
        self._target.health(self.status.as_dict())
