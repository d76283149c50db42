"""`Client`: one program's way to trade an account, with slots of its own."""

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, TracebackType
from typing import Any, Final, Literal, NamedTuple, Protocol, Self, TypeAlias

from dita._kernel import Client as Verbs
from dita._kernel import (
    KernelCommandType,
    KernelIntent,
    KernelOutcome,
    TradeSide,
    TradeSlot,
    TradeStage,
    VenueEvent,
    VenueOrder,
)
from dita.errors import KernelClosed, KernelError, ServerRefused, refuse
from dita.host.feed import AccountFeed
from dita.kernel import ExecutionKernel, Number
from dita.kernel.api import StrategyKernel
from dita.slots import AccountProjection, KernelSlotView

OnLoss: TypeAlias = Literal["keep", "cancel", "flatten"]
_ON_LOSS: Final = ("keep", "cancel", "flatten")
_NAME_BYTES_MAX: Final = 31
_FREE: Final = (TradeStage.IDLE, TradeStage.CLOSED)


def _fields_of(verb: Callable[..., KernelOutcome]) -> frozenset[str]:
    """Return the intent's fields that a native verb takes beside its trade and its ids."""
    taken = set(inspect.signature(verb).parameters)
    taken -= {"self", "slot_id", "trade_id", "asset", "side", "intent_id"}
    return frozenset("target_size" if name == "size" else name for name in taken)


_VERBS: Final[Mapping[KernelCommandType, tuple[Callable[..., KernelOutcome], frozenset[str]]]] = {
    action: (verb, _fields_of(verb))
    for action, verb in (
        (KernelCommandType.ENTER, Verbs.enter),
        (KernelCommandType.EXIT, Verbs.exit),
        (KernelCommandType.CANCEL, Verbs.cancel),
        (KernelCommandType.AMEND, Verbs.amend),
    )
}


#: What to do where an account has no slot left.
MORE_SLOTS: Final = (
    "close a trade, or give the account more slots: max_slots in dita.toml, or --guest-slots of `dita run`"
)


class NoFreeSlot(KernelError):  # noqa: N818 - it says what is not there
    """No slot is free for what was asked."""


class SentIntent(NamedTuple):
    """An intent that a client has sent, and what came of it.

    Attributes:
        intent_id: Its id.
        owner: Whose it is.
        action: ENTER, EXIT, CANCEL or AMEND.
        asset: The instrument.
        side: Of the trade: LONG or SHORT.
        slot_id: The slot.
        trade_id: The trade.
        fields: What else it says, as it was given.
        outcome: The kernel's verdict.
    """

    intent_id: str
    owner: str
    action: KernelCommandType
    asset: str
    side: TradeSide | str
    slot_id: int
    trade_id: str
    fields: Mapping[str, Any]
    outcome: KernelOutcome


class SlotSource(Protocol):
    """Gives clients their slots: a kernel's registry, or a lease."""

    def take(self, name: str, slots: int) -> tuple[int, ...]:
        """Give a client so many slots."""

    def leave(self, seats: Iterable[int]) -> None:
        """Let others have slots."""


class SlotRegistry:
    """The slots of a kernel and their holders: clients in this process, or connected programs.

    A slot has one holder at most.

    Attributes:
        book: What the kernel's server shares.
    """

    def __init__(self, kernel: ExecutionKernel) -> None:
        """Start with nobody.

        Args:
            kernel: Whose slots.
        """
        self.book = kernel.seats()

    def take(self, name: str, slots: int) -> tuple[int, ...]:
        """Give a client slots: first those that carry its trades, then free ones by number.

        Args:
            name: The client's.
            slots: How many.

        Raises:
            InvalidInput: The name has slots already.
            NoFreeSlot: There are not so many.
        """
        try:
            seats = self.book.take(name, slots)
        except ServerRefused as error:
            raise NoFreeSlot(f"{str(error).partition(';')[0]}; {MORE_SLOTS}") from None
        if seats is None:
            raise refuse("name", name, "is taken: close the other client first")
        return tuple(seats)

    def leave(self, seats: Iterable[int]) -> None:
        """Let others have slots.

        Args:
            seats: Which.
        """
        self.book.leave(list(seats))


class Client:
    """Trades one account. Its intents carry its name as their owner, and ids of its own (`NAME-n`).

    Its verbs fill in what the trade knows: slot, trade, instrument, side. From any thread.

    Attributes:
        name: The program's.
        slots: The numbers of its slots.
    """

    def __init__(
        self,
        kernel: StrategyKernel,
        seats: SlotSource,
        name: str,
        *,
        slots: int = 1,
        on_loss: str = "keep",
    ) -> None:
        """Take slots: see `Host.client`."""
        if not name or len(name.encode()) > _NAME_BYTES_MAX or not name.isprintable():
            raise refuse("name", name, f"must be 1 to {_NAME_BYTES_MAX} printable bytes")
        if slots < 1:
            raise refuse("slots", slots, "must be at least 1")
        if on_loss not in _ON_LOSS:
            raise refuse("on_loss", on_loss, f"is none of {', '.join(_ON_LOSS)}")
        self.name = name
        self.slots = seats.take(name, slots)
        self._views = tuple(kernel.slot(at) for at in self.slots)
        self._kernel = kernel
        self._seats = seats
        self._on_loss = on_loss
        self._lock = threading.Lock()
        self._verbs = kernel.verbs(name, numbered=True)
        self._feed = kernel.zinc_plane
        # Whether anybody sees the intents or their outcomes: if not, the native verb does all of it.
        self._native = self._verbs if isinstance(self._verbs, Verbs) else None
        self._builds = self._native is None
        self._watched = self._feed is not None or self._builds
        self._listeners: list[Callable[[KernelOutcome], object]] = []
        self._sent: list[Callable[[SentIntent], object]] = []
        self._closed = False

    # ----------------------------------------------------------------------------------------------- intents

    def process_intent(self, intent: KernelIntent) -> KernelOutcome:
        """Take an intent about one of the client's slots.

        Raises:
            InvalidInput: The slot or the owner is another's.
        """
        self._check(intent)
        return self._published(self._kernel.process_intent(intent))

    def process_intents(self, intents: Iterable[KernelIntent]) -> list[KernelOutcome]:
        """Take intents that come together; see `ExecutionKernel.process_intents`.

        Raises:
            InvalidInput: A slot or an owner is another's; none is taken.
        """
        given = list(intents)
        for intent in given:
            self._check(intent)
        return [self._published(outcome) for outcome in self._kernel.process_intents(given)]

    def _check(self, intent: KernelIntent) -> None:
        if self._closed:
            raise KernelClosed(f"the client {self.name} is closed")
        if intent.slot_id not in self.slots:
            raise refuse("slot_id", intent.slot_id, f"is not one of {self.name}'s: {self.slots}")
        if intent.owner not in ("", self.name):
            raise refuse("owner", intent.owner, f"is not {self.name}")

    def enter(
        self,
        asset: str,
        side: TradeSide | str,
        size: Number | None = None,
        *,
        slot: int | None = None,
        **fields: Any,  # noqa: ANN401 - a KernelIntent's
    ) -> KernelOutcome:
        """Open a trade in a free slot.

        Args:
            asset: The instrument.
            side: LONG or SHORT.
            size: Base units or contracts; None with `quote_size`.
            slot: Which of the client's slots; None means the free one with the lowest number.
            fields: More fields of `KernelIntent`.

        Raises:
            NoFreeSlot: All of the client's slots carry trades.
        """
        seat = self._verbs.free_slot(self.slots) if slot is None else slot
        if seat is None:
            raise NoFreeSlot(f"slot: all {len(self.slots)} of {self.name} carry trades")
        if seat not in self.slots:
            raise refuse("slot", seat, f"is not one of {self.name}'s: {self.slots}")
        size = fields.pop("target_size", size)
        native = None if self._watched else self._native
        if native is not None and _VERBS[KernelCommandType.ENTER][1].issuperset(fields):
            return native.enter(seat, None, asset, side, size, **fields)
        number = self._verbs.take_number()
        trade_id = fields.pop("trade_id", None) or f"{self.name}-t{number}"
        fields["target_size"] = size
        return self._send(number, seat, KernelCommandType.ENTER, trade_id, asset, side, fields)

    def exit(self, slot: int, size: Number | None = None, **fields: Any) -> KernelOutcome:  # noqa: ANN401
        """Close a slot's position, or a part of it.

        Args:
            slot: Which of the client's slots.
            size: How much; None means the trade's next leg.
            fields: More fields of `KernelIntent`.
        """
        if size is not None:
            fields.setdefault("target_size", size)
        return self._about(slot, KernelCommandType.EXIT, fields)

    def cancel(self, slot: int, order: str = "", **fields: Any) -> KernelOutcome:  # noqa: ANN401 - as above
        """Cancel a slot's order.

        Args:
            slot: Which of the client's slots.
            order: The order's client id; empty means the only one that works.
            fields: More fields of `KernelIntent`.
        """
        return self._about(slot, KernelCommandType.CANCEL, {"target_client_id": order, **fields})

    def amend(self, slot: int, order: str = "", **fields: Any) -> KernelOutcome:  # noqa: ANN401 - as above
        """Change a slot's order.

        Args:
            slot: Which of the client's slots.
            order: The order's client id; empty means the only one that works.
            fields: What changes: `target_size`, `limit_price`, `trigger_price`; more of `KernelIntent`.
        """
        return self._about(slot, KernelCommandType.AMEND, {"target_client_id": order, **fields})

    def _about(self, slot: int, action: KernelCommandType, fields: dict[str, Any]) -> KernelOutcome:
        if slot not in self.slots:
            raise refuse("slot", slot, f"is not one of {self.name}'s: {self.slots}")
        verb, known = _VERBS[action]
        if not self._watched and known.issuperset(fields):
            if "target_size" in fields:
                fields["size"] = fields.pop("target_size")
            return verb(self._verbs, slot, **fields)
        trade_id, asset, side = self._verbs.trade(slot)
        trade_id = fields.pop("trade_id", None) or trade_id
        return self._send(self._verbs.take_number(), slot, action, trade_id, asset, side, fields)

    def _send(
        self,
        number: int,
        slot: int,
        action: KernelCommandType,
        trade_id: str,
        asset: str,
        side: TradeSide | str,
        fields: dict[str, Any],
    ) -> KernelOutcome:
        if self._closed:
            raise KernelClosed(f"the client {self.name} is closed")
        if self._sent:
            intent_id = fields.setdefault("intent_id", f"{self.name}-{number}")
            given = dict(fields)
            outcome = self._take(number, slot, action, trade_id, asset, side, fields)
            sent = SentIntent(intent_id, self.name, action, asset, side, slot, trade_id, given, outcome)
            for listener in self._sent:
                listener(sent)
            return outcome
        return self._take(number, slot, action, trade_id, asset, side, fields)

    def _take(
        self,
        number: int,
        slot: int,
        action: KernelCommandType,
        trade_id: str,
        asset: str,
        side: TradeSide | str,
        fields: dict[str, Any],
    ) -> KernelOutcome:
        intent_id = fields.pop("intent_id", None) or f"{self.name}-{number}"
        verb, known = _VERBS[action]
        shown = not isinstance(self._feed, (AccountFeed, NoneType))
        if self._builds or shown or not known.issuperset(fields):
            # The intent travels, or a plane shows it, or it has a field that the verbs do not take.
            values = {"timestamp": self._kernel.now_ns, **fields}
            intent = KernelIntent(
                slot_id=slot,
                trade_id=trade_id,
                asset=asset,
                side=side,
                action=action,
                owner=self.name,
                intent_id=intent_id,
                **values,
            )
            return self._published(self._kernel.process_intent(intent))
        if isinstance(self._feed, AccountFeed):
            self._feed.tell_intent(intent_id, trade_id, slot, asset, action, self.name)
        if "target_size" in fields:
            fields["size"] = fields.pop("target_size")
        outcome = verb(self._verbs, slot, trade_id, asset, side, intent_id=intent_id, **fields)
        return self._published(outcome) if self._listeners else outcome

    def _published(self, outcome: KernelOutcome) -> KernelOutcome:
        for listener in self._listeners:
            listener(outcome)
        return outcome

    # ------------------------------------------------------------------------------------------------- looks

    def slot(self, slot: int) -> KernelSlotView:
        """Return a live view of one of the client's slots.

        Args:
            slot: Which.

        Raises:
            InvalidInput: It is not the client's.
        """
        if slot not in self.slots:
            raise refuse("slot", slot, f"is not one of {self.name}'s: {self.slots}")
        return self._kernel.slot(slot)

    def free_slot(self) -> int | None:
        """Return the client's free slot with the lowest number; None where all carry trades."""
        return self._verbs.free_slot(self.slots)

    def trades(self, asset: str | None = None) -> list[TradeSlot]:
        """Return the client's open trades, by slot.

        Args:
            asset: Of one instrument only.
        """
        # A stage is read without the rest of the slot.
        busy = (view for view in self._views if view.fsm_state not in _FREE)
        held = (view.snapshot() for view in busy)
        return [one for one in held if not one.is_free() and asset in (None, one.asset)]

    def order(self, venue_client_id: str) -> VenueOrder | None:
        """Return an order; None where nothing is known of it.

        Args:
            venue_client_id: The order's.
        """
        return self._kernel.order(venue_client_id)

    def orders(self, *, live_only: bool = False) -> list[VenueOrder]:
        """Return the client's orders, oldest first.

        Args:
            live_only: Whether ended ones are left out.
        """
        return [order for order in self._kernel.orders(live_only=live_only) if order.owner == self.name]

    @property
    def account(self) -> AccountProjection:
        """The whole account, as a view of the kernel's ledger."""
        return self._kernel.account

    @property
    def instruments(self) -> list[str]:
        """The symbols of the account's instruments."""
        return self._kernel.instruments

    def instrument(self, asset: str) -> Mapping[str, Any]:
        """Return an instrument's rules; see `ExecutionKernel.instrument`.

        Args:
            asset: The instrument.
        """
        return self._kernel.instrument(asset)

    @property
    def seq(self) -> int:
        """The kernel's last input."""
        return self._kernel.seq

    @property
    def now_ns(self) -> int:
        """Kernel time of the last input, nanoseconds since 1970-01-01 UTC."""
        return self._kernel.now_ns

    @property
    def clock_ns(self) -> int:
        """What the kernel's clock shows now, also between two inputs."""
        return self._kernel.clock_ns

    @property
    def closed(self) -> bool:
        """Whether the client was closed, or its kernel."""
        return self._closed or self._kernel.closed

    def on_event(self, event: VenueEvent) -> KernelOutcome:
        """Take what the venue said of an order: for venues whose events come through this program."""
        return self._kernel.on_venue_event(event)

    def subscribe(self, listener: Callable[[KernelOutcome], object]) -> Callable[[], None]:
        """Call a function with every outcome of this client's intents.

        Args:
            listener: The function.

        Returns:
            Ends it.
        """
        self._watched = True
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def subscribe_sent(self, listener: Callable[[SentIntent], object]) -> Callable[[], None]:
        """Call a function with every intent of this client's verbs.

        Args:
            listener: The function.

        Returns:
            Ends it.
        """
        self._watched = True
        self._sent.append(listener)
        return lambda: self._sent.remove(listener)

    def status(self) -> dict[str, Any]:
        """Return what the client has: its slots as plain values."""
        slots = [self._kernel.slot(at).to_dict() for at in self.slots]
        return {"name": self.name, "on_loss": self._on_loss, "slots": slots}

    # --------------------------------------------------------------------------------------------------- end

    def close(self) -> None:
        """Give the slots back, and do with the trades as `on_loss` says. Closing again does nothing."""
        with self._lock:
            if self._closed:
                return
        if self._on_loss != "keep" and not self._kernel.closed:
            self.wind_down(flatten=self._on_loss == "flatten", reason="client closed")
        self._closed = self._watched = True
        self._seats.leave(self.slots)

    def wind_down(self, *, flatten: bool, reason: str) -> None:
        """Cancel entries; exits and stops stay. With `flatten` they go too, and what is held is exited.

        Args:
            flatten: Whether to leave the positions.
            reason: Why; orders and trades carry it.
        """
        for slot in self.slots:
            held = self._kernel.slot(slot).snapshot()
            if held.is_free():
                continue
            entry = held.active_entry_order
            if entry is not None and entry.is_live():
                self.cancel(slot, entry.venue_client_id, reason=reason)
            if not flatten:
                continue
            for order in held.exit_orders:
                if order.is_live():
                    self.cancel(slot, order.venue_client_id, reason=reason)
            size = self._kernel.slot(slot).size
            if size:
                self.exit(slot, size, reason=reason)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()
