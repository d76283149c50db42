"""A live venue's market in `dita serve`: heard by its adapter, given to the kernel, and shown to programs."""

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from dita.errors import KernelError
from dita.host.strategies import Company
from dita.kernel import ExecutionKernel

if TYPE_CHECKING:
    from dita.venues.wire.live import LiveAdapter

_LOG: Final = logging.getLogger("dita.server")
_LOOK_S: Final = 0.05


def live_adapter_of(kernel: ExecutionKernel) -> "LiveAdapter | None":
    """Return a kernel's adapter, where it hears a venue's market as `dita run` does; None else.

    Args:
        kernel: It.
    """
    try:
        from dita.venues.wire.live import LiveAdapter  # noqa: PLC0415 - it needs aiohttp
    except ImportError:
        # Without the extra there is no such adapter.
        return None
    return kernel.venue if isinstance(kernel.venue, LiveAdapter) else None


class LiveMarket:
    """One account's market, in a thread of its own."""

    def __init__(self, account: str, kernel: ExecutionKernel, company: Company) -> None:
        """Take the account over as it stands at the venue, and begin to hear its market.

        Args:
            account: Its name.
            kernel: Its kernel; its venue is a `LiveAdapter`.
            company: The host's strategies; what they hear, connected programs are shown.

        Raises:
            KernelError: The user stream does not open, or another kernel's orders are at work.
        """
        from dita.live.grounds import take_over  # noqa: PLC0415 - as above
        from dita.live.hearing import Hearing  # noqa: PLC0415 - as above
        from dita.live.waiting import Waiting  # noqa: PLC0415 - as above

        self._account = account
        adapter = take_over(kernel, kernel.instruments)
        self._waiting = Waiting()
        self._hearing = Hearing(kernel, company, account=account)
        self._feed = adapter.feed(self._waiting.put, quotes=True, trades=True)
        self._symbols = kernel.instruments
        self._company = company
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dita-market-{account}", daemon=True)

    def begin(self) -> None:
        """Hand on what is heard from now on. The host's strategies have their bars of the venue."""
        for handle in self._company.handles.values():
            if handle.account == self._account:
                handle.actor.take_bars_of_the_market()
        self._thread.start()

    def heard(self) -> Mapping[str, Any]:
        """Return how the market is heard: ages of the marks, and what was missed or passed over."""
        return {
            "mark_age_s": {symbol: self._feed.age_s(symbol) for symbol in self._symbols},
            "reconnects": self._feed.reconnects,
            "missed_trades": self._feed.missed_trades,
            "passed_over": self._waiting.passed_over,
        }

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._hearing.hear(self._waiting.take(_LOOK_S))
            except KernelError as error:
                if self._stop.is_set():
                    return
                _LOG.error("%s: the market is not handed on any more: %s", self._account, error)
                raise

    def end(self) -> None:
        """Hand on nothing more. The host closes the adapter."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
