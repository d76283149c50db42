"""The market as a venue tells it: bars, quotes, trades, marks, books."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VenueBar:
    """A closed bar: prices and volume as the venue wrote them."""

    symbol: str
    interval: str
    open_ns: int
    close_ns: int
    texts: tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class VenueQuote:
    """Best bid and ask with their sizes, as the venue wrote them."""

    symbol: str
    time_ns: int
    texts: tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class VenueTrade:
    """A trade of others; `number` counts them without a gap, 0 where the venue has none."""

    symbol: str
    time_ns: int
    price: str
    size: str
    buyer_is_maker: bool
    number: int = 0


@dataclass(frozen=True, slots=True)
class VenueMark:
    """The venue's own mark price, and the funding terms that come with it."""

    symbol: str
    time_ns: int
    price: Decimal
    rate: Decimal | None
    next_boundary_ns: int | None


@dataclass(frozen=True, slots=True)
class VenueBook:
    """An order book's best levels, each a price and a size, the best first; empty where it is not whole."""

    symbol: str
    time_ns: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


class Books(Protocol):
    """The order books of a feed."""

    @property
    def are_whole(self) -> bool:
        """Whether every book can be traded on."""


class Feed(Protocol):
    """A venue's market feed.

    Attributes:
        reconnects: How often a stream was opened anew.
        missed_trades: How many public trades were missed, where the venue numbers them.
    """

    reconnects: int
    missed_trades: int

    @property
    def books(self) -> Books:
        """The order books."""

    def age_s(self, symbol: str) -> float | None:
        """Return how long ago an instrument's mark came, seconds; None where it never was."""

    def begin_after(self, bar: VenueBar) -> None:
        """Count a bar as published: what comes after it is new."""


MarketEvent = VenueBar | VenueQuote | VenueTrade | VenueMark | VenueBook
