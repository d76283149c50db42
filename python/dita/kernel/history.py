"""What has happened to a strategy's trades since its last note, from the log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dita._kernel import Replay, TradeSlot, VenueEvent, VenueOrder


def happened_since(
    log_dir: Path, owner: str, after_seq: int, until_seq: int
) -> Iterator[tuple[TradeSlot, VenueEvent, VenueOrder | None]]:
    """Yield what has happened to an owner's trades, in the kernel's order: slot, event, order as it was then.

    Args:
        log_dir: The kernel's log.
        owner: Whose trades.
        after_seq: The last input that is known.
        until_seq: The last input to include.
    """
    if after_seq >= until_seq:
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
