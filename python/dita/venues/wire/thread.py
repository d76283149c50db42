"""A thread with one event loop, for what must not wait where the kernel calls."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_CLOSE_S: Final = 5.0
_Result = TypeVar("_Result")


class LoopThread:
    """Runs coroutines on a thread of its own."""

    def __init__(self, name: str) -> None:
        """Start the thread.

        Args:
            name: The thread's.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread.start()

    async def _let_go(self) -> None:
        """Let go of what was opened on the thread."""

    def is_own_thread(self) -> bool:
        """Whether the caller is the transport's own thread."""
        return threading.current_thread() is self._thread

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done on the thread, and do not wait for it."""

        def begin() -> None:
            task = self._loop.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(begin)

    def wait_for(self, work: Coroutine[Any, Any, _Result], timeout_s: float) -> _Result:
        """Have something done on the thread, and wait for what comes of it. Not from that thread.

        Raises:
            TimeoutError: It took longer.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cut everything, and end the thread."""
        if self._loop.is_closed():
            return

        async def end() -> None:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._let_go()

        if self.is_own_thread():
            # Closed by what it called: the thread ends once that returns.
            ending = self._loop.create_task(end())
            ending.add_done_callback(lambda _: self._loop.stop())
            return
        self.wait_for(end(), _CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()
