"""Who follows a kernel: its journal, its projection and its Zinc plane."""

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from dita._kernel import Engine, KernelTransition, TradeSlot, VenueEvent
from dita.journal.memory import KernelJournal
from dita.projection.memory import KernelProjection
from dita.zinc.memory import ZincPlane

_LOG: Final = logging.getLogger("dita.planes")


class Followers:
    """Journal, projection and Zinc plane: told after each drain, never while the kernel is locked.

    It knows the engine weakly: the engine calls it, so a strong reference would keep both alive for ever.
    """

    __slots__ = ("_account", "_control", "errors", "journal", "projection", "zinc")

    def __init__(
        self, journal: KernelJournal | None, projection: KernelProjection | None, zinc: ZincPlane | None
    ) -> None:
        """Take who follows; None where nobody does."""
        self.journal = journal
        self.projection = projection
        self.zinc = zinc
        self.errors = 0
        self._account: Callable[[], Mapping[str, Any]] = dict
        self._control: Callable[[], Mapping[str, Any]] = dict

    def __bool__(self) -> bool:
        """Whether anybody follows."""
        return not (self.journal is None and self.projection is None and self.zinc is None)

    def read_from(self, engine: Engine) -> None:
        """Learn where the account and the controls are read."""
        reference = weakref.ref(engine)

        def account() -> Mapping[str, Any]:
            engine = reference()
            return {} if engine is None else engine.account() or {}

        def control() -> Mapping[str, Any]:
            engine = reference()
            return {} if engine is None else engine.control()

        self._account, self._control = account, control

    def observe(
        self,
        transitions: Sequence[KernelTransition],
        slots: Sequence[TradeSlot],
        events: Sequence[VenueEvent | None],
    ) -> None:
        """Take a drain's transitions, each slot concerned as it is now, and the event behind each change.

        Ctrl-C in the midst is raised once everybody has been told: nobody is told of this drain again.
        """
        due: deque[Callable[[], object]] | None = None
        interrupt: BaseException | None = None
        while due is None or due:
            try:
                if due is None:
                    due = deque(self._due(transitions, slots, events))
                while due:
                    due.popleft()()
            except (KeyboardInterrupt, SystemExit) as pressed:
                interrupt = interrupt or pressed
        if interrupt is not None:
            raise interrupt

    def _due(
        self,
        transitions: Sequence[KernelTransition],
        slots: Sequence[TradeSlot],
        events: Sequence[VenueEvent | None],
    ) -> Iterator[Callable[[], object]]:
        """What has to be told, call by call."""
        by_id = {slot.slot_id: slot for slot in slots}
        if self.journal is not None and transitions:
            control = self._control()
            for transition, event in zip(transitions, events, strict=True):
                slot = by_id[transition.slot_id]
                yield partial(self.call, self.journal.record_transition, transition, slot, event, control)
        for plane in (self.projection, self.zinc):
            if plane is not None:
                for slot in slots:
                    yield partial(self.call, plane.write_slot, slot)
                yield partial(self.call, plane.write_account, self._account())

    def write_control(self, control: Mapping[str, Any]) -> None:
        """Tell the planes of new controls."""
        if self.projection is not None:
            self.call(self.projection.write_control, control)
        if self.zinc is not None:
            self.call(self.zinc.update_control, control)

    def call(self, method: Callable[..., object], *arguments: object) -> None:
        """Call a plane. One that fails is logged and counted; trading goes on."""
        try:
            method(*arguments)
        except Exception:  # noqa: BLE001 - the one boundary to followers: whatever breaks there must not stop a trade
            self.errors += 1
            _LOG.exception("%s failed", getattr(method, "__qualname__", method))

    def close(self) -> None:
        """Flush and close the journal."""
        if self.journal is not None:
            self.call(self.journal.flush)
            self.call(self.journal.close)
