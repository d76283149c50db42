"""The adapter for OKX: its addresses, its requests, and its user stream."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from dita._kernel import VenueEvent
from dita.venues.base import Revisions, SequenceOrder
from dita.venues.okx import requests
from dita.venues.okx.checks import AccountChecks
from dita.venues.okx.failures import DUPLICATE
from dita.venues.okx.queries import AccountQueries
from dita.venues.okx.reports import ReportReader
from dita.venues.wire import checks, reading
from dita.venues.wire.budget import Budget, OrderBudget
from dita.venues.wire.hosts import Hosts
from dita.venues.wire.orders import OrderAdapter, OrderRequests, Verb
from dita.venues.wire.transport import Say

HOSTS: Final = Hosts(
    rest="https://www.okx.com",
    stream="wss://ws.okx.com:8443",
    test_rest="https://www.okx.com",
    test_stream="wss://wspap.okx.com:8443",
)
_PRIVATE: Final = "/ws/v5/private"


class OkxSwap(OrderAdapter):
    """OKX swaps on cross margin, in net mode, in contracts. **Not proven over a wire.** It takes no stops.

    Attributes:
        symbols: The instruments that are traded: `BTC-USDT-SWAP`.
    """

    hosts: ClassVar[Hosts] = HOSTS
    #: Trade ids ascend within an instrument.
    sequence_order: ClassVar[SequenceOrder] = "SYMBOL"
    revisions: ClassVar[Revisions] = "NONE"
    order_requests: ClassVar[OrderRequests] = requests
    checks_type: ClassVar[type[checks.AccountChecks]] = AccountChecks
    named_codes: ClassVar[Mapping[int, str]] = {DUPLICATE: "DUPLICATE_CLIENT_ID"}
    unproven: ClassVar[bool] = True

    _codec: requests.OkxCodec
    _reports: ReportReader

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        passphrase: str,
        symbols: Iterable[str],
        **more: Any,  # noqa: ANN401 - as the base class has them
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            passphrase: Its passphrase, as secret.
            symbols: The instruments that are traded.
            more: As `WireAdapter` takes it: unproven, rest, stream, clock_ns, reserve, deaf_s, transport.
        """
        self._passphrase = passphrase
        super().__init__(api_key, api_secret, symbols, **more)

    def _new_codec(self, api_key: str, api_secret: str) -> requests.OkxCodec:
        is_simulated = self.real_money is False
        return requests.OkxCodec(api_key, api_secret, self._passphrase, simulated=is_simulated)

    def _new_budget(self, reserve: float) -> Budget:
        return OrderBudget(60, 2.0, reserve=reserve)

    def _new_reader(self) -> ReportReader:
        return ReportReader()

    def _new_queries(self) -> AccountQueries:
        return AccountQueries(self._wire, self._reports, self.symbols)

    def _accepted(self, verb: Verb, answer: Any, ids: dict[str, Any]) -> VenueEvent | None:  # noqa: ANN401
        rows = reading.table(answer, "order")
        if verb != "ORDER":
            return None
        order_id = reading.text(rows[0] if rows else {}, "ordId")
        return VenueEvent(self._clock_ns(), kind="ORDER_ACK", venue_order_id=order_id, **ids)

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
