"""T1 by verbs beside T1 by intents, in turns in one process: microseconds a round trip, as JSON.

The same trip as in `bench_round_trip.py` (its `Desk`). A verb is handed what the intent would be built of; a
host's client finds slot, trade, instrument and side by itself.
"""

from __future__ import annotations

import gc
import json
import time
from statistics import median
from typing import TYPE_CHECKING

from bench_round_trip import LONG, Desk

from dita import SimulatedVenue
from dita._kernel import Client
from dita.host.client import Client as HostClient
from dita.host.client import SlotRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 200
TRIPS = 500


class Caller(Desk):
    """A desk whose trips may be verbs."""

    def __init__(self) -> None:
        """Opens the kernel, and a client of it."""
        super().__init__(SimulatedVenue(balances={"USDT": 1_000_000_000}))
        self.client = Client(self.kernel._engine)  # noqa: SLF001

    def verb_trip(self) -> None:
        """Enters and exits 0.013 BTC."""
        self.trips += 1
        trade = f"t{self.trips}"
        client = self.client
        client.enter(
            0,
            trade,
            "BTCUSDT",
            LONG,
            "0.013",
            intent_id="e" + trade,
            timestamp=self.trips,
            reference_price="61800.3",
            leverage=1,
        )
        client.exit(
            0,
            trade,
            "BTCUSDT",
            LONG,
            intent_id="x" + trade,
            timestamp=self.trips,
            reference_price="61800.2",
        )


class HostCaller(Desk):
    """A desk whose trips are those of a host's client."""

    def __init__(self) -> None:
        """Opens the kernel, and a client with its only slot."""
        super().__init__(SimulatedVenue(balances={"USDT": 1_000_000_000}))
        self.client = HostClient(self.kernel, SlotRegistry(self.kernel), "bench")

    def host_trip(self) -> None:
        """Enters and exits 0.013 BTC."""
        self.trips += 1
        client = self.client
        client.enter("BTCUSDT", LONG, "0.013", timestamp=self.trips, reference_price="61800.3", leverage=1)
        client.exit(0, timestamp=self.trips, reference_price="61800.2")


def timed_us(trip: Callable[[], None]) -> float:
    """Return what one trip of many takes, in microseconds."""
    began = time.perf_counter()
    for _ in range(TRIPS):
        trip()
    return (time.perf_counter() - began) * 1e6 / TRIPS


def main() -> None:
    """Prints the medians and the lowest of both ways, and of their ratio turn by turn."""
    intents, verbs, host = Caller(), Caller(), HostCaller()
    gc.disable()
    for _ in range(10):
        timed_us(intents.round_trip)
        timed_us(verbs.verb_trip)
        timed_us(host.host_trip)
    turns = [
        (timed_us(intents.round_trip), timed_us(verbs.verb_trip), timed_us(host.host_trip))
        for _ in range(TURNS)
    ]
    intents.assert_end()
    verbs.assert_end()
    host.assert_end()
    print(
        json.dumps(
            {
                "intents_us": median(turn[0] for turn in turns),
                "verbs_us": median(turn[1] for turn in turns),
                "host_us": median(turn[2] for turn in turns),
                "intents_lowest_us": min(turn[0] for turn in turns),
                "verbs_lowest_us": min(turn[1] for turn in turns),
                "host_lowest_us": min(turn[2] for turn in turns),
                "ratio": median(turn[1] / turn[0] for turn in turns),
                "turns": TURNS,
                "trips": TRIPS,
            }
        )
    )


if __name__ == "__main__":
    main()
