"""What every native adapter does: keeps a stream open, repairs gaps, finds a deaf stream, reports all of it.

Nothing here waits for the network where the kernel calls it: a request leaves on the transport's thread, and
`emit` brings the result. Only `opening_state` and the other questions of a start wait.
"""

import asyncio
import itertools
import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import KernelOutcome, VenueEvent, VenueOrder
from dita.errors import InvalidInput, KernelClosed, KernelError, NotSent
from dita.venues.base import BaseExecutionAdapter, KernelSink, position_reports
from dita.venues.wire import reading
from dita.venues.wire.budget import Budget
from dita.venues.wire.checks import AccountChecks
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.hosts import NOWHERE, Hosts
from dita.venues.wire.parked import UnlistedEvents
from dita.venues.wire.queries import AccountQueries
from dita.venues.wire.reading import MS
from dita.venues.wire.recent import Recent
from dita.venues.wire.reports import ReportReader, wallet_update
from dita.venues.wire.requests import Codec, Request
from dita.venues.wire.transport import Transport
from dita.venues.wire.updates import UnknownMessage, VenueUpdate, in_venue_order

_LOG: Final = logging.getLogger("dita.venues")
#: A request that REST acknowledged and the stream has not reported within this makes the stream deaf.
DEAF_S: Final = 2.0
#: So many times that after one was deaf REST is asked every `DEAF_S`, unless the new stream says something.
_SUSPICIONS: Final = 15
#: So many times that after working orders were asked about another difference is asked about.
_ASK_AGAIN: Final = 5
_REPAIR_S: Final = 60.0
_KEEP_KEY_S: Final = 25 * 60.0
BACK_OFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
WAIT_S: Final = 30.0
#: Questions about the past are many: they may have to wait for the rate budget's next minute.
PAST_WAIT_S: Final = 150.0
OVERLAP_NS: Final = 600 * 1_000_000_000
_RETRIES: Final = 5
_LOOK_S: Final = 0.02
_CATCHING_UP: Final = "fills and income since the last process are asked for"


Work = Coroutine[Any, Any, Any]


class WireAdapter(BaseExecutionAdapter):
    """One account at a venue that has REST and a user stream.

    Attributes:
        symbols: The instruments that are asked about after a gap.
        frames: How many frames the stream has sent since it was opened.
        repairs: How often the account was asked for what the stream may have missed.
        reconnects: How often the stream was opened anew.
        parked: What waits for an instrument that the kernel does not know yet.
    """

    live: ClassVar[bool] = True
    real_money: ClassVar[bool | None] = True
    #: The venue's addresses and its test network's.
    hosts: ClassVar[Hosts] = NOWHERE
    #: Asks about a key's rights and the account's modes.
    checks_type: ClassVar[type[AccountChecks]]
    #: The venue's codes that the kernel knows by a name.
    named_codes: ClassVar[Mapping[int, str]] = {}
    #: Whether nobody has held the adapter against a wire: real money then needs consent.
    unproven: ClassVar[bool] = False

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
        reserve: float = 0.2,
        deaf_s: float = DEAF_S,
        transport: Callable[[str, str, Codec, Callable[[], int], Budget], Transport] = Transport,
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            symbols: The instruments that are traded.
            unproven: Accepts that the adapter was not proven over a wire, where it was not.
            rest: Base address of REST; None means the venue's, or its test network's without real money.
            stream: The same for the streams.
            clock_ns: This machine's time, nanoseconds.
            reserve: The part of each order budget that is kept for exits, 0 to 1.
            deaf_s: After how long without a report of an acknowledged request the stream is deaf, seconds.
            transport: Makes what carries requests and streams.

        Raises:
            InvalidInput: There is no real money, and an address is neither of the test network nor on this
                machine; or there is, the adapter is not proven, and `unproven` is not given.
        """
        if self.unproven and self.real_money is not False and not unproven:
            raise InvalidInput(
                f"unproven: {type(self).__name__} is not proven over a wire: nothing here speaks it, so it "
                "was certified with scripted bytes alone; real money is refused without --unproven "
                "(unproven=True in a program, unproven = true in an account's options)"
            )
        super().__init__()
        self.symbols = list(dict.fromkeys(symbols))
        self.budget = self._new_budget(reserve)
        self._clock_ns = clock_ns
        self._deaf_s = deaf_s
        self._codec = self._new_codec(api_key, api_secret)
        self._wire = transport(*self._addresses(rest, stream), self._codec, clock_ns, self.budget)
        self._reports = self._new_reader()
        self._asks = self._new_queries()
        self._symbol_of: Recent[str, str] = Recent()
        self._awaited: dict[str, float] = {}
        self._booked_ns = 0
        self._caught_up: Callable[[], None] | None = None
        self._may_catch_up = threading.Event()
        self._reported_s: Recent[str, float] = Recent()
        self._busy = 0
        self._repairing: asyncio.Lock | None = None
        self._reported_down = False
        self._cuts = 0
        self._booked: Recent[tuple[str, str], None] = Recent()
        self._deaf_until = 0.0
        self._differ: dict[str, float] = {}
        self._asked_about: dict[str, tuple[object, float]] = {}
        self._unheard = ""
        self._known: set[str] = set()
        self.parked = UnlistedEvents()
        self._connected = threading.Event()
        self._closing = threading.Event()
        self._socket_ends: asyncio.Event | None = None
        self.repairs = 0
        self.frames = 0
        self.reconnects = 0

    def __repr__(self) -> str:
        """Its address; never the key."""
        return f"{type(self).__name__}({self._wire.rest!r}, symbols={self.symbols!r})"

    def _addresses(self, rest: str | None, stream: str | None) -> tuple[str, str]:
        """Return where requests and streams go; `Hosts.chosen` says what is refused."""
        return self.hosts.chosen(rest, stream, is_real=self.real_money is not False)

    # ------------------------------------------------------------------------------------- a venue's own part

    @abstractmethod
    def _new_codec(self, api_key: str, api_secret: str) -> Codec:
        """Return how requests are written and answers are read."""

    @abstractmethod
    def _new_budget(self, reserve: float) -> Budget:
        """Return what may be asked of the venue."""

    @abstractmethod
    def _new_reader(self) -> ReportReader:
        """Return what reads the user stream."""

    @abstractmethod
    def _new_queries(self) -> AccountQueries[Any]:
        """Return what asks about the account."""

    # ------------------------------------------------------------------------------------------ life

    def attach(self, kernel: KernelSink) -> None:
        """Learn the kernel, and open the user stream."""
        super().attach(kernel)
        if self._caught_up is None:
            self._booked_ns = self._clock_ns()
            self._may_catch_up.set()
        self._wire.spawn(self._listen())
        self._wire.spawn(self._watch())

    def catch_up_later(self, since_ns: int, caught_up: Callable[[], None]) -> None:
        """Ask for the fills and the income of a downtime once trading goes on; call it before `attach`.

        Entries are held back and the kernel is DISCONNECTED until they are booked; exits and cancels go.

        Args:
            since_ns: From when on to ask, nanoseconds UTC.
            caught_up: Called once everything since then is booked, before RESYNCED is sent.
        """
        self._booked_ns, self._caught_up = since_ns + OVERLAP_NS, caught_up
        # The stream's first opening is a reconnect: it repairs from there, and then says RESYNCED.
        self._reported_down = True

    def catch_up_now(self) -> None:
        """Begin with what `catch_up_later` has put off: positions and open orders are known."""
        self._may_catch_up.set()

    @property
    def waits(self) -> str:
        """What this adapter waits for, and why; empty where it waits for nothing."""
        return self._wire.waits or (_CATCHING_UP if self._caught_up is not None else "")

    def wait_connected(self, timeout_s: float = WAIT_S) -> bool:
        """Wait until the user stream is open and the account was asked for.

        Args:
            timeout_s: At most so long.

        Returns:
            Whether it is.
        """
        return self._connected.wait(timeout_s)

    def close(self) -> None:
        """Close the stream and the thread."""
        self._closing.set()
        super().close()
        self._wire.close()

    @property
    def unheard(self) -> str:
        """What the venue said that no list has; empty where there is none.

        Entries halt while it stands, also after a reconnect and its repair: until `forgive_unheard`, or until
        the program is started anew and has asked the venue for the whole account.
        """
        return self._unheard

    def forgive_unheard(self) -> None:
        """Go on after something unheard of: somebody has looked at the account, at the venue."""
        self._unheard = ""

    @property
    def is_quiet(self) -> bool:
        """Whether no request is on its way, none waits for the stream, and the account was asked for."""
        return not self._busy and not self._awaited and self._connected.is_set()

    @property
    def requests_open(self) -> int:
        """How many requests are on their way."""
        return self._busy

    @property
    def is_deaf(self) -> bool:
        """Whether a stream was found deaf and the next has said nothing yet: REST is asked all the time."""
        return self._deaf_until > time.monotonic()

    # ----------------------------------------------------------------------------------- questions that wait

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return the account's fills since a time, also in instruments that nobody named."""
        fills: list[VenueEvent] = self._wait(self._in_order(self._asks.fills(since)))
        return fills

    def get_income(self, since: int) -> Sequence[Mapping[str, Any]]:
        """Return funding, transfers, rebates and adjustments; fees and profits are with the fills."""
        rows: list[Mapping[str, Any]] = self._wait(self._asks.entries(since))
        return rows

    def get_balances(self) -> Mapping[str, Decimal]:
        """Return the wallet's balances, without unrealised profit."""
        balances: dict[str, Decimal] = self._wait(self._asks.balances())
        return balances

    def get_positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long), entry_price, position_side."""
        positions: list[dict[str, Any]] = self._wait(self._asks.positions())
        return positions

    def get_open_orders(self, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the venue's open orders, plain and conditional."""
        orders: list[dict[str, Any]] = self._wait(self._asks.open_orders(symbol))
        return orders

    def get_market_metadata(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules as `set_exchange_config` takes them, with the account's own where known.

        Args:
            symbols: Which.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The venue does not say.
        """
        rules: dict[str, Any] = self._wait(self._asks.terms(symbols))
        return rules

    def opening_state(self) -> Mapping[str, Any]:
        """Return balances, positions and open orders, as `ExecutionKernel.open_with` takes them."""

        async def all_of_it() -> Mapping[str, Any]:
            orders = await self._asks.open_orders(None)
            names = ("symbol", "order_side", "size", "filled_size", "venue_order_id", "venue_client_id")
            return {
                "balances": {asset: held for asset, held in (await self._asks.balances()).items() if held},
                "positions": await self._asks.positions(),
                "orders": [
                    {**{name: row[name] for name in names}, "price": row["limit_price"]} for row in orders
                ],
            }

        state: dict[str, Any] = self._wait(all_of_it())
        return state

    def account_checks(self) -> AccountChecks:
        """Return what asks about the key's rights and the account's modes."""
        return self.checks_type(self.ask, self.symbols)

    def ask(self, request: Request, wait_s: float = WAIT_S) -> Any:  # noqa: ANN401 - any JSON
        """Send one request and wait for its answer.

        Args:
            request: The request.
            wait_s: At most so long, seconds; a question may have to wait for the rate budget.

        Raises:
            Failure: It is no success.
            TimeoutError: It took longer.
        """
        return self._wait(self._wire.ask(request), wait_s, request.path)

    # --------------------------------------------------------------------------------------------- the stream

    @abstractmethod
    async def _read_stream(self) -> str:
        """Open the user stream and read it until it ends, by `_read_until_cut`; say why it ended.

        Raises:
            Failure: It could not be opened.
        """

    @abstractmethod
    async def _query(self, client_id: str) -> None:
        """Ask what became of an order, and tell it."""

    async def _listen(self) -> None:
        """Keep the user stream open, whatever happens."""
        tries = 0
        while not self._closing.is_set():
            try:
                why = await self._read_stream()
                tries = 0 if self.frames else tries
            except (Failure, InvalidInput) as error:
                why = str(error)
            if self._closing.is_set():
                return
            _LOG.warning("user stream: %s", why)
            self._down()
            await asyncio.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
            tries += 1
            self.reconnects += 1

    async def _read_until_cut(self, listening: Coroutine[Any, Any, str], *others: Work) -> str:
        """Read a stream until it ends, one of the others does, or it was found to be deaf.

        Args:
            listening: Reads it, and says why it ended.
            others: What keeps it open.

        Returns:
            Why it ended.
        """
        self._socket_ends = asyncio.Event()
        hearing = asyncio.create_task(listening)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(work) for work in others]
        tasks.append(asyncio.create_task(self._socket_ends.wait()))
        try:
            await asyncio.wait({hearing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            return hearing.result() if hearing.done() else "given up: it is opened anew"
        finally:
            for task in (hearing, *tasks):
                task.cancel()
            await asyncio.gather(hearing, *tasks, return_exceptions=True)

    async def _renew(self, listen_key: Request) -> None:
        """Renew a listen key until that fails: then a new one is needed."""
        while True:
            await asyncio.sleep(_KEEP_KEY_S)
            try:
                await self._wire.ask(listen_key)
            except Failure as failure:
                _LOG.warning("listen key: %s", failure)
                return

    async def _opened(self) -> None:
        # Frames are read meanwhile; what comes twice the kernel knows by its id.
        self.frames = 0
        self._begin_to_reconcile()

    def _begin_to_reconcile(self) -> None:
        first = not self._connected.is_set() and not self._reported_down
        self._wire.spawn(self._reconcile(self._cuts, first=first))

    async def _reconcile(self, cuts: int, *, first: bool) -> None:
        """Ask for what the stream may have missed, and only then call the connection good."""
        while not self._may_catch_up.is_set():
            await asyncio.sleep(_LOOK_S)
        for pause in itertools.chain(BACK_OFF_S, itertools.repeat(BACK_OFF_S[-1])):
            if cuts != self._cuts or self._closing.is_set():
                return
            try:
                if first:
                    await self._wire.set_clock()
                else:
                    await self.repair()
                break
            except (Failure, KernelError) as error:
                _LOG.warning("repair: %s", error)
                await asyncio.sleep(pause)
        if cuts == self._cuts:
            # Else the stream was gone meanwhile, and what it missed then is another's to ask for.
            self._connected.set()
            self._up()

    async def repair(self) -> None:
        """Ask by REST for fills, entries, balances, positions and orders since the last repair."""
        if self._repairing is None:
            self._repairing = asyncio.Lock()
        async with self._repairing:
            began_ns, since_ns = self._clock_ns(), self._booked_ns - OVERLAP_NS
            for fill in await self._in_order(self._asks.missed(since_ns)):
                if (fill.asset, fill.venue_trade_id) not in self._booked:
                    self._tell(fill)
            for entry in await self._asks.entries(since_ns):
                self._tell_account(entry)
            for client_id in list(self._awaited):
                await self._query(client_id)
            await self._tell_balances()
            await self._tell_positions()
            if self._caught_up is not None:
                # It writes to the log's disk.
                await asyncio.to_thread(self._caught_up)
                self._caught_up = None
            self._booked_ns = began_ns
            self.repairs += 1

    async def _in_order(self, asked: Awaitable[list[VenueEvent]]) -> list[VenueEvent]:
        """Sort fills of REST by time, and within what the venue's sequence orders by that."""
        fills = sorted(await asked, key=lambda fill: fill.timestamp_ns)
        return in_venue_order(fills, self.sequence_order, self.sequence_ties)

    def repair_now(self) -> None:
        """As `repair`, and wait for it. Not from the transport's thread.

        Raises:
            Failure: The venue does not say.
            TimeoutError: It took longer.
        """
        self._wait(self.repair())

    async def _tell_balances(self) -> None:
        # Of before the question: what the stream tells of later is newer than the answer.
        now_ns = self._wire.now_ms() * MS
        for asset, amount in (await self._asks.balances()).items():
            if amount:
                self._tell_account(wallet_update(now_ns, asset, amount))

    async def _tell_positions(self) -> None:
        # Of before the question, as balances are.
        now_ns = self._wire.now_ms() * MS
        rows = await self._asks.positions()
        look = getattr(self._kernel_now(), "positions", None)
        # The kernel may be waiting for this thread meanwhile.
        booked = () if look is None else await asyncio.to_thread(look)
        for report in position_reports(rows, booked, now_ns):
            # Of an instrument that is not configured the kernel books nothing: nothing can contradict it.
            if self._is_known(report["symbol"]):
                self._tell_account(report)

    def _weigh(self, figures: Mapping[str, Any]) -> None:
        """Remember since when what the venue reports contradicts the kernel, by asset."""
        asset = str(figures.get("asset") or "")
        if str(figures.get("reconcile_status", "OK")) == "OK":
            self._differ.pop(asset, None)
            if asset in self._asked_about:
                self._asked_about[asset] = (None, self._asked_about[asset][1])
        else:
            self._differ.setdefault(asset, time.monotonic() + self._deaf_s)

    async def _ask_about(self, asset: str) -> None:
        """Ask about working orders where a report contradicts the kernel for longer than a frame takes.

        One difference is asked about once: where no question explains it, the verdict and the alert have it.
        """
        difference, symbols = await asyncio.to_thread(self._difference, asset)
        asked, next_s = self._asked_about.get(asset, (None, 0.0))
        if difference is None or difference == asked:
            return
        if time.monotonic() < next_s:
            self._differ.setdefault(asset, next_s)
            return
        self._asked_about[asset] = (difference, time.monotonic() + _ASK_AGAIN * self._deaf_s)
        _LOG.warning("%s: the venue's report contradicts the kernel: working orders are asked about", asset)
        orders = getattr(self._kernel_now(), "orders", None)
        live = () if orders is None else await asyncio.to_thread(orders, live_only=True)
        for order in live:
            if not symbols or order.asset in symbols:
                await self._query(order.venue_client_id)
        if (await asyncio.to_thread(self._difference, asset))[0] is not None:
            await self._quietly_repair()

    def _difference(self, asset: str) -> tuple[object, frozenset[str]]:
        """What contradicts the kernel in an asset, None where nothing does; and the symbols that it names."""
        account = getattr(self._kernel_now(), "account", None)
        figures = {} if account is None else account.state(asset or None)
        if str(figures.get("reconcile_status", "OK")) == "OK" or figures["reconcile_delta"] is None:
            return None, frozenset()
        parts = [one for one in figures["reconcile_causes"] if one["cause"] == "POSITION_DIFFERS"]
        symbols = frozenset(symbol for one in parts for symbol in one["references"])
        return (figures["reconcile_delta"], symbols), symbols

    async def _watch(self) -> None:
        """Look for a stream that is deaf and for reports that contradict, and repair once a minute."""
        repaired = time.monotonic()
        while not self._closing.is_set():
            await asyncio.sleep(self._deaf_s / 8)
            now = time.monotonic()
            late = [client_id for client_id, until in self._awaited.items() if until < now]
            if late:
                _LOG.warning("the stream is deaf: it has not reported %s", ", ".join(late[:5]))
                self._deaf_until = now + _SUSPICIONS * self._deaf_s
                self._distrust()
                self._down()
                self._awaited.update(dict.fromkeys(late, now + self._deaf_s))
                if self._socket_ends is not None:
                    self._socket_ends.set()
            due = self._deaf_s if self.is_deaf else _REPAIR_S
            if late or now - repaired > due:
                repaired = now
                await self._quietly_repair()
            for asset in [asset for asset, until in self._differ.items() if until < now]:
                del self._differ[asset]
                self._begin(self._ask_about(asset))
            self._up()

    async def _quietly_repair(self) -> None:
        try:
            await self.repair()
        except (Failure, KernelError) as error:
            _LOG.warning("repair: %s", error)

    def _on_frame(self, raw: str) -> bool:
        """Take a frame; False where the stream ends with it."""
        self.frames += 1
        self._deaf_until = 0.0
        try:
            update = self._reports.read(reading.parse(raw))
        except UnknownMessage as error:
            self._halt_entries(error)
            return True
        except InvalidInput as error:
            _LOG.error("user stream: %s", error)
            return False
        for event in update.orders:
            self._awaited.pop(event.venue_client_id, None)
            self._reported_s[event.venue_client_id] = time.monotonic()
            self._reported_s.move_to_end(event.venue_client_id)
        self._bring(update)
        if update.key_ended:
            self._down()
        return not update.key_ended

    def _halt_entries(self, error: UnknownMessage) -> None:
        """The truth is unknown: entries halt until somebody has looked; exits go."""
        self._unheard = str(error)
        _LOG.critical("%s; entries halt until the account was looked at", error)
        # The stream itself is sound: it need not be opened anew once this is forgiven.
        self._say_down()

    def _bring(self, update: VenueUpdate) -> None:
        for event in in_venue_order(update.orders, self.sequence_order, self.sequence_ties):
            self._tell(event)
        for entry in update.account:
            self._tell_account(entry)
        if update.ask_income:
            self._begin(self._tell_entries())

    async def _tell_entries(self) -> None:
        try:
            for entry in await self._asks.entries(self._clock_ns() - OVERLAP_NS):
                self._tell_account(entry)
        except (Failure, InvalidInput) as error:
            _LOG.warning("income: %s", error)

    def _distrust(self) -> None:
        """The stream is deaf, and opened anew: what else has to be new, a venue says."""

    # ---------------------------------------------------------------------------------------------- inside

    async def _patiently(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Send a cancel or an amend; where the venue refused it for now, again."""
        for _ in range(_RETRIES):
            try:
                return await self._wire.ask(request)
            except Failure as failure:
                if failure.fate is not Fate.LATER:
                    raise
                await asyncio.sleep((failure.retry_after_ms or 200) / 1000)
        return await self._wire.ask(request)

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        self._busy += 1
        self._wire.spawn(self._done(work))

    async def _done(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        try:
            await work
        finally:
            self._busy -= 1

    def _wait(self, work: Any, wait_s: float = WAIT_S, question: str = "") -> Any:  # noqa: ANN401 - what the coroutine returns
        if self._wire.is_own_thread():
            work.close()
            raise NotSent("this is the transport's own thread: it cannot wait for itself")
        try:
            return self._wire.wait_for(work, wait_s)
        except TimeoutError:
            why = self._wire.waits or "the venue has not answered"
            raise TimeoutError(f"{question or work.__name__}: no answer within {wait_s:g} s: {why}") from None

    def _await(self, client_id: str, sent_s: float | None = None) -> None:
        """The stream has to tell of this order soon.

        Args:
            client_id: Our id of it.
            sent_s: When the request left, by the monotonic clock; reports since then are newer.
        """
        if sent_s is not None and self._reported_s.get(client_id, 0.0) >= sent_s:
            return
        if client_id:
            self._awaited.setdefault(client_id, time.monotonic() + self._deaf_s)

    def _is_answered(self, client_id: str) -> None:
        """Called when a query has said how an order stands: the stream no longer has to."""
        self._awaited.pop(client_id, None)

    def _down(self) -> None:
        self._connected.clear()
        self._cuts += 1
        self._say_down()

    def _say_down(self) -> None:
        if not self._reported_down:
            self._reported_down = True
            self._tell(VenueEvent(self._clock_ns(), kind="DISCONNECTED"))

    def _up(self) -> None:
        """Send RESYNCED once the stream is open and the account was asked for."""
        if self._reported_down and self._connected.is_set() and not self._unheard:
            self._reported_down = False
            self._tell(VenueEvent(self._clock_ns(), kind="RESYNCED"))

    def _held_back(self, request: Request, order: VenueOrder) -> VenueEvent | None:
        """Say whether an order has to wait; an entry also where the stream is not to be trusted.

        Raises:
            NotSent: It is an entry, and what the account holds is not known.
        """
        # What nobody has looked at outlasts a reconnect; see `unheard`.
        if request.pool == "entry" and self._unheard:
            raise NotSent(f"entries halt: {self._unheard}")
        if request.pool == "entry" and not self._connected.is_set():
            raise NotSent(f"entries wait: {self.waits or 'the user stream is down, or deaf'}")
        return self._over_budget(request, order)

    def clock_offset_ms(self) -> int:
        """Return how far the venue's clock is ahead of this machine's, measured now."""
        self._wait(self._wire.set_clock())
        return self._wire.offset_ms

    def _over_budget(self, request: Request, order: VenueOrder) -> VenueEvent | None:
        now_ns = self._clock_ns()
        wait_ms = self._wire.budget.wait_ms(request, now_ns)
        if not wait_ms:
            return None
        ids: dict[str, Any] = {"venue_client_id": order.venue_client_id, "asset": order.asset}
        return VenueEvent(now_ns, kind="RATE_LIMITED", retry_after_ms=wait_ms, reason="own budget", **ids)

    def _report_failure(self, kind: str, failure: Failure, ids: dict[str, Any]) -> None:
        now_ns = self._clock_ns()
        if failure.fate is Fate.UNKNOWN:
            self._doubt(str(failure), ids)
        elif failure.fate is Fate.LATER and kind == "ORDER_REJECT":
            wait_ms = failure.retry_after_ms or 1_000
            self._tell(
                VenueEvent(now_ns, kind="RATE_LIMITED", retry_after_ms=wait_ms, reason=failure.words, **ids)
            )
        else:
            code = self.named_codes.get(failure.code, str(failure.code) if failure.code else "NOT_SENT")
            self._tell(VenueEvent(now_ns, kind=kind, reason=failure.words[:200], reason_code=code, **ids))

    def _doubt(self, why: str, ids: dict[str, Any]) -> None:
        self._tell(VenueEvent(self._clock_ns(), kind="SEND_TIMEOUT", reason=why[:200], **ids))

    def _tell(self, event: VenueEvent) -> KernelOutcome | None:
        if event.asset and not self._is_known(event.asset):
            self._park(event.asset, event)
            return None
        try:
            outcome = self.emit(event)
        except KernelClosed:
            return None
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)
            return None
        if event.venue_trade_id and event.fee is not None and outcome.accepted:
            # With its fee: a repair need not report it once more.
            self._booked[event.asset, event.venue_trade_id] = None
        return outcome

    def _tell_account(self, event: dict[str, Any]) -> None:
        symbol = str(event.get("symbol") or "")
        if symbol and not self._is_known(symbol):
            self._park(symbol, event)
            return
        try:
            figures = self.emit_account(event)
        except KernelClosed:
            return
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)
            return
        if isinstance(figures, Mapping):
            self._weigh(figures)

    # ------------------------------------------------------------------------------ instruments not known yet

    def _is_known(self, symbol: str) -> bool:
        """Whether the kernel can book what is said of an instrument now, behind what waits for it."""
        if symbol in self._known:
            return True
        look = getattr(self._kernel_now(), "instrument", None)
        if symbol in self.parked or look is None:
            return symbol not in self.parked
        try:
            look(symbol)
        except InvalidInput:
            return False
        except KernelClosed:
            return True
        self._known.add(symbol)
        return True

    def _park(self, symbol: str, event: VenueEvent | dict[str, Any]) -> None:
        """Keep what the kernel would refuse until the instrument is listed there: it is never dropped."""
        is_first = symbol not in self.parked
        if not self.parked.keep(symbol, event):
            self._halt_entries(
                UnknownMessage(f"{len(self.parked)} events wait for {symbol}, which cannot be listed")
            )
        if is_first:
            _LOG.warning("%s is not configured: its rules are fetched, and what was said of it waits", symbol)
            self._begin(self._fetch(symbol))

    async def _fetch(self, symbol: str) -> None:
        """List an instrument at the kernel, and book what waited for it."""
        for pause in (*BACK_OFF_S, *(2.0 for _ in range(1_000_000))):
            try:
                rules = await self._asks.terms([symbol])
                # The kernel may be waiting for this thread meanwhile.
                await asyncio.to_thread(self._list, rules)
                break
            except KernelClosed:
                return
            except InvalidInput as error:
                # It stays parked, and each repair would tell it again: somebody has to look.
                self._halt_entries(UnknownMessage(f"a fill of {symbol} cannot be booked: {error}"))
                return
            except Failure as failure:
                _LOG.warning("rules of %s: %s", symbol, failure)
            if self._closing.is_set():
                return
            await asyncio.sleep(pause)
        if symbol not in self.symbols:
            self.symbols.append(symbol)
        self._known.add(symbol)
        for event in self.parked.take(symbol):
            if isinstance(event, VenueEvent):
                self._tell(event)
            else:
                self._tell_account(event)

    def _kernel_now(self) -> KernelSink | None:
        return None if self._kernel is None else self._kernel()

    def _list(self, rules: Mapping[str, Any]) -> None:
        kernel = self._kernel_now()
        if kernel is None:
            raise KernelClosed(f"{type(self).__name__} is attached to no kernel")
        kernel.set_exchange_config({"instruments": dict(rules)})  # type: ignore[attr-defined]
