"""A venue's live market, as a kernel and its strategies hear it: in `dita run`, and in `dita serve`."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dita.host.strategies import StrategyRunner
from dita.kernel import ExecutionKernel
from dita.runtime import interval_ns
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick
from dita.venues.wire.market import MarketNews, VenueBar, VenueMark, VenueQuote, VenueTrade

if TYPE_CHECKING:
    from decimal import Decimal

    from dita.venues.wire.live import LiveAdapter

_BARS_MAX: Final = 5_000


class Hearing:
    """Hands what a venue's market says to the kernel, to strategies, and to whom they are shown."""

    def __init__(
        self,
        kernel: ExecutionKernel,
        runner: StrategyRunner,
        *,
        account: str | None = None,
        marks: bool = True,
    ) -> None:
        """Hand on nothing yet.

        Args:
            kernel: The account's.
            runner: Its host's strategies.
            account: The account's name, where the host has others; None means all.
            marks: Whether the kernel is told marks; the simulated venue tells them itself.
        """
        self._kernel = kernel
        self._runner = runner
        self._account = account
        self._marks = marks
        self._terms: dict[str, tuple[Decimal | None, int | None]] = {}

    def hear(self, news: Sequence[MarketNews], first: Callable[[MarketNews], object] | None = None) -> None:
        """Hand on news: bars that have closed at one moment together, and last.

        Args:
            news: In the order in which it was said.
            first: Hears each before anybody else.
        """
        runner, account = self._runner, self._account
        bars: dict[int, list[Bar]] = {}
        for said in news:
            if first is not None:
                first(said)
            match said:
                case VenueMark():
                    self._hear_mark(said)
                case VenueQuote():
                    runner.dispatch_quote(QuoteTick(said.symbol, said.time_ns, said.texts), account)
                case VenueTrade():
                    runner.dispatch_trade(
                        TradeTick(
                            said.symbol,
                            said.time_ns,
                            said.price,
                            said.size,
                            buyer_is_maker=said.buyer_is_maker,
                        ),
                        account,
                    )
                case VenueBar():
                    bars.setdefault(said.close_ns, []).append(bar_of(said))
        for close_ns in sorted(bars):
            runner.dispatch_bars(bars[close_ns], account)

    def _hear_mark(self, mark: VenueMark) -> None:
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
        market: Whom they are asked of.
        symbols: Of which instruments.
        interval: Their length.
        strategies: Whose warm-ups.
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
    """Return a venue's bar as strategies hear it."""
    return Bar(bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts)
