"""The rig of the simulated venue: its faults, its knobs and its hand."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from dita.certify.rig import NotOffered, Rig, VenueFault
from dita.kernel import ExecutionKernel
from dita.venues.sim import SimulatedVenue

# The settings that make each trouble, and the counter that shows that it happened.
_SETTINGS: Final[Mapping[VenueFault, Mapping[str, Any]]] = MappingProxyType(
    {
        VenueFault.STALE_STATUS: {"faults": {"stale_status": 1}},
        VenueFault.FILL_BEFORE_ACK: {"faults": {"fill_before_ack": 1}},
        VenueFault.SLOW_CHANGES: {"latency_ms": 100},
        VenueFault.FILL_AFTER_CANCEL: {"faults": {"late_fill": 1}},
        VenueFault.FALSE_CANCEL: {"faults": {"false_cancel": 1}},
        VenueFault.NO_ANSWER_NOT_FOUND: {"faults": {"send_timeout": 1, "not_found_ms": 500}},
        # Of half the messages, by this seed: the acknowledgement and the first of two fills.
        VenueFault.FIRST_FILL_LOST: {"seed": 9, "partial_fill_rate": 1, "faults": {"drop": "0.5"}},
        VenueFault.ONE_ID_TWO_FILLS: {"faults": {"one_id_on_two_fills": 1}},
        VenueFault.IDS_PER_SYMBOL: {"faults": {"trade_ids_per_symbol": True}},
        VenueFault.OVERFILL: {"faults": {"overfill": 1}},
        VenueFault.PRICE_LATER: {"faults": {"price_pending": 1}},
        VenueFault.SILENCE: {"faults": {"silence": 1, "silence_ms": 3_600_000}},
        VenueFault.LIQUIDATION: {"faults": {"liquidation": 1}},
        VenueFault.ADL: {"faults": {"adl": 1}},
        VenueFault.KILL_POST_ONLY: {"faults": {"kill_post_only": 1}},
        VenueFault.KILL_REDUCE_ONLY: {"faults": {"kill_reduce_only": 1}},
        VenueFault.KILL_SELF_TRADE: {"faults": {"kill_self_trade": 1}},
        VenueFault.INSTANT_EXPIRED: {"faults": {"instant_expired": 1}},
        VenueFault.CLOCK_SKEW: {"faults": {"clock_skew_ms_max": 5_000}},
    }
)
_COUNTERS: Final[Mapping[VenueFault, str]] = MappingProxyType(
    {
        VenueFault.FILL_AFTER_CANCEL: "fault_late_fill",
        VenueFault.NO_ANSWER_NOT_FOUND: "fault_not_found",
        VenueFault.ONE_ID_TWO_FILLS: "fault_one_id_on_two_fills",
        VenueFault.PRICE_LATER: "fault_price_pending",
        VenueFault.FIRST_FILL_LOST: "fault_drop",
        VenueFault.IDS_PER_SYMBOL: "fault_shared_trade_ids",
        VenueFault.CLOCK_SKEW: "fault_clock_skew",
        VenueFault.OTHER_FEE_ASSET: "fault_other_asset_fees",
        VenueFault.FUNDING: "fundings",
    }
)
# What takes a venue that goes on while the process of its adapter is gone.
_OUTLIVES: Final = {VenueFault.ANSWER_LOST, VenueFault.FILLS_REPLAYED, VenueFault.IDS_PER_RUN}
_TICK: Final = Decimal("0.1")
_LATENCY: Final = Decimal("0.1")


class SimulatedRig(Rig):
    """The simulated venue under the suite."""

    def __init__(self) -> None:
        """Start without a venue."""
        self._trouble = VenueFault.NONE
        self._raced = 0

    def open(self, trouble: VenueFault) -> SimulatedVenue:
        """Make a simulated venue with a trouble."""
        self._trouble = trouble
        if trouble in _OUTLIVES:
            raise NotOffered("the simulated venue is a part of the kernel's process, and dies with it")
        self._venue = SimulatedVenue(self.balances, **_SETTINGS.get(trouble, {}))
        return self._venue

    def ready(self, kernel: ExecutionKernel) -> None:
        """Quote both instruments; set what is set at run time."""
        self._kernel = kernel
        for symbol in (self.symbol, self.other_symbol):
            self._venue.on_quote(symbol, self.mark, None, self.mark + _TICK, None)
            self._venue.mark(symbol, self.mark)
            if self._trouble == VenueFault.MAKER_REBATE:
                self._venue.set_fee_rates(symbol, "-0.0001", "0.0005")
        if self._trouble == VenueFault.OTHER_FEE_ASSET:
            self._venue.pay_fees_in(self.other_asset, 600)

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Print a trade at the order's limit."""
        order = self._kernel.order(venue_client_id)
        if order is None or order.limit_price is None:
            raise LookupError(f"{venue_client_id} is no resting order")
        self._raced += bool(order.requests)
        self._venue.on_trade(order.asset, order.limit_price, size)

    def position(self, symbol: str) -> Decimal:
        """Return the venue's own position."""
        held = self._venue.position(symbol)
        return Decimal(0) if held is None else held[0]

    def wallet(self, asset: str) -> Decimal:
        """Return the venue's own balance."""
        return self._venue.wallet(asset) or Decimal(0)

    def orders_received(self) -> int:
        """Return the venue's count of orders."""
        return self._venue.counters()["orders"]

    def orders_working(self) -> int:
        """Trade through the prices at which orders rest: what still works there is filled, and seen."""
        before = self._venue.counters()["fills"]
        for price in (self.resting_bid, self.resting_ask):
            self._venue.on_trade(self.symbol, price, self.size * 100)
        return self._venue.counters()["fills"] - before

    def played(self) -> int:
        """Return the counter of the trouble."""
        counters = self._venue.counters()
        if self._trouble == VenueFault.MAKER_REBATE:
            return int(self.wallet(self.asset) > self.balances[self.asset])
        if self._trouble == VenueFault.SLOW_CHANGES:
            return self._raced
        return counters[_COUNTERS.get(self._trouble, f"fault_{self._trouble.lower()}")]

    def settle(self) -> None:
        """Let the venue's latency pass."""
        if self._trouble == VenueFault.SLOW_CHANGES:
            self.pass_time(self._kernel, _LATENCY)

    def heal(self) -> None:
        """End the faults."""
        self._venue.heal()

    def set_funding(
        self, kernel: ExecutionKernel, rate: Decimal, next_boundary_ns: int, interval_secs: int
    ) -> None:
        """Set the venue's funding; the kernel takes it."""
        self._venue.set_funding(self.symbol, rate, next_boundary_ns, interval_secs, kernel.now_ns)
