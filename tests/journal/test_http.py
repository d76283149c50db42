"""The journal on a server: the unmodified client, HTTP, the real engine behind, and faults on the way."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dita.follow import Follower, TargetRefused
from dita.follow.journal import JournalTarget
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import JournalAway
from dita.journal.schema import TABLES
from logged import Desk, busy

_PROGRAM = Path(__file__).with_name("http_endpoint.py")


class Server:
    """The endpoint, in a process of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Begin, at the port of before."""
        self._process = subprocess.Popen(
            [sys.executable, os.fspath(_PROGRAM), os.fspath(self._path), str(self.port), "me", "s3cret"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, port = self._line().split()
        assert word == "ready"
        self.port = int(port)

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def fault(self, text: str) -> None:
        """Something goes wrong with the next INSERT for which nothing else is to."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        assert self._line() == "noted\n"

    def kill(self) -> None:
        """End it as a power loss does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def url(self, password: str = "s3cret") -> str:  # noqa: S107 - the test's own
        """Where it is."""
        return f"http://me:{password}@127.0.0.1:{self.port}"


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture(name="desk", scope="module")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = busy(tmp_path_factory.mktemp("desk") / "log")
    desk.kernel.sync()
    yield desk
    desk.kernel.close()


class Journal:
    """A follower that writes to a database of its own on the server."""

    def __init__(self, server: Server, log_dir: Path, database: str, **options: Any) -> None:
        self.server = server
        self.writer = ClickHouseWriter(server.url(), database=database)
        self.waits = 0
        (log_dir / "journal.cursor").unlink(missing_ok=True)
        options.setdefault("sleep", self._sleep)
        self.follower = Follower(
            log_dir,
            JournalTarget(self.writer),
            kernel="main",
            records_max=25,
            back_off_s=(1.0, 60.0),
            **options,
        )

    def _sleep(self, _: float) -> None:
        """The clock is shortened: a wait takes no time."""
        self.waits += 1

    def counts(self) -> dict[str, int]:
        """How many rows each table has, repeated ones too."""
        return {
            table: json.loads(self.writer.query_json(f"SELECT count() FROM {table}"))["data"][0][0]
            for table in TABLES
        }


Make = Callable[..., Journal]


@pytest.fixture(name="journal", scope="module")
def _journal(server: Server, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    made: list[Journal] = []
    tmp_path = tmp_path_factory.mktemp("logs")

    def make(**options: Any) -> Journal:
        log_dir = tmp_path / f"log{len(made)}"
        log_dir.mkdir()
        for file in desk.log_dir.iterdir():
            if file.suffix not in (".cursor", ".status", ".lock"):
                (log_dir / file.name).write_bytes(file.read_bytes())
        made.append(Journal(server, log_dir, f"dita_{len(made)}", **options))
        return made[-1]

    yield make
    for one in made:
        one.writer.close()


@pytest.fixture(name="whole", scope="module")
def _whole(journal: Make) -> dict[str, int]:
    undisturbed = journal()
    undisturbed.follower.run(until_end=True)
    assert undisturbed.follower.status.retries == 0
    return undisturbed.counts()


@pytest.mark.parametrize(
    ("fault", "retries"),
    [
        ("slow 0.2", 0),
        ("status 503", 1),
        ("reset before", None),
        ("reset after", None),
        ("truncate", None),
        ("full", 1),
    ],
)
def test_what_goes_wrong_on_the_way_neither_loses_nor_doubles_a_row(
    server: Server, journal: Make, whole: dict[str, int], fault: str, retries: int | None
) -> None:
    disturbed = journal()
    for at in range(3):
        # The client repeats what was reset by itself, so it happens to the repetition, too.
        server.fault(fault)
        server.fault(fault if at == 1 else "slow 0")
    disturbed.follower.run(until_end=True)
    assert disturbed.counts() == whole
    if retries is not None:
        assert (disturbed.follower.status.retries > 0) == (retries > 0)


def test_a_server_that_is_gone_for_a_minute_and_restarted_loses_nothing(
    server: Server, journal: Make, whole: dict[str, int]
) -> None:
    minute: list[float] = []
    states: list[str] = []

    def sleep(seconds: float) -> None:
        minute.append(seconds)
        states.append(gone.follower.status.state)
        if sum(minute) > 60:
            server.start()
            minute.clear()
            minute.append(-1e9)

    gone = journal(sleep=sleep)
    inserted = 0
    write = gone.writer.write

    def writing(blocks: Any, token: str) -> None:
        nonlocal inserted
        inserted += 1
        if inserted == 2:
            server.kill()
        write(blocks, token)

    gone.writer.write = writing  # type: ignore[method-assign]
    gone.follower.run(until_end=True)
    assert gone.follower.status.retries > 5
    assert set(states) == {"AWAY"}
    assert gone.counts() == whole


def test_a_wrong_password_is_refused_at_once_and_not_shown(
    server: Server, tmp_path: Path, desk: Desk
) -> None:
    writer = ClickHouseWriter(server.url("wr0ng"))
    follower = Follower(tmp_path, JournalTarget(writer), kernel="main")
    with pytest.raises(TargetRefused, match=r"user or password is wrong: .*; correct the URL") as refused:
        follower.run()
    assert "wr0ng" not in str(refused.value)


def test_a_server_that_is_not_there_is_away() -> None:
    writer = ClickHouseWriter("http://127.0.0.1:9")
    with pytest.raises(JournalAway, match=r"http://127\.0\.0\.1:9: "):
        writer.open()
