"""The adapter: the kernel's requests on OKX's wire, and the wire's news to the kernel."""

import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent
from dita.venues.base import Revisions, SequenceOrder
from dita.venues.okx import requests
from dita.venues.okx.failures import DUPLICATE
from dita.venues.okx.reports import ReportReader, read_instruments
from dita.venues.wire import reading
from dita.venues.wire.adapter import DEAF_S, MS
from dita.venues.wire.budget import OrderBudget
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.plain import PlainWireAdapter
from dita.venues.wire.requests import Request
from dita.venues.wire.transport import Say, Transport
from dita.venues.wire.unproven import need_consent

REST: Final = "https://www.okx.com"
STREAM: Final = "wss://ws.okx.com:8443"
DEMO_REST: Final = REST
DEMO_STREAM: Final = "wss://wspap.okx.com:8443"
HOSTS: Final = Hosts(REST, STREAM, DEMO_REST, DEMO_STREAM)
_PRIVATE: Final = "/ws/v5/private"
_PAGES_MAX: Final = 50


class _OrderCodec:
    """What OKX is asked for, and what its answers say."""

    place = staticmethod(requests.place)
    cancel = staticmethod(requests.cancel)
    amend = staticmethod(requests.amend)
    query = staticmethod(requests.query)

    def __init__(self, reader: ReportReader) -> None:
        self._reports = reader

    def placed_id(self, answer: Any) -> str:  # noqa: ANN401 - any JSON
        return reading.text(reading.table(answer, "order")[0], "ordId")

    def stands(self, answer: Any) -> list[VenueEvent]:  # noqa: ANN401 - any JSON
        return [self._reports.status(row) for row in reading.table(answer, "order")[:1]]


class _AccountQueries:
    """Questions about one account."""

    def __init__(self, wire: Transport, reader: ReportReader) -> None:
        self._wire, self._reports = wire, reader

    async def _pages(
        self, ask: Callable[[int, str], Request], since_ms: int, last: str
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        after = ""
        for _ in range(_PAGES_MAX):
            page = reading.table(await self._wire.ask(ask(since_ms, after)), "rows")
            rows += page
            if len(page) < requests.PAGE:
                break
            after = reading.text(page[-1], last)
        return rows[::-1]

    async def fills(self, since_ns: int) -> list[VenueEvent]:
        rows = await self._pages(requests.fills, max(0, since_ns // MS), "billId")
        return [self._reports.trade(row) for row in rows]

    async def entries(self, since_ns: int) -> list[dict[str, Any]]:
        rows = await self._pages(requests.bills, max(0, since_ns // MS), "billId")
        return [entry for row in rows if (entry := self._reports.bill(row)) is not None]

    async def terms(self, symbols: Iterable[str]) -> dict[str, dict[str, Any]]:
        return read_instruments(await self._wire.ask(requests.INSTRUMENTS), symbols)

    async def balances(self) -> dict[str, Decimal]:
        rows = reading.table(await self._wire.ask(requests.BALANCE), "balance")
        details = [one for row in rows for one in reading.table(row.get("details"), "details")]
        return {reading.text(one, "ccy"): reading.decimal(one, "cashBal") for one in details}

    async def positions(self) -> list[dict[str, Any]]:
        rows = reading.table(await self._wire.ask(requests.POSITIONS), "positions")
        reported = [position for row in rows if (position := self._reports.position(row)) is not None]
        names = ("symbol", "size", "entry_price", "position_side")
        return [{name: one[name] for name in names} for one in reported if one["size"]]

    async def open_orders(self, symbol: str | None) -> list[dict[str, Any]]:
        rows = reading.table(await self._wire.ask(requests.open_orders(symbol)), "orders-pending")
        return [
            {
                "venue_client_id": one.venue_client_id, "venue_order_id": one.venue_order_id,
                "symbol": one.asset, "order_side": str(one.order_side), "size": one.order_size,
                "filled_size": one.filled_size, "limit_price": one.order_price,
            }
            for one in map(self._reports.status, rows)
        ]  # fmt: skip


class OkxSwap(PlainWireAdapter):
    """OKX swaps on cross margin, in net mode, in contracts. **Not proven over a wire.** It takes no stops.

    Attributes:
        symbols: The instruments that are traded: `BTC-USDT-SWAP`.
    """

    hosts: ClassVar[Hosts] = HOSTS
    #: Trade ids ascend within an instrument.
    sequence_order: ClassVar[SequenceOrder] = "SYMBOL"
    revisions: ClassVar[Revisions] = "NONE"
    named_codes: ClassVar[Mapping[int, str]] = {DUPLICATE: "DUPLICATE_CLIENT_ID"}
    unproven: ClassVar[bool] = True

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        passphrase: str,
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
            passphrase: Its passphrase, as secret.
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
        need_consent("OKX", is_real=self.real_money is not False, unproven=unproven)
        reader = ReportReader()
        codec = requests.OkxCodec(api_key, api_secret, passphrase, simulated=self.real_money is False)
        carrier = wire or Transport(*self._addresses(rest, stream), codec, clock_ns, OrderBudget(60, 2.0))
        self._codec = codec
        super().__init__(
            carrier, reader, _AccountQueries(carrier, reader), _OrderCodec(reader),
            list(dict.fromkeys(symbols)), clock_ns, deaf_s,
        )  # fmt: skip

    async def _read_stream(self) -> str:
        async def greet(say: Say) -> None:
            await say(self._codec.login(self._wire.now_ms()))
            await say(requests.SUBSCRIBE)

        return await self._read_until_cut(
            self._wire.listen(_PRIVATE, self._opened, self._on_frame, greet=greet, ping="ping")
        )

    def _on_frame(self, raw: str) -> bool:
        if raw == "pong":
            self.frames += 1
            return True
        return super()._on_frame(raw)


class OkxPractice(OkxSwap):
    """The same with simulated money, as the venue's demo trading has it."""

    real_money: ClassVar[bool | None] = False
