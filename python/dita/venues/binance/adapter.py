"""The adapter for Binance: its addresses, its requests, and its user stream."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent, VenueOrder
from dita.venues.base import KernelSink, Revisions, SequenceOrder
from dita.venues.binance import requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.checks import AccountChecks
from dita.venues.binance.feed import MarketFeed
from dita.venues.binance.markets import read_instruments, read_klines
from dita.venues.binance.queries import AccountQueries
from dita.venues.binance.reports import ReportReader
from dita.venues.wire import checks, reading
from dita.venues.wire.adapter import PAST_WAIT_S
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.market import Feed, VenueBar
from dita.venues.wire.orders import OrderRequests, Verb
from dita.venues.wire.reading import MS
from dita.venues.wire.requests import Codec, Request, is_conditional

HOSTS: Final = Hosts(
    rest="https://fapi.binance.com",
    stream="wss://fstream.binance.com",
    test_rest="https://demo-fapi.binance.com",
    test_stream="wss://fstream.binancefuture.com",
    test_hosts=frozenset({"testnet.binancefuture.com", "stream.binancefuture.com"}),
)


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
    order_requests: ClassVar[OrderRequests] = requests
    checks_type: ClassVar[type[checks.AccountChecks]] = AccountChecks
    named_codes: ClassVar[Mapping[int, str]] = {-4116: "DUPLICATE_CLIENT_ID"}
    feed_type: ClassVar[Callable[..., Feed]] = MarketFeed
    budget: Budget
    _reports: ReportReader
    _asks: AccountQueries
    _wants_new_key = False

    def _new_codec(self, api_key: str, api_secret: str) -> Codec:
        return requests.BinanceCodec(api_key, api_secret)

    def _new_budget(self, reserve: float) -> Budget:
        return Budget(reserve=reserve)

    def _new_reader(self) -> ReportReader:
        return ReportReader(lambda: self.hedge_mode)

    def _new_queries(self) -> AccountQueries:
        return AccountQueries(self._wire, self._reports, self.symbols, self.budget)

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

    # ------------------------------------------------------------------------------------------------ orders

    def _to_place(self, order: VenueOrder) -> Request:
        request = super()._to_place(order)
        if not is_conditional(order):
            self._asks.plain[order.venue_client_id] = None
        return request

    def _accepted(self, verb: Verb, answer: Any, ids: dict[str, Any]) -> VenueEvent:  # noqa: ANN401
        reply = reading.record(answer, "reply")
        if verb == "ORDER":
            order_id = str(reply.get("orderId") or reply.get("algoId") or "")
            self._reports.link(order_id, ids["venue_client_id"])
            return VenueEvent(
                reading.nanoseconds(reply, "updateTime"), kind="ORDER_ACK", venue_order_id=order_id, **ids
            )
        kind, left = "CANCEL_ACK", Decimal(0)
        amends = verb == "AMEND"
        filled = (reading.decimal if amends else reading.maybe)(reply, "executedQty") or Decimal(0)
        if amends and reply.get("status") in {"NEW", "PARTIALLY_FILLED"}:
            size = reading.decimal(reply, "origQty")
            kind, left = "AMEND_ACK", size - filled
            ids |= {"order_size": size, "order_price": reading.positive(reply, "price")}
        return VenueEvent(self._clock_ns(), kind=kind, filled_size=filled, remaining_size=left, **ids)

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Set the leverage at the venue: whole numbers.

        Raises:
            NotSent: It is none.
            Failure: The venue does not take it.
        """
        self._ask_unless_so(requests.leverage(symbol, leverage))
        return leverage

    def set_margin_mode(self, symbol: str, mode: str) -> None:
        """Set an instrument's margin mode, CROSS or ISOLATED.

        Raises:
            Failure: The venue does not take it.
        """
        self._ask_unless_so(requests.margin_mode(symbol, mode))

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

    # --------------------------------------------------------------------------------------------- the stream

    async def _read_stream(self) -> str:
        if self._wants_new_key:
            # Asked again, the venue gives the key that is there.
            self._wants_new_key = False
            await self._wire.ask(requests.END_KEY)
        key = reading.text(reading.record(await self._wire.ask(requests.NEW_KEY), "listenKey"), "listenKey")
        path = f"/private/ws?listenKey={key}"
        listening = self._wire.listen(path, self._opened, self._on_frame)
        return await self._read_until_cut(listening, self._renew(requests.KEEP_KEY))

    def _distrust(self) -> None:
        self._wants_new_key = True


class BinancePractice(BinanceUsdm):
    """The same on a demo host or on `dita exchange`: no real money."""

    real_money: ClassVar[bool | None] = False


#: By the name that users of the router know.
BinanceAdapter = BinanceUsdm
