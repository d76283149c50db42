"""A round trip through ccxt's adapter beside the native one's: on both wires, interleaved, in one run.

Run it: `.venv/bin/python benches/python/ccxt_beside_native.py [ROUNDS]`. It prints medians: the wall
time from an order to its fill in the kernel, and this process's processor time for it, with the exchange's.
"""

import statistics
import sys
import time
from typing import Any

from dita import CCXTAdapter, ExecutionKernel, KernelIntent
from dita.practice.exchange import Terms
from dita.practice.server import ServerThread
from dita.venues.binance.adapter import BinancePractice
from dita.venues.bybit.adapter import BybitPractice

PATIENCE_S = 20.0
#: Each venue's own adapter, and ccxt's name of it.
VENUES: dict[str, tuple[Any, str]] = {
    "binance": (BinancePractice, "binanceusdm"),
    "bybit": (BybitPractice, "bybit"),
}
_PLENTY = 1_000_000


def _unlimit(exchange: Any) -> None:
    exchange.limits.per_address = exchange.limits.others = _PLENTY
    exchange.limits.per_second = dict.fromkeys(exchange.limits.per_second, _PLENTY)


class Desk:
    """A kernel on an exchange of its own."""

    def __init__(self, venue: str, *, native: bool) -> None:
        """Open both."""
        own, name = VENUES[venue]
        self.server = ServerThread(Terms(still=True, venue=venue)).__enter__()
        if venue == "bybit":
            # Eight entries a second would be what is measured.
            self.server.call(_unlimit)
        address = self.server.address
        keys = ("practise-key", "practise-secret")
        self.adapter: Any = (
            own(*keys, ("BTCUSDT",), rest=f"http://{address}", stream=f"ws://{address}")
            if native
            else CCXTAdapter(name, ["BTCUSDT"], api_key=keys[0], api_secret=keys[1], address=address)
        )
        if native and venue == "bybit":
            self.adapter.budget.limited(_PLENTY)
        self.kernel = ExecutionKernel(venue=self.adapter)
        self.kernel.set_exchange_config({"instruments": self.adapter.get_market_metadata(["BTCUSDT"])})
        self.kernel.set_seed_capital(10_000)
        assert self.adapter.wait_connected(PATIENCE_S)
        self.kernel.mark_price("BTCUSDT", 60_000)
        self.intents = 0

    def leg(self, action: str, stage: str, **fields: Any) -> tuple[float, float]:
        """Send an order, wait for its fill; return wall and processor time, milliseconds."""
        self.intents += 1
        wall, worked = time.perf_counter(), time.process_time()
        self.kernel.process_intent(
            KernelIntent(
                timestamp=time.time_ns(),
                intent_id=f"i{self.intents}",
                trade_id="t",
                slot_id=0,
                asset="BTCUSDT",
                side="LONG",
                action=action,
                reference_price=60_000,
                **fields,
            )
        )
        until = wall + PATIENCE_S
        while self.kernel.slot(0).fsm_state != stage:
            assert time.perf_counter() < until, f"the fill did not come: {self.kernel.orders()[-1]}"
            time.sleep(0.0005)
        return (time.perf_counter() - wall) * 1_000, (time.process_time() - worked) * 1_000

    def close(self) -> None:
        """Close both."""
        self.kernel.close()
        self.server.close()


def main() -> None:
    """Trade, one desk after the other, again and again."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    desks = {
        f"{venue} {how}": Desk(venue, native=how == "native")
        for venue in VENUES
        for how in ("native", "ccxt")
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in desks}
    for turn in range(rounds + 3):
        for name, desk in desks.items():
            found = [
                desk.leg("ENTER", "POSITION_OPEN", target_size="0.01"),
                desk.leg("EXIT", "CLOSED"),
            ]
            # The first ones warm up.
            times[name] += found if turn >= 3 else []
    for desk in desks.values():
        desk.close()
    medians = {
        name: tuple(statistics.median(one[at] for one in found) for at in (0, 1))
        for name, found in times.items()
    }
    for name, (wall, worked) in medians.items():
        count = len(times[name])
        print(f"{name:15} order to fill {wall:.2f} ms, processor {worked:.2f} ms ({count} orders)")
    for venue in VENUES:
        pairs = zip(medians[f"{venue} ccxt"], medians[f"{venue} native"], strict=True)
        slower, more = (ccxt / native for ccxt, native in pairs)
        print(f"{venue}: ccxt is {slower:.1f} times as slow, and takes {more:.1f} times the processor time")


if __name__ == "__main__":
    main()
