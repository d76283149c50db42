"""What opens a kernel: its settings held against their bounds, and the engine that they make."""

import hashlib
from typing import Any, Final

from dita._kernel import Engine
from dita.clock import Clock, ManualClock, SystemClock
from dita.errors import refuse, wrong_type
from dita.venues.base import VenueAdapter
from dita.venues.sim import SimulatedVenue

# What a client id has room for.
SLOTS_MAX: Final = 1 << 23
SIZE_MAX: Final = 1 << 31
_NONCE_BITS: Final = 40


def open_engine(
    venue: VenueAdapter | SimulatedVenue | None,
    clock: Clock | None,
    **settings: Any,  # noqa: ANN401 - each has its own type
) -> Engine:
    """Return an engine with its venue and its clock."""
    if venue is not None and not isinstance(venue, (SimulatedVenue, VenueAdapter)):
        raise wrong_type("venue", venue, "an adapter with submit and cancel")
    if clock is None:
        clock = SystemClock() if getattr(venue, "live", False) else ManualClock()
    if not isinstance(clock, (ManualClock, SystemClock)):
        raise wrong_type("clock", clock, "ManualClock or SystemClock")
    start_ns = clock.start_ns if isinstance(clock, ManualClock) else None
    if isinstance(venue, SimulatedVenue):
        simulated = {**venue.settings, "hedge_mode": settings["hedge_mode"]}
        return Engine(simulated=simulated, start_ns=start_ns, **settings)
    return Engine(adapter=venue, start_ns=start_ns, **settings)


def nonce(given: int | str) -> int:
    """Return the mark of an instance's client ids: 40 bits, of a text its hash."""
    if isinstance(given, str):
        digest = hashlib.blake2b(given.encode(), digest_size=_NONCE_BITS // 8).digest()
        return int.from_bytes(digest, "big")
    return whole("instance_nonce", given, 0, (1 << _NONCE_BITS) - 1)


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return a whole number that stays within its bounds; raise InvalidInput or InvalidType."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(field, value, "int")
    if not low <= value <= high:
        raise refuse(field, value, f"must be from {low} to {high}")
    return value
