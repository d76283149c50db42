"""What a strategy is shown: bars, quotes, trades, its fills and positions. Prices are exact.

A price is a Decimal that is made when it is read. Those that end in `_float` are for indicators: never count
money with them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal


def moment(time_ns: int) -> datetime:
    """Return a time as an aware datetime, cut to microseconds.

    Args:
        time_ns: Nanoseconds since 1970-01-01 UTC.
    """
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(
        microsecond=time_ns % 1_000_000_000 // 1000
    )


class Bar:
    """A closed bar. It never changes.

    Attributes:
        symbol: The instrument.
        interval: "1m", "1h" and so on.
        open_ns: When it began, ns.
        close_ns: When it ended, ns.
    """

    __slots__ = ("_prices", "close_ns", "interval", "open_ns", "symbol")

    def __init__(
        self, symbol: str, interval: str, open_ns: int, close_ns: int, prices: tuple[str, str, str, str, str]
    ) -> None:
        """Take the prices as text: open, high, low, close, volume."""
        self.symbol = symbol
        self.interval = interval
        self.open_ns = open_ns
        self.close_ns = close_ns
        self._prices = prices

    @property
    def open(self) -> Decimal:
        """First price, quote units."""
        return Decimal(self._prices[0])

    @property
    def high(self) -> Decimal:
        """Highest price."""
        return Decimal(self._prices[1])

    @property
    def low(self) -> Decimal:
        """Lowest price."""
        return Decimal(self._prices[2])

    @property
    def close(self) -> Decimal:
        """Last price."""
        return Decimal(self._prices[3])

    @property
    def volume(self) -> Decimal:
        """Traded volume, as the source counts it."""
        return Decimal(self._prices[4])

    @property
    def open_float(self) -> float:
        """First price, for indicators."""
        return float(self._prices[0])

    @property
    def high_float(self) -> float:
        """Highest price, for indicators."""
        return float(self._prices[1])

    @property
    def low_float(self) -> float:
        """Lowest price, for indicators."""
        return float(self._prices[2])

    @property
    def close_float(self) -> float:
        """Last price, for indicators."""
        return float(self._prices[3])

    @property
    def volume_float(self) -> float:
        """Traded volume, for indicators."""
        return float(self._prices[4])

    @property
    def open_time(self) -> datetime:
        """When it began, UTC."""
        return moment(self.open_ns)

    @property
    def close_time(self) -> datetime:
        """When it ended, UTC."""
        return moment(self.close_ns)

    @property
    def texts(self) -> tuple[str, str, str, str, str]:
        """Open, high, low, close and volume as the source wrote them."""
        return self._prices

    def __repr__(self) -> str:
        """Return symbol, interval, time and prices."""
        return (
            f"Bar({self.symbol} {self.interval} {self.open_time:%Y-%m-%d %H:%M:%S} {' '.join(self._prices)})"
        )


class QuoteTick:
    """The best bid and ask.

    Attributes:
        symbol: The instrument.
        time_ns: When it was, ns.
    """

    __slots__ = ("_texts", "symbol", "time_ns")

    def __init__(self, symbol: str, time_ns: int, texts: tuple[str, str | None, str, str | None]) -> None:
        """Take the texts: bid, bid size, ask, ask size; a size may not be known."""
        self.symbol = symbol
        self.time_ns = time_ns
        self._texts = texts

    @property
    def bid(self) -> Decimal:
        """Best bid, quote units."""
        return Decimal(self._texts[0])

    @property
    def ask(self) -> Decimal:
        """Best ask."""
        return Decimal(self._texts[2])

    @property
    def bid_size(self) -> Decimal | None:
        """Size at the bid; None where it is not told."""
        size = self._texts[1]
        return None if size is None else Decimal(size)

    @property
    def ask_size(self) -> Decimal | None:
        """Size at the ask; None where it is not told."""
        size = self._texts[3]
        return None if size is None else Decimal(size)

    @property
    def bid_float(self) -> float:
        """Best bid, for indicators."""
        return float(self._texts[0])

    @property
    def ask_float(self) -> float:
        """Best ask, for indicators."""
        return float(self._texts[2])

    @property
    def time(self) -> datetime:
        """When it was, UTC."""
        return moment(self.time_ns)


class TradeTick:
    """A trade of others.

    Attributes:
        symbol: The instrument.
        time_ns: When it was, ns.
        buyer_is_maker: Whether the taker sold.
    """

    __slots__ = ("_price", "_size", "buyer_is_maker", "symbol", "time_ns")

    def __init__(self, symbol: str, time_ns: int, price: str, size: str, *, buyer_is_maker: bool) -> None:
        """Take price and size as text."""
        self.symbol = symbol
        self.time_ns = time_ns
        self.buyer_is_maker = buyer_is_maker
        self._price = price
        self._size = size

    @property
    def price(self) -> Decimal:
        """Its price, quote units."""
        return Decimal(self._price)

    @property
    def size(self) -> Decimal:
        """Its size, base units or contracts."""
        return Decimal(self._size)

    @property
    def price_float(self) -> float:
        """Its price, for indicators."""
        return float(self._price)


@dataclass(frozen=True, slots=True)
class OwnFill:
    """A fill of one of the strategy's orders.

    Attributes:
        symbol: The instrument.
        slot: The slot of its trade.
        trade_id: The trade.
        order_id: The order's client id.
        side: BUY or SELL.
        price: Quote units.
        size: Base units or contracts.
        fee: What was paid, where the venue has said it; below 0 is a rebate.
        liquidity: MAKER, TAKER, or empty where it is not told.
        time_ns: The venue's time, ns.
    """

    symbol: str
    slot: int
    trade_id: str
    order_id: str
    side: str
    price: Decimal
    size: Decimal
    fee: Decimal | None
    liquidity: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class Position:
    """What a strategy holds of an instrument: the signed sum of its open trades.

    Attributes:
        symbol: The instrument.
        size: Base units or contracts; above 0 long.
        entry_price: The mean of what is held; None where nothing is, or where trades of both sides are.
        unrealized_pnl: At the mark, settlement units.
    """

    symbol: str
    size: Decimal
    entry_price: Decimal | None
    unrealized_pnl: Decimal

    @property
    def is_long(self) -> bool:
        """Whether it is above zero."""
        return self.size > 0

    @property
    def is_short(self) -> bool:
        """Whether it is below zero."""
        return self.size < 0

    @property
    def is_flat(self) -> bool:
        """Whether there is none."""
        return not self.size
