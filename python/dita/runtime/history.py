"""What has happened to a strategy's trades since its last note, from the log."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

from dita._kernel import Replay, TradeSlot, VenueEvent, VenueOrder
from dita.kernel import ExecutionKernel


@runtime_checkable
class HasHistory(Protocol):
    """A kernel elsewhere, which reads its log itself."""

    def happened_since(
        self, owner: str, after_seq: int, until_seq: int
    ) -> Iterable[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
        """Return what has happened to an owner's trades, as the function does."""


def happened_since(
    kernel: ExecutionKernel, owner: str, after_seq: int, until_seq: int
) -> Iterator[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
    """Yield what has happened to an owner's trades, in the kernel's order: slot, event, order as it was then.

    Args:
        kernel: Whose log; it has one.
        owner: Whose trades.
        after_seq: The last input that is known.
        until_seq: The last input to include.
    """
    if isinstance(kernel, HasHistory):
        yield from kernel.happened_since(owner, after_seq, until_seq)
        return
    log_dir = kernel.log_dir
    if log_dir is None or after_seq >= until_seq:
        return
    replay = Replay(log_dir, until_seq=until_seq)
    if (replay.began or 0) > after_seq:
        # The newest snapshot is of a later time: the whole log is gone through.
        replay = Replay(log_dir, until_seq=until_seq, from_start=True)
    for step in replay:
        if step["seq"] <= after_seq:
            continue
        event = _event_of(step)
        if event is None:
            continue
        seen: set[int] = set()
        for change in step["transitions"]:
            slot = replay.slot(change["slot_id"])
            if slot.owner != owner or slot.slot_id in seen:
                continue
            seen.add(slot.slot_id)
            order = next(
                (one for one in replay.orders() if one.venue_client_id == event.venue_client_id), None
            )
            yield slot, event, order


def _event_of(step: dict[str, Any]) -> VenueEvent | None:
    fields = step["input"]
    if step["type"] == "RECALLED" and isinstance(fields, dict):
        fields = fields.get("event")
    elif step["type"] != "VENUE_EVENT":
        return None
    if not isinstance(fields, dict) or "venue_client_id" not in fields:
        return None
    return VenueEvent(**fields)
