"""The kernel's journal in ClickHouse, written by a follower of its own."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from dita._kernel import KernelTransition, NotYetSupported, TradeSlot, VenueEvent
from dita.extras import is_there, missing
from dita.journal.place import DATABASE, JournalRefused, Place, place_of
from dita.journal.query import Result, ask_journal

_FLUSH_S: Final = 30.0


class ClickHouseKernelJournal:
    """A kernel's journal in ClickHouse: give it to `ExecutionKernel(journal=...)`.

    The kernel spawns a follower that writes what its log says, all of it: transitions, intents, venue events,
    fills, ledger entries, account events and snapshots, control changes. The kernel itself writes nothing and
    waits for nothing. Rows are written of what happens while the control `debug_clickhouse_enabled` is on.

    Example:
        `ExecutionKernel(log_dir="main", journal=ClickHouseKernelJournal("journal.db"))`

    Attributes:
        place: Where the database is.
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        database: str = DATABASE,
        ttl_days: int | None = None,
        always: bool = False,
    ) -> None:
        """Take where to write; nothing is opened.

        Args:
            where: A path for the embedded engine, or a server's URL. None means DITA_CLICKHOUSE_URL.
            database: The database's name.
            ttl_days: Rows go so many days after their time; None leaves the tables as they are.
            always: True writes whatever the control `debug_clickhouse_enabled` says.

        Raises:
            JournalRefused: It is neither a path nor a URL, or the extra `clickhouse` is not installed: a
                follower would only start and end, again and again.
        """
        self.place: Place = place_of(where, database)
        needed = ("clickhouse_connect",) if self.place.path is None else ("clickhouse_connect", "chdb")
        if not all(map(is_there, needed)):
            raise JournalRefused(missing("a journal in ClickHouse", "clickhouse"))
        self._ttl_days = ttl_days
        self._always = always
        self._reach: Callable[[float], bool] | None = None

    def follower(self) -> Mapping[str, Any]:
        """Return the specification of its follower."""
        options: dict[str, Any] = {"database": self.place.database}
        if self._ttl_days is not None:
            options["ttl_days"] = self._ttl_days
        return {
            "kind": "journal",
            "to": self.place.url or str(self.place.path),
            "when_enabled": not self._always,
            "options": options,
        }

    def attach(self, reach: Callable[[float], bool]) -> None:
        """Learn how to wait until everything taken so far is written.

        Args:
            reach: Waits so many seconds at most; says whether it is.
        """
        self._reach = reach

    def record_transition(
        self,
        transition: KernelTransition,
        slot: TradeSlot,
        event: VenueEvent | None,
        control: Mapping[str, Any],
    ) -> None:
        """Refuse: its follower writes it, from the log.

        Raises:
            NotYetSupported: Always.
        """
        raise NotYetSupported(
            "ClickHouseKernelJournal is written by a follower: ExecutionKernel(journal=...)"
        )

    def flush(self) -> None:
        """Wait until everything that the kernel has taken so far is written, 30 seconds at most.

        Raises:
            TimeoutError: It is not; nothing is lost, the follower goes on.
        """
        if self._reach is not None and not self._reach(_FLUSH_S):
            raise TimeoutError(
                f"the journal's follower is behind after {_FLUSH_S:g} s; see health()['followers']"
            )

    def close(self) -> None:
        """Do nothing: the kernel ends its followers."""

    def query(self, sql: str) -> Result:
        """Return the result of a query; see `dita.journal.query.ask_journal`."""
        return ask_journal(self.place, sql)
