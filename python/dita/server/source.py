"""What a connected program reads: shared memory first, and the server where that is behind or absent."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dita._kernel import KernelOutcome, Link, TradeSlot, TradeStage, VenueOrder
from dita.errors import InvalidInput, KernelError, ZincError
from dita.zinc import ZincReader
from dita.zinc.reader import account_of

#: How long a read waits until shared memory shows the program's own last answer, microseconds.
WAIT_US: Final = 1_000


class Source:
    """Reads a kernel elsewhere as `Engine` reads one here. No read shows less than the last answer.

    Attributes:
        reader: Shared memory; None where the server shows nothing there, or another user's.
        max_slots: How many slots the kernel has.
    """

    def __init__(self, link: Link) -> None:
        """Look where the server says.

        Args:
            link: The connection.
        """
        said = link.welcome()
        self._link = link
        self.max_slots: int = said["max_slots"]
        self.reader: ZincReader | None = None
        if said["plane_directory"]:
            try:
                self.reader = ZincReader(said["plane_name"], directory=said["plane_directory"])
            except (ZincError, InvalidInput):
                # Not this user's: everything is asked of the server.
                self.reader = None

    def fresh(self) -> ZincReader | None:
        """Return shared memory, where it shows the program's last answer, or does so within a millisecond."""
        reader = self.reader
        return reader if reader is not None and reader.reaches(self._link.seq, WAIT_US) else None

    def slot(self, slot_id: int) -> TradeSlot:
        """Return a slot.

        Args:
            slot_id: From 0.
        """
        reader = self.fresh()
        found = None if reader is None else reader.read_whole_slot(slot_id)
        return self._link.slot(slot_id) if found is None else found

    def slot_stage(self, slot_id: int) -> TradeStage:
        """Return a slot's stage."""
        return self.slot(slot_id).fsm_state

    def slot_size(self, slot_id: int) -> Any:  # noqa: ANN401 - a Decimal
        """Return the size of a slot's position."""
        return self.slot(slot_id).size

    def slot_next_leg(self, slot_id: int) -> Any:  # noqa: ANN401 - a Decimal
        """Return the size of a slot's next exit leg: only the kernel's own process counts one."""
        raise KernelError(f"slot {slot_id}: legs are consumed by an operator, in the kernel's own process")

    def override_slot(self, slot_id: int, by: str, reason: str, **changes: Any) -> KernelOutcome:  # noqa: ANN401
        """Have the server change one of the lease's slots.

        Raises:
            InvalidInput: The kernel does not take it, or the slot is another's.
        """
        return self._link.override_slot(slot_id, by, reason, **changes)

    def mark_price(self, asset: str, price: object, timestamp: object = None) -> KernelOutcome:
        """Refuse: the market is the server's."""
        del price, timestamp
        raise KernelError(f"{asset}: marks come from the server's market")

    def account(self, asset: str | None = None) -> Mapping[str, Any] | None:
        """Return an asset's figures, by the names of `ExecutionKernel.account`; None where there is none."""
        reader = self.reader
        # Figures are shown at most once in a millisecond: an answer may be newer.
        shown = reader is not None and reader.figures_seq >= self._link.seq
        found = reader.read_account(asset) if reader is not None and shown else {}
        if not found:
            text = self._link.read_text("account", asset or "")
            found = account_of(json.loads(text)) if text else {}
        return found or None

    def assets(self) -> list[str]:
        """Return the kernel's assets."""
        names: list[str] = self._link.welcome()["assets"]
        return names

    def control(self) -> Mapping[str, Any]:
        """Return the controls by name."""
        content: Mapping[str, Any] = json.loads(self._link.read_text("control"))
        return content

    def _live_orders(self) -> list[VenueOrder]:
        return self._link.orders(live_only=True)

    def active_trade_index(self) -> dict[str, int]:
        """Return trade id to slot, for each trade that a slot carries now."""
        slots = (self.slot(slot_id) for slot_id in range(self.max_slots))
        return {slot.trade_id: slot.slot_id for slot in slots if not slot.is_free()}

    def venue_order_index(self) -> dict[str, int]:
        """Return the venue's order id to slot, for each live order that the venue has named."""
        orders = self._live_orders()
        return {
            one.venue_order_id: one.slot_id
            for one in orders
            if one.venue_order_id and one.slot_id is not None
        }

    def client_order_index(self) -> dict[str, int]:
        """Return our order id to slot, for each live order."""
        return {one.venue_client_id: one.slot_id for one in self._live_orders() if one.slot_id is not None}
