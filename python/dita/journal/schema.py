"""The journal's schema: its migrations, and whether a database still has what they made."""

import importlib.resources
import re
from typing import TYPE_CHECKING, Final

from dita._kernel import journal_tables
from dita.journal.place import JournalRefused

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_MEMBER: Final = re.compile(r"'([^']*)' = (-?\d+)")
TABLES: Final = tuple(name for name, _ in journal_tables())
_VERSIONS: Final = "schema_versions"


def migrations() -> list[tuple[int, str, str]]:
    """Return the package's migrations, in order: number, name, SQL."""
    found = []
    for file in importlib.resources.files("dita.journal.migrations").iterdir():
        name = _FILE.fullmatch(file.name)
        if name is not None:
            found.append((int(name[1]), name[2], file.read_text(encoding="utf-8")))
    return sorted(found)


def statements(sql: str, database: str) -> list[str]:
    """Return the statements of a migration, for a database of that name."""
    lines = [line for line in sql.splitlines() if not line.startswith("--")]
    whole = "\n".join(lines).replace("{database}", database)
    return [part.strip() for part in whole.split(";") if part.strip()]


def migrate(client: "Client", database: str) -> int:
    """Bring a database to the newest schema. One that is there already stays as it is.

    Returns:
        How many migrations were applied.

    Raises:
        JournalRefused: The database is newer than this version, or was altered by hand.
    """
    client.command(f"CREATE DATABASE IF NOT EXISTS {database}")
    client.command(
        f"CREATE TABLE IF NOT EXISTS {database}.{_VERSIONS} (version UInt32, name String, "
        f"applied DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY version"
    )
    known = migrations()
    version = int(str(client.command(f"SELECT max(version) FROM {database}.{_VERSIONS}")))
    newest = known[-1][0]
    if version > newest:
        raise JournalRefused(
            f"the database {database} has schema {version}, and this version of dita knows {newest}: "
            f"use a newer dita, or another database"
        )
    applied = 0
    for number, name, sql in known:
        if number <= version:
            continue
        # Each statement may be applied twice: a migration that was cut off is applied again.
        for statement in statements(sql, database):
            client.command(statement)
        client.command(f"INSERT INTO {database}.{_VERSIONS} (version, name) VALUES ({number}, '{name}')")
        applied += 1
    _check(client, database)
    return applied


def identity(client: "Client", database: str) -> str:
    """Return which database it is: another of the same name has another one."""
    found = client.command(f"SELECT toString(uuid) FROM system.databases WHERE name = '{database}'")
    return f"clickhouse {found}"


def set_ttl(client: "Client", database: str, days: int | None) -> None:
    """Let rows go so many days after their time; None keeps them for ever."""
    for table in TABLES:
        if days is None:
            has_ttl = client.command(
                f"SELECT count() FROM system.tables WHERE database = '{database}' AND name = '{table}' "
                f"AND engine_full LIKE '% TTL %'"
            )
            if int(str(has_ttl)):
                client.command(f"ALTER TABLE {database}.{table} REMOVE TTL")
        else:
            client.command(
                f"ALTER TABLE {database}.{table} MODIFY TTL toDateTime(time) + INTERVAL {days} DAY"
            )


def _check(client: "Client", database: str) -> None:
    """Hold the tables against what this version writes."""
    rows = client.query(
        f"SELECT table, name, type FROM system.columns WHERE database = '{database}'"
    ).result_rows
    found: dict[str, dict[str, str]] = {}
    for table, name, column_type in rows:
        found.setdefault(table, {})[name] = column_type
    for table, columns in journal_tables():
        if table not in found:
            raise altered(database, table, "is missing")
        for name, native, members in columns:
            held = found[table].get(name)
            if held is None:
                raise altered(database, f"{table}.{name}", "is missing")
            if not _fits(held, native, members):
                raise altered(database, f"{table}.{name}", f"is of type {held}")
    engines = client.query(
        f"SELECT name, engine_full FROM system.tables WHERE database = '{database}'"
    ).result_rows
    for table, engine in engines:
        if table in TABLES and "ReplacingMergeTree" not in engine:
            raise altered(database, table, f"has the engine {engine.split(' ')[0]}, not ReplacingMergeTree")
        plain = table in TABLES and not engine.startswith(("Replicated", "Shared"))
        if plain and not re.search(r"non_replicated_deduplication_window = [1-9]", engine):
            raise altered(
                database, table, "does not know repeated batches (non_replicated_deduplication_window)"
            )


def altered(database: str, what: str, how: str) -> JournalRefused:
    """Return the refusal of a database that is not as the migrations made it."""
    return JournalRefused(
        f"{database}.{what} {how}: it was altered by hand; put it back as dita/journal/migrations has it, "
        f"or give another database"
    )


def _fits(held: str, native: str, members: list[str] | None) -> bool:
    """Whether a column takes what is written: the same type, or one that it is cast into without loss."""
    if members is not None:
        inner = held.removeprefix("Nullable(")
        same_null = held.startswith("Nullable(") == native.startswith("Nullable(")
        numbers = {name: int(number) for name, number in _MEMBER.findall(inner)}
        expected = {name: number for number, name in enumerate(members)}
        return inner.startswith("Enum") and same_null and expected.items() <= numbers.items()
    return held == native or (native == "String" and held == "LowCardinality(String)")
