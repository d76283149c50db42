"""Asks a journal, whoever has it open."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import JournalRefused, Place, holder_of
from dita.journal.serving import ask_server


@dataclass(frozen=True, slots=True)
class Result:
    """What a query came to.

    Attributes:
        names: The columns.
        types: Their types, as ClickHouse names them.
        rows: The values: whole numbers as int, decimals as Decimal, the rest as ClickHouse's JSON has it.
        seconds: How long the database took.
    """

    names: list[str]
    types: list[str]
    rows: list[list[Any]]
    seconds: float

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Return each row by name."""
        return (dict(zip(self.names, row, strict=True)) for row in self.rows)


def ask_journal(place: Place, sql: str) -> Result:
    """Return the result of a query. Nothing can be written this way.

    An embedded database is asked through the follower that has it open; where none has, it is opened.

    Args:
        place: Where the journal is.
        sql: One query, in ClickHouse's SQL; the tables' names need no database before them.

    Raises:
        JournalRefused: The query is wrong, or the database cannot be used; the text says what to do.
        JournalAway: The server cannot be reached.
    """
    if place.path is not None:
        answer = ask_server(place.path, sql)
        if answer is not None:
            return _read(answer)
        # No server: either nobody has it, and it is opened, or the refusal says who.
        if holder_of(place.path) is None and not place.path.exists():
            raise JournalRefused(f"{place.path}: there is no journal; check the path")
    writer = ClickHouseWriter(place.path or place.url, database=place.database)
    try:
        return _read(writer.query_json(sql))
    finally:
        writer.close()


def _read(answer: bytes) -> Result:
    if not answer.strip():
        return Result([], [], [], 0.0)
    found = json.loads(answer, parse_float=Decimal)
    names = [column["name"] for column in found["meta"]]
    types = [column["type"] for column in found["meta"]]
    decimals = ["Decimal" in one and not one.startswith(("Array", "Tuple", "Map")) for one in types]
    rows = [
        [
            Decimal(value) if is_decimal and value is not None else value
            for value, is_decimal in zip(row, decimals, strict=True)
        ]
        for row in found["data"]
    ]
    return Result(names, types, rows, float(found.get("statistics", {}).get("elapsed", 0)))
