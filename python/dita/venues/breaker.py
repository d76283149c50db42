"""A circuit breaker for a venue: while it answers badly, no new entries are sent there.

It judges by the results of sent orders: errors (no answer, an exception, a rate limit), how long
answers took, and refusals one after the other. Only entries wait. An exit, a cancel, an amend and a
protective stop always leave.
"""

import enum
import logging
import statistics
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dita._kernel import KernelOutcome, VenueEvent, VenueOrder
from dita.errors import KernelClosed, NotSent, refuse
from dita.venues.base import KernelSink, VenueAdapter

_LOG: Final = logging.getLogger("dita.venue")
_WAITING_MAX: Final = 4_096
_SECOND_NS: Final = 1_000_000_000
#: What says that an order was taken.
_TAKEN: Final = frozenset({"ORDER_ACK", "PARTIAL_FILL", "FULL_FILL", "CANCEL_ACK", "EXPIRED", "TRIGGERED"})
#: What says that nobody knows, or that the venue has too much to do.
_ERRORS: Final = frozenset({"SEND_TIMEOUT", "RATE_LIMITED"})


class BreakerState(enum.StrEnum):
    """Whether entries leave."""

    CLOSED = "CLOSED"
    """They do."""
    OPEN = "OPEN"
    """They do not."""
    HALF_OPEN = "HALF_OPEN"
    """One does, and what comes of it decides."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens, and for how long.

    Attributes:
        window: So many of the last orders are judged.
        orders_min: Error rate and latency are judged from so many orders on.
        error_rate_max: At this part of errors it opens, above 0 to 1.
        latency_ms_max: Above this median it opens, milliseconds.
        rejects_max: At so many refusals one after the other it opens.
        silence_s: An order without any answer for so long is an error, seconds.
        open_s: For so long no entry leaves, seconds; twice as long after each probe that fails.
        open_s_max: At most so long.
    """

    window: int = 20
    orders_min: int = 10
    error_rate_max: float = 0.5
    latency_ms_max: float = 2_000.0
    rejects_max: int = 5
    silence_s: float = 5.0
    open_s: float = 30.0
    open_s_max: float = 300.0

    def __post_init__(self) -> None:
        """Check.

        Raises:
            InvalidInput: A value cannot be one.
        """
        for name in ("window", "orders_min", "rejects_max"):
            if not 1 <= getattr(self, name) <= 10_000:
                raise refuse(name, getattr(self, name), "must be 1 to 10000")
        if self.orders_min > self.window:
            raise refuse("orders_min", self.orders_min, f"is above window, {self.window}")
        if not 0 < self.error_rate_max <= 1:
            raise refuse("error_rate_max", self.error_rate_max, "must be above 0, and at most 1")
        for name in ("latency_ms_max", "silence_s", "open_s", "open_s_max"):
            if not 0 < getattr(self, name) < 1e9:
                raise refuse(name, getattr(self, name), "must be above 0")


class CircuitBreaker:
    """One venue's breaker, for all of its accounts. From any thread.

    Attributes:
        venue: The venue's name.
        settings: When it opens.
    """

    def __init__(
        self,
        venue: str,
        settings: BreakerSettings | None = None,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Begin closed.

        Args:
            venue: Its name, for logs and health.
            settings: When it opens; None means the defaults.
            clock_ns: A clock that never runs backwards, nanoseconds.
        """
        self.venue = venue
        self.settings = settings or BreakerSettings()
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._reason = ""
        self._until_ns = 0
        self._open_s = self.settings.open_s
        self._probe = ""
        self._waiting: OrderedDict[str, int] = OrderedDict()
        self._errors: deque[bool] = deque(maxlen=self.settings.window)
        self._latencies_ms: deque[float] = deque(maxlen=self.settings.window)
        self._rejects = self._opened = self._held_back = 0

    @property
    def state(self) -> BreakerState:
        """Whether entries leave, as of now."""
        with self._lock:
            self._look(self._clock_ns())
            return self._state

    def as_dict(self) -> dict[str, Any]:
        """Return the state as plain values, as `health()["breaker"]` has it."""
        with self._lock:
            now_ns = self._clock_ns()
            self._look(now_ns)
            wait_ns = max(0, self._until_ns - now_ns) if self._state is BreakerState.OPEN else 0
            errors, latencies = self._errors, self._latencies_ms
            return {
                "venue": self.venue,
                "state": str(self._state),
                "reason": self._reason,
                "retry_in_s": round(wait_ns / _SECOND_NS, 1),
                "opened": self._opened,
                "held_back": self._held_back,
                "error_rate": round(sum(errors) / len(errors), 3) if errors else 0.0,
                "latency_ms": round(statistics.median(latencies), 1) if latencies else 0.0,
                "rejects": self._rejects,
            }

    # -------------------------------------------------------------------------------------------- an order

    def let_through(self, client_id: str, *, is_entry: bool) -> None:
        """Let an order leave, or hold it back.

        Args:
            client_id: Its id.
            is_entry: Whether it opens or increases a position. All else leaves.

        Raises:
            NotSent: It is an entry, and entries wait.
        """
        with self._lock:
            now_ns = self._clock_ns()
            self._look(now_ns)
            if is_entry and self._state is not BreakerState.CLOSED:
                if self._state is BreakerState.OPEN or self._probe:
                    self._held_back += 1
                    raise NotSent(
                        f"circuit breaker of {self.venue} is {self._state}: {self._reason}; entries wait"
                    )
                self._probe = client_id
            self._waiting[client_id] = now_ns
            while len(self._waiting) > _WAITING_MAX:
                self._waiting.popitem(last=False)

    def not_sent(self, client_id: str) -> None:
        """An order did not leave after all: nothing is learnt of the venue."""
        with self._lock:
            self._waiting.pop(client_id, None)
            if client_id == self._probe:
                self._probe = ""

    def failed(self, client_id: str, why: str) -> None:
        """Sending an order raised.

        Args:
            client_id: Its id.
            why: What happened.
        """
        with self._lock:
            if self._waiting.pop(client_id, None) is not None:
                self._take_error(client_id, why)

    def observe(self, event: VenueEvent) -> None:
        """Take what the venue says of an order; only the first word on each counts."""
        client_id = event.venue_client_id
        # Read without the lock: most events are of orders that were answered long before.
        if client_id not in self._waiting:
            return
        kind = str(event.kind)
        with self._lock:
            sent_ns = self._waiting.get(client_id)
            if sent_ns is None:
                return
            if kind in _ERRORS:
                del self._waiting[client_id]
                self._take_error(client_id, f"{kind}: {event.reason}" if event.reason else kind)
            elif kind == "ORDER_REJECT":
                del self._waiting[client_id]
                self._take_reject(client_id, event.reason_code or event.reason or "rejected")
            elif kind in _TAKEN:
                del self._waiting[client_id]
                self._take_success(client_id, (self._clock_ns() - sent_ns) / 1e6)

    # ---------------------------------------------------------------------------------- with the lock held

    def _look(self, now_ns: int) -> None:
        """Let time count: orders that nobody answers, and the end of a pause."""
        silent_ns = int(self.settings.silence_s * _SECOND_NS)
        while self._waiting:
            client_id, sent_ns = next(iter(self._waiting.items()))
            if now_ns - sent_ns < silent_ns:
                break
            del self._waiting[client_id]
            self._take_error(client_id, f"no answer within {self.settings.silence_s:g} s")
        if self._state is BreakerState.OPEN and now_ns >= self._until_ns:
            self._probe = ""
            self._turn(BreakerState.HALF_OPEN, self._reason)

    def _take_success(self, client_id: str, latency_ms: float) -> None:
        self._rejects = 0
        self._errors.append(False)
        self._latencies_ms.append(latency_ms)
        is_slow = latency_ms > self.settings.latency_ms_max
        if client_id == self._probe and self._state is BreakerState.HALF_OPEN:
            if is_slow:
                self._open(f"the probe took {latency_ms:.0f} ms")
            else:
                self._close()
        elif self._state is BreakerState.CLOSED and len(self._latencies_ms) >= self.settings.orders_min:
            median_ms = statistics.median(self._latencies_ms)
            if median_ms > self.settings.latency_ms_max:
                self._open(f"latency {median_ms:.0f} ms, above {self.settings.latency_ms_max:g}")

    def _take_reject(self, client_id: str, why: str) -> None:
        self._rejects += 1
        self._errors.append(False)
        if client_id == self._probe and self._state is BreakerState.HALF_OPEN:
            self._open(f"the probe was refused: {why}")
        elif self._state is BreakerState.CLOSED and self._rejects >= self.settings.rejects_max:
            self._open(f"{self._rejects} refusals one after the other, the last {why}")

    def _take_error(self, client_id: str, why: str) -> None:
        self._errors.append(True)
        if client_id == self._probe and self._state is BreakerState.HALF_OPEN:
            self._open(f"the probe failed: {why}")
        elif self._state is BreakerState.CLOSED and len(self._errors) >= self.settings.orders_min:
            rate = sum(self._errors) / len(self._errors)
            if rate >= self.settings.error_rate_max:
                self._open(f"{rate:.0%} errors in the last {len(self._errors)} orders, the last {why}")

    def _open(self, reason: str) -> None:
        if self._state is BreakerState.HALF_OPEN:
            self._open_s = min(self._open_s * 2, self.settings.open_s_max)
        self._until_ns = self._clock_ns() + int(self._open_s * _SECOND_NS)
        self._opened += 1
        self._probe = ""
        self._turn(BreakerState.OPEN, reason[:200])

    def _close(self) -> None:
        self._probe = ""
        self._open_s = self.settings.open_s
        # What was before the pause says nothing of the venue as it is now.
        self._errors.clear()
        self._latencies_ms.clear()
        self._turn(BreakerState.CLOSED, "")

    def _turn(self, state: BreakerState, reason: str) -> None:
        before, self._state, self._reason = self._state, state, reason
        level = logging.INFO if state is BreakerState.CLOSED else logging.WARNING
        _LOG.log(level, "circuit breaker of %s: %s -> %s %s", self.venue, before, state, reason)


def is_entry(order: VenueOrder) -> bool:
    """Whether an order opens or increases a position: it trades in the direction of its trade's side.

    Args:
        order: As the kernel has it.
    """
    opens = "BUY" if str(order.side) == "LONG" else "SELL"
    return str(order.order_side) == opens and not order.reduce_only


class GuardedAdapter:
    """An adapter behind a breaker, as the kernel's loop calls it. All but `submit` goes straight through."""

    def __init__(self, venue: VenueAdapter, breaker: CircuitBreaker) -> None:
        """Guard an adapter.

        Args:
            venue: The venue.
            breaker: Its venue's.
        """
        self._venue = venue
        self._breaker = breaker

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        """Return what the adapter has; what it does not have is missing here, too."""
        return getattr(self._venue, name)

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order, unless it is an entry and entries wait.

        Raises:
            NotSent: It is.
        """
        breaker, client_id = self._breaker, order.venue_client_id
        breaker.let_through(client_id, is_entry=is_entry(order))
        try:
            events = self._venue.submit(order)
        except NotSent:
            breaker.not_sent(client_id)
            raise
        except Exception as error:
            breaker.failed(client_id, type(error).__name__)
            raise
        if isinstance(events, (list, tuple)):
            for event in events:
                if isinstance(event, VenueEvent):
                    breaker.observe(event)
        return events

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Cancel an order: always let through."""
        return self._venue.cancel(order, reason)


class BreakerSink:
    """The sink of an adapter behind a breaker: the breaker observes each event before the kernel takes it."""

    def __init__(self, kernel: KernelSink, breaker: CircuitBreaker) -> None:
        """Stand between an adapter and a kernel.

        Args:
            kernel: The kernel; it owns its adapter, so no reference here keeps it alive.
            breaker: The venue's.
        """
        self._kernel = weakref.ref(kernel)
        self._breaker = breaker

    def on_venue_event(self, event: VenueEvent) -> KernelOutcome:
        """Take an order event."""
        self._breaker.observe(event)
        return self._sink().on_venue_event(event)

    def on_account_event(self, event: dict[str, Any]) -> Mapping[str, Any]:
        """Take an account event."""
        return self._sink().on_account_event(event)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the kernel has
        """Return what the kernel has."""
        return getattr(self._sink(), name)

    def _sink(self) -> KernelSink:
        kernel = self._kernel()
        if kernel is None:
            raise KernelClosed("the kernel is gone")
        return kernel
