"""An adapter for venues whose orders are placed, cancelled, changed and asked for by one request each.

Stops are not taken by it: where a venue keeps them in a service of their own, with a stream of its own, they
are refused by name.
"""

import logging
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.wire.adapter import AccountQueries, Reader, WireAdapter
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Transport
from dita.venues.wire.updates import UnknownMessage

_LOG = logging.getLogger("dita.venues")


class OrderCodec(Protocol):
    """What a venue is asked for, and what its answers say. Without I/O."""

    def place(self, order: VenueOrder) -> Request:
        """Ask for an order.

        Raises:
            NotSent: The venue has no such order.
        """

    def cancel(self, order: VenueOrder) -> Request:
        """Ask to cancel an order."""

    def amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        """Ask to change a limit order.

        Raises:
            NotSent: The venue cannot.
        """

    def query(self, symbol: str, client_id: str) -> Request:
        """Ask how an order stands."""

    def placed_id(self, answer: Any) -> str:  # noqa: ANN401 - any JSON
        """Read the venue's id in the answer to `place`."""

    def stands(self, answer: Any) -> list[VenueEvent]:  # noqa: ANN401 - any JSON
        """Read the answer to `query`: [] where the venue does not have the order.

        Raises:
            UnknownMessage: Its status is none that is known.
        """


class PlainWireAdapter(WireAdapter):
    """One account at such a venue."""

    def __init__(
        self,
        wire: Transport,
        reader: Reader,
        queries: AccountQueries,
        order_codec: OrderCodec,
        symbols: list[str],
        clock_ns: Callable[[], int],
        deaf_s: float,
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            wire: The transport.
            reader: Reads the user stream.
            queries: Asks about the account.
            order_codec: What the venue is asked for.
            symbols: The instruments that are traded.
            clock_ns: This machine's time, nanoseconds.
            deaf_s: After how long without a report of an acknowledged request the stream is deaf, seconds.
        """
        super().__init__(wire, reader, queries, symbols, clock_ns, deaf_s)
        self._order_codec = order_codec
        self._symbol_of: dict[str, str] = {}

    @property
    def requests_open(self) -> int:
        """How many requests are on their way."""
        return self._busy

    # --------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; its events come later.

        Raises:
            NotSent: The venue has no such order, or it is an entry and the stream is not to be trusted now.
        """
        if order.trigger_price is not None:
            raise NotSent(
                f"order_type: {type(self).__name__} takes no {order.order_type}; see docs/reference"
            )
        request = self._order_codec.place(order)
        if request.pool == "entry" and self._unheard:
            raise NotSent(f"entries halt: {self._unheard}")
        if request.pool == "entry" and not self._connected.is_set():
            raise NotSent("entries wait: the user stream is down, or deaf")
        refused = self._over_budget(request, order)
        if refused is not None:
            return [refused]
        self._symbol_of[order.venue_client_id] = order.asset
        self._begin(self._place(order, request))
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order."""
        del reason
        self._begin(self._cancel(order, self._order_codec.cancel(order)))
        return []

    def amend(
        self,
        order: VenueOrder,
        *,
        size: Decimal,
        limit_price: Decimal | None,
        trigger_price: Decimal | None,
        request_id: str,
    ) -> Sequence[VenueEvent]:
        """Ask to change a limit order.

        Raises:
            NotSent: The venue cannot, or the order has no limit.
        """
        price = limit_price if limit_price is not None else order.limit_price
        if price is None or trigger_price is not None:
            raise NotSent("limit orders alone are changed: cancel it and send another")
        self._begin(self._amend(order, self._order_codec.amend(order, size, price, request_id), request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Query an order; the answer comes as an event."""
        self._begin(self._query(venue_client_id))
        return []

    # --------------------------------------------------------------------------------------- requests at work

    async def _place(self, order: VenueOrder, request: Request) -> None:
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        sent_s = time.monotonic()
        try:
            order_id = self._order_codec.placed_id(await self._wire.ask(request))
        except Failure as failure:
            self._refuse("ORDER_REJECT", failure, ids)
            return
        except InvalidInput as error:
            self._doubt(str(error), ids)
            return
        self._await(client_id, sent_s)
        self._tell(VenueEvent(self._clock_ns(), kind="ORDER_ACK", venue_order_id=order_id, **ids))

    async def _cancel(self, order: VenueOrder, request: Request) -> None:
        ids: dict[str, Any] = {"venue_client_id": order.venue_client_id, "asset": order.asset}
        sent_s = time.monotonic()
        try:
            await self._patiently(request)
        except Failure as failure:
            self._refuse("CANCEL_REJECT", failure, ids)
            if failure.fate is Fate.STATE:
                await self._query(order.venue_client_id)
            return
        # An acknowledgement: that it has ended, and what had filled by then, the stream says.
        self._await(order.venue_client_id, sent_s)

    async def _amend(self, order: VenueOrder, request: Request, request_id: str) -> None:
        ids: dict[str, Any] = {
            "venue_client_id": order.venue_client_id, "asset": order.asset, "request_id": request_id,
        }  # fmt: skip
        sent_s = time.monotonic()
        try:
            await self._patiently(request)
        except Failure as failure:
            self._refuse("AMEND_REJECT", failure, ids)
            if failure.fate is Fate.STATE:
                await self._query(order.venue_client_id)
            return
        self._await(order.venue_client_id, sent_s)

    async def _query(self, client_id: str) -> None:
        named = self._symbol_of.get(client_id)
        try:
            for symbol in [named] if named else self.symbols:
                found = await self._ask_for(symbol, client_id)
                if found:
                    self._awaited.pop(client_id, None)
                    await self._tell_found(found)
                    return
            self._awaited.pop(client_id, None)
            self._tell(VenueEvent(self._clock_ns(), kind="ORDER_NOT_FOUND", venue_client_id=client_id))
        except UnknownMessage as error:
            self._halt_entries(error)
        except (Failure, InvalidInput) as error:
            _LOG.warning("question about %s: %s", client_id, error)

    async def _ask_for(self, symbol: str, client_id: str) -> list[VenueEvent]:
        try:
            return self._order_codec.stands(await self._wire.ask(self._order_codec.query(symbol, client_id)))
        except Failure as failure:
            if failure.fate is Fate.STATE:
                return []
            raise

    async def _tell_found(self, found: list[VenueEvent]) -> None:
        """Tell an order's fills before how it stands: else the kernel would have to guess at them."""
        status = found[-1]
        if status.filled_size:
            since_ns = max(0, min(self._booked_ns, self._clock_ns()) - 600_000_000_000)
            await self._tell_fills(status.venue_client_id, since_ns)
        for event in found:
            self._tell(event)
        if status.filled_size:
            await self._tell_balances()
