"""What a venue says of an account and its key before the first order: each venue's folder asks it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dita.venues.wire.requests import Request


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What a key may do.

    Attributes:
        of: What it trades, as the venue names the right; empty where the right has no name.
        lacks: Why it is not enough, and what to do; empty where it may trade.
        withdraws: Whether it may withdraw.
        unknown: Why its rights are not known; empty where they are.
    """

    of: str = ""
    lacks: str = ""
    withdraws: bool = False
    unknown: str = ""


class AccountChecks(ABC):
    """Asks about one account. Nothing is changed there."""

    def __init__(self, ask: Callable[[Request], Any], symbols: list[str]) -> None:
        """Ask nothing yet.

        Args:
            ask: Sends a question and waits for its answer: any JSON.
            symbols: The account's instruments.
        """
        self._ask = ask
        self._symbols = symbols

    @abstractmethod
    def key(self) -> KeyRights:
        """Return what the key may do.

        Raises:
            Failure: The venue does not take it.
        """

    @abstractmethod
    def is_hedge(self) -> bool:
        """Return whether the account keeps two books per instrument.

        Raises:
            InvalidInput: Its instruments are mixed.
        """

    @abstractmethod
    def mode(self) -> tuple[bool, str]:
        """Return whether DITA can trade in the account's mode; and the mode, or what to do about it."""
