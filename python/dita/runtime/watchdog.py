"""Ends callbacks that take too long: a Python loop gets `StrategyTimeout` raised in it."""

import ctypes
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from dita._kernel import Listener
from dita.strategy.errors import StrategyTimeout

_LOOK_S_MAX: Final = 0.25
_LOOKS: Final = 8
_set_async = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async.argtypes = (ctypes.c_ulong, ctypes.py_object)


class Guarded:
    """What one caller of callbacks tells of itself: entering and leaving are plain stores.

    Attributes:
        limit_s: How long a call may take, wall clock; None means for ever.
    """

    __slots__ = ("__weakref__", "_listener", "_lock", "_seen", "_since", "blocked", "limit_s")

    def __init__(
        self, limit_s: float | None, blocked: Callable[[], object], listener: Listener | None = None
    ) -> None:
        """Watch nothing yet.

        Args:
            limit_s: How long a call may take.
            blocked: Called from the watchdog's thread, once, where a call does not end by the exception: it
                is blocked in C, and gets the exception when that returns.
            listener: Where the calls are counted: those that a player makes are watched as well.
        """
        self.limit_s = limit_s
        self.blocked = blocked
        self._listener = listener or Listener(symbols=(), intervals=(), warmup=0, slots=())
        self._seen = -1
        self._since = 0.0
        self._lock = threading.Lock()
        if limit_s is not None:
            _WATCHDOG.watch(self)

    def enter(self) -> None:
        """Begin a call."""
        self._listener.enter(threading.get_ident())

    def leave(self) -> None:
        """End it. What was raised meanwhile is raised in here at the latest."""
        if not self._listener.leave():
            return
        with self._lock:
            self._listener.settle()
        for _ in range(8):
            # An exception from another thread is raised where the interpreter looks: at a jump back.
            pass

    @property
    def number(self) -> int:
        """Counts the calls."""
        return self._listener.calls

    @property
    def thread(self) -> int:
        """Which thread is inside; 0 where none is."""
        return self._listener.thread

    def stuck_s(self) -> float:
        """How long the call that runs was seen to take, seconds; 0 where none does."""
        return time.monotonic() - self._since if self.thread and self._seen == self.number else 0.0

    def look(self, now_s: float) -> None:
        """Look at it, from the watchdog's thread.

        Args:
            now_s: Monotonic time.
        """
        limit_s = self.limit_s
        if limit_s is None or not self.thread:
            return
        if self.number != self._seen:
            self._seen, self._since = self.number, now_s
            return
        took_s = now_s - self._since
        self._listener.suspect()
        with self._lock:
            if not self.thread or self.number != self._seen or took_s < limit_s:
                return
            _set_async(self.thread, StrategyTimeout)
        if took_s >= 2 * limit_s:
            blocked, self.blocked = self.blocked, _nothing
            # In a thread of its own: a kernel that is busy must not hold up the watch over others.
            threading.Thread(target=blocked, name="dita-blocked", daemon=True).start()


def _nothing() -> None:
    """Do nothing: it was said before."""


class Watchdog:
    """One thread for all of a process. It runs while there is something to watch."""

    def __init__(self) -> None:
        """Watch nobody."""
        self._watched: weakref.WeakSet[Guarded] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, guarded: Guarded) -> None:
        """Watch one more, for as long as it lives."""
        with self._lock:
            self._watched.add(guarded)
            # After a fork the thread is not there.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="dita-watchdog", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                watched = list(self._watched)
                if not watched:
                    self._thread = None
                    return
            limits = [one.limit_s for one in watched if one.limit_s is not None]
            now_s = time.monotonic()
            for one in watched:
                one.look(now_s)
            del watched[:]
            one = None  # type: ignore[assignment]
            time.sleep(min([_LOOK_S_MAX, *(limit / _LOOKS for limit in limits)]))


_WATCHDOG: Final = Watchdog()
