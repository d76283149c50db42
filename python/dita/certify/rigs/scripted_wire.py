"""A scripted venue in a venue's wire form: its books are the contract suite's, its words are bytes.

For venues that `dita exchange` does not speak. Requests are written, signed and read as they would leave,
and answers and frames are JSON of the venue's own fields; there is no socket. So it proves the protocol
module and what the adapter does with it, and nothing about the venue.
"""

import asyncio
import json
import queue
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from dita._kernel import VenueEvent, VenueOrder
from dita.certify.books import Resting
from dita.certify.rig import NotOffered, VenueFault
from dita.certify.scripted import ScriptedRig
from dita.clock import ManualClock
from dita.kernel import ExecutionKernel
from dita.venues.wire.budget import Budget
from dita.venues.wire.failures import unanswered
from dita.venues.wire.orders import OrderAdapter
from dita.venues.wire.requests import Codec, Request
from dita.venues.wire.transport import Say, Transport

START_NS: Final = 1_790_000_000_000_000_000
_PATIENCE_S: Final = 20.0
_PAUSE_S: Final = 0.002
Answer = tuple[int, Any]
Script = Callable[[str, str, dict[str, Any]], Answer | None]


class ScriptedWire(Transport):
    """Carries bytes to a script and back."""

    def __init__(self, codec: Codec, clock_ns: Callable[[], int], script: Script) -> None:
        """Start the thread.

        Args:
            codec: The venue's.
            clock_ns: The time.
            script: Answers a request: status and JSON; None where no answer comes.
        """
        super().__init__("http://script", "ws://script", codec, clock_ns, Budget())
        self._script = script
        self._frames: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.said = 0

    def say(self, frame: Mapping[str, Any]) -> None:
        """Say a frame of the user stream."""
        self.said += 1
        self._frames.put(json.dumps(frame))

    async def _send(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        written = self._codec.write(request, self.now_ms())
        parts = urlsplit(written.address)
        values: dict[str, Any] = dict(parse_qsl(parts.query))
        if written.body:
            values |= json.loads(written.body)
        answer = self._script(request.method, parts.path, values)
        await asyncio.sleep(0)
        if answer is None:
            raise unanswered("ServerDisconnectedError", left=True)
        return self._read(answer[0], json.dumps(answer[1]).encode(), {})

    async def listen(
        self,
        path: str,
        opened: Callable[[], Awaitable[None]],
        on_frame: Callable[[str], bool],
        *,
        greet: Callable[[Say], Awaitable[None]] | None = None,
        ping: str = "",
        pongs: Mapping[str, str] | None = None,
        unpack: Callable[[bytes], str] | None = None,
    ) -> str:
        """Read the script's frames; see `Transport.listen`."""
        del path, greet, ping, pongs, unpack
        await opened()
        while True:
            try:
                frame = self._frames.get_nowait()
            except queue.Empty:
                await asyncio.sleep(_PAUSE_S)
                continue
            if frame is None:
                return "closed"
            if not on_frame(frame):
                return "ended by what it said"


class _Now:
    """The script's time: it outlives the kernels that are killed."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read

    @property
    def now_ns(self) -> int:
        return self._read()


class WireScriptRig(ScriptedRig):
    """The scripted venue in a venue's wire format."""

    kernel_options: ClassVar[Mapping[str, Any]] = {"clock": ManualClock(START_NS)}
    has_gtd: ClassVar[bool] = False
    not_offered: ClassVar[Mapping[VenueFault, str]] = {}
    adapter: OrderAdapter

    @abstractmethod
    def make(self, wire: ScriptedWire) -> OrderAdapter:
        """Make the adapter."""

    @abstractmethod
    def codec(self) -> Codec:
        """Return how the venue's requests are written."""

    @abstractmethod
    def answer(self, method: str, path: str, values: dict[str, Any]) -> Answer | None:
        """Answer a request as the venue would; None where no answer comes."""

    @abstractmethod
    def order_frame(self, event: VenueEvent, order: Resting | None) -> dict[str, Any]:
        """Write what happened to an order as the venue's frame."""

    @abstractmethod
    def wallet_frame(self, balances: Mapping[str, Decimal]) -> dict[str, Any]:
        """Write the wallet as the venue's frame."""

    # --------------------------------------------------------------------------------------------- the rig

    def open(self, trouble: VenueFault) -> OrderAdapter:  # type: ignore[override]
        """Write the script."""
        if trouble in self.not_offered:
            raise NotOffered(self.not_offered[trouble])
        self.now_ns = START_NS
        self._kernel = _Now(lambda: self.now_ns)  # type: ignore[assignment]
        self.paid: list[dict[str, Any]] = []
        self._trouble = trouble
        return self.reopen()

    def reopen(self) -> OrderAdapter:  # type: ignore[override]
        """Give the same script to another adapter."""
        super().reopen()
        self.wire = ScriptedWire(self.codec(), lambda: self.now_ns, self._answered)
        self.adapter = self.make(self.wire)
        return self.adapter

    def ready(self, kernel: ExecutionKernel) -> None:
        """Wait for the stream."""
        del kernel
        if not self.adapter.wait_connected(_PATIENCE_S):
            raise TimeoutError("the adapter did not connect")
        self._wait()

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Fill a resting order, and deliver the fill."""
        self._wait()
        super().fill(venue_client_id, size)
        self._wait()

    def settle(self) -> None:
        """Deliver everything."""
        self._wait()
        super().settle()
        self._wait()

    def heal(self) -> None:
        """End the trouble, and deliver what was withheld."""
        super().heal()
        self._wait()

    def pass_time(self, kernel: ExecutionKernel, seconds: Decimal) -> None:
        """Let time pass, for both."""
        super().pass_time(kernel, seconds)
        self.now_ns = max(self.now_ns, kernel.now_ns)
        self._wait()

    def orders_received(self) -> int:
        """Return how many orders came."""
        return self._received

    # --------------------------------------------------------------------------------------- for the venues

    def order_of(self, client_id: str) -> Resting | None:
        """Return an order by our id of it."""
        return self._orders.get(client_id)

    def placed(self, sent: VenueOrder) -> Resting | str | None:
        """Place an order: the order, the reason of a refusal, or None where no answer comes."""
        events = self._on_submit(sent)
        if isinstance(events, BaseException):
            return None
        rejected = next((one for one in events if one.kind == "ORDER_REJECT"), None)
        if rejected is not None:
            return rejected.reason_code or rejected.reason or "rejected"
        self._tell(events)
        return self._orders[sent.venue_client_id]

    def changed_order(self, client_id: str, change: dict[str, Any] | None) -> str:
        """Cancel an order, or change it; return why that was refused, empty where it was taken."""
        order = self._orders.get(client_id)
        if order is None:
            return "unknown"
        events = self._on_change(order.sent, change)
        for event in events:
            if event.kind in {"CANCEL_REJECT", "AMEND_REJECT"}:
                return event.reason or "refused"
        self._tell(events)
        return ""

    def hidden(self, client_id: str) -> bool:
        """Whether a query does not find an order now."""
        found = self._on_query(client_id)
        return found[0].kind == "ORDER_NOT_FOUND"

    def status_of(self, order: Resting) -> str:
        """Return how an order stands: ACKED, PARTIALLY_FILLED, FILLED, CANCELED."""
        if order.filled >= order.size:
            return "FILLED"
        if not order.working:
            return "CANCELED"
        return "PARTIALLY_FILLED" if order.filled else "ACKED"

    def fills_reported(self) -> list[VenueEvent]:
        """Return every fill, oldest first."""
        return list(self._fills)

    # ---------------------------------------------------------------------------------------------- inside

    def _answered(self, method: str, path: str, values: dict[str, Any]) -> Answer | None:
        return self.answer(method, path, values)

    def _tell(self, events: Any) -> None:  # noqa: ANN401 - events
        for event in events:
            self.wire.say(self.order_frame(event, self._orders.get(event.venue_client_id)))

    def _frames(self) -> None:
        self.wire.say(self.wallet_frame(self._books.wallets))

    def _pay_funding(self, rate: Decimal, boundary_ns: int, interval_secs: int) -> None:
        self._played += 1
        self._funding = (rate, boundary_ns + interval_secs * 1_000_000_000, interval_secs)
        amount = -self.position(self.symbol) * self.mark * rate
        self._books.credit(self.asset, amount)
        self.paid.append({"at_ns": boundary_ns, "amount": amount})
        self.say_funding()
        self._frames()

    @abstractmethod
    def say_funding(self) -> None:
        """Say that the wallet moved for funding: the adapter then asks for its entries."""

    def _wait(self) -> None:
        """Until nothing is on its way, either way."""
        until, calm = time.monotonic() + _PATIENCE_S, 0
        while calm < 3:
            is_read = self.wire._frames.empty()  # noqa: SLF001 - its own queue
            calm = calm + 1 if is_read and not self.adapter.requests_open else 0
            if time.monotonic() > until:
                raise TimeoutError("what was on its way did not arrive")
            time.sleep(_PAUSE_S)
