"""Interactive Brokers: against a fake built of ib_async's own classes. No gateway was here."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, IBKRAdapter, InvalidInput, KernelIntent, OrderRequest, PolledAdapter

ib_async = pytest.importorskip("ib_async", reason="ib_async is not installed")


NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Gateway:
    """Stands for `ib_async.IB`: its classes, its method names, and a price."""

    def __init__(self) -> None:
        self.price, self.cash, self.held = 190.25, 100_000.0, 0.0
        self.orders: list[Any] = []
        self.rests = False
        self.silent = False
        self.threads: set[str] = set()

    def isConnected(self) -> bool:  # noqa: N802 - theirs
        return True

    def disconnect(self) -> None:
        self.threads.add(threading.current_thread().name)

    async def reqContractDetailsAsync(self, contract: Any) -> list[Any]:  # noqa: N802 - theirs
        self.threads.add(threading.current_thread().name)
        found = {"AAPL": [265598], "DUAL": [1, 2]}.get(contract.symbol, [])
        return [
            ib_async.ContractDetails(
                contract=ib_async.Stock(contract.symbol, contract.exchange, contract.currency, conId=number),
                minTick=0.01, minSize=1.0, sizeIncrement=1.0,
            )
            for number in found
        ]  # fmt: skip

    def placeOrder(self, contract: Any, order: Any) -> Any:  # noqa: N802 - theirs
        order.orderId = len(self.orders) + 1
        status = ib_async.OrderStatus(orderId=order.orderId, permId=900 + order.orderId, status="Submitted")
        trade = ib_async.Trade(contract, order, status, [], [])
        self.orders.append(trade)
        if not self.rests and order.orderType == "MKT":
            self.execute(trade, order.totalQuantity)
        if self.silent:
            raise ConnectionError("the socket is gone")
        return trade

    def execute(self, trade: Any, shares: float, *, reported: bool = True) -> None:
        number = len(trade.fills) + 1
        execution = ib_async.Execution(
            execId=f"{trade.order.orderId}.{number}", shares=shares, price=self.price, time=NOW,
            orderRef=trade.order.orderRef,
        )  # fmt: skip
        report = ib_async.CommissionReport()
        if reported:
            report = ib_async.CommissionReport(execId=execution.execId, commission=1.0, currency="USD")
        trade.fills.append(ib_async.Fill(trade.contract, execution, report, NOW))
        way = 1 if trade.order.action == "BUY" else -1
        self.held += way * shares
        self.cash -= way * shares * self.price + 1.0
        if sum(fill.execution.shares for fill in trade.fills) == trade.order.totalQuantity:
            trade.orderStatus.status = "Filled"

    def cancelOrder(self, order: Any) -> None:  # noqa: N802 - theirs
        next(one for one in self.orders if one.order is order).orderStatus.status = "Cancelled"

    def trades(self) -> list[Any]:
        return list(self.orders)

    def positions(self, account: str = "") -> list[Any]:
        return [ib_async.Position(account, ib_async.Stock("AAPL", "SMART", "USD"), self.held, self.price)]

    def accountValues(self, account: str = "") -> list[Any]:  # noqa: N802 - theirs
        rows = (
            ("CashBalance", str(self.cash), "USD"),
            ("CashBalance", "1", "BASE"),
            ("NetLiquidation", "2", "USD"),
        )
        return [ib_async.AccountValue(account, *row, "") for row in rows]


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def adapter(gateway: Gateway) -> Iterator[IBKRAdapter]:
    made = IBKRAdapter(ib=gateway)
    made.poll_s = 0
    yield made
    if not made._loop._loop.is_closed():
        made.close()


def test_contract_details_are_those_of_the_venue(adapter: IBKRAdapter) -> None:
    assert adapter.contract_details("AAPL") == {
        "conId": 265598, "secType": "STK", "exchange": "SMART", "currency": "USD", "minTick": Decimal("0.01"),
        "multiplier": Decimal(1),
    }  # fmt: skip


@pytest.mark.parametrize(("symbol", "why"), [("NONE", "is no stock"), ("DUAL", "means 2 contracts")])
def test_a_symbol_that_is_none_or_several_is_refused(adapter: IBKRAdapter, symbol: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        adapter.get_market_metadata([symbol])


def test_a_kernel_trades_a_stock_and_its_cash_is_the_venues(gateway: Gateway, adapter: IBKRAdapter) -> None:
    with ExecutionKernel(venue=adapter) as kernel:
        assert isinstance(kernel.venue, PolledAdapter)
        assert kernel.venue.unproven
        kernel.set_exchange_config(
            {"instruments": kernel.venue.get_market_metadata(["AAPL"]), "taker_rate": "0"}
        )
        kernel.open_with({"balances": adapter.get_balances()})
        kernel.mark_price("AAPL", "190.25")

        def act(number: int, action: str, **fields: Any) -> Any:
            return kernel.process_intent(
                KernelIntent(
                    timestamp=0,
                    intent_id=f"i{number}",
                    trade_id="t",
                    slot_id=0,
                    asset="AAPL",
                    side="LONG",
                    action=action,
                    reference_price="190.25",
                    **fields,
                )
            )

        assert act(1, "ENTER", target_size=10).state == "POSITION_OPEN"
        slot = kernel.slot(0)
        assert (slot.size, slot.entry_price, slot.fees_paid) == (10, Decimal("190.25"), 1)
        gateway.price = 195.0
        act(2, "EXIT")
        assert kernel.slot(0).fsm_state == "CLOSED"
        kernel.venue.poll()
        dollars = kernel.snapshot()["account"]["assets"]["USD"]
        assert dollars["k_capital"] == dollars["e_wallet_balance"] == Decimal("100045.5")
        kernel.check_invariants()
    # Everything of ib_async's ran on one thread: its objects belong to one event loop.
    assert gateway.threads == {"dita-ibkr"}


def test_a_fill_whose_commission_comes_later_has_no_fee_until_then(
    gateway: Gateway, adapter: IBKRAdapter
) -> None:
    gateway.rests = True
    adapter.submit_order(OrderRequest("AAPL", "BUY", 4, "LIMIT", "190", client_id="D1"))
    gateway.execute(gateway.orders[0], 3.0, reported=False)
    part = adapter.query_order("D1")
    assert part is not None
    assert (part.status, part.filled_quantity, part.fee) == ("PARTIALLY_FILLED", 3, None)
    gateway.orders[0].fills[0] = (
        gateway.orders[0]
        .fills[0]
        ._replace(commissionReport=ib_async.CommissionReport(execId="1.1", commission=0.35, currency="USD"))
    )
    gateway.execute(gateway.orders[0], 1.0)
    whole = adapter.query_order("D1")
    assert whole is not None
    assert (whole.status, whole.fee, whole.fee_asset) == ("FILLED", Decimal("1.35"), "USD")


def test_a_resting_order_is_cancelled_by_its_reference(gateway: Gateway, adapter: IBKRAdapter) -> None:
    sent = adapter.submit_order(OrderRequest("AAPL", "BUY", 4, "LIMIT", "190", client_id="D1"))
    assert (sent.status, sent.order_id, gateway.orders[0].order.orderRef) == ("ACKED", "901", "D1")
    ended = adapter.cancel_order("D1")
    assert ended is not None
    assert ended.status == "CANCELED"


def test_a_stop_is_sent_with_its_trigger(gateway: Gateway, adapter: IBKRAdapter) -> None:
    adapter.submit_order(
        OrderRequest("AAPL", "SELL", 4, "STOP_MARKET", trigger_price="180.5", client_id="D2")
    )
    order = gateway.orders[0].order
    assert (order.orderType, order.auxPrice, order.totalQuantity) == ("STP", 180.5, 4.0)


def test_a_send_that_breaks_leaves_the_order_in_doubt_and_the_query_finds_it(
    gateway: Gateway, adapter: IBKRAdapter
) -> None:
    gateway.silent = True
    with pytest.raises(ConnectionError):
        adapter.submit_order(OrderRequest("AAPL", "BUY", 4, client_id="D1"))
    found = adapter.query_order("D1")
    assert found is not None
    assert (found.status, found.filled_quantity) == ("FILLED", 4)


@pytest.mark.parametrize("port", [7496, 4001, 1234])
def test_a_port_that_is_no_paper_accounts_is_refused_until_it_is_said_that_it_is_unproven(
    gateway: Gateway, port: int
) -> None:
    with pytest.raises(InvalidInput, match=r"unproven.*--unproven"):
        IBKRAdapter(ib=gateway, port=port)
    adapter = IBKRAdapter(ib=gateway, port=port, unproven=True)
    assert adapter.real_money
    adapter.close()
