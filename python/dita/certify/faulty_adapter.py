"""An adapter that goes wrong between a kernel and a real adapter: it hangs, raises, answers rubbish."""

import enum
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Self, TypeAlias

from dita._kernel import KernelOutcome, VenueEvent, VenueOrder
from dita.errors import NotSent
from dita.kernel import ExecutionKernel

_HANG_SECS_MAX: Final = 30
Answer: TypeAlias = Sequence[VenueEvent] | None
Ask: TypeAlias = Callable[[], Answer]


class AdapterFault(enum.StrEnum):
    """What an adapter in Python does wrong. All but RAISES_BEFORE and NOT_SENT reach the venue first.

    Attributes:
        what: What it does, in a sentence.
    """

    what: str

    def __new__(cls, name: str, what: str) -> Self:
        """A member by its name, with what it does."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.what = what
        return member

    HANGS = "HANGS", "It waits for an answer that comes to another thread, and gives up: TimeoutError."
    RAISES_BEFORE = "RAISES_BEFORE", "It raises before the request leaves, and does not say so."
    NOT_SENT = "NOT_SENT", "It says that the request never left, and it did not."
    RAISES_AFTER = "RAISES_AFTER", "The request leaves, and the answer is lost with an exception."
    INTERRUPTED = "INTERRUPTED", "The request leaves, and somebody presses Ctrl-C."
    RUBBISH = "RUBBISH", "It answers with something else than a list of events."
    RUBBISH_AMONG = "RUBBISH_AMONG", "Something else stands between its events."
    OTHERS = "OTHERS", "It tells of other slots, other orders and unknown instruments as well."
    REPEATS = "REPEATS", "It tells everything twice."
    REVERSES = "REVERSES", "It tells the last thing first."
    LATER = "LATER", "It answers nothing, and a thread of its own brings the events."
    CALLS_BACK = "CALLS_BACK", "It calls the kernel from inside the request."
    QUERY_FAILS = "QUERY_FAILS", "It cannot tell what became of an order: it raises, or answers rubbish."


#: What no adapter should answer with, and some do.
_RUBBISH: Final[tuple[Any, ...]] = (
    None,
    "FILLED",
    b"{}",
    {"status": "FILLED"},
    5,
    float("nan"),
    object(),
    [None],
    [{"kind": "FULL_FILL"}],
    (1, 2),
    NotImplemented,
    ValueError("no list"),
)
_CHANCE: Final = 0.4


class FaultyAdapter:
    """Stands between a kernel and an adapter. Whatever it does not know is the adapter's own.

    Attributes:
        fired: How often each fault happened.
    """

    def __init__(self, adapter: Any, seed: int, faults: Sequence[AdapterFault]) -> None:  # noqa: ANN401 - anybody's
        """Mistreat an adapter until `heal`.

        Args:
            adapter: Whose requests go wrong.
            seed: The same seed and the same calls go wrong in the same way.
            faults: What may go wrong.
        """
        self.fired: Counter[AdapterFault] = Counter()
        self._adapter = adapter
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._faults = list(faults)
        self._withheld: list[VenueEvent] = []
        self._threads: list[threading.Thread] = []
        self._kernel: ExecutionKernel | None = None
        self._seen: list[str] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        """Return the adapter's own."""
        return getattr(self._adapter, name)

    def attach(self, kernel: ExecutionKernel) -> None:
        """Meet the kernel, as the adapter does."""
        self._kernel = kernel
        attach = getattr(self._adapter, "attach", None)
        if attach is not None:
            attach(kernel)

    def submit(self, order: VenueOrder) -> Answer:
        """Send an order."""
        self._seen.append(order.venue_client_id)
        return self._asked(order, lambda: self._adapter.submit(order))

    def cancel(self, order: VenueOrder, reason: str) -> Answer:
        """Cancel an order."""
        return self._asked(order, lambda: self._adapter.cancel(order, reason))

    def amend(self, order: VenueOrder, **changes: Any) -> Answer:  # noqa: ANN401 - as the contract has them
        """Change an order."""
        return self._asked(order, lambda: self._adapter.amend(order, **changes))

    def query_order(self, venue_client_id: str) -> Answer:
        """Ask after an order."""
        if AdapterFault.QUERY_FAILS in self._faults and self._chance.random() < _CHANCE:
            self.fired[AdapterFault.QUERY_FAILS] += 1
            if self._chance.random() < 0.5:
                raise ConnectionError("the venue does not answer questions")
            rubbish: Answer = self._rubbish()
            return rubbish
        answer: Answer = self._adapter.query_order(venue_client_id)
        return answer

    def settle(self) -> None:
        """Return once what threads of its own bring has arrived."""
        for thread in self._threads:
            thread.join(_HANG_SECS_MAX)
        self._threads.clear()

    def heal(self) -> None:
        """Go wrong no more, and tell what was withheld."""
        self._faults.clear()
        self.settle()
        withheld, self._withheld = self._withheld, []
        for event in withheld:
            self._tell(event)

    # ---------------------------------------------------------------------------------------------- inside

    def _asked(self, order: VenueOrder, ask: Ask) -> Answer:
        faults = [fault for fault in self._faults if fault != AdapterFault.QUERY_FAILS]
        if not faults or self._chance.random() >= _CHANCE:
            return ask()
        fault = self._chance.choice(faults)
        self.fired[fault] += 1
        if fault == AdapterFault.RAISES_BEFORE:
            raise OSError("no route to the venue")
        if fault == AdapterFault.NOT_SENT:
            raise NotSent("the socket was closed")
        if fault == AdapterFault.CALLS_BACK:
            self._call_back(order)
            return ask()
        return self._injected(fault, list(ask() or ()))

    def _injected(self, fault: AdapterFault, events: list[VenueEvent]) -> Answer:
        """What comes back of what the venue has answered."""
        if fault in {AdapterFault.REPEATS, AdapterFault.REVERSES, AdapterFault.OTHERS}:
            return {
                AdapterFault.REPEATS: [*events, *events],
                AdapterFault.REVERSES: events[::-1],
                AdapterFault.OTHERS: [*self._of_others(), *events, *self._of_others()],
            }[fault]
        if fault == AdapterFault.RUBBISH_AMONG:
            # What stands before it is read; the rest comes with the stream.
            self._withheld += events
            half: list[Any] = [*events[:1], self._rubbish(), *events[1:]]
            return half
        if fault == AdapterFault.LATER:
            self._bring(events)
            return []
        self._withheld += events
        if fault == AdapterFault.RUBBISH:
            rubbish: Answer = self._rubbish()
            return rubbish
        if fault == AdapterFault.HANGS:
            # It waits for a thread that the answer comes to. That one must never have to wait for the kernel.
            self._bring(events)
            self.settle()
            raise TimeoutError("no answer")
        if fault == AdapterFault.INTERRUPTED:
            raise KeyboardInterrupt
        raise ConnectionResetError("the answer was lost")

    def _rubbish(self) -> Any:  # noqa: ANN401 - that is the point
        return self._chance.choice(_RUBBISH)

    def _of_others(self) -> list[VenueEvent]:
        """News that must change nothing: stale, of nobody, of what is not traded."""
        other = self._chance.choice(self._seen)
        ns = 0 if self._kernel is None else self._kernel.now_ns
        return [
            VenueEvent(
                ns, kind="ORDER_STATUS", status="NEW", venue_client_id=other, filled_size=0, slot_id=99
            ),
            VenueEvent(ns, kind="ORDER_ACK", venue_client_id="nobody", venue_order_id="of-nobody"),
            VenueEvent(ns, kind="CANCEL_ACK", venue_client_id="nobody", venue_order_id="of-nobody"),
            VenueEvent(ns, kind="ORDER_ACK", venue_order_id="elsewhere", asset="NOTHINGUSDT"),
        ]

    def _bring(self, events: Sequence[VenueEvent]) -> None:
        def bring() -> None:
            for event in events:
                self._tell(event)

        thread = threading.Thread(target=bring, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _tell(self, event: VenueEvent) -> KernelOutcome | None:
        return None if self._kernel is None else self._kernel.on_venue_event(event)

    def _call_back(self, order: VenueOrder) -> None:
        kernel = self._kernel
        if kernel is None:
            return
        kernel.snapshot()
        kernel.check_invariants()
        if order.limit_price is not None:
            kernel.mark_price(order.asset, order.limit_price)
        kernel.advance_time(kernel.now_ns)
        kernel.sync()
