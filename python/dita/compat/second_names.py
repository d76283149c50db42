"""Every name of the older systems, what it is here, and code that builds it. A test runs each row's code."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SecondName:
    """A name of an older system.

    Attributes:
        there: How it is written there.
        here: What it is here.
        code: Python that builds or calls it; `path` is an empty directory, `market` a CSV file of bars, `cli` the
            command line.
    """

    there: str
    here: str
    code: str


_D: Final = "from dita.compat.ditav2 import ExecutionKernel, KernelIntent\nkernel = ExecutionKernel()\n"


_ENTER: Final = (
    _D + 'enter = KernelIntent(1, "i1", "t1", 0, "BTCUSDT", "LONG", "ENTER", "60000", "0.01")\n'
    "outcome = kernel.process_intent(enter)\n"
)


_LIMITED: Final = (
    "from dita.compat.ditav2 import ExecutionKernel, KernelIntent, MockVenueAdapter, VenueEvent\n"
    'no = lambda order: [VenueEvent(1, kind="RATE_LIMITED", venue_client_id=order.venue_client_id)]\n'
    "kernel = ExecutionKernel(venue=MockVenueAdapter(submit=no))\n"
    'outcome = kernel.process_intent(KernelIntent(1, "i", "t", 0, "BTCUSDT", "LONG", "ENTER", "60000", "0.01"))\n'
)


_S: Final = (
    "from dita.compat.shadow import *\n"
    'limits = {"max_inventory_usd_per_symbol": 1, "max_total_notional_usd": 1, "edge_freeze_threshold_bps": 3}\n'
)


_B: Final = (
    "from decimal import Decimal\nfrom dita.compat.trading import *\n"
    "engine = BacktestEngine(BacktestConfig(initial_balance=Decimal(1000)))\n"
)


def _row(there: str, here: str, code: str) -> SecondName:
    return SecondName(there, here, code)


_SAME: Final = "the name here, too"


SECTIONS: Final[dict[str, tuple[str, tuple[SecondName, ...]]]] = {
    "The kernel (DITAv2)": (
        "`dita.compat.ditav2` has the older system's defaults; `dita` has the same names with the safer form: an instrument is\n"
        "configured, a position has a mark, an override names its reason.",
        (
            _row("`ExecutionKernel()`", "`dita.compat.ditav2.ExecutionKernel()`: scripted venue, journal, projection and plane in memory, 25,000 USDT; an ENTER makes its instrument and its first mark, but at a live venue", _ENTER + 'assert outcome.state == "POSITION_OPEN"'),
            _row("`ExecutionKernel(account=AccountProjection())`", "the kernel takes the account's capital over", "from dita.compat.ditav2 import AccountProjection, ExecutionKernel\nassert ExecutionKernel(account=AccountProjection(7)).account.capital == 7"),
            _row("`set_exchange_config` with five flat keys", "rules of any asset, in the compat kernel", _D + 'kernel.set_exchange_config({"taker_rate": 0.0005, "maker_rate": 0.0002, "lot_step": 0.001, "tick_size": 0.1, "funding_interval_secs": 28800})'),
            _row("`account.snapshot`", "an `AccountSnapshot` of the settlement asset at one moment", _D + "assert kernel.account.snapshot.capital == 25_000"),
            _row("`account.observe_slots(slots)`", "returns that snapshot: the ledger has every fill, fee and mark already", _D + "kernel.account.observe_slots(kernel.state.slots)"),
            _row("`account.settle(pnl)`", "moves capital in the compat kernel, refused at a live venue; `dita.ExecutionKernel` has booked each fill's profit, and moves nothing", _D + "assert kernel.account.settle(5).capital == 25_005"),
            _row("`kernel.max_slots`, `control_plane`, `journal`, `projection`, `zinc_plane`, `account`, `venue`", "what the kernel was opened with; None where `dita.ExecutionKernel` was opened without", _D + "assert None not in (kernel.max_slots, kernel.control_plane, kernel.journal, kernel.projection, kernel.zinc_plane, kernel.account, kernel.venue)"),
            _row("`slot.close_reason = ...`, `slot.consume_exit_leg()`, `attach_entry_order`, `attach_exit_order`", "overrides of `program` in the compat kernel; `with kernel.override(by=..., reason=...)` in `dita`. An order is attached to a trade once its fills are there", _ENTER + "kernel.slot(0).consume_exit_leg()"),
            _row("`reconcile_from_slots(slots)` on a fresh kernel", "the slots' positions become the opening state first, in the compat kernel", _ENTER + "assert ExecutionKernel().reconcile_from_slots([kernel.slot(0).snapshot()]).accepted"),
            _row("`on_account_event` without `timestamp`", "takes the kernel's time, in the compat kernel", _D + 'kernel.on_account_event({"kind": "TRANSFER", "asset": "USDT", "amount": 1})'),
            _row("an adapter's `submit(intent)`", "gets the intent where its signature names it so, in the compat kernel", "from dita.compat.ditav2.venue import takes_intents\nclass Old:\n    def submit(self, intent): return []\nassert takes_intents(Old())"),
            _row("`MockVenueAdapter()`", "`dita.compat.ditav2.MockVenueAdapter`: fills each order where no script says otherwise", "from dita.compat.ditav2.mock_venue import MockVenueAdapter\nMockVenueAdapter()"),
            _row("`VenueOrder(...)`, `TradeSlot(slot_id=0)`", "take the older fields alone", 'from dita.compat.ditav2 import TradeSlot, VenueOrder\nVenueOrder("t1", "v1", "c1", "LONG", "1"), TradeSlot(slot_id=0)'),
            _row("the journal and `debug_clickhouse_enabled`", "the compat kernel's journal records while it is on", _D + "assert kernel.journal.records == []"),
            _row("modules `account`, `mock_venue`, `venue`, `zinc_plane`, `utils.json_safe`", "of `dita.compat.ditav2`", "from dita.compat.ditav2 import account, mock_venue, venue, zinc_plane\nfrom dita.compat.ditav2.utils import json_safe\njson_safe({})"),
            _row("`KernelSeverity`", _SAME, 'import dita\nassert dita.KernelSeverity.CRITICAL == "CRITICAL"'),
            _row("`VenueEventStatus`", "`VenueOrderStatus`: what an event says of its order is what the order then has", "import dita\nassert dita.VenueEventStatus is dita.VenueOrderStatus"),
            _row("`slot.seen_event_ids`", "the venue's ids of the fills booked for the trade's entry order, and for the exit orders that the slot still names", _ENTER + "assert kernel.slot(0).seen_event_ids"),
            _row("`kernel.slot(99)`", "raises `InvalidSlot`: an `IndexError`, and an `InvalidInput`", _D + "try:\n    kernel.slot(99)\nexcept IndexError:\n    pass"),
            _row("`process_intent` of a mapping, or of an object with an intent's attributes", "is read as a `KernelIntent`; a value that cannot be is the outcome INVALID_INTENT, with `reason`, `intent_id`, `action`, `asset`, `field`, `value`. What is neither raises `InvalidType`", _D + 'assert kernel.process_intent({"intent_id": "x"}).diagnostic_code == "INVALID_INTENT"'),
            _row("INVALID_SLOT_ID", "`details` have `slot_id`, `intent_id`, `field`, `value`, `reason`", _ENTER + 'kernel.process_intent({"timestamp": 1, "intent_id": "x", "trade_id": "u", "slot_id": 99, "asset": "BTCUSDT", "side": "LONG", "action": "EXIT"}).details["slot_id"]'),
            _row("RATE_LIMITED", '`accepted` is False where the venue answered nothing else; `details` have `reason` ("RATE_LIMITED"), `message`, `severity`, `release_eta` (seconds where the venue said how long, else its phrase, else "few minutes"), `retry_after_ms` (0 where it said nothing; also read of the event\'s metadata), `retryable`, `venue_event_kind`', _LIMITED + 'assert (outcome.accepted, outcome.details["release_eta"], outcome.details["retry_after_ms"]) == (False, "few minutes", 0)'),
            _row("figures of `account.snapshot`: `fees_paid`, `funding_net`", '`snapshot()["account"]["k_fees_paid"]`, `["k_funding_net"]`; the other figures (`capital`, `equity`, `realized_pnl`, `unrealized_pnl`, `open_positions`, `open_notional`, `leverage`, `available_capital`) have the same name', _ENTER + 'assert kernel.account.snapshot.fees_paid == kernel.snapshot()["account"]["k_fees_paid"]'),
            _row("C: `dita_kernel_create(size_t max_slots)`", 'takes the [configuration](c-abi.md) as JSON text; a number is refused by name. `{"max_slots": 10}` is the same', "from dita import capi\ncapi.declarations()"),
            _row("SQL: `dita_slots` with `exit_leg_ratios`, `active_entry_order`, `active_exit_order`, `seen_event_ids`, `metadata`", "columns of JSON, made by `dita hazelcast setup`", 'from dita.cluster.mappings import statements\nassert any("active_exit_order" in one for one in statements())'),
        ),
    ),
    "The router": (
        "",
        (
            _row("`OrderManager`, `OrderRequest`, `OrderResponse`", _SAME + ": [route orders](../how-to/route-orders.md)", 'from dita import OrderManager, OrderRequest, OrderResponse\nOrderRequest("BTC/USDT", "BUY", "0.1"), OrderResponse("FILLED", filled_quantity=1, average_price=2)'),
            _row("a subclass of `BaseExecutionAdapter` with `get_positions`, `submit_order`, `get_market_metadata`", "the smallest form of an adapter, which the kernel polls", "from dita import BaseExecutionAdapter, ExecutionKernel\nclass Mine(BaseExecutionAdapter):\n    poll_s = 0\n    def get_positions(self): return []\n    def submit_order(self, order): raise NotImplementedError\n    def get_market_metadata(self, symbols): return {}\nExecutionKernel(venue=Mine()).close()"),
            _row("`CCXTAdapter`, `BinanceAdapter`, `IBKRAdapter`", "the names here, too; `BinanceAdapter` is `BinanceUsdm`. `submit_order` goes through the kernel that a host has opened on the adapter", "from dita import BaseExecutionAdapter, BinanceAdapter, CCXTAdapter, IBKRAdapter\nassert all(issubclass(one, BaseExecutionAdapter) for one in (BinanceAdapter, CCXTAdapter, IBKRAdapter))"),
            _row("`OrderManager.get_market_metadata(symbols)`", "`MarketLimits` by symbol", 'from dita.host import open_router\nfrom dita import MarketLimits, MockVenueAdapter\nrules = {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001"}}}\nwith open_router({"m": MockVenueAdapter()}, instruments={"m": rules}) as router:\n    assert isinstance(router.get_market_metadata(["BTC/USDT"])["BTC/USDT"], MarketLimits)'),
            _row("`OrderManager(manifest)`", "`open_manifest(path)`: a dita.toml, or JSON of accounts by venue", 'import json\nfrom dita.host import open_manifest\n(path / "manifest.json").write_text(json.dumps({"accounts": {"paper": {}}}))\nwith open_manifest(path / "manifest.json") as router:\n    assert list(router.venues) == ["paper"]'),
            _row("`lot_size`, of `MarketLimits` and of an instrument's configuration", "`lot_step`", 'from dita import MarketLimits\nassert MarketLimits("X", tick_size=1, lot_size="0.1").lot_step'),
            _row("`max_asset_exposure`, of the limits", "`max_asset_notional`", _D + 'from dita import ControlUpdate\nkernel.update_control(ControlUpdate(limits={"max_asset_exposure": 100}, updated_by="ops"))'),
            _row("`max_leverage`", _SAME, _D + 'from dita import ControlUpdate\nkernel.update_control(ControlUpdate(limits={"max_leverage": 2}, updated_by="ops"))'),
        ),
    ),
    "The runtime (0-hummingbot)": (
        "`dita.compat.trading` has its names. They are faces: of hosts, of the kernel's state and log, and of what `dita.backtest` measures.",
        (
            _row("`TradingRuntime`, `ActiveStrategy`, `StrategyStatus`, `RuntimeState`, `FillEvent`, `OrderIntent`", _SAME + ": a runtime of hosts", "from dita.compat.trading import *\nwith TradingRuntime() as runtime:\n    runtime.tick()"),
            _row("`add_connector(name, connector)`", "and `add_connector(connector)`, under its own name", 'from dita.compat.trading import *\nwith TradingRuntime() as runtime:\n    runtime.add_connector("paper", PaperConnector({"BTC/USDT": {"tick_size": "0.1", "lot_step": "0.001"}}))'),
            _row("`load_strategy(path)`", "on the only connector; `load_strategy(path, connector, pair)` elsewhere", 'from dita.compat.trading import *\nfrom dita.strategy.samples import path_of\nwith TradingRuntime() as runtime:\n    runtime.add_connector("paper", PaperConnector({"BTC/USDT": {"tick_size": "0.1", "lot_step": "0.001"}}))\n    runtime.load_strategy(str(path_of("ema-cross")))'),
            _row("`ConnectorBase`; connectors `paper`, `backtest`", "`PaperConnector`, `BacktestConnector`: each opens a host with one account", "from dita.compat.trading import *\nBacktestConnector(market)"),
            _row("a connector of a venue", "`VenueConnector`: Binance USD-M, as `dita run` trades there; or in shadow", "from dita.compat.trading import VenueConnector\nVenueConnector.name"),
            _row("`OrderTracker()`: `track(order)`, `update(id, status)`, `add_fill`, `get_open_orders`, `get_by_strategy`, `order_history`", "keeps what it is given; `OrderTracker(kernel)` shows the kernel's orders, and the log's fills", 'from decimal import Decimal\nfrom dita.compat.trading import *\ntracker = OrderTracker()\ntracker.track(TrackedOrder("", "c1", "s", "paper", "BTC/USDT", "BUY", "LIMIT", Decimal(1)))\ntracker.update("c1", "Canceled")'),
            _row("`TrackedOrder`, `Fill`", _SAME, 'from decimal import Decimal\nfrom dita.compat.trading import Fill\nFill(Decimal(1), Decimal(1), None, "", 0)'),
            _row("`BacktestConfig`, `BacktestEngine(config).load_data(path).run(strategy)`", "the engine of `dita backtest`, by days, a balance and a fee", _B + "engine.load_data(market)"),
            _row("`HistoricalData`", _SAME + ": a market file, read as a stream", "from dita.compat.trading import HistoricalData\nassert sum(1 for _ in HistoricalData(market))"),
            _row("`BacktestResult.equity_curve`", "`BacktestResult.equity`", "from dita.backtest import BacktestResult\nBacktestResult.equity_curve"),
            _row("`print_report()`", "seven lines between rules under BACKTEST RESULTS", "from decimal import Decimal\nfrom dita.compat.trading import PerformanceMetrics\nPerformanceMetrics.calculate([(0, Decimal(1))], []).print_report()"),
            _row("`PerformanceMetrics.calculate(equity_curve, trades)`: `total_pnl`, `total_pnl_pct`, `num_trades`, `win_rate`, `profit_factor`, `max_drawdown`, `max_drawdown_pct`, `sharpe_ratio`, `sortino_ratio`, `avg_trade_pnl`, `avg_win`, `avg_loss`", "`dita.backtest.measure`; `max_drawdown` is an amount. Of a curve that was thinned, daily figures come near to the run's own", 'from decimal import Decimal\nfrom dita.compat.trading import PerformanceMetrics\nfound = PerformanceMetrics.calculate([(0, Decimal(1))], [])\nfor name in "total_pnl total_pnl_pct num_trades win_rate profit_factor max_drawdown max_drawdown_pct sharpe_ratio sortino_ratio avg_trade_pnl avg_win avg_loss".split():\n    getattr(found, name)'),
            _row("`BacktestTrade.from_fill(fill)`", "one execution; what a backtest calls a trade is `dita.backtest.Trade`, from flat to flat", 'from decimal import Decimal\nfrom dita.compat.trading import BacktestTrade, FillEvent\nBacktestTrade.from_fill(FillEvent("paper", "c", Decimal(1), Decimal(2), 3))'),
            _row("`ExchangeSimulator`: `update_price`, `set_timestamp`, `total_equity`, `get_fills`", "the simulated venue with the kernel before it, by hand", 'from dita.compat.trading import ExchangeSimulator\nsimulator = ExchangeSimulator()\nsimulator.update_price("BTC/USDT", "60000")\nsimulator.total_equity(), simulator.get_fills()\nsimulator.close()'),
            _row("`PaperTradingMode(initial_balances)`, `.with_default_balances()`", "the simulated venue, spot, fee 0.001", "from dita.compat.trading import PaperTradingMode\nPaperTradingMode.with_default_balances()"),
            _row("`dita backtest`, `paper`: `--balance`, `--from DAY`, `--to DAY`", "`--capital`, `--since TIME`, `--until TIME`; the last day is played, `--until` is not", 'assert cli("backtest", str(path_of_sample), "--data", str(market), "--balance", "1000", "--from", "2024-01-01", "--to", "2024-01-03") == 0'),
            _row("`dita compose --output`", "`--out`", 'assert cli("compose", "--help") == 0'),
            _row("`dita paper STRATEGY -c CONNECTOR -p PAIR`", "`dita run STRATEGY --shadow -c CONNECTOR -p PAIR`", 'assert cli("run", "--help") == 0'),
        ),
    ),
    "The engine and its gateway (VeloZ)": (
        "",
        (
            _row("the engine's lines and events", "`dita engine --stdio`: [the protocol](../api/engine_protocol.md)", 'assert cli("engine", "--help") == 0'),
            _row("server-sent events `order_update`, `fill`, `account`", "of `GET /api/stream`, after each frame: [the routes](gateway.md)", 'from dita.gateway.named import named_events\nfrom dita.gateway.source import Update\nassert named_events(Update()) == b""'),
        ),
    ),
    "The shadow skeleton": (
        "`dita.compat.shadow` has its names: [the shadow loop](../README_EXECUTION.md).",
        (
            _row("`python -m tools.live.exec_demo`", "`dita shadow --shadow --symbols BTCUSDT`", 'assert cli("shadow", "--shadow", "--symbols", "BTCUSDT", "--iterations", "2") == 0'),
            _row("`IExchangeClient`, `FakeExchangeClient`, `InMemoryOrderStore`, `Order`, `OrderState`", "the names here, too", _S + "FakeExchangeClient(), InMemoryOrderStore(), IExchangeClient, Order, OrderState"),
            _row("`ExecutionLoop`, `RuntimeRiskMonitor`, `run_shadow_demo()`", "the names here, too", _S + "ExecutionLoop(FakeExchangeClient(), InMemoryOrderStore(), RuntimeRiskMonitor(**limits))"),
            _row("a portfolio's shadow apply", "`dita portfolio apply FILE --shadow`; with an account it passes that account's guards, grid and minimums", 'assert cli("portfolio", "apply", "--help") == 0'),
        ),
    ),
}  # fmt: skip


def page() -> str:
    """Return docs/reference/second-names.md."""
    parts = [
        "# Second names\n\n"
        "Users of the systems that DITA replaces know some things under other names. Where the thing is the same, the old name\n"
        "works. `dita second-names` prints this list; a test builds each row. Generated by `make docs`; do not edit.\n"
    ]
    for system, (intro, rows) in SECTIONS.items():
        lines = "".join(f"| {row.there} | {row.here} |\n" for row in rows)
        text = f"{intro}\n\n" if intro else ""
        parts.append(f"## {system}\n{text}| there | here |\n|---|---|\n{lines}")
    return "\n".join(parts)
