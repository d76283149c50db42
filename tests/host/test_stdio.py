"""`dita engine`: a process of its own, its pipes, its signals and its socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

_PATIENCE_S: Final = 60
_START: Final = "2026-01-01T00:00:00Z"
_START_NS: Final = 1_767_225_600_000_000_000


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dita.cli", "engine", *words]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "MM_FREEZE_UTC_ISO": _START, **more}


def _run(text: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        _command(*words),
        input=text.encode(),
        capture_output=True,
        env=_environment(),
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    return done


def _events(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def _until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_the_same_lines_give_the_same_bytes_with_a_clock_that_steps() -> None:
    text = "".join(f"{'BUY' if n % 2 == 0 else 'SELL'} BTCUSDT 0.01 0 o{n} MARKET\n" for n in range(2_000))
    words = ("--stdio", "--clock", "step=200000000")
    first, second = _run(text, *words), _run(text, *words)
    assert first.stdout == second.stdout
    events = _events(first.stdout)
    assert events[0]["type"] == "engine_started"
    assert events[1]["ts_ns"] == _START_NS
    assert events[-1] == {"type": "engine_stopped", "commands_processed": 2_000}
    assert sum(event["type"] == "fill" for event in events) > 1_000
    assert first.stderr == b""


def test_every_example_of_the_protocols_page_gives_what_it_shows() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api" / "engine_protocol.md").read_text()
    blocks = page.split("```")[1::2]
    sessions = [block for block in blocks if block.startswith("session\n")]
    assert len(sessions) >= 3
    for block in sessions:
        lines = block.splitlines()[1:]
        sent = "".join(f"{line[2:]}\n" for line in lines if line.startswith("> "))
        shown = [line for line in lines if not line.startswith("> ")]
        said = _run(sent, "--stdio", "--clock", "step=100000000").stdout.decode().splitlines()
        assert [line for line in said if line.split('"')[3] in {row.split('"')[3] for row in shown}] == shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--clock", "sundial"), "engine.clock"),
        (("--slots", "0"), "engine.slots"),
        (("--market", "no-such-file.csv"), "no-such-file.csv"),
        (("--symbols", "BTC"), "BTC"),
        (("--socket", "x.sock"), "--service and --socket"),
    ],
)
def test_what_cannot_be_is_said_on_stderr_and_nothing_on_stdout(words: tuple[str, ...], message: str) -> None:
    done = _run("", "--stdio", *words, code=1)
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_a_key_of_the_file_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "dita.toml"
    file.write_text('[engine]\nclok = "system"\n')
    done = _run("", "--stdio", "--config", str(file), code=1)
    assert "engine.clok" in done.stderr.decode()


def test_a_start_that_is_no_time_is_refused() -> None:
    done = subprocess.run(
        _command("--stdio"),
        input=b"",
        capture_output=True,
        env=_environment(MM_FREEZE_UTC_ISO="soon"),
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert b"MM_FREEZE_UTC_ISO" in done.stderr


def test_with_the_systems_clock_an_order_fills_by_itself_and_the_end_of_input_waits_for_it() -> None:
    events = _events(_run("BUY BTCUSDT 0.1 0 a MARKET\n", "--stdio").stdout)
    fill = next(event for event in events if event["type"] == "fill")
    taken = next(event for event in events if event["type"] == "order_update")
    assert fill["ts_ns"] - taken["ts_ns"] == 300_000_000


@contextmanager
def _service(tmp_path: Path, *words: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    path = tmp_path / "engine.sock"
    process = subprocess.Popen(
        _command("--service", "--socket", str(path), *words),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_environment(**environ),
    )
    try:
        _until("no socket", lambda: path.exists() or process.poll() is not None)
        yield process, path
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class _Client:
    def __init__(self, path: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.settimeout(_PATIENCE_S)
        self._line.connect(str(path))
        self._file = self._line.makefile("rb")

    def send(self, text: str) -> None:
        self._line.sendall(text.encode())

    def next(self, **wanted: str) -> Mapping[str, Any]:
        for line in self._file:
            event: dict[str, Any] = json.loads(line)
            if all(event.get(name) == value for name, value in wanted.items()):
                return event
        raise AssertionError(f"the connection ended before {wanted}")

    def rest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file]

    def close(self) -> None:
        self._file.close()
        self._line.close()


class _Manager:
    """Receives what a service reports to its manager."""

    def __init__(self, path: Path) -> None:
        self.said: list[str] = []
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(path))
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        while word := self._line.recv(100).decode():
            self.said.append(word)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(b"", self._line.getsockname())
        self._thread.join(_PATIENCE_S)
        self._line.close()


def test_a_service_tells_systemd_and_ends_with_what_is_under_way_on_sigterm(tmp_path: Path) -> None:
    manager = _Manager(tmp_path / "notify.sock")
    config = tmp_path / "dita.toml"
    config.write_text("[engine]\nheartbeat_s = 1\nfill_delay_ms = 1500\n")
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify.sock"), "WATCHDOG_USEC": "300000"}
    with _service(tmp_path, "--config", str(config), **environ) as (process, path):
        _until("not alive", lambda: len(manager.said) >= 3)
        assert manager.said[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
        first, second = _Client(path), _Client(path)
        assert first.next()["type"] == "engine_started"
        first.send("BUY BTCUSDT 0.1 0 a MARKET\n")
        # What one client sends, the other receives too.
        assert second.next(type="order_update")["status"] == "ACCEPTED"
        process.send_signal(signal.SIGTERM)
        rest = [event["type"] for event in second.rest()]
        assert "fill" in rest
        assert rest[-1] == "engine_stopped"
        assert process.wait(_PATIENCE_S) == 0
        _until("not stopping", lambda: "STOPPING=1" in manager.said)
        assert set(manager.said[1:]) == {"WATCHDOG=1", "STOPPING=1"}
        assert process.stderr is not None
        assert b"heartbeat" in process.stderr.read()
        assert not path.exists()
        first.close()
        second.close()
    manager.close()


def test_a_client_that_goes_or_does_not_read_leaves_the_others_alone(tmp_path: Path) -> None:
    with _service(tmp_path, "--market", "none") as (process, path):
        gone, deaf, works = _Client(path), _Client(path), _Client(path)
        gone.close()
        for turn in range(40):
            works.send("Q ACCOUNT\n" * 1_000)
            for _ in range(1_000):
                works.next(type="account" if turn else "query_received")
        assert process.poll() is None
        deaf.close()
        works.close()


def test_a_second_engine_does_not_take_the_socket_of_the_first(tmp_path: Path) -> None:
    with _service(tmp_path) as (_, path):
        second = subprocess.run(
            _command("--service", "--socket", str(path)),
            capture_output=True,
            env=_environment(),
            timeout=_PATIENCE_S,
            check=False,
        )
        assert second.returncode == 1
        assert b"answers there already" in second.stderr


_STRATEGY: Final = '''
from dita.strategy import Strategy


class Buyer(Strategy):
    """Buys once."""

    def on_start(self):
        self.enter("ETHUSDT", "LONG", "0.5")
'''


def test_strategies_are_listed_paused_stopped_and_started_by_commands(tmp_path: Path) -> None:
    (tmp_path / "buyer.py").write_text(_STRATEGY)
    config = tmp_path / "dita.toml"
    config.write_text(f'[strategies.buyer]\nfile = "{tmp_path / "buyer.py"}"\nstart = false\n')
    text = "STRATEGY LIST\nSTRATEGY START buyer\n" + "#\nQ MARKET\n" * 30
    text += "STRATEGY PAUSE buyer\nSTRATEGY START buyer\nSTRATEGY STOP buyer\nSTRATEGY STOP nobody\n"
    words = ("--stdio", "--clock", "step=100000000", "--config", str(config))
    done = _run(text, *words)
    events = _events(done.stdout)
    states = [event["state"] for event in events if event["type"] == "strategy"]
    assert states == ["Stopped", "Running", "Paused", "Running", "Stopped"]
    messages = [event["message"] for event in events if event["type"] == "error"]
    assert messages == ["strategy: 'nobody' is none of buyer"]
    accounts = [event["balances"] for event in events if event["type"] == "account"]
    held = {row["asset"]: row["free"] for row in accounts[-1]}
    assert held["ETH"] == 0.5
    assert _run(text, *words).stdout == done.stdout


def _states(output: bytes) -> dict[str, dict[str, Any]]:
    return {event["client_order_id"]: event for event in _events(output) if event["type"] == "order_state"}


def _reasons(output: bytes) -> list[str]:
    return [event["reason"] for event in _events(output) if event["type"] == "order_update"]


def test_an_engine_with_a_directory_goes_on_where_it_ended(tmp_path: Path) -> None:
    words = ("--stdio", "--clock", "step=200000000", "--dir", str(tmp_path / "host"))
    first = "BUY BTCUSDT 0.3 0 held MARKET\nBUY BTCUSDT 1 40000 rests\nBUY BTCUSDT 9 50000 dear\n"
    first += "SELL ETHUSDT 1 0 short MARKET\nBUY BTCUSDT 0.000001 1 fine\n# time\nQ ACCOUNT\n"
    before = _run(first, *words).stdout
    states = _states(before)
    assert [states[one]["status"] for one in ("held", "rests", "dear", "short", "fine")] == [
        "FILLED",
        "ACCEPTED",
        "REJECTED",
        "REJECTED",
        "REJECTED",
    ]
    asked = "".join(f"Q ORDER {one}\n" for one in states) + "Q ORDERS\nQ ACCOUNT\n"
    after = _run(asked, *words).stdout
    assert _states(after) == states
    accounts = [
        [event for event in _events(one) if event["type"] == "account"][-1] for one in (before, after)
    ]
    assert accounts[0]["balances"] == accounts[1]["balances"]
    # A used id is refused, also where nothing of it had reached the kernel.
    used = "".join(f"BUY BTCUSDT 0.1 0 {one} MARKET\n" for one in states)
    assert _reasons(_run(used, *words).stdout) == ["duplicate_client_order_id"] * len(states)
    # What is held can be sold, and what rests can be canceled: once.
    acts = (
        "SELL BTCUSDT 0.2 0 sold MARKET\nCANCEL rests\nCANCEL rests\n# time\nBUY BTCUSDT 0.1 0 more MARKET\n"
    )
    acted = _run(acts, *words).stdout
    ends = _states(acted)
    assert [ends[one]["status"] for one in ("sold", "rests", "more")] == ["FILLED", "CANCELLED", "FILLED"]
    assert _reasons(acted).count("order_ended") == 1
    last = _run("SELL BTCUSDT 0.2 0 all MARKET\nSELL BTCUSDT 0.1 0 over MARKET\n", *words).stdout
    held = [event for event in _events(last) if event["type"] == "account"][-1]["balances"]
    assert next(row["free"] + row["locked"] for row in held if row["asset"] == "BTC") == 0
    assert _states(last)["over"]["reason"] == "insufficient_funds"


def test_an_order_that_had_not_met_the_market_at_the_kill_meets_it_afterwards(tmp_path: Path) -> None:
    words = ("--stdio", "--dir", str(tmp_path / "host"), "--fill-ms", "60000", "--market", "none")
    with subprocess.Popen(_command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as engine:
        assert engine.stdin is not None
        assert engine.stdout is not None
        engine.stdin.write(b"BUY BTCUSDT 1 100 waits\n")
        engine.stdin.flush()
        for line in engine.stdout:
            if b'"order_state"' in line:
                engine.kill()
    said = _run("# it ends once nothing is under way\n", *words, "--clock", "step=1")
    fill = next(event for event in _events(said.stdout) if event["type"] == "fill")
    assert (fill["client_order_id"], fill["price"]) == ("waits", 100)
    assert _states(said.stdout)["waits"]["status"] == "FILLED"
