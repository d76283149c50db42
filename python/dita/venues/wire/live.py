"""What `dita run`, `dita doctor` and `dita download` need of a native adapter beside trading: its market."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from dita.venues.wire.adapter import WireAdapter
from dita.venues.wire.market import Feed, MarketEvent, VenueBar
from dita.venues.wire.requests import Request


class LiveAdapter(WireAdapter):
    """An account at a venue, with the venue's market feed."""

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

    @abstractmethod
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

    @abstractmethod
    def set_dead_man(self, symbol: str, wait_ms: int) -> None:
        """Have the venue cancel an instrument's open orders after a time, unless asked again; 0 takes it off.

        Raises:
            InvalidInput: The venue does not offer it.
            Failure: It does not take it.
        """

    @abstractmethod
    def resting_order(self, symbol: str, size: Decimal, price: Decimal, client_id: str) -> Request:
        """Write a post-only order to buy, as the probe sends one."""

    @abstractmethod
    def cancel_of(self, symbol: str, client_id: str) -> Request:
        """Write the cancel of a plain order."""
