"""A ladder: the trade is added to as the price falls, and one stop covers all of it, under its average price.

Run it: `python examples/ladder_with_one_stop.py`
"""

from decimal import Decimal

from dita import ExecutionKernel, ExitSpec, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"
LEVELS = ((60_000, "0.010"), (59_400, "0.010"), (58_800, "0.020"))
AFTERWARDS = (59_300, 60_100, 60_700)
# What the picture in the docs is drawn of: a label, the price, K, and K with what is open at that price.
Point = tuple[str, Decimal, Decimal, Decimal]


def point(kernel: ExecutionKernel, label: str, price: Decimal | int) -> Point:
    """Read the account as it is."""
    account = kernel.snapshot()["account"]
    return label, Decimal(price), account["k_capital"], account["equity"]


def say(kernel: ExecutionKernel, price: int) -> None:
    """Print the trade and what guards it."""
    slot = kernel.slot(0)
    orders = ", ".join(
        f"{order.order_type} {order.intended_size} at {order.trigger_price or order.limit_price:f}"
        for order in slot.exit_orders
    )
    print(
        f"  at {price}: {slot.size:f} bought at {slot.entry_price:f} on average; {orders or 'nothing rests'}"
    )


def trade() -> list[Point]:
    """Buy three times, with one stop 3 % and one target 2 % from the average, and wait for the target."""
    venue = SimulatedVenue(balances={"USDT": 10_000}, quotes_set_marks=True)
    points: list[Point] = []
    about = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "LONG", "timestamp": 0}
    exits = (ExitSpec("STOP", offset="0.03"), ExitSpec("TARGET", offset="0.02"))
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
        for number, (price, size) in enumerate(LEVELS, start=1):
            venue.on_quote(SYMBOL, price, None, price, None)
            points.append(point(kernel, "", price))
            first = number == 1
            outcome = kernel.process_intent(
                KernelIntent(
                    intent_id=f"level {number}",
                    action="ENTER",
                    target_size=size,
                    exits=exits if first else (),
                    add=not first,
                    **about,
                )
            )
            print(f"level {number}:", outcome.diagnostic_code, outcome.state)
            say(kernel, price)
            points.append(point(kernel, f"buy {size}", price))
        for price in AFTERWARDS:
            venue.on_quote(SYMBOL, price, None, price, None)
            points.append(point(kernel, "target" if kernel.slot(0).closed else "", price))
        slot = kernel.slot(0)
        print(f"{slot.fsm_state} by {slot.close_reason}: {slot.realized_pnl.normalize():f} before fees")
        print(kernel.snapshot()["account"]["reconcile_explanation"])
    return points


if __name__ == "__main__":
    trade()
