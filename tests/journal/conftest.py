"""One embedded engine for all tests of a process: it takes no second path. Each test has its own database."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import connect, place_of

_NUMBERS = itertools.count(1)


@pytest.fixture(name="engine", scope="session")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("clickhouse")
    client = connect(place_of(path))
    yield path
    client.close()


class Base(ClickHouseWriter):
    """A writer to a database of its own, that can also be asked."""

    def value(self, sql: str) -> object:
        """What one query comes to."""
        client = connect(self.place, again=True)
        client.database = self.place.database
        try:
            return client.command(sql)
        finally:
            client.close()

    def count(self, table: str) -> int:
        """How many rows a table has, repeated ones too."""
        return int(str(self.value(f"SELECT count() FROM {table}")))


@pytest.fixture(name="base")
def _base(engine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Base]:
    # Whoever of this process asks for the engine has it already.
    monkeypatch.setattr("dita.journal.place._check_directory", lambda _: None)
    base = Base(engine, database=f"dita_{next(_NUMBERS)}")
    yield base
    base.close()


@pytest.fixture(name="new_base")
def _new_base(engine: Path, base: Base) -> Iterator[Callable[[], Base]]:
    made = []

    def new() -> Base:
        made.append(Base(engine, database=f"dita_{next(_NUMBERS)}"))
        return made[-1]

    yield new
    for one in made:
        one.close()
