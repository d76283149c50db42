"""The native adapter on a network that goes wrong, seed after seed: in this process, and over sockets.

CI plays some seeds; the soak list has 1,000 in this process and 50 over sockets.
"""

import os

import pytest

from dita.certify import network_fired, torture_adapter
from dita.certify.rigs.binance import BinanceMemoryRig, BinanceRig
from dita.certify.rigs.network import NetworkFault

MEMORY = range(int(os.environ.get("DITA_BINANCE_MEMORY_SEEDS", "24")))
SOCKETS = range(int(os.environ.get("DITA_BINANCE_SOCKET_SEEDS", "4")))


@pytest.mark.parametrize("half", [0, 1])
def test_seeds_without_sockets_end_with_the_exchanges_books_and_every_fault_happened(half: int) -> None:
    ordeals = list(torture_adapter(BinanceMemoryRig, MEMORY[half::2]))
    assert [(one.seed, one.failure) for one in ordeals if one.failure] == []
    happened = network_fired(ordeals)
    assert set(happened) == set(map(str, NetworkFault))
    # Of each some, where enough seeds are played: each seed has half of them.
    assert sum(happened.values()) >= len(ordeals)


def test_seeds_over_sockets_end_with_the_exchanges_books() -> None:
    ordeals = list(torture_adapter(BinanceRig, SOCKETS))
    assert [(one.seed, one.failure) for one in ordeals if one.failure] == []
    assert sum(network_fired(ordeals).values()) > 0
