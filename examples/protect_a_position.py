"""A position with a stop under it and a profit target above it: the one that fills takes back the other.

Run it: `python examples/protect_a_position.py`
"""

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"


def bracket(kernel: ExecutionKernel, number: int, stop: str, target: str) -> None:
    """Protect the position in slot 0; both orders close all of it, and stand in one group."""
    about = {"trade_id": f"t{number}", "slot_id": 0, "asset": SYMBOL, "side": "LONG", "timestamp": 0}
    group = f"bracket {number}"
    for name, order in (
        ("stop", {"order_type": "STOP_MARKET", "trigger_price": stop, "reason": "stop"}),
        ("target", {"order_type": "LIMIT", "limit_price": target, "reason": "target"}),
    ):
        outcome = kernel.process_intent(
            KernelIntent(intent_id=f"{name} {number}", action="EXIT", oco_group=group, **order, **about)
        )
        print(f"  {name}:", outcome.diagnostic_code, outcome.state)


def main() -> None:
    """Make the same trade twice: once the target is reached, once the stop."""
    venue = SimulatedVenue(balances={"USDT": 10_000})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
        for number, then in ((1, "61000.0"), (2, "58990.0")):
            venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)
            print(f"trade {number}")
            kernel.process_intent(
                KernelIntent(
                    timestamp=0,
                    intent_id=f"enter {number}",
                    trade_id=f"t{number}",
                    slot_id=0,
                    asset=SYMBOL,
                    side="LONG",
                    action="ENTER",
                    target_size="0.01",
                    reference_price="60000.1",
                )
            )
            bracket(kernel, number, stop="59000", target="61000")
            venue.on_quote(SYMBOL, then, None, then, None)
            slot = kernel.slot(0)
            print(f"  at {then}: {slot.fsm_state}, profit {slot.realized_pnl.normalize()}")
            for order in kernel.orders()[-2:]:
                print(f"    {order.order_type}: {order.status}")
        print(kernel.snapshot()["account"]["reconcile_explanation"])


if __name__ == "__main__":
    main()
