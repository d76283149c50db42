"""DITA driven from Python: T1 with the simulated venue inside the kernel, T1p with an adapter in Python.

The desk is the one that `make bench` times.
"""

from __future__ import annotations

import re
import sys
from decimal import Decimal
from pathlib import Path

from protocol import CAPITAL, Counts, End, Watch, Work, publish

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from bench_round_trip import AckAndFill, Desk

from dita import SimulatedVenue

WORK = Work(
    money="exact, integers at 1e-18",
    duplicates="yes",
    ledger="yes, double entry",
    funding="can; none falls due here",
    reconciliation="yes, a wallet frame after each fill",
    also="limits, exposure, one state machine a slot",
)
WORK_WITH_ADAPTER = Work(
    money="exact, integers at 1e-18",
    duplicates="yes",
    ledger="yes, double entry",
    funding="can; none falls due here",
    reconciliation="can; this adapter sends no wallet frames",
    also="limits, exposure, one state machine a slot; the fee is computed from the rate",
)


def main() -> None:
    """One arm."""
    counts = Counts.from_command_line()
    has_adapter = counts.arm == "dita_t1p"
    desk = Desk(AckAndFill() if has_adapter else SimulatedVenue(balances={"USDT": int(CAPITAL)}))
    watch = Watch()
    watch.start()
    for _ in range(counts.trips // counts.block):
        for _ in range(counts.block):
            desk.round_trip()
        watch.mark()
    watch.stop()
    desk.assert_end()
    account = desk.kernel.snapshot()["account"]
    last_order = desk.kernel.slot(0).active_exit_order
    assert last_order is not None
    end = End(
        position=Decimal(account["open_positions"]),
        # Both venues number their orders: the last one's number is how many there were.
        orders=int(re.sub(r"\D", "", last_order.venue_order_id)),
        fees=account["k_fees_paid"],
        realized_pnl=account["k_realized_pnl"],
        is_exact=True,
    )
    publish(counts, "dita", watch, end, WORK_WITH_ADAPTER if has_adapter else WORK)


if __name__ == "__main__":
    main()
