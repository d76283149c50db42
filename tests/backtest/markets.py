"""Small markets for tests of backtests."""

from collections.abc import Iterator, Sequence

from dita.market import Bar, Event, MarketKind

MINUTE_NS = 60_000_000_000


class Listed:
    """A market of listed events."""

    def __init__(self, symbol: str, events: Sequence[Event], *, step_ns: int = MINUTE_NS) -> None:
        self.symbol = symbol
        self.name = symbol
        self.kind: MarketKind = "synthetic"
        self.step_ns = step_ns
        self._events = list(events)

    def __iter__(self) -> Iterator[Event]:
        """The events, from the beginning."""
        return iter(self._events)

    def fraction_read(self) -> float:
        return 1.0


def bars(symbol: str, rows: Sequence[tuple[object, object, object, object]], *, start: int = 0) -> Listed:
    """Bars of one minute: open, high, low, close."""
    made = [
        Bar(symbol, *(str(price) for price in row), "1", (start + number) * MINUTE_NS)
        for number, row in enumerate(rows)
    ]
    return Listed(symbol, made)


def flat(symbol: str, count: int, price: object = 100) -> Listed:
    """Bars at one price."""
    return bars(symbol, [(price, price, price, price)] * count)
