"""A kernel's server in a process of its own, and programs that connect to it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dita.config import load
from dita.host import Directory, HostAway, ask
from dita.server import Serving

CONFIG = """
[serve]
clients = {clients}
spin = {spin}
[accounts.main]
max_slots = 8
log_policy = "{policy}"
[accounts.main.instruments]
taker_rate = "0.0005"
maker_rate = "0.0002"
[accounts.main.instruments.instruments.BTCUSDT]
tick_size = "0.1"
lot_step = "0.001"
"""
PATIENCE_S = 30.0


def serving(place: Path, name: str) -> Serving:
    """Serve a simulated account in this process, at `NAME.sock`."""
    config = place / f"{name}.toml"
    config.write_text(CONFIG.format(policy="batch", clients=8, spin="true"))
    return Serving(load(config, environ={}).config, Directory(place / name), socket=place / f"{name}.sock")


class Served:
    """`dita serve` as a process, with a host's directory and a socket of the test's own."""

    def __init__(
        self,
        place: Path,
        *,
        policy: str = "batch",
        clients: int = 128,
        spin: bool = True,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.place = place
        self.directory = Directory(place / "host")
        self.socket = place / "kernel.sock"
        self.config = place / "dita.toml"
        self.config.write_text(CONFIG.format(policy=policy, clients=clients, spin=str(spin).lower()))
        self._environ = {**os.environ, "DITA_ZINC_DIR": str(place / "planes"), **(environ or {})}
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "Served":
        command = [sys.executable, "-m", "dita.cli", "serve", "--config", str(self.config)]
        command += ["--dir", str(self.directory.path), "--socket", str(self.socket)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environ
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("serving main"), self.process.stderr and self.process.stderr.read()
        self.wait(lambda: self.ask("status"))
        return self

    def ask(self, request: str, **fields: Any) -> Any:
        try:
            return ask(self.directory, request, **fields)
        except HostAway:
            return None

    def quote(self, bid: str = "60000.0", ask: str = "60000.1") -> None:
        self.wait(lambda: self.ask("quote", symbol="BTCUSDT", bid=bid, ask=ask))

    def leases(self) -> dict[str, Any]:
        return {row["name"]: row for row in self.ask("leases")}

    def wait(self, condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
        """Return what a condition comes to, once that is true."""
        until = time.monotonic() + timeout_s
        while not (found := condition()):
            assert time.monotonic() < until, f"not so within {timeout_s:g} s"
            os.sched_yield()
        return found

    def stand_still(self) -> int:
        """Stop the process where it is; return its id once the system shows it as stopped."""
        assert self.process is not None
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        stat = Path(f"/proc/{pid}/stat")
        self.wait(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        return pid

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def program(self, code: str) -> subprocess.Popen[str]:
        """Run Python in a process of its own; `SOCKET` is where to connect."""
        source = f"SOCKET = {str(self.socket)!r}\nimport dita\n{textwrap.dedent(code)}"
        return subprocess.Popen(
            [sys.executable, "-c", source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environ,
        )

    def close(self) -> None:
        if self.process is not None:
            self.kill()
