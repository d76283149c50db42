"""The adapter: the kernel's requests on Binance's wire, and the wire's news to the kernel."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.base import KernelSink, Revisions, SequenceOrder
from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.feed import MarketFeed
from dita.venues.binance.markets import read_instruments, read_klines
from dita.venues.binance.queries import AccountQueries
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import reading
from dita.venues.wire.adapter import DEAF_S, MS, OVERLAP_NS, PAST_WAIT_S
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.market import MarketEvent, VenueBar
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Transport
from dita.venues.wire.updates import UnknownMessage

_LOG: Final = logging.getLogger("dita.binance")
REST: Final = "https://fapi.binance.com"
STREAM: Final = "wss://fstream.binance.com"
DEMO_REST: Final = "https://demo-fapi.binance.com"
DEMO_STREAM: Final = "wss://fstream.binancefuture.com"
HOSTS: Final = Hosts(
    REST, STREAM, DEMO_REST, DEMO_STREAM, frozenset({"testnet.binancefuture.com", "stream.binancefuture.com"})
)
_KEEP_KEY_S: Final = 25 * 60.0


class BinanceUsdm(LiveAdapter):
    """Binance USD-M with real money; `BinancePractice` is for demo hosts and `dita exchange`.

    Attributes:
        symbols: The instruments that are asked about after a gap, beside those that the income history names.
        budget: How much may be asked of the venue.
    """

    hosts: ClassVar[Hosts] = HOSTS
    #: Trade ids ascend within an instrument; both fills of a self-trade have one.
    sequence_order: ClassVar[SequenceOrder] = "SYMBOL"
    revisions: ClassVar[Revisions] = "NONE"
    named_codes: ClassVar[Mapping[int, str]] = {-4116: "DUPLICATE_CLIENT_ID"}

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        symbols: Iterable[str],
        *,
        rest: str | None = None,
        stream: str | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        reserve: float = 0.2,
        deaf_s: float = DEAF_S,
        transport: Callable[..., Transport] = Transport,
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            symbols: The instruments that are traded.
            rest: Base address of REST; None means the venue's, or its test network's without real money.
            stream: The same for the streams.
            clock_ns: This machine's time, nanoseconds.
            reserve: The part of each order budget that is kept for exits.
            deaf_s: After how long without a report of an acknowledged request the stream is deaf, seconds.
            transport: Makes what carries requests and streams.

        Raises:
            InvalidInput: There is no real money, and an address is neither of the test network nor on this
                machine.
        """
        self._reports = ReportReader(lambda: self.hedge_mode)
        names = list(dict.fromkeys(symbols))
        self.budget = Budget(reserve=reserve)
        codec = requests.BinanceCodec(api_key, api_secret)
        wire = transport(*self._addresses(rest, stream), codec, clock_ns, self.budget)
        self._queries = AccountQueries(wire, self._reports, names, self.budget)
        super().__init__(wire, self._reports, self._queries, names, clock_ns, deaf_s)
        self._kinds: dict[str, tuple[str, bool]] = {}
        self._wants_new_key = False

    def attach(self, kernel: KernelSink) -> None:
        """Learn the kernel and its orders, and open the user stream."""
        # Fills name an order by the venue's id alone: one that the log knows needs no question.
        orders = getattr(kernel, "orders", None)
        for order in () if orders is None else orders():
            self._reports.link(order.venue_order_id, order.venue_client_id)
        super().attach(kernel)

    def catch_up_later(self, since_ns: int, caught_up: Callable[[], None]) -> None:
        """Ask for the fills and the income of a downtime once trading goes on; call it before `attach`."""

        def done() -> None:
            caught_up()
            self.budget.catching_up = False

        self.budget.catching_up = True
        super().catch_up_later(since_ns, done)

    # --------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; its events come later.

        Raises:
            NotSent: The venue has no such order, or it is an entry and the stream is not to be trusted now.
        """
        request = requests.place(order)
        refused = self._held_back(request, order)
        if refused is not None:
            return [refused]
        self._kinds[order.venue_client_id] = (order.asset, requests.is_conditional(order))
        self._begin(self._place(order, request))
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order."""
        del reason
        client_id = order.venue_client_id
        waits = requests.is_conditional(order) and not order.triggered
        request = requests.cancel(order.asset, client_id, order.venue_order_id, waits=waits)
        self._begin(self._cancel(order, request))
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
        """Ask to change an order: plain limit orders only, the venue has nothing for the others.

        Raises:
            NotSent: The order waits for a trigger, or has no limit.
        """
        price = limit_price if limit_price is not None else order.limit_price
        if (requests.is_conditional(order) and not order.triggered) or price is None:
            raise NotSent(
                f"amend: Binance changes limit orders that work alone, not a {order.order_type}"
                f"{' that waits' if price is not None else ''}: cancel it and send another"
            )
        del trigger_price
        self._begin(self._amend(order, requests.amend(order, size, price, request_id), request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Query an order; the answer comes as an event."""
        self._begin(self._query(venue_client_id))
        return []

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Set the leverage at the venue: whole numbers.

        Raises:
            NotSent: It is none.
            Failure: The venue does not take it.
        """
        self._wait(self._wire.ask(requests.leverage(symbol, leverage)))
        return leverage

    def set_margin_mode(self, symbol: str, mode: str) -> None:
        """Set an instrument's margin mode, CROSS or ISOLATED.

        Raises:
            Failure: The venue does not take it.
        """
        try:
            self._wait(self._wire.ask(requests.margin_mode(symbol, mode)))
        except Failure as failure:
            if failure.fate is not Fate.DONE:
                raise

    # -------------------------------------------------------------------------------------------- the market

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
        bars: list[VenueBar] = []
        while start_ns < end_ns:
            request = requests.klines(symbol, interval, start_ns // MS, end_ns // MS - 1)
            page = read_klines(self.ask(request, PAST_WAIT_S), symbol, interval, self._clock_ns())
            bars += page
            if not page:
                break
            start_ns = page[-1].close_ns
        return bars

    def feed(
        self,
        on_event: Callable[[MarketEvent], object],
        *,
        interval: str = "1m",
        quotes: bool = False,
        trades: bool = False,
        books: bool = False,
    ) -> MarketFeed:
        """Subscribe to the market of the adapter's instruments; see `MarketFeed`."""
        return MarketFeed(
            self._wire, self.symbols, on_event, interval=interval, quotes=quotes, trades=trades,
            books=books, clock_ns=self._clock_ns,
        )  # fmt: skip

    def mark_price(self, symbol: str) -> Decimal:
        """Return an instrument's mark price as the venue has it now."""
        row = reading.record(self.ask(requests.premium_index(symbol)), "premiumIndex")
        return reading.decimal(row, "markPrice")

    def public_rules(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules, without what is the account's own."""
        return read_instruments(self.ask(requests.INSTRUMENTS), symbols)

    def funding_rates(self, symbol: str, since_ms: int, until_ms: int) -> list[tuple[int, Decimal, str]]:
        """Return a page of funding rates: a thousand."""
        rows = reading.table(
            self.ask(requests.funding_rates(symbol, since_ms, until_ms), 150.0), "fundingRate"
        )
        return [
            (
                reading.nanoseconds(row, "fundingTime"),
                reading.decimal(row, "fundingRate"),
                str(row.get("markPrice") or ""),
            )
            for row in rows
        ]

    def set_dead_man(self, symbol: str, wait_ms: int) -> None:
        """Set the countdown of an instrument."""
        self.ask(requests.countdown(symbol, wait_ms))

    def resting_order(self, symbol: str, size: Decimal, price: Decimal, client_id: str) -> Request:
        """Write a post-only order to buy."""
        values = {
            "symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX",
            "quantity": format(size, "f"), "price": format(price, "f"), "newClientOrderId": client_id,
        }  # fmt: skip
        return Request("POST", "/fapi/v1/order", values, weight=0, pool="exit")

    def cancel_of(self, symbol: str, client_id: str) -> Request:
        """Write the cancel of a plain order."""
        return requests.cancel(symbol, client_id, "", waits=False)

    # --------------------------------------------------------------------------------------- requests at work

    async def _place(self, order: VenueOrder, request: Request) -> None:
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        sent_s = time.monotonic()
        try:
            reply = reading.record(await self._wire.ask(request), "reply")
            order_id = str(reply.get("orderId") or reply.get("algoId") or "")
            self._reports.link(order_id, client_id)
            now_ns = reading.nanoseconds(reply, "updateTime")
            self._await(client_id, sent_s)
            self._tell(VenueEvent(now_ns, kind="ORDER_ACK", venue_order_id=order_id, **ids))
        except Failure as failure:
            self._refuse("ORDER_REJECT", failure, ids)
        except InvalidInput as error:
            self._doubt(str(error), ids)

    async def _cancel(self, order: VenueOrder, request: Request) -> None:
        ids: dict[str, Any] = {"venue_client_id": order.venue_client_id, "asset": order.asset}
        sent_s = time.monotonic()
        try:
            reply = reading.record(await self._patiently(request), "reply")
            filled = reading.maybe(reply, "executedQty") or Decimal(0)
            event = VenueEvent(
                self._clock_ns(), kind="CANCEL_ACK", filled_size=filled, remaining_size=0, **ids
            )
            self._await(order.venue_client_id, sent_s)
            self._tell(event)
        except Failure as failure:
            self._refuse("CANCEL_REJECT", failure, ids)
            if failure.fate is Fate.STATE:
                await self._query(order.venue_client_id)
        except InvalidInput as error:
            self._doubt(str(error), ids)

    async def _amend(self, order: VenueOrder, request: Request, request_id: str) -> None:
        ids: dict[str, Any] = {
            "venue_client_id": order.venue_client_id,
            "asset": order.asset,
            "request_id": request_id,
        }
        try:
            reply = reading.record(await self._patiently(request), "reply")
            filled, size = reading.decimal(reply, "executedQty"), reading.decimal(reply, "origQty")
            if reply.get("status") in {"NEW", "PARTIALLY_FILLED"}:
                kind, left = "AMEND_ACK", size - filled
                ids |= {"order_size": size, "order_price": reading.positive(reply, "price")}
            else:
                kind, left = "CANCEL_ACK", Decimal(0)
            self._tell(
                VenueEvent(self._clock_ns(), kind=kind, filled_size=filled, remaining_size=left, **ids)
            )
        except Failure as failure:
            self._refuse("AMEND_REJECT", failure, ids)
            if failure.fate is Fate.STATE:
                await self._query(order.venue_client_id)
        except InvalidInput as error:
            self._doubt(str(error), ids)

    async def _missed_fills(self, since_ns: int) -> list[VenueEvent]:
        return await self._queries.missed(since_ns)

    async def _query(self, client_id: str) -> None:
        symbol, conditional = self._kinds.get(client_id, ("", True))
        symbols = [symbol] if symbol else self.symbols
        try:
            if conditional and (await self._query_algo(client_id)):
                return
            for one in symbols:
                row = await self._queries.maybe(requests.query(one, client_id))
                if row is not None:
                    await self._tell_status(row)
                    return
            # Gone from the orders it may still have traded: its fills come first.
            await self._tell_fills(client_id, self._clock_ns() - OVERLAP_NS)
            self._awaited.pop(client_id, None)
            self._tell(VenueEvent(self._clock_ns(), kind="ORDER_NOT_FOUND", venue_client_id=client_id))
        except UnknownMessage as error:
            self._halt_entries(error)
        except (Failure, InvalidInput) as error:
            _LOG.warning("question about %s: %s", client_id, error)

    async def _query_algo(self, client_id: str) -> bool:
        row = await self._queries.maybe(requests.query_algo(client_id))
        if row is None:
            return False
        order_id = str(row.get("actualOrderId") or "")
        if not order_id:
            self._awaited.pop(client_id, None)
            for event in self._reports.algo_status(row):
                self._tell(event)
            return True
        update = self._reports.read(
            {
                "e": "ALGO_UPDATE",
                "T": row.get("updateTime"),
                "o": {
                    "caid": client_id, "aid": row.get("algoId"), "s": row.get("symbol"), "S": row.get("side"),
                    "ps": row.get("positionSide"), "X": "TRIGGERED", "ai": order_id,
                },
            }
        )  # fmt: skip
        for event in update.orders:
            self._tell(event)
        found = await self._queries.maybe(requests.query(reading.text(row, "symbol"), order_id=order_id))
        if found is not None:
            await self._tell_status(found)
        return found is not None

    async def _tell_status(self, row: dict[str, Any]) -> None:
        status = self._reports.status(row)
        if status.filled_size:
            rows = await self._wire.ask(requests.user_trades(status.asset, order_id=status.venue_order_id))
            for trade in reading.table(rows, "userTrades"):
                self._tell(self._reports.trade(trade, status.venue_client_id))
        self._awaited.pop(status.venue_client_id, None)
        self._tell(status)
        if status.filled_size:
            # The stream that did not tell of the fill did not tell of its money either.
            await self._tell_balances()

    # --------------------------------------------------------------------------------------------- the stream

    async def _read_stream(self) -> str:
        if self._wants_new_key:
            # Asked again, the venue gives the key that is there.
            self._wants_new_key = False
            await self._wire.ask(requests.END_KEY)
        key = reading.text(reading.record(await self._wire.ask(requests.NEW_KEY), "listenKey"), "listenKey")
        path = f"/private/ws?listenKey={key}"
        listening = self._wire.listen(path, self._opened, self._on_frame)
        return await self._read_until_cut(listening, self._keep_key())

    def _distrust(self) -> None:
        self._wants_new_key = True

    async def _keep_key(self) -> None:
        """Renew the key until that fails: then a new one is needed."""
        while True:
            await asyncio.sleep(_KEEP_KEY_S)
            try:
                await self._wire.ask(requests.KEEP_KEY)
            except Failure as failure:
                _LOG.warning("listen key: %s", failure)
                return


class BinancePractice(BinanceUsdm):
    """The same on a demo host or on `dita exchange`: no real money."""

    real_money: ClassVar[bool | None] = False


#: By the name that users of the router know.
BinanceAdapter = BinanceUsdm
