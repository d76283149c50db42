"""What every market feed does: a bar is told once, and the bars that closed meanwhile are fetched."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

from dita.errors import InvalidInput
from dita.venues.wire.feed import MarketFeed
from dita.venues.wire.market import MarketEvent, VenueBar, VenueMark

MINUTE = 60_000_000_000


def bar(number: int, symbol: str = "BTCUSDT") -> VenueBar:
    texts = ("1", "1", "1", "1", "1")
    return VenueBar(symbol, "1m", number * MINUTE, (number + 1) * MINUTE, texts)


class Wire:
    """Runs what is spawned at once."""

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            work.send(None)
        except StopIteration:
            return


class Feed(MarketFeed):
    """Its venue has the bars 0 to 5."""

    asked: list[tuple[str, int]]

    def _subscribe(self, **wanted: bool) -> None:
        assert wanted == {"quotes": False, "trades": False, "books": False}

    def _read(self, raw: str) -> list[MarketEvent]:
        raise AssertionError(raw)

    async def _bars(self, symbol: str, since_ns: int, now_ns: int) -> list[VenueBar]:
        self.asked.append((symbol, since_ns))
        if symbol == "ETHUSDT":
            raise InvalidInput("klines: are none")
        return [one for one in map(bar, range(6)) if one.close_ns >= since_ns]


def feed() -> tuple[Feed, list[MarketEvent]]:
    received: list[MarketEvent] = []
    wire: Any = Wire()
    made = Feed(wire, ["BTCUSDT", "ETHUSDT"], received.append, clock_ns=lambda: 6 * MINUTE)
    made.asked = []
    return made, received


def test_a_bar_that_comes_twice_or_late_is_reported_once() -> None:
    one, received = feed()
    for number in (1, 1, 2, 1):
        one._tell(bar(number))
    assert received == [bar(1), bar(2)]


def test_bars_that_closed_while_the_stream_was_gone_are_reported_once_it_is_open() -> None:
    one, received = feed()
    one.begin_after(bar(1, "ETHUSDT"))
    one.begin_after(bar(2))
    asyncio.run(one._fetch_soon())
    # One instrument whose bars cannot be had keeps no other from its own.
    assert {symbol for symbol, _ in one.asked} == {"BTCUSDT", "ETHUSDT"}
    assert received == [bar(3), bar(4), bar(5)]


def test_a_mark_has_an_age_once_it_was_received() -> None:
    one, received = feed()
    assert one.age_s("BTCUSDT") is None
    mark = VenueMark("BTCUSDT", 1, Decimal(1), None, None)
    one._tell(mark)
    assert received == [mark]
    assert one.age_s("BTCUSDT") is not None
