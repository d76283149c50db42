"""What somebody sees who prints an object: one line that says which it is and how it stands."""

from pathlib import Path

from dita import ExecutionKernel, SimulatedVenue
from kernels import CONFIG, ENTER, SYMBOL, intent


def test_a_kernel_its_account_its_slots_and_its_venue_are_reported_in_a_line_each(tmp_path: Path) -> None:
    venue = SimulatedVenue(balances={"USDT": "10000"})
    assert repr(venue) == "<SimulatedVenue: no kernel yet>"
    with ExecutionKernel(max_slots=4, venue=venue, log_dir=tmp_path / "main") as kernel:
        assert repr(kernel.account) == "<AccountProjection: no account yet>"
        kernel.set_exchange_config(CONFIG)
        kernel.set_seed_capital("10000", asset="USDT")
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
        kernel.process_intent(intent(ENTER, "i1"))
        slot = kernel.slot(0)
        assert repr(kernel) == (
            f"<ExecutionKernel main: PAPER, input {kernel.seq}, 1 of 4 slots carry a trade, "
            f"log {tmp_path / 'main'}>"
        )
        assert repr(slot) == (f"<KernelSlotView 0: POSITION_OPEN {slot.trade_id} LONG {slot.size} {SYMBOL}>")
        assert repr(kernel.slot(1)) == "<KernelSlotView 1: IDLE>"
        account = kernel.account.state()
        assert repr(kernel.account) == (
            f"<AccountProjection USDT: K {account['k_capital']}, E {account['e_wallet_balance']}, OK>"
        )
        assert repr(venue) == "<SimulatedVenue: a kernel trades on it>"
    assert repr(kernel) == "<ExecutionKernel main: closed>"
