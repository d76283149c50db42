"""Raw captures: the events they become, and a book that is only shown where it is known to be whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from dita.market import BinanceL2File, Depth, Event, MarketFileError, Print, Quote

START_NS = 1_723_161_255_000_000_000


class Capture:
    """Writes a capture line by line; each line is received a millisecond after the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []

    def add(self, message: dict[str, Any], *, enveloped: bool = True, at: int | None = None) -> "Capture":
        ts_ns = START_NS + len(self.lines) * 1_000_000 if at is None else at
        content = {"stream": "s", "data": message} if enveloped else message
        self.lines.append(f"{ts_ns} {json.dumps(content)}")
        return self

    def quote(self, **changes: object) -> "Capture":
        message = {
            "e": "bookTicker",
            "u": 1,
            "s": "BTCUSDT",
            "b": "100.10",
            "B": "2.5",
            "a": "100.20",
            "A": "3",
        }
        return self.add({**message, **changes})

    def update(self, first: int, last: int, previous: int) -> "Capture":
        levels: dict[str, Any] = {"b": [["100.10", f"{last}"]], "a": []}
        return self.add({"e": "depthUpdate", "s": "BTCUSDT", "U": first, "u": last, "pu": previous, **levels})

    def gap(self) -> "Capture":
        return self.add({"e": "gap", "s": "BTCUSDT", "why": "cut"}, enveloped=False)

    def trade(self, kind: str = "trade") -> "Capture":
        return self.add({"e": kind, "s": "BTCUSDT", "p": "100.10", "q": "1", "m": True})

    def snapshot(self, last: int) -> "Capture":
        message = {"lastUpdateId": last, "bids": [["100.00", "7"]], "asks": [["101.00", "8"]]}
        return self.add(message, enveloped=False)

    def read(self) -> tuple[BinanceL2File, list[Event]]:
        self.path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        market = BinanceL2File(self.path)
        return market, list(market)


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return Capture(tmp_path / "capture.jsonl")


def bid_sizes(events: list[Event]) -> list[str]:
    """Name each depth event: an update by its first bid's size, a snapshot as "whole" or "empty"."""
    return [
        ("whole" if event.bids else "empty") if event.snapshot else event.bids[0][1]
        for event in events
        if isinstance(event, Depth)
    ]


def test_quotes_and_prints_keep_order_text_and_receive_time(capture: Capture) -> None:
    trade = {"e": "trade", "s": "BTCUSDT", "t": 9, "p": "100.20", "q": "0.006", "m": False}
    market, events = capture.quote().add(trade).quote(b="100.15").read()

    assert market.symbol == "BTCUSDT"
    assert events == [
        Quote("BTCUSDT", "100.10", "2.5", "100.20", "3", START_NS),
        Print("BTCUSDT", "100.20", "0.006", buyer_is_maker=False, ts_ns=START_NS + 1_000_000),
        Quote("BTCUSDT", "100.15", "2.5", "100.20", "3", START_NS + 2_000_000),
    ]
    assert (market.counts.quotes, market.counts.prints) == (2, 1)


def test_updates_wait_for_the_snapshot_and_those_in_it_are_dropped(capture: Capture) -> None:
    market, events = (
        capture.update(1, 10, 0).update(11, 20, 10).update(21, 30, 20).snapshot(25).update(31, 40, 30).read()
    )
    assert bid_sizes(events) == ["whole", "30", "40"]
    assert events[1].ts_ns == events[0].ts_ns == START_NS + 3_000_000
    assert (market.counts.stale_updates, market.counts.gaps, market.counts.depth_updates) == (2, 0, 4)


def test_a_break_in_the_chain_empties_the_book_until_the_next_snapshot(capture: Capture) -> None:
    market, events = (
        capture.update(1, 10, 0)
        .snapshot(10)
        .update(11, 20, 10)
        .update(31, 40, 30)  # 21 to 30 are missing
        .update(41, 50, 40)
        .snapshot(45)
        .update(51, 60, 50)
        .read()
    )
    assert bid_sizes(events) == ["whole", "10", "20", "empty", "whole", "50", "60"]
    assert market.counts.gaps == 1


def test_a_snapshot_older_than_what_waits_is_not_shown_and_the_next_one_is(capture: Capture) -> None:
    market, events = capture.update(21, 30, 20).snapshot(15).update(31, 40, 30).snapshot(35).read()
    assert bid_sizes(events) == ["whole", "40"]
    assert (market.counts.gaps, market.counts.stale_updates) == (1, 1)


def test_an_update_that_starts_after_the_snapshot_is_a_gap(capture: Capture) -> None:
    market, events = capture.update(1, 4, 0).snapshot(5).update(9, 12, 8).read()
    assert bid_sizes(events)[-1] == "empty"
    assert market.counts.gaps == 1


def test_without_a_snapshot_no_depth_is_shown_and_it_is_counted(capture: Capture) -> None:
    market, events = capture.update(1, 10, 0).update(11, 20, 10).update(41, 50, 40).read()
    assert events == []
    assert (market.counts.gaps, market.counts.unused_updates) == (1, 3)


def test_a_line_received_before_the_one_above_it_gets_the_later_time(capture: Capture) -> None:
    market, events = capture.quote().add({"e": "bookTicker", **json.loads(QUOTE)}, at=START_NS - 5).read()
    assert events[1].ts_ns == START_NS
    assert market.counts.late_lines == 1


def test_messages_of_other_streams_are_counted_and_skipped(capture: Capture) -> None:
    market, events = capture.quote().add({"e": "markPriceUpdate", "s": "BTCUSDT", "p": "1"}).read()
    assert len(events) == 1
    assert market.counts.other == 1


QUOTE = '{"s": "BTCUSDT", "b": "100.1", "B": "1", "a": "100.2", "A": "1"}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("soon {}", "receive time: expected 19 digits"),
        (f"{START_NS} {{", "the message is not JSON"),
        (f"{START_NS} {'[' * 100_000}", "the message is nested too deeply"),
        (f"{START_NS} [1]", "expected a JSON object"),
        (f'{START_NS} {{"e": "bookTicker", "s": "BTCUSDT", "b": "1"}}', "B: the message has no such field"),
        (f'{START_NS} {{"e": "trade", "s": "BTCUSDT", "p": "x", "q": "1"}}', "p: expected a decimal number"),
        (f'{START_NS} {{"e": "trade", "s": "BTCUSDT", "p": 1.5, "q": "1"}}', "p: expected a decimal in text"),
        (
            f'{START_NS} {{"e": "trade", "s": "ETHUSDT", "p": "1", "q": "1", "m": true}}',
            "s: 'ETHUSDT' after 'BTCUSDT'",
        ),
        (
            f'{START_NS} {{"e": "trade", "s": "BTCUSDT", "p": "1"',
            "it ends too early, as where a line was cut",
        ),
        (
            f'{START_NS} {{"e": "trade", "s": "BTCUSDT", "p": "-1", "q": "1", "m": true}}',
            "p: must not be neg",
        ),
        (
            f'{START_NS} {{"e": "trade", "s": "BTCUSDT", "p": "NaN", "q": "1", "m": true}}',
            "p: expected a fin",
        ),
        (f'{START_NS} {{"lastUpdateId": 1, "bids": [["1"]], "asks": []}}', "bids: a level needs a price"),
        (f'{START_NS} {{"lastUpdateId": "x", "bids": [], "asks": []}}', "expected a whole number"),
    ],
)
def test_a_bad_line_is_named_with_file_line_and_field(capture: Capture, line: str, message: str) -> None:
    capture.quote()
    capture.lines.append(line)
    with pytest.raises(MarketFileError) as caught:
        capture.read()
    assert f"{capture.path}, line 2: " in str(caught.value)
    assert message in str(caught.value)


def test_a_recorded_market_is_read_whole(btcusdt_capture: Path) -> None:
    market = BinanceL2File(btcusdt_capture)
    times = [event.ts_ns for event in market]

    assert times == sorted(times)
    assert market.symbol == "BTCUSDT"
    counts = market.counts
    assert (counts.quotes, counts.prints, counts.depth_updates, counts.snapshots) == (
        66_089,
        21_313,
        6_551,
        1,
    )
    assert (counts.gaps, counts.unused_updates, counts.late_lines) == (0, 0, 0)


def test_after_a_gap_row_nothing_is_reported_until_the_next_whole_book(capture: Capture) -> None:
    capture.snapshot(10).update(11, 12, 10).quote().trade().gap().quote().trade().update(20, 21, 19)
    market, events = capture.snapshot(20).quote().trade().read()
    assert [type(event).__name__ for event in events] == [
        "Depth", "Depth", "Quote", "Print", "Depth", "Depth", "Depth", "Quote", "Print",
    ]  # fmt: skip
    assert bid_sizes(events) == ["whole", "12", "empty", "whole", "21"]
    assert (market.counts.gaps, market.counts.other) == (1, 2)


def test_a_snapshot_that_is_older_than_the_stream_does_not_end_a_gap(capture: Capture) -> None:
    capture.snapshot(10).gap().update(20, 21, 19)
    _, events = capture.snapshot(11).quote().snapshot(20).quote().read()
    assert [type(event).__name__ for event in events][-3:] == ["Depth", "Depth", "Quote"]


def test_trades_are_reported_once_where_a_capture_has_both_streams_of_them(capture: Capture) -> None:
    market, events = capture.quote().trade("aggTrade").trade().trade("aggTrade").trade().read()
    assert sum(isinstance(event, Print) for event in events) == 2
    assert market.counts.other == 2
