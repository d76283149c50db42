"""A load test of the shadow loop: scenarios, how fast it goes, and whether K and E agree at the end."""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from dita.compat.shadow.exchange import FakeExchangeClient
from dita.compat.shadow.loop import ExecutionLoop, ExecutionParams, Quote
from dita.compat.shadow.monitor import RuntimeRiskMonitor
from dita.compat.shadow.numbers import Json
from dita.compat.shadow.store import InMemoryOrderStore
from dita.errors import refuse

_LOG: Final = logging.getLogger("dita.compat.shadow")
_SECOND_NS: Final = 1_000_000_000
#: So long everything takes that is on its way when a run ends, questions and repairs included.
_SETTLING_S: Final = 120
_HALF_WIDTH: Final = Decimal("0.0005")
_PLENTY: Final = 1_000_000_000


class Scenario(NamedTuple):
    """How a market and a venue behave.

    Attributes:
        what: In words.
        step: By how much of itself the price moves each round.
        settings: Of `FakeExchangeClient`.
    """

    what: str
    step: Decimal
    settings: Mapping[str, Any]


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "calm": Scenario(
        "a quiet market, every order fills",
        Decimal("0.0001"),
        {"fill_rate": 1, "reject_rate": 0, "latency_ms": 10, "partial_fill_rate": 0},
    ),
    "fast-market": Scenario(
        "2 % a round, fills in parts, a venue that takes its time",
        Decimal("0.02"),
        {"fill_rate": 1, "reject_rate": "0.02", "latency_ms": 250, "partial_fill_rate": "0.5"},
    ),
    "rejects": Scenario(
        "every second order is rejected",
        Decimal("0.001"),
        {"fill_rate": 1, "reject_rate": "0.5", "latency_ms": 10, "partial_fill_rate": "0.1"},
    ),
    "disconnects": Scenario(
        "one event in a hundred cuts the connection, one in a hundred is lost until it is repaired",
        Decimal("0.001"),
        {
            "fill_rate": 1,
            "reject_rate": "0.02",
            "latency_ms": 10,
            "partial_fill_rate": "0.1",
            "faults": {"disconnect": "0.01", "drop": "0.01", "disconnect_ms": 50},
        },
    ),
}


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load test has shown.

    Attributes:
        scenario: Its name.
        iterations: How many rounds.
        seconds: Wall clock.
        orders: Counts: placed, filled, rejected, canceled, risk_blocks.
        capital_k: What the wallet must hold by the kernel's ledger.
        capital_e: What the venue reports.
    """

    scenario: str
    iterations: int
    seconds: float
    orders: Mapping[str, int]
    capital_k: Decimal
    capital_e: Decimal

    @property
    def iterations_a_second(self) -> int:
        """How many rounds a second."""
        return int(self.iterations / self.seconds) if self.seconds else 0

    def to_dict(self) -> dict[str, Json]:
        """Return every figure by name."""
        return {
            "scenario": self.scenario,
            "iterations": self.iterations,
            "iterations_a_second": self.iterations_a_second,
            "orders": dict(self.orders),
            "k_capital": self.capital_k,
            "e_capital": self.capital_e,
            "difference": self.capital_e - self.capital_k,
        }


def run_load(name: str, iterations: int, *, symbol: str = "BTCUSDT", seed: int = 42) -> LoadReport:
    """Run a scenario. At its end the venue heals, what is on its way arrives, and K is held against E.

    Args:
        name: calm, fast-market, rejects or disconnects.
        iterations: How many rounds, at least 1.
        symbol: The instrument.
        seed: Where chance starts.

    Raises:
        InvalidInput: There is no such scenario, or a value cannot be taken.
    """
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise refuse("scenario", name, f"is none of {', '.join(SCENARIOS)}")
    exchange = FakeExchangeClient(seed=seed, slots=512, balance=_PLENTY, **scenario.settings)
    monitor = RuntimeRiskMonitor(
        max_inventory_usd_per_symbol=10_000, max_total_notional_usd=50_000, edge_freeze_threshold_bps=0
    )
    loop = ExecutionLoop(exchange, InMemoryOrderStore(), monitor)
    params = ExecutionParams([symbol], iterations, 10_000, 50_000, 0)
    was_quiet = _LOG.disabled
    _LOG.disabled = True
    try:
        began = time.perf_counter()
        loop.run_shadow(params, _walk(symbol, iterations, scenario.step))
        seconds = time.perf_counter() - began
        exchange.venue.heal()
        exchange.kernel.advance_time(exchange.kernel.now_ns + _SETTLING_S * _SECOND_NS)
        loop.on_fill()
        account = exchange.kernel.snapshot()["account"]
    finally:
        _LOG.disabled = was_quiet
        exchange.close()
    names = ("placed", "filled", "rejected", "canceled")
    return LoadReport(
        scenario=name,
        iterations=iterations,
        seconds=seconds,
        orders={
            **{one: loop.stats[f"orders_{one}"] for one in names},
            "risk_blocks": loop.stats["risk_blocks"],
        },
        capital_k=account["k_capital"],
        capital_e=account["e_wallet_balance"],
    )


def _walk(symbol: str, rounds: int, step: Decimal) -> Iterator[Quote]:
    """A price that goes up and down between two bounds, by chance alone of its own arithmetic."""
    state, middle = 7, Decimal(50_000)
    for _ in range(rounds):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        is_up = middle < 40_000 or (middle < 60_000 and state // 65_536 % 2 == 0)
        middle = (middle * (1 + step if is_up else 1 - step)).quantize(Decimal("0.01"))
        yield Quote(symbol, middle * (1 - _HALF_WIDTH), middle * (1 + _HALF_WIDTH))
