"""A market that makes itself up as it goes: a seeded walk on the tick grid, with depth, prints and bars.

It resembles no real market. Its price may be set from outside, and then it goes on from there.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final

LEVELS: Final = 20
_BARS_MAX: Final = 1_500
_PRINTS_MAX: Final = 20_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
FUNDING_MS: Final = 8 * HOUR_MS
Level = tuple[Decimal, Decimal]


def next_funding_ms(now_ms: int) -> int:
    """When funding is next paid: 00:00, 08:00 and 16:00 UTC."""
    return (now_ms // FUNDING_MS + 1) * FUNDING_MS


@dataclass(frozen=True, slots=True)
class Listing:
    """An instrument as the exchange lists it.

    Attributes:
        symbol: The venue's name of it.
        base: Base asset.
        quote: Quote asset, which it settles in too.
        tick: Smallest price step.
        lot: Smallest quantity step.
        min_notional: Smallest order, quote units.
        max_qty: Largest limit order.
        market_max_qty: Largest market order.
        start: Where its made-up price begins.
        band: A sell's lowest limit and a buy's highest, as multiples of the mark.
        max_open_orders: How many orders may be open of it.
        max_open_stops: How many conditional orders may be.
    """

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_notional: Decimal
    max_qty: Decimal
    market_max_qty: Decimal
    start: Decimal
    band: tuple[Decimal, Decimal] = (Decimal("0.9500"), Decimal("1.0500"))
    max_open_orders: int = 200
    max_open_stops: int = 200


def _listing(
    base: str, tick: str, lot: str, floor: str, max_qty: str, market_max: str, start: str
) -> Listing:
    names = ("tick", "lot", "min_notional", "max_qty", "market_max_qty", "start")
    numbers = dict(zip(names, map(Decimal, (tick, lot, floor, max_qty, market_max, start)), strict=True))
    return Listing(symbol=f"{base}USDT", base=base, quote="USDT", **numbers)  # type: ignore[arg-type]


#: What is listed where nothing else is asked for; steps and limits are a perpetual's, prices are made up.
LISTINGS: Final = (
    _listing("BTC", "0.10", "0.001", "100", "1000", "120", "60000"),
    _listing("ETH", "0.01", "0.001", "20", "10000", "2000", "3000"),
    _listing("SOL", "0.0100", "0.01", "5", "10000", "1000", "150"),
)


@dataclass(slots=True)
class MinuteBar:
    """One minute: times in milliseconds, prices and volumes as decimals."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(0)
    turnover: Decimal = Decimal(0)
    bought: Decimal = Decimal(0)
    bought_turnover: Decimal = Decimal(0)
    prints: int = 0

    def take(self, price: Decimal, size: Decimal, *, bought: bool) -> None:
        """Add a print."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += size
        self.turnover += price * size
        self.prints += 1
        if bought:
            self.bought += size
            self.bought_turnover += price * size


def merge(bars: Iterable[MinuteBar], open_ms: int) -> MinuteBar:
    """Make one bar of several minutes.

    Args:
        bars: At least one, the oldest first.
        open_ms: When the whole begins.
    """
    first, *rest = bars
    whole = MinuteBar(
        open_ms, first.open, first.high, first.low, first.close, first.volume, first.turnover,
        first.bought, first.bought_turnover, first.prints,
    )  # fmt: skip
    for bar in rest:
        whole.high, whole.low, whole.close = max(whole.high, bar.high), min(whole.low, bar.low), bar.close
        whole.volume += bar.volume
        whole.turnover += bar.turnover
        whole.bought += bar.bought
        whole.bought_turnover += bar.bought_turnover
        whole.prints += bar.prints
    return whole


def grouped(market: "Market", length_ms: int, start_ms: int, end_ms: int) -> list[MinuteBar]:
    """Return bars of a length that begin in a time, the oldest first.

    Args:
        market: The market.
        length_ms: Their length.
        start_ms: From when on.
        end_ms: Before when.
    """
    parts: dict[int, list[MinuteBar]] = {}
    for bar in market.minutes(start_ms - start_ms % length_ms, end_ms):
        parts.setdefault(bar.open_ms - bar.open_ms % length_ms, []).append(bar)
    return [merge(bars, open_ms) for open_ms, bars in parts.items() if open_ms >= start_ms]


@dataclass(frozen=True, slots=True)
class MadePrint:
    """A trade of others; `sold` where the taker sold."""

    number: int
    price: Decimal
    size: Decimal
    time_ms: int
    sold: bool


@dataclass(slots=True)
class Market:
    """One instrument's market as it is now.

    Attributes:
        listing: The instrument.
        bids: Depth, the best first.
        asks: The same.
        update_id: The number of the last change of the depth.
        mark: The mark price.
        funding_rate: Of the next boundary.
        fixed_mark: Where the mark stands, whatever the market does; None where it follows.
    """

    listing: Listing
    random: Random
    bids: list[Level] = field(default_factory=list)
    asks: list[Level] = field(default_factory=list)
    update_id: int = 1_000_000
    mark: Decimal = Decimal(0)
    funding_rate: Decimal = Decimal("0.0001")
    fixed_mark: Decimal | None = None
    bars: deque[MinuteBar] = field(default_factory=lambda: deque(maxlen=_BARS_MAX))
    prints: deque[MadePrint] = field(default_factory=lambda: deque(maxlen=_PRINTS_MAX))
    made: int = 0
    still: bool = False
    changes: tuple[list[Level], list[Level]] = field(default_factory=lambda: ([], []))
    _mid: int = 0

    @classmethod
    def begin(cls, listing: Listing, seed: int, now_ms: int) -> "Market":
        """Begin a market, with bars of the time before.

        Args:
            listing: The instrument.
            seed: The same seed makes the same walk.
            now_ms: When it begins.
        """
        market = cls(listing, Random(f"{seed}-{listing.symbol}"))  # noqa: S311 - a made-up market is no secret
        market._mid = int(listing.start / listing.tick)
        market._write_history(now_ms)
        market._quote()
        return market

    @property
    def last(self) -> Decimal:
        """The last print's price, or the middle where there was none."""
        return self.prints[-1].price if self.prints else self._price(self._mid)

    def set_price(self, price: Decimal) -> None:
        """Have the market stand at a price from now on, and go on from there.

        Args:
            price: The best bid; the best ask is one tick above.
        """
        self._mid = max(int(price / self.listing.tick), LEVELS + 1)
        self._quote()

    def step(self, now_ms: int) -> MadePrint | None:
        """Let the market move once.

        Args:
            now_ms: The time.

        Returns:
            A trade of others, where one happened.
        """
        if not self.still:
            swing = max(1, self._mid // 60_000)
            self._mid = max(LEVELS + 1, self._mid + self.random.randint(-swing, swing))
        self._quote()
        self._bar_at(now_ms)
        if self.still or self.random.random() < 0.5:
            return None
        sold = self.random.random() < 0.5
        best, resting = (self.bids if sold else self.asks)[0]
        size = max(self.listing.lot, self._lots(resting * Decimal("0.2")))
        return self.print_at(best, size, now_ms, sold=sold)

    def print_at(self, price: Decimal, size: Decimal, now_ms: int, *, sold: bool) -> MadePrint:
        """Have others trade at a price: it goes on the tape and into the bar."""
        self.made += 1
        made = MadePrint(self.made, price, size, now_ms, sold)
        self.prints.append(made)
        self._bar_at(now_ms).take(price, size, bought=not sold)
        return made

    def minutes(self, open_ms: int, end_ms: int) -> list[MinuteBar]:
        """Return the minute bars that begin in a time, the oldest first."""
        return [bar for bar in self.bars if open_ms <= bar.open_ms < end_ms]

    def lately(self, length_ms: int, now_ms: int) -> list[MinuteBar]:
        """Return the minute bars of the last time; where the clock is off and it has none, the newest."""
        return self.minutes(now_ms - length_ms, now_ms + 1) or [self.bars[-1]]

    def _bar_at(self, now_ms: int) -> MinuteBar:
        open_ms = now_ms - now_ms % MINUTE_MS
        if not self.bars or self.bars[-1].open_ms < open_ms:
            price = self.last
            self.bars.append(MinuteBar(open_ms, price, price, price, price))
        return self.bars[-1]

    def _write_history(self, now_ms: int) -> None:
        first = now_ms - now_ms % MINUTE_MS - 1_000 * MINUTE_MS
        # Backwards, so that the present begins where the listing says.
        mids, mid = [], self._mid
        for _ in range(1_001):
            mids.append(mid)
            swing = max(2, mid // 5_000)
            mid = max(LEVELS + 1, mid + self.random.randint(-swing, swing))
        mids.reverse()
        for number in range(1_000):
            opened, closed = self._price(mids[number]), self._price(mids[number + 1])
            reach = self.listing.tick * self.random.randint(0, max(1, mids[number] // 10_000))
            bar = MinuteBar(
                first + number * MINUTE_MS, opened, max(opened, closed), min(opened, closed), closed
            )
            for price, bought in ((bar.high + reach, True), (bar.low - reach, False), (closed, True)):
                bar.take(price, self.listing.lot * self.random.randint(1, 2_000), bought=bought)
            self.bars.append(bar)

    def _quote(self) -> None:
        lot, tick = self.listing.lot, self.listing.tick
        self.update_id += 1
        before = (dict(self.bids), dict(self.asks))
        self.bids = [
            (self._price(self._mid - n), lot * self.random.randint(500, 5_000)) for n in range(LEVELS)
        ]
        self.asks = [
            (self._price(self._mid + 1 + n), lot * self.random.randint(500, 5_000)) for n in range(LEVELS)
        ]
        self.mark = self.fixed_mark or self.bids[0][0] + tick / 2
        self.changes = (_changed(before[0], self.bids), _changed(before[1], self.asks))

    def _price(self, ticks: int) -> Decimal:
        return self.listing.tick * ticks

    def _lots(self, size: Decimal) -> Decimal:
        return size // self.listing.lot * self.listing.lot


def _changed(before: dict[Decimal, Decimal], now: list[Level]) -> list[Level]:
    """The levels that are new or of another size, and those that are gone with size 0."""
    gone = [(price, Decimal(0)) for price in before.keys() - dict(now).keys()]
    return [level for level in now if before.get(level[0]) != level[1]] + sorted(gone)
