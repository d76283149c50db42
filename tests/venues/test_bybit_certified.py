"""Bybit's adapter: certified over sockets, and tortured on a network that goes wrong, with and without."""

import os

import pytest

from dita.certify import Result, certify, network_fired, torture_adapter
from dita.certify.rigs.bybit import BybitMemoryRig, BybitRig
from dita.certify.rigs.network import NetworkFault

MEMORY = range(int(os.environ.get("DITA_BYBIT_MEMORY_SEEDS", "16")))
SOCKETS = range(int(os.environ.get("DITA_BYBIT_SOCKET_SEEDS", "2")))
#: Every fill has an id at Bybit; of the last sequence's scenes the order that ends at a time is left out.
SKIPPED = {"synthetic trade ids that differ per run", "the venue ends it, or its clock is off"}


def test_every_sequence_passes_over_sockets_but_what_cannot_happen_there() -> None:
    verdicts = list(certify(BybitRig))
    assert [(one.sequence.name, one.why) for one in verdicts if one.result is Result.FAIL] == []
    assert {one.sequence.name for one in verdicts if one.result is Result.SKIP} == SKIPPED


@pytest.mark.parametrize("half", [0, 1])
def test_seeds_without_sockets_end_with_the_exchanges_books(half: int) -> None:
    ordeals = list(torture_adapter(BybitMemoryRig, MEMORY[half::2]))
    assert [(one.seed, one.failure) for one in ordeals if one.failure] == []
    happened = network_fired(ordeals)
    assert set(happened) == set(map(str, NetworkFault))
    assert sum(happened.values()) >= len(ordeals)


def test_seeds_over_sockets_end_with_the_exchanges_books() -> None:
    ordeals = list(torture_adapter(BybitRig, SOCKETS))
    assert [(one.seed, one.failure) for one in ordeals if one.failure] == []
