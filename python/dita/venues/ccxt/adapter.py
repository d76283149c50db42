"""The adapter: the kernel's requests through ccxt, and what the exchange says, asked for again and again.

ccxt's streams differ from exchange to exchange; its REST is the same for all. So what became of an order is
asked for: at once after each request, and then every `poll_s` while the order works. Nothing waits for the
network where the kernel calls.
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
from dita.errors import InvalidInput, KernelClosed, KernelError, NotSent, refuse
from dita.venues.base import BaseExecutionAdapter, KernelSink, Revisions
from dita.venues.ccxt.abilities import abilities_of
from dita.venues.ccxt.answers import DUPLICATES, family
from dita.venues.ccxt.exchange import ask, make, missing_credentials, named_credentials
from dita.venues.ccxt.rows import Rows
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.thread import LoopThread

_LOG: Final = logging.getLogger("dita.ccxt")
_WAIT_S: Final = 30.0
_MS: Final = 1_000_000
_OVERLAP_MS: Final = 60_000
_LONG_AGO_MS: Final = 600_000
REPAIR_S: Final = 20.0
_RETRIES: Final = 5
_BOOKED_MAX: Final = 100_000
#: As long as the kernel's events take.
_ID_MAX: Final = 36
_TRIES: Final = 8
_PAUSE_S: Final = 0.02
_DEFAULTS: Final[Mapping[str, Any]] = {"defaultType": "swap"}


class _Loop(LoopThread):
    """The thread that ccxt's object lives on."""

    def __init__(self) -> None:
        super().__init__("dita-ccxt")
        self.exchange: Any = None

    async def _let_go(self) -> None:
        if self.exchange is not None:
            await self.exchange.close()


class CCXTAdapter(BaseExecutionAdapter):
    """One account at an exchange of ccxt's. `dita venues` says what each can do.

    Sizes are in the exchange's own units: contracts, where it counts in those. The instrument's
    `contract_multiplier`, which `get_market_metadata` returns, says what one is worth.

    Attributes:
        symbols: The instruments, as they were given: a name of the exchange's or ccxt's.
        abilities: What the exchange can do.
        polls: How often the exchange was asked about orders that work.
        repairs: How often it was asked about the whole account.
    """

    live: ClassVar[bool] = True
    revisions: ClassVar[Revisions] = "NONE"

    def __init__(
        self,
        exchange: str,
        symbols: Iterable[str],
        *,
        api_key: str = "",
        api_secret: str = "",
        password: str = "",
        address: str | None = None,
        sandbox: bool = False,
        poll_s: float = 1.0,
        repair_s: float = REPAIR_S,
        options: Mapping[str, Any] | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        **credentials: str,
    ) -> None:
        """Describe the account; nothing is asked before a kernel is attached.

        Args:
            exchange: ccxt's id of the exchange: `kraken`, `binanceusdm`.
            symbols: The instruments: `BTC/USDT:USDT`, or as the exchange names them. The kernel calls them
                as they are written here.
            api_key: The key.
            api_secret: Its secret: it is never shown, logged or written.
            password: Its passphrase, where the exchange has one.
            address: `dita exchange` on this machine, as `127.0.0.1:8686`; None means the exchange itself.
            sandbox: Whether the exchange's test network is meant.
            poll_s: Seconds between two questions about orders that work.
            repair_s: Seconds between two questions about the whole account.
            options: ccxt's own, for this exchange.
            clock_ns: This machine's time, nanoseconds.
            credentials: What else the exchange logs in with: `wallet_address`, `private_key`, `uid`, `login`,
                `account_id`. They are never shown, logged or written either.

        Raises:
            InvalidInput: ccxt has no such exchange, or no test network of it; it lacks what is needed to
                trade, or a credential is missing or is none of the exchange's; or the extra `ccxt` is not
                installed. Without any credential only the market's rules are read.
        """
        super().__init__()
        self._unset: tuple[str, ...] = ()
        if not 0 < poll_s <= 3_600:
            raise refuse("poll_s", poll_s, "must be above 0, and at most 3600")
        self.symbols = list(dict.fromkeys(symbols))
        self._is_real = address is None and not sandbox
        self._poll_s, self._repair_s = poll_s, max(poll_s, repair_s)
        self._clock_ns = clock_ns
        config = {
            "apiKey": api_key, "secret": api_secret, "password": password,
            "options": {**_DEFAULTS, **(options or {})}, **named_credentials(exchange, credentials),
        }  # fmt: skip
        self._exchange = make(exchange, config, address, clock_ns, sandbox=sandbox)
        self.abilities = abilities_of(self._exchange)
        if self.abilities.lacks:
            raise refuse(
                "exchange", exchange, f"cannot be traded: it lacks {', '.join(self.abilities.lacks)}"
            )
        if missing := missing_credentials(self._exchange):
            self._unset = missing
            if api_key or api_secret or password or credentials:
                raise self._no_login()
        self._family = family(exchange)
        self._rows = Rows(self._exchange, self._family)
        self._loop = _Loop()
        self._loop.exchange = self._exchange
        self._orders: dict[str, VenueOrder] = {}
        self._ids: OrderedDict[str, str] = OrderedDict()
        self._order_ids: dict[str, str] = {}
        self._booked: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._external_orders: OrderedDict[str, str] = OrderedDict()
        self._entries: OrderedDict[str, None] = OrderedDict()
        self._since_ms: dict[str, int] = {}
        self._busy = 0
        self._down = False
        self._is_loaded = False
        self._asking: asyncio.Lock | None = None
        self._closing = threading.Event()
        self._connected = threading.Event()
        self.polls = self.repairs = 0

    def __repr__(self) -> str:
        """Which exchange; never the key."""
        return f"CCXTAdapter({self._exchange.id!r}, symbols={self.symbols!r})"

    @property
    def real_money(self) -> bool:  # type: ignore[override]
        """Whether real money is at stake: not on a test network, and not on `dita exchange`."""
        return self._is_real

    def capabilities(self) -> frozenset[str]:
        """Return the names of the optional methods that the exchange can do."""
        able = self.abilities
        offered = {
            "amend": able.amend, "set_leverage": able.leverage, "get_income": able.funding,
            "get_positions": able.positions or able.spot, "set_margin_mode": False,
        }  # fmt: skip
        return frozenset(name for name in super().capabilities() if offered.get(name, True))

    def _no_login(self) -> InvalidInput:
        names = ", ".join(self._unset)
        return refuse(
            "credentials", names, f"missing: {self._exchange.id} logs in with them; give each by its name"
        )

    # ------------------------------------------------------------------------------------------ life

    def attach(self, kernel: KernelSink) -> None:
        """Learn the kernel, and begin to ask.

        Raises:
            InvalidInput: A credential is missing.
        """
        if self._unset:
            raise self._no_login()
        super().attach(kernel)
        now_ms = self._clock_ns() // _MS
        self._since_ms = dict.fromkeys(self.symbols, now_ms - _OVERLAP_MS)
        self._loop.spawn(self._run())

    def wait_connected(self, timeout_s: float = _WAIT_S) -> bool:
        """Wait until the exchange has answered for the first time; return whether it has.

        Args:
            timeout_s: At most so long, seconds.
        """
        return self._connected.wait(timeout_s)

    def close(self) -> None:
        """Close the connections and the thread."""
        self._closing.set()
        super().close()
        self._loop.close()

    def refresh(self) -> None:
        """Ask for the whole account now, and wait until it was reported.

        Raises:
            Failure: The exchange does not say.
        """
        self._wait(self._refresh())

    async def _refresh(self) -> None:
        await self._load()
        await self._repair()
        self._up()

    @property
    def is_quiet(self) -> bool:
        """Whether no request is on its way, and the exchange has answered."""
        return not self._busy and self._connected.is_set() and not self._down

    # --------------------------------------------------------------------------------------- the kernel asks

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; its events come later.

        Raises:
            NotSent: The exchange has no such order, or cannot be reached now and it is an entry.
        """
        arguments = self._rows.order(order, takes_stops=self.abilities.stops)
        if not order.reduce_only and not self._connected.is_set():
            raise NotSent("entries wait: the exchange cannot be reached")
        self._orders[order.venue_client_id] = order
        self._begin(self._place(order, arguments))
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel an order."""
        del reason
        self._orders.setdefault(order.venue_client_id, order)
        self._begin(self._cancel(order))
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
        """Ask to change a limit order.

        Raises:
            NotSent: The exchange cannot, or the order has no limit.
        """
        price = limit_price if limit_price is not None else order.limit_price
        if not self.abilities.amend:
            raise NotSent(f"{self._exchange.id} changes no orders: cancel it and send another")
        if trigger_price is not None or price is None:
            raise NotSent("limit orders alone are changed: cancel it and send another")
        self._begin(self._amend(order, size, price, request_id))
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Query an order; the answer comes as an event."""
        self._begin(self._query(venue_client_id))
        return []

    def set_leverage(self, symbol: str, leverage: Decimal) -> Decimal | None:
        """Set the leverage at the exchange.

        Raises:
            NotSent: It cannot.
            Failure: It does not take it.
        """
        if not self.abilities.leverage:
            raise NotSent(f"{self._exchange.id} sets no leverage")
        whole = int(leverage) if leverage == leverage.to_integral_value() else format(leverage, "f")
        self._wait(self._call(self._exchange.set_leverage, whole, symbol))
        return leverage

    # ----------------------------------------------------------------------------------- questions that wait

    def get_market_metadata(self, symbols: Iterable[str]) -> Mapping[str, Any]:
        """Return instruments' rules as `set_exchange_config` takes them.

        Raises:
            InvalidInput: One is not listed, or does not trade.
            Failure: The exchange does not say.
        """
        names = list(symbols)

        async def rules() -> dict[str, Any]:
            await self._load()
            return {name: self._rows.rules(name) for name in names}

        found: dict[str, Any] = self._wait(rules())
        return found

    def get_balances(self) -> Mapping[str, Decimal]:
        """Return the wallet's balances, without unrealised profit where the exchange tells them apart."""
        balances: dict[str, Decimal] = self._wait(self._balances())
        return balances

    def get_positions(self) -> list[dict[str, Any]]:
        """Return the positions: symbol, size (+ long, contracts), entry_price."""
        positions: list[dict[str, Any]] = self._wait(self._positions())
        return positions

    def get_open_orders(self, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Return the exchange's open orders."""

        async def open_orders() -> list[dict[str, Any]]:
            await self._load()
            found = []
            for name in [symbol] if symbol else self.symbols:
                rows = await self._call(self._exchange.fetch_open_orders, self._rows.unified(name))
                found += [self._rows.open_order(name, row) for row in rows]
            return found

        rows: list[dict[str, Any]] = self._wait(open_orders())
        return rows

    def get_fills(self, since: int) -> Sequence[VenueEvent]:
        """Return the fills of the account's instruments since a time, int nanoseconds."""

        async def fills() -> list[VenueEvent]:
            await self._load()
            found = []
            for name in self.symbols:
                found += await self._fills(name, max(0, since // _MS))
            return sorted(found, key=lambda fill: fill.timestamp_ns)

        found: list[VenueEvent] = self._wait(fills())
        return found

    def get_income(self, since: int) -> Sequence[Mapping[str, Any]]:
        """Return funding payments since a time, int nanoseconds; transfers where the exchange lists them."""
        rows: list[dict[str, Any]] = self._wait(self._income(max(0, since // _MS)))
        return rows

    def opening_state(self) -> Mapping[str, Any]:
        """Return balances, positions and open orders, as `ExecutionKernel.open_with` takes them."""
        orders = [{**row, "price": row.pop("limit_price")} for row in map(dict, self.get_open_orders())]
        held = {asset: amount for asset, amount in self.get_balances().items() if amount}
        return {"balances": held, "positions": self.get_positions(), "orders": orders}

    # --------------------------------------------------------------------------------------- requests at work

    async def _place(self, order: VenueOrder, arguments: tuple[Any, ...]) -> None:
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        try:
            await self._load()
            reply = await self._call(self._exchange.create_order, *arguments)
        except Failure as failure:
            self._refuse("ORDER_REJECT", failure, ids)
            return
        order_id = str(reply.get("id") or "")
        self._link(order_id, client_id)
        self._tell(VenueEvent(self._clock_ns(), kind="ORDER_ACK", venue_order_id=order_id, **ids))
        await self._settle(client_id)

    async def _settle(self, client_id: str) -> None:
        """Ask soon after a request what came of it; the poll asks for what is missing then."""
        order = self._orders.get(client_id)
        if order is None or order.limit_price is not None or order.trigger_price is not None:
            return
        for turn in range(_TRIES):
            try:
                if await self._follow(client_id):
                    await self._tell_balances()
                    return
            except (Failure, InvalidInput) as error:
                _LOG.warning("question about %s: %s", client_id, error)
                return
            await asyncio.sleep(_PAUSE_S * 2**turn)

    async def _cancel(self, order: VenueOrder) -> None:
        client_id = order.venue_client_id
        ids: dict[str, Any] = {"venue_client_id": client_id, "asset": order.asset}
        order_id = self._order_ids.get(client_id) or order.venue_order_id
        try:
            await self._load()
            params = self._rows.params(order, client_id="" if order_id else client_id)
            await self._patiently(
                self._exchange.cancel_order, order_id or None, self._rows.unified(order.asset), params
            )
        except Failure as failure:
            self._refuse("CANCEL_REJECT", failure, ids)
            if failure.fate in {Fate.STATE, Fate.UNKNOWN}:
                await self._query(client_id)
            return
        # The answer says that it was taken; what had filled by then the order itself says.
        await self._query(client_id)

    async def _amend(self, order: VenueOrder, size: Decimal, price: Decimal, request_id: str) -> None:
        ids: dict[str, Any] = {
            "venue_client_id": order.venue_client_id, "asset": order.asset, "request_id": request_id,
        }  # fmt: skip
        try:
            await self._load()
            await self._patiently(
                self._exchange.edit_order, self._order_ids.get(order.venue_client_id) or order.venue_order_id,
                self._rows.unified(order.asset), "limit", str(order.order_side).lower(),
                format(size, "f"), format(price, "f"),
            )  # fmt: skip
        except Failure as failure:
            self._refuse("AMEND_REJECT", failure, ids)
            if failure.fate in {Fate.STATE, Fate.UNKNOWN}:
                await self._query(order.venue_client_id)
            return
        _, row = await self._order_row(order.venue_client_id)
        reported = None if row is None else self._rows.status(order.asset, order.venue_client_id, row)
        left = None if reported is None else reported.remaining_size
        filled = None if reported is None else reported.filled_size
        self._tell(
            VenueEvent(
                self._clock_ns(), kind="AMEND_ACK", order_size=size, order_price=price, filled_size=filled,
                remaining_size=left, **ids,
            )
        )  # fmt: skip

    async def _patiently(self, call: Any, *arguments: Any) -> Any:  # noqa: ANN401 - ccxt's
        """Send a cancel or an amend; where the exchange refused it for now, again."""
        for _ in range(_RETRIES):
            try:
                return await self._call(call, *arguments)
            except Failure as failure:
                if failure.fate is not Fate.LATER:
                    raise
                await asyncio.sleep((failure.retry_after_ms or 200) / 1000)
        return await self._call(call, *arguments)

    async def _query(self, client_id: str) -> None:
        try:
            await self._load()
            await self._follow(client_id, is_asked=True)
            await self._tell_balances()
        except (Failure, InvalidInput) as error:
            _LOG.warning("question about %s: %s", client_id, error)

    async def _follow(self, client_id: str, *, is_asked: bool = False) -> bool:
        """Tell an order's fills, and then how it stands; return whether it has ended."""
        name, row = await self._order_row(client_id)
        if row is None:
            for one in [name] if name else self.symbols:
                await self._tell_fills(one)
            if is_asked:
                self._tell(VenueEvent(self._clock_ns(), kind="ORDER_NOT_FOUND", venue_client_id=client_id))
            return False
        self._link(str(row.get("id") or ""), client_id)
        for other_id in self._rows.other_ids(row):
            self._link_trigger(name, client_id, str(row["id"]), other_id)
        # Its status first would let the kernel guess at fills that are reported next.
        await self._tell_fills(name)
        status = self._rows.status(name, client_id, row)
        if not await self._has_fills(name, client_id, status):
            return False
        self._tell(status)
        if str(status.status) in {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}:
            self._orders.pop(client_id, None)
            return True
        return False

    async def _has_fills(self, name: str, client_id: str, status: VenueEvent) -> bool:
        """Whether the fills that an order's status counts were reported; asked for a few times: lists lag."""
        for turn in range(4):
            reported = self._rows.reported.get(client_id, Decimal(0))
            if status.filled_size is None or reported >= status.filled_size:
                return True
            await asyncio.sleep(_PAUSE_S * 2**turn)
            await self._tell_fills(name)
        # What no list tells by now the kernel takes from the status, and marks as inferred.
        return str(status.status) != "PARTIALLY_FILLED"

    async def _order_row(self, client_id: str) -> tuple[str, dict[str, Any] | None]:
        """Return an order's instrument, and the order as the exchange has it; None where it does not."""
        order, order_id = self._orders.get(client_id), self._order_ids.get(client_id, "")
        # After a restart nobody says of which instrument it is.
        names = [order.asset] if order is not None else self.symbols
        for name in names:
            row = await self._rows.find(self._call, name, client_id, order_id, order)
            if row is not None:
                return name, row
        return (names[0] if len(names) == 1 else ""), None

    # ----------------------------------------------------------------------------------------------- polling

    async def _run(self) -> None:
        repaired = float("-inf")
        while not self._closing.is_set():
            try:
                await self._load()
                now = time.monotonic()
                if now - repaired > self._repair_s or self._down:
                    await self._repair()
                    repaired = now
                    self.repairs += 1
                else:
                    await self._poll()
                self._up()
            except (Failure, InvalidInput) as error:
                _LOG.warning("poll of %s: %s", self._exchange.id, error)
                self._say_down()
            self.polls += 1
            await asyncio.sleep(self._poll_s)

    async def _poll(self) -> None:
        """Ask about orders that work."""
        before = sum(self._rows.reported.values())
        for client_id in list(self._orders):
            if client_id in self._order_ids:
                await self._follow(client_id)
        if sum(self._rows.reported.values()) != before:
            await self._tell_balances()

    async def _repair(self) -> None:
        """Ask for the whole account: fills of all instruments, funding, balances, orders."""
        for name in self.symbols:
            await self._tell_fills(name)
        if self.abilities.funding and self._rows.has_funding(self.symbols):
            oldest = min(self._since_ms.values(), default=0) - _LONG_AGO_MS
            for entry in await self._income(max(0, oldest)):
                self._tell_entry(entry)
        await self._poll()
        await self._tell_balances()

    def _tell_entry(self, entry: dict[str, Any]) -> None:
        name = str(entry["venue_txn_id"])
        if name in self._entries:
            return
        self._entries[name] = None
        if len(self._entries) > _BOOKED_MAX:
            self._entries.popitem(last=False)
        self._tell_account(entry)

    async def _tell_fills(self, name: str) -> None:
        if self._asking is None:
            self._asking = asyncio.Lock()
        async with self._asking:
            began_ms = self._clock_ns() // _MS
            for fill in await self._fills(name, self._since_ms.get(name, began_ms) - _OVERLAP_MS):
                if (name, fill.venue_trade_id) in self._booked:
                    continue
                if self._tell(fill) is not None:
                    self._booked[name, fill.venue_trade_id] = None
                    self._rows.count(fill)
                    if len(self._booked) > _BOOKED_MAX:
                        self._booked.popitem(last=False)
            self._since_ms[name] = began_ms

    async def _fills(self, name: str, since_ms: int) -> list[VenueEvent]:
        found = []
        for trade in await self._rows.trades(self._call, name, since_ms):
            order_id = str(trade.get("order") or "")
            forced = await self._learn(name, order_id)
            found.append(self._rows.fill(name, trade, self._ids.get(order_id, ""), forced))
        return found

    async def _learn(self, name: str, order_id: str) -> str:
        """Ask once whose an order is that this process did not send; return whether it was forced."""
        if not order_id or order_id in self._ids:
            return ""
        if order_id not in self._external_orders and self.abilities.query:
            row = await self._rows.find(self._call, name, "", order_id, None)
            client_id = str((row or {}).get("clientOrderId") or "")
            self._external_orders[order_id] = self._rows.forced(row) if row is not None else ""
            if row is not None and not self._external_orders[order_id] and 0 < len(client_id) <= _ID_MAX:
                self._link(order_id, client_id)
            if len(self._external_orders) > _BOOKED_MAX:
                self._external_orders.popitem(last=False)
        return self._external_orders.get(order_id, "")

    async def _balances(self) -> dict[str, Decimal]:
        await self._load()
        return await self._rows.wallets(self._call)

    async def _tell_balances(self) -> None:
        for asset, amount in (await self._balances()).items():
            if amount:
                self._tell_account(
                    {
                        "kind": "ACCOUNT_UPDATE", "timestamp": self._clock_ns(), "asset": asset,
                        "wallet_balance": amount,
                    }
                )  # fmt: skip

    async def _positions(self) -> list[dict[str, Any]]:
        await self._load()
        return await self._rows.positions(self._call, self.symbols)

    async def _income(self, since_ms: int) -> list[dict[str, Any]]:
        await self._load()
        return await self._rows.income(self._call, self.symbols, since_ms)

    # ---------------------------------------------------------------------------------------------- inside

    async def _load(self) -> None:
        if not self._exchange.markets:
            await self._call(self._exchange.load_markets)
        if not self._is_loaded:
            self._rows.learn(self.symbols)
            self._rows.settle_market(self.symbols)
            self._is_loaded = True
            self._connected.set()

    async def _call(self, call: Any, *arguments: Any) -> Any:  # noqa: ANN401 - ccxt's
        try:
            return await ask(call, *arguments)
        except Failure as failure:
            if failure.fate is not Fate.CLOCK:
                raise
        # It was refused for this machine's clock alone: it may be sent again.
        await ask(self._exchange.load_time_difference)
        return await ask(call, *arguments)

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        self._busy += 1
        self._loop.spawn(self._done(work))

    async def _done(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        try:
            await work
        except (Failure, InvalidInput) as error:
            _LOG.warning("%s: %s", self._exchange.id, error)
        finally:
            self._busy -= 1

    def _wait(self, work: Any) -> Any:  # noqa: ANN401 - what the coroutine returns
        if self._loop.is_own_thread():
            work.close()
            raise NotSent("this is the adapter's own thread: it cannot wait for itself")
        return self._loop.wait_for(work, _WAIT_S)

    def _link(self, order_id: str, client_id: str) -> None:
        if order_id and client_id:
            self._ids[order_id] = client_id
            self._order_ids.setdefault(client_id, order_id)
            if len(self._ids) > _BOOKED_MAX:
                self._order_ids.pop(self._ids.popitem(last=False)[1], None)

    def _link_trigger(self, name: str, client_id: str, order_id: str, other_id: str) -> None:
        """A stop that was triggered trades under another id."""
        if other_id in self._ids:
            return
        self._ids[other_id] = client_id
        self._tell(
            VenueEvent(
                self._clock_ns(), kind="TRIGGERED", parent_order_id=order_id, venue_order_id=other_id,
                venue_client_id=client_id, asset=name,
            )
        )  # fmt: skip

    def _refuse(self, kind: str, failure: Failure, ids: dict[str, Any]) -> None:
        now_ns = self._clock_ns()
        if failure.fate is Fate.UNKNOWN:
            self._tell(VenueEvent(now_ns, kind="SEND_TIMEOUT", reason=str(failure)[:200], **ids))
            return
        if failure.fate in {Fate.LATER, Fate.CLOCK} and kind == "ORDER_REJECT":
            wait_ms = failure.retry_after_ms or 1_000
            self._tell(
                VenueEvent(now_ns, kind="RATE_LIMITED", retry_after_ms=wait_ms, reason=failure.words, **ids)
            )
            return
        code = str(failure.code) if failure.code else "NOT_SENT" if not failure.status else "REFUSED"
        if code in DUPLICATES.get(self._family, frozenset()):
            code = "DUPLICATE_CLIENT_ID"
        if kind == "ORDER_REJECT" and code != "DUPLICATE_CLIENT_ID":
            self._orders.pop(ids["venue_client_id"], None)
        self._tell(VenueEvent(now_ns, kind=kind, reason=failure.words[:200], reason_code=code, **ids))

    def _say_down(self) -> None:
        if not self._down:
            self._down = True
            self._connected.clear()
            self._tell(VenueEvent(self._clock_ns(), kind="DISCONNECTED"))

    def _up(self) -> None:
        self._connected.set()
        if self._down:
            self._down = False
            self._tell(VenueEvent(self._clock_ns(), kind="RESYNCED"))

    def _tell(self, event: VenueEvent) -> KernelOutcome | None:
        try:
            return self.emit(event)
        except KernelClosed:
            return None
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)
            return None

    def _tell_account(self, event: dict[str, Any]) -> None:
        try:
            self.emit_account(event)
        except KernelClosed:
            return
        except KernelError as error:
            _LOG.error("the kernel does not take %s: %s", event, error)
