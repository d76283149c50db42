"""The kernel events in one message of a venue."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueEvent
from dita.errors import InvalidInput
from dita.venues.base import SequenceOrder, SequenceTies

_OURS_MAX: Final = 36


class UnknownMessage(InvalidInput):
    """What the closed lists of what the venue may say do not have: entries halt until somebody looks."""


@dataclass(slots=True)
class VenueUpdate:
    """The kernel events in one message.

    Attributes:
        orders: Events of orders, in their order.
        account: Events of the account, each a dict as `on_account_event` takes it.
        leverages: Instruments whose leverage was set elsewhere.
        ask_income: Whether the wallet moved for a reason that only the income history names by its id.
        key_ended: Whether the stream ends with it.
    """

    orders: list[VenueEvent] = field(default_factory=list)
    account: list[dict[str, Any]] = field(default_factory=list)
    leverages: dict[str, Decimal] = field(default_factory=dict)
    ask_income: bool = False
    key_ended: bool = False


def ours(client_id: str) -> str:
    """A client id as an event carries it. What is longer than the kernel's ids was never one of them."""
    return client_id if len(client_id) <= _OURS_MAX else ""


def in_venue_order(
    events: Sequence[VenueEvent], order: SequenceOrder, ties: SequenceTies
) -> list[VenueEvent]:
    """Put the events of one frame or page in the venue's order, as its adapter states it.

    What has no sequence, or ties with no rule for it, keeps its place.

    Args:
        events: The events as they came, the oldest first as far as it is known.
        order: The adapter's `sequence_order`.
        ties: The adapter's `sequence_ties`.
    """
    ordered = list(events)
    if order == "NONE" or len(ordered) < 2:
        return ordered

    def scope(one: VenueEvent) -> str:
        return one.asset if order == "SYMBOL" else ""

    if ties == "LEAVES":
        _sort_within(ordered, lambda one: (scope(one), one.venue_sequence, one.venue_order_id), _most_left)
    _sort_within(ordered, scope, lambda one: one.venue_sequence or 0)
    return ordered


def _most_left(fill: VenueEvent) -> Decimal:
    return -(fill.remaining_size or Decimal(0))


def _sort_within(
    events: list[VenueEvent],
    group: Callable[[VenueEvent], Hashable],
    key: Callable[[VenueEvent], Decimal | int],
) -> None:
    """Sort the events of each group among their own places."""
    places: dict[Hashable, list[int]] = {}
    for at, event in enumerate(events):
        if event.venue_sequence is not None:
            places.setdefault(group(event), []).append(at)
    for own in places.values():
        for at, event in zip(own, sorted((events[at] for at in own), key=key), strict=True):
            events[at] = event
