"""Plain orders through a kernel's own socket: who sends one owns its trade."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from dita.errors import InvalidInput, KernelError, ServerAway, ServerRefused
from dita.gateway.refused import SourceAway, SourceRefused, UnknownOrder
from dita.host import Client, PlainOrders
from dita.host.asked_orders import order_state
from dita.host.client import MORE_SLOTS
from dita.server import ConnectedKernel, connect
from dita.server.leased_slots import LeasedSlots

#: So many trades each who asks may run at once, where it is not said.
SLOTS: Final = 4
#: How long a call waits for its answer, and for a server that is away, seconds.
TIMEOUT_S: Final = 10.0
#: Who has sent and canceled nothing for so long gives his lease back, where it is not said, seconds.
IDLE_S: Final = 1.0
COMES_BACK_S: Final = 2.0
_NAME_BYTES_MAX: Final = 31
_NO_FREE_SLOT: Final = "NO_FREE_SLOT"
#: How long a lease that was given back may take to be free, and how often that is looked at, seconds.
_GIVEN_BACK_S: Final = 1.0
_LOOK_S: Final = 0.02
_T = TypeVar("_T")
#: Who, on which account.
_Key = tuple[str, str | None]


def can_own(name: str) -> bool:
    """Whether a name can be the owner of trades."""
    return 0 < len(name.encode()) <= _NAME_BYTES_MAX and name.isprintable() and ":" not in name


class _TraderSession:
    """A trader on one account: a lease of that name, and its plain orders."""

    def __init__(self, path: str, name: str, account: str | None, slots: int) -> None:
        self.kernel = _leased(path, name, account, slots)
        self._client = Client(self.kernel, LeasedSlots(self.kernel), name, slots=len(self.kernel.slots))
        self._orders = PlainOrders(self._client, self.kernel, prefix=f"{name}:")
        self._most = slots
        self._lock = threading.Lock()
        #: When it was last asked for something: the clock that never goes back, seconds.
        self.used_s = time.monotonic()

    @property
    def wants_more(self) -> bool:
        """Whether every slot of the lease carries a trade, and he may run more."""
        return len(self.kernel.slots) < self._most and self._client.free_slot() is None

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

    def close(self) -> None:
        """Give the lease back, once what is asked has its answer; orders and trades stay, and stay his."""
        with self._lock:
            self.kernel.close()


def _leased(path: str, name: str, account: str | None, most: int) -> ConnectedKernel:
    """Take the slots that carry his trades, and a free one unless he has as many as he may."""

    def taken(slots: int) -> ConnectedKernel:
        return connect(
            path,
            name=name,
            slots=slots,
            account=account,
            on_loss="keep",
            timeout_s=TIMEOUT_S,
            comes_back_s=COMES_BACK_S,
        )

    kernel = taken(1)
    own = len(kernel.slots)
    if own >= most or any(kernel.slot(at).is_free() for at in kernel.slots):
        return kernel
    kernel.close()
    try:
        return taken(own + 1)
    except ServerRefused as error:
        if error.code != _NO_FREE_SLOT:
            raise
        # His own he may still close.
        return taken(1)


class LinkedOrders:
    """Sends and cancels plain orders through a kernel's socket, for each who asks under his own name."""

    def __init__(self, path: str, slots: int = SLOTS, *, idle_s: float = IDLE_S) -> None:
        """Name the socket; nobody has a lease yet.

        Args:
            path: The socket.
            slots: How many trades each who asks may run at once.
            idle_s: Who has asked for nothing for so long gives his lease back, seconds.
        """
        self.path, self.slots, self.idle_s = path, slots, idle_s
        self._sessions: dict[_Key, asyncio.Task[_TraderSession]] = {}
        self._leaving: dict[_Key, asyncio.Task[None]] = {}
        #: How many requests of each are on their way: their lease is kept.
        self._asking: Counter[_Key] = Counter()

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
        return await self._use(name, account, lambda session: session.submit(fields), opens=True)

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
        return await self._use(name, account, lambda session: session.cancel(client_id))

    async def give_back(self, may_trade: Callable[[str], bool]) -> None:
        """Give back the leases of names that may trade no more, and of those that long asked for nothing.

        Orders at work and trades stay as they are, and stay their owner's: who comes again gets them first.

        Args:
            may_trade: Whether somebody who has a name may still trade.
        """
        now_s = time.monotonic()
        for key, task in tuple(self._sessions.items()):
            if not _is_seated(task) or self._asking[key]:
                continue
            if not may_trade(key[0]) or now_s - task.result().used_s >= self.idle_s:
                self._let_go(key)
        for key, leaving in tuple(self._leaving.items()):
            if leaving.done():
                del self._leaving[key]

    def _let_go(self, key: _Key) -> None:
        """Begin to give a lease back; who comes meanwhile waits, and is given another."""
        # Between these lines nothing else runs: nobody is given what is closed.
        self._leaving[key] = asyncio.create_task(self._leave(self._sessions.pop(key).result()))

    async def _leave(self, session: _TraderSession) -> None:
        asyncio.get_running_loop().remove_reader(session.kernel.link.fileno())
        with contextlib.suppress(KernelError):
            await asyncio.to_thread(session.close)

    async def _use(
        self,
        name: str,
        account: str | None,
        act: Callable[[_TraderSession], dict[str, Any]],
        *,
        opens: bool = False,
    ) -> dict[str, Any]:
        key = name, account
        self._asking[key] += 1
        try:
            session = await self._seat(name, account)
            if opens and self._asking[key] == 1 and await _answered(lambda: session.wants_more):
                self._let_go(key)
                session = await self._seat(name, account)
            try:
                return await _answered(lambda: act(session))
            finally:
                session.used_s = time.monotonic()
        finally:
            self._asking[key] -= 1
            if not self._asking[key]:
                del self._asking[key]

    async def _seat(self, name: str, account: str | None) -> _TraderSession:
        key = name, account
        task = self._sessions.get(key)
        if task is None:
            task = self._sessions[key] = asyncio.create_task(self._sit(name, account))
        try:
            return await asyncio.shield(task)
        except BaseException:
            # Who gives up waiting leaves a seat that others may use.
            if task.done() and not _is_seated(task):
                self._sessions.pop(key, None)
            raise

    async def _sit(self, name: str, account: str | None) -> _TraderSession:
        if (leaving := self._leaving.get((name, account))) is not None:
            # The lease is held until it was given back.
            await asyncio.shield(leaving)
        session = await self._seated(name, account)
        link = session.kernel.link

        def drain() -> None:
            # The host reports what happens; here it only must not pile up.
            link.quiet()
            while link.next_told() is not None:
                pass

        asyncio.get_running_loop().add_reader(link.fileno(), drain)
        return session

    async def _seated(self, name: str, account: str | None) -> _TraderSession:
        """Take a lease; where no slot is free, others who send nothing now give back what they hold free."""
        until_s = time.monotonic() + _GIVEN_BACK_S
        while True:
            try:
                return await _answered(lambda: _TraderSession(self.path, name, account, self.slots))
            except SourceRefused as refused:
                is_full = getattr(refused.__cause__, "code", "") == _NO_FREE_SLOT
                others = [
                    key
                    for key, session in self._sessions.items()
                    if _is_seated(session) and not self._asking[key]
                ]
                if not is_full or not (others or self._leaving) or time.monotonic() > until_s:
                    raise
            for key in others:
                self._let_go(key)
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Give the leases back; orders and trades stay as they are."""
        for task in self._sessions.values():
            if _is_seated(task):
                await self._leave(task.result())
            else:
                task.cancel()
        self._sessions.clear()
        for leaving in tuple(self._leaving.values()):
            await leaving
        self._leaving.clear()


def _is_seated(task: asyncio.Task[_TraderSession]) -> bool:
    """Whether a task has come to a lease."""
    return task.done() and not task.cancelled() and task.exception() is None


async def _answered(act: Callable[[], _T]) -> _T:
    """Do it in a thread, as it waits for its answer; say in the gateway's words what went wrong."""
    try:
        return await asyncio.to_thread(act)
    except ServerAway as error:
        raise SourceAway(str(error)) from error
    except ServerRefused as error:
        text = str(error)
        if error.code == _NO_FREE_SLOT:
            text = f"{text.partition(';')[0]}; {MORE_SLOTS}"
        raise SourceRefused(text) from error
    except (InvalidInput, KernelError) as error:
        raise SourceRefused(str(error)) from error
