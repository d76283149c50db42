"""`dita exchange` as a program: it starts, takes commands from elsewhere, and ends on a signal."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from exchange_client import Client


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[str], int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dita.cli", "exchange", "--port", str(port), "--still"]
    program = subprocess.Popen(
        [*command, "--balance", "USDT=500", "--price", "BTCUSDT=61000", "--fault", "duplicate=2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    assert "/fapi" in program.stdout.readline()
    yield program, port
    if program.poll() is None:
        program.terminate()
    program.communicate(timeout=20)


def tell(port: int, line: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dita.cli", "exchange", "--port", str(port), "--tell", line]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_it_serves_what_it_was_given_at_the_start_and_ends_on_a_signal(
    running: tuple[subprocess.Popen[str], int],
) -> None:
    program, port = running
    client = Client(f"127.0.0.1:{port}")
    assert client.ask("GET", "/fapi/v3/balance")[1][0]["balance"] == "500.00000000"
    assert json.loads(tell(port, "state").stdout)["prices"]["BTCUSDT"] == "61000"
    refused = tell(port, "fault nonsense 1")
    assert refused.returncode == 1
    assert "no such fault" in refused.stderr
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=20)
    assert program.returncode == 0


def test_a_command_to_nobody_says_that_nothing_runs_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused = tell(port, "state")
    assert refused.returncode == 1
    assert "is `dita exchange` running there?" in refused.stderr
