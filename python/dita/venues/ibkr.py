"""Interactive Brokers, through `ib_async`, in the smallest form of an adapter. Needs the extra `ibkr`.

**Unproven**: it was held against a fake built of ib_async's own classes, with stocks, and against no gateway.
"""

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal
from typing import Any, ClassVar, Final, TypeVar

from dita.errors import InvalidInput, NotSent, refuse
from dita.extras import is_there, missing
from dita.venues.base import BaseExecutionAdapter, Revisions
from dita.venues.orders import OrderRequest, OrderResponse, exactly
from dita.venues.wire.thread import LoopThread

#: The ports of paper accounts: of TWS, and of IB Gateway.
PAPER_PORTS: Final = frozenset({7497, 4002})
_WAIT_S: Final = 30.0
_SOON_S: Final = 2.0
_LOOK_S: Final = 0.02
_KINDS: Final = {"MARKET": "MKT", "LIMIT": "LMT", "STOP_MARKET": "STP", "STOP_LIMIT": "STP LMT"}
_STATUSES: Final = {
    "PendingSubmit": "ACKED", "ApiPending": "ACKED", "PreSubmitted": "ACKED", "Submitted": "ACKED",
    "ApiUpdate": "ACKED", "PendingCancel": "ACKED", "Filled": "FILLED", "Cancelled": "CANCELED",
    "ApiCancelled": "CANCELED", "Inactive": "REJECTED", "ValidationError": "REJECTED",
}  # fmt: skip
#: The venue's own figure for "none".
_UNSET: Final = Decimal(2) ** 1000
_Result = TypeVar("_Result")


class IBKRAdapter(BaseExecutionAdapter):
    """Stocks at Interactive Brokers: three methods, and what makes polling exact.

    Attributes:
        live: It runs on real time.
        unproven: Nobody has run it against a gateway.
        order_types: What it takes.
        poll_s: Seconds between two looks.
        submit: None: the kernel polls this adapter, and sends by `submit_order`.
        cancel: None: it cancels by `cancel_order`.
    """

    live: ClassVar[bool] = True
    revisions: ClassVar[Revisions] = "NONE"
    unproven: Final = True
    order_types: Final = ("MARKET", "LIMIT", "STOP_MARKET", "STOP_LIMIT")
    poll_s: float = 1.0

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 7497,
        client_id: int = 1,
        account: str = "",
        exchange: str = "SMART",
        currency: str = "USD",
        unproven: bool = False,
        ib: Any = None,  # noqa: ANN401 - ib_async.IB
    ) -> None:
        """Connect to TWS or IB Gateway.

        Args:
            host: Where it runs.
            port: 7497 and 4002 are paper accounts; every other one counts as real money.
            client_id: Marks this program's orders there.
            account: Which account; empty means the only one.
            exchange: Where orders are routed.
            currency: What stocks are quoted in.
            unproven: Says that it is known that this adapter is unproven.
            ib: A connected `ib_async.IB`, or what stands for one.

        Raises:
            InvalidInput: Real money is at stake and `unproven` is not said, or the extra `ibkr` is missing.
            ConnectionError: Nothing answers there.
        """
        if not is_there("ib_async"):
            raise InvalidInput(missing("IBKRAdapter", "ibkr"))
        self.real_money = port not in PAPER_PORTS  # type: ignore[misc]
        if self.real_money and not unproven:
            raise InvalidInput(
                f"port: {port} is no paper account's, and IBKRAdapter is unproven: it was held against a "
                "fake alone; real money is refused without --unproven (unproven=True in a program)"
            )
        self._lib = importlib.import_module("ib_async")
        self._account, self._exchange, self._currency = account, exchange, currency
        self._contracts: dict[str, Any] = {}
        self._details: dict[str, Any] = {}
        self._loop = LoopThread("dita-ibkr")
        try:
            self._ib = self._wait(self._connect(ib, host, port, client_id))
        except BaseException:
            self._loop.close()
            raise

    def __repr__(self) -> str:
        """Which account."""
        return f"IBKRAdapter(account={self._account!r}, real_money={self.real_money})"

    async def _connect(self, ib: Any, host: str, port: int, client_id: int) -> Any:  # noqa: ANN401 - as above
        if ib is not None:
            return ib
        made = self._lib.IB()
        await made.connectAsync(host, port, clientId=client_id, timeout=_WAIT_S / 2, account=self._account)
        return made

    def close(self) -> None:
        """Disconnect."""

        async def end() -> None:
            self._ib.disconnect()

        if not self._loop.is_own_thread():
            self._wait(end())
        self._loop.close()

    # ------------------------------------------------------------------------------------- the three methods

    def get_positions(self) -> list[dict[str, Any]]:
        """Return the positions: `asset`, `quantity` (+ long), `notional` at cost, `entry_price`."""

        async def positions() -> list[dict[str, Any]]:
            return [self._position(row) for row in self._ib.positions(self._account)]

        return self._wait(positions())

    def submit_order(self, order: OrderRequest, /) -> OrderResponse:
        """Send an order, once.

        Raises:
            NotSent: The order is none that is taken, or nothing is connected.
        """
        return self._wait(self._submit(order))

    def get_market_metadata(self, symbols: Iterable[str], /) -> dict[str, dict[str, Any]]:
        """Return the rules of stocks as `set_exchange_config` takes them.

        Raises:
            InvalidInput: One is not known, or means several contracts.
        """
        names = list(symbols)

        async def rules() -> dict[str, dict[str, Any]]:
            return {name: self._rules(await self._detail(name)) for name in names}

        return self._wait(rules())

    # ------------------------------------------------------------------------------------------- and the rest

    def contract_details(self, symbol: str) -> dict[str, Any]:
        """Return a contract's `conId secType exchange currency minTick multiplier`.

        Args:
            symbol: The stock.

        Raises:
            InvalidInput: It is not known, or means several contracts.
        """

        async def details() -> dict[str, Any]:
            found = await self._detail(symbol)
            contract = found.contract
            return {
                "conId": contract.conId, "secType": contract.secType, "exchange": contract.exchange,
                "currency": contract.currency, "minTick": exactly("minTick", found.minTick),
                "multiplier": exactly("multiplier", contract.multiplier or 1),
            }  # fmt: skip

        return self._wait(details())

    def query_order(  # type: ignore[override]
        self, client_id: str
    ) -> OrderResponse | None:
        """Return how an order stands; None where this session does not know it."""

        async def found() -> OrderResponse | None:
            trade = self._trade(client_id)
            return None if trade is None else self._response(trade)

        return self._wait(found())

    def cancel_order(self, client_id: str) -> OrderResponse | None:
        """Ask to cancel an order, and return how it stands soon after.

        Raises:
            NotSent: It is not known.
        """

        async def cancel() -> OrderResponse:
            trade = self._trade(client_id)
            if trade is None:
                raise NotSent(f"{client_id}: this session does not know the order")
            self._ib.cancelOrder(trade.order)
            await self._until(trade.isDone)
            return self._response(trade)

        return self._wait(cancel())

    def get_balances(self) -> dict[str, Decimal]:
        """Return the cash by currency."""

        async def cash() -> dict[str, Decimal]:
            rows = self._ib.accountValues(self._account)
            return {
                row.currency: exactly("CashBalance", row.value)
                for row in rows
                if row.tag == "CashBalance" and row.currency != "BASE"
            }

        return self._wait(cash())

    # ---------------------------------------------------------------------------------------- on the thread

    async def _submit(self, request: OrderRequest) -> OrderResponse:
        kind = _KINDS.get(request.order_type)
        if kind is None:
            raise NotSent(f"order_type: {request.order_type} is not taken")
        if not self._ib.isConnected():
            raise NotSent("the gateway is not connected")
        contract = (await self._detail(request.symbol)).contract
        order = self._lib.Order(
            action=request.side, totalQuantity=float(request.quantity), orderType=kind,
            tif=request.time_in_force,
            # Our id: it comes back with every status and execution.
            orderRef=request.client_id, account=self._account,
        )  # fmt: skip
        if request.limit_price is not None:
            order.lmtPrice = float(request.limit_price)
        if request.trigger_price is not None:
            order.auxPrice = float(request.trigger_price)
        trade = self._ib.placeOrder(contract, order)
        await self._until(lambda: trade.orderStatus.status not in {"PendingSubmit", "ApiPending"})
        return self._response(trade)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait a little for the venue; what it has not said by then the next poll asks."""
        for _ in range(int(_SOON_S / _LOOK_S)):
            if is_so():
                return
            await asyncio.sleep(_LOOK_S)

    def _trade(self, client_id: str) -> Any:  # noqa: ANN401 - ib_async.Trade
        return next((one for one in self._ib.trades() if one.order.orderRef == client_id), None)

    def _response(self, trade: Any) -> OrderResponse:  # noqa: ANN401 - ib_async.Trade
        word = str(trade.orderStatus.status)
        status = _STATUSES.get(word)
        if status is None:
            raise InvalidInput(f"status: {word!r} is no order status that is known")
        filled, cost, fee, asset = Decimal(0), Decimal(0), Decimal(0), ""
        has_ids = True
        for fill in trade.fills:
            shares = exactly("shares", fill.execution.shares)
            filled += shares
            cost += shares * exactly("price", fill.execution.price)
            report = fill.commissionReport
            # A commission comes a moment after its execution; until then the fee is unknown.
            has_ids = has_ids and bool(report.execId)
            fee += exactly("commission", report.commission)
            asset = report.currency or asset
        if status == "FILLED" and filled < exactly("totalQuantity", trade.order.totalQuantity):
            # Its executions are on their way: the next poll has them.
            status = "PARTIALLY_FILLED" if filled else "ACKED"
        elif status == "ACKED" and filled:
            status = "PARTIALLY_FILLED"
        return OrderResponse(
            status, order_id=str(trade.orderStatus.permId or trade.order.orderId),
            client_id=trade.order.orderRef, filled_quantity=filled,
            average_price=cost / filled if filled else None, fee=fee if filled and has_ids else None,
            fee_asset=asset if filled and has_ids else "", reason=trade.log[-1].message if trade.log else "",
        )  # fmt: skip

    async def _detail(self, symbol: str) -> Any:  # noqa: ANN401 - ib_async.ContractDetails
        if symbol not in self._details:
            asked = self._lib.Stock(symbol, self._exchange, self._currency)
            found = await self._ib.reqContractDetailsAsync(asked)
            if len(found) != 1:
                what = "is no stock that is known" if not found else f"means {len(found)} contracts"
                raise refuse("symbol", symbol, f"{what} at {self._exchange} in {self._currency}")
            self._details[symbol] = found[0]
        return self._details[symbol]

    def _rules(self, details: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        contract = details.contract
        step = exactly("sizeIncrement", getattr(details, "sizeIncrement", 1) or 1)
        least = exactly("minSize", getattr(details, "minSize", 1) or 1)
        rules: dict[str, Any] = {
            "base": contract.symbol, "quote": contract.currency, "settle": contract.currency,
            # A stock is paid for in full: its price leaves the cash, as on a spot market.
            "product": "SPOT", "tick_size": format(exactly("minTick", details.minTick), "f"),
        }  # fmt: skip
        for name, value in (("lot_step", step), ("min_qty", least)):
            rules[name] = format(value if 0 < value < _UNSET else Decimal(1), "f")
        return rules

    def _position(self, row: Any) -> dict[str, Any]:  # noqa: ANN401 - ib_async.Position
        contract = row.contract
        multiplier = exactly("multiplier", contract.multiplier or 1)
        size, cost = exactly("position", row.position), exactly("avgCost", row.avgCost)
        return {
            "asset": contract.symbol, "quantity": size, "notional": size * cost,
            "entry_price": cost / multiplier if size else None,
        }  # fmt: skip

    def _wait(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._loop.wait_for(work, _WAIT_S)
