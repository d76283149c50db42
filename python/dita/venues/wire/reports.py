"""What every reader of a venue's reports counts, and the account events that all make. Without I/O."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from dita.errors import shown
from dita.venues.wire.updates import VenueUpdate


class ReportReader(ABC):
    """Reads frames of a venue's user stream, and rows of its answers.

    Attributes:
        entries: The venue's types of wallet entries, and the kernel's kinds.
        of_fills: Types of entries that belong to a fill, which is booked by itself.
        skipped: How many frames were known and of no use.
        unknown: How often what no list has was said, by name.
    """

    entries: ClassVar[Mapping[str, str]] = {}
    of_fills: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        """Know nothing yet."""
        self.skipped = 0
        self.unknown: Counter[str] = Counter()

    @abstractmethod
    def read(self, frame: object) -> VenueUpdate:
        """Read a frame's JSON.

        Raises:
            UnknownMessage: It says something that no list has.
            InvalidInput: A field is missing, or is not what it has to be.
        """

    def _entry(self, field: str, row: Mapping[str, Any], symbol: object, **own: object) -> dict[str, Any]:
        """Return a wallet entry as an account event.

        One of a type that no list has moved the wallet too: it is an ADJUSTMENT, and counted.

        Args:
            field: The field of the row that has its type.
            row: The row.
            symbol: Its instrument, where it names one.
            own: timestamp, asset, amount and venue_txn_id.
        """
        kind = str(row.get(field))
        if kind not in self.entries:
            self.unknown[f"{field} {shown(kind)}"] += 1
        named = {"symbol": symbol} if symbol else {}
        return {"kind": self.entries.get(kind, "ADJUSTMENT"), **own, **named}


def wallet_update(at_ns: int, asset: str, balance: Decimal) -> dict[str, Any]:
    """Return a wallet's balance as an account event.

    Args:
        at_ns: The time of the report.
        asset: The asset.
        balance: Without unrealized profit.
    """
    return {"kind": "ACCOUNT_UPDATE", "timestamp": at_ns, "asset": asset, "wallet_balance": balance}
