"""The questions about an account that every native adapter asks by REST. They change nothing."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar

from dita._kernel import VenueEvent
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.reports import ReportReader
from dita.venues.wire.requests import Request

Reader = TypeVar("Reader", bound=ReportReader)


class Asks(Protocol):
    """Sends a question; the transport is one."""

    def now_ms(self) -> int:
        """Return the venue's time, as far as it is known."""

    async def ask(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Send a request, and return the JSON of a success.

        Raises:
            Failure: It is none.
        """


class AccountQueries(ABC, Generic[Reader]):
    """Asks about one account, on the transport's thread."""

    def __init__(self, wire: Asks, reader: Reader, symbols: list[str]) -> None:
        """Ask nothing yet.

        Args:
            wire: The transport.
            reader: Reads the answers' rows.
            symbols: The account's instruments; the adapter adds to them.
        """
        self._wire = wire
        self._reader = reader
        self._symbols = symbols

    async def _maybe(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Ask for one thing; None where the venue does not have it.

        Raises:
            Failure: The venue does not say.
        """
        try:
            return await self._wire.ask(request)
        except Failure as failure:
            if failure.fate is Fate.STATE:
                return None
            raise

    @abstractmethod
    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        """Return how an order stands: its status last; [] where the venue does not have it.

        Args:
            client_id: Our id of it.
            symbol: Its instrument; empty where that is not known.
        """

    @abstractmethod
    async def fills(self, since_ns: int) -> list[VenueEvent]:
        """Return all fills since a time, each with its fee and profit, an instrument's oldest first."""

    async def missed(self, since_ns: int) -> list[VenueEvent]:
        """Return the fills that a repair looks at; a venue whose ids ascend need not ask for all of them."""
        return await self.fills(since_ns)

    async def fills_of(self, status: VenueEvent, since_ns: int) -> list[VenueEvent]:
        """Return the fills of an order since a time.

        Args:
            status: How the order stands; its ids.
            since_ns: The time.
        """
        fills = await self.fills(since_ns)
        return [fill for fill in fills if fill.venue_client_id == status.venue_client_id]

    @abstractmethod
    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        """Return the wallet's entries since a time that belong to no fill."""

    @abstractmethod
    async def balances(self) -> dict[str, Decimal]:
        """Return the wallet's balances, without unrealized profit."""

    @abstractmethod
    async def positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long), entry_price, position_side."""

    @abstractmethod
    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        """Return the open orders' statuses."""

    async def open_orders(self, symbol: str | None) -> list[dict[str, Any]]:
        """Return the venue's open orders, those that wait for a trigger too."""
        return [
            {
                "venue_client_id": one.venue_client_id, "venue_order_id": one.venue_order_id,
                "symbol": one.asset, "order_side": str(one.order_side), "size": one.order_size,
                "filled_size": one.filled_size, "limit_price": one.order_price,
            }
            for one in await self._open(symbol)
        ]  # fmt: skip

    @abstractmethod
    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return instruments' rules as `set_exchange_config` takes them, with what is the account's own.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The venue does not say.
        """
