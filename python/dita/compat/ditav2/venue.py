"""DITAv2's module `venue`: an adapter whose `submit` takes the intent works as it stands."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from dita import KernelIntent, VenueEvent, VenueOrder
from dita.venues.base import BaseExecutionAdapter, VenueAdapter

__all__ = ["BaseExecutionAdapter", "IntentVenue", "VenueAdapter", "takes_intents"]


def takes_intents(venue: object) -> bool:
    """Return whether an adapter's `submit` says that it takes an intent.

    Args:
        venue: An adapter.
    """
    submit = getattr(venue, "submit", None)
    return submit is not None and next(iter(inspect.signature(submit).parameters), "") == "intent"


class IntentVenue:
    """Calls `submit(intent)` of an adapter for each order; all else is the adapter's own."""

    def __init__(self, venue: Any, intents: Mapping[str, KernelIntent]) -> None:  # noqa: ANN401 - an adapter
        """Wrap an adapter.

        Args:
            venue: The adapter.
            intents: The kernel's newest intents, by id.
        """
        self._venue = venue
        self._intents = intents

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send the order's intent; its answers get the order's id where they name none."""
        intent = self._intents.get(order.intent_id)
        if intent is None:
            raise LookupError(f"intent_id: {order.intent_id!r} is no intent of this program")
        return [_named(event, order.venue_client_id) for event in self._venue.submit(intent) or ()]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the adapter's own
        """Return what the adapter has."""
        return getattr(self._venue, name)


def _named(event: VenueEvent, client_id: str) -> VenueEvent:
    if event.venue_client_id:
        return event
    return VenueEvent(**{**event.to_dict(), "venue_client_id": client_id})
