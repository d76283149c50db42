"""Followers in processes of their own: a kernel spawns them, watches them, and waits for none."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dita import ControlUpdate, InvalidInput, NotYetSupported
from dita.follow import processes
from dita.follow.__main__ import NICE, SCHEDULING
from dita.follow.spec import FollowerSpec, build_target, kernel_name
from dita.follow.status import FollowerStatus
from dita.journal import ClickHouseKernelJournal, ask_journal
from dita.journal.place import JournalAway, JournalRefused, connect, holder_of, place_of
from dita.journal.serving import ask_server, socket_path
from dita.kernel.following import QUEUE_BYTES, make_queue
from logged import Desk

_PATIENCE_S = 60.0


def until(what: Callable[[], Any]) -> Any:
    """Wait for something that another process does."""
    due = time.monotonic() + _PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < due, "it never happened"
        time.sleep(0.05)
    return found


def health(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = desk.kernel.health()["followers"]["journal"]
    return found


def count(journal: ClickHouseKernelJournal, sql: str) -> int:
    return int(journal.query(f"SELECT count() FROM {sql}").rows[0][0])


def test_a_kernels_journal_is_written_by_a_process_that_answers_queries(tmp_path: Path) -> None:
    journal = ClickHouseKernelJournal(tmp_path / "db")
    desk = Desk(tmp_path / "log", {"journal": journal, "name": "desk-1"})
    desk.kernel.update_control(ControlUpdate(debug_clickhouse_enabled=True, updated_by="ops"))
    desk.quote("100.0", "100.1")
    desk.trade(1, "1", "101")
    journal.flush()
    found = health(desk)
    assert (found["state"], found["alive"], found["lag_records"], found["lag_seconds"]) == (
        "FOLLOWING",
        True,
        0,
        0.0,
    )
    assert found["pid"] not in (None, os.getpid())
    assert count(journal, "intents") == 2
    assert journal.query("SELECT DISTINCT kernel FROM fills").rows == [["desk-1"]]

    # Only one process may have it; the others are told which, and nobody but this user can ask.
    with pytest.raises(JournalAway, match=rf"is open in process {found['pid']}, and only one process may"):
        connect(place_of(tmp_path / "db"))
    assert socket_path(tmp_path / "db").stat().st_mode & 0o077 == 0
    with pytest.raises(JournalRefused, match="Unknown table"):
        journal.query("SELECT * FROM nothing")
    with pytest.raises(JournalRefused, match="readonly"):
        journal.query("DROP TABLE fills")

    # A follower that dies is seen, begun again, and goes on where it was.
    for turn in range(2, 4):
        os.kill(health(desk)["pid"], signal.SIGKILL)
        desk.trade(turn, "1", "101")
        until(lambda: health(desk)["restarts"] == turn - 1 and health(desk)["alive"])  # noqa: B023 - asked at once
    journal.flush()
    assert count(journal, "intents") == 6
    assert count(journal, "fills") == len(desk.fills)

    # What the kernel took last is there when it is closed.
    desk.trade(4, "1", "101")
    desk.kernel.close()
    assert holder_of(tmp_path / "db") is None
    assert ask_server(tmp_path / "db", "SELECT 1") is None


def test_a_follower_reads_to_the_end_when_its_kernel_dies(tmp_path: Path) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from dita.journal import ClickHouseKernelJournal\n"
        "from logged import Desk\n"
        "root = Path(sys.argv[2])\n"
        "desk = Desk(root / 'log', {'journal': ClickHouseKernelJournal(root / 'db', always=True)})\n"
        "desk.quote('100.0', '100.1')\n"
        "desk.trade(1, '1', '101')\n"
        "desk.kernel.sync()\n"
        "print(desk.kernel.health()['followers']['journal']['pid'], flush=True)\n"
        "os._exit(9)\n"
    )
    tests = os.fspath(Path(__file__).parents[1])
    died = subprocess.run(
        [sys.executable, "-c", program, tests, os.fspath(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert died.returncode == 9
    pid = int(died.stdout)
    until(lambda: not Path(f"/proc/{pid}").exists() if Path("/proc").exists() else True)
    # Its lock has gone with it: another process opens the database.
    program = (
        "import sys; from dita.journal import ask_journal; from dita.journal.place import place_of\n"
        "print(ask_journal(place_of(sys.argv[1]), 'SELECT count() FROM intents').rows[0][0])\n"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program, os.fspath(tmp_path / "db")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "2\n"


def test_a_kernel_without_a_log_feeds_the_same_follower(tmp_path: Path) -> None:
    journal = ClickHouseKernelJournal(tmp_path / "db", always=True)
    desk = Desk(None, {"journal": journal, "name": "unlogged"})  # type: ignore[arg-type]
    queue = Path(desk.kernel._following._log_dir)  # type: ignore[union-attr]
    assert queue.name.startswith("dita-queue-")
    desk.quote("100.0", "100.1")
    for number in range(20):
        desk.trade(number, "1", "101")
    journal.flush()
    assert count(journal, "intents WHERE kernel = 'unlogged'") == 40
    assert (desk.kernel.recovery, desk.kernel.log_standing) == (None, None)
    desk.kernel.close()
    assert not queue.exists()


def test_what_overflows_the_queue_is_gone_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"segment_bytes": 4096, "snapshot_records": 50, "retained_bytes": 0, "follower_bytes": 8192}
    standard = {"policy": "queue", "delay_us": 0, "records": 1}
    monkeypatch.setattr("dita.kernel.queue_settings", lambda: standard | small)
    journal = ClickHouseKernelJournal(tmp_path / "db", always=True)
    desk = Desk(None, {"journal": journal})  # type: ignore[arg-type]
    # The follower is held while the kernel goes on: it waits for nobody.
    pid = until(lambda: health(desk)["pid"])
    until(lambda: health(desk).get("seq", 0) > 0)
    os.kill(pid, signal.SIGSTOP)
    desk.quote("100.0", "100.1")
    for number in range(100):
        desk.trade(number, "1", "101")
    seq = desk.kernel.seq
    os.kill(pid, signal.SIGCONT)
    journal.flush()
    found = health(desk)
    assert found["lost"] > 0
    written = count(
        journal, "(SELECT DISTINCT seq FROM intents UNION DISTINCT SELECT DISTINCT seq FROM venue_events)"
    )
    assert 0 < written < seq
    assert found["seq"] == seq
    assert journal.query("SELECT max(seq) FROM account_snapshots").rows[0][0] > seq - 10
    desk.kernel.close()


def test_a_corrupt_cursor_is_said_and_trading_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path / "log")
    desk.kernel.close()
    (tmp_path / "log" / "journal.cursor").write_text("nonsense")
    journal = ClickHouseKernelJournal(tmp_path / "db", always=True)
    with caplog.at_level(logging.ERROR, "dita.follow"):
        desk = Desk(tmp_path / "log", {"journal": journal})
        found = until(lambda: health(desk)["state"] == "REFUSED" and health(desk))
    assert (
        "journal.cursor: the cursor cannot be used: it is damaged; restore it from a copy" in found["error"]
    )
    desk.quote("100.0", "100.1")
    desk.trade(1, "1", "101")
    (tmp_path / "log" / "journal.cursor").unlink()
    until(lambda: health(desk)["state"] == "FOLLOWING")
    journal.flush()
    assert count(journal, "intents") == 2
    desk.kernel.close()


def test_a_database_of_another_process_is_said(tmp_path: Path) -> None:
    with (tmp_path / "status").open("w") as status:
        status.write("PID: 4711\n")
        status.flush()
        held = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); input()",
                os.fspath(tmp_path / "status"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert held.stdout is not None
        held.stdout.readline()
    with pytest.raises(JournalAway, match="is open in process 4711"):
        ask_journal(place_of(tmp_path), "SELECT 1")
    held.communicate(b"\n")
    assert holder_of(tmp_path) is None, "a lock ends with its process"


def test_a_journal_that_is_not_there_is_not_made_by_asking(tmp_path: Path) -> None:
    with pytest.raises(JournalRefused, match="there is no journal; check the path"):
        ask_journal(place_of(tmp_path / "nowhere"), "SELECT 1")
    assert not (tmp_path / "nowhere").exists()


def test_what_a_follower_is_given(tmp_path: Path) -> None:
    spec = FollowerSpec("journal", "/db", "/log", "main", options={"ttl_days": 3})
    assert FollowerSpec.from_json(spec.to_json()) == spec
    with pytest.raises(InvalidInput, match="kind: 'nothing' is none of audit, journal"):
        build_target(FollowerSpec("nothing", None, "/log", "main"))
    assert kernel_name(None, tmp_path / "desk") == "desk"
    for name in ("", "a/b", "a:b", "x" * 65, "a\nb"):
        with pytest.raises(InvalidInput, match="kernel: "):
            kernel_name(name, None)
    with pytest.raises(NotYetSupported, match="is written by a follower"):
        ClickHouseKernelJournal("/db").record_transition(None, None, None, {})  # type: ignore[arg-type]


def test_the_queue_of_a_kernel_that_died_long_ago_goes() -> None:
    old = Path(make_queue())
    os.utime(old, (0, 0))
    new = Path(make_queue())
    assert not old.exists()
    assert new.exists()
    new.rmdir()
    assert QUEUE_BYTES > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has classes of scheduling")
@pytest.mark.parametrize(
    ("asked", "policy"), [(None, "SCHED_IDLE"), ("idle", "SCHED_IDLE"), ("batch", "SCHED_BATCH")]
)
def test_a_follower_stands_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None, policy: str
) -> None:
    if asked is None:
        monkeypatch.delenv(SCHEDULING, raising=False)
    else:
        monkeypatch.setenv(SCHEDULING, asked)
    desk = Desk(tmp_path / "log", {"journal": ClickHouseKernelJournal(tmp_path / "db", always=True)})
    # Its status is the first thing that it writes, and by then it stands back.
    pid = until(lambda: health(desk)["state"] != "STARTING" and health(desk)["pid"])
    assert os.sched_getscheduler(pid) == getattr(os, policy)
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + NICE
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "the kernel's own process stays as it is"
    # Linux may share the processor among sessions before it looks at nice values; Ctrl-C goes to a group.
    assert os.getsid(pid) == os.getsid(0)
    assert os.getpgid(pid) == pid
    desk.kernel.close()


def test_a_follower_that_is_silent_is_talked_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = FollowerStatus("journal", "main")
    monkeypatch.setattr(processes, "read_status", lambda *_: received if received.updated_ns else None)
    monkeypatch.setattr(processes, "_SILENT_S", 0.2)
    follower = processes.FollowerProcess(FollowerSpec("journal", "db", os.fspath(tmp_path / "none"), "main"))

    def said(updated_ns: Callable[[], int]) -> list[str]:
        """What is said in the next half second, with a status that was written then."""
        caplog.clear()
        due = time.monotonic() + 0.5
        while time.monotonic() < due:
            received.updated_ns = updated_ns()
            follower.watch()
            time.sleep(0.01)
        return [record.getMessage() for record in caplog.records]

    with caplog.at_level(logging.WARNING, "dita.follow"):
        follower.start()
        long_ago = time.time_ns() - 1_000_000_000
        assert said(time.time_ns) == []
        [text] = said(lambda: long_ago)
        assert f"the follower journal (process {follower.pid}) has said nothing for 0 s" in text
        assert "DITA_FOLLOWERS_SCHEDULING=batch" in text
        assert said(lambda: long_ago) == [], "each silence is said once"
        assert said(time.time_ns) == []
        assert len(said(lambda: 0)) == 1, "no status at all is silence"
    assert follower.pid is not None
    os.kill(follower.pid, signal.SIGKILL)
    follower.end()
    assert not follower.join(30.0)


_IN_A_TERMINAL = """
import os, pty, sys, termios, time
from dita.follow.processes import FollowerProcess
from dita.follow.spec import FollowerSpec
child, terminal = pty.fork()
if child == 0:
    modes = termios.tcgetattr(2)
    modes[3] |= termios.TOSTOP
    termios.tcsetattr(2, termios.TCSANOW, modes)
    follower = FollowerProcess(FollowerSpec("nothing", None, sys.argv[1], "main"))
    follower.start()
    due = time.monotonic() + 30
    while follower.pid is not None and time.monotonic() < due:
        time.sleep(0.02)
    hangs = follower.pid
    if hangs is not None:
        os.kill(hangs, 9)
    os._exit(hangs is not None)
said = b""
try:
    while piece := os.read(terminal, 4096):
        said += piece
except OSError:  # how the end of a terminal reads
    pass
print(said.decode(), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_follower_may_speak_on_a_terminal_that_stops_the_background(tmp_path: Path) -> None:
    spoke = subprocess.run(
        [sys.executable, "-c", _IN_A_TERMINAL, os.fspath(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "nothing" in spoke.stdout
    assert spoke.returncode == 0, spoke.stderr


def test_a_scheduling_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULING, "fifo")
    desk = Desk(tmp_path / "log", {"journal": ClickHouseKernelJournal(tmp_path / "db", always=True)})
    until(lambda: health(desk)["state"] == "REFUSED")
    assert health(desk)["error"] == "DITA_FOLLOWERS_SCHEDULING: 'fifo' is none of idle, batch"
    desk.quote("100.0", "100.1")
    desk.trade(1, "1", "101")
    assert len(desk.fills) == 2
    desk.kernel.close()


_NEWER = """
import sys
from dita.journal.clickhouse import ClickHouseWriter
from dita.journal.place import connect
writer = ClickHouseWriter(sys.argv[1])
writer.open()
connect(writer.place, again=True).command(sys.argv[2])
writer.close()
"""


_LATER = "INSERT INTO dita.schema_versions VALUES (99, 'later', 0)"
_DROPPED = "ALTER TABLE dita.fills DROP COLUMN fee"


@pytest.mark.parametrize(
    ("where",              "altered", "state",   "error"),
    [
        ("http://127.0.0.1:9", "",       "AWAY",    "http://127.0.0.1:9: "),
        ("file",               "",       "REFUSED", "the directory cannot be made"),
        ("db",                 _LATER,   "REFUSED", "has schema 99, and this version of dita knows"),
        ("db",                 _DROPPED, "REFUSED", "dita.fills.fee is missing: it was altered by hand"),
    ],
)  # fmt: skip
def test_the_kernel_goes_on_whatever_is_wrong_with_its_journal(
    tmp_path: Path, where: str, altered: str, state: str, error: str
) -> None:
    (tmp_path / "file").touch()
    place = where if "://" in where else os.fspath(tmp_path / where)
    if altered:
        subprocess.run([sys.executable, "-c", _NEWER, place, altered], check=True)
    desk = Desk(tmp_path / "log", {"journal": ClickHouseKernelJournal(place, always=True)})
    desk.quote("100.0", "100.1")
    desk.trade(1, "1", "101")
    until(lambda: health(desk)["state"] == state)
    assert error in health(desk)["error"]
    desk.trade(2, "1", "101")
    assert len(desk.fills) == 4
    # Nobody waits for it at the end, either.
    began = time.monotonic()
    desk.kernel.close()
    assert time.monotonic() - began < 20


def test_a_queue_that_cannot_be_written_ends_and_the_kernel_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"segment_bytes": 4096, "snapshot_records": 50, "retained_bytes": 0, "follower_bytes": 8192}
    monkeypatch.setattr(
        "dita.kernel.queue_settings", lambda: {"policy": "queue", "delay_us": 0, "records": 1, **small}
    )
    journal = ClickHouseKernelJournal(tmp_path / "db", always=True)
    desk = Desk(None, {"journal": journal})  # type: ignore[arg-type]
    desk.quote("100.0", "100.1")
    shutil.rmtree(desk.kernel._following._log_dir)  # type: ignore[union-attr]
    for number in range(100):
        desk.trade(number, "1", "101")
    until(lambda: "the queue has ended" in health(desk).get("error", ""))
    assert len(desk.fills) == 200
    desk.kernel.check_invariants()
    desk.kernel.close()
