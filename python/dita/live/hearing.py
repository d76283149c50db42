"""A venue's live market, as a kernel and its strategies hear it: in `dita run`, and in `dita serve`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dita.host.strategies import Company
from dita.kernel import ExecutionKernel
from dita.strategy import Bar, QuoteTick, TradeTick
from dita.venues.wire.market import MarketNews, VenueBar, VenueMark, VenueQuote, VenueTrade

if TYPE_CHECKING:
    from decimal import Decimal


class Hearing:
    """Hands what a venue's market says to the kernel, to strategies, and to whom they are shown."""

    def __init__(
        self, kernel: ExecutionKernel, company: Company, *, account: str | None = None, marks: bool = True
    ) -> None:
        """Hand on nothing yet.

        Args:
            kernel: The account's.
            company: Its host's strategies.
            account: The account's name, where the host has others; None means all.
            marks: Whether the kernel is told marks; the simulated venue tells them itself.
        """
        self._kernel = kernel
        self._company = company
        self._account = account
        self._marks = marks
        self._terms: dict[str, tuple[Decimal | None, int | None]] = {}

    def hear(self, news: Sequence[MarketNews], first: Callable[[MarketNews], object] | None = None) -> None:
        """Hand on news: bars that have closed at one moment together, and last.

        Args:
            news: In the order in which it was said.
            first: Hears each before anybody else.
        """
        company, account = self._company, self._account
        bars: dict[int, list[Bar]] = {}
        for said in news:
            if first is not None:
                first(said)
            match said:
                case VenueMark():
                    self._hear_mark(said)
                case VenueQuote():
                    company.hear_quote(QuoteTick(said.symbol, said.time_ns, said.texts), account)
                case VenueTrade():
                    company.hear_trade(
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
            company.hear_bars(bars[close_ns], account)

    def _hear_mark(self, mark: VenueMark) -> None:
        if not self._marks:
            return
        self._kernel.mark_price(mark.symbol, mark.price)
        terms = (mark.rate, mark.next_boundary_ns)
        if mark.rate is not None and mark.next_boundary_ns and self._terms.get(mark.symbol) != terms:
            self._terms[mark.symbol] = terms
            self._kernel.on_funding(mark.symbol, mark.rate, mark.next_boundary_ns)


def bar_of(bar: VenueBar) -> Bar:
    """Return a venue's bar as strategies hear it."""
    return Bar(bar.symbol, bar.interval, bar.open_ns, bar.close_ns, bar.texts)
