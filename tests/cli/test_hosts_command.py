"""`dita status`, `orders`, `stop`, and `halt` by a host's name: of one that runs, and from its log."""

import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from dita import SimulatedVenue
from dita.cli import main
from dita.config import Config, load
from dita.host import Directory, Host
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
    assert "it goes by this when it starts" in capsys.readouterr().err
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
