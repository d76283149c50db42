"""What a strategy is shown: bars, quotes, trades, books, its fills and positions. Prices are exact.

A price is a Decimal that is made when it is read. Those that end in `_float` are for indicators: never count
money with them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from dita._kernel import Bar, Book, OwnFill, QuoteTick, TradeTick

__all__ = ["Bar", "Book", "OwnFill", "Position", "QuoteTick", "TradeTick", "moment"]


def moment(time_ns: int) -> datetime:
    """Return a time as an aware datetime, cut to microseconds.

    Args:
        time_ns: Nanoseconds since 1970-01-01 UTC.
    """
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(
        microsecond=time_ns % 1_000_000_000 // 1000
    )


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
