"""What a run takes its files and rules for, and that its report says so."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from backtest.markets import MINUTE_NS, Listed, bars
from dita import InvalidInput
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.result import BacktestResult
from dita.backtest.settings import BacktestSettings, lot_of
from dita.market import Bar, MarketFileError, Print, Quote, open_market
from dita.strategy import Strategy

HEAD = "timestamp,open,high,low,close,volume\n"


class Received(Strategy):
    """Writes down when each bar opened and closed."""

    received: ClassVar[list[Any]] = []

    def on_bar(self, bar: Any) -> None:
        type(self).received.append(
            (bar.open_time.isoformat(), bar.close_time.isoformat(), self.now.isoformat())
        )


class Buys(Strategy):
    """Buys one, once."""

    def on_bar(self, bar: Any) -> None:
        if not self.trades():
            self.enter(bar.symbol, "LONG", 1)


def market_file(folder: Path, rows: str) -> Path:
    path = folder / "xusdt_1m.csv"
    path.write_text(HEAD + rows)
    return path


def played(path: Path, strategy: type[Strategy], **assumed: Any) -> BacktestResult:
    settings = BacktestSettings(**assumed)
    market = open_market(path, **settings.reading)
    return BacktestEngine([Named("s", strategy)], [market], settings, files=[path]).run()


def test_bar_times_are_openings_or_closes_and_make_another_run(tmp_path: Path) -> None:
    path = market_file(tmp_path, "".join(f"2024-01-01T00:0{n},1,2,1,1,1\n" for n in (1, 2)))
    seen = {}
    for what in ("open", "close"):
        Received.received.clear()
        result = played(path, Received, bar_time=what)
        seen[what] = (Received.received[0], result.run_id, dict(result.stated).get("bar times"))
    day = "2024-01-01T00:0"
    assert seen["open"][0] == tuple(f"{day}{minute}:00+00:00" for minute in (1, 2, 2))
    assert seen["close"][0] == tuple(f"{day}{minute}:00+00:00" for minute in (0, 1, 1))
    assert seen["open"][1] != seen["close"][1]
    assert (seen["open"][2], seen["close"][2]) == (None, "those of the closes")


def test_rows_out_of_order_are_counted_in_the_report(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-01T00:0{n},1,2,1,1,1\n" for n in (1, 2, 1, 3))
    result = played(market_file(tmp_path, rows), Received, allow_disorder=True)
    assert dict(result.stated)["rows out of order"] == "1 left out"
    assert result.bars == 3


def test_a_price_off_the_grid_is_named_with_its_line_and_field(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-01T00:0{n},100,101,99,{100 if n != 3 else 100.25},1\n" for n in range(6))
    path = market_file(tmp_path, rows)
    rules = {"XUSDT": {"tick_size": "1", "lot_step": "1"}}
    with pytest.raises(MarketFileError, match=r"xusdt_1m.csv, line 5: close: 100.25 .*tick grid") as raised:
        played(path, Received, instruments=rules)
    assert raised.value.line == 5
    assert dict(played(path, Received, instruments=rules, round_prices=True).stated)[
        "prices off the grid"
    ] == ("1 rounded")


@pytest.mark.parametrize(
    ("assumed", "own", "text"),
    [
        ({}, {}, "taker 0.001, maker 0.001 (0.001 where none was named)"),
        ({}, {"taker_rate": "0.0004", "maker_rate": "0.0002"}, "XUSDT: taker 0.0004, maker 0.0002"),
        (
            {},
            {"taker_rate": "0.0004"},
            "XUSDT: taker 0.0004, maker 0.001 (0.001 where none was named)",
        ),
        (
            {"taker_rate": Decimal("0.0005"), "maker_rate": Decimal(0)},
            {"taker_rate": "0.0004"},
            "taker 0.0005, maker 0",
        ),
    ],
)
def test_fees_are_the_settings_or_the_instruments_own(
    assumed: dict[str, Any], own: dict[str, str], text: str
) -> None:
    rules = {"XUSDT": {"tick_size": "1", "lot_step": "1", **own}}
    settings = BacktestSettings(instruments=rules, **assumed)
    market = bars("XUSDT", [(100, 100, 100, 100)] * 3)
    result = BacktestEngine([Named("s", Buys)], [market], settings).run()
    assert dict(result.stated)["fees"] == text
    paid = Decimal(text.split("taker ")[1].split(",", maxsplit=1)[0])
    assert result.fees_by_cause["taker"] == 100 * paid


def test_a_lot_is_as_fine_as_the_sizes_of_ticks_and_never_coarser_than_assumed() -> None:
    quote = Quote("XUSDT", "1", "0.00012", "2", "5", 0)
    trade = Print("XUSDT", "1", "0.0000010", False, 0)
    whole = Print("XUSDT", "1", "3", False, 0)
    bar = Bar("XUSDT", "1", "1", "1", "1", "0.00000001", 0)
    for event, lot in ((quote, "0.00001"), (trade, "0.000001"), (whole, "0.0001"), (bar, "0.0001")):
        assert lot_of(Listed("XUSDT", [event], step_ns=MINUTE_NS)) == lot


def test_the_ways_of_reading_are_in_the_runs_id_only_where_they_differ() -> None:
    plain = BacktestSettings()
    assert repr(plain) == repr(replace(plain, allow_disorder=True, bar_time="close"))
    assert json.dumps(plain.reading, sort_keys=True) == (
        '{"allow_disorder": false, "allow_gaps": false, "bar_time": "open"}'
    )


@pytest.mark.parametrize("time", ["1704067380", "1704067380000", "2024-01-01T00:03:00Z", "2024-01-01 00:03"])
def test_funding_times_are_read_as_those_of_markets(time: str, tmp_path: Path) -> None:
    path = market_file(tmp_path, "".join(f"2024-01-01T00:0{n},100,100,100,100,1\n" for n in range(5)))
    funding = tmp_path / "funding.csv"
    funding.write_text(f"time,symbol,rate,mark\n{time},XUSDT,0.01,100\n")
    result = played(path, Buys, funding=funding)
    assert result.funding_by_symbol == {"XUSDT": Decimal(-1)}
    assert dict(result.stated)["funding"] == "funding.csv"


def test_a_funding_file_of_another_time_says_so_and_one_without_a_time_is_refused(tmp_path: Path) -> None:
    path = market_file(tmp_path, "".join(f"2024-01-01T00:0{n},100,100,100,100,1\n" for n in range(5)))
    funding = tmp_path / "funding.csv"
    funding.write_text("time,symbol,rate,mark\n2023-01-01T00:00:00,XUSDT,0.01,100\n")
    result = played(path, Buys, funding=funding)
    assert dict(result.stated)["funding"] == "funding.csv: none of its rows is within the run"
    for wrong in ("1704067320000000000000", "170406732", "1066-10-14"):
        funding.write_text(f"time,symbol,rate,mark\n{wrong},XUSDT,0.01,100\n")
        with pytest.raises(InvalidInput, match=r"funding.csv, line 2: time: .*1970"):
            played(path, Buys, funding=funding)


def test_a_market_that_was_opened_in_another_way_than_the_settings_say_is_refused(tmp_path: Path) -> None:
    path = market_file(tmp_path, "".join(f"2024-01-01T00:0{n},1,2,1,1,1\n" for n in (1, 2)))
    for name, value in (("bar_time", "close"), ("allow_disorder", True)):
        market = open_market(path, **{name: value})  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match=f"{name}: .* is how xusdt_1m.csv was opened"):
            BacktestEngine([Named("s", Buys)], [market], BacktestSettings())
