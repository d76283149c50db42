"""A live venue for the tests of time: it answers on command, and keeps when it was asked what."""

import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    KernelEventKind,
    NotYetSupported,
    VenueEvent,
    VenueOrder,
)
from kernels import CONFIG, SYMBOL, event

TIMER = "dita-timer"


def threads() -> list[str]:
    """The names of this process's threads, as the system knows them."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        # One may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            names.append((task / "comm").read_text().strip())
    return names


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        # Not time.sleep, which libfaketime does not get right.
        select.select([], [], [], 0.005)


class LiveVenue(BaseExecutionAdapter):
    """Takes orders; its answers are what the test says.

    Attributes:
        live: It runs on real time.
        answer: Called with each order; None answers nothing, an exception is a lost answer.
        told: Called with the client id of a query.
        missed: Fills that `get_fills` gives; an exception is raised.
        asked: What was asked, and when, ns of the monotonic clock.
    """

    live = True
    real_money = False

    def __init__(self, answer: Callable[[VenueOrder], Any] | None = None) -> None:
        super().__init__()
        self.answer = answer or (lambda order: [event(KernelEventKind.ORDER_ACK, order)])
        self.reported: Callable[[str], Any] = lambda _name: []
        self.missed: Any = []
        self.asked: list[tuple[str, int]] = []

    def _note(self, what: str) -> None:
        self.asked.append((what, time.monotonic_ns()))

    def times(self, what: str) -> list[int]:
        """When it was asked that, ns of the monotonic clock."""
        return [at for name, at in self.asked if name == what]

    def submit(self, order: VenueOrder) -> Any:
        self._note("submit")
        return self.answer(order) or []

    def cancel(self, order: VenueOrder, reason: str) -> Any:
        self._note("cancel")
        return []

    def query_order(self, venue_client_id: str) -> Any:
        self._note(f"query {venue_client_id}")
        return self.reported(venue_client_id)

    def get_fills(self, since: int) -> list[VenueEvent]:
        self._note("get_fills")
        if isinstance(self.missed, BaseException):
            raise self.missed
        if callable(self.missed):
            return self.missed(since)  # type: ignore[no-any-return]
        return [fill for fill in self.missed if fill.timestamp_ns >= since]

    def get_income(self, since: int) -> list[dict[str, Any]]:
        raise NotYetSupported(str(since))


def live(venue: Any, **options: Any) -> ExecutionKernel:
    """A kernel on real time, with one instrument and 10,000 USDT."""
    kernel = ExecutionKernel(venue=venue, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def clock(kernel: ExecutionKernel) -> dict[str, Any]:
    """How its clock stands."""
    standing: dict[str, Any] = kernel.health()["clock"]
    return standing
