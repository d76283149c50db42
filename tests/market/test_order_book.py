"""`OrderBook`: a live book from raw messages, against a naive model and against recorded ones."""

import gzip
import json
from bisect import bisect_right
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import recorded
from dita.market import OrderBook

Level = tuple[Decimal, Decimal]


class NaiveBook:
    """Two dicts, and the venue's rules as its documentation has them."""

    def __init__(self) -> None:
        self.sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
        self.last: int | None = None
        self.linked = False
        self.waiting: list[dict[str, Any]] = []

    def snapshot(self, message: dict[str, Any]) -> None:
        last = message["lastUpdateId"]
        if self.last is not None and last < self.last:
            return
        waiting = [one for one in self.waiting if one["u"] >= last]
        if waiting and not (waiting[0]["U"] <= last or waiting[0]["pu"] == last):
            self.forget(waiting)
            return
        self.forget([])
        self.last = last
        self.set(message["bids"], message["asks"])
        for one in waiting:
            self.update(one)

    def update(self, message: dict[str, Any]) -> None:
        if self.last is None:
            follows = not self.waiting or self.waiting[-1]["u"] == message["pu"]
            self.waiting = [*(self.waiting if follows else []), message]
            return
        if not self.linked and message["u"] < self.last:
            return
        fits = message["pu"] == self.last or (not self.linked and message["U"] <= self.last)
        if not fits:
            self.forget([message])
            return
        self.last, self.linked = message["u"], True
        self.set(message["b"], message["a"])

    def forget(self, waiting: list[dict[str, Any]]) -> None:
        self.sides, self.last, self.linked, self.waiting = ({}, {}), None, False, waiting

    def set(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, levels in zip(self.sides, (bids, asks), strict=True):
            for price, size in levels:
                side.pop(Decimal(price), None)
                if Decimal(size):
                    side[Decimal(price)] = Decimal(size)

    def bids(self) -> list[Level]:
        return sorted(self.sides[0].items(), reverse=True)

    def asks(self) -> list[Level]:
        return sorted(self.sides[1].items())


def agree(book: OrderBook, naive: NaiveBook) -> None:
    assert book.needs_snapshot == (naive.last is None)
    assert book.last_update == naive.last
    assert (book.bids(), book.asks()) == (naive.bids(), naive.asks())
    assert book.best_bid == next(iter(naive.bids()), None)
    assert book.best_ask == next(iter(naive.asks()), None)


def levels(side: int) -> st.SearchStrategy[list[list[str]]]:
    """Levels of one side that never cross those of the other."""
    price = st.integers(1, 12).map(lambda steps: str(Decimal(100) + Decimal(steps) * side / 10))
    size = st.sampled_from(["0", "0.000", "1", "2.50", "0.001"])
    return st.lists(st.tuples(price, size).map(list), max_size=4)


#: What happens to the stream: (kind, how many numbers an update has, bids, asks, how old a snapshot is).
STORY = st.lists(
    st.tuples(
        st.sampled_from(["update", "update", "update", "update", "lost", "snapshot", "again"]),
        st.integers(1, 3),
        levels(-1),
        levels(1),
        st.integers(0, 6),
    ),
    max_size=40,
)


@given(STORY)
@settings(max_examples=200, deadline=None)
def test_whatever_the_stream_loses_or_repeats_the_book_is_the_naive_models(story: list[Any]) -> None:
    book, naive, last = OrderBook("XUSDT"), NaiveBook(), 10
    before: dict[str, Any] | None = None
    for kind, count, bids, asks, age in story:
        if kind == "snapshot":
            whole = {"lastUpdateId": last - age, "bids": bids, "asks": asks}
            book.take(json.dumps(whole))
            naive.snapshot(whole)
        elif kind != "again" or before is not None:
            if kind != "again":
                ids = {"U": last + 1, "u": last + count, "pu": last}
                before = {"e": "depthUpdate", "s": "XUSDT", **ids, "b": bids, "a": asks}
                last += count
            if kind != "lost" and before is not None:
                book.take(json.dumps({"stream": "x", "data": before}))
                naive.update(before)
        agree(book, naive)


def depth(first: int, last: int, previous: int | None, **sides: list[list[str]]) -> str:
    ids = {"U": first, "u": last} | ({} if previous is None else {"pu": previous})
    return json.dumps({"e": "depthUpdate", "s": "XUSDT", **ids, "b": [], "a": [], **sides})


def whole(last: int) -> str:
    return json.dumps({"lastUpdateId": last, "bids": [["99.50", "1"]], "asks": [["100.50", "2"]]})


def test_each_message_says_what_came_of_it() -> None:
    book = OrderBook("XUSDT")
    assert (book.needs_snapshot, book.best_bid, book.last_update) == (True, None, None)
    assert book.take(depth(1, 5, 0)) == "waiting"
    assert book.take(whole(5)) == "used"
    assert book.take(depth(6, 7, 5, b=[["99.6", "0.25"]])) == "used"
    assert book.best_bid == (Decimal("99.6"), Decimal("0.25"))
    assert [str(price) for price, _ in book.bids()] == ["99.60", "99.50"]
    assert book.take(whole(3)) == "stale"
    assert book.take(depth(20, 21, 19)) == "gap"
    assert (book.needs_snapshot, book.bids(), book.asks()) == (True, [], [])
    assert book.take(depth(22, 22, 21)) == "waiting"
    assert book.take(whole(10)) == "gap", "the snapshot is older than the stream: another one is needed"
    assert book.take(whole(21)) == "used"
    assert book.last_update == 22
    counts = {"updates": 4, "snapshots": 2, "gaps": 2, "stale": 1, "levels": 5, "bids": 1, "asks": 1}
    assert counts.items() <= book.counts.items()


def test_a_book_that_crosses_is_dropped() -> None:
    book = OrderBook("XUSDT")
    book.take(whole(5))
    assert book.take(depth(6, 6, 5, b=[["100.50", "1"]])) == "crossed"
    assert (book.needs_snapshot, book.best_bid, book.counts["crossed"]) == (True, None, 1)


def test_what_is_of_another_kind_or_instrument_changes_nothing() -> None:
    book = OrderBook("XUSDT")
    book.take(whole(5))
    for message in (depth(6, 6, 5).replace("XUSDT", "YUSDT"), '{"e":"markPriceUpdate","s":"XUSDT"}', "{}"):
        assert book.take(message.encode()) == "nothing"
    assert book.last_update == 5


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("", "not JSON"),
        ("[]", "expected a JSON object"),
        (depth(6, 6, 5, b=[["-1", "1"]]), "b: must not be negative, got '-1'"),
        (depth(6, 6, 5, a=[["NaN", "1"]]), "a: expected a finite number"),
        (depth(6, 6, 5)[:-3], "ends too early"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_and_the_book_stays(
    message: str | bytes, error: str
) -> None:
    book = OrderBook("XUSDT")
    book.take(whole(5))
    with pytest.raises(ValueError, match=error):
        book.take(message)
    assert (book.last_update, book.needs_snapshot) == (5, False)


def test_a_cut_stream_is_reported_by_a_reset() -> None:
    book = OrderBook("XUSDT")
    book.take(whole(5))
    book.reset()
    assert (book.needs_snapshot, book.bids(), repr(book)) == (
        True,
        [],
        "OrderBook('XUSDT', bid=None, ask=None, needs_snapshot)",
    )


def test_a_recorded_book_has_the_best_quotes_that_the_venue_sent_apart_from_it(btcusdt_capture: Path) -> None:
    """The stream of best quotes numbers them as the depth does: at one number both tell one book."""
    book, naive = OrderBook("BTCUSDT"), NaiveBook()
    quotes: list[tuple[int, Level, Level]] = []
    tops: list[tuple[int, Level | None, Level | None]] = []
    with gzip.open(btcusdt_capture, "rt") as lines:
        for number, line in enumerate(lines):
            text = line.partition(" ")[2]
            if '"bookTicker"' in text:
                one = json.loads(text)["data"]
                bid, ask = ((Decimal(one[side]), Decimal(one[side.upper()])) for side in "ba")
                quotes.append((one["u"], bid, ask))
            elif '"depthUpdate"' in text or '"lastUpdateId"' in text:
                book.take(text)
                if not book.needs_snapshot and book.last_update is not None:
                    tops.append((book.last_update, book.best_bid, book.best_ask))
                if number < 5_000:
                    message = json.loads(text)
                    message = message.get("data", message)
                    (naive.snapshot if "lastUpdateId" in message else naive.update)(message)
                    agree(book, naive)
    assert book.counts["gaps"] == 0
    ids = [quote[0] for quote in quotes]
    assert ids == sorted(ids)
    compared = 0
    for last, bid, ask in tops:
        place = bisect_right(ids, last)
        if 0 < place < len(quotes):
            assert quotes[place - 1][1:] == (bid, ask), f"at {last}"
            compared += 1
    assert compared > 6_000


def test_a_recorded_snapshot_joins_the_stream_that_was_recorded_with_it() -> None:
    answers = gzip.decompress(recorded("cryptofeed_BINANCE_FUTURES.http.0.0.gz").read_bytes()).decode()
    snapshot = next(line for line in answers.splitlines() if "symbol=SUSHIUSDT" in line)
    stream = gzip.decompress(recorded("cryptofeed_BINANCE_FUTURES.ws.1.0.gz").read_bytes()).decode()
    frames = [line.partition(": ")[2] for line in stream.splitlines() if "SUSHIUSDT" in line]
    book, naive = OrderBook("SUSHIUSDT"), NaiveBook()
    whole_book = snapshot.partition(": ")[2]
    waiting = 10
    for frame in frames:
        if '"depthUpdate"' not in frame:
            assert book.take(frame) == "nothing"
            continue
        assert book.take(frame) in (("waiting",) if book.needs_snapshot else ("used", "stale"))
        naive.update(json.loads(frame)["data"])
        waiting -= 1
        if waiting == 0:
            assert book.take(whole_book) == "used"
            naive.snapshot(json.loads(whole_book))
    agree(book, naive)
    assert len(book.bids()) > 900
