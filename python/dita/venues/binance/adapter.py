"""The adapter: the kernel's requests on the wire, and the wire's news to the kernel.

Nothing here waits for the network where the kernel calls it: a request leaves on the transport's thread, and
what comes of it is brought by `emit`. Only `opening_state` and the other questions of a start wait.
"""

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from dita._kernel import KernelOutcome, VenueEvent, VenueOrder
from dita.errors import InvalidInput, KernelClosed, KernelError, NotSent
from dita.venues.base import BaseExecutionAdapter, KernelSink
from dita.venues.binance import reading, requests
from dita.venues.binance.budget import Budget
from dita.venues.binance.failures import Failure, Fate
from dita.venues.binance.feed import MarketFeed
from dita.venues.binance.markets import MarketNews, VenueBar, read_klines
from dita.venues.binance.news import News, Told, Unheard
from dita.venues.binance.questions import Questions
from dita.venues.binance.requests import Request
from dita.venues.binance.transport import Transport

_LOG: Final = logging.getLogger("dita.binance")
REST: Final = "https://fapi.binance.com"
STREAM: Final = "wss://fstream.binance.com"
DEMO_REST: Final = "https://demo-fapi.binance.com"
DEMO_STREAM: Final = "wss://fstream.binancefuture.com"
#: A request that REST acknowledged and the stream has not told within this makes the stream deaf.
DEAF_S: Final = 2.0
#: For so long after that a stream that says nothing is not trusted, and REST is asked every `DEAF_S`.
_SUSPICION_S: Final = 30.0
_REPAIR_S: Final = 60.0
_KEEP_KEY_S: Final = 25 * 60.0
_BACK_OFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_WAIT_S: Final = 30.0
_OVERLAP_NS: Final = 600 * 1_000_000_000
_MS: Final = 1_000_000
_RETRIES: Final = 5
_BOOKED_MAX: Final = 100_000


class BinanceUsdm(BaseExecutionAdapter):
    """Binance USD-M with real money; `BinancePractice` is for demo hosts and `dita exchange`.

    Attributes:
        symbols: The instruments that are asked about after a gap, beside those that the income history names.
    """

    live: ClassVar[bool] = True
    real_money: ClassVar[bool | None] = True

    def __init__(
        self,
        api_key: str,
        api_secret: str,
        symbols: Iterable[str],
        *,
        rest: str = REST,
        stream: str = STREAM,
        clock_ns: Callable[[], int] = time.time_ns,
        reserve: float = 0.2,
        deaf_s: float = DEAF_S,
    ) -> None:
        """Describe the account; the stream opens once a kernel is attached.

        Args:
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            symbols: The instruments that are traded.
            rest: Base address of REST.
            stream: Base address of the streams.
            clock_ns: This machine's time, nanoseconds.
            reserve: The part of each order budget that is kept for exits.
            deaf_s: A stream that has not told of an acknowledged request for so long is deaf, seconds.
        """
        super().__init__()
        self.symbols = list(dict.fromkeys(symbols))
        self._clock_ns = clock_ns
        self._deaf_s = deaf_s
        self._wire = Transport(rest, stream, api_key, api_secret, clock_ns, Budget(reserve=reserve))
        self._news = News()
        self._questions = Questions(self._wire, self._news, self.symbols)
        self._kinds: dict[str, tuple[str, bool]] = {}
        self._awaited: dict[str, float] = {}
        self._booked_ns = 0
        self._busy = 0
        self._repairing: asyncio.Lock | None = None
        self._told_down = False
        self._cuts = 0
        self._booked: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._deaf_until = 0.0
        self.repairs = 0
        self._unheard = ""
        self._wants_new_key = False
        self._connected = threading.Event()
        self._closing = threading.Event()
        self._socket_ends: asyncio.Event | None = None
        self.frames = 0
        self.reconnects = 0

    def __repr__(self) -> str:
        """Its address; never the key."""
        return f"{type(self).__name__}({self._wire.rest!r}, symbols={self.symbols!r})"

    # ------------------------------------------------------------------------------------------ life

    def attach(self, kernel: KernelSink) -> None:
        """Learn the kernel, and open the user stream."""
        super().attach(kernel)
        self._booked_ns = self._clock_ns()
        self._wire.spawn(self._listen())
        self._wire.spawn(self._watch())

    def wait_connected(self, timeout_s: float = _WAIT_S) -> bool:
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
    def is_deaf(self) -> bool:
        """Whether the stream was found not to tell, and has said nothing since."""
        return self._deaf_until > time.monotonic()

    # --------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; what comes of it is told later.

        Raises:
            NotSent: The venue has no such order, or it is an entry and the stream is not to be trusted now.
        """
        request = requests.place(order)
        # What nobody has looked at outlasts a reconnect; see `unheard`.
        if request.pool == "entry" and self._unheard:
            raise NotSent(f"entries halt: {self._unheard}")
        if request.pool == "entry" and not self._connected.is_set():
            raise NotSent("entries wait: the user stream is down, or deaf")
        refused = self._over_budget(request, order)
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
            raise NotSent("Binance changes limit orders alone: cancel it and send another")
        del trigger_price
        self._begin(self._amend(order, requests.amend(order, size, price, request_id), request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Ask what became of an order; the answer is told later."""
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

    # ----------------------------------------------------------------------------------- questions that wait

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return the account's fills since a time, also in instruments that nobody named."""
        return [fill for fill, _ in self._wait(self._questions.fills(since))]

    def get_income(self, since: int) -> Sequence[Mapping[str, Any]]:
        """Return funding, transfers, rebates and adjustments, and the settlements of fills."""

        async def both() -> list[Mapping[str, Any]]:
            settled = [settlement for _, settlement in await self._questions.fills(since)]
            return [*settled, *await self._questions.entries(since)]

        rows: list[Mapping[str, Any]] = self._wait(both())
        return rows

    def get_balances(self) -> Mapping[str, Decimal]:
        """Return the wallet's balances, without unrealised profit."""
        balances: dict[str, Decimal] = self._wait(self._questions.balances())
        return balances

    def get_positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long), entry_price, position_side."""
        positions: list[dict[str, Any]] = self._wait(self._questions.positions())
        return positions

    def get_open_orders(self, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the venue's open orders, plain and conditional."""
        orders: list[dict[str, Any]] = self._wait(self._questions.open_orders(symbol))
        return orders

    def opening_state(self) -> Mapping[str, Any]:
        """Return balances, positions and open orders, as `ExecutionKernel.open_with` takes them."""

        async def all_of_it() -> Mapping[str, Any]:
            orders = await self._questions.open_orders(None)
            names = ("symbol", "order_side", "size", "filled_size", "venue_order_id", "venue_client_id")
            return {
                "balances": {
                    asset: held for asset, held in (await self._questions.balances()).items() if held
                },
                "positions": await self._questions.positions(),
                "orders": [
                    {**{name: row[name] for name in names}, "price": row["limit_price"]} for row in orders
                ],
            }

        state: dict[str, Any] = self._wait(all_of_it())
        return state

    def ask(self, request: Request) -> Any:  # noqa: ANN401 - any JSON
        """Send one request and wait for its answer.

        Raises:
            Failure: It is no success.
        """
        return self._wait(self._wire.ask(request))

    # -------------------------------------------------------------------------------------------- the market

    def get_market_metadata(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules as `set_exchange_config` takes them, with what is the account's own.

        That is: fee rates, the asset that fees are paid in, leverage, margin mode, the steps of the margin.

        Args:
            symbols: Which.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The venue does not say.
        """
        rules: dict[str, Any] = self._wait(self._questions.terms(symbols))
        return rules

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
            request = requests.klines(symbol, interval, start_ns // _MS, end_ns // _MS - 1)
            page = read_klines(self.ask(request), symbol, interval, self._clock_ns())
            bars += page
            if not page:
                break
            start_ns = page[-1].close_ns
        return bars

    def feed(
        self,
        hear: Callable[[MarketNews], object],
        *,
        interval: str = "1m",
        quotes: bool = False,
        trades: bool = False,
        books: bool = False,
    ) -> MarketFeed:
        """Begin to hear the market of the adapter's instruments; see `MarketFeed`."""
        return MarketFeed(
            self._wire, self.symbols, hear, interval=interval, quotes=quotes, trades=trades,
            books=books, clock_ns=self._clock_ns,
        )  # fmt: skip

    def clock_offset_ms(self) -> int:
        """Return how far the venue's clock is ahead of this machine's, measured now."""
        self._wait(self._wire.set_clock())
        return self._wire.offset_ms

    # --------------------------------------------------------------------------------------- requests at work

    async def _place(self, order: VenueOrder, request: Request) -> None:
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        try:
            reply = reading.record(await self._wire.ask(request), "reply")
            order_id = str(reply.get("orderId") or reply.get("algoId") or "")
            self._news.link(order_id, client_id)
            now_ns = reading.nanoseconds(reply, "updateTime")
            self._await(client_id)
            self._tell(VenueEvent(now_ns, kind="ORDER_ACK", venue_order_id=order_id, **ids))
        except Failure as failure:
            self._refuse("ORDER_REJECT", failure, ids)
        except InvalidInput as error:
            self._doubt(str(error), ids)

    async def _cancel(self, order: VenueOrder, request: Request) -> None:
        ids: dict[str, Any] = {"venue_client_id": order.venue_client_id, "asset": order.asset}
        try:
            reply = reading.record(await self._patiently(request), "reply")
            filled = reading.maybe(reply, "executedQty") or Decimal(0)
            event = VenueEvent(
                self._clock_ns(), kind="CANCEL_ACK", filled_size=filled, remaining_size=0, **ids
            )
            self._await(order.venue_client_id)
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

    async def _query(self, client_id: str) -> None:
        symbol, conditional = self._kinds.get(client_id, ("", True))
        symbols = [symbol] if symbol else self.symbols
        try:
            if conditional and (await self._query_algo(client_id)):
                return
            for one in symbols:
                row = await self._questions.maybe(requests.query(one, client_id))
                if row is not None:
                    await self._tell_status(row)
                    return
            # Gone from the orders it may still have traded: its fills come first.
            for fill, settled in await self._questions.fills(self._clock_ns() - _OVERLAP_NS):
                if fill.venue_client_id == client_id:
                    self._tell(fill)
                    self._tell_account(settled)
            self._awaited.pop(client_id, None)
            self._tell(VenueEvent(self._clock_ns(), kind="ORDER_NOT_FOUND", venue_client_id=client_id))
        except Unheard as error:
            self._halt_entries(error)
        except (Failure, InvalidInput) as error:
            _LOG.warning("question about %s: %s", client_id, error)

    async def _query_algo(self, client_id: str) -> bool:
        row = await self._questions.maybe(requests.query_algo(client_id))
        if row is None:
            return False
        order_id = str(row.get("actualOrderId") or "")
        if not order_id:
            self._awaited.pop(client_id, None)
            for event in self._news.algo_status(row):
                self._tell(event)
            return True
        told = self._news.read(
            {
                "e": "ALGO_UPDATE",
                "T": row.get("updateTime"),
                "o": {
                    "caid": client_id, "aid": row.get("algoId"), "s": row.get("symbol"), "S": row.get("side"),
                    "ps": row.get("positionSide"), "X": "TRIGGERED", "ai": order_id,
                },
            }
        )  # fmt: skip
        for event in told.orders:
            self._tell(event)
        found = await self._questions.maybe(requests.query(reading.text(row, "symbol"), order_id=order_id))
        if found is not None:
            await self._tell_status(found)
        return found is not None

    async def _tell_status(self, row: dict[str, Any]) -> None:
        status = self._news.status(row)
        if status.filled_size:
            rows = await self._wire.ask(requests.user_trades(status.asset, order_id=status.venue_order_id))
            for trade in reading.table(rows, "userTrades"):
                fill, settled = self._news.trade(trade, status.venue_client_id)
                self._tell(fill)
                self._tell_account(settled)
        self._awaited.pop(status.venue_client_id, None)
        self._tell(status)
        if status.filled_size:
            # The stream that did not tell of the fill did not tell of its money either.
            await self._tell_balances()

    # --------------------------------------------------------------------------------------------- the stream

    async def _listen(self) -> None:
        """Keep the user stream open, whatever happens."""
        tries = 0
        while not self._closing.is_set():
            try:
                if self._wants_new_key:
                    # Asked again, the venue gives the key that is there.
                    self._wants_new_key = False
                    await self._wire.ask(requests.END_KEY)
                key = reading.text(
                    reading.record(await self._wire.ask(requests.NEW_KEY), "listenKey"), "listenKey"
                )
            except (Failure, InvalidInput) as error:
                why = str(error)
            else:
                keeping = asyncio.create_task(self._keep_key())
                path = f"/private/ws?listenKey={key}"
                listening = asyncio.create_task(self._wire.listen(path, self._opened, self._hear))
                self._socket_ends = asyncio.Event()
                cutting = asyncio.create_task(self._socket_ends.wait())
                try:
                    await asyncio.wait({listening, cutting, keeping}, return_when=asyncio.FIRST_COMPLETED)
                    why = listening.result() if listening.done() else "given up: a new key is asked for"
                    tries = 0 if self.frames else tries
                finally:
                    for task in (keeping, listening, cutting):
                        task.cancel()
                    await asyncio.gather(keeping, listening, cutting, return_exceptions=True)
            if self._closing.is_set():
                return
            _LOG.warning("user stream: %s", why)
            self._down()
            await asyncio.sleep(_BACK_OFF_S[min(tries, len(_BACK_OFF_S) - 1)])
            tries += 1
            self.reconnects += 1

    async def _keep_key(self) -> None:
        """Renew the key until that fails: then a new one is needed."""
        while True:
            await asyncio.sleep(_KEEP_KEY_S)
            try:
                await self._wire.ask(requests.KEEP_KEY)
            except Failure as failure:
                _LOG.warning("listen key: %s", failure)
                return

    async def _opened(self) -> None:
        # Frames are heard meanwhile; what comes twice the kernel knows by its id.
        self.frames = 0
        first = not self._connected.is_set() and not self._told_down
        self._wire.spawn(self._reconcile(self._cuts, first=first))

    async def _reconcile(self, cuts: int, *, first: bool) -> None:
        """Ask for what the stream may not have told, and only then call the connection good."""
        for pause in (*_BACK_OFF_S, *(2.0 for _ in range(1_000))):
            try:
                if first:
                    await self._wire.set_clock()
                else:
                    await self.repair()
                break
            except (Failure, InvalidInput) as error:
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
            began_ns, since_ns = self._clock_ns(), self._booked_ns - _OVERLAP_NS
            for fill, settled in await self._questions.fills(since_ns):
                if (fill.asset, fill.venue_trade_id) not in self._booked:
                    self._tell(fill)
                    self._tell_account(settled)
            for entry in await self._questions.entries(since_ns):
                self._tell_account(entry)
            for client_id in list(self._awaited):
                await self._query(client_id)
            await self._tell_balances()
            self._booked_ns = began_ns
            self.repairs += 1

    async def _tell_balances(self) -> None:
        # Of before the question: what the stream tells of later is newer than the answer.
        now_ns = self._wire.now_ms() * _MS
        for asset, amount in (await self._questions.balances()).items():
            if amount:
                self._tell_account(
                    {
                        "kind": "ACCOUNT_UPDATE", "timestamp": now_ns, "asset": asset,
                        "wallet_balance": amount,
                    }
                )  # fmt: skip

    async def _watch(self) -> None:
        """Look for a stream that is deaf, and repair once a minute."""
        repaired = time.monotonic()
        while not self._closing.is_set():
            await asyncio.sleep(self._deaf_s / 8)
            now = time.monotonic()
            late = [client_id for client_id, until in self._awaited.items() if until < now]
            if late:
                _LOG.warning("the stream is deaf: it has not told of %s", ", ".join(late[:5]))
                self._deaf_until = now + _SUSPICION_S
                self._wants_new_key = True
                self._down()
                self._awaited.update(dict.fromkeys(late, now + self._deaf_s))
                if self._socket_ends is not None:
                    self._socket_ends.set()
            due = self._deaf_s if self.is_deaf else _REPAIR_S
            if late or now - repaired > due:
                repaired = now
                await self._quietly_repair()
            self._up()

    async def _quietly_repair(self) -> None:
        try:
            await self.repair()
        except (Failure, InvalidInput) as error:
            _LOG.warning("repair: %s", error)

    def _hear(self, raw: str) -> bool:
        """Take a frame; False where the stream ends with it."""
        self.frames += 1
        self._deaf_until = 0.0
        try:
            told = self._news.read(reading.parse(raw))
        except Unheard as error:
            self._halt_entries(error)
            return True
        except InvalidInput as error:
            _LOG.error("user stream: %s", error)
            return False
        for event in told.orders:
            self._awaited.pop(event.venue_client_id, None)
        self._bring(told)
        if told.key_ended:
            self._down()
        return not told.key_ended

    def _halt_entries(self, error: Unheard) -> None:
        """The truth is unknown: entries halt until somebody has looked; exits go."""
        self._unheard = str(error)
        _LOG.critical("%s; entries halt until the account was looked at", error)
        # The stream itself is sound: it need not be opened anew once this is forgiven.
        self._say_down()

    def _bring(self, told: Told) -> None:
        for event in told.orders:
            self._tell(event)
        for entry in told.account:
            self._tell_account(entry)
        if told.ask_income:
            self._begin(self._tell_entries())

    async def _tell_entries(self) -> None:
        try:
            for entry in await self._questions.entries(self._clock_ns() - _OVERLAP_NS):
                self._tell_account(entry)
        except (Failure, InvalidInput) as error:
            _LOG.warning("income: %s", error)

    # ---------------------------------------------------------------------------------------------- inside

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        self._busy += 1
        self._wire.spawn(self._done(work))

    async def _done(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        try:
            await work
        finally:
            self._busy -= 1

    def _wait(self, work: Any) -> Any:  # noqa: ANN401 - what the coroutine returns
        if self._wire.is_own_thread():
            work.close()
            raise NotSent("this is the transport's own thread: it cannot wait for itself")
        return self._wire.wait_for(work, _WAIT_S)

    def _await(self, client_id: str) -> None:
        """The stream has to tell of this order soon."""
        if client_id:
            self._awaited.setdefault(client_id, time.monotonic() + self._deaf_s)

    def _down(self) -> None:
        self._connected.clear()
        self._cuts += 1
        self._say_down()

    def _say_down(self) -> None:
        if not self._told_down:
            self._told_down = True
            self._tell(VenueEvent(self._clock_ns(), kind="DISCONNECTED"))

    def _up(self) -> None:
        """Say that the connection is good, once it is: open, the account asked for, and known to tell."""
        if self._told_down and self._connected.is_set() and not self._unheard and not self.is_deaf:
            self._told_down = False
            self._tell(VenueEvent(self._clock_ns(), kind="RESYNCED"))

    def _over_budget(self, request: Request, order: VenueOrder) -> VenueEvent | None:
        now_ns = self._clock_ns()
        wait_ms = self._wire.budget.wait_ms(request, now_ns)
        if not wait_ms:
            return None
        ids: dict[str, Any] = {"venue_client_id": order.venue_client_id, "asset": order.asset}
        return VenueEvent(now_ns, kind="RATE_LIMITED", retry_after_ms=wait_ms, reason="own budget", **ids)

    def _refuse(self, kind: str, failure: Failure, ids: dict[str, Any]) -> None:
        now_ns = self._clock_ns()
        if failure.fate is Fate.UNKNOWN:
            self._doubt(str(failure), ids)
        elif failure.fate is Fate.LATER and kind == "ORDER_REJECT":
            wait_ms = failure.retry_after_ms or 1_000
            self._tell(
                VenueEvent(now_ns, kind="RATE_LIMITED", retry_after_ms=wait_ms, reason=failure.words, **ids)
            )
        else:
            code = {-4116: "DUPLICATE_CLIENT_ID"}.get(
                failure.code, str(failure.code) if failure.code else "NOT_SENT"
            )
            self._tell(VenueEvent(now_ns, kind=kind, reason=failure.words[:200], reason_code=code, **ids))

    def _doubt(self, why: str, ids: dict[str, Any]) -> None:
        self._tell(VenueEvent(self._clock_ns(), kind="SEND_TIMEOUT", reason=why[:200], **ids))

    def _tell(self, event: VenueEvent) -> KernelOutcome | None:
        try:
            outcome = self.emit(event)
        except KernelClosed:
            return None
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)
            return None
        if event.venue_trade_id and event.fee is not None and outcome.accepted:
            self._remember(event.asset, event.venue_trade_id)
        return outcome

    def _remember(self, symbol: str, trade_id: str) -> None:
        """The kernel has this fill with its fee: a repair need not tell it once more."""
        self._booked[symbol, trade_id] = None
        if len(self._booked) > _BOOKED_MAX:
            self._booked.popitem(last=False)

    def _tell_account(self, event: dict[str, Any]) -> None:
        try:
            self.emit_account(event)
        except KernelClosed:
            return
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)


class BinancePractice(BinanceUsdm):
    """The same on a demo host or on `dita exchange`: no real money."""

    real_money: ClassVar[bool | None] = False
