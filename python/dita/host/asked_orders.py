"""Plain orders that are asked of a running host: one client for all of them in each account."""

import threading
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from dita._kernel import VenueOrder
from dita.errors import refuse
from dita.host.client import Client
from dita.host.plain_orders import PlainOrder, PlainOrders
from dita.kernel import ExecutionKernel

#: The owner of what people and scripts trade by hand.
BY_HAND: Final = "by-hand"
#: So many slots they have in an account, where it has them.
SLOTS: Final = 8
_FIELDS: Final = frozenset(
    {
        "asset",
        "side",
        "size",
        "client_id",
        "price",
        "order_type",
        "time_in_force",
        "post_only",
        "trigger_price",
        "reduce_only",
    }
)


class AskedOrders:
    """Takes, cancels and shows plain orders, account by account. From any thread."""

    def __init__(self, seat: Callable[[str, int], Client]) -> None:
        """Take no slots yet.

        Args:
            seat: Gives a client of an account so many slots; NoFreeSlot where it has not.
        """
        self._seat = seat
        self._desks: dict[str, PlainOrders] = {}
        self._lock = threading.Lock()

    def submit(self, account: str, kernel: ExecutionKernel, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send an order.

        Args:
            account: Its name.
            kernel: Its kernel.
            fields: As `PlainOrders.submit` takes them.

        Raises:
            InvalidInput: A value cannot be taken, or the id was used; nothing was sent.
            NoFreeSlot: Every slot of the account is somebody's.
        """
        unknown = sorted(set(fields) - _FIELDS)
        if unknown:
            raise refuse(unknown[0], fields[unknown[0]], f"is none of {', '.join(sorted(_FIELDS))}")
        missing = sorted({"asset", "side", "size", "client_id"} - set(fields))
        if missing:
            raise refuse(missing[0], None, "is missing")
        given = dict(fields)
        # One at a time: whether an id was used, and what an order closes, is read before it is sent.
        with self._lock:
            order = self._desk(account, kernel).submit(
                str(given.pop("asset")), str(given.pop("side")), str(given.pop("size")), **given
            )
        return {**order_state(order, kernel), "account": account}

    def cancel(self, account: str, kernel: ExecutionKernel, client_id: str) -> dict[str, Any]:
        """Cancel what of an order is at work.

        Args:
            account: Its name.
            kernel: Its kernel.
            client_id: The order's.

        Raises:
            InvalidInput: It is not known.
        """
        with self._lock:
            return {**order_state(self._desk(account, kernel).cancel(client_id), kernel), "account": account}

    def states(self, account: str, kernel: ExecutionKernel) -> Iterator[dict[str, Any]]:
        """Yield every order that is known, plain ones whole, others one by one.

        Args:
            account: Its name.
            kernel: Its kernel.
        """
        by_hand: set[str] = set()
        for order in kernel.orders():
            whole = order.intent_id.rpartition(".")[0]
            if order.owner != BY_HAND or not whole:
                yield {**_single(order, kernel), "account": account}
            elif whole not in by_hand:
                by_hand.add(whole)
                with self._lock:
                    known = self._desk(account, kernel).order(whole)
                yield {**order_state(known, kernel), "account": account}

    def _desk(self, account: str, kernel: ExecutionKernel) -> PlainOrders:
        desk = self._desks.get(account)
        if desk is None:
            free = sum(view.is_free() for view in kernel.state.slots)
            desk = PlainOrders(self._seat(account, max(1, min(SLOTS, free))), kernel)
            self._desks[account] = desk
        return desk


def order_state(order: PlainOrder, kernel: ExecutionKernel) -> dict[str, Any]:
    """Return a plain order as plain values.

    Args:
        order: The order.
        kernel: Its kernel.

    Returns:
        `last_ts_ns` is kernel time of the last news of it: None where that was before anybody looked on.
    """
    times = [kernel.order_time_ns(child.venue_client_id) for child in order.children]
    return {
        "client_order_id": order.client_id,
        "status": order.status,
        "symbol": order.asset,
        "side": str(order.side),
        "order_qty": order.size,
        "limit_price": next((child.limit_price for child in order.children), None),
        "executed_qty": order.filled_size,
        "avg_price": order.average_price,
        "reason": order.reason,
        "last_ts_ns": max((time for time in times if time is not None), default=None),
    }


def _single(order: VenueOrder, kernel: ExecutionKernel) -> dict[str, Any]:
    return {
        "client_order_id": order.venue_client_id,
        "status": str(order.status),
        "symbol": order.asset,
        "side": str(order.order_side),
        "order_qty": order.intended_size,
        "limit_price": order.limit_price,
        "executed_qty": order.filled_size,
        "avg_price": order.average_fill_price if order.filled_size != Decimal(0) else None,
        "reason": "",
        "last_ts_ns": kernel.order_time_ns(order.venue_client_id),
    }
