"""The order path of every native adapter: one request places, cancels or amends; a query ends a doubt."""

import logging
import time
from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal, Protocol

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.wire.adapter import OVERLAP_NS, WireAdapter
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.requests import Request, waits_for_trigger
from dita.venues.wire.updates import UnknownMessage

_LOG: Final = logging.getLogger("dita.venues")
Verb = Literal["ORDER", "CANCEL", "AMEND"]


class OrderRequests(Protocol):
    """How a venue is asked for an order: its module `requests`. Without I/O."""

    def place(self, order: VenueOrder) -> Request:
        """Write an order.

        Raises:
            NotSent: The venue has no such order.
        """

    def cancel(self, order: VenueOrder) -> Request:
        """Write the cancel of an order."""

    def amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        """Write a change of a limit order.

        Raises:
            NotSent: The venue cannot.
        """


class OrderAdapter(WireAdapter):
    """One account at a venue: sends orders, and reports what its answers say of them."""

    #: The venue's module `requests`.
    order_requests: ClassVar[OrderRequests]

    # ------------------------------------------------------------------------------------- a venue's own part

    def _to_place(self, order: VenueOrder) -> Request:
        return self.order_requests.place(order)

    def _to_amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        return self.order_requests.amend(order, size, price, request_id)

    @abstractmethod
    def _accepted(self, verb: Verb, answer: Any, ids: dict[str, Any]) -> VenueEvent | None:  # noqa: ANN401
        """Read the answer to an order, cancel or amend that the venue took; None where the stream reports it.

        Args:
            verb: What was asked.
            answer: The venue's answer: any JSON.
            ids: What the event names its order by.

        Raises:
            InvalidInput: It cannot be read: the order is in doubt.
        """

    def _refused(self, verb: Verb, client_id: str) -> None:
        """Called when the venue has refused a request."""

    # --------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; its events come later.

        Raises:
            NotSent: The venue has no such order, or it is an entry and the stream is not to be trusted now.
        """
        request = self._to_place(order)
        refused = self._held_back(request, order)
        if refused is not None:
            return [refused]
        self._symbol_of[order.venue_client_id] = order.asset
        self._begin(self._send("ORDER", order, request))
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order."""
        del reason
        self._begin(self._send("CANCEL", order, self.order_requests.cancel(order)))
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
        """Ask to change a limit order that works.

        Raises:
            NotSent: The order waits for a trigger or has no limit, or the venue cannot.
        """
        del trigger_price
        price = limit_price if limit_price is not None else order.limit_price
        if waits_for_trigger(order) or price is None:
            raise NotSent(
                f"amend: {type(self).__name__} changes limit orders that work, not a {order.order_type}"
                f"{' that waits' if price is not None else ''}: cancel it and send another"
            )
        request = self._to_amend(order, size, price, request_id)
        self._begin(self._send("AMEND", order, request, request_id=request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Query an order; the answer comes as an event."""
        self._begin(self._query(venue_client_id))
        return []

    # --------------------------------------------------------------------------------------- requests at work

    async def _send(self, verb: Verb, order: VenueOrder, request: Request, **more: str) -> None:
        """Send a request; what the answer does not say, the stream has to report soon."""
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset, **more}
        sent_s = time.monotonic()
        try:
            answer = await (self._wire.ask if verb == "ORDER" else self._patiently)(request)
            event = self._accepted(verb, answer, ids)
        except Failure as failure:
            if failure.fate is not Fate.UNKNOWN:
                self._refused(verb, client_id)
            self._report_failure(f"{verb}_REJECT", failure, ids)
            if failure.fate is Fate.STATE and verb != "ORDER":
                await self._query(client_id)
        except InvalidInput as error:
            self._doubt(str(error), ids)
        else:
            self._await(client_id, sent_s)
            if event is not None:
                self._tell(event)

    async def _query(self, client_id: str) -> None:
        try:
            found = await self._asks.order(client_id, self._symbol_of.get(client_id, ""))
            if found:
                await self._tell_found(found)
                return
            # Gone from the orders it may still have traded: its fills come first.
            gone = VenueEvent(self._clock_ns(), kind="ORDER_NOT_FOUND", venue_client_id=client_id)
            await self._tell_fills(gone)
            self._is_answered(client_id)
            self._tell(gone)
        except UnknownMessage as error:
            self._halt_entries(error)
        except (Failure, InvalidInput) as error:
            _LOG.warning("question about %s: %s", client_id, error)

    async def _tell_found(self, found: list[VenueEvent]) -> None:
        """Report an order's fills before its status: else the kernel would have to guess at them."""
        *before, status = found
        for event in before:
            self._tell(event)
        if status.filled_size:
            await self._tell_fills(status)
        self._is_answered(status.venue_client_id)
        self._tell(status)
        if status.filled_size:
            # The stream that did not report the fill did not report its money either.
            await self._tell_balances()

    async def _tell_fills(self, status: VenueEvent) -> None:
        for fill in await self._in_order(self._asks.fills_of(status, self._clock_ns() - OVERLAP_NS)):
            self._tell(fill)

    def _ask_unless_so(self, request: Request) -> None:
        """Ask for a setting; that it is so already is a success.

        Raises:
            Failure: The venue does not take it.
        """
        try:
            self.ask(request)
        except Failure as failure:
            if failure.fate is not Fate.DONE:
                raise
