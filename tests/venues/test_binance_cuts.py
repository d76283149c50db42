"""Many events and many cuts of the network: nothing is lost, nothing is booked twice.

CI has 20,000 events with 20 cuts; the soak list has a million with a thousand.
"""

import os
import time
from collections.abc import Callable
from decimal import Decimal

from dita import ExecutionKernel, KernelIntent
from dita.practice.binance.exchange import BinanceExchange
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice

EVENTS = int(os.environ.get("DITA_BINANCE_EVENTS", "20000"))
#: Each fill is told by a frame of its order, and one of the account.
FILLS = EVENTS // 2
CUTS = max(1, EVENTS // 1_000)
LOT = Decimal("0.001")
#: An order's fills, and how many happen at once.
A_ORDER = 250
AT_ONCE = 25


class Desk:
    """Round trips on one slot, each order filled lot by lot by others."""

    def __init__(self, server: ServerThread, adapter: BinancePractice, kernel: ExecutionKernel) -> None:
        self.server, self.adapter, self.kernel = server, adapter, kernel
        self.trades = self.fills = 0

    def wait(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < until, (self.kernel.slot(0).fsm_state, self.fills)
            time.sleep(0.005)

    def order(self, action: str, price: str) -> str:
        intent = KernelIntent(
            time.time_ns(), intent_id=f"{action}{self.trades}", trade_id=f"t{self.trades}", slot_id=0,
            asset="BTCUSDT", side="LONG", action=action, order_type="LIMIT", limit_price=price,
            target_size=LOT * A_ORDER,
        )  # fmt: skip
        outcome = self.kernel.process_intent(intent)
        assert outcome.accepted, outcome
        return self.kernel.orders()[-1].venue_client_id

    def filled(self, client_id: str) -> None:
        """Have others trade against an order, with a cut of the network now and then."""

        def trade(exchange: BinanceExchange) -> bool:
            for order in exchange.account.open_orders():
                if order.client_id == client_id:
                    for _ in range(AT_ONCE):
                        exchange.account.trade_against(order, LOT)
                    return True
            return False

        done = 0
        while done < A_ORDER:
            if not self.server.call(trade):
                time.sleep(0.002)
                continue
            done += AT_ONCE
            before, self.fills = self.fills, self.fills + AT_ONCE
            if before * CUTS // FILLS != self.fills * CUTS // FILLS:
                self.wait(
                    lambda: bool(
                        self.server.call(lambda one: [s for s in one.sessions if s.path == "private"])
                    )
                )
                self.server.command("cut")

    def round_trip(self) -> None:
        self.trades += 1
        self.wait(lambda: self.adapter.is_quiet and not self.adapter.is_deaf)
        # A mark that is a minute old counts as none.
        self.kernel.mark_price("BTCUSDT", 60_000)
        for action, price, stage in (("ENTER", "59000", "POSITION_OPEN"), ("EXIT", "61000", "CLOSED")):
            self.filled(self.order(action, price))
            self.wait(lambda stage=stage: str(self.kernel.slot(0).fsm_state) == stage)  # type: ignore[misc]


def test_events_with_cuts_end_with_the_venues_position_and_money() -> None:
    terms = Terms(still=True, balances={"USDT": Decimal(1_000_000)})
    with ServerThread(terms, step_s=3_600) as server:
        # What is asked here in a minute, a trader asks in an hour.
        server.call(lambda one: setattr(one.limits.weight, "limit", 1_000_000_000))
        adapter = BinancePractice(
            "practise-key", "practise-secret", ("BTCUSDT",),
            rest=f"http://{server.address}", stream=f"ws://{server.address}",
        )  # fmt: skip
        adapter.budget.limited(server.call(lambda one: one.limits.described()))
        with ExecutionKernel(venue=adapter) as kernel:
            rules = {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "100", "leverage": 20}
            kernel.set_exchange_config({"instruments": {"BTCUSDT": rules}})
            kernel.set_seed_capital(1_000_000)
            assert adapter.wait_connected(10)
            kernel.mark_price("BTCUSDT", 60_000)
            desk = Desk(server, adapter, kernel)
            while desk.fills < FILLS:
                desk.round_trip()
            desk.wait(lambda: adapter.is_quiet)

            def wallets() -> tuple[Decimal, Decimal, Decimal | None]:
                asset = kernel.snapshot()["account"]["assets"]["USDT"]
                return asset["k_capital"], asset["reconcile_delta"], asset["e_wallet_balance"]

            there = server.call(lambda one: one.account.sim.wallet("USDT"))
            desk.wait(lambda: wallets() == (there, Decimal(0), there))
            assert kernel.slot(0).size == 0
            desk.wait(lambda: adapter.reconnects >= CUTS)
            assert server.call(lambda one: len(one.account.histories.trades)) == desk.fills
            kernel.check_invariants()
