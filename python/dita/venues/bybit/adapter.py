"""The adapter: the kernel's requests on Bybit's wire, and the wire's news to the kernel.

Bybit's answer to a request is an acknowledgement, no acceptance: what became of it the private stream tells,
and where that does not within two seconds, REST is asked.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.errors import InvalidInput, NotSent
from dita.venues.base import Revisions, SequenceOrder, SequenceTies
from dita.venues.bybit import requests
from dita.venues.bybit.budget import Budget
from dita.venues.bybit.feed import PING, MarketFeed
from dita.venues.bybit.markets import read_instrument, read_klines
from dita.venues.bybit.queries import AccountQueries
from dita.venues.bybit.reports import ReportReader
from dita.venues.bybit.requests import BybitCodec
from dita.venues.wire import reading
from dita.venues.wire.adapter import DEAF_S, MS, OVERLAP_NS
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.market import MarketEvent, VenueBar
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Say, Transport
from dita.venues.wire.updates import UnknownMessage

_LOG: Final = logging.getLogger("dita.bybit")
REST: Final = "https://api.bybit.com"
STREAM: Final = "wss://stream.bybit.com"
DEMO_REST: Final = "https://api-testnet.bybit.com"
DEMO_STREAM: Final = "wss://stream-testnet.bybit.com"
HOSTS: Final = Hosts(
    REST, STREAM, DEMO_REST, DEMO_STREAM, frozenset({"api-demo.bybit.com", "stream-demo.bybit.com"})
)
_TOPICS: Final = ("order", "execution", "position", "wallet")
_PAGE: Final = 1_000
_FUNDING_PAGE: Final = 200
_LOOK_S: Final = 60.0


class BybitLinear(LiveAdapter):
    """Bybit v5 linear with real money; `BybitPractice` is for the test network and `dita exchange`."""

    hosts: ClassVar[Hosts] = HOSTS
    #: `seq` ascends within an instrument, and is equal for simultaneous fills.
    sequence_order: ClassVar[SequenceOrder] = "SYMBOL"
    sequence_ties: ClassVar[SequenceTies] = "LEAVES"
    revisions: ClassVar[Revisions] = "NONE"
    named_codes: ClassVar[Mapping[int, str]] = {110072: "DUPLICATE_CLIENT_ID"}

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
            reserve: The part of the order budget that is kept for exits.
            deaf_s: After how long without a report of an acknowledged request the stream is deaf, seconds.
            transport: Makes what carries requests and streams.

        Raises:
            InvalidInput: There is no real money, and an address is neither of the test network nor on this
                machine.
        """
        self._reports = ReportReader()
        self._codec = BybitCodec(api_key, api_secret)
        names = list(dict.fromkeys(symbols))
        self.budget = Budget(reserve=reserve)
        wire = transport(*self._addresses(rest, stream), self._codec, clock_ns, self.budget)
        self._queries = AccountQueries(wire, self._reports)
        super().__init__(wire, self._reports, self._queries, names, clock_ns, deaf_s)
        self._symbol_of: dict[str, str] = {}
        self._say: Say | None = None
        self._is_subscribed = False

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
        self._symbol_of[order.venue_client_id] = order.asset
        self._begin(self._send(order, request, "ORDER_REJECT"))
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order."""
        del reason
        request = requests.cancel(order.asset, order.venue_client_id, order.venue_order_id)
        self._begin(self._send(order, request, "CANCEL_REJECT"))
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
        """Ask to change an order: plain limit orders only.

        Raises:
            NotSent: The order waits for a trigger, or has no limit.
        """
        price = limit_price if limit_price is not None else order.limit_price
        if (requests.is_conditional(order) and not order.triggered) or price is None:
            raise NotSent("limit orders alone are changed at Bybit: cancel it and send another")
        del trigger_price
        self._reports.amends[order.venue_client_id] = request_id
        request = requests.amend(order, size, price)
        self._begin(self._send(order, request, "AMEND_REJECT", request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Query an order; the answer comes as an event."""
        self._begin(self._query(venue_client_id))
        return []

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Set the leverage at the venue.

        Raises:
            Failure: The venue does not take it.
        """
        self._ask_unless_so(requests.leverage(symbol, leverage))
        return leverage

    def set_margin_mode(self, symbol: str, mode: str) -> None:
        """Set the margin mode, CROSS or ISOLATED: of the whole account, whatever the instrument.

        Raises:
            Failure: The venue does not take it.
        """
        del symbol
        self._ask_unless_so(requests.margin_mode(mode))

    # -------------------------------------------------------------------------------------------- the market

    def get_bars(self, symbol: str, interval: str, start_ns: int, end_ns: int) -> list[VenueBar]:
        """Return closed bars that begin in a time, the oldest first.

        Args:
            symbol: The instrument.
            interval: "1m", "5m", "1h" and so on.
            start_ns: From when on.
            end_ns: Until when.

        Raises:
            NotSent: The venue has no bars of that length.
            Failure: The venue does not say.
        """
        bars: list[VenueBar] = []
        until_ms, start_ms = end_ns // MS - 1, start_ns // MS
        while start_ms <= until_ms:
            # Of more than a page the newest come: so the end moves backwards.
            request = requests.klines(symbol, interval, start_ms, until_ms)
            page = read_klines(self.ask(request), symbol, interval, self._clock_ns())
            bars = page + bars
            if len(page) < _PAGE - 1:
                break
            until_ms = page[0].open_ns // MS - 1
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
        answer = reading.record(self.ask(requests.ticker(symbol)), "tickers")
        rows = [row for row in reading.table(answer.get("list"), "list") if row.get("symbol") == symbol]
        if not rows:
            raise InvalidInput(f"symbol: {symbol!r} is not listed at Bybit linear")
        return reading.decimal(rows[0], "markPrice")

    def public_rules(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules, without what is the account's own."""
        return {symbol: read_instrument(self.ask(requests.instrument(symbol)), symbol) for symbol in symbols}

    def funding_rates(self, symbol: str, since_ms: int, until_ms: int) -> list[tuple[int, Decimal, str]]:
        """Return funding rates of a time: of more than two hundred the newest come, so the end moves back."""
        found: list[tuple[int, Decimal, str]] = []
        while since_ms <= until_ms:
            answer = reading.record(self.ask(requests.funding_history(symbol, since_ms, until_ms)), "history")
            rows = reading.table(answer.get("list"), "list")
            page = [
                (
                    reading.nanoseconds(row, "fundingRateTimestamp"),
                    reading.decimal(row, "fundingRate"),
                    "",
                )
                for row in reversed(rows)
            ]
            found = page + found
            if len(page) < _FUNDING_PAGE:
                break
            until_ms = page[0][0] // MS - 1
        return found

    def set_dead_man(self, symbol: str, wait_ms: int) -> None:
        """Bybit has it for institutions alone.

        Raises:
            InvalidInput: Always, except where it is taken off.
        """
        if wait_ms:
            raise InvalidInput(
                f"dead_man: Bybit cancels {symbol} by itself for institutions only; leave it off"
            )

    def resting_order(self, symbol: str, size: Decimal, price: Decimal, client_id: str) -> Request:
        """Write a post-only order to buy."""
        return requests.resting(symbol, size, price, client_id)

    def cancel_of(self, symbol: str, client_id: str) -> Request:
        """Write the cancel of an order."""
        return requests.cancel(symbol, client_id)

    # --------------------------------------------------------------------------------------- requests at work

    async def _send(self, order: VenueOrder, request: Request, refusal: str, request_id: str = "") -> None:
        """Send a request; the stream has to tell what comes of it."""
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        if request_id:
            ids["request_id"] = request_id
        sent_s = time.monotonic()
        try:
            ask = self._wire.ask if refusal == "ORDER_REJECT" else self._patiently
            reading.record(await ask(request), "result")
            self._await(client_id, sent_s)
        except Failure as failure:
            if refusal == "AMEND_REJECT" and failure.fate is not Fate.UNKNOWN:
                self._reports.amends.pop(client_id, None)
            self._refuse(refusal, failure, ids)
            if failure.fate is Fate.STATE and refusal != "ORDER_REJECT":
                await self._query(client_id)
        except InvalidInput as error:
            self._doubt(str(error), ids)

    async def _query(self, client_id: str) -> None:
        try:
            row = await self._queries.order(client_id, self._symbol_of.get(client_id, ""))
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

    async def _tell_status(self, row: dict[str, Any]) -> None:
        status = self._reports.status(row)
        if status.filled_size:
            await self._tell_fills(status.venue_client_id, self._clock_ns() - OVERLAP_NS)
        self._awaited.pop(status.venue_client_id, None)
        self._reports.owed.discard(status.venue_client_id)
        self._tell(status)
        if status.filled_size:
            # The stream that did not tell of the fill did not tell of its money either.
            await self._tell_balances()

    def _ask_unless_so(self, request: Request) -> None:
        try:
            self.ask(request)
        except Failure as failure:
            if failure.fate is not Fate.DONE:
                raise

    # --------------------------------------------------------------------------------------------- the stream

    async def _read_stream(self) -> str:
        # A login carries the venue's time, so that has to be known.
        await self._wire.set_clock()
        self._is_subscribed = False
        listening = self._wire.listen(
            "/v5/private", self._login, self._on_frame, greet=self._greet, ping=PING
        )
        return await self._read_until_cut(listening, self._expect_answer())

    async def _expect_answer(self) -> None:
        """End where the stream is not subscribed to in time: an answer was lost."""
        await asyncio.sleep(2 * self._deaf_s)
        while self._is_subscribed:
            await asyncio.sleep(_LOOK_S)

    async def _greet(self, say: Say) -> None:
        self._say = say
        self.frames = 0
        await say(self._codec.login(self._wire.now_ms()))

    async def _login(self) -> None:
        """Send the login; nothing is published before its answer, which `_on_frame` handles."""

    def _on_frame(self, raw: str) -> bool:
        if '"topic"' not in raw[:200] and '"op"' in raw:
            return self._on_answer(raw)
        goes_on = super()._on_frame(raw)
        for client_id in self._reports.owed:
            # An order reported as filled whose executions are not there yet.
            self._await(client_id)
        return goes_on

    def _on_answer(self, raw: str) -> bool:
        try:
            answer = reading.record(reading.parse(raw), "frame")
        except InvalidInput as error:
            _LOG.error("user stream: %s", error)
            return False
        op, good = answer.get("op"), answer.get("success", answer.get("retCode") == 0)
        if op in {"auth", "subscribe"} and not good:
            _LOG.error("user stream: %s is refused: %s", op, answer.get("ret_msg") or answer.get("retMsg"))
            return False
        if op == "auth" and self._say is not None:
            topics = json.dumps({"op": "subscribe", "args": list(_TOPICS)})
            self._wire.spawn(self._subscribe(topics))
        elif op == "subscribe":
            self._is_subscribed = True
            self._begin_to_reconcile()
        return True

    async def _subscribe(self, topics: str) -> None:
        if self._say is not None:
            await self._say(topics)


class BybitPractice(BybitLinear):
    """The same on the test network or on `dita exchange`: no real money."""

    real_money: ClassVar[bool | None] = False
