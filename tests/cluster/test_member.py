"""Members that are started here: their jars, their ports, their pids, and what the command says of them."""

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from clusters import classpath, free_port, reaped
from dita.cli import main
from dita.cluster import ClusterAddress, ClusterError, ClusterUnreachable, connected, jars, member
from dita.cluster.member import Member


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where members are recorded, for this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "dita" / "hazelcast"


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither Java nor Maven."""
    monkeypatch.setenv("PATH", "")


def test_the_command_starts_asks_and_stops(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classpath()
    reaped(state)
    port = str(free_port())
    at = ["--at", f"hazelcast://127.0.0.1:{port}/cli-tests"]
    try:
        assert main(["hazelcast", "up", "--port", port, "--cluster", "cli-tests", "--heap", "128m"]) == 0
        assert f"hazelcast://127.0.0.1:{port}/cli-tests" in capsys.readouterr().out
        assert main(["hazelcast", "up", "--port", port]) == 1
        assert f"port {port} is taken" in capsys.readouterr().err
        assert main(["hazelcast", "status", "--json"]) == 0
        (shown,) = json.loads(capsys.readouterr().out)["members"]
        assert (shown["cluster"], shown["is_alive"]) == ("cli-tests", True)
        assert main(["hazelcast", "sql", *at, "SELECT * FROM dita_slots"]) == 1
        assert "`dita hazelcast setup` makes the tables" in capsys.readouterr().err
        assert main(["hazelcast", "setup", *at]) == 0
        assert "dita_orders" in capsys.readouterr().out
        assert main(["hazelcast", "sql", *at, "--json", "SELECT asset FROM dita_slots"]) == 0
        assert json.loads(capsys.readouterr().out) == {"rows": []}
        assert main(["hazelcast", "setup", "--at", f"hazelcast://127.0.0.1:{port}/other"]) == 1
        assert "takes no client of a cluster named 'other'" in capsys.readouterr().err
    finally:
        assert main(["hazelcast", "down"]) == 0
    assert "stopped" in capsys.readouterr().out
    assert member.members(state=state) == []
    with pytest.raises(ClusterUnreachable), connected(ClusterAddress.parse(at[1])):
        pass


def test_nothing_to_show_is_said(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hazelcast", "status"]) == 0
    assert main(["hazelcast", "down"]) == 0
    assert capsys.readouterr().out.count("no member was started here") == 2


def test_a_process_that_only_has_the_pid_is_left_alone(state: Path) -> None:
    # The member died, and its number went to somebody else: here this very process.
    import os  # noqa: PLC0415 - for its own number alone

    place = state / "dita" / "5701"
    place.mkdir(parents=True)
    record = {"cluster": "dita", "port": 5701, "pid": os.getpid()}
    (place / "member.json").write_text(json.dumps(record))
    (one,) = member.members(state=state)
    assert one == Member("dita", 5701, os.getpid(), place)
    assert not one.is_alive()
    assert not one.stop()
    assert member.members(state=state) == []


def test_a_record_that_is_half_written_is_passed_over(state: Path) -> None:
    place = state / "dita" / "5701"
    place.mkdir(parents=True)
    for text in ("", "{", "[]", '{"cluster": "dita"}', '{"cluster": "dita", "port": "x", "pid": 1}'):
        (place / "member.json").write_text(text)
        assert member.members(state=state) == []


def test_without_java_it_says_what_to_install(no_programs: None, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="install Java 17"):
        member.start([], "dita", free_port(), state=tmp_path)


def test_without_maven_it_says_what_to_install(
    no_programs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ClusterError, match="install Maven"):
        jars.jars()


def test_a_jar_of_another_content_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place = jars.cache_dir()
    place.mkdir(parents=True)
    for name in jars.CHECKSUMS:
        (place / name).write_bytes(b"something else")
    with pytest.raises(ClusterError, match=r"it is not used\. Delete it"):
        jars.jars()


def test_what_maven_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    maven = tmp_path / "mvn"
    maven.write_text(
        "#!/bin/sh\necho 'Downloaded from somewhere: a/hazelcast-5.5.0.jar (1 MB)'\n"
        "echo '[ERROR] no route to it'\nexit 1\n"
    )
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    reported: list[str] = []
    with pytest.raises(ClusterError, match="Maven could not fetch Hazelcast: no route to it"):
        jars.jars(reported.append)
    assert reported == ["fetching Hazelcast 5.5.0 with Maven: 1 of 2 jars, 1 files in all"]


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match="is Java 11: a member needs 17"):
        member.start([], "dita", free_port(), state=tmp_path)


def test_a_member_that_does_not_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        classpath()
    with pytest.raises(ClusterError, match=r"the member on port .* ended: .*MemberStarter"):
        member.start([tmp_path], "dita", free_port(), state=tmp_path)
    assert member.members(state=tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "reported"),
    [
        ({"cluster": "a/b"}, "a cluster's name has letters"),
        ({"heap": "lots"}, "is no size of a heap"),
        ({"port": 0}, "is no port"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], reported: str, tmp_path: Path) -> None:
    if shutil.which("java") is None:
        classpath()
    options = {"cluster": "dita", "port": free_port(), **wrong}
    with pytest.raises(ClusterError, match=reported):
        member.start([], options.pop("cluster"), options.pop("port"), state=tmp_path, **options)


def test_a_port_that_somebody_has_is_named(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        classpath()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"port {port} is taken"):
            member.start([], "dita", port, state=tmp_path)


@pytest.mark.parametrize(
    ("text", "members", "name"),
    [
        ("hazelcast://h", ("h:5701",), "dita"),
        ("hazelcast://h:1/desk", ("h:1",), "desk"),
        ("hazelcast://a:1,b:2/desk/", ("a:1", "b:2"), "desk"),
        ("hazelcast://[::1]:7/d", ("[::1]:7",), "d"),
    ],
)
def test_an_address_reads(text: str, members: tuple[str, ...], name: str) -> None:
    address = ClusterAddress.parse(text)
    assert (address.members, address.name) == (members, name)
    assert ClusterAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h:1",
        "http://h:1/d",
        "hazelcast://",
        "hazelcast://h:0/d",
        "hazelcast://h:99999",
        "hazelcast://h:1/a/b",
        "hazelcast://h h",
    ],
)
def test_another_text_is_no_address(text: str) -> None:
    with pytest.raises(ClusterError, match="reads like"):
        ClusterAddress.parse(text)
