"""A replica that follows a log, and the kernel that is opened with it."""

import shutil
from pathlib import Path

import pytest

from dita import ExecutionKernel, ManualClock, SimulatedVenue
from dita._kernel import LogReplica
from dita.errors import KernelClosed, LogError
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent


def opened(log: Path, **options: object) -> ExecutionKernel:
    kernel = ExecutionKernel(
        venue=SimulatedVenue(balances={"USDT": 10_000}),
        log_dir=log,
        log_snapshot_records=50,
        clock=ManualClock(1_000_000_000),
        **options,  # type: ignore[arg-type] - of the test's own
    )
    if not kernel.instruments:
        kernel.set_exchange_config(CONFIG)
        kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def trade(kernel: ExecutionKernel, begin: int, end: int) -> None:
    for number in range(begin, end):
        now_ns = kernel.now_ns + 1
        kernel.process_intent(intent(ENTER, f"e{number}", trade_id=f"t{number}", slot_id=0, timestamp=now_ns))
        kernel.process_intent(
            intent(EXIT, f"x{number}", trade_id=f"t{number}", slot_id=0, timestamp=now_ns + 1)
        )


def killed(log: Path, place: Path) -> Path:
    """What a kill would leave: the log as it stands."""
    copy = place / f"copy{len(list(place.iterdir()))}"
    shutil.copytree(log, copy)
    return copy


def test_a_takeover_replays_only_what_the_replica_does_not_have(tmp_path: Path) -> None:
    log = tmp_path / "log"
    kernel = opened(log)
    kernel.note("mine", "before", kernel.seq)
    trade(kernel, 0, 40)
    kernel.sync()
    replica = LogReplica(log)
    while replica.follow(7):
        pass
    assert replica.seq == kernel.seq
    trade(kernel, 40, 45)
    kernel.note("mine", "after", kernel.seq)
    kernel.sync()
    tail = kernel.seq - replica.seq
    # The replica has the files of the live log open; who opens a copy finds the same bytes there.
    copies = killed(log, tmp_path), killed(log, tmp_path)
    cold = opened(copies[0])
    warm = opened(copies[1], log_replica=replica)
    assert cold.recovery is not None
    assert warm.recovery is not None
    assert warm.recovery["replayed"] == tail
    assert warm.recovery["remarks"] == []
    assert warm.state_hash() == cold.state_hash()
    assert warm.noted("mine") == cold.noted("mine")
    assert warm.noted("mine").text == "after"  # type: ignore[union-attr] - as asserted before
    with pytest.raises(KernelClosed):
        replica.follow()
    for one in (kernel, cold, warm):
        one.close()


def test_a_replica_of_another_log_is_not_used_and_a_remark_says_why(tmp_path: Path) -> None:
    for name, trades in (("one", 10), ("other", 20)):
        kernel = opened(tmp_path / name)
        trade(kernel, 0, trades)
        kernel.close()
    replica = LogReplica(tmp_path / "other")
    replica.follow()
    with opened(tmp_path / "one", log_replica=replica) as kernel:
        assert kernel.recovery is not None
        (remark,) = kernel.recovery["remarks"]
        assert remark.startswith("the replica that followed the log is not used: it comes to input ")
        assert kernel.state.slots[0].trade_id == "t9"


def test_a_replica_of_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError):
        LogReplica(tmp_path)
