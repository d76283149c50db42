"""The adapter: the kernel's requests on BingX's wire, and the wire's news to the kernel."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.base import Revisions, SequenceOrder
from dita.venues.bingx import requests
from dita.venues.bingx.failures import DUPLICATE
from dita.venues.bingx.reports import ReportReader, position, read_instruments
from dita.venues.wire import reading
from dita.venues.wire.adapter import OVERLAP_NS
from dita.venues.wire.budget import Budget, OrderBudget
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.orders import OrderAdapter, Verb
from dita.venues.wire.queries import AccountQueries
from dita.venues.wire.reading import FRAME_BYTES_MAX, MS
from dita.venues.wire.requests import Codec, Request
from dita.venues.wire.transport import Transport

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


class _AccountQueries(AccountQueries):
    """Questions about one account. Its fills have no ids: orders are asked for their totals instead."""

    def __init__(self, wire: Transport, reader: ReportReader, symbols: list[str]) -> None:
        super().__init__(wire, symbols)
        self._reports = reader

    async def order(self, client_id: str, symbol: str) -> list[VenueEvent]:
        for one in [symbol] if symbol else self._symbols:
            if found := await self._stands(requests.query(one, client_id)):
                return found
        return []

    async def _stands(self, query: Request) -> list[VenueEvent]:
        answer = await self._maybe(query)
        row = {} if answer is None else reading.record(answer, "answer").get("order")
        return self._reports.stands(row) if isinstance(row, dict) and row else []

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        del since_ns
        return []

    async def traded(self, since_ns: int) -> list[VenueEvent]:
        """Return the orders that have filled since a time, each as its status."""
        found: list[VenueEvent] = []
        for symbol in self._symbols:
            asked = requests.fill_orders(symbol, max(0, since_ns // MS), self._wire.now_ms())
            answer = reading.record(await self._wire.ask(asked), "answer")
            rows = reading.table(answer.get("fill_orders") or [], "fill_orders")
            for order_id in dict.fromkeys(str(row.get("orderId")) for row in rows):
                found += await self._stands(requests.query(symbol, order_id=order_id))
        return found

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        answer = await self._wire.ask(requests.income(max(0, since_ns // MS)))
        rows = reading.table(answer if isinstance(answer, list) else [], "income")
        return [entry for row in rows if (entry := self._reports.income(row)) is not None]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        return read_instruments(await self._wire.ask(requests.INSTRUMENTS), symbols)

    async def balances(self) -> dict[str, Decimal]:
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        # An asset that was never held has no figure at all.
        return {reading.text(row, "asset"): reading.maybe(row, "balance") or Decimal(0) for row in rows}

    async def positions(self) -> list[dict[str, Any]]:
        answer = await self._wire.ask(requests.POSITIONS)
        rows = reading.table(answer if isinstance(answer, list) else [], "positions")
        return [one for row in rows if (one := position(row))["size"]]

    async def _open(self, symbol: str | None) -> list[VenueEvent]:
        answer = reading.record(await self._wire.ask(requests.open_orders(symbol)), "answer")
        rows = reading.table(answer.get("orders") or [], "orders")
        return [self._reports.stands(row)[-1] for row in rows]


class BingxSwap(OrderAdapter):
    """BingX swaps, in one-way mode. **Not proven over a wire.** It takes no stops, and changes no orders.

    Attributes:
        symbols: The instruments that are traded: `BTC-USDT`.
    """

    hosts: ClassVar[Hosts] = HOSTS
    #: Fills have no ids: there is nothing to order them by.
    sequence_order: ClassVar[SequenceOrder] = "NONE"
    revisions: ClassVar[Revisions] = "NONE"
    named_codes: ClassVar[Mapping[int, str]] = {DUPLICATE: "DUPLICATE_CLIENT_ID"}
    unproven: ClassVar[bool] = True

    _reports: ReportReader
    _asks: _AccountQueries

    def _new_codec(self, api_key: str, api_secret: str) -> Codec:
        return requests.BingxCodec(api_key, api_secret)

    def _new_budget(self, reserve: float) -> Budget:
        # Three in a second from one address, whatever the account may do.
        return OrderBudget(3, 1.0, reserve=reserve)

    def _new_reader(self) -> ReportReader:
        return ReportReader()

    def _new_queries(self) -> AccountQueries:
        return _AccountQueries(self._wire, self._reports, self.symbols)

    def _to_place(self, order: VenueOrder) -> Request:
        self._reports.name(order.venue_client_id)
        return requests.place(order)

    def _to_cancel(self, order: VenueOrder) -> Request:
        return requests.cancel(order)

    def _to_amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        del size, price, request_id
        raise NotSent(f"{order.venue_client_id}: BingX changes no orders here: cancel it and send another")

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
