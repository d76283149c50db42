"""A market maker on both sides of one book: a fill closes what the other side holds before it opens anything.

Run it: `python examples/market_maker.py`
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"
CAPITAL = 10_000
SIZE = Decimal("0.01")
INVENTORY_MAX = Decimal("0.03")
# From the middle of the market to each quote; so much lower and higher for each lot of inventory.
DISTANCE = 30
SKEW = 4
ROUNDS = 400


class Round(NamedTuple):
    """What a round of quotes has come to."""

    number: int
    middle: int
    net: Decimal
    capital: Decimal
    netted: int


def middles() -> Iterator[int]:
    """A market that wanders and comes back: no chance, so that every run is the same."""
    state, middle = 7, 60_000
    for _ in range(ROUNDS):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        middle += state // 65_536 % 81 - 40 + (60_000 - middle) // 4
        yield middle


def net_of(kernel: ExecutionKernel) -> Decimal:
    """The account's position: the signed sum of the slots."""
    return sum((position["size"] for position in kernel.positions()), Decimal(0))


def quote(kernel: ExecutionKernel, number: int, side: str, price: int) -> None:
    """Rest an order of one side in a slot that is free."""
    slot = next(slot.slot_id for slot in kernel.state.slots if slot.fsm_state in ("IDLE", "CLOSED"))
    kernel.process_intent(
        KernelIntent(
            timestamp=number,
            intent_id=f"{side} {number}",
            trade_id=f"{side} {number}",
            slot_id=slot,
            asset=SYMBOL,
            side=side,
            action="ENTER",
            order_type="LIMIT",
            limit_price=price,
            target_size=SIZE,
            post_only=True,
        )
    )


def cancel_quotes(kernel: ExecutionKernel, number: int) -> None:
    """Take back what still rests."""
    for slot in kernel.state.slots:
        if slot.fsm_state == "ENTRY_WORKING":
            kernel.process_intent(
                KernelIntent(
                    timestamp=number,
                    intent_id=f"cancel {slot.slot_id} {number}",
                    trade_id=slot.trade_id,
                    slot_id=slot.slot_id,
                    asset=SYMBOL,
                    side=slot.side,
                    action="CANCEL",
                )
            )


def make(kernel: ExecutionKernel, venue: SimulatedVenue) -> Iterator[Round]:
    """Quote both sides of each middle, lean against the inventory, and say what came of it."""
    netted = set()
    for number, middle in enumerate(middles(), 1):
        venue.on_quote(SYMBOL, middle - 1, None, middle + 1, None)
        netted.update(slot.trade_id for slot in kernel.state.slots if slot.close_reason == "NETTED")
        cancel_quotes(kernel, number)
        net = net_of(kernel)
        lean = int(net / SIZE) * SKEW
        if net < INVENTORY_MAX:
            quote(kernel, number, "LONG", middle - DISTANCE - lean)
        if net > -INVENTORY_MAX:
            quote(kernel, number, "SHORT", middle + DISTANCE - lean)
        yield Round(number, middle, net, kernel.snapshot()["account"]["k_capital"], len(netted))


def desk() -> tuple[ExecutionKernel, SimulatedVenue]:
    """A paper account on which slots of both sides share the book."""
    venue = SimulatedVenue(balances={"USDT": CAPITAL})
    kernel = ExecutionKernel(venue=venue)
    rules = {"tick_size": "1", "lot_step": "0.001", "maker_rate": "0.00002"}
    sides = {"opposite_slots": "net", "pair_off": "same_owner"}
    kernel.set_exchange_config({"instruments": {SYMBOL: {**rules, **sides}}})
    kernel.set_seed_capital(CAPITAL)
    return kernel, venue


def main() -> None:
    """Make a market, and print where it stands every fifty rounds."""
    kernel, venue = desk()
    with kernel:
        for done in make(kernel, venue):
            if done.number % 50 == 0:
                print(
                    f"round {done.number}: middle {done.middle}, net {done.net.normalize()},"
                    f" K {done.capital.normalize()}, netted {done.netted}"
                )
        held = [(slot.side, slot.size) for slot in kernel.state.slots if slot.size]
        print("slots that hold:", ", ".join(f"{side} {size}" for side, size in held) or "none")
        print(kernel.snapshot()["account"]["reconcile_explanation"])


if __name__ == "__main__":
    main()
