"""The adapter for Bybit: its addresses, its requests, and its user stream.

Bybit's answer to a request is an acknowledgement, no acceptance: the private stream reports the result, and
where it does not within two seconds, REST is asked.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueOrder
from dita.errors import InvalidInput
from dita.venues.base import Revisions, SequenceOrder, SequenceTies
from dita.venues.bybit import requests
from dita.venues.bybit.budget import Budget
from dita.venues.bybit.checks import AccountChecks
from dita.venues.bybit.feed import PING, MarketFeed
from dita.venues.bybit.markets import read_instrument, read_klines
from dita.venues.bybit.queries import AccountQueries
from dita.venues.bybit.reports import ReportReader
from dita.venues.bybit.requests import BybitCodec
from dita.venues.wire import checks, reading
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.market import Feed, VenueBar
from dita.venues.wire.orders import OrderRequests, Verb
from dita.venues.wire.reading import MS
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Say

_LOG: Final = logging.getLogger("dita.venues")
HOSTS: Final = Hosts(
    rest="https://api.bybit.com",
    stream="wss://stream.bybit.com",
    test_rest="https://api-testnet.bybit.com",
    test_stream="wss://stream-testnet.bybit.com",
    test_hosts=frozenset({"api-demo.bybit.com", "stream-demo.bybit.com"}),
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
    order_requests: ClassVar[OrderRequests] = requests
    checks_type: ClassVar[type[checks.AccountChecks]] = AccountChecks
    named_codes: ClassVar[Mapping[int, str]] = {110072: "DUPLICATE_CLIENT_ID"}
    feed_type: ClassVar[Callable[..., Feed]] = MarketFeed
    no_dead_man: ClassVar[str] = "Bybit has it for institutions only"
    budget: Budget
    _codec: BybitCodec
    _reports: ReportReader
    _say: Say | None = None
    _is_subscribed = False

    def _new_codec(self, api_key: str, api_secret: str) -> BybitCodec:
        return BybitCodec(api_key, api_secret)

    def _new_budget(self, reserve: float) -> Budget:
        return Budget(reserve=reserve)

    def _new_reader(self) -> ReportReader:
        return ReportReader()

    def _new_queries(self) -> AccountQueries:
        return AccountQueries(self._wire, self._reports, self.symbols)

    # ------------------------------------------------------------------------------------------------ orders

    def _to_amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> Request:
        self._reports.amends[order.venue_client_id] = request_id
        return super()._to_amend(order, size, price, request_id)

    def _accepted(self, verb: Verb, answer: Any, ids: dict[str, Any]) -> None:  # noqa: ANN401
        del verb, ids
        reading.record(answer, "result")

    def _refused(self, verb: Verb, client_id: str) -> None:
        if verb == "AMEND":
            self._reports.amends.pop(client_id, None)

    def _is_answered(self, client_id: str) -> None:
        super()._is_answered(client_id)
        self._reports.owed.discard(client_id)

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
