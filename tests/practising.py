"""A kernel on `dita exchange` through the native adapter, over real sockets."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dita import ExecutionKernel, KernelIntent
from dita.practice.exchange import Terms
from dita.practice.market import LISTINGS, Listing
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice
from dita.venues.bybit.adapter import BybitPractice
from dita.venues.wire.adapter import WireAdapter

SECRET = "practise-secret"  # noqa: S105 - it opens nothing but the exchange


@dataclass
class Account:
    """A kernel at work on an exchange."""

    server: ServerThread
    adapter: WireAdapter
    kernel: ExecutionKernel
    intents: int = 0

    def act(self, action: str, **fields: Any) -> Any:
        self.intents += 1
        given: dict[str, Any] = {
            "timestamp": time.time_ns(), "intent_id": f"i{self.intents}", "trade_id": "t1", "slot_id": 0,
            "asset": "BTCUSDT", "side": "LONG", "action": action, "reference_price": Decimal(60_000),
        }  # fmt: skip
        return self.kernel.process_intent(KernelIntent(**{**given, **fields}))

    def wait(self, is_so: Callable[[], bool], seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.01)

    def stage(self) -> str:
        return str(self.kernel.slot(0).fsm_state)

    def agrees(self) -> bool:
        account = self.kernel.snapshot()["account"]["assets"]["USDT"]
        reported = account["e_wallet_balance"]
        return reported is not None and account["reconcile_delta"] == 0

    def is_halted(self) -> bool:
        """An entry is refused before it is sent; it is tried in a slot of its own."""
        sent = self.orders_there()
        self.act("ENTER", slot_id=7, trade_id=f"halt{self.intents}", target_size="0.01")
        self.wait(lambda: not self.kernel.orders()[-1].is_live())
        return str(self.kernel.orders()[-1].status) == "REJECTED" and self.orders_there() == sent

    def orders_there(self) -> int:
        """How many orders the exchange took."""
        return self.server.call(lambda one: len(one.account.histories.orders))

    def placed(self) -> int:
        """How many orders the exchange was asked for."""
        paths = ("/fapi/v1/order", "/fapi/v1/algoOrder", "/v5/order/create")
        orders = {("POST", path) for path in paths}
        return self.server.call(lambda one: sum(each in orders for each in one.received))

    def say(self, frame: dict[str, Any]) -> None:
        """Have the user stream say something."""
        text = json.dumps(frame)
        assert self.server.call(lambda one: one.say_raw(text)) == 1

    def books_agree(self) -> bool:
        """K is the exchange's wallet, and E too."""
        there = self.server.call(lambda one: one.account.sim.wallet("USDT"))
        return self.agrees() and self.kernel.snapshot()["account"]["assets"]["USDT"]["k_capital"] == there


@contextmanager
def practising(
    *,
    deaf_s: float = 0.5,
    step_s: float = 0.25,
    listings: tuple[Listing, ...] = LISTINGS,
    venue: str = "binance",
    hedge: bool = False,
) -> Iterator[Account]:
    """Open an exchange whose market stands still, and a kernel on it."""
    kinds: dict[str, type[BinancePractice | BybitPractice]] = {
        "binance": BinancePractice, "bybit": BybitPractice,
    }  # fmt: skip
    with ServerThread(
        Terms(still=True, listings=listings, venue=venue, hedge=hedge), step_s=step_s
    ) as server:
        adapter = kinds[venue](
            "practise-key", SECRET, ("BTCUSDT",),
            rest=f"http://{server.address}", stream=f"ws://{server.address}", deaf_s=deaf_s,
        )  # fmt: skip
        with ExecutionKernel(venue=adapter, hedge_mode=hedge) as kernel:
            kernel.set_exchange_config(
                {"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "0.001", "min_notional": "100"}}}
            )
            kernel.set_seed_capital(10_000)
            assert adapter.wait_connected(30)
            kernel.mark_price("BTCUSDT", 60_000)
            yield Account(server, adapter, kernel)
