"""T1 and T1p: a round trip driven from Python.

One trip builds two `KernelIntent`s and calls `process_intent` twice. By then each of the two orders was
submitted, acknowledged, filled and settled with its fee, and the wallet's frame compared. Exact decimals,
duplicate detection, double-entry ledger, limits and reconciliation are on; no journal, nothing durable.

T1 has the simulated venue inside the kernel, T1p an adapter written in Python that answers each order with an
acknowledgement and a fill.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    KernelCommandType,
    KernelEventKind,
    KernelIntent,
    SimulatedVenue,
    TradeSide,
    VenueEvent,
)

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from dita import VenueOrder

ENTER, EXIT, LONG = KernelCommandType.ENTER, KernelCommandType.EXIT, TradeSide.LONG
BUY, SELL = Decimal("61800.3"), Decimal("61800.2")
CONFIG = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {
        "BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001", "base": "BTC", "quote": "USDT", "settle": "USDT"}
    },
}


class Desk:
    """A kernel with a venue, and the trips it made."""

    def __init__(self, venue: SimulatedVenue | BaseExecutionAdapter, max_slots: int = 10) -> None:
        """Opens the kernel with a billion USDT."""
        self.kernel = ExecutionKernel(max_slots=max_slots, venue=venue)
        self.kernel.set_exchange_config(CONFIG)
        self.kernel.set_seed_capital(1_000_000_000)
        if isinstance(venue, SimulatedVenue):
            venue.on_quote("BTCUSDT", SELL, None, BUY, None, 0)
        self.kernel.mark_price("BTCUSDT", SELL)
        self.trips = 0

    def round_trip(self) -> None:
        """Enters and exits 0.013 BTC."""
        self.trips += 1
        trade = f"t{self.trips}"
        process = self.kernel.process_intent
        process(
            KernelIntent(
                timestamp=self.trips,
                intent_id="e" + trade,
                trade_id=trade,
                slot_id=0,
                asset="BTCUSDT",
                side=LONG,
                action=ENTER,
                reference_price="61800.3",
                target_size="0.013",
                leverage=1,
            )
        )
        process(
            KernelIntent(
                timestamp=self.trips,
                intent_id="x" + trade,
                trade_id=trade,
                slot_id=0,
                asset="BTCUSDT",
                side=LONG,
                action=EXIT,
                reference_price="61800.2",
            )
        )

    def assert_end(self) -> None:
        """Position 0, the exact fees and profit, and every trade closed."""
        account = self.kernel.snapshot()["account"]
        assert account["open_positions"] == 0
        assert account["k_fees_paid"] == self.trips * Decimal("0.80340325")
        assert account["k_realized_pnl"] == self.trips * Decimal("-0.0013")
        assert account["k_capital"] == 1_000_000_000 - self.trips * Decimal("0.80470325")
        assert self.kernel.slot(0).closed


class AckAndFill(BaseExecutionAdapter):
    """Answers each order with an acknowledgement and a full fill."""

    def __init__(self) -> None:
        """Starts numbering at 1."""
        super().__init__()
        self.count = 0

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        """Acknowledges and fills."""
        self.count += 1
        client_id, venue_id = order.venue_client_id, f"V{self.count}"
        return [
            VenueEvent(0, kind=KernelEventKind.ORDER_ACK, venue_client_id=client_id, venue_order_id=venue_id),
            VenueEvent(
                0,
                kind=KernelEventKind.FULL_FILL,
                venue_client_id=client_id,
                venue_order_id=venue_id,
                venue_trade_id=f"T{self.count}",
                price=BUY if self.count % 2 else SELL,
                size=order.intended_size,
                filled_size=order.intended_size,
            ),
        ]

    def cancel(self, order: VenueOrder, reason: str = "") -> list[VenueEvent]:
        """Nothing rests here."""
        del order, reason
        return []


@pytest.mark.benchmark(group="T1 round trip, native venue", disable_gc=True)
@pytest.mark.parametrize("finished", [0, 1_000, 100_000, 1_000_000])
def test_t1(benchmark: BenchmarkFixture, finished: int) -> None:
    """After so many finished trades."""
    desk = Desk(SimulatedVenue(balances={"USDT": 1_000_000_000}))
    for _ in range(finished):
        desk.round_trip()
    benchmark.pedantic(desk.round_trip, rounds=2_000, iterations=20, warmup_rounds=50 if finished else 0)
    desk.assert_end()


@pytest.mark.benchmark(group="T1 round trip, by slots", disable_gc=True)
@pytest.mark.parametrize("slots", [10, 1_000, 100_000])
def test_t1_slots(benchmark: BenchmarkFixture, slots: int) -> None:
    """With so many slots."""
    desk = Desk(SimulatedVenue(balances={"USDT": 1_000_000_000}), max_slots=slots)
    benchmark.pedantic(desk.round_trip, rounds=1_000, iterations=20, warmup_rounds=50)
    desk.assert_end()


@pytest.mark.benchmark(group="T1p round trip, adapter in Python", disable_gc=True)
@pytest.mark.parametrize("finished", [0, 1_000, 100_000, 1_000_000])
def test_t1p(benchmark: BenchmarkFixture, finished: int) -> None:
    """After so many finished trades."""
    desk = Desk(AckAndFill())
    for _ in range(finished):
        desk.round_trip()
    benchmark.pedantic(desk.round_trip, rounds=2_000, iterations=20, warmup_rounds=50 if finished else 0)
    desk.assert_end()
