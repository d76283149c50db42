"""A window of a market: what is played of it, and that the run says so."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from markets import MINUTE_NS, Listed, flat

from dita import InvalidInput
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.cli.main import main
from dita.market import Print
from dita.strategy import Bar, Strategy, TradeTick

RULES = BacktestSettings(instruments={"XUSDT": {"tick_size": "1", "lot_step": "1"}})


class Listening(Strategy):
    """Writes down when each bar opened and closed."""

    received: ClassVar[list[tuple[int, int]]] = []

    def on_bar(self, bar: Bar) -> None:
        self.received.append((bar.open_ns, bar.close_ns))


class Ticking(Strategy):
    """Writes down when each trade was dispatched."""

    received: ClassVar[list[int]] = []

    def on_trade(self, trade: TradeTick) -> None:
        self.received.append(trade.time_ns)


def test_only_bars_wholly_inside_the_window_are_received() -> None:
    Listening.received.clear()
    settings = replace(RULES, start_ns=2 * MINUTE_NS + 1, end_ns=6 * MINUTE_NS)
    result = BacktestEngine([Named("s", Listening)], [flat("XUSDT", 10)], settings).run()
    assert Listening.received == [(number * MINUTE_NS, (number + 1) * MINUTE_NS) for number in (3, 4, 5)]
    assert (result.start_ns, result.end_ns, result.bars) == (3 * MINUTE_NS, 6 * MINUTE_NS, 3)
    assert dict(result.assumptions)["window"].startswith(
        "from 1970-01-01 00:02:00 UTC to 1970-01-01 00:06:00"
    )


def test_a_tick_at_the_end_belongs_to_the_next_window() -> None:
    ticks = Listed("XUSDT", [Print("XUSDT", "1", "1", buyer_is_maker=True, ts_ns=at) for at in range(6)])
    received = []
    for start, end in ((None, 2), (2, 4), (4, None)):
        Ticking.received.clear()
        settings = replace(RULES, start_ns=start, end_ns=end)
        BacktestEngine([Named("s", Ticking)], [ticks], settings).run()
        received.append(list(Ticking.received))
    assert received == [[0, 1], [2, 3], [4, 5]]


def test_the_window_is_a_part_of_the_runs_id() -> None:
    ids = {
        BacktestEngine([Named("s", Listening)], [flat("XUSDT", 3)], settings).run_id()
        for settings in (
            RULES,
            replace(RULES, start_ns=1),
            replace(RULES, end_ns=9),
            replace(RULES, end_ns=8),
        )
    }
    assert len(ids) == 4


@pytest.mark.parametrize(("start_ns", "end_ns"), [(5, 5), (6, 5)])
def test_a_window_that_ends_before_it_begins_is_refused(start_ns: int, end_ns: int) -> None:
    with pytest.raises(InvalidInput, match=f"end_ns: 5 must be after start_ns {start_ns}"):
        replace(RULES, start_ns=start_ns, end_ns=end_ns)


def test_a_window_without_events_says_which_it_was() -> None:
    settings = replace(RULES, start_ns=100 * MINUTE_NS)
    with pytest.raises(InvalidInput, match="have no events: from 1970-01-01 01:40:00 UTC to the end"):
        BacktestEngine([Named("s", Listening)], [flat("XUSDT", 3)], settings).run()


def test_the_funding_files_content_is_a_part_of_the_runs_id_and_its_place_is_not(tmp_path: Path) -> None:
    def run_id(place: Path, text: str) -> str:
        place.write_text(text)
        settings = replace(RULES, funding=place)
        return BacktestEngine([Named("s", Listening)], [flat("XUSDT", 3)], settings).run_id()

    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    assert run_id(first, "time,symbol,rate\n") == run_id(second, "time,symbol,rate\n")
    assert run_id(first, "time,symbol,rate\n") != run_id(second, "time,symbol,rate,mark\n")


def test_the_command_plays_since_and_until(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "xusdt_1m.csv"
    rows = [f"2024-01-01T00:{number:02}:00,1,1,1,1,1" for number in range(60)]
    data.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")
    words = ["backtest", "ema-cross", "--data", str(data), "--since", "2024-01-01T00:10", "--until"]
    assert main([*words, "2024-01-01T00:50Z"]) == 0
    shown = capsys.readouterr()
    assert "from 2024-01-01 00:10:00 UTC to 2024-01-01 00:50:00 UTC" in shown.out
    assert shown.err.startswith("40 events")
    with pytest.raises(SystemExit):
        main([*words, "soon"])
    assert "argument --until: expected an ISO 8601 time, got 'soon'" in capsys.readouterr().err
