"""The kernel that `soak_followers.py` kills: `soak_trader.py LOG_DIR JOURNAL_URL CLUSTER`.

It trades on the simulated venue as its input says, a command a line: `trade N` takes N more inputs and
answers with the last one; `end` opens no more, waits until everything is durable and answers with the last
input and the state's hash. Started again on the same log it goes on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from dita import ControlUpdate, ExecutionKernel, KernelIntent, OrderType, SimulatedVenue
from dita.journal import ClickHouseKernelJournal
from dita.projection import FollowedProjection

if TYPE_CHECKING:
    from dita import TradeSlot

NAME: Final = "soak"
SLOTS: Final = 32
#: Slots from here on hold an order that rests; those before enter and leave at the market.
RESTING: Final = 24
SYMBOL: Final = "BTCUSDT"
CONFIG: Final[dict[str, Any]] = {
    "taker_rate": "0.0005",
    "maker_rate": "0.0002",
    "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "5"}},
}
_MILLISECOND_NS: Final = 1_000_000
#: Longer than an order that is not found is waited for.
_SETTLED_NS: Final = 10_000_000_000


class Trader:
    """One life of it."""

    def __init__(self, log_dir: str, journal: str, cluster: str) -> None:
        """Open the kernel, and leave what the last life left open."""
        self.venue = SimulatedVenue(balances={"USDT": "1000000000"})
        self.kernel = ExecutionKernel(
            max_slots=SLOTS,
            venue=self.venue,
            log_dir=log_dir,
            name=NAME,
            journal=ClickHouseKernelJournal(journal, always=True),
            projection=FollowedProjection(cluster),
        )
        self.kernel.set_exchange_config(CONFIG)
        self.kernel.set_seed_capital("1000000000")
        self.quote(0)
        for _ in range(4):
            self.kernel.advance_time(self.kernel.now_ns + _SETTLED_NS)
        self.leave(range(RESTING))
        self.rounds = 0

    def quote(self, step: int) -> None:
        """The market is somewhere else."""
        kernel = self.kernel
        kernel.advance_time(kernel.now_ns + _MILLISECOND_NS)
        bid = f"{60_000 + step % 50}.0"
        self.venue.on_quote(SYMBOL, bid, None, bid[:-1] + "1", None, kernel.now_ns)
        kernel.mark_price(SYMBOL, bid, kernel.now_ns)

    def intent(self, action: str, slot_id: int, trade_id: str, name: str, **fields: Any) -> KernelIntent:  # noqa: ANN401 - an intent's
        """An intent about 0.01 BTC."""
        return KernelIntent(
            timestamp=self.kernel.now_ns,
            intent_id=name,
            trade_id=trade_id,
            slot_id=slot_id,
            asset=SYMBOL,
            side="LONG",
            action=action,
            reference_price="60000",
            **fields,
        )

    def slots(self) -> list[TradeSlot]:
        """Each slot as it is."""
        return [view.snapshot() for view in self.kernel.state.slots]

    def enter(self, slots: range, **fields: Any) -> None:  # noqa: ANN401 - an intent's
        """Enter where a slot is free, all together."""
        seq = self.kernel.seq
        entries = [
            self.intent("ENTER", slot.slot_id, f"t{seq}.{slot.slot_id}", f"e{seq}.{slot.slot_id}", **fields)
            for slot in self.slots()
            if slot.slot_id in slots and slot.is_free()
        ]
        self.kernel.process_intents(entries)

    def leave(self, slots: range) -> None:
        """Leave where a slot holds something, all together."""
        seq = self.kernel.seq
        exits = [
            self.intent("EXIT", slot.slot_id, slot.trade_id, f"x{seq}.{slot.slot_id}")
            for slot in self.slots()
            if slot.slot_id in slots and slot.is_open()
        ]
        self.kernel.process_intents(exits)

    def rest(self) -> None:
        """Take back the orders that rest, and place others."""
        seq = self.kernel.seq
        cancels = [
            self.intent("CANCEL", slot.slot_id, slot.trade_id, f"c{seq}.{slot.slot_id}")
            for slot in self.slots()[RESTING:]
            if slot.active_entry_order is not None and slot.active_entry_order.is_live()
        ]
        self.kernel.process_intents(cancels)
        self.enter(range(RESTING, SLOTS), target_size="0.01", order_type=OrderType.LIMIT, limit_price="50000")

    def trade(self, inputs: int) -> int:
        """Take so many inputs, or a few more; return the last one."""
        until = self.kernel.seq + inputs
        while self.kernel.seq < until:
            self.rounds += 1
            if self.rounds % 8 == 0:
                self.rest()
                self.quote(self.rounds)
            if self.rounds % 40 == 0:
                limits = {"max_open_slots": SLOTS + self.rounds}
                self.kernel.update_control(ControlUpdate(limits=limits, updated_by=f"ops{self.rounds}"))
            self.enter(range(RESTING), target_size="0.01")
            self.leave(range(RESTING - self.rounds % 3))
        return self.kernel.seq


def say(*words: object) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do as the input says, until it ends."""
    trader = Trader(*sys.argv[1:])
    say("open", trader.kernel.seq)
    for line in sys.stdin:
        word, _, inputs = line.strip().partition(" ")
        if word == "trade":
            say("seq", trader.trade(int(inputs)))
        else:
            # The last input reads the last mark, so that what the log says and what the kernel says is one.
            trader.kernel.advance_time(trader.kernel.now_ns + _MILLISECOND_NS)
            trader.kernel.check_invariants()
            trader.kernel.sync()
            say("end", trader.kernel.seq, trader.kernel.state_hash())
    trader.kernel.close()


if __name__ == "__main__":
    main()
