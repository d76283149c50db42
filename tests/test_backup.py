"""`dita backup`: a copy that is whole, opens elsewhere, and comes to the same state."""

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel, KernelCommandType, ManualClock
from dita.cli import main
from dita.timetravel import BackupFailed, backup, copying, replay
from logged import BEGIN_NS, Desk, busy, flipped


def opened_state(log_dir: Path) -> tuple[int, list[str], str]:
    """What a kernel that is opened on a log holds: its last input, its stages and its capital."""
    with ExecutionKernel(max_slots=4, clock=ManualClock(BEGIN_NS), log_dir=log_dir) as kernel:
        recovery = kernel.recovery or {}
        stages = [str(kernel.slot(slot).fsm_state) for slot in range(4)]
        return recovery["last_seq"], stages, str(kernel.snapshot()["account"]["k_capital"])


def test_a_closed_log_is_copied_and_opens_elsewhere(tmp_path: Path) -> None:
    desk = busy(tmp_path / "log")
    desk.kernel.close()
    made = backup(tmp_path / "log", tmp_path / "copies" / "one")
    assert made["good"]
    assert made["replay"]["differences_all"] == 0
    assert opened_state(tmp_path / "copies" / "one") == opened_state(tmp_path / "log")


def test_a_log_that_is_written_to_is_copied_whole(tmp_path: Path) -> None:
    # Small segments and snapshots, so that files come and go while they are copied.
    options = {"log_segment_bytes": 1 << 16, "log_snapshot_records": 50, "log_retained_bytes": 1 << 17}
    desk = busy(tmp_path / "log", **options)
    stop, traded = threading.Event(), threading.Event()

    def trade() -> None:
        number = 100
        while not stop.is_set():
            desk.trade(number, "0.5", "100.0")
            number += 1
            traded.set()

    writer = threading.Thread(target=trade)
    writer.start()
    try:
        for number in range(3):
            traded.clear()
            assert traded.wait(30)
            made = backup(tmp_path / "log", tmp_path / f"copy{number}")
            assert made["good"]
            assert made["last_seq"] >= made["durable_seq"] > 0
    finally:
        stop.set()
        writer.join()
    desk.kernel.close()
    # The copy is a prefix of the log: at its last input the log was in the same state.
    last = made["last_seq"]
    copied = replay(tmp_path / "copy2", str(last))
    assert copied["seq"] == last
    assert copied["state_hash"] == replay(tmp_path / "log", str(last))["state_hash"]
    assert opened_state(tmp_path / "copy2")[1][1:3] == ["POSITION_OPEN", "ENTRY_WORKING"]


def test_a_damaged_log_gives_no_copy(tmp_path: Path) -> None:
    desk = busy(tmp_path / "log")
    desk.kernel.close()
    bad = tmp_path / "bad"
    for _ in flipped(tmp_path / "log", bad, at=2_000):
        pass
    with pytest.raises(BackupFailed, match=r"not whole.*\.seg.*checksum"):
        backup(bad, tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "log"]


def test_a_file_that_goes_away_meanwhile_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = busy(tmp_path / "log")
    desk.kernel.close()
    real, gone = copying._copy, []

    def once(path: Path, to: Path) -> int:
        if path.suffix == ".seg" and not gone:
            gone.append(path)
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real(path, to)

    monkeypatch.setattr(copying, "_copy", once)
    assert backup(tmp_path / "log", tmp_path / "copy")["good"]
    monkeypatch.setattr(copying, "_copy", lambda path, to: shutil.copy(tmp_path / "nowhere", to))
    with pytest.raises(BackupFailed, match="went away while they were copied"):
        backup(tmp_path / "log", tmp_path / "other")


@pytest.mark.parametrize(
    ("arrange", "reported"),
    [
        (lambda tmp: (tmp / "copy" / "mine").mkdir(parents=True), "copy: is there already; name a directory"),
        (lambda tmp: (tmp / "copy").write_text("mine"), "copy: is there already; name a directory"),
        (lambda tmp: shutil.rmtree(tmp / "log"), "log: is no directory"),
    ],
)
def test_what_cannot_be_copied_is_reported_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arrange: Any, reported: str
) -> None:
    busy(tmp_path / "log").kernel.close()
    arrange(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["backup", str(tmp_path / "log"), str(tmp_path / "copy")]) == 1
    assert reported in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_says_what_it_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk: Desk = busy(tmp_path / "log")
    desk.ask(KernelCommandType.EXIT, "held", 1)
    desk.kernel.close()
    assert main(["backup", str(tmp_path / "log"), str(tmp_path / "copy")]) == 0
    printed = capsys.readouterr().out
    assert "inputs replayed to the same" in printed
    assert main(["backup", str(tmp_path / "log"), str(tmp_path / "json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["last_seq"] > 0
