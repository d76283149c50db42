"""A position that is left in three steps: half, then a quarter, then what remains.

Run it: `python examples/leave_in_steps.py`
"""

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"


def main() -> None:
    """Enter with a ladder of exits, and take one step of it after the other."""
    venue = SimulatedVenue(balances={"USDT": 10_000})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)
        trade = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "LONG", "timestamp": 0}
        kernel.process_intent(
            KernelIntent(
                intent_id="enter",
                action="ENTER",
                target_size="0.021",
                reference_price="60000.1",
                # Parts of the position; they sum to 1. Sizes that the lot does not allow go to the next step.
                exit_leg_ratios=("0.5", "0.25", "0.25"),
                **trade,
            )
        )
        for step, bid in enumerate(("60300.0", "60600.0", "60900.0"), 1):
            venue.on_quote(SYMBOL, bid, None, bid, None)
            kernel.process_intent(KernelIntent(intent_id=f"exit {step}", action="EXIT", **trade))
            slot = kernel.slot(0)
            print(f"step {step}: {slot.fsm_state}, {slot.size} left, profit {slot.realized_pnl.normalize()}")


if __name__ == "__main__":
    main()
