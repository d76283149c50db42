"""Kernel and audit follower die at any moment: the ledger is the one that the log makes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dita import ExecutionKernel, InvalidInput
from dita.audit import FollowedAudit, verify
from dita.cli import main
from ledgers import files

TRADER = Path(__file__).parent.parent / "victims" / "audited.py"
DEADLINE_S = 60.0


def live_until_killed(directory: Path, trades: int) -> None:
    """Let it trade so often, then kill it; kill its follower too, as soon as that is seen."""
    command = [sys.executable, str(TRADER), str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as trader:
        assert trader.stdout is not None
        for _ in range(trades):
            assert trader.stdout.readline()
        kill_follower(directory)
        trader.kill()


def kill_follower(directory: Path) -> None:
    """Kill the ledger's follower, which its lock names."""
    held = directory / "log" / "audit.following"
    due = time.monotonic() + DEADLINE_S
    while not (held.exists() and held.read_text().strip()):
        assert time.monotonic() < due, "the follower has not begun"
        time.sleep(0.01)
    # It may be the number of an earlier life's, which is gone.
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(held.read_text()), signal.SIGKILL)


def write(log_dir: Path, folder: Path) -> None:
    assert main(["audit", "write", str(log_dir), "--to", str(folder), "--kernel", "audited"]) == 0


@pytest.mark.parametrize("lives", [[3, 40, 1, 17]])
def test_the_ledger_is_the_one_that_the_log_makes_after_any_kill(tmp_path: Path, lives: list[int]) -> None:
    for trades in lives:
        live_until_killed(tmp_path, trades)
    subprocess.run([sys.executable, str(TRADER), str(tmp_path), "5"], check=True, stdout=subprocess.DEVNULL)
    # Followers of killed lives may be at work still: this one waits until they have ended.
    write(tmp_path / "log", tmp_path / "audit")
    shutil.copytree(tmp_path / "log", tmp_path / "copy", ignore=shutil.ignore_patterns("audit.*"))
    write(tmp_path / "copy", tmp_path / "again")
    assert files(tmp_path / "audit") == files(tmp_path / "again")
    report = verify(tmp_path / "audit")
    assert report.fault is None
    assert report.executions == len(files(tmp_path / "audit")["execution_logs.jsonl"].splitlines()) > 20


def test_a_ledger_needs_a_log(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match="log_dir: None must be given with audit: the ledger is made from the log"
    ):
        ExecutionKernel(audit=FollowedAudit(tmp_path / "audit"))
    assert not (tmp_path / "audit").exists()
