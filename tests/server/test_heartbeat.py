"""When a primary is taken for hung, and which process may be ended: the rules, without servers."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dita._kernel import PulseReader
from dita.host.directory import Directory, DirectoryError
from dita.host.owner import NoRight, Owner, started_of
from dita.server import heartbeat
from dita.server.heartbeat import Heartbeat

PRIMARY = Owner(7, 70)


class Pulse:
    """A pulse that shows what a test says."""

    def __init__(self) -> None:
        self.said: tuple[int, int, str, int] | None = (7, 70, "serving", 1)

    def shown(self) -> tuple[int, int, str, int] | None:
        return self.said


class Watch:
    """A heartbeat of 1 s with a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.pulse = Pulse()
        monkeypatch.setattr(heartbeat, "PulseReader", lambda *_: self.pulse)
        self.heartbeat = Heartbeat("/nowhere", "main", 1.0, now_s=lambda: self.now_s)

    def look(self, after_s: float = 0.05, owner: Owner | None = PRIMARY) -> bool:
        self.now_s += after_s
        return self.heartbeat.look(owner)

    def looks(self, count: int) -> bool:
        return True in [self.look() for _ in range(count)]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_a_primary_that_is_silent_for_the_limit_is_hung_and_not_before(watch: Watch) -> None:
    assert not watch.looks(20)
    assert watch.heartbeat.silent_s == pytest.approx(0.95)
    assert watch.looks(2)


def test_one_beat_begins_the_wait_anew(watch: Watch) -> None:
    assert not watch.looks(19)
    watch.pulse.said = (7, 70, "serving", 2)
    assert not watch.looks(20)
    assert watch.looks(2)


def test_what_the_standby_slept_through_does_not_count(watch: Watch) -> None:
    assert not watch.look()
    # A machine that was suspended for an hour.
    assert not watch.look(3600.0)
    assert watch.heartbeat.silent_s <= 0.1
    assert watch.looks(20)


@pytest.mark.parametrize("life", ["opening", "ending"])
def test_one_that_opens_or_ends_is_not_expected_to_beat(watch: Watch, life: str) -> None:
    watch.pulse.said = (7, 70, life, 1)
    assert not watch.looks(100)
    assert watch.heartbeat.life == life


def test_the_pulse_of_another_process_says_nothing_of_the_owner(watch: Watch) -> None:
    assert not any(watch.look(owner=Owner(8, 80)) for _ in range(100))
    assert not any(watch.look(owner=Owner(7, 71)) for _ in range(100))
    assert watch.heartbeat.life == "opening"
    watch.pulse.said = None
    assert not watch.looks(100)


# ------------------------------------------------------------------------------------------------ whom to end

HOLDER = """
import sys
from dita.host.directory import Directory
directory = Directory(sys.argv[1])
directory.make()
print("held", flush=True)
if sys.stdin.readline() == "release\\n":
    directory.release()
    print("released", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """A process that holds a directory."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.line()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    @property
    def owner(self) -> Owner:
        return Owner(self.process.pid, started_of(self.process.pid))

    def lives(self) -> bool:
        return self.process.poll() is None


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Holder]:
    one = Holder(tmp_path / "host")
    yield one
    one.process.kill()
    one.process.communicate()


@pytest.fixture
def directory(holder: Holder, tmp_path: Path) -> Directory:
    del holder
    return Directory(tmp_path / "host")


def test_the_lock_names_its_holder_and_the_system_agrees(holder: Holder, directory: Directory) -> None:
    assert directory.owner() == holder.owner
    assert holder.owner.holds(directory.path)
    assert not Owner.here().holds(directory.path)
    with pytest.raises(DirectoryError, match=f"another host runs here \\(process {holder.process.pid}\\)"):
        Directory(directory.path).make()


def test_a_holder_is_ended_and_its_lock_is_free(holder: Holder, directory: Directory) -> None:
    owner = holder.owner
    os.kill(owner.pid, signal.SIGSTOP)
    assert owner.kill(directory.path)
    directory.wait()
    assert directory.owner() == Owner.here()
    assert holder.process.wait(30) == -signal.SIGKILL
    assert owner.wait(0)
    assert not owner.kill(directory.path)
    directory.release()


def test_a_process_that_let_go_of_the_lock_is_not_ended(holder: Holder, directory: Directory) -> None:
    owner = holder.owner
    holder.say("release")
    assert holder.line() == "released"
    assert directory.owner() is None
    # Its name still stands where somebody read it a moment ago.
    assert not owner.kill(directory.path)
    # Nor where another process holds the lock by now.
    other = Directory(directory.path)
    other.make()
    with directory.lock.open("r+b") as lock:
        owner.write(lock)
    assert directory.owner() == owner
    assert not owner.kill(directory.path)
    other.release()
    assert holder.lives()


def test_a_host_without_its_lock_file_holds_its_directory_still(holder: Holder, directory: Directory) -> None:
    directory.lock.unlink()
    assert directory.is_held()
    assert holder.owner.holds(directory.path)
    with pytest.raises(DirectoryError, match="another host runs here"):
        Directory(directory.path).make()
    assert holder.lives()


def test_a_host_of_an_older_build_holds_its_directory_by_the_file(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "host")
    directory.prepare()
    with directory.lock.open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Owner.here().write(lock)
        assert directory.is_held()
        with pytest.raises(DirectoryError, match=f"another host runs here \\(process {os.getpid()}\\)"):
            directory.make()
    assert not directory.is_held()
    directory.make()
    with directory.lock.open("rb") as older, pytest.raises(BlockingIOError):
        fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)
    directory.release()


def test_who_waits_gets_the_directory_that_is_there_by_then(tmp_path: Path) -> None:
    directory, moved = Directory(tmp_path / "host"), tmp_path / "moved"
    directory.make()
    waiting = Directory(directory.path)
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    inode = f":{directory.path.stat().st_ino} "
    deadline = time.monotonic() + 30
    while not any(" -> " in line and inode in line for line in Path("/proc/locks").read_text().splitlines()):
        assert time.monotonic() < deadline, "it does not wait"
    directory.path.rename(moved)
    directory.path.mkdir()
    directory.release()
    thread.join(30)
    assert not thread.is_alive()
    assert waiting.is_held()
    assert not Directory(moved).is_held()
    assert waiting.owner() == Owner.here()
    waiting.release()


def test_a_number_that_is_used_again_is_not_ended(holder: Holder, directory: Directory) -> None:
    before = Owner(holder.process.pid, holder.owner.started - 1)
    assert not before.kill(directory.path)
    assert before.wait(0)
    assert holder.lives()


def test_without_the_right_nothing_is_ended_and_the_error_says_so(
    holder: Holder, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refused)
    for act in (lambda: holder.owner.kill(directory.path), holder.owner.check_right):
        with pytest.raises(NoRight, match="may not be ended from here \\(EPERM\\): run the standby as"):
            act()
    assert holder.lives()


def test_a_pulse_that_is_not_there_is_an_error_that_the_heartbeat_takes_for_opening(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="is not there"):
        PulseReader(tmp_path, "main")
    one = Heartbeat(tmp_path, "main", 0.25)
    assert not one.look(Owner.here())
    assert one.life == "opening"
