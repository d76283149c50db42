"""`ExchangeSimulator`, fills as trades, and figures: faces of the venue, the kernel and `measure`."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import InvalidInput
from dita.backtest import EquityPoint, Trade
from dita.compat.trading import (
    BacktestConfig,
    BacktestEngine,
    BacktestTrade,
    ExchangeSimulator,
    FillEvent,
    OrderRequest,
    PerformanceMetrics,
    print_report,
)
from dita.strategy import OwnFill, Strategy

DAY_NS = 86_400_000_000_000
NEW_YEAR_NS = 1_704_067_200_000_000_000


class Turns(Strategy):
    """In at one bar, out at the next."""

    def on_bar(self, bar: Any) -> None:
        if self.trades():
            self.exit(bar.symbol)
        else:
            self.enter(bar.symbol, "LONG", 1)


def trade(pnl: Decimal) -> Trade:
    nothing, price = Decimal(0), Decimal(100)
    return Trade(
        1,
        "s",
        "XUSDT",
        "LONG",
        0,
        DAY_NS,
        price,
        price,
        price,
        pnl,
        pnl,
        nothing,
        nothing,
        "",
        ambiguous=False,
    )


def result_of(folder: Path, **config: Any) -> Any:
    path = folder / "xusdt_1h.csv"
    rows = (
        f"2024-01-0{1 + n // 24}T{n % 24:02}:00,{100 + n % 7},110,90,{100 + (n + 1) % 7},1" for n in range(72)
    )
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    return BacktestEngine(BacktestConfig(**config)).load_data(path).run(Turns)


def test_prices_and_times_go_in_and_fills_and_equity_come_out() -> None:
    with_start = datetime(2024, 1, 1, tzinfo=UTC)
    simulator = ExchangeSimulator({"USDT": Decimal(10_000)}, Decimal("0.001"), start=with_start)
    try:
        simulator.update_price("BTC/USDT", "60000")
        assert simulator.total_equity() == 10_000
        simulator.place_order(OrderRequest("BTC/USDT", "BUY", Decimal("0.1"), "b1"))
        simulator.set_timestamp(NEW_YEAR_NS + 60_000_000_000)
        simulator.update_price("BTC/USDT", "61000")
        simulator.place_order(OrderRequest("BTC/USDT", "SELL", Decimal("0.05"), "s1", price=Decimal(61_000)))
        bought, sold = map(BacktestTrade.from_fill, simulator.get_fills())
        assert (bought.side, bought.price, bought.quantity) == ("BUY", 60_000, Decimal("0.1"))
        assert (bought.fee, bought.fee_asset, bought.timestamp) == (Decimal("0.0001"), "BTC", NEW_YEAR_NS)
        assert (sold.side, sold.pair, sold.fee) == ("SELL", "BTCUSDT", Decimal("3.05"))
        # What is left of the coins at their price, and what the wallet holds.
        held = simulator.balances()
        assert simulator.total_equity() == held["USDT"] + held["BTC"] * 61_000
    finally:
        simulator.close()


def test_time_does_not_go_back_and_what_is_no_time_is_named() -> None:
    simulator = ExchangeSimulator(start=NEW_YEAR_NS)
    try:
        with pytest.raises(InvalidInput, match="runs forward only"):
            simulator.set_timestamp(5)
        for wrong in (datetime(2024, 1, 1), "now", -1, True):  # noqa: DTZ001 - that is the point
            with pytest.raises(InvalidInput, match="timestamp"):
                simulator.set_timestamp(wrong)  # type: ignore[arg-type]
    finally:
        simulator.close()


def test_a_strategys_fill_is_an_execution_and_nothing_else_is() -> None:
    own = OwnFill("XUSDT", 0, "t1", "o1", "BUY", "100", "2", "0.2", "TAKER", 7)
    assert BacktestTrade.from_fill(own) == BacktestTrade(
        7, "XUSDT", "BUY", Decimal(100), Decimal(2), Decimal("0.2"), "", "o1"
    )
    reported = FillEvent("paper", "o2", Decimal(1), Decimal(2), 3)
    assert BacktestTrade.from_fill(reported).client_id == "o2"
    with pytest.raises(InvalidInput, match="fill: 7 is neither"):
        BacktestTrade.from_fill(7)  # type: ignore[arg-type]


def test_figures_of_a_results_curve_are_the_results_own(tmp_path: Path) -> None:
    result = result_of(tmp_path)
    figures = PerformanceMetrics.calculate(result.equity_curve, result.trades)
    for ours, name in (
        (figures.win_rate, "win_rate"),
        (figures.profit_factor, "profit_factor"),
        (figures.max_drawdown, "max_drawdown_amount"),
        (figures.avg_win, "average_win"),
        (figures.avg_loss, "average_loss"),
        (figures.sharpe_ratio, "sharpe"),
        (figures.sortino_ratio, "sortino"),
    ):
        assert ours == result.metrics[name], name
    assert figures.num_trades == sum(trade.exit_time_ns is not None for trade in result.trades)
    one, other, third = io.StringIO(), io.StringIO(), io.StringIO()
    figures.print_report(one)
    result.print_report(other)
    print_report(result, third)
    assert other.getvalue() == third.getvalue() == one.getvalue()


def test_the_report_has_the_older_runtimes_lines() -> None:
    points = [(0, Decimal(10_000)), (DAY_NS, Decimal(10_500)), (2 * DAY_NS, Decimal(10_080))]
    trades = [trade(pnl) for pnl in (Decimal(500), Decimal(-400), Decimal(-20))]
    figures = PerformanceMetrics.calculate(points, trades)
    out = io.StringIO()
    figures.print_report(out)
    assert out.getvalue().splitlines()[3:8] == [
        "Total PnL: $80.00 (0.80%)",
        "Number of Trades: 3",
        "Win Rate: 33.33%",
        "Profit Factor: 1.19",
        "Max Drawdown: $420.00 (4.00%)",
    ]
    assert out.getvalue().isascii()
    assert (figures.total_pnl_pct, figures.max_drawdown_pct) == (Decimal("0.8"), 4)
    assert (figures.avg_win, figures.avg_loss) == (500, -210)
    assert figures.avg_trade_pnl == Decimal("26.66666667")


def test_curves_are_pairs_in_order_and_not_empty() -> None:
    points = [(0, Decimal(100)), (86_400_000_000_000, Decimal(110)), (172_800_000_000_000, Decimal(99))]
    figures = PerformanceMetrics.calculate(points, ())
    assert (figures.max_drawdown, figures.max_drawdown_pct) == (11, 10)
    assert figures == PerformanceMetrics.calculate(
        [EquityPoint(at, money, None, money) for at, money in points], ()
    )
    for wrong, why in (
        ([], "equity_curve: .* is empty"),
        ([(1, Decimal(1)), (0, Decimal(1))], r"equity_curve\[1\]: 0"),
        ([(0, 1.5)], "is no pair of a time in ns and a Decimal"),
        ([7], "is no pair"),
    ):
        with pytest.raises(InvalidInput, match=why):
            PerformanceMetrics.calculate(wrong, ())  # type: ignore[arg-type]


def test_days_of_a_configuration_may_be_text(tmp_path: Path) -> None:
    result = result_of(tmp_path, start_date="2024-01-02", end_date="2024-01-02")
    assert result.bars == 24
    with pytest.raises(InvalidInput, match=r"end_date: '2 Jan' is no day: write YYYY-MM-DD"):
        result_of(tmp_path, end_date="2 Jan")


def test_the_engines_settings_say_how_its_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "xusdt_1h.csv"
    rows = "".join(f"2024-01-01T{hour:02}:00,100,101,99,100,1\n" for hour in (1, 2, 1, 3))
    path.write_text("timestamp,open,high,low,close,volume\n" + rows)
    engine = BacktestEngine(bar_time="close", allow_disorder=True).load_data(path)
    result = engine.run(Turns)
    assert (result.bars, result.start_ns) == (3, NEW_YEAR_NS)
    assert dict(result.stated)["rows out of order"] == "1 left out"
