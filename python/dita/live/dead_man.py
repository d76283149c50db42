"""The dead man's switch: the venue cancels what is open there once this program stops refreshing it."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from dita.errors import KernelError
from dita.venues.wire.failures import Failure
from dita.venues.wire.live import LiveAdapter

_LOG: Final = logging.getLogger("dita.live")
_TIMES: Final = 3
_ANSWER_S: Final = 6.0


class DeadMan:
    """Renews the venue's countdown from a thread of its own, as long as the program shows that it is alive.

    When the countdown ends, the venue cancels *every* open order of the instruments, stops and targets
    included: a position may be left without its stop.
    """

    def __init__(self, adapter: LiveAdapter, symbols: Sequence[str], wait_s: float) -> None:
        """Set the countdown for the first time.

        Args:
            adapter: The account's.
            symbols: The instruments.
            wait_s: How long the venue waits, seconds.

        Raises:
            Failure: The venue does not take it.
        """
        self._adapter = adapter
        self._symbols = list(symbols)
        self._wait_s = wait_s
        self._alive_s = time.monotonic()
        self._ends = threading.Event()
        self._ask(round(wait_s * 1000))
        self._thread = threading.Thread(target=self._renew, name="dita-dead-man", daemon=True)
        self._thread.start()

    def alive(self) -> None:
        """Show that the program is alive: a thread that only renews would hide a program that hangs."""
        self._alive_s = time.monotonic()

    def end(self) -> None:
        """Take the switch off: what is left at the venue stays there.

        Raises:
            Failure: The venue does not take it: it will cancel.
        """
        self.abandon()
        self._ask(0)

    def abandon(self) -> None:
        """Renew no more, and leave the countdown to end by itself."""
        self._ends.set()
        # The adapter may be closed next: a question under way is waited for.
        self._thread.join(_ANSWER_S)

    def _renew(self) -> None:
        while not self._ends.wait(self._wait_s / _TIMES):
            if time.monotonic() - self._alive_s > self._wait_s:
                _LOG.critical("dead man: the program hangs; the venue will cancel what is open")
                continue
            try:
                self._ask(round(self._wait_s * 1000))
            except (Failure, KernelError, TimeoutError) as error:
                _LOG.critical("dead man: the countdown could not be renewed: %s", error)

    def _ask(self, wait_ms: int) -> None:
        for symbol in self._symbols:
            self._adapter.set_dead_man(symbol, wait_ms)
