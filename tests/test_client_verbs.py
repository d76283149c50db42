"""The client's verbs: each is the intent of the same fields, to the byte of the log."""

from __future__ import annotations

import gc
import weakref
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dita import (
    ExecutionKernel,
    InvalidInput,
    InvalidType,
    KernelClosed,
    KernelIntent,
    ManualClock,
    SimulatedVenue,
)
from dita._kernel import Client
from dita.host.client import Client as HostClient
from dita.host.client import SlotRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dita import KernelOutcome
    from dita.host.client import SentIntent

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
LEFT_OUT: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    (
        "enter",
        (3, "BTCUSDT", "SHORT"),
        {"size": "0.5", "timestamp": 1, "order_type": "LIMIT", "limit_price": "61900.5"},
    ),
    ("amend", (3, "BTCUSDT", "SHORT"), {"size": "0.4", "timestamp": 2, "limit_price": "61950"}),
    ("cancel", (3, "BTCUSDT", "SHORT"), {"timestamp": 3}),
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


def test_what_a_numbered_client_leaves_out_is_what_its_slot_carries_and_its_next_id() -> None:
    hashes = []
    for named in (True, False):
        kernel = opened()
        client = Client(kernel._engine, "alice", numbered=True)
        number = kernel._engine.seq + 1
        for at, (verb, place, more) in enumerate(LEFT_OUT):
            carries: tuple[Any, ...] = (f"alice-t{number}" if named else None, *place[1:])
            if verb != "enter" and not named:
                carries = ()
            ids = {"intent_id": f"alice-{number + at}"} if named else {}
            outcome = getattr(client, verb)(place[0], *carries, **ids, **more)
            assert outcome.accepted, outcome
            assert outcome.trade_id == f"alice-t{number}"
        hashes.append(kernel.state_hash())
    assert hashes[0] == hashes[1]


def test_a_client_that_makes_no_ids_has_to_be_given_them() -> None:
    kernel = opened()
    client = Client(kernel._engine, "alice")
    before = kernel._engine.seq
    for trade_id, intent_id, field in ((None, "e", "trade_id"), ("t", None, "intent_id")):
        with pytest.raises(InvalidInput, match=f"{field}: is required"):
            client.enter(0, trade_id, "BTCUSDT", "LONG", "0.013", intent_id=intent_id)
    with pytest.raises(InvalidInput, match="numbered: is required"):
        client.take_number()
    assert kernel._engine.seq == before


def test_a_numbered_client_takes_no_number_for_a_value_that_is_refused() -> None:
    kernel = opened()
    client = Client(kernel._engine, "alice", numbered=True)
    with pytest.raises(InvalidInput, match="limit_price"):
        client.enter(0, None, "BTCUSDT", "LONG", "0.013", limit_price="much")
    assert client.take_number() == kernel._engine.seq + 1


def test_a_client_finds_the_first_free_of_its_slots_and_what_each_carries() -> None:
    kernel = opened()
    client = Client(kernel._engine, "alice", numbered=True)
    assert client.trade(3) == ("", "", "FLAT")
    assert client.trade(99) == ("", "", "FLAT")
    assert client.free_slot((3, 5)) == 3
    entered = client.enter(3, None, "BTCUSDT", "SHORT", "0.013")
    assert client.trade(3) == (entered.trade_id, "BTCUSDT", "SHORT")
    assert client.free_slot((3, 5)) == 5
    assert client.free_slot((3, 99)) is None
    assert client.exit(3).accepted
    assert kernel.slot(3).closed
    assert client.free_slot((3, 5)) == 3
    assert client.trade(3) == (entered.trade_id, "BTCUSDT", "SHORT"), "what it has carried last"


def test_a_hosts_client_does_the_same_whether_somebody_watches_its_intents_or_not(tmp_path: Path) -> None:
    ways = {}
    for watched in (False, True):
        log_dir = tmp_path / str(watched)
        kernel = opened(log_dir)
        client = HostClient(kernel, SlotRegistry(kernel), "bob", slots=2)
        sent: list[SentIntent] = []
        if watched:
            client.subscribe_sent(sent.append)
        exits = [{"kind": "STOP", "trigger_price": "60000"}]
        outcomes = [
            client.enter("BTCUSDT", "LONG", "0.013", timestamp=1, exits=exits),
            client.enter("BTCUSDT", "LONG", 9, target_size="0.02", timestamp=2, slot=1, reason="why"),
            client.exit(1, "0.01", timestamp=3),
            client.exit(1, target_size="0.01", timestamp=4, intent_id="mine"),
            client.enter(
                "BTCUSDT", "LONG", "0.5", timestamp=5, order_type="LIMIT", limit_price="61000", trade_id="own"
            ),
            client.amend(1, timestamp=6, target_size="0.4", limit_price="61001"),
            client.cancel(1, timestamp=7),
            client.exit(0, timestamp=8),
        ]
        assert all(outcome.accepted for outcome in outcomes), outcomes
        assert len(sent) == (len(outcomes) if watched else 0)
        hashed = kernel.state_hash()
        client.close()
        with pytest.raises(KernelClosed):
            client.exit(0)
        kernel.close()
        ways[watched] = (
            [outcome.to_dict() | {"durable": None} for outcome in outcomes],
            hashed,
            [file.read_bytes() for file in sorted(log_dir.glob("*.seg"))],
        )
    assert ways[False] == ways[True]
