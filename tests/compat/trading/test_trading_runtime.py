"""A runtime with connectors: strategies start, tick, stop; orders are the kernel's; a kill loses nothing."""

import importlib.util
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import InvalidInput
from dita.compat.trading import (
    BacktestConfig,
    BacktestConnector,
    BacktestEngine,
    BacktestError,
    ConnectorError,
    ConnectorNotFound,
    Fill,
    FillEvent,
    HistoricalData,
    OrderRequest,
    OrderTracker,
    PaperConnector,
    PaperTradingMode,
    RuntimeState,
    StrategyStatus,
    TrackedOrder,
    TrackedStatus,
    TradingRuntime,
)
from dita.compat.trading.backtests import print_report
from dita.host import Directory
from dita.strategy import Strategy

RULES = {"BTC/USDT": {"tick_size": "0.1", "lot_step": "0.001"}}
VICTIM = Path(__file__).parents[2] / "victims" / "runtime_life.py"


class Once(Strategy):
    """Buys at its first quote, sells at its first tick after that."""

    def on_quote(self, quote: Any) -> None:
        if not self.trades():
            self.enter(quote.symbol, "LONG", "0.01")

    def on_tick(self, now: Any) -> None:
        if self.trades():
            self.exit(self.trades()[0])


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[TradingRuntime]:
    with TradingRuntime(directory=tmp_path / "r") as runtime:
        runtime.add_connector(PaperConnector(RULES))
        yield runtime


def paper_of(runtime: TradingRuntime) -> PaperConnector:
    paper = runtime.connectors["paper"]
    assert isinstance(paper, PaperConnector)
    return paper


def test_a_strategy_trades_on_quotes_and_ticks_and_its_orders_are_the_kernels(
    runtime: TradingRuntime,
) -> None:
    name = runtime.load_strategy(Once, "paper", "BTC/USDT")
    paper = paper_of(runtime)
    with pytest.raises(ConnectorError, match="no price yet"):
        paper.get_ticker("BTC/USDT")
    runtime.start_strategy(name)
    paper.update_price("BTC/USDT", "60000.0", "60000.1", 1)
    assert paper.get_ticker("BTC/USDT").price > 0
    first = runtime.tick()
    assert [(str(one.action), one.owner) for one in first] == [("ENTER", name), ("EXIT", name)]
    assert runtime.tick() == []
    tracker = runtime.orders("paper")
    entry, leave = tracker.get_by_strategy(name)
    assert (entry.status, entry.side, leave.side) == (TrackedStatus.FILLED, "BUY", "SELL")
    (fill,) = entry.fills
    assert (fill.price, fill.quantity) == (Decimal("60000.1"), Decimal("0.01"))
    assert fill.fee == Decimal("0.600001")
    assert entry.created_at is not None
    assert entry.updated_at == fill.timestamp >= entry.created_at
    assert leave.created_at is not None
    assert leave.created_at >= entry.created_at
    assert [one.client_id for one in tracker.order_history()] == [entry.client_id, leave.client_id]
    assert tracker.get_open_orders() == []
    assert tracker.track(entry.client_id) == entry
    with pytest.raises(InvalidInput, match="client_id"):
        tracker.track("nothing")


def test_ids_are_the_same_for_the_same_program_and_states_follow_what_is_asked(
    runtime: TradingRuntime,
) -> None:
    first = runtime.load_strategy(Once, "paper", "BTC/USDT")
    second = runtime.load_strategy(Once, "paper", "BTC/USDT")
    assert first != second
    assert first.rpartition("-")[0] == second.rpartition("-")[0]
    runtime.start_strategy(first)
    runtime.pause_strategy(first)
    runtime.start_strategy(second)
    runtime.stop_strategy(second)
    shown = {one.id: one.status for one in runtime.strategies}
    assert shown == {first: StrategyStatus.PAUSED, second: StrategyStatus.STOPPED}
    with pytest.raises(InvalidInput, match="strategy_id"):
        runtime.start_strategy("third")
    with pytest.raises(ConnectorNotFound, match="'kraken' is none of paper"):
        runtime.load_strategy(Once, "kraken", "BTC/USDT")
    with pytest.raises(InvalidInput, match="is there already"):
        runtime.add_connector(PaperConnector(RULES))


def test_a_plain_order_through_a_connector_opens_and_closes(runtime: TradingRuntime) -> None:
    paper = paper_of(runtime)
    paper.update_price("BTC/USDT", "60000.0", "60000.1", 1)
    for number in (1, 2):
        bought = paper.place_order(OrderRequest("BTC/USDT", "BUY", Decimal("0.01"), f"b{number}"))
        assert (bought.status, bought.filled_size) == ("FILLED", Decimal("0.01"))
    sold = paper.place_order(OrderRequest("BTC/USDT", "SELL", Decimal("0.02"), "s"))
    assert len(sold.children) == 2
    assert paper.balances()["USDT"] < 10_000
    assert not any(slot.size for slot in paper.kernel.state.slots)


def test_a_fill_that_comes_through_the_program_reaches_the_kernel(runtime: TradingRuntime) -> None:
    paper = paper_of(runtime)
    paper.update_price("BTC/USDT", "60000.0", "60000.1", 1)
    order = paper.place_order(OrderRequest("BTC/USDT", "BUY", Decimal("0.01"), "b", Decimal(59000)))
    (child,) = order.children
    fill = FillEvent("paper", child.venue_client_id, Decimal(59000), Decimal("0.004"), 2)
    runtime.on_fill(fill)
    (tracked,) = OrderTracker(paper.kernel).get_open_orders()
    assert (tracked.status, tracked.filled_quantity) == (TrackedStatus.PARTIALLY_FILLED, Decimal("0.004"))


def test_a_run_ticks_until_it_is_stopped(runtime: TradingRuntime) -> None:
    runtime.tick_interval = 0.01
    ticks: list[str] = []
    strategy = type("Ticks", (Strategy,), {"on_tick": lambda _, now: ticks.append(str(now))})
    runtime.start_strategy(runtime.load_strategy(strategy, "paper", "BTC/USDT"))

    def stop() -> None:
        while len(ticks) < 3:
            pass
        runtime.stop()

    watcher = threading.Thread(target=stop)
    watcher.start()
    assert runtime.run() == {}
    watcher.join()
    assert runtime.state is RuntimeState.STOPPED


def test_after_a_kill_kernel_and_strategy_are_where_they_were(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, str(VICTIM), str(tmp_path)], stdout=subprocess.PIPE) as life:
        assert life.stdout is not None
        assert life.stdout.readline() == b"3\n"
        life.send_signal(signal.SIGKILL)
    spec = importlib.util.spec_from_file_location("runtime_life", VICTIM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    runtime, paper, strategy = module.begin(tmp_path)
    with runtime:
        assert (strategy.bought, strategy.filled) == (3, Decimal("0.003"))
        assert strategy.position("BTCUSDT").size == Decimal("0.003")
        paper.update_price("BTC/USDT", "60000.0", "60000.1", paper.kernel.now_ns + 1)
        assert (strategy.bought, len(strategy.trades())) == (4, 4)
        ids = [order.intent_id for order in paper.kernel.orders()]
        assert len(set(ids)) == 4
    assert not Directory(tmp_path / "paper").is_held()


def minutes(path: Path) -> Path:
    rows = ["timestamp,open,high,low,close,volume"]
    for number in range(3 * 1440):
        price = 100 + number // 60 % 10
        day, minute = divmod(number, 1440)
        time = f"2024-01-{day + 1:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"
        rows.append(f"{time},{price},{price + 1},{price - 1},{price},1")
    path.write_text("\n".join(rows) + "\n")
    return path


class Hourly(Strategy):
    """In and out, each hour."""

    def on_bar(self, bar: Any) -> None:
        if bar.open_time.minute == 0:
            if self.position(bar.symbol).is_flat:
                self.enter(bar.symbol, "LONG", 1)
            else:
                self.exit(bar.symbol)


def test_a_backtest_by_dates_a_balance_and_a_fee(tmp_path: Path) -> None:
    data = minutes(tmp_path / "XUSDT.csv")
    config = BacktestConfig(date(2024, 1, 2), date(2024, 1, 2), Decimal(5_000), Decimal(0))
    result = BacktestEngine(config).load_data(data, symbol="XUSDT").run(Hourly)
    assert (result.capital, result.bars, len(result.trades)) == (5_000, 1440, 12)
    out = io.StringIO()
    print_report(result, out)
    lines = out.getvalue().splitlines()
    rule = "=" * 50
    assert [line.partition(":")[0] for line in lines] == [
        rule,
        "BACKTEST RESULTS",
        rule,
        "Total PnL",
        "Number of Trades",
        "Win Rate",
        "Profit Factor",
        "Max Drawdown",
        "Sharpe Ratio",
        "Sortino Ratio",
        rule,
    ]
    assert lines[4] == "Number of Trades: 12"
    assert sum(1 for _ in HistoricalData(data, symbol="XUSDT")) == 4320
    with pytest.raises(BacktestError, match="load_data"):
        BacktestEngine().run(Hourly)


def test_a_backtest_connector_plays_its_file_when_the_runtime_runs(tmp_path: Path) -> None:
    data = minutes(tmp_path / "XUSDT.csv")
    with TradingRuntime() as runtime:
        runtime.add_connector(BacktestConnector(data))
        name = runtime.load_strategy(Hourly, "backtest", "X/USDT")
        with pytest.raises(BacktestError, match="start it before run"):
            runtime.run()
        runtime.start_strategy(name)
        assert len(runtime.run()[name].trades) == 36


def test_paper_trading_begins_with_its_balances_and_refuses_what_it_has_not() -> None:
    mode = PaperTradingMode.with_default_balances()
    mode.open()
    try:
        mode.update_price("BTC/USDT", "60000.00", "60000.01", 1)
        assert mode.balances()["USDT"] == 10_000
        sold = mode.place_order(OrderRequest("BTC/USDT", "SELL", Decimal("0.01"), "s"))
        assert (sold.status, sold.reason) == ("REJECTED", "insufficient_funds")
        bought = mode.place_order(OrderRequest("BTC/USDT", "BUY", Decimal("0.1"), "b"))
        assert bought.status == "FILLED"
        assert mode.balances()["USDT"] == 10_000 - Decimal("6000.001")
        assert mode.balances()["BTC"] == Decimal("0.0999")
    finally:
        mode.close()


def test_a_connector_has_the_name_that_it_is_added_by() -> None:
    with TradingRuntime() as runtime:
        runtime.add_connector("mine", PaperConnector(RULES))
        name = runtime.load_strategy(Hourly)
        (active,) = runtime.strategies
        assert (active.id, active.connector) == (name, "mine")
        with pytest.raises(InvalidInput, match="connector: 'mine' is there already"):
            runtime.add_connector("mine", PaperConnector(RULES))
        with pytest.raises(InvalidInput, match="connector: None is needed"):
            runtime.add_connector("other")


def test_orders_are_tracked_without_a_kernel() -> None:
    tracker = OrderTracker()
    order = TrackedOrder("", "c1", "s1", "paper", "BTC/USDT", "BUY", "LIMIT", Decimal(2), price=Decimal(100))
    kept = tracker.track(order)
    assert (kept.status, kept.created_at, kept.updated_at) == ("New", kept.created_at, kept.created_at)
    assert kept.created_at is not None
    assert tracker.get_open_orders() == [kept] == tracker.get_by_strategy("s1")
    tracker.add_fill("c1", Fill(Decimal(99), Decimal(1), None, "", 7))
    partly = tracker.track("c1")
    assert (partly.status, partly.filled_quantity, partly.updated_at) == ("PartiallyFilled", 1, 7)
    tracker.add_fill("c1", Fill(Decimal(97), Decimal(1), None, "", 8))
    (ended,) = tracker.order_history()
    assert (ended.status, ended.avg_fill_price, len(ended.fills)) == ("Filled", 98, 2)
    with pytest.raises(InvalidInput, match="at most what is left, 0"):
        tracker.add_fill("c1", Fill(Decimal(97), Decimal(1), None, "", 9))
    tracker.track(TrackedOrder("", "c2", "s1", "paper", "BTC/USDT", "BUY", "LIMIT", Decimal(2)))
    assert tracker.update("c2", "Canceled").status is TrackedStatus.CANCELED
    assert tracker.get_open_orders("s1") == []
    for call, why in (
        (lambda: tracker.track(order), "is tracked already"),
        (lambda: tracker.update("none", "Filled"), "is not tracked"),
        (lambda: tracker.update("c2", "Gone"), "is none of New"),
    ):
        with pytest.raises(InvalidInput, match=why):
            call()
