"""`LiveSession`: one account on its venue's live market, in `dita run` and in `dita serve`."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dita.errors import KernelError
from dita.host import Host
from dita.host.strategies import MarketData, StrategyHandle
from dita.live.live_account import LiveAccount
from dita.live.market_queue import MarketQueue
from dita.live.plan import NotReady
from dita.runtime import interval_ns
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from dita.venues.wire.failures import Failure
from dita.venues.wire.market import MarketEvent, VenueBar, VenueQuote, VenueTrade

if TYPE_CHECKING:
    from dita.venues.wire.live import LiveAdapter
    from dita.venues.wire.market import Feed

_LOG: Final = logging.getLogger("dita.live")
_LOOK_S: Final = 0.05
_BOOKS_S: Final = 20.0
_BARS_MAX: Final = 5_000


class LiveSession:
    """Trades one account of a host on its venue's live market.

    Events are dispatched one by one in order of arrival. Of each: timers that are due, the account's venue or
    the kernel's marks, what that has caused, then strategies and connected programs.

    Attributes:
        account: The account's name.
        market: The venue's market data adapter.
        stopping: Set by `end`, from any thread.
    """

    def __init__(
        self,
        host: Host,
        account: str,
        live_account: LiveAccount,
        *,
        symbols: Sequence[str] = (),
        interval: str = "1m",
        quotes: bool = True,
        trades: bool = True,
    ) -> None:
        """Take the account over as it stands at the venue.

        Args:
            host: Owns the account.
            account: Its name.
            live_account: Takes the account over, and receives its market first.
            symbols: The instruments; none means all that the account has.
            interval: The length of the bars.
            quotes: Whether anybody receives best prices.
            trades: Whether anybody receives public trades.

        Raises:
            KernelError: A check failed, the user stream does not open, or another kernel has orders there.
        """
        self.account = account
        self._runner = host.strategies
        self._kernel = host.kernel(account)
        self._live_account = live_account
        self.market: LiveAdapter = live_account.open(self._kernel)
        self._symbols = tuple(symbols) or tuple(self._kernel.instruments)
        self._interval, self._quotes, self._trades = interval, quotes, trades
        self._queue = MarketQueue()
        self._feed: Feed | None = None
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dita-market-{account}", daemon=True)

    # -------------------------------------------------------------------------------------------- the market

    def begin(self, starting: Iterable[StrategyHandle] = ()) -> None:
        """Subscribe to the market; warm up the strategies that run, and those that start with it.

        Args:
            starting: Started here, unless an operator paused or stopped them before a restart.

        Raises:
            NotReady: The market's depth does not come, where the account needs it.
        """
        runner, starting = self._runner, [*starting]
        handles = [one for one in runner.handles.values() if one.account == self.account]
        past = self._past_bars([one.strategy for one in handles]) if handles else []
        needs_depth = self._live_account.needs_depth
        feed = self._feed = self.market.feed(
            self._queue.put,
            interval=self._interval,
            quotes=self._quotes,
            trades=self._trades or needs_depth,
            books=needs_depth,
        )
        for bar in past:
            feed.begin_after(bar)
        if needs_depth:
            self._wait_for_books(feed)
        bars = [bar_of(bar) for bar in past]
        with runner.lock:
            runner.past[self.account] = lambda _: bars
            for handle in handles:
                handle.actor.take_bars_of_the_market()
                if handle in starting:
                    handle.begin()
                elif handle.actor.started:
                    runner.warm_up(handle)
                runner.deliver()
            runner.past[self.account] = lambda strategy: [bar_of(bar) for bar in self._past_bars([strategy])]

    def _past_bars(self, strategies: Sequence[Strategy]) -> list[VenueBar]:
        """Return the closed bars that the longest warm-up needs, oldest first; none where the venue fails."""
        length_ns, count = interval_ns(self._interval), 1
        for strategy in strategies:
            wanted_ns = max((interval_ns(one) for one in strategy.intervals), default=length_ns)
            count = max(count, (strategy.warmup + 1) * (wanted_ns // length_ns) + 1)
        now_ns = time.time_ns()
        begin_ns = now_ns - min(_BARS_MAX, count) * length_ns
        past: list[VenueBar] = []
        try:
            for symbol in self._symbols:
                past += self.market.get_bars(symbol, self._interval, begin_ns, now_ns)
        except (KernelError, Failure, TimeoutError) as error:
            _LOG.warning("%s: no past bars: %s; warm-ups begin with the next", self.account, error)
            return []
        return sorted(past, key=lambda one: one.close_ns)

    def _wait_for_books(self, feed: "Feed") -> None:
        """Let the simulated venue have its books before anybody trades there."""
        until_s = time.monotonic() + _BOOKS_S
        while not self.stopping.is_set() and not feed.books.are_whole:
            if time.monotonic() > until_s:
                raise NotReady(f"the market's depth did not come within {_BOOKS_S:g} s")
            time.sleep(_LOOK_S)
        for event in self._queue.take(0):
            self._live_account.on_market(event)
            if isinstance(event, VenueBar):
                self._queue.put(event)

    def turn(self, wait_s: float = _LOOK_S) -> None:
        """Dispatch what has arrived, and run the timers that are due.

        Args:
            wait_s: How long to wait where nothing has arrived, seconds.
        """
        for event in self._queue.take(wait_s):
            self._runner.run_timers(self._kernel.clock_ns, self.account)
            self._live_account.on_market(event)
            data = _data_of(event)
            if data is not None:
                self._runner.dispatch(data, self.account)
        self._runner.run_timers(self._kernel.clock_ns, self.account)

    def market_health(self) -> Mapping[str, Any]:
        """Return the feed's health: ages of the marks, reconnects, missed trades, events passed over."""
        feed = self._feed
        if feed is None:
            return {}
        return {
            "mark_age_s": {symbol: feed.age_s(symbol) for symbol in self._symbols},
            "reconnects": feed.reconnects,
            "missed_trades": feed.missed_trades,
            "passed_over": self._queue.passed_over,
        }

    # ------------------------------------------------------------------------------------ a thread of its own

    def start(self) -> None:
        """Dispatch in a thread of its own, until `end`."""
        self._thread.start()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.turn()
            except KernelError as error:
                if self.stopping.is_set():
                    return
                _LOG.error("%s: market events are no longer dispatched: %s", self.account, error)
                raise

    def end(self) -> None:
        """Dispatch nothing more in the session's thread. The host closes the adapter."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()


def _data_of(event: MarketEvent) -> MarketData | None:
    """Return a venue's event as strategies receive it; None for marks and books."""
    match event:
        case VenueQuote():
            return QuoteTick(event.symbol, event.time_ns, event.texts)
        case VenueTrade():
            return TradeTick(
                event.symbol, event.time_ns, event.price, event.size, buyer_is_maker=event.buyer_is_maker
            )
        case VenueBar():
            return bar_of(event)
    return None


def bar_of(bar: VenueBar) -> Bar:
    """Return a venue's bar as strategies receive it."""
    return Bar(bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts)
