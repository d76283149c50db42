"""hftbacktest: market orders against a book that stands still, in a compiled loop or from Python one by one.

Each order waits for its response; finished orders are cleared once a trip, as the project's examples do.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.order import GTC, MARKET
from hftbacktest.types import event_dtype
from numba import njit
from protocol import ASK, BID, LOT, MAKER_RATE, SIZE, TAKER_RATE, TICK, Counts, End, Watch, Work, publish

BUY_PRICE, SELL_PRICE, QUANTITY = float(ASK), float(BID), float(SIZE)
LATENCY_NS = 1_000
FAR_NS = 10**18

WORK = Work(
    money="f64",
    also="feed and order latency, queue position for limit orders",
    lacks="the acknowledgement and the fill are one response; balance and fee are running sums",
)


def market() -> Any:
    """A book with one level a side, and an event so far away that the data never ends."""
    both = EXCH_EVENT | LOCAL_EVENT | DEPTH_EVENT
    data = np.zeros(3, event_dtype)
    for row, (side, price, at) in enumerate(
        [(BUY_EVENT, SELL_PRICE, 1), (SELL_EVENT, BUY_PRICE, 1), (SELL_EVENT, BUY_PRICE, FAR_NS)]
    ):
        data[row] = (both | side, at, at, price, 1e6, 0, 0, 0)
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(float(MAKER_RATE), float(TAKER_RATE))
        .tick_size(float(TICK))
        .lot_size(float(LOT))
    )
    desk = HashMapMarketDepthBacktest([asset])
    if desk.elapse(1_000_000) != 0:
        raise SystemExit("the book was not read")
    return desk


def trips(desk: Any, count: int, order_id: int) -> int:
    """So many round trips; the next free order id."""
    for _ in range(count):
        desk.submit_buy_order(0, order_id, BUY_PRICE, QUANTITY, GTC, MARKET, True)
        desk.submit_sell_order(0, order_id + 1, SELL_PRICE, QUANTITY, GTC, MARKET, True)
        desk.clear_inactive_orders(0)
        order_id += 2
    return order_id


def main() -> None:
    """One arm."""
    counts = Counts.from_command_line()
    run = njit(trips) if counts.arm == "hftbacktest_numba" else trips
    run(market(), 1, 1)  # compiles, on a book of its own
    desk = market()
    order_id = 1
    watch = Watch()
    watch.start()
    for _ in range(counts.trips // counts.block):
        order_id = run(desk, counts.block, order_id)
        watch.mark()
    watch.stop()
    state = desk.state_values(0)
    end = End(
        position=Decimal(state.position),
        orders=int(state.num_trades),
        fees=Decimal(state.fee),
        realized_pnl=Decimal(state.balance),
        is_exact=False,
    )
    desk.close()
    publish(counts, "hftbacktest", watch, end, WORK)


if __name__ == "__main__":
    main()
