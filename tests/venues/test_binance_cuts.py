"""Many fills and many cuts of the network: nothing is lost, nothing is booked twice."""

import time
from decimal import Decimal

from dita import ExecutionKernel, KernelIntent
from dita.loopback.binance.exchange import BinanceExchange
from dita.loopback.exchange import Terms
from dita.loopback.server import ServerThread
from dita.venues.binance.adapter import BinancePractice

FILLS = 600
CUTS = 6
LOT = Decimal("0.001")


def test_six_hundred_fills_with_six_cuts_end_with_the_venues_position_and_money() -> None:
    terms = Terms(still=True, balances={"USDT": Decimal(1_000_000)})
    with ServerThread(terms, step_s=3_600) as server:
        adapter = BinancePractice(
            "practise-key", "practise-secret", ("BTCUSDT",),
            rest=f"http://{server.address}", stream=f"ws://{server.address}",
        )  # fmt: skip
        with ExecutionKernel(venue=adapter) as kernel:
            rules = {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "100", "leverage": 20}
            kernel.set_exchange_config({"instruments": {"BTCUSDT": rules}})
            kernel.set_seed_capital(1_000_000)
            assert adapter.wait_connected(10)
            kernel.mark_price("BTCUSDT", 60_000)
            intent = KernelIntent(
                time.time_ns(), intent_id="i1", trade_id="t1", slot_id=0, asset="BTCUSDT", side="LONG",
                action="ENTER", order_type="LIMIT", limit_price="59000", target_size=LOT * FILLS,
            )  # fmt: skip
            assert kernel.process_intent(intent).accepted
            client_id = kernel.orders()[0].venue_client_id
            until = time.monotonic() + 60

            def trade(exchange: BinanceExchange) -> bool:
                for order in exchange.account.open_orders():
                    if order.client_id == client_id:
                        exchange.account.trade_against(order, LOT)
                        return True
                return False

            done = 0
            while done < FILLS:
                assert time.monotonic() < until
                done += server.call(trade)
                if done % (FILLS // CUTS) == FILLS // CUTS // 2:
                    while not server.call(lambda one: [s for s in one.sessions if s.path == "private"]):
                        assert time.monotonic() < until
                        time.sleep(0.01)
                    server.command("cut")
            while kernel.slot(0).size < LOT * FILLS or not adapter.is_quiet:
                assert time.monotonic() < until, (kernel.slot(0).size, adapter.is_quiet)
                time.sleep(0.02)
            asset = kernel.snapshot()["account"]["assets"]["USDT"]
            assert kernel.slot(0).size == LOT * FILLS
            assert asset["k_capital"] == server.call(lambda one: one.account.sim.wallet("USDT"))
            assert asset["reconcile_delta"] == 0
            assert adapter.reconnects >= CUTS
            kernel.check_invariants()
