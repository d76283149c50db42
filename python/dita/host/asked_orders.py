"""Plain orders that are asked of a running host: each takes a slot, and gives it back as it ends."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from dita._kernel import KernelIntent, VenueOrder
from dita.errors import refuse
from dita.host.client import Client, NoFreeSlot
from dita.host.documents import owned
from dita.host.plain_orders import PlainOrder, PlainOrders, of_children, whole_id
from dita.kernel import ExecutionKernel

#: The owner of what people and scripts trade by hand.
BY_HAND: Final = "by-hand"
#: So many slots a paper run has for them, beside those of its strategies.
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
        with self._lock, self._seated(account, kernel) as desk:
            order = desk.submit(
                str(given.pop("asset")), str(given.pop("side")), str(given.pop("size")), **given
            )
        return {**order_state(order, kernel), "account": account}

    def cancel(
        self, account: str, kernel: ExecutionKernel, client_id: str, owner: str = BY_HAND
    ) -> dict[str, Any]:
        """Cancel what of an order is at work.

        Args:
            account: Its name.
            kernel: Its kernel.
            client_id: The order's.
            owner: Who has sent it: another program's is canceled here too.

        Raises:
            InvalidInput: It is not known.
        """
        if owner == BY_HAND:
            with self._lock, self._seated(account, kernel) as desk:
                order = desk.cancel(client_id)
        else:
            children = _whole(kernel).get((owner, client_id))
            if not children:
                raise refuse("client_id", client_id, f"is no order of {owner} that is known")
            for child in children:
                if child.is_live() and child.slot_id is not None:
                    kernel.process_intent(_cancel_of(child, kernel))
            order = of_children(client_id, _whole(kernel)[owner, client_id])
        return {**order_state(order, kernel), "account": account}

    def states(self, account: str, kernel: ExecutionKernel) -> Iterator[dict[str, Any]]:
        """Yield every order that is known, plain ones whole, others one by one.

        Args:
            account: Its name.
            kernel: Its kernel.
        """
        for (_, client_id), children in _whole(kernel).items():
            if client_id:
                yield {**order_state(of_children(client_id, children), kernel), "account": account}
            else:
                for order in children:
                    yield {**_single(order, kernel), "account": account}

    @contextmanager
    def _seated(self, account: str, kernel: ExecutionKernel) -> Iterator[PlainOrders]:
        """Take the slots that carry trades by hand and one more, for as long as an order is taken.

        A slot that carries a trade stays its owner's without a holder.
        """
        own = sum(owned(view, BY_HAND) for view in kernel.state.slots)
        try:
            client = self._seat(account, own + 1)
        except NoFreeSlot:
            if not own:
                raise
            # They may still be closed.
            client = self._seat(account, own)
        try:
            desk = self._desks.get(account)
            if desk is None:
                desk = self._desks[account] = PlainOrders(client, kernel)
            desk.client = client
            yield desk
        finally:
            client.close()


def _whole(kernel: ExecutionKernel) -> dict[tuple[str, str], list[VenueOrder]]:
    """Return all orders by owner and plain order; those that are no part of one by themselves."""
    found: dict[tuple[str, str], list[VenueOrder]] = {}
    for order in kernel.orders():
        prefix = "" if order.owner == BY_HAND else f"{order.owner}:"
        whole = whole_id(order.intent_id, prefix) if order.owner else ""
        found.setdefault((order.owner, whole) if whole else (order.venue_client_id, ""), []).append(order)
    return found


def _cancel_of(order: VenueOrder, kernel: ExecutionKernel) -> KernelIntent:
    slot = kernel.slot(order.slot_id or 0).snapshot()
    return KernelIntent(
        kernel.now_ns,
        # Every intent is an input: no number is given twice.
        intent_id=f"{BY_HAND}-c{kernel.seq + 1}",
        trade_id=slot.trade_id,
        slot_id=slot.slot_id,
        asset=slot.asset,
        side=slot.side,
        action="CANCEL",
        target_client_id=order.venue_client_id,
        owner=order.owner,
    )


def order_state(order: PlainOrder, kernel: ExecutionKernel | None) -> dict[str, Any]:
    """Return a plain order as plain values.

    Args:
        order: The order.
        kernel: Its kernel; None where that is elsewhere, and the time of the last news with it.

    Returns:
        `last_ts_ns` is kernel time of the last news of it: None where that was before anybody looked on.
    """
    times = [] if kernel is None else [kernel.order_time_ns(one.venue_client_id) for one in order.children]
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
        "owner": next((child.owner for child in order.children), ""),
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
        "owner": order.owner,
    }
