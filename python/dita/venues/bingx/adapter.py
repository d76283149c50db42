"""The adapter for BingX: its addresses, its requests, and its user stream."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput
from dita.venues.base import Revisions, SequenceOrder
from dita.venues.bingx import requests
from dita.venues.bingx.checks import AccountChecks
from dita.venues.bingx.failures import DUPLICATE
from dita.venues.bingx.queries import AccountQueries
from dita.venues.bingx.reports import ReportReader
from dita.venues.wire import checks, reading
from dita.venues.wire.adapter import OVERLAP_NS
from dita.venues.wire.budget import Budget, OrderBudget
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.orders import OrderAdapter, OrderRequests, Verb
from dita.venues.wire.reading import FRAME_BYTES_MAX
from dita.venues.wire.requests import Codec, Request

HOSTS: Final = Hosts(
    rest="https://open-api.bingx.com",
    stream="wss://open-api-swap.bingx.com",
    test_rest="https://open-api-vst.bingx.com",
    test_stream="wss://vst-open-api-ws.bingx.com",
)


def unpack(frame: bytes) -> str:
    """Read a frame: the venue packs each with gzip.

    Raises:
        InvalidInput: It is none, or larger than a frame may be.
    """
    reader = zlib.decompressobj(wbits=31)
    try:
        text = reader.decompress(frame, FRAME_BYTES_MAX)
    except zlib.error as error:
        raise InvalidInput(f"frame: is no gzip: {error}") from error
    if reader.unconsumed_tail:
        raise InvalidInput(f"frame: more than {FRAME_BYTES_MAX} bytes once unpacked")
    return text.decode("utf-8", "replace")


class BingxSwap(OrderAdapter):
    """BingX swaps, in one-way mode. **Not proven over a wire.** It takes no stops, and changes no orders.

    Attributes:
        symbols: The instruments that are traded: `BTC-USDT`.
    """

    hosts: ClassVar[Hosts] = HOSTS
    #: Fills have no ids: there is nothing to order them by.
    sequence_order: ClassVar[SequenceOrder] = "NONE"
    revisions: ClassVar[Revisions] = "NONE"
    order_requests: ClassVar[OrderRequests] = requests
    checks_type: ClassVar[type[checks.AccountChecks]] = AccountChecks
    named_codes: ClassVar[Mapping[int, str]] = {DUPLICATE: "DUPLICATE_CLIENT_ID"}
    unproven: ClassVar[bool] = True

    _reports: ReportReader
    _asks: AccountQueries

    def _new_codec(self, api_key: str, api_secret: str) -> Codec:
        return requests.BingxCodec(api_key, api_secret)

    def _new_budget(self, reserve: float) -> Budget:
        # Three in a second from one address, whatever the account may do.
        return OrderBudget(3, 1.0, reserve=reserve)

    def _new_reader(self) -> ReportReader:
        return ReportReader()

    def _new_queries(self) -> AccountQueries:
        return AccountQueries(self._wire, self._reports, self.symbols)

    def _to_place(self, order: VenueOrder) -> Request:
        self._reports.name(order.venue_client_id)
        return super()._to_place(order)

    def _accepted(self, verb: Verb, answer: Any, ids: dict[str, Any]) -> VenueEvent | None:  # noqa: ANN401
        reply = reading.record(answer, "answer")
        if verb != "ORDER":
            return None
        order_id = str(reading.record(reply.get("order"), "order").get("orderId") or "")
        return VenueEvent(self._clock_ns(), kind="ORDER_ACK", venue_order_id=order_id, **ids)

    def capabilities(self) -> frozenset[str]:
        """Return the names of the optional methods that work: it changes no orders."""
        return super().capabilities() - {"amend"}

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return what orders have filled since a time, each as its status: the venue's fills have no ids."""
        found: list[VenueEvent] = self._wait(self._asks.traded(since))
        return found

    async def repair(self) -> None:
        """Ask by REST for orders that have filled, entries and balances since the last repair."""
        for event in await self._asks.traded(self._booked_ns - OVERLAP_NS):
            self._tell(event)
        await super().repair()

    async def _read_stream(self) -> str:
        answer = reading.record(await self._wire.ask(requests.NEW_KEY), "listenKey")
        key = reading.text(answer, "listenKey")
        listening = self._wire.listen(
            f"/swap-market?listenKey={key}",
            self._opened,
            self._on_frame,
            pongs={"Ping": "Pong"},
            unpack=unpack,
        )
        return await self._read_until_cut(listening, self._renew(requests.keep_key(key)))


class BingxPractice(BingxSwap):
    """The same with simulated money, on the venue's demo hosts."""

    real_money: ClassVar[bool | None] = False
