"""Leaving every position: exits at the market until nothing is open, while the kernel is halted."""

import logging
import threading
import weakref
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dita._kernel import (
    ControlGate,
    KernelCommandType,
    KernelDiagnosticCode,
    KernelIntent,
    TradeSide,
    TradeSlot,
    VenueOrder,
)
from dita.errors import KernelClosed, KernelError

if TYPE_CHECKING:
    from dita.kernel import ExecutionKernel

_LOG: Final = logging.getLogger("dita.flatten")

INTENT_PREFIX: Final = "flatten-"
# An answer takes its time, and a venue that rejects is not to be hammered.
PAUSE_S_MIN: Final = 0.05
PAUSE_S_MAX: Final = 2.0
# How often it looks for late fills once all is left.
LOOK_S: Final = 0.1


class Flattening:
    """Leaves every position of one kernel, and stands until the gate is opened: a late fill leaves, too.

    A slot gets a market EXIT of all that it holds, which takes the place of resting exits. What lies in the
    unassigned book is adopted by a free slot, and leaves from there; but what was
    there when the kernel was opened stays, as it may be somebody's hedge, unless everything is to go.
    """

    def __init__(self, kernel: "ExecutionKernel", by: str, *, everything: bool = False) -> None:
        """Begin: the first exits are sent before this returns.

        Args:
            kernel: The kernel, halted.
            by: Who asks; it is the exits' reason.
            everything: Whether what was there at the opening leaves as well.
        """
        self._kernel = weakref.ref(kernel)
        self._by = by
        self._everything = everything
        self._named: set[tuple[str, str, Decimal]] = set()
        self._number = 0
        self._has_left = False
        self._pass(kernel)
        self._has_left = self._is_flat(kernel)
        self._thread = threading.Thread(target=self._work, name="dita-flatten", daemon=True)
        self._thread.start()

    @property
    def stands(self) -> bool:
        """Whether it still sees to it that nothing is open."""
        return self._thread.is_alive()

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be left."""
        return self.stands and not self._has_left

    def take_everything(self) -> None:
        """Leave what was there at the opening, too."""
        self._everything = True

    def left_alone(self) -> list[dict[str, Any]]:
        """Return the rows of the unassigned book that stay: what was there at the opening."""
        kernel = self._kernel()
        if kernel is None or not self.stands:
            return []
        return [row for row in kernel.unassigned() if not self._takes(row)]

    def _takes(self, row: dict[str, Any]) -> bool:
        return self._everything or bool(row["origin"] != "OPENING")

    def _work(self) -> None:
        pause_s = PAUSE_S_MIN
        rest = threading.Event()
        while not rest.wait(LOOK_S if self._has_left else pause_s):
            kernel = self._kernel()
            if kernel is None:
                return
            try:
                if kernel.control.gate != ControlGate.HALTED:
                    return
                self._has_left = self._is_flat(kernel)
                if self._has_left:
                    pause_s = PAUSE_S_MIN
                else:
                    self._pass(kernel)
                    self._has_left = self._is_flat(kernel)
                    pause_s = min(2 * pause_s, PAUSE_S_MAX)
            except KernelClosed:
                return
            except KernelError:
                _LOG.exception("flatten goes on")
            del kernel

    def _pass(self, kernel: "ExecutionKernel") -> None:
        """Send what is due now."""
        for position in kernel.unassigned():
            if self._takes(position):
                self._adopt(kernel, position)
            else:
                self._name_left(position)
        for view in kernel.state.slots:
            slot = view.snapshot()
            entry = slot.active_entry_order
            if entry is not None and entry.is_live() and not entry.pending_cancel:
                # The kill switch has canceled it, and that came to nothing.
                self._cancel(kernel, slot, entry)
            if slot.is_open() and not _is_leaving(slot):
                self._leave(kernel, slot)

    def _name_left(self, position: dict[str, Any]) -> None:
        """Say once of each position that it stays."""
        row = (position["symbol"], str(position["position_side"]), position["size"])
        if row not in self._named:
            self._named.add(row)
            _LOG.warning(
                "%s %s stays: it was there when the kernel was opened; `dita flatten --all` leaves it too",
                position["size"],
                position["symbol"],
            )

    def _leave(self, kernel: "ExecutionKernel", slot: TradeSlot) -> None:
        outcome = kernel.process_intent(self._exit(kernel, slot))
        if outcome.diagnostic_code == KernelDiagnosticCode.SLOT_BUSY:
            # Resting exits hold what they would sell: without them the next pass sells all of it.
            for order in slot.exit_orders:
                if order.is_live() and not order.pending_cancel:
                    self._cancel(kernel, slot, order)
            left = kernel.slot(slot.slot_id).snapshot()
            if left.is_open():
                outcome = kernel.process_intent(self._exit(kernel, left))
        if not outcome.accepted:
            _LOG.warning(
                "slot %d: the exit was refused (%s), and is tried again",
                slot.slot_id,
                outcome.diagnostic_code,
            )

    def _cancel(self, kernel: "ExecutionKernel", slot: TradeSlot, order: VenueOrder) -> None:
        target = order.venue_client_id
        kernel.process_intent(self._intent(kernel, slot, KernelCommandType.CANCEL, target_client_id=target))

    def _adopt(self, kernel: "ExecutionKernel", position: dict[str, Any]) -> None:
        free = kernel.free_slot()
        if free is None or not position["size"]:
            return
        slot = TradeSlot(
            slot_id=free.slot_id,
            trade_id=self._name(kernel),
            asset=position["symbol"],
            side=TradeSide.LONG if position["size"] > 0 else TradeSide.SHORT,
            size=abs(position["size"]),
            entry_price=position["entry_price"],
        )
        outcome = kernel.reconcile_from_slots([slot], by=f"flatten by {self._by}"[:64])
        if outcome.diagnostic_code == KernelDiagnosticCode.OPPOSITE_SIDE:
            return  # a slot holds the other side: its exit sells the difference, and the rest is paired off
        if not outcome.accepted:
            _LOG.error(
                "%s %s is unassigned and could not be adopted (%s): close it at the venue by hand",
                position["size"],
                position["symbol"],
                dict(outcome.details),
            )

    def _exit(self, kernel: "ExecutionKernel", slot: TradeSlot) -> KernelIntent:
        return self._intent(kernel, slot, KernelCommandType.EXIT, target_size=slot.size)

    def _intent(
        self,
        kernel: "ExecutionKernel",
        slot: TradeSlot,
        action: KernelCommandType,
        *,
        target_size: Decimal | None = None,
        target_client_id: str = "",
    ) -> KernelIntent:
        return KernelIntent(
            timestamp=kernel.now_ns,
            intent_id=self._name(kernel),
            trade_id=slot.trade_id,
            slot_id=slot.slot_id,
            asset=slot.asset,
            side=slot.side,
            action=action,
            reason=f"flatten by {self._by}"[:64],
            target_size=target_size,
            target_client_id=target_client_id,
        )

    def _is_flat(self, kernel: "ExecutionKernel") -> bool:
        """Whether nothing is open that is to leave, and nothing of ours that works could open something."""
        if any(slot.size for slot in kernel.state.slots) or any(map(self._takes, kernel.unassigned())):
            return False
        return all(order.slot_id is None for order in kernel.orders(live_only=True))

    def _name(self, kernel: "ExecutionKernel") -> str:
        """A name of its own, also after a restart."""
        self._number += 1
        return f"{INTENT_PREFIX}{kernel.seq}-{self._number}"


def _is_leaving(slot: TradeSlot) -> bool:
    """Whether an exit of ours is at work already."""
    return any(order.is_live() and order.intent_id.startswith(INTENT_PREFIX) for order in slot.exit_orders)
