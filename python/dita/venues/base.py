"""What a venue adapter must do, and a base class for people who write one.

The kernel calls an adapter from the thread that drains it, one call at a time, and never while its own state
is locked. A synchronous adapter returns the venue's answer as events. An asynchronous one returns `[]` at
once and brings the events later, from any thread, by `emit`.
"""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from dita._kernel import KernelOutcome, VenueEvent, VenueOrder
from dita.errors import InvalidInput, KernelClosed, NotSent, NotYetSupported, shown
from dita.venues.orders import OrderRequest, OrderResponse

SequenceOrder: TypeAlias = Literal["SYMBOL", "ACCOUNT", "NONE"]
SequenceTies: TypeAlias = Literal["PLACE", "LEAVES"]
Revisions: TypeAlias = Literal["STAMP", "FILL", "NONE"]
#: What an adapter states of its venue, and the values that there are.
_STATED: Final = {
    "sequence_order": get_args(SequenceOrder),
    "sequence_ties": get_args(SequenceTies),
    "revisions": get_args(Revisions),
}
_POSITION_KEYS: Final = ("symbol", "size", "entry_price", "position_side")


class KernelSink(Protocol):
    """Where an asynchronous adapter brings what the venue says: a kernel."""

    def on_venue_event(self, event: VenueEvent) -> KernelOutcome:
        """Take what the venue said of an order."""
        ...

    def on_account_event(self, event: dict[str, Any]) -> Mapping[str, Any]:
        """Take what the venue said of the account."""
        ...


def position_reports(
    rows: Iterable[Mapping[str, Any]], booked: Iterable[Mapping[str, Any]], timestamp_ns: int
) -> list[dict[str, Any]]:
    """Return the venue's positions as account events. What it does not list any more is flat there.

    Args:
        rows: The venue's positions: symbol, size (+ long), entry_price, position_side.
        booked: The kernel's positions, as `ExecutionKernel.positions` gives them.
        timestamp_ns: The time of the report.
    """
    frame = {"kind": "POSITION_UPDATE", "timestamp": timestamp_ns}
    reports = [frame | {key: row[key] for key in _POSITION_KEYS if row.get(key) is not None} for row in rows]
    listed = {(one["symbol"], str(one.get("position_side", "BOTH"))) for one in reports}
    for one in booked:
        symbol, side = one["symbol"], str(one["position_side"])
        if (symbol, side) not in listed:
            reports.append(frame | {"symbol": symbol, "position_side": side, "size": 0})
    return reports


@runtime_checkable
class VenueAdapter(Protocol):
    """What the kernel needs of a venue. What else an adapter can do, it finds out by looking for the method.

    - `amend(order, *, size, limit_price, trigger_price, request_id)` is asked to change an order. Without it,
      amends are refused.
    - `query_order(venue_client_id)` is asked after a timeout, and of an order that nobody answers for.
      None or [] means "not known yet".
    - `get_fills(since)` is asked where a query found no order: one that is gone may have traded.
    - `set_leverage(symbol, leverage)` is asked where an intent's leverage is not the instrument's. None
      confirms it, a number says what it now is, an exception refuses it.
    - `attach(kernel)` is called once, with the kernel, before anything else but `catch_up_later`.
    - `catch_up_later(since_ns, caught_up)` says at a takeover that fills and income since then are asked for
      by the adapter itself, once `catch_up_now()` is called; it says RESYNCED after that.
    - `live = True` says that the venue runs on real time: the kernel then uses the system's clock, and
      its timer calls the adapter from a thread of its own.
    - `real_money` says whether real money is at stake there; where it is not stated, it is what `live` is. A
      live adapter of a test network says `real_money = False`.
    """

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order.

        Args:
            order: What to send, with our id of it.

        Returns:
            A list of what the venue answered at once; [] where the answer comes later.

        Raises:
            NotSent: The request surely never left. After any other exception the order is in doubt.
        """
        ...

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order.

        Args:
            order: Which, as the kernel knows it. Of one that the kernel has forgotten, and that works at the
                venue all the same, only the ids and the asset are known, as far as the event named them.
            reason: The intent's reason; empty where it gave none.

        Returns:
            A list of what the venue answered at once; [] where the answer comes later.

        Raises:
            NotSent: The request surely never left. After any other exception the cancel is in doubt.
        """
        ...


def is_live(venue: object) -> bool:
    """Whether a venue runs on real time.

    Args:
        venue: An adapter, a simulated venue, or None.
    """
    return bool(getattr(venue, "live", False))


def is_real_money(venue: object) -> bool:
    """Whether real money is at stake at a venue.

    Args:
        venue: An adapter, a simulated venue, or None.
    """
    stated = getattr(venue, "real_money", None)
    return is_live(venue) if stated is None else bool(stated)


class BaseExecutionAdapter(ABC):
    """An adapter with everything but `submit` and `cancel` filled in; or of the smallest form.

    A subclass with `submit_order`, `get_positions`, `get_market_metadata` of its own, and without `submit`,
    is of the smallest form (`SmallAdapter`): the kernel polls it.

    What a venue does not have raises NotYetSupported by name, so that a caller knows; nothing is silently
    empty.

    Attributes:
        live: True where the venue runs on real time.
        real_money: True where real money is at stake; None means as `live` says.
        sequence_order: What `venue_sequence` orders: fills of one instrument (SYMBOL), of the account
            (ACCOUNT), or nothing (NONE).
        sequence_ties: What orders fills with equal sequences: their place in the frame, or in the page with
            its oldest first (PLACE); or, within an order, falling leaves, and then the place (LEAVES).
        revisions: When a bust or correction counts at the venue: at its own stamp (STAMP; the kernel books
            all so) or at its fill's (FILL); NONE where the adapter sends none.
    """

    live: ClassVar[bool] = False
    real_money: ClassVar[bool | None] = None
    sequence_order: ClassVar[SequenceOrder] = "NONE"
    sequence_ties: ClassVar[SequenceTies] = "PLACE"
    revisions: ClassVar[Revisions] = "STAMP"
    #: Whether the kernel keeps two books per instrument; it sets this before `attach`, None until then.
    hedge_mode: bool | None = None

    # Class-wide: a subclass of the smallest form need not call `__init__`.
    # Weak: the kernel owns its adapter, not the other way round.
    _kernel: "weakref.ReferenceType[KernelSink] | None" = None
    _plain_orders: Callable[[OrderRequest], OrderResponse] | None = None

    def __init__(self) -> None:
        """Start without a kernel."""
        self._kernel = None

    def __init_subclass__(cls) -> None:
        """Take a class with a `submit_order` of its own, and no `submit`, as one of the smallest form.

        Raises:
            InvalidInput: What the class states of its venue has a value that does not exist.
        """
        super().__init_subclass__()
        for field, values in _STATED.items():
            stated = getattr(cls, field)
            if stated not in values:
                raise InvalidInput(
                    f"{cls.__name__}.{field}: expected one of {', '.join(values)}, got {shown(stated)}"
                )
        if (
            cls.submit_order is not BaseExecutionAdapter.submit_order
            and cls.submit is BaseExecutionAdapter.submit
        ):
            for name in ("submit", "cancel"):
                setattr(cls, name, None)

    @abstractmethod
    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; see `VenueAdapter.submit`."""

    @abstractmethod
    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order; see `VenueAdapter.cancel`."""

    def send_by(self, send: Callable[[OrderRequest], OrderResponse]) -> None:
        """Learn how plain orders are sent. The host that opens a kernel on this adapter calls this once.

        Args:
            send: Sends a plain order through the kernel.
        """
        self._plain_orders = send

    def submit_order(self, order: OrderRequest, /) -> OrderResponse:
        """Send a plain order through the kernel that trades here, with all its guards.

        Args:
            order: The order.

        Returns:
            The order as it stands.

        Raises:
            NotSent: No host has opened a kernel on this adapter.
        """
        if self._plain_orders is None:
            name = type(self).__name__
            raise NotSent(
                f"{name} sends orders through a kernel: open one with dita.host.open_router({{...}})"
            )
        return self._plain_orders(order)

    def attach(self, kernel: KernelSink) -> None:
        """Learn which kernel to bring events to. The kernel calls this once.

        Args:
            kernel: The kernel.
        """
        self._kernel = weakref.ref(kernel)

    def emit(self, event: VenueEvent) -> KernelOutcome:
        """Bring what the venue said of an order, from any thread.

        Args:
            event: What it said.

        Returns:
            What came of it; with `details["queued"]` where the kernel was busy and will take it next.

        Raises:
            KernelClosed: The kernel is closed or gone, or there never was one.
        """
        return self._sink().on_venue_event(event)

    def emit_account(self, event: dict[str, Any]) -> Mapping[str, Any]:
        """Bring what the venue said of the account, from any thread.

        Args:
            event: As `ExecutionKernel.on_account_event` takes it.

        Raises:
            KernelClosed: The kernel is closed or gone, or there never was one.
        """
        return self._sink().on_account_event(event)

    def _sink(self) -> KernelSink:
        kernel = None if self._kernel is None else self._kernel()
        if kernel is None:
            raise KernelClosed(f"{type(self).__name__} is attached to no kernel")
        return kernel

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Set the leverage at the venue. This one confirms whatever is asked.

        Args:
            symbol: The instrument.
            leverage: As it shall be.

        Returns:
            As it now is; None means as asked.
        """
        return leverage if symbol else None

    def set_margin_mode(self, symbol: str, mode: str) -> None:
        """Set an instrument's margin mode.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("set_margin_mode")

    def amend(
        self,
        order: VenueOrder,
        *,
        size: Decimal,
        limit_price: Decimal | None,
        trigger_price: Decimal | None,
        request_id: str,
    ) -> Sequence[VenueEvent]:
        """Change a working order.

        Args:
            order: Which, as the kernel knows it.
            size: Its new total, what is filled included.
            limit_price: Its new limit, where its type has one.
            trigger_price: Its new trigger, where its type has one.
            request_id: Our id of this request; events that answer it may name it.

        Returns:
            A list of what the venue answered at once; [] where the answer comes later.

        Raises:
            NotSent: The request surely never left; unless the adapter can amend, always. After any other
                exception the change is in doubt.
        """
        raise NotSent(f"{type(self).__name__} has no amend")

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent] | None:
        """Ask what became of an order. This one cannot tell.

        Args:
            venue_client_id: Our id of it.

        Returns:
            ORDER_STATUS, fills or ORDER_NOT_FOUND; None or [] where nothing is known yet.
        """
        return [] if venue_client_id else None

    def get_open_orders(self, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the venue's open orders.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_open_orders")

    def get_positions(self) -> Any:  # noqa: ANN401 - a DataFrame, of a library that is not imported here
        """Return the venue's positions.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_positions")

    def get_market_metadata(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return the instruments' rules.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_market_metadata")

    def get_balances(self) -> Mapping[str, Decimal]:
        """Return the wallet's balances.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_balances")

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return the fills since a time, int nanoseconds.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_fills")

    def get_income(self, since: int) -> Sequence[Mapping[str, Any]]:
        """Return the wallet's entries since a time, int nanoseconds.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("get_income")

    def opening_state(self) -> Mapping[str, Any]:
        """Return balances, positions, open orders and cursors, taken as one.

        Raises:
            NotYetSupported: Unless the adapter can.
        """
        raise self._missing("opening_state")

    def capabilities(self) -> frozenset[str]:
        """Return the names of the optional methods that this adapter has made its own."""
        optional = (
            "set_leverage",
            "set_margin_mode",
            "amend",
            "query_order",
            "get_open_orders",
            "get_positions",
            "get_market_metadata",
            "get_balances",
            "get_fills",
            "get_income",
            "opening_state",
        )
        own = type(self)
        return frozenset(
            name for name in optional if getattr(own, name) is not getattr(BaseExecutionAdapter, name)
        )

    def close(self) -> None:
        """Let go of what the adapter holds. The kernel calls this when it closes."""
        self._kernel = None

    def _missing(self, method: str) -> NotYetSupported:
        return NotYetSupported(f"{type(self).__name__} has no {method}")
