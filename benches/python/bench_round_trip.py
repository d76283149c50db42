"""T1, T1p and T2: a round trip driven from Python.

One trip builds two `KernelIntent`s and calls `process_intent` twice. By then each of the two orders was
submitted, acknowledged, filled and settled with its fee, and the wallet's frame compared. Exact decimals,
duplicate detection, double-entry ledger, limits and reconciliation are on; no journal, nothing durable.

T1 has the simulated venue inside the kernel, T1p an adapter written in Python that answers each order with an
acknowledgement and a fill. T2 is T1 on a log in a file: each entry and each exit is synced before its order
leaves, one by one, or 256 together by `process_intents`. What the syncs took is the log's own count
(`log_standing`).
"""

from __future__ import annotations

import shutil
import time
from decimal import Decimal
from pathlib import Path
from statistics import median
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
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from dita import VenueOrder

BATCH = 256
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

    def __init__(
        self,
        venue: SimulatedVenue | BaseExecutionAdapter,
        max_slots: int = 10,
        log_dir: Path | None = None,
    ) -> None:
        """Opens the kernel with a billion USDT."""
        self.kernel = ExecutionKernel(max_slots=max_slots, venue=venue, log_dir=log_dir)
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

    def batch_trip(self) -> None:
        """Enters and exits 0.013 BTC in each slot, all entries together and then all exits."""
        first = self.trips + 1
        self.trips += BATCH
        process, intent = self.kernel.process_intents, KernelIntent
        process(
            [
                intent(
                    timestamp=first,
                    intent_id=f"et{first + slot}",
                    trade_id=f"t{first + slot}",
                    slot_id=slot,
                    asset="BTCUSDT",
                    side=LONG,
                    action=ENTER,
                    reference_price="61800.3",
                    target_size="0.013",
                    leverage=1,
                )
                for slot in range(BATCH)
            ]
        )
        process(
            [
                intent(
                    timestamp=first,
                    intent_id=f"xt{first + slot}",
                    trade_id=f"t{first + slot}",
                    slot_id=slot,
                    asset="BTCUSDT",
                    side=LONG,
                    action=EXIT,
                    reference_price="61800.2",
                )
                for slot in range(BATCH)
            ]
        )

    def waited_us(self) -> float:
        """How long calls have waited until records were synced, in microseconds."""
        standing = self.kernel.log_standing
        return standing["sync_wait_ns"] / 1_000 if standing else 0.0

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


@pytest.fixture
def log_dir() -> Iterator[Path]:
    """A new folder on the disk that holds this checkout: a folder in memory would cost no sync."""
    folder = Path(__file__).resolve().parents[1] / "target" / "durable-python"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.benchmark(group="T2 round trip, on a log", disable_gc=True)
@pytest.mark.parametrize("intents", [1, BATCH])
def test_t2(benchmark: BenchmarkFixture, log_dir: Path, intents: int) -> None:
    """So many intents a call; `extra_info` says what is left without fsync, in microseconds a round trip."""
    desk = Desk(SimulatedVenue(balances={"USDT": 1_000_000_000}), max_slots=BATCH, log_dir=log_dir)
    trip = desk.round_trip if intents == 1 else desk.batch_trip
    beside: list[float] = []
    begun: list[tuple[float, float]] = []

    def start() -> None:
        desk.kernel.sync()
        begun.append((desk.waited_us(), time.perf_counter()))

    def timed() -> None:
        trip()
        ended = time.perf_counter()
        waited_us, started = begun[-1]
        beside.append(((ended - started) * 1e6 - (desk.waited_us() - waited_us)) / intents)

    benchmark.pedantic(timed, setup=start, rounds=2_000 if intents == 1 else 200, warmup_rounds=20)
    counted = sorted(beside[20:])
    benchmark.extra_info["beside_us"] = median(counted)
    benchmark.extra_info["beside_iqr_us"] = counted[len(counted) * 3 // 4] - counted[len(counted) // 4]
    benchmark.extra_info["round_trips"] = intents
    desk.assert_end()
    desk.kernel.close()
