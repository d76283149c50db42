"""What `dita run`, `dita doctor` and `dita download` need of a native adapter beside trading: its market."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from dita._kernel import VenueOrder
from dita.errors import InvalidInput
from dita.venues.wire.market import Feed, MarketEvent, VenueBar
from dita.venues.wire.orders import OrderAdapter
from dita.venues.wire.requests import Request


class LiveAdapter(OrderAdapter):
    """An account at a venue, with the venue's market feed."""

    #: The venue's market feed.
    feed_type: ClassVar[Callable[..., Feed]]
    #: Why there is no dead man's switch; see `set_dead_man`.
    no_dead_man: ClassVar[str] = "the venue has none"
    #: Fee rates of an account without a discount: maker, taker.
    usual_rates: ClassVar[tuple[str, str]] = ("0.0002", "0.0005")

    @abstractmethod
    def get_bars(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> list[VenueBar]:
        """Return closed bars that begin in a time, the oldest first.

        Args:
            symbol: The instrument.
            interval: "1m", "5m", "1h" and so on.
            start_ns: From when on.
            end_ns: Until when.

        Raises:
            Failure: The venue does not say.
        """

    def feed(
        self,
        on_event: Callable[[MarketEvent], object],
        *,
        interval: str = "1m",
        quotes: bool = False,
        trades: bool = False,
        books: bool = False,
    ) -> Feed:
        """Subscribe to the market of the adapter's instruments.

        Args:
            on_event: Called with each event, on the transport's thread; it must not wait.
            interval: The length of the bars.
            quotes: Whether to subscribe to best prices.
            trades: Whether to subscribe to public trades.
            books: Whether to keep and publish order books.
        """
        return self.feed_type(
            self._wire, self.symbols, on_event, interval=interval, quotes=quotes, trades=trades,
            books=books, clock_ns=self._clock_ns,
        )  # fmt: skip

    @abstractmethod
    def mark_price(self, symbol: str) -> Decimal:
        """Return an instrument's mark price as the venue has it now.

        Raises:
            Failure: The venue does not say.
        """

    @abstractmethod
    def public_rules(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules as `set_exchange_config` takes them, without what is the account's own.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The venue does not say.
        """

    @abstractmethod
    def funding_rates(self, symbol: str, since_ms: int, until_ms: int) -> list[tuple[int, Decimal, str]]:
        """Return funding rates of a time, the oldest first: time in ns, rate, mark or empty text.

        Raises:
            Failure: The venue does not say.
        """

    def set_dead_man(self, symbol: str, wait_ms: int) -> None:
        """Have the venue cancel an instrument's open orders after a time, unless asked again; 0 takes it off.

        Raises:
            InvalidInput: The venue does not offer it.
            Failure: It does not take it.
        """
        if wait_ms:
            raise InvalidInput(f"dead_man: {self.no_dead_man}; leave it off for {symbol}")

    def resting_order(self, symbol: str, size: Decimal, price: Decimal, client_id: str) -> Request:
        """Write a post-only order to buy, as the probe sends one."""
        order = VenueOrder(
            venue_client_id=client_id, asset=symbol, side="LONG", order_side="BUY", intended_size=size,
            order_type="LIMIT", limit_price=price, post_only=True,
        )  # fmt: skip
        return replace(self.order_requests.place(order), pool="exit")

    def cancel_of(self, symbol: str, client_id: str) -> Request:
        """Write the cancel of a plain order."""
        order = VenueOrder(
            venue_client_id=client_id, asset=symbol, side="LONG", order_side="BUY", intended_size=1
        )
        return self.order_requests.cancel(order)
