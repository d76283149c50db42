"""What an earlier life left under a kernel's name in the cluster, and is not so any more."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dita.cluster.mappings import ACCOUNT, CONTROL, HEALTH, ORDERS, SLOTS
from dita.projection.newest import Key, NewestWriter, Stamp, State, stamp_of

if TYPE_CHECKING:
    from hazelcast.client import HazelcastClient


def put_right(
    client: "HazelcastClient",
    writer: NewestWriter,
    kernel: str,
    run: int,
    state_of: Callable[[str], State],
) -> None:
    """Remove what is of another run, and end the orders that nobody ends any more. The name must be ours.

    An order that was at work when the last writer died, and ended before this one began, would stand there as
    at work for ever; a slot of a run that is over would show a position that nobody has.

    Args:
        client: The cluster's client.
        writer: Who brings values there; it has been given all that there is.
        kernel: The name.
        run: Which sequence of inputs is the present one.
        state_of: Returns an order's final state, by client id.

    Raises:
        Exception: Whatever the client breaks with; the next attempt puts right the rest.
    """
    from hazelcast.predicate import equal  # noqa: PLC0415 - an extra

    for name in (SLOTS, ORDERS, ACCOUNT, CONTROL, HEALTH):
        place: Any = client.get_map(name).blocking()
        for key, value in place.entry_set(equal("kernel", kernel)):
            text = value.to_string() if hasattr(value, "to_string") else ""
            if stamp_of(text).run != run:
                place.remove_if_same(key, value)
            elif name == ORDERS and not writer.knows(Key(name, key)) and _is_live(text):
                writer.offer(Key(name, key), state_of(key.removeprefix(f"{kernel}/")))
    writer.refill()


def forgotten(kernel: str, stamp: Stamp, client_id: str, ttl_s: int) -> State:
    """Return the state of an order of which the core does not know any more how it ended."""
    own: dict[str, Any] = {
        "kernel": kernel,
        "run": stamp.run,
        "seq": stamp.seq,
        "venue_client_id": client_id,
        "status": "FORGOTTEN",
        "live": False,
        "doubt": "NONE",
    }
    return State(stamp, lambda: json.dumps(own), ttl_s)


#: What an order's status is when it works no more.
_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DONE_FOR_DAY", "STOPPED", "FORGOTTEN"})


def _is_live(text: str) -> bool:
    found = json.loads(text)
    return bool(found.get("live", found.get("status") not in _ENDED))
