"""Dispatch a venue's live market to a kernel and its strategies: in `dita run` and in `dita serve`."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dita.host.strategies import StrategyRunner
from dita.kernel import ExecutionKernel
from dita.runtime import interval_ns
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from dita.venues.wire.market import MarketEvent, VenueBar, VenueMark, VenueQuote, VenueTrade

if TYPE_CHECKING:
    from decimal import Decimal

    from dita.venues.wire.live import LiveAdapter

_BARS_MAX: Final = 5_000


class MarketDispatcher:
    """Dispatches a venue's market events to the kernel, to strategies and to connected programs."""

    def __init__(
        self,
        kernel: ExecutionKernel,
        runner: StrategyRunner,
        *,
        account: str | None = None,
        marks: bool = True,
    ) -> None:
        """Dispatch nothing yet.

        Args:
            kernel: The account's.
            runner: Its host's strategies.
            account: The account's name, where the host has others; None means all.
            marks: Whether the kernel takes marks from here; the simulated venue gives them itself.
        """
        self._kernel = kernel
        self._runner = runner
        self._account = account
        self._marks = marks
        self._terms: dict[str, tuple[Decimal | None, int | None]] = {}

    def dispatch(
        self, events: Sequence[MarketEvent], first: Callable[[MarketEvent], object] | None = None
    ) -> None:
        """Dispatch events: bars that closed at the same time together, and last.

        Args:
            events: In the order in which they were received.
            first: Called with each event before anything else; None calls nothing.
        """
        runner, account = self._runner, self._account
        bars: dict[int, list[Bar]] = {}
        for event in events:
            if first is not None:
                first(event)
            match event:
                case VenueMark():
                    self._apply_mark(event)
                case VenueQuote():
                    runner.dispatch_quote(QuoteTick(event.symbol, event.time_ns, event.texts), account)
                case VenueTrade():
                    runner.dispatch_trade(
                        TradeTick(
                            event.symbol,
                            event.time_ns,
                            event.price,
                            event.size,
                            buyer_is_maker=event.buyer_is_maker,
                        ),
                        account,
                    )
                case VenueBar():
                    bars.setdefault(event.close_ns, []).append(bar_of(event))
        for close_ns in sorted(bars):
            runner.dispatch_bars(bars[close_ns], account)

    def _apply_mark(self, mark: VenueMark) -> None:
        if not self._marks:
            return
        self._kernel.mark_price(mark.symbol, mark.price)
        terms = (mark.rate, mark.next_boundary_ns)
        if mark.rate is not None and mark.next_boundary_ns and self._terms.get(mark.symbol) != terms:
            self._terms[mark.symbol] = terms
            self._kernel.on_funding(mark.symbol, mark.rate, mark.next_boundary_ns)


def past_bars(
    market: "LiveAdapter", symbols: Sequence[str], interval: str, strategies: Iterable[Strategy]
) -> list[VenueBar]:
    """Return the closed bars that the longest warm-up needs, in their order.

    Args:
        market: The venue that is asked for them.
        symbols: Of which instruments.
        interval: Their length.
        strategies: The strategies whose warm-ups need them.
    """
    length_ns = interval_ns(interval)
    count = 1
    for strategy in strategies:
        wanted_ns = max((interval_ns(one) for one in strategy.intervals), default=length_ns)
        count = max(count, (strategy.warmup + 1) * (wanted_ns // length_ns) + 1)
    now_ns = time.time_ns()
    begin_ns = now_ns - min(_BARS_MAX, count) * length_ns
    past: list[VenueBar] = []
    for symbol in symbols:
        past += market.get_bars(symbol, interval, begin_ns, now_ns)
    return sorted(past, key=lambda one: one.close_ns)


def bar_of(bar: VenueBar) -> Bar:
    """Return a venue's bar as strategies receive it."""
    return Bar(bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts)
