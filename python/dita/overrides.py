"""Operator overrides: an operator's own hand on slots, attributed, collected and applied block by block."""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from decimal import Context, Decimal
from types import TracebackType
from typing import Any, Final, Protocol, Self

from dita._kernel import KernelOutcome, TradeSide, TradeSlot, VenueOrder
from dita.errors import InvalidInput, placed, refuse

# The blocks that this thread or task is in, the innermost last.
_OPEN: Final[ContextVar[tuple["Override", ...]]] = ContextVar("dita_overrides", default=())

# Quantities have at most 28 digits: their difference is exact here.
_EXACT: Final = Context(prec=64)

WRITABLE: Final = frozenset(
    {
        "trade_id",
        "asset",
        "side",
        "size",
        "entry_price",
        "initial_size",
        "realized_pnl",
        "leverage",
        "exit_leg_ratios",
        "close_reason",
        "closed",
        "unprotected",
        "metadata",
    }
)


class Overridable(Protocol):
    """What takes overrides: a kernel's engine here, or a connection to one elsewhere."""

    def override_slot(self, slot_id: int, by: str, reason: str, **changes: Any) -> KernelOutcome:  # noqa: ANN401
        """Take an operator's changes of one slot, all of them or none."""


class Override:
    """One block of an operator's changes; made by `ExecutionKernel.override`.

    What is written to slots inside the block is applied at its end, slot by slot in the order of the first
    write: all that concerns one slot together, or nothing of it. An exception inside the block applies
    nothing.

    Attributes:
        outcomes: What came of it, one for each slot; filled at the end of the block.
    """

    __slots__ = ("_by", "_changes", "_engine", "_reason", "_token", "outcomes")

    def __init__(self, engine: Overridable, by: str, reason: str) -> None:
        """Say who and why.

        Args:
            engine: The kernel's engine, or what stands for it.
            by: Who; not empty.
            reason: Why; not empty.

        Raises:
            InvalidInput: One of them is empty.
        """
        for field, value in (("by", by), ("reason", reason)):
            if not value:
                raise refuse(field, value, "must say something: an override is attributed")
        self._engine = engine
        self._by = by
        self._reason = reason
        self._changes: dict[int, dict[str, Any]] = {}
        self._token: Token[tuple[Override, ...]] | None = None
        self.outcomes: list[KernelOutcome] = []

    def __enter__(self) -> Self:
        """Begin; see `begin`."""
        self.begin()
        return self

    def begin(self) -> None:
        """Begin: from here on, slots of this kernel can be written to in this thread or task.

        Raises:
            InvalidInput: The block was used before, or another one of this kernel is open here.
        """
        if self._token is not None or self.outcomes:
            raise refuse("override", self._reason, "is a block that was used before: make a new one")
        if block_of(self._engine) is not None:
            raise refuse("override", self._reason, "stands inside another override of this kernel")
        self._token = _OPEN.set((*_OPEN.get(), self))

    def drop(self) -> None:
        """Take no more changes. In the thread or task that began it."""
        if self._token is not None:
            _OPEN.reset(self._token)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Apply the changes, unless the block failed.

        Raises:
            InvalidInput: The kernel refuses a slot's changes: nothing of them and of later slots is applied.
        """
        self.drop()
        if kind is None:
            self.apply()

    def apply(self) -> None:
        """Apply the changes, slot by slot in the order of the first write.

        Raises:
            InvalidInput: The kernel refuses a slot's changes: nothing of them and of later slots is applied.
        """
        for slot_id, changes in self._changes.items():
            self.outcomes.append(self._apply(slot_id, changes))

    def _apply(self, slot_id: int, changes: Mapping[str, Any]) -> KernelOutcome:
        try:
            return self._engine.override_slot(slot_id, self._by, self._reason, **changes)
        except InvalidInput as error:
            raise placed(error, f"slots[{slot_id}]") from error

    def write(self, slot_id: int, name: str, value: object) -> None:
        """Take a change.

        Args:
            slot_id: Of which slot.
            name: Which attribute.
            value: What it shall be.

        Raises:
            InvalidInput: The value is no number, no side, or none of what the attribute takes.
        """
        self._changes.setdefault(slot_id, {})[name] = checked(slot_id, name, value)

    def attach(self, slot_id: int, name: str, order: VenueOrder | str) -> None:
        """Take an order for a slot.

        Args:
            slot_id: Which slot.
            name: `entry_order` or `exit_order`.
            order: The order, or its client or venue id.

        Raises:
            InvalidInput: It is no order, or the block has attached another one there already.
        """
        changes = self._changes.setdefault(slot_id, {})
        if name in changes:
            raise refuse(name, order, f"is the second of this block: attach one {name} a block")
        changes[name] = order_id(name, order)

    def written(self, slot_id: int) -> Mapping[str, Any]:
        """Return what the block has written to a slot so far."""
        return self._changes.get(slot_id, {})


def block_of(engine: object) -> Override | None:
    """Return the block of a kernel that this thread or task is in, if any."""
    return next((block for block in _OPEN.get() if block._engine is engine), None)  # noqa: SLF001 - its own


def checked(slot_id: int, name: str, value: object) -> object:
    """Return a value as its attribute reads afterwards: a slot's own constructor knows what its fields take.

    Args:
        slot_id: Of which slot.
        name: A name out of WRITABLE.
        value: What it shall be.

    Raises:
        InvalidInput: The attribute cannot be that, by name and value.
    """
    beside: dict[str, dict[str, Any]] = {
        "size": {"side": TradeSide.LONG},
        "closed": {"fsm_state": "CLOSED" if value else "IDLE"},
    }
    fields: dict[str, Any] = {"slot_id": slot_id, name: value, **beside.get(name, {})}
    return getattr(TradeSlot(**fields), name)


def exact_difference(whole: Decimal, part: Decimal) -> Decimal:
    """Return `whole - part`, whatever the caller's own decimal context is."""
    return _EXACT.subtract(whole, part)


def order_id(name: str, order: VenueOrder | str) -> str:
    """Return the id by which the kernel finds an order that is known as external.

    Args:
        name: What the error calls it.
        order: The order, or its client or venue id.

    Raises:
        InvalidInput: It has neither, or is no order.
    """
    if isinstance(order, VenueOrder):
        order = order.venue_client_id or order.venue_order_id
    name_of_it: object = order
    if not isinstance(name_of_it, str) or not name_of_it:
        raise refuse(name, order, "is no VenueOrder and no id of one")
    return name_of_it


def needs_block(name: str, value: object) -> InvalidInput:
    """Return the error for a write outside of any block."""
    how = f"with kernel.override(by=..., reason=...): slot.{name} = ..."
    return refuse(name, value, f"is written by an operator's override only: {how}")
