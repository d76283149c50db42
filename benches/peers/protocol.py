"""What every arm does alike: the trade, the clock, the end that is asserted, the JSON that is printed.

Imported by scripts that run in the peers' environments, so it uses the standard library only.
"""

from __future__ import annotations

import gc
import importlib.metadata
import itertools
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from decimal import Decimal

SYMBOL = "BTCUSDT"
TICK, LOT = Decimal("0.1"), Decimal("0.001")
BID, ASK, SIZE = Decimal("61800.2"), Decimal("61800.3"), Decimal("0.013")
MAKER_RATE, TAKER_RATE = Decimal("0.0002"), Decimal("0.0005")
CAPITAL = Decimal(1_000_000_000)
FEE_PER_TRIP = SIZE * (ASK + BID) * TAKER_RATE
PNL_PER_TRIP = SIZE * (BID - ASK)
# For arms that count money in floating point: of the amount that the arm must end with.
FLOAT_TOLERANCE = Decimal("1e-9")


@dataclass(frozen=True)
class Counts:
    """How many trips, and after how many the clock is read: the command line of every arm."""

    arm: str
    trips: int
    block: int

    @classmethod
    def from_command_line(cls) -> Counts:
        """`script arm trips block`."""
        arm, trips, block = sys.argv[1:4]
        counts = cls(arm, int(trips), int(block))
        if counts.trips % counts.block:
            raise SystemExit("the trips must be a whole number of blocks")
        return counts


class Watch:
    """Reads the clock at the end of each block; the collector of garbage is off in every arm alike."""

    def __init__(self) -> None:
        """Collects what is garbage now, and stops the collector."""
        gc.collect()
        gc.disable()
        self.marks_ns: list[int] = []
        self.cpu_ns = 0

    def start(self) -> None:
        """The start of the first block."""
        self.cpu_ns = -time.process_time_ns()
        self.mark()

    def mark(self) -> None:
        """The end of one block and the start of the next."""
        self.marks_ns.append(time.perf_counter_ns())

    def stop(self) -> None:
        """After the end of the last block."""
        self.cpu_ns += time.process_time_ns()

    def blocks_us(self, block: int) -> list[float]:
        """Microseconds a trip, block by block."""
        return [(after - before) / block / 1000 for before, after in itertools.pairwise(self.marks_ns)]

    def cpu_share(self) -> float:
        """Of the time between the first mark and the last, the part for which this process had a core."""
        return min(1.0, self.cpu_ns / (self.marks_ns[-1] - self.marks_ns[0]))


@dataclass
class Work:
    """What an arm does in a round trip; the report prints it beside the figure."""

    money: str
    duplicates: str = "no"
    ledger: str = "no"
    funding: str = "no"
    reconciliation: str = "no"
    journal: str = "no"
    durable: str = "no"
    also: str = ""
    lacks: str = ""


@dataclass
class End:
    """What an arm states after its last trip. None: it does not keep this, and its work list says so."""

    position: Decimal
    orders: int
    fees: Decimal | None
    realized_pnl: Decimal | None
    is_exact: bool


def wrong(end: End, trips: int) -> list[str]:
    """What differs from the end that every arm must reach."""
    expected = {
        "position": (end.position, Decimal(0)),
        "filled orders": (Decimal(end.orders), Decimal(2 * trips)),
        "fees": (end.fees, trips * FEE_PER_TRIP),
        "realized PnL": (end.realized_pnl, trips * PNL_PER_TRIP),
    }
    found = []
    for name, (stated, due) in expected.items():
        if stated is None:
            continue
        allowed = Decimal(0) if end.is_exact else abs(due) * FLOAT_TOLERANCE
        if abs(stated - due) > allowed:
            found.append(f"{name} is {stated}, not {due}")
    return found


def publish(
    counts: Counts, distribution: str, watch: Watch, end: End, work: Work, *, traded: bool = True
) -> None:
    """Checks the end and prints the arm's result as one JSON object."""
    found = wrong(end, counts.trips if traded else 0)
    if found:
        raise SystemExit(f"{counts.arm} ends wrong: " + "; ".join(found))
    blocks = watch.blocks_us(counts.block)
    if len(blocks) != counts.trips // counts.block:
        raise SystemExit(f"{counts.arm} timed {len(blocks)} blocks, not {counts.trips // counts.block}")
    result = {
        "arm": counts.arm,
        "version": importlib.metadata.version(distribution),
        "python": platform.python_version(),
        "blocks_us": [round(block, 4) for block in blocks],
        "cpu_share": round(watch.cpu_share(), 3),
        "end": {
            "position": str(end.position),
            "orders": end.orders,
            "fees": None if end.fees is None else str(end.fees),
            "realized_pnl": None if end.realized_pnl is None else str(end.realized_pnl),
        },
        "work": asdict(work),
    }
    print(json.dumps(result))
