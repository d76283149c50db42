"""Who follows a kernel: its journal, its projection and its Zinc plane."""

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from dita._kernel import Engine, KernelTransition, TradeSlot, VenueEvent
from dita.cluster.errors import ClusterError
from dita.errors import KernelClosed
from dita.journal.memory import KernelJournal
from dita.logs import KernelLogs
from dita.projection.memory import KernelMoment, KernelProjection
from dita.zinc.memory import ZincPlane

_LOG: Final = logging.getLogger("dita.planes")


class Followers:
    """Journal, projection and Zinc plane: updated after each drain, never while the kernel is locked.

    It knows the engine weakly: the engine calls it, so a strong reference would keep both alive for ever.
    """

    __slots__ = (
        "_account",
        "_control",
        "_control_logged",
        "_engine",
        "_live_orders",
        "errors",
        "journal",
        "logs",
        "projection",
        "zinc",
    )

    def __init__(
        self,
        journal: KernelJournal | None,
        projection: KernelProjection | None,
        zinc: ZincPlane | None,
        logs: KernelLogs | None = None,
    ) -> None:
        """Take who follows; None where nobody does."""
        self.journal = journal
        self.projection = projection
        self.zinc = zinc
        self.logs = logs
        self._control_logged: Mapping[str, Any] = {}
        self.errors = 0
        self._account: Callable[[], Mapping[str, Any]] = dict
        self._control: Callable[[], Mapping[str, Any]] = dict
        self._engine: Callable[[], Engine | None] = lambda: None
        # The orders that a projection has seen live, by slot: a slot lets go of them before they are settled.
        self._live_orders: dict[int, set[str]] = {}

    def __bool__(self) -> bool:
        """Whether anybody follows."""
        return any(one is not None for one in (self.journal, self.projection, self.zinc, self.logs))

    def read_from(self, engine: Engine) -> None:
        """Learn where the account and the controls are read."""
        reference = weakref.ref(engine)

        def account() -> Mapping[str, Any]:
            engine = reference()
            return {} if engine is None else engine.account() or {}

        def control() -> Mapping[str, Any]:
            engine = reference()
            return {} if engine is None else engine.control()

        self._account, self._control, self._engine = account, control, reference

    def attach(self, log_dir: Path | None, health: Callable[[], Mapping[str, Any]], name: str) -> None:
        """Show the projection the whole state, where it wants more than changes.

        Args:
            log_dir: Where the kernel's log is; None without one.
            health: Reads the kernel's health; raises KernelClosed once it is gone.
            name: The kernel's.

        Raises:
            ClusterError: Another kernel has the name there.
        """
        attach = getattr(self.projection, "attach", None)
        if attach is None:
            return
        seen = False

        def moment() -> KernelMoment:
            nonlocal seen
            engine = self._engine()
            if engine is None:
                raise KernelClosed
            seq, slots = engine.used_slots(busy_only=seen)
            orders = () if seen else engine.orders()
            accounts = [found for asset in engine.assets() if (found := engine.account(asset))]
            seen = True
            return KernelMoment(seq, slots, accounts, engine.control(), health(), orders)

        refused: list[ClusterError] = []

        def meet() -> None:
            try:
                attach(moment, log_dir, name)
            except ClusterError as error:
                refused.append(error)

        self.call(meet)
        if refused:
            raise refused[0]

    def observe(
        self,
        transitions: Sequence[KernelTransition],
        slots: Sequence[TradeSlot],
        events: Sequence[VenueEvent | None],
        seq: int,
    ) -> None:
        """Take a drain's transitions, the slots concerned as they are at `seq`, and what caused each.

        Ctrl-C in the midst is raised once every follower has this drain: none gets it again.
        """
        due: deque[Callable[[], object]] | None = None
        interrupt: BaseException | None = None
        while due is None or due:
            try:
                if due is None:
                    due = deque(self._due(transitions, slots, events, seq))
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
        seq: int,
    ) -> Iterator[Callable[[], object]]:
        """Yield the calls to make, one by one; reading them changes nothing."""
        by_id = {slot.slot_id: slot for slot in slots}
        if self.journal is not None and transitions:
            control = self._control()
            for transition, event in zip(transitions, events, strict=True):
                slot = by_id[transition.slot_id]
                yield partial(self.call, self.journal.record_transition, transition, slot, event, control)
        if self.logs is not None:
            # Reading the controls costs more than the rest; who has no use for them says so.
            if getattr(self.logs, "wants_controls", True):
                control = self._control()
                if control != self._control_logged:
                    yield partial(self._log_control, self.logs, control, seq)
            for transition, event in zip(transitions, events, strict=True):
                yield partial(self.call, self.logs.transition, transition, by_id[transition.slot_id], event)
        yield from self._states_due(slots, seq)

    def _states_due(self, slots: Sequence[TradeSlot], seq: int) -> Iterator[Callable[[], object]]:
        """The newest states, for the projection and the Zinc plane."""
        advance = getattr(self.projection, "advance", None)
        if advance is not None:
            yield partial(self.call, advance, seq)
            yield from self._orders_due(slots)
        for plane in (self.projection, self.zinc):
            if plane is not None and not getattr(plane, "is_idle", False):
                for slot in slots:
                    yield partial(self.call, plane.write_slot, slot)
                # One that reads the kernel by itself does so now and then: an account takes its time.
                if plane is self.zinc or advance is None:
                    yield partial(self.call, plane.write_account, self._account())

    def _log_control(self, logs: KernelLogs, control: Mapping[str, Any], seq: int) -> None:
        self._control_logged = control
        self.call(logs.control, control, seq)

    def _orders_due(self, slots: Sequence[TradeSlot]) -> Iterator[Callable[[], object]]:
        """The last word on orders that a slot has let go of; those that it holds go with the slot."""
        write_order = getattr(self.projection, "write_order", None)
        engine = self._engine()
        if write_order is None or engine is None:
            return
        for slot in slots:
            held = (slot.active_entry_order, *slot.exit_orders)
            ids = {order.venue_client_id for order in held if order is not None}
            for gone in self._live_orders.get(slot.slot_id, set()) - ids:
                order = engine.order(gone)
                if order is not None:
                    yield partial(self.call, write_order, order)
            live = {order.venue_client_id for order in held if order is not None and order.is_live()}
            yield partial(self._live_orders.__setitem__, slot.slot_id, live)

    def write_control(self, control: Mapping[str, Any]) -> None:
        """Tell the planes of new controls."""
        if self.projection is not None:
            advance, engine = getattr(self.projection, "advance", None), self._engine()
            if advance is not None and engine is not None:
                self.call(advance, engine.seq)
            self.call(self.projection.write_control, control)
        if self.zinc is not None:
            self.call(self.zinc.update_control, control)

    def call(self, method: Callable[..., object], *arguments: object) -> None:
        """Call a plane. One that fails is logged and counted; trading goes on."""
        try:
            method(*arguments)
        except Exception as error:  # noqa: BLE001 - the one boundary to followers: what breaks there stops no trade
            self.errors += 1
            what = getattr(method, "__qualname__", str(method))
            engine = self._engine()
            seq = 0 if engine is None or engine.closed else engine.seq
            _LOG.exception("%s failed", what, extra={"seq": seq})
            if self.logs is not None:
                self.logs.failed(what, seq, error)

    def look_once_more(self) -> None:
        """Let a projection that reads the kernel by itself do so before the kernel is closed."""
        refresh = getattr(self.projection, "refresh", None)
        if refresh is not None:
            self.call(refresh)

    def close(self) -> None:
        """Flush and close the journal, and the projection where it can be closed."""
        if self.journal is not None:
            self.call(self.journal.flush)
            self.call(self.journal.close)
        close = getattr(self.projection, "close", None)
        if close is not None:
            self.call(close)
