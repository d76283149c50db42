"""Applies a plan: reductions first, increases only after their fills, each part held against what is there.

What is left of a row is read from the kernel each time, never counted along: so a plan that was cut short
goes on by itself, and no order is sent twice.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from dita._kernel import KernelCommandType, KernelDiagnosticCode, KernelIntent, KernelOutcome, TradeSide
from dita.host import Client
from dita.kernel import ExecutionKernel
from dita.portfolio.book import ZERO, Book, Holding, book_of
from dita.portfolio.plan import OWNER, Row, RowState, slices
from dita.portfolio.store import PlanState, PlanStore, StoredPlan

#: So many intents are written down together, and synced once.
BATCH: Final = 128
#: How often an order may end without having changed anything before its row is given up.
TRIES_MAX: Final = 3
_LOOK_S: Final = 0.02
_SAVE_S: Final = 1.0
#: Limits that let the same order through a little later.
_OVER_TIME: Final = frozenset({"orders_per_second", "order_burst", "cancels_per_second"})


class Phase(StrEnum):
    """What is being sent."""

    REDUCE = "REDUCE"
    INCREASE = "INCREASE"


@dataclass(frozen=True, slots=True)
class ApplyProgress:
    """How far an apply is.

    Attributes:
        phase: What is being sent.
        done: Rows that are on their target.
        rows: Rows that trade anything.
        sent: Orders sent so far.
    """

    phase: Phase
    done: int
    rows: int
    sent: int


class Applier:
    """Brings one account to a plan's targets, through the kernel and its guards."""

    def __init__(
        self,
        kernel: ExecutionKernel,
        client: Client,
        stored: StoredPlan,
        store: PlanStore,
        *,
        wait_s: float = 60.0,
        progress: Callable[[ApplyProgress], object] | None = None,
        tick: Callable[[], object] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        """Apply a plan. The caller holds the account's lock.

        Args:
            kernel: The account's.
            client: Whose slots are traded; its name is the plan's owner.
            stored: The plan.
            store: Where it is kept.
            wait_s: How long nothing may change while orders are at work, seconds.
            progress: Called with the progress.
            tick: Called while orders are waited for: lets time pass where that is driven.
            stop: Ends it between two orders.
        """
        self._kernel = kernel
        self._client = client
        self._stored = stored
        self._plan = stored.plan
        self._store = store
        self._wait_s = wait_s
        self._progress = progress
        self._tick = tick
        self._stop = stop or threading.Event()
        self._numbers = itertools.count(1)
        self._prefix = f"{OWNER}-{self._plan.plan_id[:16]}-{kernel.seq + 1}"
        self._tries: dict[str, int] = {}
        self._asked: dict[str, Decimal] = {}
        self._sent = 0
        self._saved_s = time.monotonic()

    def run(self) -> StoredPlan:
        """Send what is left, and wait for it.

        Returns:
            The plan: DONE, or INCOMPLETE where a row was refused or did not fill in time.
        """
        rows = [row for row in self._plan.traded() if row.state is not RowState.DONE]
        for row in rows:
            # What was refused last time is asked again.
            row.state, row.refusal = RowState.OPEN, ""
        self._store.save(self._stored)
        ended = self._phase(Phase.REDUCE, [row for row in rows if row.reduce])
        if ended:
            ended = self._phase(Phase.INCREASE, [row for row in rows if row.increase])
        is_whole = ended and all(row.state is RowState.DONE for row in self._plan.traded())
        self._stored.state = PlanState.DONE if is_whole else PlanState.INCOMPLETE
        self._stored.ended_ns = time.time_ns()
        self._store.save(self._stored)
        return self._stored

    def _phase(self, phase: Phase, rows: Sequence[Row]) -> bool:
        """Send a phase until nothing of it is left; False where something is."""
        changed_s = time.monotonic()
        before: dict[str, Decimal] | None = None
        while True:
            book = book_of(self._kernel, self._client.name, ())
            open_rows = [row for row in rows if row.state is RowState.OPEN]
            left = {row.asset: _left(phase, row, book.holding(row.asset)) for row in open_rows}
            busy = self._at_work()
            for row in open_rows:
                if not left[row.asset] and row.asset not in busy:
                    self._finish(phase, row)
            self._tell(phase)
            open_rows = [row for row in open_rows if row.state is RowState.OPEN and left[row.asset]]
            if not open_rows and not busy.intersection(row.asset for row in rows):
                break
            if left != before:
                before, changed_s = left, time.monotonic()
            if self._stop.is_set() or time.monotonic() - changed_s > self._wait_s:
                self._give_up(open_rows)
                break
            sent = self._send(phase, [row for row in open_rows if row.asset not in busy], left, book)
            if not sent:
                self._wait()
        return not any(row.state is RowState.REFUSED for row in rows)

    def _finish(self, phase: Phase, row: Row) -> None:
        if phase is Phase.INCREASE or not row.increase:
            row.state, row.refusal = RowState.DONE, ""

    def _give_up(self, rows: Iterable[Row]) -> None:
        why = "was stopped" if self._stop.is_set() else f"nothing has changed for {self._wait_s:g} s"
        for row in rows:
            row.state, row.refusal = RowState.REFUSED, why

    def _wait(self) -> None:
        if self._tick is not None:
            self._tick()
        self._stop.wait(_LOOK_S)

    def _tell(self, phase: Phase) -> None:
        if self._progress is not None:
            rows = self._plan.traded()
            done = sum(row.state is RowState.DONE for row in rows)
            self._progress(ApplyProgress(phase, done, len(rows), self._sent))
        if time.monotonic() - self._saved_s > _SAVE_S:
            self._store.save(self._stored)
            self._saved_s = time.monotonic()

    def _at_work(self) -> set[str]:
        """The instruments in which an order of this owner is at work."""
        return {
            order.asset
            for order in self._kernel.orders(live_only=True)
            if order.owner == self._client.name and order.trigger_price is None
        }

    # ------------------------------------------------------------------------------------------------ orders

    def _send(self, phase: Phase, rows: Sequence[Row], left: dict[str, Decimal], book: Book) -> int:
        """Send the next part of each row; how many orders left."""
        sent = 0
        free = self._free_slots()
        for some in _batched(rows, BATCH):
            pairs = []
            for row in some:
                if self._is_tried_out(row, left[row.asset]):
                    continue
                intent = self._intent(phase, row, left[row.asset], book.holding(row.asset), free)
                if intent is not None:
                    pairs.append((row, intent))
            outcomes = self._client.process_intents([intent for _, intent in pairs])
            for (row, _), outcome in zip(pairs, outcomes, strict=True):
                sent += self._take(row, outcome)
            self._tell(phase)
            if self._stop.is_set():
                break
        self._sent += sent
        return sent

    def _is_tried_out(self, row: Row, left: Decimal) -> bool:
        """Whether a row's orders end again and again without changing anything."""
        if self._asked.get(row.asset) == left:
            self._tries[row.asset] = self._tries.get(row.asset, 0) + 1
            if self._tries[row.asset] >= TRIES_MAX:
                row.state = RowState.REFUSED
                row.refusal = row.refusal or f"{TRIES_MAX} orders ended without a fill"
                return True
        else:
            self._tries[row.asset] = 0
        self._asked[row.asset] = left
        return False

    def _free_slots(self) -> Iterator[int]:
        return iter([slot for slot in self._client.slots if self._kernel.slot(slot).is_free()])

    def _intent(
        self, phase: Phase, row: Row, left: Decimal, held: Holding, free: Iterator[int]
    ) -> KernelIntent | None:
        lot_step = self._kernel.instrument(row.asset)["lot_step"]
        parts = slices(left, row.cap, lot_step)
        if not parts:
            row.state = RowState.REFUSED
            row.refusal = f"one lot, {lot_step}, is more than one order may be, {row.cap}"
            return None
        number = next(self._numbers)
        if phase is Phase.REDUCE or held.own:
            slot = next(iter(held.slots), None)
            view = None if slot is None else self._kernel.slot(slot)
        else:
            slot, view = next(free, None), None
        if slot is None:
            row.state, row.refusal = RowState.REFUSED, "no slot is free"
            return None
        reduces = phase is Phase.REDUCE
        side = TradeSide.LONG if (row.actual if reduces else row.target) > 0 else TradeSide.SHORT
        return KernelIntent(
            timestamp=self._kernel.now_ns,
            intent_id=f"{self._prefix}-{number}",
            trade_id=f"{self._prefix}-t{number}" if view is None else view.trade_id,
            slot_id=slot,
            asset=row.asset,
            side=side,
            action=KernelCommandType.EXIT if reduces else KernelCommandType.ENTER,
            target_size=parts[0],
            reason=f"plan {self._plan.plan_id[:16]}",
            metadata={"plan": self._plan.plan_id},
            owner=self._client.name,
            source_run=row.source_run,
            regime=self._plan.regime,
            override_ref=self._plan.settings.override_ref,
            add=view is not None and not reduces,
        )

    def _take(self, row: Row, outcome: KernelOutcome) -> int:
        """Note what the kernel says of an order; 1 where it left."""
        if outcome.accepted:
            if outcome.diagnostic_code is not KernelDiagnosticCode.OK:
                row.refusal = said_of(outcome)
            return 1
        if not _is_over_time(outcome):
            row.state, row.refusal = RowState.REFUSED, said_of(outcome)
        else:
            # Nothing was sent: the same order is asked again.
            self._asked.pop(row.asset, None)
        return 0


def _batched(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for at in range(0, len(rows), size):
        yield rows[at : at + size]


def _left(phase: Phase, row: Row, held: Holding) -> Decimal:
    """How much of a phase is left of a row, by what the account holds now; not signed."""
    now = held.actual
    if phase is Phase.REDUCE:
        goal = row.actual - row.reduce.copy_sign(row.actual)
        beyond = (now - goal).copy_sign(1) if (now - goal) * row.actual > 0 else ZERO
        return min(beyond, row.reduce, abs(held.own))
    missing = row.target - now
    return min(abs(missing), row.increase) if missing * row.target > 0 else ZERO


def _is_over_time(outcome: KernelOutcome) -> bool:
    code = outcome.diagnostic_code
    if code is KernelDiagnosticCode.RATE_LIMITED:
        return True
    return code is KernelDiagnosticCode.RISK_BLOCKED and outcome.details.get("limit") in _OVER_TIME


def said_of(outcome: KernelOutcome) -> str:
    """Return why an order was refused: the code, and the limit, its value and the attempt, or the reason.

    Args:
        outcome: The kernel's verdict.
    """
    details: dict[str, Any] = dict(outcome.details)
    code = str(outcome.diagnostic_code)
    if "limit" in details:
        return f"{code}: {details['limit']} is {details.get('value')}, the attempt {details.get('attempt')}"
    if details.get("message"):
        return f"{code}: {details['message']}"
    if details.get("reason"):
        return f"{code}: {details.get('field', '')} {details.get('value', '')} {details['reason']}".strip()
    return code
