"""The smallest form of an adapter: three methods are enough, and what it cannot do is refused by name."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from dita import (
    BaseExecutionAdapter,
    BinanceAdapter,
    CCXTAdapter,
    ControlUpdate,
    ExecutionKernel,
    IBKRAdapter,
    InvalidInput,
    KernelIntent,
    MarketLimits,
    MockVenueAdapter,
    NotSent,
    NotYetSupported,
    OrderRequest,
    OrderResponse,
    PolledAdapter,
)
from dita.host import open_router
from kernels import ack, fill


class Three:
    """Three methods, and nothing else."""

    poll_s = 0

    def __init__(self) -> None:
        self.held: dict[str, Decimal] = {}
        self.orders: list[OrderRequest] = []

    def get_positions(self) -> list[dict[str, Any]]:
        return [{"asset": name, "quantity": size, "notional": size * 100} for name, size in self.held.items()]

    def submit_order(self, order: OrderRequest) -> OrderResponse:
        self.orders.append(order)
        if order.order_type == "LIMIT":
            return OrderResponse("ACCEPTED", order_id=f"V{len(self.orders)}", client_id=order.client_id)
        self.trade(order, order.quantity)
        return OrderResponse(
            "FILLED", order_id=f"V{len(self.orders)}", filled_quantity=order.quantity, average_price="100",
            fee="0.05", fee_asset="USDT",
        )  # fmt: skip

    def get_market_metadata(self, symbols: Iterable[str]) -> dict[str, MarketLimits]:
        return {symbol: MarketLimits(symbol, tick_size="0.1", lot_size="0.001") for symbol in symbols}

    def trade(self, order: OrderRequest, size: Decimal) -> None:
        way = 1 if order.side == "BUY" else -1
        self.held[order.symbol] = self.held.get(order.symbol, Decimal(0)) + way * size


class More(Three):
    """With what makes polling exact."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, OrderResponse] = {}

    def submit_order(self, order: OrderRequest) -> OrderResponse:
        response = super().submit_order(order)
        self.states[order.client_id] = response
        return response

    def query_order(self, client_id: str) -> OrderResponse | None:
        return self.states.get(client_id)

    def cancel_order(self, client_id: str) -> OrderResponse:
        self.states[client_id] = OrderResponse(
            "CANCELED",
            filled_quantity=self.states[client_id].filled_quantity,
            average_price=self.states[client_id].average_price,
        )
        return self.states[client_id]

    def get_balances(self) -> dict[str, str]:
        return {"USDT": "9999.5"}


def opened(venue: Any) -> ExecutionKernel:
    kernel = ExecutionKernel(venue=venue)
    adapter = kernel.venue
    assert isinstance(adapter, PolledAdapter)
    kernel.set_exchange_config({"instruments": adapter.get_market_metadata(["BTCUSDT"])})
    kernel.set_seed_capital(10_000)
    kernel.mark_price("BTCUSDT", 100)
    return kernel


def act(kernel: ExecutionKernel, number: int, action: str, **fields: Any) -> Any:
    given: dict[str, Any] = {"asset": "BTCUSDT", "side": "LONG", "reference_price": 100, "target_size": "1"}
    return kernel.process_intent(
        KernelIntent(
            timestamp=0, intent_id=f"i{number}", trade_id="t", slot_id=0, action=action, **{**given, **fields}
        )
    )


def test_a_class_with_three_methods_trades_and_the_books_have_its_fill_and_fee() -> None:
    with opened(Three()) as kernel:
        assert act(kernel, 1, "ENTER").state == "POSITION_OPEN"
        slot = kernel.slot(0)
        assert (slot.size, slot.entry_price, slot.fees_paid) == (1, 100, Decimal("0.05"))
        assert act(kernel, 2, "EXIT").state == "CLOSED"
        kernel.check_invariants()


def test_a_resting_orders_fill_is_read_from_the_position() -> None:
    venue = Three()
    with opened(venue) as kernel:
        act(kernel, 1, "ENTER", order_type="LIMIT", limit_price="99.5")
        assert kernel.slot(0).fsm_state == "ENTRY_WORKING"
        kernel.venue.poll()
        assert kernel.slot(0).size == 0
        venue.trade(venue.orders[0], Decimal("0.4"))
        kernel.venue.poll()
        assert kernel.slot(0).size == Decimal("0.4")
        venue.trade(venue.orders[0], Decimal("0.6"))
        kernel.venue.poll()
        assert (kernel.slot(0).size, kernel.slot(0).entry_price) == (1, Decimal("99.5"))
        assert not kernel.orders(live_only=True)
        kernel.check_invariants()


def test_a_position_that_no_order_of_ours_explains_is_reported_and_fills_nothing() -> None:
    venue = Three()
    venue.held["BTCUSDT"] = Decimal(5)
    with opened(venue) as kernel:
        act(kernel, 1, "ENTER", order_type="LIMIT", limit_price="99.5")
        kernel.venue.poll()
        assert kernel.slot(0).size == 0
        venue.held["BTCUSDT"] = Decimal(7)
        kernel.venue.poll()
        assert kernel.slot(0).size == 0
        reported = next(row for row in kernel.positions() if row["symbol"] == "BTCUSDT")
        assert 7 in reported.values()


def test_what_it_cannot_do_is_refused_by_name() -> None:
    with opened(Three()) as kernel:
        act(kernel, 1, "ENTER", order_type="LIMIT", limit_price="99.5")
        refused = act(kernel, 2, "CANCEL")
        assert "Three has no cancel_order" in str(refused.details)
        assert kernel.slot(0).fsm_state == "ENTRY_WORKING"
        assert kernel.venue.capabilities() == {"get_positions", "get_market_metadata"}
        with pytest.raises(NotYetSupported, match="get_balances"):
            kernel.venue.get_balances()


def test_an_order_type_it_does_not_name_is_never_sent() -> None:
    venue = Three()
    with opened(venue) as kernel:
        act(kernel, 1, "ENTER")
        outcome = act(kernel, 2, "EXIT", order_type="STOP_MARKET", trigger_price="90")
        assert len(venue.orders) == 1
        assert "takes no STOP_MARKET" in str(outcome.details)


def test_with_query_cancel_and_balances_polling_is_exact() -> None:
    venue = More()
    with opened(venue) as kernel:
        act(kernel, 1, "ENTER", order_type="LIMIT", limit_price="99.5")
        client_id = venue.orders[0].client_id
        for filled, average in (("0.4", "99.5"), ("0.6", "99.4")):
            venue.states[client_id] = OrderResponse(
                "PARTIALLY_FILLED", filled_quantity=filled, average_price=average, fee="0.01",
                fee_asset="USDT",
            )  # fmt: skip
            kernel.venue.poll()
        slot = kernel.slot(0)
        assert (slot.size, slot.entry_price * slot.size) == (Decimal("0.6"), Decimal("59.64"))
        assert slot.fees_paid == Decimal("0.01")
        assert act(kernel, 2, "CANCEL").accepted
        assert kernel.slot(0).fsm_state == "POSITION_OPEN"
        assert kernel.snapshot()["account"]["assets"]["USDT"]["e_wallet_balance"] == Decimal("9999.5")
        kernel.check_invariants()


def test_an_exception_leaves_the_order_in_doubt_until_the_query_finds_it() -> None:
    class Lost(More):
        def submit_order(self, order: OrderRequest) -> OrderResponse:
            super().submit_order(order)
            raise TimeoutError

    with opened(Lost()) as kernel:
        act(kernel, 1, "ENTER")
        kernel.venue.poll()
        assert kernel.slot(0).fsm_state == "POSITION_OPEN"
        assert len(kernel.venue.small.orders) == 1


def test_polling_runs_by_itself() -> None:
    class Polled(More):
        poll_s = 0.01

    venue = Polled()
    with opened(venue) as kernel:
        act(kernel, 1, "ENTER", order_type="LIMIT", limit_price="99.5")
        venue.states[venue.orders[0].client_id] = OrderResponse(
            "FILLED", filled_quantity=1, average_price="99.5"
        )
        until = __import__("time").monotonic() + 10
        while kernel.slot(0).fsm_state != "POSITION_OPEN":
            assert __import__("time").monotonic() < until


def test_a_part_of_the_smallest_form_is_refused_by_what_it_lacks() -> None:
    class Two:
        def submit_order(self, order: OrderRequest) -> OrderResponse:
            raise NotImplementedError

        def get_positions(self) -> list[Any]:
            return []

    with pytest.raises(InvalidInput, match="Two has no get_market_metadata"):
        ExecutionKernel(venue=Two())


@pytest.mark.parametrize(
    ("field", "value"),
    [("side", "HOLD"), ("quantity", 0), ("quantity", "much"), ("order_type", "ICEBERG"), ("symbol", "")],
)
def test_a_request_with_a_value_that_cannot_be_is_refused_by_field(field: str, value: object) -> None:
    given: dict[str, Any] = {"symbol": "BTCUSDT", "side": "buy", "quantity": "1"}
    with pytest.raises(InvalidInput, match=field):
        OrderRequest(**{**given, field: value})


def test_floats_of_a_data_frame_are_read_as_they_print() -> None:
    request = OrderRequest("BTCUSDT", "buy", 0.1)  # type: ignore[arg-type]
    assert (request.side, request.quantity) == ("BUY", Decimal("0.1"))


def test_older_names_of_limits_and_steps_are_taken() -> None:
    limits = MarketLimits("BTCUSDT", lot_size="0.01")
    assert limits.lot_step == limits.lot_size == Decimal("0.01")
    with pytest.raises(InvalidInput, match="lot_size"):
        MarketLimits("BTCUSDT", lot_step="0.01", lot_size="0.02")
    with ExecutionKernel() as kernel:
        kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_size": "0.01"}}})
        assert kernel.instrument("BTCUSDT")["lot_step"] == Decimal("0.01")
        kernel.update_control(ControlUpdate(limits={"max_asset_exposure": 500, "max_leverage": 3}))
        assert kernel.control.limits["max_asset_notional"] == 500
        assert kernel.control.limits["max_leverage"] == 3


class Old(BaseExecutionAdapter):
    """As users of the older router write one: the base class, and exactly three methods."""

    poll_s = 0

    def get_positions(self) -> list[dict[str, Any]]:
        return [{"asset": "BTCUSDT", "quantity": 0, "notional": 0}]

    def submit_order(self, order: OrderRequest, /) -> OrderResponse:
        return OrderResponse("FILLED", order_id="V1", filled_quantity=order.quantity, average_price="100")

    def get_market_metadata(self, symbols: Iterable[str], /) -> dict[str, MarketLimits]:
        return {symbol: MarketLimits(symbol, tick_size="0.1", lot_size="0.001") for symbol in symbols}


def test_a_subclass_of_the_base_with_exactly_three_methods_is_enough() -> None:
    with opened(Old()) as kernel:
        assert isinstance(kernel.venue, PolledAdapter)
        assert kernel.venue.capabilities() == {"get_positions", "get_market_metadata"}
        assert act(kernel, 1, "ENTER").state == "POSITION_OPEN"
        assert act(kernel, 2, "EXIT").state == "CLOSED"
        with pytest.raises(NotYetSupported, match="get_balances"):
            kernel.venue.get_balances()


@pytest.mark.parametrize("kind", [CCXTAdapter, IBKRAdapter, BinanceAdapter])
def test_the_adapters_by_the_older_names_are_subclasses_with_the_three(kind: type) -> None:
    assert issubclass(kind, BaseExecutionAdapter)
    for name in ("get_positions", "submit_order", "get_market_metadata"):
        assert callable(getattr(kind, name)), name


def test_a_whole_adapter_sends_plain_orders_through_its_kernel() -> None:
    venue = MockVenueAdapter(submit=lambda order: [ack(order), fill(order, price="100")])
    request = OrderRequest("BTCUSDT", "BUY", Decimal("0.5"))
    with pytest.raises(NotSent, match=r"open one with dita\.host\.open_router"):
        venue.submit_order(request)
    rules = {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}}
    capital = {"mock": {"USDT": Decimal(1_000)}}
    with open_router({"mock": venue}, instruments={"mock": rules}, seed_capital=capital) as router:
        router.kernel().mark_price("BTCUSDT", "100")
        answered = venue.submit_order(request)
        filled = (answered.status, answered.filled_quantity, answered.average_price)
        assert filled == ("FILLED", Decimal("0.5"), 100)
        assert router.kernel().slot(0).size == Decimal("0.5")
