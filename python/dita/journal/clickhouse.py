"""Writes the journal's rows to ClickHouse."""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dita.journal.place import DATABASE, JournalAway, JournalRefused, Place, connect, place_of, translated
from dita.journal.schema import identity, migrate, set_ttl

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

# Each day is a partition; the embedded engine's and the server's default is 100.
_PARTITIONS_MAX: Final = 1_000


class ClickHouseWriter:
    """Takes batches of rows, each under a token: one that comes again adds nothing.

    Attributes:
        place: Where the database is.
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None,
        *,
        database: str = DATABASE,
        ttl_days: int | None = None,
    ) -> None:
        """Take where to write; nothing is opened yet.

        Args:
            where: A path for the embedded engine, or a URL. None means DITA_CLICKHOUSE_URL.
            database: The database's name.
            ttl_days: Rows go so many days after their time; None leaves the tables as they are.

        Raises:
            JournalRefused: It is neither a path nor a URL.
        """
        self.place: Place = place_of(where, database)
        self._ttl_days = ttl_days
        self._client: Client | None = None

    def open(self) -> str:
        """Connect, and bring the schema up to date.

        Returns:
            Which database it is.

        Raises:
            JournalAway: It cannot be reached now.
            JournalRefused: It cannot be used; the text says what to do.
        """
        client = self._client or connect(self.place)
        self._client = client
        with self._translating():
            migrate(client, self.place.database)
            if self._ttl_days is not None:
                set_ttl(client, self.place.database, self._ttl_days)
            return identity(client, self.place.database)

    def write(self, blocks: Sequence[tuple[str, int, bytes]], token: str) -> None:
        """Insert a batch's blocks. What of them is there already under this token is left out.

        Args:
            blocks: (table, rows, a block in the Native format).
            token: Names the batch.

        Raises:
            JournalAway: Not all could be inserted now.
            JournalRefused: It is not taken; the text says what to do.
        """
        if self._client is None:
            self._client = connect(self.place)
        settings: Mapping[str, Any] = {
            "insert_deduplication_token": token,
            "insert_deduplicate": 1,
            "async_insert": 0,
            "max_partitions_per_insert_block": _PARTITIONS_MAX,
        }
        with self._translating():
            for table, _, block in blocks:
                packed, compression = self._packed(block)
                self._client.raw_insert(
                    f"{self.place.database}.{table}",
                    insert_block=packed,
                    fmt="Native",
                    compression=compression,
                    settings=dict(settings),
                )

    def _packed(self, block: bytes) -> tuple[bytes, str | None]:
        """Return the block as it travels: over a network compressed."""
        if self.place.url is None:
            return block, None
        lz4: Any = importlib.import_module("lz4.frame")
        return lz4.compress(block), "lz4"

    def query_json(self, sql: str) -> bytes:
        """Return a query's result as ClickHouse's JSONCompact: numbers that JSON would round as text.

        Raises:
            JournalAway: It cannot be reached now.
            JournalRefused: The query is refused.
        """
        if self._client is None:
            self._client = connect(self.place)
        with self._translating(asked=True):
            return ask(self._client, sql, self.place.database)

    def close(self) -> None:
        """Let go of the connection; the embedded database is free for others then."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _translating(self, *, asked: bool = False) -> "_Translating":
        return _Translating(str(self.place), asked=asked)


class _Translating:
    """Turns the client's errors into ours."""

    def __init__(self, where: str, *, asked: bool) -> None:
        self._where = where
        self._asked = asked

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Turn what was raised."""
        if error is None or isinstance(error, (JournalAway, JournalRefused)):
            return
        errors: Any = importlib.import_module("clickhouse_connect.driver.exceptions")
        http: Any = importlib.import_module("urllib3.exceptions")
        if isinstance(error, (errors.Error, http.HTTPError, OSError)):
            raise translated(error, self._where, asked=self._asked) from error


def ask(client: "Client", sql: str, database: str) -> bytes:
    """Return a query's result as JSONCompact. The client can only read from then on.

    Args:
        client: A client that writes nothing.
        sql: The query.
        database: Where names without a database are looked up.
    """
    settings = {
        "readonly": 2,
        "output_format_json_quote_decimals": 1,
        "output_format_json_quote_64bit_integers": 0,
        "output_format_json_quote_denormals": 1,
    }
    client.database = database
    return client.raw_query(sql, fmt="JSONCompact", settings=settings)
