"""A process that did not run for a while (stopped, suspended): what the venue said meanwhile is fetched."""

import logging
import weakref
from typing import Any, Final

from dita._kernel import Engine
from dita.errors import KernelError
from dita.kernel.missed import Missed
from dita.kernel.recovery import RECOVERY_MARGIN_NS, repair
from dita.venues.base import VenueAdapter
from dita.venues.sim import SimulatedVenue

_LOG: Final = logging.getLogger("dita.kernel")
# A wake-up so much too late means that the process did not run. Not a setting: tests shorten it.
LATE_MS = 5_000


class Waking:
    """What the engine's timer calls, in its own thread. It holds no engine: the engine holds it."""

    def __init__(
        self, engine: Engine, venue: VenueAdapter | SimulatedVenue | None, missed: Missed | None
    ) -> None:
        """Take the venue to ask, and where a log is, the file that keeps what is still to be asked for."""
        self._engine = weakref.ref(engine)
        self._adapter = None if isinstance(venue, SimulatedVenue) else venue
        self._missed = missed

    def asleep(self, since_ns: int, lost_ns: int) -> None:
        """Keep since when the venue has been silent, before anything else is taken."""
        _LOG.warning(
            "this process did not run for %.1f s: DISCONNECTED until the venue was asked", lost_ns / 1e9
        )
        if self._missed is not None and self._adapter is not None:
            self._missed.since_ns(max(0, since_ns - RECOVERY_MARGIN_NS))

    def repair(self, since_ns: int) -> bool:
        """Ask the venue for what was missed; return whether the connection counts as repaired."""
        engine, adapter = self._engine(), self._adapter
        if engine is None or adapter is None:
            return False
        try:
            found = repair(engine, adapter, max(0, since_ns - RECOVERY_MARGIN_NS))
            if found["troubles"]:
                _LOG.warning("the venue could not be asked for what was missed: %s", found["troubles"])
                return False
            if self._missed is not None:
                # What it brought must not be lost after the reason to ask for it is.
                engine.sync()
                self._missed.caught_up()
        except KernelError as error:
            # Closed meanwhile, or poisoned: the next call on the kernel raises.
            _LOG.warning("the repair was broken off: %s", error)
            return False
        _LOG.info("caught up with the venue: %s", found["repairs"])
        return True


def start_timer(engine: Engine, waking: Any) -> None:  # noqa: ANN401 - Waking, or a test's own
    """Start an engine's timer, where its time is real."""
    engine.start_timer(LATE_MS, waking)
