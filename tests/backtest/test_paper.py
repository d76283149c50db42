"""Paper runs: the fills and the money of a backtest, a log that replays to them, a host that answers."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from markets import MINUTE_NS, bars
from test_engine import FREE, SYMBOL, buy, scripted, sell

from dita import InvalidInput, timetravel
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.paper import PaperRun, set_log_away
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings
from dita.host import Directory, ask
from dita.market import Quote
from dita.strategy import Strategy

FEES = replace(FREE, taker_rate=Decimal("0.0005"), maker_rate=Decimal("0.0002"))
ROWS = [(100 + n % 7, 104 + n % 7, 97 + n % 7, 101 + n % 7) for n in range(200)]


class Swing(Strategy):
    """In on every seventh bar, out three later; with a resting stop."""

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.bars = 0

    def on_bar(self, bar: Any) -> None:
        self.bars += 1
        if self.position(bar.symbol).is_flat:
            if self.bars % 7 == 0:
                self.enter(bar.symbol, "LONG", 2)
        elif not self.orders(bar.symbol):
            self.exit(bar.symbol, order_type="STOP_MARKET", trigger_price=bar.close - 3)
        elif self.bars % 7 == 3:
            self.exit(bar.symbol)


class Quoter(Strategy):
    """A bid under the market, again and again."""

    def on_quote(self, quote: Any) -> None:
        if self.position(quote.symbol).size:
            self.exit(quote.symbol)
        elif not self.orders(quote.symbol):
            self.enter(quote.symbol, "LONG", 1, order_type="LIMIT", limit_price=quote.bid - 1)


def engine(strategy: type[Strategy], market: Any, settings: BacktestSettings = FEES) -> BacktestEngine:
    return BacktestEngine([Named("s", strategy)], [market], settings)


def quotes() -> Any:
    prices = [100 + (n * 7 % 11) - (n * 3 % 5) for n in range(300)]
    made = [Quote(SYMBOL, str(price), "5", str(price + 1), "5", n * 10**9) for n, price in enumerate(prices)]
    market = bars(SYMBOL, [])
    market._events = list(made)
    return market


def money(result: BacktestResult) -> Any:
    return (result.trades, result.final_k, result.final_e, result.fills, result.equity[-1])


@pytest.mark.parametrize(("strategy", "market"), [(Swing, lambda: bars(SYMBOL, ROWS)), (Quoter, quotes)])
def test_backtest_paper_and_replay_come_to_the_same_fills_and_the_same_money(
    tmp_path: Path, strategy: type[Strategy], market: Callable[[], Any]
) -> None:
    tested = engine(strategy, market()).run()
    directory = Directory(tmp_path / "h")
    paper = PaperRun(engine(strategy, market()), speed=None, directory=directory).run()
    assert len(tested.trades) > 5
    assert money(paper) == money(tested)
    assert paper.to_json() == tested.to_json()
    (account,) = timetravel.replay(directory.log("main"))["accounts"]
    assert (account["k_capital"], account["e_wallet_balance"]) == (tested.final_k, tested.final_e)
    assert timetravel.verify(directory.log("main"), replay=True)


def test_a_paper_run_goes_at_its_speed_and_answers_meanwhile(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    # 200 minutes at 60,000 times the pace: a fifth of a second for all of them, if nobody pauses.
    paper = PaperRun(engine(Swing, bars(SYMBOL, ROWS)), speed=6000, directory=directory)
    said: dict[str, Any] = {}

    def look() -> None:
        while "stopped" not in said:
            status = ask(directory, "status")["accounts"]["main"]
            if status["seq"] > 20 and "paused" not in said:
                said["paused"] = ask(directory, "pause")
                said["started"] = ask(directory, "start", strategy="s")
                said["refused"] = _refusal(lambda: ask(directory, "start", strategy="x"))
                said["stopped"] = ask(directory, "stop")
            time.sleep(0.005)

    watcher = threading.Thread(target=look)
    watcher.start()
    result = paper.run()
    watcher.join()
    assert result.interrupted
    assert said["paused"][0]["state"] == "Paused"
    assert said["started"][0]["state"] == "Running"
    assert "is none of s" in said["refused"]
    assert (directory.reports / "report.html").is_file()
    assert not directory.is_held()


def _refusal(ask_it: Callable[[], object]) -> str:
    try:
        ask_it()
    except Exception as error:  # noqa: BLE001 - its text is what is looked at
        return str(error)
    return ""


def test_a_strategy_that_raises_on_paper_is_isolated_and_the_others_go_on() -> None:
    bad, good = scripted({3: lambda *_: 1 / 0}), scripted({5: buy(), 9: sell})
    named = [Named("bad", bad), Named("good", good)]
    result = PaperRun(BacktestEngine(named, [bars(SYMBOL, ROWS)], FREE), speed=None).run()
    (error,) = result.errors
    assert error.startswith("bad: ZeroDivisionError: division by zero (")
    assert [trade.strategy for trade in result.trades] == ["good"]


@pytest.mark.parametrize(("policy", "orders", "held"), [("keep", 1, 1), ("cancel", 0, 1), ("flatten", 0, 0)])
def test_what_an_error_leaves_is_what_the_strategy_has_declared(policy: str, orders: int, held: int) -> None:
    def rest(self: Any, bar: Any) -> None:
        self.enter(bar.symbol, "LONG", 1, order_type="LIMIT", limit_price=50)

    plan: dict[int, Any] = {0: buy(), 2: rest, 4: lambda *_: 1 / 0}
    run = PaperRun(engine(scripted(plan, on_error=policy, slots=2), bars(SYMBOL, ROWS)), speed=None)
    kernel = run._play.host.kernel("main")
    seen: list[tuple[int, int]] = []
    close = run._play.host.close

    def look_and_close(**options: Any) -> None:
        live = kernel.orders(live_only=True)
        seen.append((len(live), sum(bool(slot.size) for slot in kernel.state.slots)))
        close(**options)

    run._play.host.close = look_and_close  # type: ignore[method-assign]
    run.run()
    assert seen == [(orders, held)]


def test_a_run_goes_on_where_an_earlier_one_has_ended_or_is_moved_away(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    first = PaperRun(engine(Swing, bars(SYMBOL, ROWS[:20])), speed=None, directory=directory).run()
    with pytest.raises(InvalidInput, match="has played all up to 1970-01-01 00:20:00; --fresh begins anew"):
        PaperRun(engine(Swing, bars(SYMBOL, ROWS[:20])), speed=None, directory=directory).run()
    second = PaperRun(engine(Swing, bars(SYMBOL, ROWS)), speed=None, directory=directory).run()
    assert (first.bars, second.bars) == (20, 180)
    assert second.equity[0].k == first.final_k
    assert timetravel.verify(directory.log("main"), replay=True)
    moved = set_log_away(directory)
    assert moved is not None
    assert (moved / "log" / "main").is_dir()
    assert set_log_away(directory) is None
    PaperRun(engine(Swing, bars(SYMBOL, ROWS[:20])), speed=None, directory=directory).run()


class Warm(Swing):
    """Remembers what it warmed up with."""

    warmup = 3
    received: ClassVar[list[int]] = []

    def on_bar(self, bar: Any) -> None:
        if self.warming:
            self.received.append(bar.close_ns // MINUTE_NS)


def test_a_run_that_goes_on_warms_up_with_the_last_bars_before_it(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "h")
    for count in (20, 40):
        PaperRun(engine(Warm, bars(SYMBOL, ROWS[:count])), speed=None, directory=directory).run()
    assert Warm.received == [1, 2, 3, 18, 19, 20]


def test_a_speed_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="speed"):
        PaperRun(engine(Swing, bars(SYMBOL, ROWS)), speed=0)


def test_a_price_off_the_grid_is_an_error_with_its_place_or_rounded_and_counted() -> None:
    rows: Any = [(100, 101, 99, 100), ("100.4", 102, 99, "100.5"), (101, 102, 100, 101)]
    with pytest.raises(InvalidInput, match=r"XUSDT at 1970-01-01 00:02:00: open.*--round-prices"):
        engine(scripted({}), bars(SYMBOL, rows)).run()
    result = engine(scripted({}), bars(SYMBOL, rows), replace(FEES, round_prices=True)).run()
    assert dict(result.assumptions)["prices off the grid"] == "2 rounded"
    assert result.prices[SYMBOL][1][1] == 100
