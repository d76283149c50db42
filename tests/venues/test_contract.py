"""The contract suite: what passes it, and what it catches."""

from collections.abc import Callable

import pytest

from dita.certify import SEQUENCES, Result, Rig, ScriptedRig, Sequence, SimulatedRig, certify_one

RIGS: tuple[Callable[[], Rig], ...] = (SimulatedRig, ScriptedRig)
NEED_THE_LOG = {6, 8, 10}


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: str(sequence.number))
@pytest.mark.parametrize("make_rig", RIGS, ids=lambda rig: rig.__name__)
def test_an_adapter_that_is_shipped_passes(make_rig: Callable[[], Rig], sequence: Sequence) -> None:
    verdict = certify_one(make_rig, sequence)
    expected = Result.NOT_RUN if sequence.number in NEED_THE_LOG else Result.PASS
    assert verdict.result == expected, verdict
    assert bool(verdict.why) == (verdict.result == Result.NOT_RUN)


def test_there_are_twenty() -> None:
    assert [sequence.number for sequence in SEQUENCES] == list(range(1, 21))
    assert {sequence.number for sequence in SEQUENCES if not sequence.scenes} == NEED_THE_LOG
