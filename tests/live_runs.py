"""Live runs against `dita exchange`: what the tests of `dita run` share."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from dita.live.places import Place, reference
from dita.live.plan import Plan, Remaining, Wanted
from dita.live.run import LiveHost
from dita.practice.server import ServerThread
from dita.strategy import Strategy

SECRET = "practise-secret"  # noqa: S105 - it opens nothing but the exchange


def plan_of(server: ServerThread, *strategies: type[Strategy], **fields: Any) -> Plan:
    """A plan on a served exchange, with its key."""
    place = Place.chosen(server.address, live=False)
    key, secret = (reference(f"env:{name}", place, "") for name in ("API_KEY", "API_SECRET"))
    wanted = tuple(Wanted(one.__name__, one) for one in strategies)
    return Plan(wanted, ("BTCUSDT",), place, key, secret, **fields)


def shadow_of(server: ServerThread, *strategies: type[Strategy], **fields: Any) -> Plan:
    """A plan in shadow of a served exchange, without a key."""
    wanted = tuple(Wanted(one.__name__, one) for one in strategies)
    place = Place.chosen(server.address, live=False)
    # Answers come at once, unless a test is about their time.
    given: dict[str, Any] = {"latency_ms": Decimal(0), **fields}
    return Plan(wanted, ("BTCUSDT",), place, shadow=True, **given)


def traded(run: LiveHost, until: Callable[[], bool], seconds: float = 15.0) -> Remaining:
    """Trade on a thread until something is so, and end it."""
    left: list[Remaining] = []
    thread = threading.Thread(target=lambda: left.append(run.trade()))
    thread.start()
    try:
        stop_s = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < stop_s, "it did not come to that"
            time.sleep(0.02)
    finally:
        run.stop()
        thread.join(30)
    return left[0]


def position(server: ServerThread) -> Decimal:
    """What the account at the exchange holds."""
    return server.call(lambda one: sum((p.size for p in one.account.held().positions), Decimal(0)))
