"""Encode what happens to an account as a venue's frames and refusals."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from dita.practice.records import HeldPosition, PlacedOrder, Trade


class Refused(Exception):  # noqa: N818 - it is an answer, and no error of the program
    """An answer with a code.

    Attributes:
        status: The HTTP status.
        code: The venue's code.
        text: The venue's words.
        retry_after_s: What the header Retry-After says, or None.
    """

    def __init__(self, code: int, text: str, *, status: int = 400, retry_after_s: int | None = None) -> None:
        """Take what to answer."""
        super().__init__(f"{code} {text}")
        self.status = status
        self.code = code
        self.text = text
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the user stream.

    Attributes:
        topic: By which name it is subscribed to.
        body: Its JSON.
        what: NEW, FILL, END or empty: what happened to its order.
        client_id: Whose order it is of, where it is of one.
        key: The same for all frames of one order.
        completes: Whether the order is filled with it.
    """

    topic: str
    body: dict[str, Any]
    what: str = ""
    client_id: str = ""
    key: str = ""
    completes: bool = False


class VenueEncoder(Protocol):
    """Encodes account events in one venue's wire format."""

    @property
    def ids_for_ever(self) -> bool:
        """Whether a client id is taken for ever, or only as long as its order is open."""

    def order(self, order: PlacedOrder, what: str, now_ms: int, trade: Trade | None = None) -> list[Frame]:
        """Encode an order's change: NEW, TRADE, CALCULATED (a forced fill), AMENDMENT, CANCELED, EXPIRED."""

    def waiting(self, order: PlacedOrder, what: str, now_ms: int, reason: str = "") -> list[Frame]:
        """Encode a conditional order: NEW, TRIGGERING, TRIGGERED, FINISHED, CANCELED, EXPIRED or REJECTED."""

    def early(self, order: PlacedOrder, trade: Trade, now_ms: int) -> list[Frame]:
        """Encode a fill ahead of its full report, where the venue sends such a frame."""

    def account(
        self,
        reason: str,
        balances: Iterable[tuple[str, Decimal, Decimal, Decimal]],
        positions: Iterable[HeldPosition],
        now_ms: int,
        symbol: str = "",
    ) -> list[Frame]:
        """Encode changed balances (asset, wallet, cross wallet, change) and positions."""

    def leverage(self, symbol: str, leverage: int, now_ms: int) -> list[Frame]:
        """Encode a leverage change."""

    def without_price(self, fill: Frame) -> Frame:
        """Return a fill's frame with price 0 and without fee and profit."""

    def stamped(self, fill: Frame, earlier_ms: int) -> Frame:
        """Return a fill's frame with an earlier time."""

    def refusal(self, name: str, words: str = "") -> Refused:
        """Return what a refusal of the simulated venue, or of the account, is here."""
