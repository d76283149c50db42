"""The market as a venue tells it: bars, quotes, trades, marks, books."""

from dataclasses import dataclass
from decimal import Decimal


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


MarketNews = VenueBar | VenueQuote | VenueTrade | VenueMark | VenueBook
