"""Structured logs: what a kernel does and what goes wrong around it, as JSON lines or for a console.

Every line of a kernel carries its name and the number of the input (`seq`) that it is about, so that a line,
the log, the journal and the projection can be held side by side. How much is said is an operator's to set,
while the kernel runs: the controls' `verbosity`.
"""

import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, TextIO, cast

from dita._kernel import KernelTransition, KernelVerbosity, TradeSlot, TradeStage, VenueEvent
from dita.errors import NotSent, shown

LOGGER: Final = "dita"
#: What happens on a host's accounts: fills, orders that end, controls, strategies.
EVENTS: Final = "dita.events"
#: A condition that repeats is written once in so long; the time doubles while it lasts.
_REPEAT_S: Final = 60.0
_REPEAT_MAX_S: Final = 3_600.0
_CONDITIONS_MAX: Final = 1_000
#: So many lines wait for whoever reads a program's log; of more the newest are lost, and counted.
LINES_WAITING_MAX: Final = 10_000
_END_S: Final = 2.0
_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"seq", "message", "asctime"}
Format = Literal["json", "console"]

_RANK: Final = {name: rank for rank, name in enumerate(KernelVerbosity)}
_SHOWN_OF_EVENT: Final = (
    "kind",
    "venue_client_id",
    "venue_order_id",
    "venue_trade_id",
    "price",
    "size",
    "reason",
)


def set_up_logs(format: Format = "console", stream: TextIO | None = None) -> logging.Handler:  # noqa: A002 - its name
    """Write all that DITA logs as structured lines.

    Args:
        format: "json", one object on each line, or "console", for people.
        stream: Where to; None means stderr.

    Returns:
        The handler, on the standard library's logger `dita`. A second call takes the place of the first.

    Raises:
        ValueError: There is no such format.
    """
    import structlog  # noqa: PLC0415 - `import dita` stays light

    where = sys.stderr if stream is None else stream
    if format == "json":
        render: Any = structlog.processors.JSONRenderer(default=_plain, sort_keys=False)
    elif format == "console":
        render = structlog.dev.ConsoleRenderer(colors=where.isatty(), timestamp_key="at")
    else:
        raise ValueError(f"format: {shown(format)} is neither 'json' nor 'console'")
    handler = logging.StreamHandler(where)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                _stamp,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    handler.set_name(LOGGER)
    handler.addFilter(_Once())
    logger = logging.getLogger(LOGGER)
    for known in [one for one in logger.handlers if one.get_name() == LOGGER]:
        logger.removeHandler(known)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return handler


@contextmanager
def program_logs(stream: TextIO | None = None) -> Iterator[None]:
    """Write what DITA logs while a program runs, and leave the loggers as they were.

    Args:
        stream: Where to; None means stderr.
    """
    logger = logging.getLogger(LOGGER)
    before = logger.propagate, logger.level
    # Whoever reads them slowly, or not at all, holds up nobody who trades.
    lines = _Lines(sys.stderr if stream is None else stream)
    handler = set_up_logs(stream=cast("TextIO", lines))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        lines.close()
        logger.propagate, logger.level = before[0], before[1]


class _Lines:
    """A stream whose writer never waits: a thread writes, and what does not fit is lost and counted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(LINES_WAITING_MAX)
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="dita-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Take a line."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._lost += 1

    def flush(self) -> None:
        """Do nothing: the thread flushes."""

    def isatty(self) -> bool:
        """Whether people read it."""
        return self._stream.isatty()

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            lost, self._lost = self._lost, 0
            if lost:
                text = f"{text}{lost} lines were lost: they were read too slowly\n"
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()

    def close(self) -> None:
        """Write what waits, for two seconds at most."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_END_S)
            self._thread.join(_END_S)


class _Once(logging.Filter):
    """Lets a WARNING or ERROR pass once, and again only after a time that doubles while it repeats.

    Lines that happen, INFO and below, and CRITICAL ones all pass. `NotSent` has no traceback: it is what an
    adapter says, and no fault of its code.
    """

    def __init__(self) -> None:
        super().__init__()
        #: By line: when it was written last, for how long it is held back since, how often it was.
        self._written: dict[tuple[object, ...], tuple[float, float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; one that stands for others says for how many."""
        if record.exc_info and isinstance(record.exc_info[1], NotSent):
            record.exc_info = None
        if not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        text = record.getMessage()
        own = {name: str(value) for name, value in vars(record).items() if name not in _OWN_FIELDS}
        key = (record.name, record.levelno, text, *sorted(own.items()))
        now_s = time.monotonic()
        last_s, wait_s, held = self._written.get(key, (now_s, 0.0, 0))
        if now_s - last_s < wait_s:
            self._written[key] = (last_s, wait_s, held + 1)
            return False
        if held:
            record.msg, record.args = f"{text} (and {held} times more since it was written last)", ()
        if len(self._written) >= _CONDITIONS_MAX:
            self._written.clear()
        # What has been quiet for as long again is a new condition.
        lasts = held and now_s - last_s < 2 * wait_s
        self._written[key] = (now_s, min(2 * wait_s, _REPEAT_MAX_S) if lasts else _REPEAT_S, 0)
        return True


def _stamp(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Add when it happened, UTC: a line may be written a little later."""
    del logger, method
    record = event.get("_record")
    seconds = time.time() if record is None else record.created
    event["at"] = (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )
    return event


class KernelLogs:
    """Logs what one kernel does; given to it as `logs`.

    By verbosity: QUIET only what is wrong; NORMAL also changed controls and ended trades; VERBOSE every
    change of a slot's stage; TRACE also the venue's event behind it and the slot after it.
    """

    def __init__(self, kernel: str = "main") -> None:
        """Name the kernel.

        Args:
            kernel: As it is named elsewhere, in the projection and in the journal.
        """
        import structlog  # noqa: PLC0415 - `import dita` stays light

        self.kernel = kernel
        self._verbosity = KernelVerbosity.NORMAL
        # Through the standard library, so that every handler there gets it, each field by its name.
        self._logger: Any = structlog.wrap_logger(
            logging.getLogger(f"{LOGGER}.kernel"),
            processors=[structlog.stdlib.render_to_log_kwargs],
            wrapper_class=structlog.stdlib.BoundLogger,
        ).bind(kernel=kernel)

    def transition(self, change: KernelTransition, slot: TradeSlot, event: VenueEvent | None) -> None:
        """Take a change of a slot's stage.

        Args:
            change: The change.
            slot: The slot after the drain.
            event: What the venue said before it.
        """
        if change.next_state == TradeStage.CLOSED and self._says(KernelVerbosity.NORMAL):
            self._logger.info(
                "trade closed",
                seq=change.seq,
                slot=change.slot_id,
                trade=change.trade_id,
                asset=slot.asset,
                reason=slot.close_reason,
                realized_pnl=format(slot.realized_pnl, "f"),
                fees_paid=format(slot.fees_paid, "f"),
            )
        if slot.unprotected:
            self._logger.critical(
                "position unprotected", seq=change.seq, slot=change.slot_id, trade=change.trade_id
            )
        if not self._says(KernelVerbosity.VERBOSE):
            return
        self._logger.info(
            "stage",
            seq=change.seq,
            slot=change.slot_id,
            trade=change.trade_id,
            before=change.prev_state.value,
            now=change.next_state.value,
            trigger=change.trigger,
            **_given(intent=change.intent_id, event_id=change.event_id),
        )
        if self._says(KernelVerbosity.TRACE):
            fields = {} if event is None else {name: getattr(event, name) for name in _SHOWN_OF_EVENT}
            self._logger.debug("slot", seq=change.seq, **_given(venue=_given(**fields)), state=slot.to_json())

    def control(self, control: Mapping[str, Any], seq: int) -> None:
        """Take the controls, where they have changed.

        Args:
            control: By name, as the kernel applies them.
            seq: The input that changed them.
        """
        self._verbosity = KernelVerbosity(control["verbosity"])
        if self._says(KernelVerbosity.NORMAL):
            limits = {name: value for name, value in control["limits"].items() if value is not None}
            self._logger.info(
                "controls",
                seq=seq,
                version=control["version"],
                by=control["updated_by"],
                gate=str(control["gate"]),
                kill_switch=control["kill_switch"],
                frozen=control["frozen"],
                mode=str(control["mode"]),
                verbosity=str(control["verbosity"]),
                limits={name: _plain(value) for name, value in limits.items()},
            )

    def failed(self, what: str, seq: int, error: BaseException) -> None:
        """Take that something beside the kernel failed; at every verbosity.

        Args:
            what: What was asked for.
            seq: The kernel's last input.
            error: Why it failed.
        """
        self._logger.error("plane failed", seq=seq, what=what, error=f"{type(error).__name__}: {error}")

    def _says(self, verbosity: KernelVerbosity) -> bool:
        return _RANK[self._verbosity] >= _RANK[verbosity]


def _given(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    return str(value)
