"""Order stores of a shadow run: what the kernel has reported of each order, in memory or in a file."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from dita._kernel import VenueOrder
from dita.compat.shadow.exchange import OrderStatus, status_of
from dita.compat.shadow.numbers import decimal_of
from dita.errors import refuse
from dita.kernel import Number
from dita.precision import plain

_ZERO: Final = Decimal(0)
_CLIENT_ID: Final = "CLI"


class OrderState(StrEnum):
    """How an order stands."""

    PENDING = "pending"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"


_OPEN: Final = (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
_STATES: Final = {status: OrderState[status.name] for status in OrderStatus}


class Order(NamedTuple):
    """An order, as the kernel last reported it.

    Attributes:
        client_order_id: Its own id.
        symbol: The instrument.
        side: Buy or Sell.
        qty: Base units.
        price: The limit, quote units.
        state: How it stands.
        order_id: The exchange's id; None before it has one.
        filled_qty: What of it has filled.
        avg_fill_price: Of that; 0 before a fill.
        created_at_ms: When it was made, ms since 1970 UTC.
        updated_at_ms: When it last changed.
        message: Why it was refused.
    """

    client_order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    state: OrderState
    order_id: str | None = None
    filled_qty: Decimal = _ZERO
    avg_fill_price: Decimal = _ZERO
    created_at_ms: int = 0
    updated_at_ms: int = 0
    message: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name; numbers are exact text."""
        return {
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "side": self.side,
            "qty": plain(self.qty),
            "price": plain(self.price),
            "state": self.state.value,
            "order_id": self.order_id,
            "filled_qty": plain(self.filled_qty),
            "avg_fill_price": plain(self.avg_fill_price),
            "created_at_ms": self.created_at_ms,
            "updated_at_ms": self.updated_at_ms,
            "message": self.message,
        }


class OrderStore(Protocol):
    """What an execution loop asks of a store."""

    def generate_client_order_id(self) -> str:
        """Return an id that was never given before."""

    def create(self, symbol: str, side: str, qty: Number, price: Number, timestamp_ms: int) -> Order:
        """Keep a new order, PENDING."""

    def on_order(self, order: VenueOrder, timestamp_ms: int) -> None:
        """Take an order as the kernel has it now."""

    def get_open_orders(self) -> list[Order]:
        """Return the orders at work."""

    def reset(self) -> None:
        """Forget everything."""


class InMemoryOrderStore:
    """Orders by their own id, oldest first. States and fills are the kernel's words; nothing is summed up."""

    def __init__(self) -> None:
        """Begin with none."""
        self._orders: dict[str, Order] = {}
        self._reported: dict[str, tuple[VenueOrder, int]] = {}
        self._by_order_id: dict[str, str] = {}
        self._next = 1

    # ------------------------------------------------------------------------------------------------ writes

    def generate_client_order_id(self) -> str:
        """Return an id that was never given before: CLI00000001 and so on."""
        number, self._next = self._next, self._next + 1
        return f"{_CLIENT_ID}{number:08d}"

    def create(self, symbol: str, side: str, qty: Number, price: Number, timestamp_ms: int) -> Order:
        """Keep a new order, PENDING.

        Args:
            symbol: The instrument.
            side: Buy or Sell.
            qty: Base units.
            price: The limit, quote units.
            timestamp_ms: Now, ms since 1970 UTC.

        Raises:
            InvalidInput: A number cannot be taken.
        """
        size, limit = decimal_of("qty", qty), decimal_of("price", price)
        client_order_id = self.generate_client_order_id()
        # By place: names cost as much again, and this is made for every order.
        order = Order(
            client_order_id,
            symbol,
            str(side),
            size,
            limit,
            OrderState.PENDING,
            None,
            _ZERO,
            _ZERO,
            timestamp_ms,
            timestamp_ms,
        )
        self._put(order)
        return order

    def on_order(self, order: VenueOrder, timestamp_ms: int) -> None:
        """Take an order as the kernel has it now; one that was not made here is kept as well.

        Args:
            order: The kernel's.
            timestamp_ms: Now, ms since 1970 UTC.
        """
        self._reported[order.intent_id] = (order, timestamp_ms)

    def _settle(self) -> dict[str, Order]:
        """Store what was reported since the last time: most changes of an order are never read."""
        while self._reported:
            client_order_id, (order, timestamp_ms) = self._reported.popitem()
            self._put(_of(order, timestamp_ms, self._orders.get(client_order_id)))
        return self._orders

    def update_state(
        self,
        client_order_id: str,
        state: OrderState,
        timestamp_ms: int,
        order_id: str | None = None,
        message: str | None = None,
    ) -> None:
        """Say how an order stands, for an exchange that no kernel is behind.

        Args:
            client_order_id: Its own id.
            state: Its state.
            timestamp_ms: Now.
            order_id: The exchange's id; None leaves it.
            message: Why; None leaves it.

        Raises:
            InvalidInput: It is not known.
        """
        known = self._known(client_order_id)
        self._put(
            known._replace(
                state=OrderState(state),
                updated_at_ms=timestamp_ms,
                order_id=known.order_id if order_id is None else order_id,
                message=known.message if message is None else message,
            )
        )

    def update_fill(
        self, client_order_id: str, filled_qty: Number, avg_fill_price: Number, timestamp_ms: int
    ) -> None:
        """Say what of an order has filled in all, for an exchange that no kernel is behind.

        Args:
            client_order_id: Its own id.
            filled_qty: Base units.
            avg_fill_price: Quote units.
            timestamp_ms: Now.

        Raises:
            InvalidInput: It is not known, or a number cannot be taken.
        """
        known, filled = self._known(client_order_id), decimal_of("filled_qty", filled_qty)
        state = known.state
        if filled:
            state = OrderState.FILLED if filled >= known.qty else OrderState.PARTIALLY_FILLED
        price = decimal_of("avg_fill_price", avg_fill_price)
        self._put(
            known._replace(filled_qty=filled, avg_fill_price=price, state=state, updated_at_ms=timestamp_ms)
        )

    def reset(self) -> None:
        """Forget everything."""
        self._orders.clear()
        self._reported.clear()
        self._by_order_id.clear()
        self._next = 1

    def _known(self, client_order_id: str) -> Order:
        known = self._settle().get(client_order_id)
        if known is None:
            raise refuse("client_order_id", client_order_id, "is no order of this store")
        return known

    def _put(self, order: Order) -> None:
        self._orders[order.client_order_id] = order
        if order.order_id is not None:
            self._by_order_id[order.order_id] = order.client_order_id

    # ------------------------------------------------------------------------------------------------- reads

    def get(self, client_order_id: str) -> Order | None:
        """Return an order by its own id.

        Args:
            client_order_id: The id.
        """
        return self._settle().get(client_order_id)

    def get_by_order_id(self, order_id: str) -> Order | None:
        """Return an order by the exchange's id.

        Args:
            order_id: The id.
        """
        orders = self._settle()
        client_order_id = self._by_order_id.get(order_id)
        return None if client_order_id is None else orders[client_order_id]

    def get_all(self) -> list[Order]:
        """Return every order."""
        return list(self._settle().values())

    def get_by_state(self, state: OrderState) -> list[Order]:
        """Return the orders in a state.

        Args:
            state: The state.
        """
        return [order for order in self._settle().values() if order.state is state]

    def get_by_symbol(self, symbol: str) -> list[Order]:
        """Return the orders of an instrument.

        Args:
            symbol: The instrument.
        """
        return [order for order in self._settle().values() if order.symbol == symbol]

    def get_open_orders(self) -> list[Order]:
        """Return the orders at work."""
        return [order for order in self._settle().values() if order.state in _OPEN]

    def count_by_state(self) -> dict[str, int]:
        """Return how many orders are in each state that has any."""
        return dict(Counter(order.state.value for order in self._settle().values()))

    def to_dict(self) -> dict[str, Any]:
        """Return every order, how many there are, and how many in each state."""
        return {
            "orders": [order.to_dict() for order in self._settle().values()],
            "count": len(self._settle()),
            "count_by_state": self.count_by_state(),
        }


def _of(order: VenueOrder, timestamp_ms: int, known: Order | None) -> Order:
    return Order(
        client_order_id=order.intent_id,
        symbol=order.asset,
        side="Buy" if str(order.order_side) == "BUY" else "Sell",
        qty=order.intended_size,
        price=order.limit_price or _ZERO,
        state=_STATES[status_of(order)],
        order_id=order.venue_order_id or None,
        filled_qty=order.filled_size,
        avg_fill_price=order.average_fill_price or _ZERO,
        created_at_ms=timestamp_ms if known is None else known.created_at_ms,
        updated_at_ms=timestamp_ms,
        message=None if known is None else known.message,
    )


class PersistentOrderStore(InMemoryOrderStore):
    """The same in an SQLite file: a change is in it before the call returns, and a kill loses none."""

    def __init__(self, path: str | Path) -> None:
        """Open a file, and read what it has.

        Args:
            path: The file; made where it is not there.

        Raises:
            InvalidInput: It is no order store.
        """
        super().__init__()
        self._path = Path(path)
        try:
            self._file = sqlite3.connect(self._path, isolation_level=None)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS orders (client_order_id TEXT PRIMARY KEY, symbol TEXT, side TEXT,"
                " qty TEXT, price TEXT, state TEXT, order_id TEXT, filled_qty TEXT, avg_fill_price TEXT,"
                " created_at_ms INTEGER, updated_at_ms INTEGER, message TEXT)"
            )
            self._read(self._file.execute("SELECT * FROM orders ORDER BY rowid"))
        except (sqlite3.DatabaseError, ArithmeticError, ValueError, TypeError) as error:
            raise refuse("path", str(path), f"is no order store: {error}") from error

    def _read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for (
            client_id,
            symbol,
            side,
            qty,
            price,
            state,
            order_id,
            filled,
            average,
            created,
            updated,
            message,
        ) in rows:
            super()._put(
                Order(
                    client_order_id=client_id,
                    symbol=symbol,
                    side=side,
                    qty=Decimal(qty),
                    price=Decimal(price),
                    state=OrderState(state),
                    order_id=order_id,
                    filled_qty=Decimal(filled),
                    avg_fill_price=Decimal(average),
                    created_at_ms=created,
                    updated_at_ms=updated,
                    message=message,
                )
            )
            number = client_id.removeprefix(_CLIENT_ID)
            if number.isdecimal():
                self._next = max(self._next, int(number) + 1)

    def _put(self, order: Order) -> None:
        self._file.execute(
            "INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (client_order_id) DO UPDATE SET"
            " symbol=excluded.symbol, side=excluded.side, qty=excluded.qty, price=excluded.price,"
            " state=excluded.state, order_id=excluded.order_id, filled_qty=excluded.filled_qty,"
            " avg_fill_price=excluded.avg_fill_price, created_at_ms=excluded.created_at_ms,"
            " updated_at_ms=excluded.updated_at_ms, message=excluded.message",
            tuple(order.to_dict().values()),
        )
        super()._put(order)

    def on_order(self, order: VenueOrder, timestamp_ms: int) -> None:
        """Take an order as the kernel has it now, at once.

        Args:
            order: The kernel's.
            timestamp_ms: Now, ms since 1970 UTC.
        """
        self._put(_of(order, timestamp_ms, self.get(order.intent_id)))

    def reset(self) -> None:
        """Forget everything, in the file as well."""
        self._file.execute("DELETE FROM orders")
        super().reset()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
