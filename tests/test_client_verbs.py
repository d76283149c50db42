"""The client's verbs: each is the intent of the same fields, to the byte of the log."""

from __future__ import annotations

import gc
import weakref
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, KernelIntent, ManualClock, SimulatedVenue
from dita._kernel import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dita import KernelOutcome

CONFIG = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {
        "BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001", "base": "BTC", "quote": "USDT", "settle": "USDT"}
    },
}
# verb, place and side of the trade, the other arguments
STEPS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("enter", (0, "t1", "BTCUSDT", "LONG", "0.013"), {"intent_id": "e1", "timestamp": 1, "leverage": 1}),
    (
        "exit",
        (0, "t1", "BTCUSDT", "LONG"),
        {"intent_id": "x1", "timestamp": 2, "reason": "done", "metadata": {"a": 1}},
    ),
    (
        "enter",
        (1, "t2", "BTCUSDT", "SHORT", Decimal("0.5")),
        {
            "intent_id": "e2",
            "timestamp": 3,
            "order_type": "LIMIT",
            "limit_price": "61900.5",
            "post_only": True,
            "time_in_force": "GTC",
            "exit_leg_ratios": ("0.5", "0.5"),
            "source_run": "run-7",
            "reference_price": 61800,
        },
    ),
    (
        "amend",
        (1, "t2", "BTCUSDT", "SHORT", "0.4"),
        {"intent_id": "a2", "timestamp": 4, "limit_price": "61950"},
    ),
    (
        "cancel",
        (1, "t2", "BTCUSDT", "SHORT"),
        {"intent_id": "c2", "timestamp": 5, "reason": "changed my mind"},
    ),
    ("enter", (0, "t1", "BTCUSDT", "LONG", "0.013"), {"intent_id": "e1", "timestamp": 6}),
    ("enter", (99, "t3", "BTCUSDT", "LONG", "0.013"), {"intent_id": "e3", "timestamp": 7}),
    ("enter", (-1, "t4", "BTCUSDT", "LONG", "0.013"), {"intent_id": "e4", "timestamp": 8}),
    ("enter", (2, "t5", "BTCUSDT", "LONG", "0"), {"intent_id": "e5", "timestamp": 9}),
)
NAMES = ("slot_id", "trade_id", "asset", "side", "target_size")


def opened(log_dir: Path | None = None) -> ExecutionKernel:
    """Return a kernel with a simulated venue, a market and money."""
    kernel = ExecutionKernel(
        max_slots=10,
        venue=SimulatedVenue(balances={"USDT": 1_000_000}),
        clock=ManualClock(0),
        instance_nonce=7,
        log_dir=log_dir,
    )
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital(1_000_000)
    kernel.venue.on_quote("BTCUSDT", "61800.2", None, "61800.3", None, 0)
    kernel.mark_price("BTCUSDT", "61800.2")
    return kernel


def by_intent(kernel: ExecutionKernel) -> Iterator[KernelOutcome]:
    """Play the steps as intents."""
    for verb, place, more in STEPS:
        yield kernel.process_intent(
            KernelIntent(**dict(zip(NAMES, place, strict=False)), action=verb.upper(), owner="alice", **more)
        )


def by_verb(kernel: ExecutionKernel) -> Iterator[KernelOutcome]:
    """Play the same steps as calls."""
    client = Client(kernel._engine, "alice")
    for verb, place, more in STEPS:
        yield getattr(client, verb)(*place, **more)


def test_verbs_and_intents_come_to_the_same_outcomes_and_the_same_bytes_in_the_log(tmp_path: Path) -> None:
    ways: dict[str, Callable[[ExecutionKernel], Iterator[KernelOutcome]]] = {
        "intent": by_intent,
        "verb": by_verb,
    }
    outcomes, hashes, logs = {}, {}, {}
    for name, way in ways.items():
        kernel = opened(tmp_path / name)
        # `durable` tells whether the disk had got that far by then: the machine's pace, not the way's.
        outcomes[name] = [outcome.to_dict() | {"durable": None} for outcome in way(kernel)]
        hashes[name] = kernel.state_hash()
        kernel.close()
        logs[name] = [file.read_bytes() for file in sorted((tmp_path / name).glob("*.seg"))]
    assert outcomes["verb"] == outcomes["intent"]
    assert hashes["verb"] == hashes["intent"]
    codes = [str(outcome["diagnostic_code"]) for outcome in outcomes["verb"]]
    assert [outcome["accepted"] for outcome in outcomes["verb"][:5]] == [True] * 5, codes
    assert codes[6:9] == ["INVALID_SLOT_ID", "INVALID_SLOT_ID", "INVALID_INTENT"]
    assert logs["verb"], "there is a log"
    assert logs["verb"] == logs["intent"]


@pytest.mark.parametrize(
    ("verb", "more", "error", "field"),
    [
        ("enter", {"side": "UP"}, InvalidInput, "side"),
        ("enter", {"asset": 5}, InvalidType, "asset"),
        ("exit", {"limit_price": "much"}, InvalidInput, "limit_price"),
        ("amend", {"size": object()}, InvalidType, "target_size"),
        ("cancel", {"intent_id": "x" * 65}, InvalidInput, "intent_id"),
        ("cancel", {"size": 1}, TypeError, None),
    ],
)
def test_a_value_that_no_intent_takes_is_raised_and_nothing_is_taken(
    verb: str, more: dict[str, Any], error: type[Exception], field: str | None
) -> None:
    kernel = opened()
    before = kernel._engine.seq
    given = {"slot_id": 0, "trade_id": "t", "asset": "BTCUSDT", "side": "LONG", "intent_id": "i", **more}
    with pytest.raises(error) as raised:
        getattr(Client(kernel._engine), verb)(**given)
    assert getattr(raised.value, "field", None) == field
    assert kernel._engine.seq == before


def test_a_verb_without_a_time_gets_the_kernels() -> None:
    kernel = opened()
    kernel.advance_time(5_000)
    client = Client(kernel._engine)
    assert client.owner == ""
    assert client.enter(0, "t1", "BTCUSDT", "LONG", "0.013", intent_id="e1").accepted
    assert kernel._engine.slot(0).to_dict()["entry_time"] == 5_000


def test_a_client_that_its_kernels_venue_holds_goes_with_it() -> None:
    venue = SimulatedVenue()
    kernel = ExecutionKernel(venue=venue)
    venue.client = Client(kernel._engine)  # type: ignore[attr-defined]
    gone = weakref.ref(kernel._engine)
    kernel.close()
    del kernel, venue
    gc.collect()
    assert gone() is None
