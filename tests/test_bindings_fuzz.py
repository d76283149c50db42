"""The fuzz target `bindings` with the extension as it ships: its corpus, random bytes, what it found."""

import random
from pathlib import Path
from typing import Any

import pytest

from bindings_fuzz import Hostile, run
from dita import (
    ControlUpdate,
    ExecutionKernel,
    InvalidInput,
    InvalidType,
    KernelPoisoned,
)
from kernels import SYMBOL, opened

CORPUS = Path(__file__).resolve().parents[1] / "rust_kernel" / "fuzz" / "corpora" / "bindings"
RANDOM_RUNS = 300

DEEP: list[Any] = []
for _ in range(2_000):
    DEEP = [DEEP]


def test_every_entry_of_the_corpus_passes() -> None:
    entries = sorted(CORPUS.iterdir())
    assert len(entries) >= 10
    for entry in entries:
        run(entry.read_bytes())


def test_random_calls_pass() -> None:
    chance = random.Random(20240801)  # noqa: S311 - the same calls each time
    for _ in range(RANDOM_RUNS):
        run(bytes([chance.choice([0, 1, 2, 3]), *chance.randbytes(chance.randrange(300))]))


def test_the_target_sees_a_wrong_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that cannot fail would prove nothing."""

    def poisoned(*_: object) -> Any:
        raise KernelPoisoned("a step failed half way")

    monkeypatch.setattr(ExecutionKernel, "on_venue_event", poisoned)
    with pytest.raises(KernelPoisoned):
        run(bytes([2, *[2, 1] * 100]))


SPEC = {"tick_size": "0.1", "lot_step": "0.001"}


@pytest.mark.parametrize(
    ("call", "error", "field"),
    [
        # What cannot be shown, or takes for ever, is refused like anything else.
        (lambda k: k.slot(10**5000), InvalidInput, "slot_id"),
        (lambda k: k.update_control(10**5000), InvalidType, "update"),
        (lambda k: k.update_control(DEEP), InvalidType, "update"),
        (lambda k: k.update_control(Hostile()), InvalidType, "update"),
        (lambda k: k.set_exchange_config({"unheard_of": DEEP}), InvalidInput, "unheard_of"),
        (lambda k: k.set_exchange_config({"fee_rounding": DEEP}), InvalidInput, "fee_rounding"),
        (lambda k: k.set_exchange_config({"product": 10**5000}), InvalidType, "product"),
        # A configuration's names are texts.
        (lambda k: k.set_exchange_config({"instruments": {7: SPEC}}), InvalidType, "instruments"),
        (lambda k: k.set_exchange_config({7: "0.1"}), InvalidType, "config"),
        (lambda k: k.set_exchange_config({"quote": 5}), InvalidType, "quote"),
        (lambda k: k.set_exchange_config({"base": b"BTC"}), InvalidType, "base"),
        (lambda k: k.set_exchange_config({"settle": [1]}), InvalidType, "settle"),
        (lambda k: k.set_exchange_config({"fee_rounding": ("0.01", ["UP"])}), InvalidInput, "fee_rounding"),
        # What shall be a list or a mapping and is none.
        (lambda k: k.process_intents(5), InvalidType, "intents"),
        (lambda k: k.reconcile_from_slots(None), InvalidType, "slots"),
        (lambda k: k.reconcile_from_slots("abc"), InvalidType, "slots"),
        (lambda k: k.update_control(ControlUpdate(limits=5)), InvalidType, "limits"),
        (lambda k: k.update_control(ControlUpdate(limits=[1])), InvalidType, "limits"),
    ],
)
def test_what_the_target_found_is_refused_by_name(call: Any, error: type[Exception], field: str) -> None:
    kernel = opened()
    before = kernel.state_hash()
    with pytest.raises(error) as raised:
        call(kernel)
    assert raised.value.field.endswith(field)  # type: ignore[attr-defined]
    assert len(str(raised.value)) < 600  # an unknown key lists those that there are
    assert kernel.state_hash() == before
    kernel.set_exchange_config({"instruments": {SYMBOL: SPEC}})
