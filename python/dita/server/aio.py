"""A kernel in another process, for asyncio."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from dita._kernel import KernelIntent, KernelOutcome
from dita.overrides import Override
from dita.server.connected import ConnectedKernel, Notification, connect, notification_of


async def connect_async(path: str | os.PathLike[str], **options: Any) -> "AsyncKernel":  # noqa: ANN401 - connect's
    """Connect to a kernel's server, as `connect` does, without holding up the event loop.

    Args:
        path: The server's socket, or the host's directory.
        options: As `connect` takes them.

    Raises:
        LeaseHeld: Another process holds the lease.
        ServerAway: Nobody answers there.
        ServerRefused: The server says no.
    """
    return AsyncKernel(await asyncio.to_thread(connect, path, **options))


class AsyncKernel:
    """A connected kernel whose calls are awaited. Of one event loop, in that loop's thread.

    Attributes:
        kernel: The same kernel for reads, which wait for nothing but shared memory.
    """

    def __init__(self, kernel: ConnectedKernel) -> None:
        """Watch a connection from the running event loop.

        Args:
            kernel: The connection; nobody else polls it.
        """
        self.kernel = kernel
        self._link = kernel.link
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[list[KernelOutcome]]] = {}
        self._notifications: asyncio.Queue[Notification] = asyncio.Queue()
        self._loop.add_reader(self._link.fileno(), self._look)

    def _look(self) -> None:
        """Hand out what the link's bell has rung for."""
        # First notifications: the look for more of them stops the bell, also for an answer that came
        # meanwhile. Answers are looked for behind it, so none is left that no bell rings for.
        while (found := self._link.next_told()) is not None:
            self._notifications.put_nowait(notification_of(found))
        for number, future in tuple(self._waiting.items()):
            try:
                outcomes = self._link.taken(number)
            except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
                del self._waiting[number]
                if not future.done():
                    future.set_exception(error)
                continue
            if outcomes is not None:
                del self._waiting[number]
                if not future.done():
                    future.set_result(outcomes)

    async def process_intent(
        self,
        intent: KernelIntent | Mapping[str, Any] | object,
        *,
        note: str | None = None,
        resend: bool = False,
    ) -> KernelOutcome:
        """Take an intent; see `ConnectedKernel.process_intent`."""
        return (await self._send([self.kernel.intent(intent)], note, resend=resend))[0]

    async def process_intents(
        self, intents: Iterable[KernelIntent], *, note: str | None = None, resend: bool = False
    ) -> list[KernelOutcome]:
        """Take intents that come together; see `ConnectedKernel.process_intents`."""
        given = [self.kernel.intent(one) for one in intents]
        return await self._send(given, note, resend=resend) if given else []

    @contextlib.asynccontextmanager
    async def override(self, *, by: str, reason: str) -> AsyncIterator[Override]:
        """Change slots of the lease in a block: `async with`; see `ConnectedKernel.override`.

        Inside, `kernel.slot(i)` can be written to; what is written is sent at the block's end.

        Args:
            by: The name of the person or program.
            reason: Why.

        Raises:
            InvalidInput: `by` or `reason` is empty. At the block's end: a slot is another's, or the kernel
                does not take what was written.
            KernelError: At the block's end: the server is too old.
            ServerAway: At the block's end: no answer came.
        """
        block = self.kernel.override(by=by, reason=reason)
        block.begin()
        try:
            yield block
        finally:
            block.drop()
        await asyncio.to_thread(block.apply)

    async def _send(
        self, intents: list[KernelIntent], note: str | None, *, resend: bool
    ) -> list[KernelOutcome]:
        noted = None if note is None else (note, self.kernel.seq)
        number = self._link.start(intents, noted, resend or self.kernel.resumes)
        future: asyncio.Future[list[KernelOutcome]] = self._loop.create_future()
        self._waiting[number] = future
        try:
            return await future
        finally:
            if self._waiting.pop(number, None) is not None:
                self._link.forget(number)

    async def notifications(self) -> AsyncIterator[Notification]:
        """Yield every notification, until the connection is closed."""
        while not self.kernel.closed:
            yield await self._notifications.get()

    async def poll(self, timeout_s: float | None = None) -> Notification | None:
        """Return the next notification; None where none comes in time.

        Args:
            timeout_s: At most so long, seconds; None waits for ever.
        """
        try:
            return await asyncio.wait_for(self._notifications.get(), timeout_s)
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Give the lease back: its policy acts at once."""
        if not self.kernel.closed:
            self._loop.remove_reader(self._link.fileno())
            await asyncio.to_thread(self.kernel.close)

    async def __aenter__(self) -> Self:
        """Return it."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        await self.close()
