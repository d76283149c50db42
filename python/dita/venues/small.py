"""The smallest form of an adapter: `get_positions`, `submit_order`, `get_market_metadata`.

`PolledAdapter` makes an adapter of it. The rest is polled: what became of an order is asked by `query_order`
where the small form has one, and else read from how the positions change. What it cannot do is refused by
name, never quietly left out.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol, cast, runtime_checkable

from dita._kernel import MarketLimits, VenueEvent, VenueOrder
from dita.errors import InvalidInput, KernelClosed, KernelError, NotSent, refuse
from dita.venues.base import BaseExecutionAdapter, VenueAdapter
from dita.venues.orders import LIMITS, OrderRequest, OrderResponse, exactly, response_of
from dita.venues.sim import SimulatedVenue

_LOG: Final = logging.getLogger("dita.venue")
_ZERO: Final = Decimal(0)
POLL_S: Final = 1.0
#: A later fill's price is read from two averages, which venues round.
_PRICE_STEP: Final = Decimal("1e-12")
#: What a small form may have beside its three methods.
OPTIONAL: Final = (
    "cancel_order",
    "query_order",
    "get_open_orders",
    "get_balances",
    "get_fills",
    "get_income",
)


@runtime_checkable
class SmallAdapter(Protocol):
    """The smallest form of an adapter. What it may have beside it is in `OPTIONAL`.

    Its attributes `live`, `real_money`, `poll_s` and `order_types` count where they are there: false, as
    `live` says, 1 second, and MARKET and LIMIT where they are not.
    """

    def get_positions(self) -> Any:  # noqa: ANN401 - a DataFrame, or a list of mappings
        """Return the positions: rows of `asset` (or `symbol`), `quantity` (+ long), and `notional`."""
        ...

    def submit_order(self, order: OrderRequest, /) -> OrderResponse:
        """Send an order, once.

        Raises:
            NotSent: It surely never left. After any other exception it is in doubt.
        """
        ...

    def get_market_metadata(self, symbols: Iterable[str], /) -> Mapping[str, Any]:
        """Return the rules of instruments: `MarketLimits`, or mappings of their fields."""
        ...


def is_small(venue: object) -> bool:
    """Whether something is an adapter of the smallest form, and no whole one.

    Args:
        venue: The venue.
    """
    return isinstance(venue, SmallAdapter) and getattr(venue, "submit", None) is None


def _own(small: object, name: str) -> Any:  # noqa: ANN401 - a method
    """A method that a small form has made its own; None where it has none, or what every adapter has."""
    if getattr(type(small), name, None) is getattr(BaseExecutionAdapter, name, small):
        return None
    return getattr(small, name, None)


def position_rows(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of whatever library
    """Return positions as the kernel reads them: `symbol`, `size`, and `entry_price` where it is known.

    Args:
        answer: A DataFrame or a list of mappings, with `asset` or `symbol`, `quantity` or `size`.

    Raises:
        InvalidInput: It is neither, or a row lacks one.
    """
    to_dict = getattr(answer, "to_dict", None)
    rows = to_dict("records") if to_dict is not None else answer
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise refuse("get_positions", rows, "must return rows")
    found = []
    for row in rows:
        if not isinstance(row, Mapping):
            raise refuse("get_positions", row, "must be a mapping of one position")
        symbol = row.get("symbol") or row.get("asset")
        if not isinstance(symbol, str):
            raise refuse("get_positions.asset", symbol, "must name an instrument")
        size = exactly("get_positions.quantity", row["quantity"] if "quantity" in row else row.get("size"))
        one: dict[str, Any] = {"symbol": symbol, "size": size}
        if row.get("entry_price") is not None:
            one["entry_price"] = exactly("get_positions.entry_price", row["entry_price"])
        found.append(one)
    return found


def rules_of(answer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return instruments' rules as `set_exchange_config` takes them.

    Args:
        answer: By symbol `MarketLimits`, or a mapping of their fields.

    Raises:
        InvalidInput: One is neither.
    """
    rules: dict[str, dict[str, Any]] = {}
    for symbol, own in answer.items():
        if isinstance(own, MarketLimits):
            fields = {name: getattr(own, name) for name in LIMITS}
            rules[symbol] = {name: value for name, value in fields.items() if value not in {None, False}}
        elif isinstance(own, Mapping):
            rules[symbol] = dict(own)
        else:
            raise refuse(f"get_market_metadata.{symbol}", own, "must be MarketLimits or a mapping")
    return rules


@dataclass(slots=True)
class _Followed:
    """A working order, as far as it was reported."""

    order: VenueOrder
    filled: Decimal = _ZERO
    cost: Decimal = _ZERO
    fee: Decimal = _ZERO

    @property
    def left(self) -> Decimal:
        return self.order.intended_size - self.filled


class PolledAdapter(BaseExecutionAdapter):
    """An adapter of the smallest form, as the kernel calls one.

    Attributes:
        small: The small form.
    """

    def __init__(self, small: SmallAdapter, *, poll_s: float | None = None) -> None:
        """Make an adapter of it; polling begins once a kernel is attached.

        Args:
            small: The small adapter.
            poll_s: Seconds between two polls; 0 leaves that to `poll`, None means as `small` says.
        """
        super().__init__()
        self.small = small
        wait_s: float = getattr(small, "poll_s", POLL_S) if poll_s is None else poll_s
        self._poll_s = wait_s
        self._types = frozenset(getattr(small, "order_types", ("MARKET", "LIMIT")))
        self._name = type(small).__name__
        self._working: dict[str, _Followed] = {}
        self._held: dict[str, Decimal] = {}
        self._reported: dict[str, Decimal] = {}
        self._unreported: set[str] = set()
        # The venue is asked one thing at a time: a position read while an order is sent proves nothing.
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        """Whose it is."""
        return f"PolledAdapter({self._name})"

    @property
    def live(self) -> bool:  # type: ignore[override]
        """Whether it runs on real time: as the small form says."""
        return bool(getattr(self.small, "live", False))

    @property
    def real_money(self) -> bool | None:  # type: ignore[override]
        """Whether real money is at stake: as the small form says; None means as `live`."""
        stated: bool | None = getattr(self.small, "real_money", None)
        return stated

    @property
    def unproven(self) -> bool:
        """Whether nobody has run it against the real venue: as the small form says."""
        return bool(getattr(self.small, "unproven", False))

    def capabilities(self) -> frozenset[str]:
        """Return the names of the optional methods that work."""
        known = {name for name in OPTIONAL if _own(self.small, name)} - {"cancel_order"}
        return frozenset(known | {"get_positions", "get_market_metadata"})

    def attach(self, kernel: Any) -> None:  # noqa: ANN401 - a sink
        """Learn the kernel, and begin to poll."""
        super().attach(kernel)
        if isinstance(self.small, BaseExecutionAdapter):
            self.small.attach(kernel)
        if self._poll_s > 0 and self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"dita-poll-{self._name}", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the polling, and close the small form where it can be."""
        self._end.set()
        super().close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5.0)
        close = getattr(self.small, "close", None)
        if close is not None:
            close()

    # -------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order.

        Raises:
            NotSent: The small form has no such order.
        """
        kind = str(order.order_type)
        if kind not in self._types:
            raise NotSent(f"{self._name} takes no {kind}; it has {', '.join(sorted(self._types))}")
        request = OrderRequest(
            symbol=order.asset,
            side=str(order.order_side),
            quantity=order.intended_size,
            order_type=kind,
            limit_price=order.limit_price,
            trigger_price=order.trigger_price,
            time_in_force=str(order.time_in_force),
            client_id=order.venue_client_id,
            reduce_only=order.reduce_only,
            post_only=order.post_only,
        )
        with self._lock:
            if not self._held and not _own(self.small, "query_order"):
                # Fills are read from how positions change: from what they were before the first order.
                self._held = {row["symbol"]: row["size"] for row in self.get_positions()}
                self._held.setdefault(order.asset, _ZERO)
            self._working[order.venue_client_id] = _Followed(order)
            try:
                response = response_of(self.small.submit_order(request))
            except NotSent:
                del self._working[order.venue_client_id]
                raise
            return self._events(order.venue_client_id, response, first=True)

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order.

        Raises:
            NotSent: The small form cannot.
        """
        del reason
        cancel = _own(self.small, "cancel_order")
        if cancel is None:
            raise NotSent(f"{self._name} has no cancel_order")
        with self._lock:
            self._working.setdefault(order.venue_client_id, _Followed(order, order.filled_size))
            answer = cancel(order.venue_client_id)
            if answer is None:
                return []
            response = response_of(answer)
            if not response.has_ended:
                # It works on: a cancel that was taken is reported once the order has ended.
                return self._fills(order.venue_client_id, response)
            return self._events(order.venue_client_id, response)

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent] | None:
        """Ask what became of an order; None where the small form cannot tell."""
        query = _own(self.small, "query_order")
        if query is None:
            return None
        with self._lock:
            answer = query(venue_client_id)
            if answer is None:
                return None
            response = response_of(answer)
            if venue_client_id not in self._working:
                return [self._status(venue_client_id, "", response)]
            return self._events(venue_client_id, response, first=True)

    def get_positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long), entry_price."""
        return position_rows(self.small.get_positions())

    def get_market_metadata(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules as `set_exchange_config` takes them."""
        return rules_of(self.small.get_market_metadata(list(symbols)))

    def get_balances(self) -> Mapping[str, Decimal]:
        """Return the wallet's balances."""
        balances = self._optional("get_balances")()
        return {asset: exactly(f"get_balances.{asset}", amount) for asset, amount in balances.items()}

    def get_open_orders(self, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the venue's open orders."""
        rows: Sequence[Mapping[str, Any]] = self._optional("get_open_orders")(symbol)
        return rows

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return the fills since a time, int nanoseconds."""
        fills: Sequence[VenueEvent] = self._optional("get_fills")(since)
        return fills

    def get_income(self, since: int) -> Sequence[Mapping[str, Any]]:
        """Return the wallet's entries since a time, int nanoseconds."""
        rows: Sequence[Mapping[str, Any]] = self._optional("get_income")(since)
        return rows

    def opening_state(self) -> Mapping[str, Any]:
        """Return balances and positions; what the small form does not have is left out."""
        state: dict[str, Any] = {"positions": [row for row in self.get_positions() if row["size"]]}
        if _own(self.small, "get_balances") is not None:
            state["balances"] = dict(self.get_balances())
        return state

    def _optional(self, name: str) -> Any:  # noqa: ANN401 - a method
        method = _own(self.small, name)
        if method is None:
            raise self._missing(name)
        return method

    # ---------------------------------------------------------------------------------------------- polling

    def poll(self) -> None:
        """Ask once: orders that work, positions, balances. Called by a thread of its own every `poll_s`."""
        with self._lock:
            query = _own(self.small, "query_order")
            if query is not None:
                for client_id in list(self._working):
                    answer = query(client_id)
                    if answer is not None:
                        self._bring(self._events(client_id, response_of(answer)))
            self._take_positions(infers=query is None)
            if _own(self.small, "get_balances") is not None:
                for asset, amount in self.get_balances().items():
                    self.emit_account(
                        {
                            "kind": "ACCOUNT_UPDATE", "timestamp": 0, "asset": asset,
                            "wallet_balance": amount,
                        }
                    )  # fmt: skip

    def _run(self) -> None:
        while not self._end.wait(self._poll_s):
            try:
                self.poll()
            except KernelClosed:
                return
            except Exception as error:  # noqa: BLE001 - somebody's adapter: the next poll asks again
                _LOG.warning("poll of %s: %s: %s", self._name, type(error).__name__, error)

    def _take_positions(self, *, infers: bool) -> None:
        now = {row["symbol"]: row for row in self.get_positions()}
        for symbol in {*now, *self._held, *(one.order.asset for one in self._working.values())}:
            row = now.get(symbol, {"symbol": symbol, "size": _ZERO})
            if infers:
                self._infer(symbol, row)
            self._held[symbol] = row["size"]
            if self._reported.get(symbol) != row["size"] and symbol not in self._unreported:
                self._reported[symbol] = row["size"]
                self._tell_position(row)

    def _tell_position(self, row: Mapping[str, Any]) -> None:
        try:
            self.emit_account({"kind": "POSITION_UPDATE", "timestamp": 0, **row})
        except KernelClosed:
            raise
        except KernelError as error:
            # On a spot market what is held is a balance; and what is not configured has no book.
            self._unreported.add(row["symbol"])
            _LOG.info("%s: its position in %s is not reported: %s", self._name, row["symbol"], error)

    def _infer(self, symbol: str, row: Mapping[str, Any]) -> None:
        """Read a fill from a position that changed, where one order alone can have made the change."""
        changed = row["size"] - self._held.get(symbol, _ZERO)
        way = "BUY" if changed > 0 else "SELL"
        mine = [
            (client_id, one)
            for client_id, one in self._working.items()
            if one.order.asset == symbol and str(one.order.order_side) == way and one.left >= abs(changed)
        ]
        if not changed or len(mine) != 1:
            return
        client_id, followed = mine[0]
        filled = followed.filled + abs(changed)
        done = filled == followed.order.intended_size
        if done:
            del self._working[client_id]
        followed.filled = filled
        self.emit(
            VenueEvent(
                0, kind="ORDER_STATUS", status="FILLED" if done else "PARTIALLY_FILLED",
                venue_client_id=client_id, asset=symbol, order_side=way, filled_size=filled,
                remaining_size=followed.order.intended_size - filled, order_price=followed.order.limit_price,
            )
        )  # fmt: skip

    def _bring(self, events: Sequence[VenueEvent]) -> None:
        for event in events:
            try:
                self.emit(event)
            except KernelClosed:
                raise
            except KernelError as error:
                _LOG.error("the kernel does not take %s: %s", event, error)

    # ------------------------------------------------------------------------------- answers, as events

    def _events(self, client_id: str, response: OrderResponse, *, first: bool = False) -> list[VenueEvent]:
        """Return the events in an answer that were not reported before."""
        followed = self._working[client_id]
        order = followed.order
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        if response.order_id:
            ids["venue_order_id"] = response.order_id
        if response.status == "REJECTED":
            del self._working[client_id]
            return [VenueEvent(0, kind="ORDER_REJECT", reason=response.reason[:200], **ids)]
        events = [VenueEvent(0, kind="ORDER_ACK", status="ACKED", **ids)] if first else []
        events += self._fills(client_id, response)
        if response.has_ended:
            del self._working[client_id]
            if followed.left > 0:
                kind = "EXPIRED" if response.status == "EXPIRED" else "CANCEL_ACK"
                events.append(
                    VenueEvent(
                        0, kind=kind, filled_size=followed.filled, remaining_size=0,
                        reason=response.reason[:200], **ids,
                    )
                )  # fmt: skip
        return events

    def _fills(self, client_id: str, response: OrderResponse) -> list[VenueEvent]:
        """The fill between what was reported and what an answer says; both are totals."""
        followed = self._working[client_id]
        size = response.filled_quantity - followed.filled
        if size <= 0 or response.average_price is None:
            return []
        cost = response.filled_quantity * response.average_price
        price = response.average_price
        if followed.filled:
            price = ((cost - followed.cost) / size).quantize(_PRICE_STEP)
        fee = None if response.fee is None else response.fee - followed.fee
        followed.filled, followed.cost = response.filled_quantity, cost
        followed.fee = response.fee if response.fee is not None else followed.fee
        order = followed.order
        # What the position will show of it is known already.
        way = 1 if str(order.order_side) == "BUY" else -1
        self._held[order.asset] = self._held.get(order.asset, _ZERO) + way * size
        done = followed.left <= 0
        return [
            VenueEvent(
                0, kind="FULL_FILL" if done else "PARTIAL_FILL",
                status="FILLED" if done else "PARTIALLY_FILLED", venue_client_id=client_id,
                venue_order_id=response.order_id, asset=order.asset, order_side=str(order.order_side),
                # The venue names no trade: its total tells one fill from another.
                event_id=f"{client_id}:{response.filled_quantity.normalize():f}",
                price=price, size=size, filled_size=response.filled_quantity, remaining_size=followed.left,
                fee=fee, fee_asset=response.fee_asset if fee is not None else "",
            )
        ]  # fmt: skip

    def _status(self, client_id: str, asset: str, response: OrderResponse) -> VenueEvent:
        return VenueEvent(
            0, kind="ORDER_STATUS", status=response.status, venue_client_id=client_id,
            venue_order_id=response.order_id, asset=asset, filled_size=response.filled_quantity,
            average_price=response.average_price,
        )  # fmt: skip


def whole_adapter(
    venue: VenueAdapter | SmallAdapter | SimulatedVenue | None,
) -> VenueAdapter | SimulatedVenue | None:
    """Return an adapter: one of the smallest form is made a whole one, all else is as it was.

    Args:
        venue: The venue.

    Raises:
        InvalidInput: It has a part of the smallest form only.
    """
    if isinstance(venue, SmallAdapter) and is_small(venue):
        return PolledAdapter(venue)
    names = ("get_positions", "submit_order", "get_market_metadata")
    if venue is not None and not hasattr(venue, "submit") and hasattr(venue, "submit_order"):
        missing = [name for name in names if not hasattr(venue, name)]
        raise InvalidInput(f"venue: {type(venue).__name__} has no {', '.join(missing)}")
    return cast("VenueAdapter | SimulatedVenue | None", venue)
