"""`dita status`, `orders`, `stop`, and `halt` by a host's name: of one that runs, and from its log."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from crossing import cross
from dita import SimulatedVenue
from dita.cli import main
from dita.config import Config, load
from dita.host import Directory, DirectoryError, Host
from dita.strategy import Strategy

SYMBOL = "BTCUSDT"
RULES = (
    '{taker_rate = "0.0005", maker_rate = "0.0002", '
    'instruments = {BTCUSDT = {tick_size = "0.1", lot_step = "0.001"}}}'
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DITA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def config() -> Config:
    return load(environ={}, overrides={"accounts.main.instruments": RULES}).config


def trade(host: Host) -> None:
    venue = host.kernel("main").venue
    assert isinstance(venue, SimulatedVenue)
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    client = host.client("alpha", "main", slots=2)
    assert client.enter(SYMBOL, "LONG", "0.01").accepted
    assert client.enter(SYMBOL, "LONG", "0.01", order_type="LIMIT", limit_price="59000").accepted


def test_a_host_that_runs_answers_and_one_that_does_not_is_read_from_its_log(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        trade(host)
        assert main(["status"]) == 0
        running = capsys.readouterr().out
        assert running.startswith("desk: running")
        assert main(["orders", "desk"]) == 0
        assert "59000" in capsys.readouterr().out
        assert main(["status", "desk", "--json"]) == 0
        live = json.loads(capsys.readouterr().out)
    assert main(["status", "desk"]) == 0
    kept = capsys.readouterr().out
    assert kept.startswith("desk: not running; this is from its log")
    # All but the first lines, which tell the state of the host, says the same.
    assert kept.splitlines()[2:] == running.splitlines()[2:]
    assert main(["orders", "desk", "--json"]) == 0
    (order,) = json.loads(capsys.readouterr().out)["main"]
    assert order["owner"] == "alpha"
    assert main(["status", "desk", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    sizes = [Decimal(one["accounts"]["main"]["slots"][0]["size"]) for one in (live, read)]
    assert sizes == [Decimal("0.01")] * 2


def test_a_position_that_the_venue_reports_otherwise_is_in_the_status(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        trade(host)
        kernel = host.kernel("main")
        report = {"kind": "POSITION_UPDATE", "timestamp": kernel.now_ns, "symbol": SYMBOL, "size": "0.03"}
        kernel.on_account_event(report)
        assert main(["status"]) == 0
        (line,) = [row for row in capsys.readouterr().out.splitlines() if "the venue reports" in row]
        assert line.startswith("  USDT: ")
        assert line.endswith("; the venue reports 0.030 BTCUSDT, booked are 0.010")


def test_without_a_name_the_only_host_that_runs_is_meant(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"]) == 1
    assert "no host runs" in capsys.readouterr().err
    with Host(config(), directory=Directory.named("a")), Host(config(), directory=Directory.named("b")):
        assert main(["status"]) == 1
        assert "name one of a, b" in capsys.readouterr().err
    assert main(["status", "c"]) == 1
    assert "known are: a, b" in capsys.readouterr().err
    assert main(["status", "../a"]) == 1
    assert "no host's name" in capsys.readouterr().err


def test_a_stop_ends_a_host_that_runs_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        assert main(["stop"]) == 0
        assert host.stopping
    assert main(["stop", "desk"]) == 1
    assert "no host answers" in capsys.readouterr().err


def test_a_halt_reaches_a_host_that_runs_and_stands_for_one_that_does_not(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Host(config(), directory=Directory.named("desk")):
        assert main(["halt", "--host", "desk", "--by", "ops"]) == 0
    assert main(["freeze", "--host", "desk", "--by", "risk"]) == 0
    assert "it applies this when it starts" in capsys.readouterr().err
    with Host(config(), directory=Directory.named("desk")) as host:
        control = host.kernel("main").control
        assert (str(control.gate), control.kill_switch, control.frozen) == ("HALTED", True, True)


class Quiet(Strategy):
    """Does nothing."""


def test_strategies_are_started_paused_and_stopped_by_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def states(*words: str) -> list[str]:
        assert main([*words, "--json"]) == 0
        return [one["state"] for one in json.loads(capsys.readouterr().out)["strategies"]]

    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        for name in ("a", "b"):
            host.load(Quiet, name=name)
        assert states("strategies") == ["Stopped", "Stopped"]
        assert states("start", "desk") == ["Running", "Running"]
        assert states("pause", "desk", "--strategy", "b") == ["Running", "Paused"]
        assert states("stop", "desk", "--strategy", "a") == ["Stopped", "Paused"]
        assert states("start") == ["Running", "Running"]
        assert not host.stopping
        assert main(["start", "--strategy", "c"]) == 1
        assert "is none of a, b" in capsys.readouterr().err


def test_what_an_operator_paused_or_stopped_stays_so_after_a_restart(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def wanted() -> Config:
        given = {
            f"strategies.{name}.file": f"{__name__}:Quiet" for name in ("alpha", "beta", "gamma", "delta")
        }
        return load(environ={}, overrides={"strategies.delta.start": False, **given}).config

    def states(*words: str) -> dict[str, str]:
        assert main([*words, "--json"]) == 0
        return {one["name"]: one["state"] for one in json.loads(capsys.readouterr().out)["strategies"]}

    with Host(wanted(), directory=Directory.named("desk")) as host:
        host.serve()
        host.load_configured()
        states("pause", "--strategy", "beta")
        first = states("stop", "desk", "--strategy", "gamma")
        assert first == {"alpha": "Running", "beta": "Paused", "gamma": "Stopped", "delta": "Stopped"}
    with Host(wanted(), directory=Directory.named("desk")) as host:
        host.serve()
        host.load_configured()
        assert states("strategies") == first
        again = states("start")
        assert set(again.values()) == {"Running"}
        # The end of a host is nobody's wish to stop a strategy.
        for handle in host.strategies.handles.values():
            handle.stop()
    with Host(wanted(), directory=Directory.named("desk")) as host:
        host.load_configured()
        running = [name for name, one in host.strategies.handles.items() if str(one.state) == "Running"]
        assert running == ["alpha", "beta", "gamma"]
    Directory.named("desk").held.write_text("{")
    with pytest.raises(DirectoryError, match=r"strategies\.held: cannot be read.*remove it"):
        Host(wanted(), directory=Directory.named("desk"))


def test_a_start_says_whether_the_old_or_the_new_code_runs(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside, file = tmp_path / "beside_of_mine.py", tmp_path / "mine.py"
    beside.write_text("A = 1\n")
    text = "import beside_of_mine\nfrom dita.strategy import Strategy\nclass Mine(Strategy):\n    pass\n"
    file.write_text(text)

    def code() -> str:
        assert main(["stop", "--strategy", "m", "--json"]) == 0
        assert main(["start", "--strategy", "m"]) == 0
        return capsys.readouterr().out.splitlines()[-1]

    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        host.load(str(file), name="m")
        assert code().endswith("as on disk")
        file.write_text(f"{text}# changed\n")
        assert "as loaded; its file has changed since: restart the host" in code()
        file.write_text(text)
        assert code().endswith("as on disk")
        beside.write_text("A = 2\n")
        assert "its file has changed since" in code()
    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        host.load(str(file), name="m")
        assert code().endswith("as on disk")


def test_a_start_says_that_a_graphs_file_has_changed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cross.0"
    cross("50000").save(file)
    with Host(config(), directory=Directory.named("desk")) as host:
        host.serve()
        host.load(str(file), name="g")
        assert main(["start", "--strategy", "g"]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith("as on disk")
        cross("51000").save(file)
        assert main(["start", "--strategy", "g"]) == 0
        assert "its file has changed since" in capsys.readouterr().out


def test_flatten_by_a_hosts_name_leaves_its_positions(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Host(config(), directory=Directory.named("desk")) as host:
        trade(host)
        assert main(["flatten", "desk", "--host", "desk"]) == 1
        assert "exclude each other" in capsys.readouterr().err
        assert main(["flatten", "desk"]) == 0
        kernel = host.kernel("main")
        until = time.monotonic() + 10
        while any(slot.size for slot in kernel.state.slots) and time.monotonic() < until:
            kernel.advance_time(kernel.now_ns + 1)
        assert not any(slot.size for slot in kernel.state.slots)
