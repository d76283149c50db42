"""Bars that are built from quotes or trades, where those are all that there is."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from markets import Listed

from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.config import AccountConfig, Config, SimulatedConfig
from dita.host import Host
from dita.market import Print, Quote
from dita.strategy import Bar, QuoteTick, Strategy, TradeTick

SYMBOL = "XUSDT"
SECOND_NS = 1_000_000_000
RULES = {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}
# The first minute began before the first quote; the third has none.
QUOTES = [
    (30, "9", "11"),
    (60, "10", "10.2"),
    (70, "12", "12.4"),
    (110, "7", "7.2"),
    (119, "8", "8.6"),
    (180, "20", "20.2"),
    (200, "21", "21.2"),
    (240, "22", "22.2"),
]
# By hand: open, high, low and close of the middles.
WANTED = [
    "1m 60-120 10.1 12.2 7.1 8.3 0",
    "1m 180-240 20.1 21.1 20.1 21.1 0",
    "2m 120-240 20.1 21.1 20.1 21.1 0",
]


class Receives(Strategy):
    """Writes down bars, and how many quotes came before each."""

    intervals = ("1m", "2m")
    received: ClassVar[list[str]] = []
    ticks: ClassVar[list[int]] = []

    def on_bar(self, bar: Bar) -> None:
        span = f"{bar.open_ns // SECOND_NS}-{bar.close_ns // SECOND_NS}"
        self.received.append(
            f"{bar.interval} {span} {bar.open} {bar.high} {bar.low} {bar.close} {bar.volume}"
        )
        self.ticks.append(len(self.closes_float(bar.symbol, 10)))

    def on_quote(self, quote: QuoteTick) -> None:
        self.received.append("quote")


def played(kind: type[Strategy], events: list[Any]) -> None:
    settings = BacktestSettings(instruments=RULES)
    BacktestEngine([Named("s", kind)], [Listed(SYMBOL, events)], settings).run()


@pytest.fixture(autouse=True)
def _silence() -> None:
    Receives.received.clear()
    Receives.ticks.clear()


def quotes() -> list[Quote]:
    return [Quote(SYMBOL, bid, "1", ask, "1", at * SECOND_NS) for at, bid, ask in QUOTES]


def test_bars_of_quotes_are_of_their_middles_and_come_before_the_quote_that_closes_them() -> None:
    played(Receives, quotes())
    assert [one for one in Receives.received if one != "quote"] == WANTED
    assert Receives.received.index(WANTED[0]) == 5, "after five quotes: the sixth closes it"
    assert Receives.ticks == [1, 2, 2], "closes_float has the shortest bars that are built"


def test_a_program_that_is_given_quotes_receives_the_same_bars() -> None:
    played(Receives, quotes())
    wanted = list(Receives.received)
    Receives.received.clear()
    account = AccountConfig(
        max_slots=1, instruments={"instruments": RULES}, simulated=SimulatedConfig(balances={"USDT": "1000"})
    )
    with Host(Config(accounts={"main": account})) as host:
        host.load(Receives, name="s", account="main", symbols=(SYMBOL,)).start()
        for at, bid, ask in QUOTES:
            host.strategies.dispatch(QuoteTick(SYMBOL, at * SECOND_NS, (bid, "1", ask, "1")))
    assert Receives.received == wanted


def test_bars_of_trades_have_their_volume_and_once_there_are_trades_quotes_make_none() -> None:
    trade = [(60, "10", "1"), (80, "12", "2.5"), (119, "11", "0.5"), (121, "9", "1"), (180, "8", "1")]
    prints = [Print(SYMBOL, price, size, False, at * SECOND_NS) for at, price, size in trade]
    played(Receives, prints)
    assert Receives.received[:1] == ["1m 60-120 10 12 10 11 4.0"]
    Receives.received.clear()
    mixed: list[Any] = [
        *quotes()[:3],
        *prints[1:4],
        quotes()[5],
        Print(SYMBOL, "8", "1", False, 190 * SECOND_NS),
    ]
    played(Receives, mixed)
    built = [one for one in Receives.received if one != "quote"]
    assert built == ["1m 120-180 9 9 9 9 1"], "that of the first trade was not heard from its beginning"


def test_a_warm_up_of_bars_that_are_built_ends_and_the_strategy_starts() -> None:
    class Warms(Strategy):
        intervals = ("1m",)
        warmup = 2
        reported: ClassVar[list[bool]] = []

        def on_start(self) -> None:
            self.reported.append(self.warming)

        def on_bar(self, bar: Bar) -> None:
            self.reported.append(self.warming)

        def on_trade(self, trade: TradeTick) -> None:
            self.reported.append(self.warming)

    played(Warms, [*quotes(), Print(SYMBOL, "8", "1", False, 241 * SECOND_NS)])
    assert Warms.reported == [True, True, False, False]


def test_a_file_whose_last_row_has_no_line_end_is_named_in_the_report(tmp_path: Path) -> None:
    from dita.market import open_market  # noqa: PLC0415 - of this test alone

    rows = ["timestamp,open,high,low,close,volume"]
    rows += [f"2024-01-01T00:0{minute}:00,1,1,1,1,10" for minute in range(3)]
    notes = []
    for end in ("\n", ""):
        place = tmp_path / "xusdt_1m.csv"
        place.write_text("\n".join(rows) + end)
        engine = BacktestEngine(
            [Named("s", Receives)], [open_market(place)], BacktestSettings(instruments=RULES)
        )
        notes.append(dict(engine.run().assumptions).get("market files"))
    text = "1 end without a line end (xusdt_1m.csv): the last row may have been cut off"
    assert notes == [None, text]
