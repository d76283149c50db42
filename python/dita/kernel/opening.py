"""What opens a kernel: its settings held against their bounds, and the engine that they make."""

import atexit
import hashlib
import logging
import os
import secrets
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dita._kernel import Engine, LogReplica, was_forked
from dita.clock import Clock, ManualClock, SystemClock
from dita.errors import KernelError, refuse, wrong_type
from dita.venues.base import VenueAdapter, is_live
from dita.venues.sim import SimulatedVenue

_LOG: Final = logging.getLogger("dita.log")
# What a client id has room for.
SLOTS_MAX: Final = 1 << 23
SIZE_MAX: Final = 1 << 31
_NONCE_BITS: Final = 40
NONCES_MAX: Final = (1 << _NONCE_BITS) - 1
# A minute: longer is no batch any more.
_DELAY_US_MAX: Final = 60_000_000
_BYTES_MAX: Final = 1 << 60
# How long the end of the process waits for another thread that is at work in a kernel.
_EXIT_PATIENCE_MS: Final = 5_000


def open_engine(
    venue: VenueAdapter | SimulatedVenue | None,
    clock: Clock | None,
    *,
    instance_nonce: int | str | None,
    **settings: Any,  # noqa: ANN401 - each has its own type
) -> Engine:
    """Return an engine with its venue and its clock."""
    if venue is not None and not isinstance(venue, (SimulatedVenue, VenueAdapter)):
        raise wrong_type("venue", venue, "an adapter with submit and cancel")
    if clock is None:
        clock = SystemClock() if is_live(venue) else ManualClock()
    if not isinstance(clock, (ManualClock, SystemClock)):
        raise wrong_type("clock", clock, "ManualClock or SystemClock")
    start_ns = clock.start_ns if isinstance(clock, ManualClock) else None
    if instance_nonce is None:
        # Two logs of one account must never give the same ids; what is driven gives the same ones each time.
        drawn = is_live(venue) and start_ns is None
        settings["instance_nonce"] = 1 + secrets.randbelow(NONCES_MAX) if drawn else 0
        settings["keeps_nonce"] = True
    else:
        settings["instance_nonce"] = nonce(instance_nonce)
    if isinstance(venue, SimulatedVenue):
        simulated = {**venue.settings, "hedge_mode": settings["hedge_mode"]}
        return Engine(simulated=simulated, start_ns=start_ns, **settings)
    return Engine(adapter=venue, start_ns=start_ns, **settings)


_open_logs: "weakref.WeakSet[Engine]" = weakref.WeakSet()


def close_at_exit(engine: Engine) -> None:
    """Have an engine's log closed when the interpreter ends."""
    _open_logs.add(engine)


_timers: "weakref.WeakSet[Engine]" = weakref.WeakSet()


def end_timer_at_exit(engine: Engine) -> None:
    """Have an engine's timer end before the interpreter does: a thread must not ask for one that is gone."""
    _timers.add(engine)


def _end_timers() -> None:
    for engine in list(_timers):
        if not engine.end_timer(_EXIT_PATIENCE_MS):
            _LOG.error("a kernel's timer is still inside an adapter as the process ends")


def _close_logs() -> None:
    for engine in list(_open_logs):
        try:
            closed = engine.close(_EXIT_PATIENCE_MS)
        except KernelError:
            _LOG.exception("a log could not be closed")
        else:
            if not closed:
                # A daemon thread inside an adapter that hangs must not keep the process from ending.
                _LOG.error(
                    "a kernel is still at work as the process ends: its log is left as a kill leaves it"
                )


atexit.register(_close_logs)
# Run before it.
atexit.register(_end_timers)
if hasattr(os, "register_at_fork"):
    # A child that outlives its parent would keep the log locked.
    os.register_at_fork(after_in_child=was_forked)
    os.register_at_fork(after_in_child=_close_logs)


def log_settings(
    log_dir: object,
    *,
    policy: str,
    delay_us: int,
    records: int,
    segment_bytes: int,
    snapshot_records: int,
    retained_bytes: int,
    follower_bytes: int,
    replica: LogReplica | None = None,
) -> dict[str, Any] | None:
    """Return a log's settings as the engine takes them; None where there shall be none."""
    if log_dir is None:
        return None
    if not isinstance(log_dir, (str, os.PathLike)):
        raise wrong_type("log_dir", log_dir, "str or os.PathLike")
    if not os.fspath(log_dir):
        raise refuse("log_dir", log_dir, "names no directory")
    return {
        "log_dir": os.fspath(log_dir),
        "log_policy": policy,
        "log_delay_us": whole("log_delay_us", delay_us, 0, _DELAY_US_MAX),
        "log_records": whole("log_records", records, 1, SIZE_MAX),
        "log_segment_bytes": whole("log_segment_bytes", segment_bytes, 1, SIZE_MAX),
        "log_snapshot_records": whole("log_snapshot_records", snapshot_records, 1, _BYTES_MAX),
        "log_retained_bytes": whole("log_retained_bytes", retained_bytes, 0, _BYTES_MAX),
        "log_follower_bytes": whole("log_follower_bytes", follower_bytes, 0, _BYTES_MAX),
        "log_replica": replica,
    }


def nonce(given: int | str) -> int:
    """Return the mark of an instance's client ids: 40 bits, of a text its hash."""
    if isinstance(given, str):
        digest = hashlib.blake2b(given.encode(), digest_size=_NONCE_BITS // 8).digest()
        return int.from_bytes(digest, "big")
    return whole("instance_nonce", given, 0, NONCES_MAX)


def listed(field: str, values: Any) -> list[Any]:  # noqa: ANN401 - whatever a caller gave
    """Return what somebody gave as a list; raise InvalidType where it is nothing of the kind."""
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes, Mapping)):
        raise wrong_type(field, values, "a list")
    return list(values)


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return a whole number that stays within its bounds; raise InvalidInput or InvalidType."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(field, value, "int")
    if not low <= value <= high:
        raise refuse(field, value, f"must be from {low} to {high}")
    return value
