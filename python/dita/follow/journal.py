"""The journal as a follower's target."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dita.follow.target import TargetAway, TargetRefused
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import JournalAway, JournalRefused, connect
from dita.journal.serving import QueryServer

if TYPE_CHECKING:
    from dita._kernel import FollowBatch, FollowStates


class JournalTarget:
    """Writes the journal's rows to ClickHouse; of an embedded database it answers queries, too.

    Attributes:
        name: Of the follower.
        wants_rows: True.
        wants_states: False.
        wants_refill: False: what is written stays.
    """

    wants_rows = True
    wants_states = False
    wants_refill = False

    def __init__(self, writer: ClickHouseWriter, *, name: str = "journal") -> None:
        """Take who writes.

        Args:
            writer: It is closed with this.
            name: Of the follower.
        """
        self.name = name
        self._writer = writer
        self._server: QueryServer | None = None

    def open(self) -> str:
        """Connect, bring the schema up to date, begin to answer queries."""
        with _Translating():
            identity = self._writer.open()
            path = self._writer.place.path
            if path is not None and self._server is None:
                # The writer's own connection stays free: a second one of the same engine reads.
                client = connect(self._writer.place, again=True)
                self._server = QueryServer(client, path, self._writer.place.database)
            return identity

    def write(self, batch: "FollowBatch", token: str) -> None:
        """Insert the batch's rows."""
        with _Translating():
            self._writer.write(batch["blocks"], token)

    def refill(self, states: "FollowStates") -> None:
        """Take nothing: it wants no states."""

    def health(self, status: Mapping[str, Any]) -> None:
        """Take nothing: the follower's status file says it."""

    def close(self) -> None:
        """Answer no more, and let go of the database."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._writer.close()


class _Translating:
    """Turns the journal's troubles into a target's."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Turn what was raised."""
        if isinstance(error, JournalAway):
            raise TargetAway(str(error)) from error
        if isinstance(error, JournalRefused):
            raise TargetRefused(str(error)) from error
