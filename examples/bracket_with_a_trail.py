"""A bracket: two targets sell a part each, and a trailing stop follows the best mark with the rest.

Run it: `python examples/bracket_with_a_trail.py`
"""

from decimal import Decimal

from dita import ExecutionKernel, ExitSpec, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"
EXITS = (
    ExitSpec("TARGET", limit_price=60_600, ratio="0.3"),
    ExitSpec("TARGET", limit_price=61_200, ratio="0.3"),
    ExitSpec("TRAIL", offset="0.01"),
)
# Seconds after the entry, and the price then.
MARKET = ((1, 60_300), (3, 60_650), (5, 61_000), (7, 61_250), (9, 61_900), (11, 61_600), (13, 61_200))
SECOND = 1_000_000_000
# What the picture in the docs is drawn of: a label, the price, K, and K with what is open at that price.
Point = tuple[str, Decimal, Decimal, Decimal]


def point(kernel: ExecutionKernel, label: str, price: Decimal | int) -> Point:
    """Read the account as it is."""
    account = kernel.snapshot()["account"]
    return label, Decimal(price), account["k_capital"], account["equity"]


def trade() -> list[Point]:
    """Buy once, and leave in three parts."""
    venue = SimulatedVenue(balances={"USDT": 10_000}, quotes_set_marks=True)
    points: list[Point] = []
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config({"instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001"}}})
        kernel.set_seed_capital(10_000)
        venue.on_quote(SYMBOL, 60_000, None, 60_000, None, SECOND)
        points.append(point(kernel, "", 60_000))
        intent = KernelIntent(
            timestamp=SECOND,
            intent_id="enter",
            trade_id="t1",
            slot_id=0,
            asset=SYMBOL,
            side="LONG",
            action="ENTER",
            target_size="0.050",
            exits=EXITS,
        )
        print("enter:", kernel.process_intent(intent).diagnostic_code)
        points.append(point(kernel, "buy 0.050", 60_000))
        held = kernel.slot(0).size
        for seconds, price in MARKET:
            venue.on_quote(SYMBOL, price, None, price, None, (1 + seconds) * SECOND)
            slot = kernel.slot(0)
            stop = [order for order in slot.exit_orders if order.order_type == "STOP_MARKET"]
            at_work = stop and not slot.closed
            guard = (
                f"{stop[0].intended_size} stops at {stop[0].trigger_price:f}" if at_work else "nothing rests"
            )
            print(f"  at {price}: {slot.size:f} held, {guard}")
            points.append(point(kernel, f"sell {held - slot.size:f}" if slot.size < held else "", price))
            held = slot.size
        slot = kernel.slot(0)
        print(f"{slot.fsm_state} by {slot.close_reason}: {slot.realized_pnl.normalize():f} before fees")
        print(kernel.snapshot()["account"]["reconcile_explanation"])
    return points


if __name__ == "__main__":
    trade()
