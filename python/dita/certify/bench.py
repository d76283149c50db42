"""One kernel on one rig: what a scene does with them, and what it demands."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from dita._kernel import KernelIntent, KernelOutcome, VenueOrder
from dita.certify.rig import Rig, VenueFault
from dita.certify.trail import Step, trail
from dita.errors import KernelError
from dita.journal.memory import MemoryKernelJournal
from dita.kernel import ExecutionKernel
from dita.venues.base import VenueAdapter
from dita.venues.sim import SimulatedVenue

# How long a kernel may take to ask about what was never answered, seconds, and in steps of how many.
_PATIENCE_SECS: Final = 60
_STEP_SECS: Final = Decimal(1)
_EXITS_MAX: Final = 4


class Unmet(AssertionError):  # noqa: N818 - what is not met is the finding, not an accident
    """A demand that was not met.

    Attributes:
        what: What was looked at.
        expected: What it had to be.
        seen: What it was.
    """

    def __init__(self, what: str, expected: object, seen: object) -> None:
        """Say what was expected and what was seen."""
        super().__init__(f"{what}: expected {expected}, saw {seen}")
        self.what, self.expected, self.seen = what, str(expected), str(seen)


def mark_all(rig: Rig, kernel: ExecutionKernel) -> None:
    """Mark a rig's instruments: without a mark a kernel takes no entry."""
    for symbol in (rig.symbol, rig.other_symbol):
        kernel.mark_price(symbol, rig.mark)


class Bench:
    """A kernel and the venue it trades at, while one scene plays."""

    def __init__(self, rig: Rig, trouble: VenueFault, log_dir: Path) -> None:
        """Open the venue with a trouble, and a kernel with a log on it."""
        self.rig = rig
        self.trouble = trouble
        self.journal = MemoryKernelJournal()
        self._steps: list[Step] = []
        self._intents = self._lives = 0
        self._log_dir = log_dir
        self.kernel = self._opened(rig.open(trouble))
        self.kernel.set_exchange_config(rig.config)
        for asset, amount in rig.balances.items():
            self.kernel.set_seed_capital(amount, asset)
        rig.ready(self.kernel)
        mark_all(rig, self.kernel)

    @classmethod
    @contextmanager
    def on(cls, rig: Rig, trouble: VenueFault) -> Iterator[Self]:
        """Open a bench on a log of its own, and close it whatever comes.

        What went wrong first is what is raised: an error has the `trail` of the bench as its attribute, and
        an error of `Rig.close` after it is left out.
        """
        with TemporaryDirectory(prefix="dita-certify-") as directory:
            try:
                bench = cls(rig, trouble, Path(directory, "life-0"))
                try:
                    yield bench
                except Exception as error:
                    error.__dict__["trail"] = bench.trail()
                    raise
                finally:
                    bench.kernel.close()
            except BaseException:
                # A venue that never opened often cannot be closed either.
                with suppress(Exception):
                    rig.close()
                raise
            rig.close()

    # ------------------------------------------------------------------------------------------ what we do

    def enter(self, size: Decimal | None = None, *, slot_id: int = 0, **fields: Any) -> str:  # noqa: ANN401 - an intent's
        """Enter, at market where no order type is given; return our id of the order."""
        return self._order("ENTER", slot_id, target_size=size or self.rig.size, **fields)

    def rest(self, **fields: Any) -> str:  # noqa: ANN401 - an intent's
        """Enter by an order that rests; return our id of it."""
        return self.enter(order_type="LIMIT", limit_price=self.rig.resting_bid, **fields)

    def leave(self, *, slot_id: int = 0, **fields: Any) -> str:  # noqa: ANN401 - an intent's
        """Ask to leave, at market where no order type is given; return our id of the order."""
        return self._order("EXIT", slot_id, **fields)

    def cancel(self) -> KernelOutcome:
        """Ask to cancel the order at work."""
        self._step("cancel the order at work")
        return self._intent("CANCEL", 0)

    def amend(self, size: Decimal) -> KernelOutcome:
        """Ask to give the resting order another total."""
        self._step(f"amend the resting order to {size}")
        return self._intent("AMEND", 0, target_size=size, limit_price=self.rig.resting_bid)

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Have others trade against a resting order, and deliver the fill."""
        self._step(f"others trade {size} against {venue_client_id}")
        self.rig.fill(venue_client_id, size)

    def settle(self) -> None:
        """Let arrive what is on its way."""
        self.rig.settle()

    def heal(self) -> None:
        """End the trouble, and let arrive what was withheld."""
        self._step("the trouble ends")
        self.rig.heal()
        self.rig.settle()

    def restart(self) -> None:
        """Kill the kernel's process, as far as its files tell, and open another on what it has left."""
        self._step("the kernel is killed and opened again")
        # What a killed process leaves is what stands in its files at that moment; closing would add to them.
        left = self._log_dir.with_name(f"life-{self._lives + 1}")
        shutil.copytree(self._log_dir, left)
        self.kernel.close()
        self._lives, self._log_dir = self._lives + 1, left
        self.kernel = self._opened(self.rig.reopen())
        self.rig.ready(self.kernel)

    def pass_time(self, seconds: Decimal | int) -> None:
        """Let time pass."""
        self.rig.pass_time(self.kernel, Decimal(seconds))

    def wait_for_an_answer(self, venue_client_id: str) -> None:
        """Let time pass until an order is no longer in doubt, or patience ends."""
        for _ in range(_PATIENCE_SECS):
            if self.order(venue_client_id).doubt == "NONE":
                return
            self.pass_time(_STEP_SECS)
            self.settle()

    # ----------------------------------------------------------------------------------------- what we see

    def can(self, method: str) -> bool:
        """Whether the adapter offers an optional method."""
        if isinstance(self._venue, SimulatedVenue):
            return True
        offered = getattr(self._venue, "capabilities", None)
        return hasattr(self._venue, method) if offered is None else method in offered()

    def order(self, venue_client_id: str) -> VenueOrder:
        """Return an order as the kernel has it."""
        order = self.kernel.order(venue_client_id)
        if order is None:
            raise Unmet(f"order {venue_client_id}", "an order that the kernel knows", "none")
        return order

    def booked(self, symbol: str | None = None) -> Decimal:
        """Return the position that the kernel has booked."""
        name = symbol or self.rig.symbol
        return sum((row["size"] for row in self.kernel.positions() if row["symbol"] == name), Decimal(0))

    def stages(self) -> list[str]:
        """Return the stages that slot 0 went through."""
        return [
            str(record.transition.next_state)
            for record in self.journal.records
            if record.transition.slot_id == 0
        ]

    def trail(self) -> tuple[str, ...]:
        """Return what was last done and received, oldest first, with what came of it."""
        with suppress(KernelError):
            self.kernel.sync()
        return trail(self._steps, self._log_dir)

    # -------------------------------------------------------------------------------------- what we demand

    def demand(self, what: str, expected: object, seen: object) -> None:
        """Demand that something is what it has to be.

        Raises:
            Unmet: It is not.
        """
        if seen != expected:
            raise Unmet(what, expected, seen)

    def demand_stage(self, expected: str, size: Decimal | None = None, slot_id: int = 0) -> None:
        """Demand a slot's stage, and its size where one is given."""
        slot = self.kernel.slot(slot_id)
        self.demand(f"slot {slot_id}'s stage", expected, str(slot.fsm_state))
        if size is not None:
            self.demand(f"slot {slot_id}'s size", size, slot.size)

    def demand_order(self, venue_client_id: str, status: str, filled: Decimal) -> None:
        """Demand an order's status and what is filled of it; and that nothing of it is outstanding."""
        order = self.order(venue_client_id)
        self.demand("the order's status", status, str(order.status))
        self.demand("filled of the order", filled, order.filled_size)
        self.demand("requests without an answer", (), order.requests)

    def demand_played(self) -> None:
        """Demand that the trouble happened: nothing is proven by one that did not."""
        if self.rig.played() < 1:
            raise Unmet(f"the trouble {self.trouble}", "at least once", "never: it was not put to the test")

    def demand_agreement(self) -> None:
        """Demand that the kernel's books are the venue's: positions and wallets, to the last digit."""
        for symbol in (self.rig.symbol, self.rig.other_symbol):
            self.demand(f"the kernel's position in {symbol}", self.rig.position(symbol), self.booked(symbol))
        for asset in self.rig.balances:
            account = self.kernel.snapshot()["account"]["assets"][asset]
            self.demand(
                f"K in {asset} (E is the venue's wallet)", self.rig.wallet(asset), account["k_capital"]
            )
            if account["e_wallet_balance"] is not None:
                self.demand(f"E - K in {asset}, as reported", Decimal(0), account["reconcile_delta"])
        self.kernel.check_invariants()

    def close_out(self) -> None:
        """End the trouble, leave what is open, and demand that nothing is left, here or there."""
        self.heal()
        for _ in range(_EXITS_MAX):
            if self.kernel.slot(0).size == 0:
                break
            exit_order = self.leave()
            self.settle()
            if self.order(exit_order).is_live():
                break
        self.demand("the size that is left", Decimal(0), self.kernel.slot(0).size)
        live = self.kernel.orders(live_only=True)
        self.demand("orders in doubt", [], [one.venue_client_id for one in live if one.doubt != "NONE"])
        self.demand("orders at work in the kernel", [], [one.venue_client_id for one in live])
        self.demand("orders at work at the venue", 0, self.rig.orders_working())
        sent = len(self.kernel.orders())
        if self.rig.orders_received() > sent:
            raise Unmet(
                "orders that reached the venue", f"at most the {sent} sent", self.rig.orders_received()
            )
        self.demand("what belongs to no slot", [], self.kernel.unassigned())
        self.demand_agreement()
        self.demand("the position at the end", Decimal(0), self.booked())

    # ---------------------------------------------------------------------------------------------- inside

    def _step(self, text: str) -> None:
        self._steps.append(Step(self.kernel.seq, text))

    def _opened(self, venue: VenueAdapter | SimulatedVenue) -> ExecutionKernel:
        self._venue = venue
        options = dict(self.rig.kernel_options)
        return ExecutionKernel(venue=venue, journal=self.journal, log_dir=self._log_dir, **options)

    def _order(self, action: str, slot_id: int, **fields: Any) -> str:  # noqa: ANN401 - an intent's
        kind = fields.get("order_type", "MARKET")
        self._step(f"{action} {fields.get('target_size') or 'all'} by a {kind} order")
        before = {order.venue_client_id for order in self.kernel.orders()}
        outcome = self._intent(action, slot_id, **fields)
        new = [o.venue_client_id for o in self.kernel.orders() if o.venue_client_id not in before]
        if not outcome.accepted or not new:
            raise Unmet(
                f"the kernel's answer to {action}", "accepted", f"{outcome.diagnostic_code} {outcome.details}"
            )
        return new[-1]

    def _intent(self, action: str, slot_id: int, **fields: Any) -> KernelOutcome:  # noqa: ANN401 - an intent's
        self._intents += 1
        given: dict[str, Any] = {
            "timestamp": self.kernel.now_ns,
            "intent_id": f"i{self._intents}",
            "trade_id": f"t{slot_id}",
            "slot_id": slot_id,
            "asset": self.rig.symbol,
            "side": "LONG",
            "action": action,
            "reference_price": self.rig.mark,
        }
        return self.kernel.process_intent(KernelIntent(**{**given, **fields}))
