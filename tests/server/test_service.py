"""`dita serve` as a service: what it tells systemd, on a socket of the test's own, and its units."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dita
from serving import Served

UNITS = Path(__file__).resolve().parents[2] / "docs" / "operating" / "systemd"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as received:
        received.bind(str(tmp_path / "notify.sock"))
        received.settimeout(30)
        yield received


def test_it_tells_that_it_is_ready_alive_and_ending(
    serve: Callable[..., Served], manager: socket.socket, tmp_path: Path
) -> None:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify.sock"), "WATCHDOG_USEC": "300000"}
    one = serve(environ=environ)
    assert manager.recv(100) == b"READY=1"
    with dita.connect(one.socket, name="mine") as kernel:
        assert kernel.slots
    assert manager.recv(100) == b"WATCHDOG=1"
    assert manager.recv(100) == b"WATCHDOG=1"
    assert one.process is not None
    one.process.terminate()
    said = manager.recv(100)
    while said == b"WATCHDOG=1":
        said = manager.recv(100)
    assert said == b"STOPPING=1"
    assert one.stop() == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_units_are_as_systemd_wants_them(tmp_path: Path) -> None:
    for unit in sorted(UNITS.glob("*.service")):
        text = unit.read_text()
        # The programs of a machine where it is installed: here another one stands for them.
        text = text.replace("/opt/dita/bin/dita", str(shutil.which("true"))).replace("=dita\n", "=root\n")
        copy = tmp_path / unit.name.replace("@.", "@one.")
        copy.write_text(text)
        done = subprocess.run(
            [str(shutil.which("systemd-analyze")), "verify", str(copy)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        )
        assert done.returncode == 0, done.stderr
        assert unit.name.split("@")[0] not in done.stderr, done.stderr
