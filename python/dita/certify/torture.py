"""Puts an adapter through its faults, seed after seed, and demands that kernel and venue agree at the end."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from dita._kernel import KernelIntent
from dita.certify.bench import Unmet, mark_all
from dita.certify.faulty_adapter import AdapterFault, FaultyAdapter
from dita.certify.rig import NotOffered, Rig, VenueFault
from dita.certify.run import quiet
from dita.errors import KernelError
from dita.kernel import ExecutionKernel
from dita.venues.sim import SimulatedVenue

if TYPE_CHECKING:
    from dita.venues.base import VenueAdapter

_SLOTS: Final = 3
_ACTIONS: Final = 40
#: How long the kernel may take to settle what is in doubt, seconds, and in steps of how many.
_PATIENCE_STEPS: Final = 60
_STEP_SECS: Final = Decimal(2)
_VENUES_UNIT: Final = Decimal("1e-8")
_WEIGHTS: Final = {"ENTER": 5, "REST": 3, "FILL": 3, "CANCEL": 2, "AMEND": 2, "EXIT": 5, "TIME": 2}


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What came of one seed.

    Attributes:
        seed: Which.
        actions: How many things were asked for.
        fired: How often each fault happened.
        network: How often each fault of the network happened, where the rig has one.
        failure: What was not as it has to be; empty where all was.
    """

    seed: int
    actions: int
    fired: Counter[AdapterFault]
    failure: str = ""
    network: Mapping[str, int] = field(default_factory=dict)


def torture_adapter(
    make_rig: Callable[[], Rig],
    seeds: Iterable[int],
    faults: Sequence[AdapterFault] = tuple(AdapterFault),
) -> Iterator[SeedResult]:
    """Trade at random through an adapter that goes wrong, and yield what came of each seed as it is known.

    Each seed has its own mix of the faults. At the end they stop, withheld events are delivered, and
    positions and wallets must be the venue's, nothing in doubt, no order sent twice and every invariant held.

    Args:
        make_rig: Makes a fresh rig; called once a seed.
        seeds: The same seed plays the same ordeal.
        faults: Which faults may happen.

    Raises:
        NotOffered: The rig's venue is not reached through an adapter in Python.
    """
    for seed in seeds:
        yield _ordeal(make_rig(), seed, faults)


def fired(ordeals: Iterable[SeedResult]) -> dict[AdapterFault, int]:
    """Return how often each fault happened in all of these; 0 for one that never did.

    Args:
        ordeals: What `torture_adapter` has yielded.
    """
    total: Counter[AdapterFault] = Counter()
    for ordeal in ordeals:
        total += ordeal.fired
    return {fault: total[fault] for fault in AdapterFault}


def network_fired(ordeals: Iterable[SeedResult]) -> dict[str, int]:
    """Return how often each fault of the network happened in all of these; 0 for one that never did.

    Args:
        ordeals: What `torture_adapter` has yielded.
    """
    total: dict[str, int] = {}
    for ordeal in ordeals:
        for name, count in ordeal.network.items():
            total[name] = total.get(name, 0) + count
    return total


def _ordeal(rig: Rig, seed: int, faults: Sequence[AdapterFault]) -> SeedResult:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    mix = [fault for fault in faults if chance.random() < 0.5] or [chance.choice(list(faults))]
    actions = 0
    counted: Counter[AdapterFault] = Counter()
    network: Mapping[str, int] = {}
    try:
        with quiet(), _victim(rig, seed, mix) as victim:
            counted = victim.adapter.fired
            network = rig.disturb(seed)
            for actions in range(1, _ACTIONS + 1):  # noqa: B007 - counted, also where it ends early
                victim.act(chance)
            victim.close_out()
    except Unmet as unmet:
        return SeedResult(seed, actions, counted, str(unmet), network)
    except (KernelError, ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        if isinstance(error, NotOffered):
            raise
        return SeedResult(seed, actions, counted, f"{type(error).__name__}: {error}", network)
    return SeedResult(seed, actions, counted, network=network)


@contextmanager
def _victim(rig: Rig, seed: int, faults: Sequence[AdapterFault]) -> "Iterator[_Victim]":
    try:
        victim = _Victim(rig, seed, faults)
        try:
            yield victim
        finally:
            victim.kernel.close()
    finally:
        rig.close()


class _Victim:
    """One kernel on one mistreated adapter."""

    def __init__(self, rig: Rig, seed: int, faults: Sequence[AdapterFault]) -> None:
        """Open the venue without a trouble of its own, and a kernel on it."""
        adapter = rig.open(VenueFault.NONE)
        if isinstance(adapter, SimulatedVenue):
            raise NotOffered(
                "the simulated venue is inside the kernel: it has no adapter that could go wrong"
            )
        self.rig = rig
        self.adapter = FaultyAdapter(adapter, seed, faults)
        # It has whatever the adapter has, which no type can say.
        venue = cast("VenueAdapter", self.adapter)
        self.kernel = ExecutionKernel(max_slots=_SLOTS, venue=venue, **rig.kernel_options)
        self.kernel.set_exchange_config(rig.config)
        for asset, amount in rig.balances.items():
            self.kernel.set_seed_capital(amount, asset)
        rig.ready(self.kernel)
        mark_all(rig, self.kernel)
        self._intents = self._trades = 0

    def act(self, chance: random.Random) -> None:
        """Ask for something."""
        what = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        slot_id = chance.randrange(_SLOTS)
        if what == "TIME":
            self.rig.pass_time(self.kernel, Decimal(chance.randrange(1, 8)))
        elif what == "FILL":
            self._fill(slot_id, chance)
        elif what == "REST":
            # One price for each instrument: an average of two need not come to an end, and venues round it.
            limit = {"order_type": "LIMIT", "limit_price": self.rig.resting_bid}
            self._intent("ENTER", slot_id, asset=self.rig.other_symbol, **limit)
        elif what == "AMEND":
            size = self.rig.size + self.rig.lot * chance.randrange(1, 4)
            self._intent("AMEND", slot_id, target_size=size, limit_price=self.rig.resting_bid)
        else:
            self._intent(what, slot_id)
        if chance.random() < 0.5:
            self._settle()
        self.kernel.check_invariants()

    def close_out(self) -> None:
        """End the faults, leave everything, and demand that nothing is left, here or there."""
        self.adapter.heal()
        self.rig.heal()
        for _ in range(_PATIENCE_STEPS):
            self._settle()
            if self._is_flat():
                break
            # Kernel time passes first: a request in doubt is asked about again only after a while.
            self.rig.pass_time(self.kernel, _STEP_SECS)
            for slot_id in range(_SLOTS):
                action = "CANCEL" if self.kernel.slot(slot_id).fsm_state == "ENTRY_WORKING" else "EXIT"
                self._intent(action, slot_id)
        self._demand()

    # ---------------------------------------------------------------------------------------------- inside

    def _is_flat(self) -> bool:
        return not self.kernel.orders(live_only=True) and not any(
            self.kernel.slot(slot_id).size for slot_id in range(_SLOTS)
        )

    def _settle(self) -> None:
        self.adapter.settle()
        self.rig.settle()

    def _fill(self, slot_id: int, chance: random.Random) -> None:
        order = self.kernel.slot(slot_id).active_entry_order
        # Only what the kernel knows to rest: the rig need not find others.
        if order is None or order.limit_price is None or str(order.status) != "ACKED":
            return
        try:
            self.rig.fill(order.venue_client_id, self.rig.lot * chance.randrange(1, 4))
        except (NotOffered, LookupError):
            return

    def _intent(self, action: str, slot_id: int, **fields: Any) -> None:  # noqa: ANN401 - an intent's
        slot = self.kernel.slot(slot_id)
        if action == "ENTER":
            self._trades += 1
            fields = {"target_size": self.rig.size, "asset": self.rig.symbol, **fields}
        self._intents += 1
        free = slot.is_free()
        given: dict[str, Any] = {
            "timestamp": self.kernel.now_ns,
            "intent_id": f"i{self._intents}",
            "trade_id": f"t{self._trades}" if free or action == "ENTER" else slot.trade_id,
            "slot_id": slot_id,
            "asset": slot.asset or self.rig.symbol,
            "side": "LONG",
            "action": action,
            "reference_price": self.rig.mark,
        }
        try:
            self.kernel.process_intent(KernelIntent(**{**given, **fields}))
        except KeyboardInterrupt:
            # Pressed inside the adapter: the kernel goes on.
            return

    def _rounding(self, asset: str) -> Decimal:
        """How far K may be from E: not at all, unless slots with different prices shared a book.

        That happens where a position is left before the price of its fill is known: the book's average need
        not come to an end then, and each realised PnL is rounded as venues round it.
        """
        rows = [row["cause"] for row in self.kernel.ledger(asset=asset)]
        return rows.count("REALIZED_PNL") * _VENUES_UNIT if "INTER_SLOT" in rows else Decimal(0)

    def _demand(self) -> None:
        live = self.kernel.orders(live_only=True)
        demands: list[tuple[str, object, object]] = [
            ("orders at work in the kernel", [], [(one.venue_client_id, str(one.doubt)) for one in live]),
            ("sizes that are left", [Decimal(0)] * _SLOTS, [self.kernel.slot(n).size for n in range(_SLOTS)]),
            ("orders at work at the venue", 0, self.rig.orders_working()),
            ("what belongs to no slot", [], self.kernel.unassigned()),
        ]
        for symbol in (self.rig.symbol, self.rig.other_symbol):
            rows = [row["size"] for row in self.kernel.positions() if row["symbol"] == symbol]
            demands.append((f"the kernel's position in {symbol}", self.rig.position(symbol), sum(rows)))
        for what, expected, seen in demands:
            if expected != seen:
                raise Unmet(what, expected, seen)
        for asset in self.rig.balances:
            k, e = self.kernel.snapshot()["account"]["assets"][asset]["k_capital"], self.rig.wallet(asset)
            if abs(e - k) > self._rounding(asset):
                raise Unmet(f"K in {asset} (E is the wallet)", e, k)
        sent = len(self.kernel.orders())
        if self.rig.orders_received() > sent:
            raise Unmet(
                "orders that reached the venue", f"at most the {sent} sent", self.rig.orders_received()
            )
        self.kernel.check_invariants()
