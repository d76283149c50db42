"""Live views: what they show is read from the kernel at that moment.

A `TradeSlot` is a frozen copy of one moment; a `KernelSlotView` follows the slot, whichever trade it carries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, overload

from dita._kernel import ExitSpec, KernelOutcome, TradeSide, TradeSlot, TradeStage, VenueOrder
from dita.errors import refuse
from dita.overrides import WRITABLE, block_of, exact_difference, needs_block
from dita.second_names import AccountSnapshot, InvalidSlot


class SlotSource(Protocol):
    """What views read: a kernel's engine, or a connection to a kernel elsewhere."""

    @property
    def max_slots(self) -> int:
        """How many slots there are."""

    def slot(self, slot_id: int) -> TradeSlot:
        """Return a slot as it is now."""

    def slot_stage(self, slot_id: int) -> TradeStage:
        """Return a slot's stage."""

    def slot_size(self, slot_id: int) -> Any:  # noqa: ANN401 - a Decimal
        """Return the size of a slot's position."""

    def slot_next_leg(self, slot_id: int) -> Any:  # noqa: ANN401 - a Decimal
        """Return the size of a slot's next exit leg."""

    def mark_price(
        self, asset: str, price: Decimal | str | float, timestamp: datetime | int | None = None
    ) -> KernelOutcome:
        """Take the price that positions are valued at."""

    def account(self, asset: str | None = None) -> Mapping[str, Any] | None:
        """Return an asset's figures."""

    def assets(self) -> list[str]:
        """Return the assets."""

    def active_trade_index(self) -> dict[str, int]:
        """Return trade id to slot."""

    def venue_order_index(self) -> dict[str, int]:
        """Return the venue's order id to slot."""

    def client_order_index(self) -> dict[str, int]:
        """Return our order id to slot."""


class KernelSlotView:
    """One slot of a kernel, live.

    Each attribute is read from the kernel when it is asked for; `snapshot()` gives all of them at one moment.
    Writing is an operator override, and says who and why: inside `with kernel.override(by=..., reason=...)`
    an attribute can be assigned, and reads there as it was assigned; the kernel takes it at the end of the
    block. Money and size that an override moves go to or come from the unassigned book.
    """

    __slots__ = ("_engine", "_slot_id")

    _engine: SlotSource
    _slot_id: int

    def __init__(self, engine: SlotSource, slot_id: int) -> None:
        """Look at a slot.

        Args:
            engine: The kernel's engine.
            slot_id: Which slot, from 0.
        """
        object.__setattr__(self, "_engine", engine)
        object.__setattr__(self, "_slot_id", slot_id)

    def __setattr__(self, name: str, value: object) -> None:
        """Write to the slot, inside an override.

        Raises:
            AttributeError: No such attribute, or one that follows from others (`fsm_state`, fees, orders).
            InvalidInput: Outside of an override, or a value that the attribute cannot have.
        """
        if name not in WRITABLE:
            known = isinstance(getattr(type(self), name, None), property)
            why = "follows from the rest and is not written" if known else "is no attribute of a slot"
            raise AttributeError(f"{name}: {why}", name=name, obj=self)
        self._write(name, value)

    def _write(self, name: str, value: object) -> None:
        block = block_of(self._engine)
        if block is None:
            raise needs_block(name, value)
        block.write(self._slot_id, name, value)

    def _read(self, name: str) -> Any:  # noqa: ANN401 - the properties below say what each is
        """The attribute as this block has written it, else as the kernel has it."""
        block = block_of(self._engine)
        written = {} if block is None else block.written(self._slot_id)
        return written[name] if name in written else getattr(self.snapshot(), name)

    def snapshot(self) -> TradeSlot:
        """Return the slot as it is now, frozen."""
        return self._engine.slot(self._slot_id)

    @property
    def slot_id(self) -> int:
        """The slot's number, from 0."""
        return self._slot_id

    @property
    def fsm_state(self) -> TradeStage:
        """The slot's stage."""
        return self._engine.slot_stage(self._slot_id)

    @property
    def size(self) -> Decimal:
        """What is open, in base units or contracts."""
        block = block_of(self._engine)
        written = {} if block is None else block.written(self._slot_id)
        size: Decimal = written["size"] if "size" in written else self._engine.slot_size(self._slot_id)
        return size

    @property
    def trade_id(self) -> str:
        """The trade; empty when the slot was never used."""
        value: str = self._read("trade_id")
        return value

    @property
    def owner(self) -> str:
        """The owner of the trade; empty for an unassigned one."""
        return self.snapshot().owner

    @property
    def seen_event_ids(self) -> tuple[str, ...]:
        """The venue's ids of the fills booked for its entry order, and for the exit orders it still names."""
        return self.snapshot().seen_event_ids

    @property
    def exits(self) -> tuple[ExitSpec, ...]:
        """The exits that are attached to the trade, but those that the strategy has canceled."""
        return self.snapshot().exits

    @property
    def asset(self) -> str:
        """The instrument."""
        value: str = self._read("asset")
        return value

    @property
    def side(self) -> TradeSide:
        """The position's side."""
        value: TradeSide = self._read("side")
        return value

    @property
    def entry_price(self) -> Decimal | None:
        """The entry fills' average price; None before the first."""
        value: Decimal | None = self._read("entry_price")
        return value

    @property
    def initial_size(self) -> Decimal:
        """What was filled on entry, net of busts."""
        value: Decimal = self._read("initial_size")
        return value

    @property
    def leverage(self) -> Decimal | None:
        """The leverage at the venue, where it is known."""
        value: Decimal | None = self._read("leverage")
        return value

    @property
    def entry_time(self) -> datetime | None:
        """The first entry fill's time, UTC, truncated to microseconds."""
        return self.snapshot().entry_time

    @property
    def unrealized_pnl(self) -> Decimal:
        """Profit or loss of what is open, at the last mark, in the settlement asset."""
        return self.snapshot().unrealized_pnl

    @property
    def realized_pnl(self) -> Decimal:
        """Profit or loss of what was closed, before fees and funding, in the settlement asset."""
        value: Decimal = self._read("realized_pnl")
        return value

    @property
    def closed(self) -> bool:
        """Whether the trade is over."""
        value: bool = self._read("closed")
        return value

    @property
    def exit_leg_ratios(self) -> tuple[Decimal, ...]:
        """Parts of the position for the exit ladder; they sum to 1."""
        value: tuple[Decimal, ...] = self._read("exit_leg_ratios")
        return value

    @property
    def active_leg_index(self) -> int:
        """How many of the ladder's targets are met."""
        return self.snapshot().active_leg_index

    @property
    def active_entry_order(self) -> VenueOrder | None:
        """The entry order."""
        return self.snapshot().active_entry_order

    @property
    def active_exit_order(self) -> VenueOrder | None:
        """The newest exit order."""
        return self.snapshot().active_exit_order

    @property
    def exit_orders(self) -> tuple[VenueOrder, ...]:
        """The exit orders, oldest first."""
        return self.snapshot().exit_orders

    @property
    def close_reason(self) -> str:
        """Why the trade ended; empty while it has not."""
        value: str = self._read("close_reason")
        return value

    @property
    def last_event_time(self) -> datetime | None:
        """Kernel time of the last input that concerned the slot, UTC, truncated to microseconds."""
        return self.snapshot().last_event_time

    @property
    def metadata(self) -> dict[str, Any]:
        """The entry intent's metadata: a new dict at each read."""
        value: dict[str, Any] = self._read("metadata")
        return value

    @property
    def fees_paid(self) -> Decimal:
        """Fees charged so far, in the settlement asset."""
        return self.snapshot().fees_paid

    @property
    def funding_net(self) -> Decimal:
        """Funding so far, + when received, in the settlement asset."""
        return self.snapshot().funding_net

    @property
    def unprotected(self) -> bool:
        """Whether a protective exit failed and nothing guards the position."""
        value: bool = self._read("unprotected")
        return value

    def is_free(self) -> bool:
        """Whether the slot takes a new trade."""
        return self.snapshot().is_free()

    def is_open(self) -> bool:
        """Whether the slot holds a position."""
        return self.snapshot().is_open()

    def next_exit_ratio(self) -> Decimal:
        """Return the next unmet part of the ladder, as a fraction of `initial_size`; 0 when all are met."""
        return self.snapshot().next_exit_ratio()

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name, orders as dicts, times as int nanoseconds."""
        return self.snapshot().to_dict()

    def mark_price(
        self, price: Decimal | str | float, timestamp: datetime | int | None = None
    ) -> KernelOutcome:
        """Mark the slot's instrument, as `ExecutionKernel.mark_price` does: a market fact, no override.

        Args:
            price: Quote units, above zero.
            timestamp: Its time; moves kernel time where that is driven.
        """
        return self._engine.mark_price(self.asset, price, timestamp)

    def consume_exit_leg(self) -> None:
        """Count the next leg as met, inside an override: its size leaves the slot for the unassigned book.

        That is where a sale by hand has its other half.

        Raises:
            InvalidInput: Outside of an override, or this block has written the size already.
        """
        block = block_of(self._engine)
        if block is None:
            raise needs_block("consume_exit_leg", None)
        if "size" in block.written(self._slot_id):
            raise refuse("size", self.size, "was written in this block already: consume a leg in another one")
        leg = self._engine.slot_next_leg(self._slot_id)
        self._write("size", exact_difference(self._engine.slot_size(self._slot_id), leg))

    def attach_entry_order(self, order: VenueOrder | str) -> None:
        """Give the slot an entry order that the kernel knows as external, inside an override.

        Args:
            order: The order, or its client or venue id.

        Raises:
            InvalidInput: Outside of an override, or no order.
        """
        self._attach("entry_order", order)

    def attach_exit_order(self, order: VenueOrder | str) -> None:
        """Give the slot an exit order that the kernel knows as external, inside an override.

        Args:
            order: The order, or its client or venue id.

        Raises:
            InvalidInput: Outside of an override, or no order.
        """
        self._attach("exit_order", order)

    def _attach(self, name: str, order: VenueOrder | str) -> None:
        block = block_of(self._engine)
        if block is None:
            raise needs_block(f"attach_{name}", order)
        block.attach(self._slot_id, name, order)

    def __repr__(self) -> str:
        """Return the slot as it is now, in one line."""
        slot = self.snapshot()
        trade = f" {slot.trade_id} {slot.side} {slot.size} {slot.asset}" if slot.trade_id else ""
        return f"<KernelSlotView {self._slot_id}: {slot.fsm_state}{trade}>"


class SlotViews(Sequence[KernelSlotView]):
    """Every slot of a kernel, by number."""

    __slots__ = ("_views",)

    def __init__(self, engine: SlotSource, view: type[KernelSlotView] = KernelSlotView) -> None:
        """Look at all slots.

        Args:
            engine: The kernel's engine.
            view: What each of them is.
        """
        self._views = tuple(view(engine, slot_id) for slot_id in range(engine.max_slots))

    @overload
    def __getitem__(self, index: int) -> KernelSlotView: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[KernelSlotView]: ...
    def __getitem__(self, index: int | slice) -> KernelSlotView | Sequence[KernelSlotView]:
        """Return a slot, or several."""
        return self._views[index]

    def __len__(self) -> int:
        """Return how many slots there are."""
        return len(self._views)

    def __iter__(self) -> Iterator[KernelSlotView]:
        """Go through the slots, by number."""
        return iter(self._views)


class KernelStateView:
    """The kernel's slots and the ways to find them, live.

    Attributes:
        slots: Every slot, by number.
    """

    __slots__ = ("_engine", "slots")

    def __init__(self, engine: SlotSource, view: type[KernelSlotView] = KernelSlotView) -> None:
        """Look at a kernel's state.

        Args:
            engine: The kernel's engine.
            view: What a slot is shown as.
        """
        self._engine = engine
        self.slots = SlotViews(engine, view)

    def slot(self, slot_id: int) -> KernelSlotView:
        """Return a slot.

        Args:
            slot_id: From 0.

        Raises:
            InvalidSlot: There is no such slot; it is an `InvalidInput` and an `IndexError`.
        """
        if type(slot_id) is not int or not 0 <= slot_id < len(self.slots):
            error = refuse("slot_id", slot_id, f"must be from 0 to {len(self.slots) - 1}")
            missing = InvalidSlot(str(error))
            missing.field, missing.value = error.field, error.value
            raise missing
        return self.slots[slot_id]

    @property
    def active_trade_index(self) -> dict[str, int]:
        """Trade id to slot, for each trade that a slot carries now."""
        return self._engine.active_trade_index()

    @property
    def venue_order_index(self) -> dict[str, int]:
        """The venue's order id to slot, for each live order that the venue has named."""
        return self._engine.venue_order_index()

    @property
    def client_order_index(self) -> dict[str, int]:
        """Our order id to slot, for each live order."""
        return self._engine.client_order_index()

    def refresh(self) -> "KernelStateView":
        """Return this view: it is always fresh, since it reads the kernel each time."""
        return self


class AccountProjection:
    """The account beside the trades, as a read view of the kernel's own ledger.

    Money is `Decimal` in the asset's units. `None` where the exchange has not reported a figure yet.
    """

    __slots__ = ("_engine",)

    def __init__(self, engine: SlotSource) -> None:
        """Look at a kernel's account.

        Args:
            engine: The kernel's engine.
        """
        self._engine = engine

    def __repr__(self) -> str:
        """Return K, E and their difference, in one line."""
        account = self.state()
        if not account:
            return "<AccountProjection: no account yet>"
        reported = "not reported" if account["e_wallet_balance"] is None else account["e_wallet_balance"]
        return (
            f"<AccountProjection {account['asset']}: K {account['k_capital']}, E {reported}, "
            f"{account['reconcile_status']}>"
        )

    def state(self, asset: str | None = None) -> Mapping[str, Any]:
        """Return an asset's figures by the names of `ExecutionKernel.snapshot()["account"]`.

        Args:
            asset: Which; None means the first instrument's settlement asset. Empty when the kernel has none.
        """
        return self._engine.account(asset) or {}

    @property
    def snapshot(self) -> AccountSnapshot:
        """The settlement asset's figures at this moment."""
        return AccountSnapshot.of(self.state())

    def observe_slots(self, slots: Iterable[object] | None = None) -> AccountSnapshot:
        """Return the figures as the kernel's slots make them now.

        The kernel's ledger has every fill, fee and mark already, so nothing is read from `slots`.

        Args:
            slots: Slots, as older programs pass them; None is the same.
        """
        return self.snapshot

    def settle(self, pnl: Decimal | str | float | None = None) -> AccountSnapshot:
        """Return the figures. The kernel has booked each fill's profit, so `pnl` is not booked again.

        Args:
            pnl: A trade's profit, as older programs pass it; None is the same. `dita.compat.ditav2` moves
                capital by it.
        """
        return self.snapshot

    def assets(self) -> list[str]:
        """Return the names of the assets that the kernel knows."""
        return self._engine.assets()

    def _figure(self, name: str) -> Any:  # noqa: ANN401 - the properties below say what each figure is
        return self.state().get(name, Decimal(0) if name in {"capital", "equity"} else None)

    @property
    def capital(self) -> Decimal:
        """K: what the wallet must hold."""
        figure: Decimal = self._figure("capital")
        return figure

    @property
    def equity(self) -> Decimal:
        """K and what the open positions would gain at their marks."""
        figure: Decimal = self._figure("equity")
        return figure

    @property
    def reconcile_delta(self) -> Decimal | None:
        """E - K; None before the exchange's first frame."""
        figure: Decimal | None = self._figure("reconcile_delta")
        return figure
