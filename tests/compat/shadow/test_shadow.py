"""The shadow loop: what it places, what holds it back, what it reports; and all of it is the kernel's."""

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita.compat.shadow import (
    ExecutionLoop,
    ExecutionParams,
    FakeExchangeClient,
    FillEvent,
    InMemoryOrderStore,
    OpenOrder,
    OrderState,
    OrderStatus,
    PersistentOrderStore,
    PlaceOrderRequest,
    PlaceOrderResponse,
    Position,
    Quote,
    RuntimeRiskMonitor,
    Side,
    run_shadow,
    run_shadow_demo,
)
from dita.compat.shadow.exchange import status_of
from dita.compat.shadow.load import SCENARIOS, run_load
from dita.errors import InvalidInput

QUOTE = Quote("BTCUSDT", "49990", "50010", 1000)


def monitor(
    inventory: Any = "10000", total: Any = "50000", edge: Any = "1.5", **more: Any
) -> RuntimeRiskMonitor:
    return RuntimeRiskMonitor(
        max_inventory_usd_per_symbol=inventory,
        max_total_notional_usd=total,
        edge_freeze_threshold_bps=edge,
        **more,
    )


def params(
    symbols: Any = ("BTCUSDT",), iterations: Any = 1, edge: Any = "1.5", **more: Any
) -> ExecutionParams:
    return ExecutionParams(list(symbols), iterations, "10000", "50000", edge, **more)


def loop_of(store: Any = None, risk: Any = None, **exchange: Any) -> ExecutionLoop:
    settings = {"fill_rate": 0, "reject_rate": 0, "partial_fill_rate": 0, "slots": 64} | exchange
    return ExecutionLoop(FakeExchangeClient(**settings), store or InMemoryOrderStore(), risk or monitor())


def account(loop: Any) -> dict[str, Any]:
    return loop.exchange.kernel.snapshot()["account"]


# ------------------------------------------------------------ the loop


def test_a_quote_becomes_a_buy_and_a_sell_five_points_apart() -> None:
    loop = loop_of()
    loop.on_quote(QUOTE, params())
    assert loop.stats["orders_placed"] == 2
    buy, sell = loop.order_store.get_all()
    assert (buy.side, buy.price, buy.qty, buy.order_id) == (
        "Buy",
        Decimal("49987.5"),
        Decimal("0.01"),
        "ORD000001",
    )
    assert (sell.side, sell.price, sell.state) == ("Sell", Decimal("50012.5"), OrderState.OPEN)
    assert [one.client_order_id for one in loop.exchange.get_open_orders()] == ["CLI00000001", "CLI00000002"]


def test_a_frozen_loop_places_nothing() -> None:
    loop = loop_of()
    loop.risk_monitor.freeze("by hand")
    loop.on_quote(QUOTE, params())
    assert loop.stats["orders_placed"] == 0
    assert loop.order_store.get_all() == []


def test_an_order_beyond_the_limit_is_a_risk_block_at_the_real_mark() -> None:
    # 0.01 BTC is worth 500 USD: 499 is too little for one, 500 is enough.
    for inventory, placed in (("499", 0), ("500", 2)):
        loop = loop_of(risk=monitor(inventory))
        loop.on_quote(QUOTE, params())
        assert (loop.stats["orders_placed"], loop.stats["risk_blocks"]) == (placed, 2 - placed)
        assert loop.risk_monitor.blocks_total == 2 - placed


def test_an_order_that_makes_a_position_smaller_passes_the_limits() -> None:
    risk = monitor("500")
    risk.on_fill("BTCUSDT", "buy", "0.02", "50000")
    assert not risk.check_before_order("BTCUSDT", "buy", "0.01")
    assert risk.check_before_order("BTCUSDT", "sell", "0.01")


def test_the_total_counts_every_instrument_at_its_mark() -> None:
    risk = monitor("10000", "1000", get_mark_price={"BTCUSDT": 50_000, "ETHUSDT": 3_000}.__getitem__)
    risk.on_fill("ETHUSDT", "sell", "0.1", "2900")
    assert risk.check_before_order("BTCUSDT", "buy", "0.014")
    assert not risk.check_before_order("BTCUSDT", "buy", "0.0141")


def test_fills_are_the_kernels_and_k_is_the_wallet() -> None:
    loop = loop_of(fill_rate=1, partial_fill_rate="0.5")
    loop.run_shadow(params(iterations=30))
    state = account(loop)
    assert state["k_capital"] == state["e_wallet_balance"]
    held = {one.symbol: one.qty for one in loop.exchange.get_positions()}
    assert {symbol: size for symbol, size in loop.risk_monitor.get_positions().items() if size} == held
    orders = {one.intent_id: one for one in loop.exchange.kernel.orders()}
    assert len(orders) == 60
    for order in loop.order_store.get_all():
        assert order.filled_qty == orders[order.client_order_id].filled_size == Decimal("0.01")
        assert order.state is OrderState.FILLED


def test_a_fill_that_closes_the_other_side_is_reported_once() -> None:
    loop = loop_of(fill_rate=1)
    loop.run_shadow(params(iterations=20))
    assert loop.stats["orders_filled"] == loop.stats["orders_placed"] == 40


def test_a_fill_in_parts_is_two_fill_events() -> None:
    loop = loop_of(fill_rate=1, partial_fill_rate=1)
    loop.run_shadow(params(iterations=5))
    assert loop.stats["orders_filled"] == 20
    assert all(order.state is OrderState.FILLED for order in loop.order_store.get_all())


@pytest.mark.parametrize(("rate", "low", "high"), [("0", 0, 0), ("0.7", 240, 320), ("1", 400, 400)])
def test_chance_fills_orders_as_often_as_configured(rate: Any, low: Any, high: Any) -> None:
    loop = loop_of(fill_rate=rate, slots=512, risk=monitor("1000000", "1000000"))
    loop.run_shadow(params(iterations=200))
    assert low <= loop.stats["orders_filled"] <= high
    assert loop.stats["orders_placed"] == 400


def test_a_rejected_order_is_counted_kept_and_reported(caplog: Any) -> None:
    loop = loop_of(reject_rate=1)
    loop.on_quote(QUOTE, params())
    assert loop.stats["orders_rejected"] == 2
    assert [order.message for order in loop.order_store.get_by_state(OrderState.REJECTED)] == [
        "Simulated rejection",
        "Simulated rejection",
    ]
    assert caplog.messages[0] == "Rejected: CLI00000001 Simulated rejection"


def test_where_no_slot_is_free_the_order_is_rejected_by_name() -> None:
    loop = loop_of(slots=2)
    for _ in range(2):
        loop.on_quote(QUOTE, params())
    assert loop.stats["orders_rejected"] == 2
    assert loop.order_store.get("CLI00000003").message == "no_free_slot"


def test_a_falling_edge_freezes_once_and_cancels_every_open_order(caplog: Any) -> None:
    loop = loop_of(risk=monitor(edge="3.0"))
    loop.on_quote(QUOTE, params())
    loop.on_edge_update("BTCUSDT", Decimal("2.8"))
    loop.on_edge_update("ETHUSDT", "2.4")
    assert loop.exchange.get_open_orders() == []
    assert [order.state for order in loop.order_store.get_all()] == [OrderState.CANCELED] * 2
    assert (loop.stats["orders_canceled"], loop.stats["freeze_events"]) == (2, 1)
    assert loop.risk_monitor.last_freeze_reason == "Edge degradation: 2.40 BPS < 3.00 BPS"
    assert loop.risk_monitor.last_freeze_symbol == "ETHUSDT"
    assert caplog.messages == ["System FROZEN: edge=2.8bps < threshold"]


def test_a_reset_loop_begins_anew() -> None:
    loop = loop_of(fill_rate=1)
    first = loop.run_shadow(params(iterations=5))
    loop.reset()
    assert set(loop.stats.values()) == {0}
    assert loop.order_store.get_all() == []
    second = loop.run_shadow(params(iterations=5))
    assert {**first, "runtime": None} == {**second, "runtime": None}


def test_an_injected_clock_stamps_the_orders() -> None:
    exchange = FakeExchangeClient(fill_rate=0, reject_rate=0, slots=8)
    loop = ExecutionLoop(exchange, InMemoryOrderStore(), monitor(), clock=lambda: 1_234_567_890_000)
    loop.on_quote(QUOTE, params())
    assert {order.updated_at_ms for order in loop.order_store.get_all()} == {1_234_567_890_000}


class Elsewhere:
    """An exchange that no kernel is behind: every order fills at once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.fills = []

    def place_limit(self, req: Any) -> Any:
        self.fills.append(
            FillEvent(f"X{len(self.fills)}", req.client_order_id, req.symbol, req.side, req.price, req.qty, 0)
        )
        return PlaceOrderResponse(success=True, order_id=self.fills[-1].order_id, status=OrderStatus.OPEN)

    def cancel(self, order_id: Any) -> Any:
        return order_id.startswith("X")

    def get_open_orders(self, symbol: Any = None) -> Any:
        return [OpenOrder("X0", "CLI00000001", "BTCUSDT", Side.BUY, 1, 0, 1, OrderStatus.OPEN)]

    def get_positions(self) -> Any:
        return [Position("BTCUSDT", Decimal(0), Decimal(0))]

    def stream_fills(self) -> Any:
        while self.fills:
            yield self.fills.pop(0)


def test_an_exchange_of_ones_own_trades_by_the_same_loop() -> None:
    loop = ExecutionLoop(Elsewhere(), InMemoryOrderStore(), monitor(edge="3"))
    loop.on_quote(QUOTE, params())
    loop.on_fill()
    assert loop.stats["orders_filled"] == 2
    assert loop.risk_monitor.get_positions() == {"BTCUSDT": Decimal("0.00")}
    loop.on_edge_update("BTCUSDT", 1)
    assert loop.order_store.get("CLI00000001").state is OrderState.CANCELED


# ------------------------------------------------------------ the report


def test_the_report_has_its_known_form() -> None:
    report = json.loads(run_shadow_demo(["ETHUSDT", "BTCUSDT"], 20, 10000, 50000, 3.0), parse_float=Decimal)
    assert {name: sorted(part) for name, part in report.items()} == {
        "execution": ["iterations", "symbols"],
        "orders": ["canceled", "filled", "placed", "rejected", "risk_blocks"],
        "positions": ["by_symbol", "net_pos_usd", "total_notional_usd"],
        "risk": [
            "blocks_total",
            "freeze_events",
            "freezes_total",
            "frozen",
            "last_freeze_reason",
            "last_freeze_symbol",
        ],
        "runtime": ["utc"],
    }
    assert report["execution"] == {"iterations": 20, "symbols": ["BTCUSDT", "ETHUSDT"]}
    assert report["risk"]["last_freeze_reason"] == "Edge degradation: 2.40 BPS < 3.00 BPS"
    assert (report["risk"]["freeze_events"], report["risk"]["frozen"]) == (1, True)
    assert report["runtime"]["utc"].endswith("+00:00")
    positions = report["positions"]
    assert positions["total_notional_usd"] == sum(positions["net_pos_usd"].values())
    # The mark of the last round is 1.009 times the first one's.
    worth = abs(positions["by_symbol"]["BTCUSDT"]) * 50_450
    assert positions["net_pos_usd"]["BTCUSDT"] == worth >= 0


def test_the_same_seed_and_frozen_time_give_the_same_bytes(monkeypatch: Any) -> None:
    monkeypatch.setenv("MM_FREEZE_UTC_ISO", "2025-01-01T00:00:00Z")
    run = (["BTCUSDT", "ETHUSDT"], 30, 10000, 50000, 1.5)
    first = run_shadow_demo(*run, seed=7)
    assert first == run_shadow_demo(*run, seed=7)
    assert first != run_shadow_demo(*run, seed=8)
    assert first.endswith('"runtime":{"utc":"2025-01-01T00:00:00+00:00"}}\n')
    assert ": " not in first.replace("Edge degradation: ", "")


def test_a_market_that_ends_early_ends_the_run() -> None:
    report = run_shadow(params(iterations=100), quotes=[QUOTE, QUOTE], fill_rate=1, reject_rate=0)
    assert report["execution"]["iterations"] == 2
    assert report["orders"]["placed"] == 4


# ------------------------------------------------------------ the stores


def test_a_store_answers_by_id_state_and_symbol_and_exports_itself() -> None:
    store = InMemoryOrderStore()
    one = store.create("BTCUSDT", "Buy", "0.01", "50000", 1)
    store.create("ETHUSDT", "Sell", 1, 3000, 2)
    store.update_state(one.client_order_id, OrderState.OPEN, 3, order_id="ORD000001")
    store.update_fill(one.client_order_id, "0.004", "49999.5", 4)
    assert store.get_by_order_id("ORD000001") == store.get(one.client_order_id)
    assert [order.symbol for order in store.get_by_symbol("ETHUSDT")] == ["ETHUSDT"]
    assert [order.filled_qty for order in store.get_open_orders()] == [Decimal("0.004")]
    assert store.count_by_state() == {"partially_filled": 1, "pending": 1}
    exported = store.to_dict()
    assert (exported["count"], exported["orders"][0]["avg_fill_price"]) == (2, "49999.5")
    store.update_fill(one.client_order_id, "0.01", "49999.5", 5)
    assert store.get(one.client_order_id).state is OrderState.FILLED


def test_a_persistent_store_has_everything_after_a_new_opening(tmp_path: Any) -> None:
    store = PersistentOrderStore(tmp_path / "orders.db")
    loop = loop_of(store, fill_rate="0.5", reject_rate="0.2")
    loop.run_shadow(params(iterations=20))
    before = store.to_dict()
    store.close()
    again = PersistentOrderStore(tmp_path / "orders.db")
    assert again.to_dict() == before
    assert again.generate_client_order_id() == "CLI00000041"
    again.close()


def test_a_file_that_is_no_store_is_refused_by_its_name(tmp_path: Any) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes, and they are longer than a header would be" * 20)
    with pytest.raises(InvalidInput, match="is no order store"):
        PersistentOrderStore(file)
    assert file.read_text().startswith("these are notes")


KILLED = """
import os, sys
from dita.compat.shadow import *
folder = sys.argv[1]
exchange = FakeExchangeClient(fill_rate="0.5", reject_rate=0, slots=256, log_dir=folder + "/log")
monitor = RuntimeRiskMonitor(
    max_inventory_usd_per_symbol=10**6, max_total_notional_usd=10**6, edge_freeze_threshold_bps=0
)
loop = ExecutionLoop(exchange, PersistentOrderStore(folder + "/orders.db"), monitor)
print("running", flush=True)
loop.run_shadow(ExecutionParams(["BTCUSDT"], 10**6, 10**6, 10**6, 0))
"""


def test_after_a_kill_store_and_kernel_agree(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    log = tmp_path / "orders.db-wal"
    while not log.exists() or log.stat().st_size < 900_000:
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    exchange = FakeExchangeClient(fill_rate="0.5", reject_rate=0, slots=256, log_dir=tmp_path / "log")
    store = PersistentOrderStore(tmp_path / "orders.db")
    ExecutionLoop(exchange, store, monitor())
    kept = {order.client_order_id: order for order in store.get_all()}
    orders = exchange.kernel.orders()
    assert len(orders) > 20
    for order in orders:
        assert kept[order.intent_id].filled_qty == order.filled_size
        assert kept[order.intent_id].state.name == status_of(order).name
    exchange.close()
    store.close()


# ------------------------------------------------------------ load, bad input


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_load_scenario_ends_with_k_at_e(scenario: Any) -> None:
    report = run_load(scenario, 150)
    assert report.capital_k == report.capital_e
    assert report.orders["placed"] + report.orders["rejected"] + report.orders["risk_blocks"] == 300
    assert report.orders["filled"] > 0
    assert (report.orders["rejected"] > 100) == (scenario == "rejects")


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: params(symbols=()), "symbols"),
        (lambda: params(symbols=("BTC USDT",)), "BTC USDT"),
        (lambda: params(symbols=("A", "A")), "twice"),
        (lambda: params(iterations=0), "iterations: 0"),
        (lambda: params(base_qty="nan"), "base_qty"),
        (lambda: params(base_qty=0), "base_qty"),
        (lambda: params(spread_bps="-1"), "spread_bps"),
        (lambda: monitor("inf"), "max_inventory_usd_per_symbol"),
        (lambda: monitor(total="x"), "max_total_notional_usd: 'x'"),
        (lambda: FakeExchangeClient(fill_rate=2), "fill_rate"),
        (lambda: FakeExchangeClient(latency_ms=-1), "latency_ms"),
        (lambda: run_load("storm", 1), "storm"),
        (lambda: InMemoryOrderStore().update_fill("CLI1", 1, 1, 0), "CLI1"),
        (lambda: loop_of().on_quote(Quote("BTCUSDT", 2, 1), params()), "is above the ask"),
        (lambda: loop_of().on_quote(Quote("BTCUSDT", "nan", 1), params()), "bid"),
        (
            lambda: loop_of().exchange.place_limit(PlaceOrderRequest("a", "BTCUSDT", "Up", 1, 1)),
            "neither Buy nor Sell",
        ),
    ],
)
def test_bad_input_is_refused_by_its_name(build: Any, named: Any) -> None:
    with pytest.raises(InvalidInput, match=named):
        build()


def test_a_frozen_time_that_is_no_time_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setenv("MM_FREEZE_UTC_ISO", "yesterday")
    with pytest.raises(InvalidInput, match="MM_FREEZE_UTC_ISO: 'yesterday'"):
        FakeExchangeClient()


def test_a_log_is_never_reset(tmp_path: Any) -> None:
    exchange = FakeExchangeClient(slots=8, log_dir=tmp_path / "log")
    with pytest.raises(InvalidInput, match="log_dir"):
        exchange.reset()
    exchange.close()
