"""The exchange of a shadow run: what a loop asks of one, and the simulated venue with that face.

Nothing is kept here that the kernel knows: orders, fills and positions are read from it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from dita._kernel import Listener, MarketLimits, OwnFill, TradeSide, TradeSlot, VenueOrder, Watcher
from dita.clock import ManualClock
from dita.compat.shadow.numbers import decimal_of
from dita.errors import InvalidInput, refuse
from dita.host.engine_server import started_at
from dita.kernel import ExecutionKernel, Number
from dita.venues.sim import SimulatedVenue

_OWNER: Final = "shadow"
_MS_NS: Final = 1_000_000
#: How long after an order has come chance decides whether it fills.
_FILL_DELAY_MS: Final = 1
_REJECTED: Final = "Simulated rejection"
_NO_SLOT: Final = "no_free_slot"
_QUOTES: Final = ("USDT", "USDC", "USD")
_RULES: Final[Mapping[str, Any]] = {
    "tick_size": "0.01",
    "lot_step": "0.001",
    "maker_rate": "0.001",
    "taker_rate": "0.001",
    "opposite_slots": "net",
    "pair_off": "same_owner",
}


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "Buy"
    SELL = "Sell"


_ORDER_SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}


class OrderStatus(StrEnum):
    """How an order stands at the exchange."""

    PENDING = "Pending"
    OPEN = "Open"
    PARTIALLY_FILLED = "PartiallyFilled"
    FILLED = "Filled"
    CANCELED = "Canceled"
    REJECTED = "Rejected"


#: The kernel's status of an order, and the exchange's word for it. What is at work and has filled in part is
#: PARTIALLY_FILLED, whatever else is asked of it.
STATUSES: Final[Mapping[str, OrderStatus]] = {
    "SENT": OrderStatus.PENDING,
    "ACKED": OrderStatus.OPEN,
    "STOPPED": OrderStatus.OPEN,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "PENDING_REPLACE": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.CANCELED,
    "DONE_FOR_DAY": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
}


def status_of(order: VenueOrder) -> OrderStatus:
    """Return how an order of the kernel stands, in the exchange's words.

    Args:
        order: The kernel's.
    """
    status = STATUSES[str(order.status)]
    if order.filled_size and status in (OrderStatus.PENDING, OrderStatus.OPEN):
        return OrderStatus.PARTIALLY_FILLED
    return status


class PlaceOrderRequest(NamedTuple):
    """A limit order to place.

    Attributes:
        client_order_id: Its own id, used once.
        symbol: The instrument.
        side: Buy or Sell.
        qty: Base units, above zero.
        price: The limit, quote units; it is rounded to the tick on the passive side.
    """

    client_order_id: str
    symbol: str
    side: Side
    qty: Number
    price: Number


class PlaceOrderResponse(NamedTuple):
    """What came of it.

    Attributes:
        success: Whether the exchange has the order.
        order_id: The exchange's id; None where it was refused.
        status: How it stands.
        message: Why it was refused.
    """

    success: bool
    order_id: str | None
    status: OrderStatus
    message: str | None = None


class FillEvent(NamedTuple):
    """A fill.

    Attributes:
        order_id: The exchange's id of the order.
        client_order_id: Its own id.
        symbol: The instrument.
        side: Buy or Sell.
        price: Quote units.
        qty: Base units.
        timestamp_ms: The exchange's time, ms since 1970 UTC.
    """

    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    timestamp_ms: int


class OpenOrder(NamedTuple):
    """An order at work.

    Attributes:
        order_id: The exchange's id.
        client_order_id: Its own id.
        symbol: The instrument.
        side: Buy or Sell.
        qty: Base units.
        filled_qty: What of it has filled.
        price: The limit.
        status: How it stands.
    """

    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    qty: Decimal
    filled_qty: Decimal
    price: Decimal
    status: OrderStatus


class Position(NamedTuple):
    """A position.

    Attributes:
        symbol: The instrument.
        qty: Base units, + long.
        avg_entry_price: Quote units.
    """

    symbol: str
    qty: Decimal
    avg_entry_price: Decimal


class IExchangeClient(Protocol):
    """What an execution loop asks of an exchange."""

    def place_limit(self, req: PlaceOrderRequest) -> PlaceOrderResponse:
        """Place a limit order."""

    def cancel(self, order_id: str) -> bool:
        """Cancel an order; False where it is not at work."""

    def get_open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        """Return the orders at work, oldest first."""

    def get_positions(self) -> list[Position]:
        """Return the positions that are not flat, by symbol."""

    def stream_fills(self) -> Iterator[FillEvent]:
        """Yield the fills that have not been reported yet."""

    def reset(self) -> None:
        """Begin anew."""


class FakeExchangeClient:
    """The simulated venue and a kernel, with the face of an exchange. Nothing is traded.

    Each order is an entry with a slot of its own; the slots of both sides share one book, and a fill first
    closes what the other side holds. There is no market: `fill_rate` decides once, after the order has come,
    whether it fills at its limit. What does not fill rests. Latency passes in the kernel's time, and nobody
    waits for it.

    Attributes:
        kernel: The kernel that owns the account.
        venue: The simulated venue.
    """

    def __init__(
        self,
        fill_rate: Number = "0.8",
        reject_rate: Number = "0.05",
        latency_ms: Number = 100,
        partial_fill_rate: Number = "0.1",
        seed: int | None = None,
        *,
        balance: Number = 1_000_000,
        slots: int = 4096,
        instruments: Mapping[str, Mapping[str, Any]] | None = None,
        faults: Mapping[str, Any] | None = None,
        log_dir: str | Path | None = None,
    ) -> None:
        """Open the venue and its kernel.

        Args:
            fill_rate: How often an order fills, 0 to 1.
            reject_rate: How often one is rejected, 0 to 1.
            latency_ms: A request's whole round trip, ms of the kernel's time.
            partial_fill_rate: How often a fill comes in two, 0 to 1: first 50 to 90 % of it.
            seed: Where chance starts; None means 42.
            balance: What the wallet starts with, USDT.
            slots: How many orders and positions there may be at once.
            instruments: More of an instrument's rules, by symbol: see `ExecutionKernel.set_exchange_config`.
                Ticks of 0.01, lots of 0.001 and fees of 0.1 % unless they say otherwise.
            faults: What goes wrong at the venue: see `SimulatedVenue`.
            log_dir: The kernel's log. Opened again, it goes on where it was.

        Raises:
            InvalidInput: A value cannot be taken; `MM_FREEZE_UTC_ISO` is no time.
        """
        self._settings: dict[str, Any] = {
            "fill_rate": fill_rate,
            "reject_rate": reject_rate,
            "latency_ms": latency_ms,
            "partial_fill_rate": partial_fill_rate,
            "seed": 42 if seed is None else seed,
            "faults": dict(faults or {}),
        }
        self._latency_ns = int(decimal_of("latency_ms", latency_ms) * _MS_NS)
        self._balance = balance
        self._slots = slots
        self._given = {symbol: dict(rules) for symbol, rules in (instruments or {}).items()}
        self._log_dir = log_dir
        self._listeners: list[Callable[[VenueOrder], object]] = []
        self._open()

    def _open(self) -> None:
        self.venue = SimulatedVenue(
            balances={"USDT": self._balance},
            fill_delay_ms=_FILL_DELAY_MS,
            fill_without_market=True,
            **self._settings,
        )
        watcher = Watcher()
        self.kernel = ExecutionKernel(
            self._slots,
            venue=self.venue,
            logs=watcher,
            clock=ManualClock(started_at()),
            log_dir=self._log_dir,
            log_policy="written",
        )
        self._verbs = self.kernel.verbs(_OWNER)
        listener = Listener(symbols=(), intervals=(), warmup=0, slots=range(self._slots))
        listener.run(running=True)
        teller = self.kernel.teller(
            listener,
            lambda: None,
            raised=_raise,
            on_order=self._on_order,
            on_fill=self._on_fill,
            on_position=self._on_position,
        )
        watcher.begin(self.kernel.seq)
        watcher.add(_OWNER, teller)
        self._watcher = watcher
        self._views = [self.kernel.slot(at) for at in range(self._slots)]
        self._free = deque(at for at, view in enumerate(self._views) if view.is_free())
        self._live = {one.venue_order_id: one for one in self.kernel.orders(live_only=True)}
        self._answered: VenueOrder | None = None
        self._fills: deque[FillEvent] = deque()
        self._limits = {symbol: _limits(self.kernel, symbol) for symbol in self.kernel.instruments}
        self._marks: dict[str, Decimal] = {}
        self._quantities: dict[str, Decimal] | None = None
        self._traded: set[str] = set()
        self._cancels = self.kernel.seq
        if not self.kernel.seq:
            self.kernel.set_seed_capital(self._balance)

    def listen(self, listener: Callable[[VenueOrder], object]) -> None:
        """Call a function with each change of an order from now on.

        Args:
            listener: Takes the kernel's order as it is then.
        """
        self._listeners.append(listener)

    # ----------------------------------------------------------------------------------------------- market

    def on_quote(self, symbol: str, bid: Number, ask: Number) -> Decimal:
        """Take a quote: its middle is the mark that limits and results go by.

        Args:
            symbol: The instrument.
            bid: Quote units.
            ask: The same, not below the bid.

        Returns:
            The middle.

        Raises:
            InvalidInput: A price is not above zero, or the bid is above the ask.
        """
        low, high = decimal_of("bid", bid), decimal_of("ask", ask)
        if low > high:
            raise refuse("bid", bid, f"is above the ask, {ask}")
        middle = (low + high) / 2
        self._mark(symbol, middle)
        return middle

    def _mark(self, symbol: str, price: Decimal) -> None:
        if symbol not in self._limits:
            self._learn(symbol)
        if self._marks.get(symbol) != price:
            self.venue.mark(symbol, price)
            self._marks[symbol] = price

    def _learn(self, symbol: str) -> None:
        rules = {**_RULES, **self._given.get(symbol, {})}
        if not symbol.endswith(_QUOTES):
            rules = {"base": symbol, "quote": "USDT", **rules}
        self.kernel.set_exchange_config({"instruments": {symbol: rules}})
        self._limits[symbol] = _limits(self.kernel, symbol)

    def mark(self, symbol: str) -> Decimal | None:
        """Return an instrument's mark; None before there is one.

        Args:
            symbol: The instrument.
        """
        return self._marks.get(symbol)

    # ----------------------------------------------------------------------------------------------- orders

    def place_limit(self, req: PlaceOrderRequest) -> PlaceOrderResponse:
        """Place a limit order, and let the latency pass.

        Args:
            req: The order.

        Returns:
            What came of it; a refusal of the kernel's is a message as well.

        Raises:
            InvalidInput: A value is none that an order can have; nothing was sent.
        """
        side = req.side if type(req.side) is Side else _side(req.side)
        price, size = decimal_of("price", req.price), decimal_of("qty", req.qty)
        if req.symbol not in self._marks:
            self._mark(req.symbol, price)
        rounded = self._limits[req.symbol].round_order(_ORDER_SIDES[side], price, size)
        at = self._slot()
        if at is None:
            return PlaceOrderResponse(
                success=False, order_id=None, status=OrderStatus.REJECTED, message=_NO_SLOT
            )
        outcome = self._verbs.enter(
            at,
            req.client_order_id,
            req.symbol,
            TradeSide.LONG if side is Side.BUY else TradeSide.SHORT,
            rounded.size,
            intent_id=req.client_order_id,
            order_type="LIMIT",
            limit_price=rounded.price,
        )
        if not outcome.accepted:
            self._free.append(at)
            message = str(outcome.diagnostic_code).lower()
            return PlaceOrderResponse(
                success=False, order_id=None, status=OrderStatus.REJECTED, message=message
            )
        self._answered = None
        self._pass(self._latency_ns)
        return self._response(req.client_order_id)

    def _response(self, client_order_id: str) -> PlaceOrderResponse:
        order = self._answered
        if order is None or order.intent_id != client_order_id:
            return PlaceOrderResponse(success=True, order_id=None, status=OrderStatus.PENDING)
        status = status_of(order)
        if status is OrderStatus.REJECTED:
            return PlaceOrderResponse(success=False, order_id=None, status=status, message=_REJECTED)
        return PlaceOrderResponse(success=True, order_id=order.venue_order_id, status=status)

    def _slot(self) -> int | None:
        while self._free:
            at = self._free.popleft()
            if self._views[at].is_free():
                return at
        return None

    def _pass(self, time_ns: int) -> None:
        if time_ns:
            self.kernel.advance_time(self.kernel.now_ns + time_ns)
        self._watcher.deliver()

    def cancel(self, order_id: str) -> bool:
        """Cancel an order, and let the latency pass.

        Args:
            order_id: The exchange's id.

        Returns:
            Whether it is canceled; False where it is not at work, or has filled meanwhile.
        """
        order = self._live.get(order_id)
        if order is None or order.slot_id is None:
            return False
        self._cancels += 1
        self._verbs.cancel(
            order.slot_id,
            order.internal_trade_id,
            order.asset,
            order.side,
            intent_id=f"cancel-{self._cancels}",
            target_client_id=order.venue_client_id,
        )
        self._pass(self._latency_ns)
        after = self.kernel.order(order.venue_client_id)
        return after is not None and status_of(after) is OrderStatus.CANCELED

    def get_open_orders(self, symbol: str | None = None) -> list[OpenOrder]:
        """Return the orders at work, oldest first.

        Args:
            symbol: Of this instrument only.
        """
        return [
            OpenOrder(
                order_id=one.venue_order_id,
                client_order_id=one.intent_id,
                symbol=one.asset,
                side=_way(one.order_side),
                qty=one.intended_size,
                filled_qty=one.filled_size,
                price=one.limit_price or Decimal(0),
                status=status_of(one),
            )
            for one in self.kernel.orders(live_only=True)
            if symbol is None or one.asset == symbol
        ]

    def get_positions(self) -> list[Position]:
        """Return the positions that are not flat, by symbol."""
        return [
            Position(one["symbol"], one["size"], one["entry_price"])
            for one in sorted(self.kernel.positions(), key=lambda one: str(one["symbol"]))
            if one["size"]
        ]

    def quantities(self) -> Mapping[str, Decimal]:
        """Return what the kernel holds of each instrument that has traded, + long."""
        if self._quantities is None:
            flat = dict.fromkeys(self._traded, Decimal(0))
            self._quantities = flat | {one["symbol"]: one["size"] for one in self.kernel.positions()}
        return self._quantities

    def stream_fills(self) -> Iterator[FillEvent]:
        """Yield the fills that have not been reported yet, oldest first. What is on its way arrives first."""
        self._pass(self._latency_ns + _FILL_DELAY_MS * _MS_NS)
        while self._fills:
            yield self._fills.popleft()

    def reset(self) -> None:
        """Begin anew: no order, no position, the opening balance, chance at its start.

        Raises:
            InvalidInput: The kernel has a log, which is never made undone.
        """
        if self._log_dir is not None:
            raise refuse("log_dir", self._log_dir, "is a log: it is never made undone; take another folder")
        self.kernel.close()
        self._open()

    def close(self) -> None:
        """Close the kernel and its log."""
        self.kernel.close()

    # -------------------------------------------------------------------------------------------- reports

    def _on_order(self, order: VenueOrder) -> None:
        self._answered = order
        if order.is_live():
            self._live[order.venue_order_id] = order
        else:
            self._live.pop(order.venue_order_id, None)
            if order.slot_id is not None:
                self._free.append(order.slot_id)
        for listener in self._listeners:
            listener(order)

    def _on_fill(self, fill: OwnFill) -> None:
        self._quantities = None
        self._traded.add(fill.symbol)
        order = self._answered
        if order is None or order.venue_client_id != fill.order_id:
            order = self.kernel.order(fill.order_id)
        self._fills.append(
            FillEvent(
                order.venue_order_id if order is not None else "",
                fill.trade_id,
                fill.symbol,
                Side.BUY if fill.side == "BUY" else Side.SELL,
                fill.price,
                fill.size,
                fill.time_ns // _MS_NS,
            )
        )

    def _on_position(self, slot: TradeSlot) -> None:
        if not slot.size:
            self._free.append(slot.slot_id)


def _limits(kernel: ExecutionKernel, symbol: str) -> MarketLimits:
    rules = kernel.instrument(symbol)
    return MarketLimits(symbol, tick_size=rules["tick_size"], lot_step=rules["lot_step"])


def _side(side: Side | str) -> Side:
    try:
        return Side(side)
    except ValueError:
        raise refuse("side", side, "is neither Buy nor Sell") from None


def _way(side: object) -> Side:
    return Side.BUY if str(side) == "BUY" else Side.SELL


def _raise(error: BaseException, _place: str) -> None:
    raise error


__all__ = [
    "FakeExchangeClient",
    "FillEvent",
    "IExchangeClient",
    "InvalidInput",
    "OpenOrder",
    "OrderStatus",
    "PlaceOrderRequest",
    "PlaceOrderResponse",
    "Position",
    "Side",
    "status_of",
]
