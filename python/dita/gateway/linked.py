"""Plain orders through a kernel's own socket: who sends one owns its trade."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from dita.errors import InvalidInput, KernelError, ServerAway, ServerRefused
from dita.gateway.refused import SourceAway, SourceRefused, UnknownOrder
from dita.host import Client, PlainOrders
from dita.host.asked_orders import order_state
from dita.server import ConnectedKernel, connect
from dita.server.leased import LeasedSeats

if TYPE_CHECKING:
    from dita.host.client import Seats
    from dita.kernel import ExecutionKernel

#: So many trades each who asks may run at once, where it is not said.
SLOTS: Final = 4
#: How long a call waits for its answer, and for a server that is away, seconds.
TIMEOUT_S: Final = 10.0
COMES_BACK_S: Final = 2.0
_NAME_BYTES_MAX: Final = 31
_T = TypeVar("_T")


def can_own(name: str) -> bool:
    """Whether a name can be the owner of trades."""
    return 0 < len(name.encode()) <= _NAME_BYTES_MAX and name.isprintable() and ":" not in name


class _Seat:
    """One who trades on one account: a lease of his name, and his plain orders."""

    def __init__(self, path: str, name: str, account: str | None, slots: int) -> None:
        self.kernel = _leased(path, name, account, slots)
        # It has the face of a kernel, and a lease that of seats.
        face = cast("ExecutionKernel", self.kernel)
        seats = cast("Seats", LeasedSeats(self.kernel))
        client = Client(face, seats, name, slots=len(self.kernel.slots))
        self._orders = PlainOrders(client, face, prefix=f"{name}:")
        self._lock = threading.Lock()

    def submit(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send an order."""
        given = dict(fields)
        # One at a time: whether an id was used, and what an order closes, is read before it is sent.
        with self._lock:
            order = self._orders.submit(
                str(given.pop("asset")), str(given.pop("side")), str(given.pop("size")), **given
            )
        return {**order_state(order, None), "account": self.kernel.account_name}

    def cancel(self, client_id: str) -> dict[str, Any]:
        """Cancel an order."""
        with self._lock:
            if not self._orders.knows(client_id):
                raise UnknownOrder(client_id)
            order = self._orders.cancel(client_id)
        return {**order_state(order, None), "account": self.kernel.account_name}


def _leased(path: str, name: str, account: str | None, slots: int) -> ConnectedKernel:
    """Take so many slots, or as many as there are."""
    while True:
        try:
            return connect(
                path,
                name=name,
                slots=slots,
                account=account,
                on_loss="keep",
                timeout_s=TIMEOUT_S,
                comes_back_s=COMES_BACK_S,
            )
        except ServerRefused as error:
            if error.code != "NO_FREE_SLOT" or slots == 1:
                raise
            slots //= 2


class LinkedOrders:
    """Sends and cancels plain orders through a kernel's socket, for each who asks under his own name."""

    def __init__(self, path: str, slots: int = SLOTS) -> None:
        """Name the socket; nobody has a lease yet.

        Args:
            path: The socket.
            slots: How many trades each who asks may run at once.
        """
        self.path, self.slots = path, slots
        self._seats: dict[tuple[str, str | None], asyncio.Task[_Seat]] = {}

    async def submit(self, name: str, account: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Send an order; its trade is that name's.

        Args:
            name: Who asks: `can_own` says whether it can be one.
            account: Its name; None means the only one.
            fields: As `PlainOrders.submit` takes them.

        Returns:
            The order as it stands.

        Raises:
            SourceAway: Nobody answers.
            SourceRefused: A value cannot be taken, the id was used, or every slot is somebody's.
        """
        seat = await self._seat(name, account)
        return await _told(lambda: seat.submit(fields))

    async def cancel(self, name: str, account: str | None, client_id: str) -> dict[str, Any]:
        """Cancel what of one's own order is at work.

        Args:
            name: Who asks.
            account: Its name; None means the only one.
            client_id: The order's.

        Raises:
            UnknownOrder: It is none of his.
            SourceAway: Nobody answers.
            SourceRefused: The kernel says no.
        """
        seat = await self._seat(name, account)
        return await _told(lambda: seat.cancel(client_id))

    async def _seat(self, name: str, account: str | None) -> _Seat:
        key = name, account
        task = self._seats.get(key)
        if task is None:
            task = self._seats[key] = asyncio.create_task(self._sit(name, account))
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():
                self._seats.pop(key, None)
            raise

    async def _sit(self, name: str, account: str | None) -> _Seat:
        seat = await _told(lambda: _Seat(self.path, name, account, self.slots))
        link = seat.kernel.link

        def hear() -> None:
            # What happens is told by the host; here it only must not pile up.
            link.quiet()
            while link.next_told() is not None:
                pass

        asyncio.get_running_loop().add_reader(link.fileno(), hear)
        return seat

    async def close(self) -> None:
        """Give the leases back; orders and trades stay as they are."""
        for task in self._seats.values():
            if task.done() and not task.cancelled() and task.exception() is None:
                kernel = task.result().kernel
                asyncio.get_running_loop().remove_reader(kernel.link.fileno())
                await asyncio.to_thread(kernel.close)
            else:
                task.cancel()
        self._seats.clear()


async def _told(act: Callable[[], _T]) -> _T:
    """Do it in a thread, as it waits for its answer; say in the gateway's words what went wrong."""
    try:
        return await asyncio.to_thread(act)
    except ServerAway as error:
        raise SourceAway(str(error)) from error
    except (InvalidInput, KernelError) as error:
        raise SourceRefused(str(error)) from error
