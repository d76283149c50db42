"""A venue's live market in `dita serve`: taken from its adapter, dispatched to the kernel and to programs."""

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from dita.errors import KernelError
from dita.host.strategies import StrategyRunner
from dita.kernel import ExecutionKernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dita.live.checks import Check
    from dita.venues.wire.live import LiveAdapter
    from dita.venues.wire.market import VenueBar

_LOG: Final = logging.getLogger("dita.server")
_LOOK_S: Final = 0.05
_INTERVAL: Final = "1m"


def live_adapter_of(kernel: ExecutionKernel) -> "LiveAdapter | None":
    """Return a kernel's adapter where it has a venue's live market, as in `dita run`; None else.

    Args:
        kernel: The kernel.
    """
    try:
        from dita.venues.wire.live import LiveAdapter  # noqa: PLC0415 - it needs aiohttp
    except ImportError:
        # Without the extra there is no such adapter.
        return None
    return kernel.venue if isinstance(kernel.venue, LiveAdapter) else None


class Checks(NamedTuple):
    """How a live account has to be before it is served.

    Attributes:
        hedge_mode: Whether it has two books per instrument.
        allow_withdrawals: Whether a key that may withdraw is good enough.
    """

    hedge_mode: bool
    allow_withdrawals: bool


def look(kernel: ExecutionKernel, checks: Checks) -> "list[Check]":
    """Ask the venue what `dita doctor` asks, and return what was found.

    Args:
        kernel: The account's; its venue is a `LiveAdapter`, and its orders are in its log.
        checks: How the account has to be.

    Raises:
        KernelError: A check failed.
    """
    from dita.live.checks import doctor_of  # noqa: PLC0415 - it needs aiohttp
    from dita.live.plan import NotReady  # noqa: PLC0415 - as above

    doctor = doctor_of(cast("LiveAdapter", kernel.venue), **checks._asdict(), has_log=True)
    found = list(doctor.run())
    failed = [f"{one.name}: {one.text}" for one in found if one.result == "fail"]
    if failed:
        raise NotReady("; ".join(failed))
    return found


def load() -> None:
    """Load the modules that a market needs: a standby does so before there is any hurry (0.04 s)."""
    from dita.live import checks, dispatch, live_account, market_queue, plan  # noqa: F401, PLC0415 - as above


class LiveMarket:
    """One account's market, in a thread of its own.

    Attributes:
        checks: What was looked at before.
    """

    def __init__(
        self, account: str, kernel: ExecutionKernel, runner: StrategyRunner, checks: Checks | None
    ) -> None:
        """Take the account over as it stands at the venue, and subscribe to its market.

        Args:
            account: Its name.
            kernel: Its kernel; its venue is a `LiveAdapter`.
            runner: The host's strategies; connected programs receive the same events.
            checks: The checks that the account must pass; None checks nothing.

        Raises:
            KernelError: A check failed, the user stream does not open, or another kernel's orders
                are at work.
        """
        from dita.live.dispatch import MarketDispatcher  # noqa: PLC0415 - as above
        from dita.live.live_account import take_over  # noqa: PLC0415 - as above
        from dita.live.market_queue import MarketQueue  # noqa: PLC0415 - as above

        self._account = account
        self.checks = [] if checks is None else look(kernel, checks)
        recovery = kernel.recovery
        is_known = checks is None and recovery is not None and recovery["last_seq"] > 0
        # Who takes over has the account in its log: exits wait for no stream, no mark and no other question.
        adapter = self._adapter = (
            cast("LiveAdapter", kernel.venue) if is_known else take_over(kernel, kernel.instruments)
        )
        self._queue = MarketQueue()
        self._dispatcher = MarketDispatcher(kernel, runner, account=account)
        self._feed = adapter.feed(self._queue.put, quotes=True, trades=True)
        self._symbols = kernel.instruments
        self._runner = runner
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dita-market-{account}", daemon=True)

    def begin(self) -> None:
        """Dispatch events from now on. The host's strategies take the venue's bars."""
        from dita.live.dispatch import bar_of, past_bars  # noqa: PLC0415 - it needs aiohttp

        inside = [one for one in self._runner.handles.values() if one.account == self._account]
        for handle in inside:
            handle.actor.take_bars_of_the_market()
        warming = [one.strategy for one in inside if one.strategy.warming]
        if warming:
            past = self._past(lambda: past_bars(self._adapter, self._symbols, _INTERVAL, warming))
            for bar in past:
                self._feed.begin_after(bar)
                self._runner.add_past_bar(bar_of(bar), self._account)
            self._runner.end_past(self._account)
        self._thread.start()

    def _past(self, ask: "Callable[[], list[VenueBar]]") -> "list[VenueBar]":
        """Return past bars; none where the venue does not give them: warm-ups then wait for new ones."""
        from dita.venues.wire.failures import Failure  # noqa: PLC0415 - as above

        try:
            return ask()
        except (Failure, TimeoutError) as error:
            _LOG.warning("%s: no past bars: %s; warm-ups begin with the next", self._account, error)
            return []

    def market_health(self) -> Mapping[str, Any]:
        """Return the feed's health: ages of the marks, reconnects, missed trades, events passed over."""
        return {
            "mark_age_s": {symbol: self._feed.age_s(symbol) for symbol in self._symbols},
            "reconnects": self._feed.reconnects,
            "missed_trades": self._feed.missed_trades,
            "passed_over": self._queue.passed_over,
        }

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._dispatcher.dispatch(self._queue.take(_LOOK_S))
            except KernelError as error:
                if self._stop.is_set():
                    return
                _LOG.error("%s: market events are no longer dispatched: %s", self._account, error)
                raise

    def end(self) -> None:
        """Dispatch nothing more. The host closes the adapter."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
