"""Halts kernels by shared memory: no file to be watched, no cluster, and nobody who has to answer."""

import os
import time
from typing import Literal, NamedTuple

from dita._kernel import ZincHalt
from dita.zinc.directory import directory_of


class Standing(NamedTuple):
    """What operators have asked for.

    Attributes:
        gate: NORMAL, REDUCE_ONLY or HALTED.
        who: Who asked last; empty where nobody has.
        at_ns: When, ns since 1970.
    """

    gate: str
    who: str
    at_ns: int


class SharedHalt:
    """A kernel's halt. It only tightens: the gate is opened at the kernel's control plane, and this follows.

    Attributes:
        name: The plane's.
    """

    def __init__(self, name: str = "main", *, directory: str | os.PathLike[str] | None = None) -> None:
        """Open the halt of a plane.

        Args:
            name: The plane's.
            directory: Where it is; None means `DITA_ZINC_DIR`, or this user's directory in `/dev/shm`.

        Raises:
            ZincError: There is none, it is another version's, damaged, or not this user's alone.
            InvalidInput: The name is none.
        """
        self.name = name
        self._halt = ZincHalt(directory_of(directory), name)

    def ask(self, gate: Literal["REDUCE_ONLY", "HALTED"] = "HALTED", *, by: str) -> int:
        """Ask for a gate. Returns at once, whether the kernel runs or not: one that opens later applies it.

        Args:
            gate: HALTED refuses every intent but CANCEL and EXIT, and cancels working entries; REDUCE_ONLY
                refuses what increases risk.
            by: Who asks; what is behind 64 bytes is cut off.

        Returns:
            What `is_taken` wants.

        Raises:
            InvalidInput: It is no such gate.
        """
        return self._halt.ask(gate, by, time.time_ns())

    def is_taken(self, asked: int, timeout_s: float = 0.0) -> bool:
        """Return whether the kernel has applied a request, or by a later one; wait for that, at most so long.

        Args:
            asked: What `ask` returned.
            timeout_s: Seconds.
        """
        return self._halt.is_taken(asked, round(timeout_s * 1e6))

    @property
    def standing(self) -> Standing:
        """What stands."""
        return Standing(*self._halt.standing())
