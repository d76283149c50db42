"""What a kernel shows in shared memory, read by any process of the same user."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from dita._kernel import KernelDiagnosticCode, KernelIntent, TradeSlot
from dita._kernel import ZincReader as Segment
from dita._kernel import zinc_names as names_in
from dita.zinc.directory import directory_of

INTENTS_MAX: Final = 1024
# An account's values that are no decimals.
_PLAIN: Final = frozenset(
    {"kernel", "asset", "margin_status", "reconcile_status", "reconcile_explanation", "assumed_tiers"}
)
# The names of `ExecutionKernel.account` that the record has under K's.
_SECOND: Final = (("capital", "k_capital"), ("realized_pnl", "k_realized_pnl"), ("event_seq", "seq"))


class Mark(NamedTuple):
    """The price at which an instrument is valued.

    Attributes:
        symbol: The instrument.
        price: Quote units.
        time_ns: The venue's time of it, ns since 1970.
    """

    symbol: str
    price: Decimal
    time_ns: int


class Quote(NamedTuple):
    """The best prices of an instrument.

    Attributes:
        symbol: The instrument.
        bid: Quote units.
        bid_size: Base units or contracts; None where it is not reported.
        ask: Quote units.
        ask_size: Base units or contracts; None where it is not reported.
        time_ns: The venue's time of it, ns since 1970.
    """

    symbol: str
    bid: Decimal
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None
    time_ns: int


class ShownIntent(NamedTuple):
    """An intent that the kernel was given, with its verdict.

    Attributes:
        number: Its place in the ring; they count from 1.
        seq: The kernel's input.
        time_ns: Kernel time, ns.
        accepted: Whether the kernel took it.
        code: Why not, or OK.
        intent: The intent.
    """

    number: int
    seq: int
    time_ns: int
    accepted: bool
    code: KernelDiagnosticCode
    intent: KernelIntent


def zinc_names(directory: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the names under which kernels of this user show themselves, or can be halted.

    Args:
        directory: Where they are; None means `DITA_ZINC_DIR`, or this user's directory in `/dev/shm`.

    Raises:
        ZincError: The directory cannot be read.
    """
    return names_in(directory_of(directory))


class ZincReader:
    """Reads what a kernel shows. No call waits for the kernel, and no state is half of one, half of another.

    When the kernel is opened anew under the same name, the next call reads the new one.

    Attributes:
        name: The plane's.
    """

    def __init__(self, name: str = "main", *, directory: str | os.PathLike[str] | None = None) -> None:
        """Open a plane.

        Args:
            name: The plane's.
            directory: Where it is; None means `DITA_ZINC_DIR`, or this user's directory in `/dev/shm`.

        Raises:
            ZincError: There is none, it is another version's, damaged, or not this user's alone.
            InvalidInput: The name is none.
        """
        self.name = name
        self._segment = Segment(directory_of(directory), name)

    @property
    def segment(self) -> Segment:
        """The native reader, for who reads the market in its order."""
        return self._segment

    def read_slot(self, slot_id: int) -> TradeSlot | None:
        """Return a slot's newest state; None before its first trade.

        Args:
            slot_id: From 0.

        Raises:
            ZincError: What is there cannot be read.
        """
        return self._segment.read_slot(slot_id)

    def read_whole_slot(self, slot_id: int) -> TradeSlot | None:
        """Return a slot's newest state; None before its first trade, and where something of it had no room.

        Args:
            slot_id: From 0.
        """
        standing = self._segment.slot_standing(slot_id)
        return None if standing is None or standing[1] else self._segment.read_slot(slot_id)

    def read_slots(self) -> list[TradeSlot]:
        """Return the slots that have carried a trade, each as it was shown last."""
        found = (self._segment.read_slot(slot_id) for slot_id in range(self._segment.slots))
        return [slot for slot in found if slot is not None]

    def read_account(self, asset: str | None = None) -> Mapping[str, Any]:
        """Return an account's newest state; empty before the first.

        Args:
            asset: Of which asset; None means the first that the kernel knows.
        """
        for account in self.read_accounts():
            if asset is None or account["asset"] == asset:
                return account
        return {}

    def read_accounts(self) -> list[Mapping[str, Any]]:
        """Return each asset's account, by the names of `ExecutionKernel.account`."""
        found: list[Mapping[str, Any]] = []
        while (text := self._segment.read_account(len(found))) is not None:
            found.append(account_of(json.loads(text)))
        return found

    @property
    def control(self) -> Mapping[str, Any]:
        """The controls by name; empty before they were shown."""
        text = self._segment.read_control()
        content: Mapping[str, Any] = {} if text is None else json.loads(text)
        return content

    @property
    def health(self) -> Mapping[str, Any]:
        """How the kernel's loop stands: `kernel seq time_ns inbox_room durable_seq busy_slots`."""
        text = self._segment.read_health()
        content: Mapping[str, Any] = {} if text is None else json.loads(text)
        return content

    def read_mark(self, instrument: int) -> Mark | None:
        """Return an instrument's newest mark.

        Args:
            instrument: Its place in `ExecutionKernel.instruments`.
        """
        found = self._segment.read_mark(instrument)
        return None if found is None else Mark(*found)

    def read_quote(self, instrument: int) -> Quote | None:
        """Return an instrument's newest quote, where whoever feeds the kernel shows quotes.

        Args:
            instrument: Its place in `ExecutionKernel.instruments`.
        """
        found = self._segment.read_quote(instrument)
        return None if found is None else Quote(*found)

    def read_intents(self, after: int = 0, most: int = INTENTS_MAX) -> tuple[list[ShownIntent], int]:
        """Return the intents that the kernel was given, oldest first, and how many were overwritten before.

        Args:
            after: The number of the last one that was read; 0 begins with the oldest.
            most: At most so many.
        """
        found, missed = self._segment.read_intents(after, most)
        return [ShownIntent(*one) for one in found], missed

    def reaches(self, seq: int, timeout_us: int = 1000) -> bool:
        """Return whether everything up to an input is shown; wait for that, at most so long.

        Args:
            seq: The input's number, from an outcome.
            timeout_us: Microseconds.
        """
        return self._segment.reaches(seq, timeout_us)

    @property
    def seq(self) -> int:
        """The last input that is shown."""
        return self._segment.seq

    @property
    def figures_seq(self) -> int:
        """The last input that accounts and controls show; 0 where the writer is older than that figure."""
        return self._segment.figures_seq

    @property
    def time_ns(self) -> int:
        """That input's kernel time, ns since 1970."""
        return self._segment.time_ns

    @property
    def pid(self) -> int:
        """The process that writes the plane."""
        return self._segment.pid

    @property
    def standing(self) -> Literal["LIVE", "CLOSED", "SUPERSEDED", "DEAD"]:
        """Whether the plane is kept up: DEAD where its kernel was killed: what is read is its last word."""
        return self._segment.standing


def account_of(record: dict[str, Any]) -> Mapping[str, Any]:
    """Return an account as `ExecutionKernel.account` names it.

    Args:
        record: As a kernel shows it, from JSON.
    """
    account: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) and name not in _PLAIN else value
        for name, value in record.items()
    }
    for name, source in _SECOND:
        if name not in account and source in account:
            account[name] = account[source]
    for cause in account.get("reconcile_causes", ()):
        cause["amount"] = Decimal(cause["amount"])
    return account
