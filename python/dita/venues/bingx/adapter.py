"""The adapter: the kernel's requests on BingX's wire, and the wire's news to the kernel."""

import asyncio
import logging
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.base import Revisions, SequenceOrder
from dita.venues.bingx import requests
from dita.venues.bingx.failures import DUPLICATE
from dita.venues.bingx.reports import ReportReader, position, read_instruments
from dita.venues.wire import reading
from dita.venues.wire.adapter import DEAF_S, MS
from dita.venues.wire.budget import OrderBudget
from dita.venues.wire.failures import Failure
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.plain import PlainWireAdapter
from dita.venues.wire.reading import FRAME_BYTES_MAX
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Transport
from dita.venues.wire.unproven import need_consent

_LOG: Final = logging.getLogger("dita.bingx")
REST: Final = "https://open-api.bingx.com"
DEMO_REST: Final = "https://open-api-vst.bingx.com"
STREAM: Final = "wss://open-api-swap.bingx.com"
DEMO_STREAM: Final = "wss://vst-open-api-ws.bingx.com"
HOSTS: Final = Hosts(REST, STREAM, DEMO_REST, DEMO_STREAM)
_KEEP_KEY_S: Final = 25 * 60.0


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


class _OrderCodec:
    """What BingX is asked for, and what its answers say."""

    cancel = staticmethod(requests.cancel)

    def __init__(self, reader: ReportReader) -> None:
        self._reports = reader

    def place(self, order: VenueOrder) -> Request:
        self._reports.name(order.venue_client_id)
        return requests.place(order)

    def amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        del size, price, request_id
        raise NotSent(f"{order.venue_client_id}: BingX changes no orders here: cancel it and send another")

    def query(self, symbol: str, client_id: str) -> Request:
        return requests.query(symbol, client_id)

    def placed_id(self, answer: Any) -> str:  # noqa: ANN401 - any JSON
        order = reading.record(reading.record(answer, "answer").get("order"), "order")
        return str(order.get("orderId") or "")

    def stands(self, answer: Any) -> list[VenueEvent]:  # noqa: ANN401 - any JSON
        row = reading.record(answer, "answer").get("order")
        return self._reports.stands(row) if isinstance(row, dict) and row else []


class _AccountQueries:
    """Questions about one account. Its fills have no ids: orders are asked for their totals instead."""

    def __init__(
        self, wire: Transport, reader: ReportReader, symbols: list[str], clock_ns: Callable[[], int]
    ) -> None:
        self._wire, self._reports, self._symbols, self._clock_ns = wire, reader, symbols, clock_ns

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        del since_ns
        return []

    async def traded(self, since_ns: int) -> dict[str, str]:
        """Return the orders that have filled since a time, with their instruments."""
        found: dict[str, str] = {}
        for symbol in self._symbols:
            asked = requests.fill_orders(symbol, max(0, since_ns // MS), self._clock_ns() // MS)
            answer = reading.record(await self._wire.ask(asked), "answer")
            for row in reading.table(answer.get("fill_orders") or [], "fill_orders"):
                found[str(row.get("orderId"))] = symbol
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

    async def open_orders(self, symbol: str | None) -> list[dict[str, Any]]:
        answer = reading.record(await self._wire.ask(requests.open_orders(symbol)), "answer")
        rows = reading.table(answer.get("orders") or [], "orders")
        found = [self._reports.stands(row)[-1] for row in rows]
        return [
            {
                "venue_client_id": one.venue_client_id, "venue_order_id": one.venue_order_id,
                "symbol": one.asset, "order_side": str(one.order_side), "size": one.order_size,
                "filled_size": one.filled_size, "limit_price": one.order_price,
            }
            for one in found
        ]  # fmt: skip


class BingxSwap(PlainWireAdapter):
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

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        symbols: Iterable[str],
        *,
        unproven: bool = False,
        rest: str | None = None,
        stream: str | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        deaf_s: float = DEAF_S,
        wire: Transport | None = None,
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            symbols: The instruments that are traded.
            unproven: Says that it is known that this adapter was not proven over a wire.
            rest: Base address of REST; None means the venue's, or its test network's without real money.
            stream: The same for the streams.
            clock_ns: This machine's time, nanoseconds.
            deaf_s: After how long without a report of an acknowledged request the stream is deaf, seconds.
            wire: What carries requests and frames; None means the network.

        Raises:
            InvalidInput: Real money is at stake, and `unproven` is not said; or there is none, and an
                address is neither of the test network nor on this machine.
        """
        need_consent("BingX", is_real=self.real_money is not False, unproven=unproven)
        reader, names = ReportReader(), list(dict.fromkeys(symbols))
        # Three in a second from one address, whatever the account may do.
        carrier = wire or Transport(
            *self._addresses(rest, stream),
            requests.BingxCodec(api_key, api_secret),
            clock_ns,
            OrderBudget(3, 1.0),
        )
        asks = _AccountQueries(carrier, reader, names, clock_ns)
        self._traded = asks
        super().__init__(carrier, reader, asks, _OrderCodec(reader), names, clock_ns, deaf_s)

    def capabilities(self) -> frozenset[str]:
        """Return the names of the optional methods that work: it changes no orders."""
        return super().capabilities() - {"amend"}

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return what orders have filled since a time, each as its status: the venue's fills have no ids."""
        found: list[VenueEvent] = self._wait(self._stand_of_traded(since))
        return found

    async def _stand_of_traded(self, since_ns: int) -> list[VenueEvent]:
        found = []
        for order_id, symbol in (await self._traded.traded(since_ns)).items():
            answer = await self._wire.ask(requests.query(symbol, order_id=order_id))
            found += self._order_codec.stands(answer)
        return found

    async def repair(self) -> None:
        """Ask by REST for orders that have filled, entries and balances since the last repair."""
        since_ns = self._booked_ns - 600 * 1_000_000_000
        for event in await self._stand_of_traded(since_ns):
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
        return await self._read_until_cut(listening, self._keep_key(key))

    async def _keep_key(self, key: str) -> None:
        """Renew the key until that fails: then a new one is needed."""
        while True:
            await asyncio.sleep(_KEEP_KEY_S)
            try:
                await self._wire.ask(requests.keep_key(key))
            except Failure as failure:
                _LOG.warning("listen key: %s", failure)
                return


class BingxPractice(BingxSwap):
    """The same with simulated money, on the venue's demo hosts."""

    real_money: ClassVar[bool | None] = False
