"""Plays the sequences against rigs, and says what came of each."""

import enum
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dita.certify.bench import Bench, Unmet
from dita.certify.rig import NotOffered, Rig
from dita.certify.sequences import SEQUENCES, Scene, Sequence


class Result(enum.StrEnum):
    """What came of a sequence."""

    PASS = "PASS"  # noqa: S105 - not a secret
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one sequence.

    Attributes:
        sequence: Which.
        result: PASS only where every scene was played and ended well.
        why: What failed, or what the rig does not offer; empty on a PASS.
        expected: Of a FAIL: what was demanded; empty where the adapter or the rig raised.
        seen: Of a FAIL: what was seen.
        trail: Of a FAIL: the last of what was done, sent and received, oldest first.
    """

    sequence: Sequence
    result: Result
    why: str = ""
    expected: str = ""
    seen: str = ""
    trail: tuple[str, ...] = ()


def certify(make_rig: Callable[[], Rig]) -> Iterator[Verdict]:
    """Play plain trading and the twenty sequences, and yield a verdict of each as it is known.

    Args:
        make_rig: Makes a fresh rig; called once per scene.
    """
    for sequence in SEQUENCES:
        yield certify_one(make_rig, sequence)


def certify_one(make_rig: Callable[[], Rig], sequence: Sequence) -> Verdict:
    """Play one sequence.

    Args:
        make_rig: Makes a fresh rig; called once per scene.
        sequence: Which.
    """
    skipped = ""
    with quiet():
        for scene in sequence.scenes:
            where = f"{scene.name or scene.trouble}: " if len(sequence.scenes) > 1 else ""
            try:
                _play(make_rig(), scene)
            except NotOffered as refusal:
                skipped = skipped or f"{where}{refusal}"
            except Unmet as unmet:
                why = f"{where}{unmet.what}"
                return Verdict(sequence, Result.FAIL, why, unmet.expected, unmet.seen, _trail(unmet))
            except Exception as error:  # noqa: BLE001 - whatever an adapter or a rig raises is its failure
                why = f"{where}{type(error).__name__}: {error}"
                return Verdict(sequence, Result.FAIL, why, trail=_trail(error))
    return Verdict(sequence, Result.SKIP, skipped) if skipped else Verdict(sequence, Result.PASS)


def _trail(error: Exception) -> tuple[str, ...]:
    """The trail that the bench has left on an error; empty where no bench was open."""
    trail: tuple[str, ...] = getattr(error, "trail", ())
    return trail


def _play(rig: Rig, scene: Scene) -> None:
    with Bench.on(rig, scene.trouble) as bench:
        scene.play(bench)
        bench.close_out()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the kernel's log of requests that fail on purpose out of the report."""
    log = logging.getLogger("dita.venue")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before
