"""Where kernel time comes from. The core reads no clock: the engine stamps every input."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ManualClock:
    """Kernel time is the latest time that local callers have given: for replays, recorded data, tests.

    Given by an intent's timestamp, a mark's, a quote's, and `advance_time`; never by a venue's event, whose
    time may run backwards.

    Attributes:
        start_ns: Kernel time at the start, nanoseconds since 1970-01-01 UTC.
    """

    start_ns: int = 0


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Kernel time is real: for live trading. The kernel then has a timer of its own.

    It is the machine's wall clock at the opening plus the time that has passed since, suspends included. It
    never jumps; it corrects itself by 0.1 % at most. See `health()["clock"]`.
    """


Clock: TypeAlias = ManualClock | SystemClock
