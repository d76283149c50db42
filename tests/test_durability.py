"""A kernel on its log: what it promised is there again, and what goes wrong is said plainly."""

from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidType, LogLocked, LogMismatch, SimulatedVenue, TradeStage
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent


def paper(log_dir: Path, **options: Any) -> tuple[ExecutionKernel, SimulatedVenue]:
    """A paper kernel on its log: a new one, or the one that was there."""
    venue = SimulatedVenue(balances={"USDT": "10000"})
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, kernel.now_ns + 1)
    return kernel, venue


def test_a_closed_kernel_is_where_it_was_when_it_is_opened_again(tmp_path: Path) -> None:
    with paper(tmp_path)[0] as kernel:
        assert kernel.process_intent(intent(ENTER, "i1")).state == TradeStage.POSITION_OPEN
        standing, before, capital = kernel.seq, kernel.state_hash(), kernel.account.capital
    kernel, venue = paper(tmp_path)
    recovery = kernel.recovery
    assert recovery is not None
    assert (recovery["last_seq"], recovery["snapshot_seq"], recovery["replayed"]) == (standing, standing, 0)
    assert recovery["epoch"] == 2
    assert (kernel.state_hash(), kernel.account.capital) == (before, capital)
    # The paper venue goes on with it, and the account's two sides agree.
    assert venue.wallet("USDT") == capital
    assert kernel.process_intent(intent(EXIT, "i2")).state == TradeStage.CLOSED
    assert kernel.account.reconcile_delta == 0
    kernel.check_invariants()


def test_a_second_kernel_on_the_same_log_is_refused(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path)
    with pytest.raises(LogLocked, match="stop it first, or use another directory"):
        ExecutionKernel(log_dir=tmp_path)
    kernel.close()
    ExecutionKernel(log_dir=tmp_path).close()


def test_a_kernel_of_other_settings_is_refused(tmp_path: Path) -> None:
    paper(tmp_path)[0].close()
    with pytest.raises(LogMismatch, match=r"max_slots=10 .*, not of .* max_slots=3 "):
        ExecutionKernel(max_slots=3, log_dir=tmp_path)


def test_a_batch_with_something_else_in_it_leaves_nothing_behind(tmp_path: Path) -> None:
    kernel, _ = paper(tmp_path)
    before = kernel.seq
    with pytest.raises(InvalidType, match=r"intents\[1\]: expected KernelIntent, got int 5"):
        kernel.process_intents([intent(ENTER, "i1"), 5])  # type: ignore[list-item]
    assert kernel.seq == before
