"""Lives of a paper run: each is killed in the midst of something, and the next says whether all agrees.

Called with a directory, how many kills, and a seed; prints one JSON object. The lives are forks of this
process, so that a life costs no imports.
"""

import json
import os
import random
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from dita import InvalidInput, VenueOrder
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.paper import PaperRun
from dita.backtest.settings import BacktestSettings
from dita.host import Directory
from dita.market import Bar, Event
from dita.strategy import OwnFill, Strategy

SYMBOL = "XUSDT"
MINUTE_NS = 60_000_000_000
BARS = 1500
SETTINGS = BacktestSettings(
    taker_rate=Decimal("0.0005"),
    maker_rate=Decimal("0.0002"),
    instruments={SYMBOL: {"tick_size": "1", "lot_step": "1"}},
)


class Market:
    """A market of minute bars that goes up and down."""

    symbol = name = SYMBOL
    kind: Any = "synthetic"
    step_ns = MINUTE_NS

    def __iter__(self) -> Any:
        """The bars."""
        made: list[Event] = []
        for number in range(BARS):
            price = 100 + number * 7 % 11 - number * 3 % 5
            row = (price, price + 3, price - 3, price + number % 3 - 1)
            made.append(Bar(SYMBOL, *(str(one) for one in row), "1", number * MINUTE_NS))
        return iter(made)

    def fraction_read(self) -> float:
        """Nothing to read."""
        return 1.0


class Counting(Strategy):
    """Counts what it does and what comes of it; says with each life whether the kernel's books agree."""

    slots = 3
    warmup = 5
    kernel: ClassVar[Any] = None
    pipe: ClassVar[int] = 0

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.entries = self.loads = self.retold = 0
        self.size = Decimal(0)
        self.bars = 0
        self.open: set[str] = set()

    def on_start(self) -> None:
        """Say whether all agrees."""
        mine = [order for order in self.kernel.orders() if order.owner == "count"]
        trades = {order.internal_trade_id for order in mine}
        said = {
            "entries": (self.entries, len(trades)),
            "open": (sorted(self.open), sorted(order.venue_client_id for order in self.orders())),
            "size": (str(self.size), str(self.position(SYMBOL).size)),
        }
        bad = {name: pair for name, pair in said.items() if pair[0] != pair[1]}
        reported = {"bad": bad, "loads": self.loads, "retold": self.retold, "entries": self.entries}
        os.write(self.pipe, json.dumps(reported).encode() + b"\n")

    def on_bar(self, bar: Any) -> None:
        """Enter, rest, exit."""
        os.write(self.pipe, b".\n")
        if self.warming:
            return
        self.bars += 1
        if len(self.trades(SYMBOL)) < 3:
            resting = {"order_type": "LIMIT", "limit_price": bar.close - 2} if self.bars % 2 else {}
            if self.enter(SYMBOL, "LONG", 1 + self.bars % 3, **resting).accepted:
                self.entries += 1
        for trade in self.trades(SYMBOL):
            if trade.size and not any(order.is_live() for order in trade.exit_orders):
                self.exit(trade)
            elif trade.active_entry_order is not None and self.bars % 5 == 0:
                self.cancel(trade.active_entry_order)

    def on_order(self, order: VenueOrder) -> None:
        """Keep what is at work."""
        (self.open.add if order.is_live() else self.open.discard)(order.venue_client_id)

    def on_fill(self, fill: OwnFill) -> None:
        """Count."""
        self.retold += self.recovering
        self.size += fill.size if fill.side == "BUY" else -fill.size

    def on_save(self) -> dict[str, Any]:
        """All that it counts."""
        known = {"entries": self.entries, "size": str(self.size), "open": sorted(self.open)}
        return {**known, "bars": self.bars, "loads": self.loads}

    def on_load(self, state: Any) -> None:
        """Take it back."""
        self.entries, self.bars, self.size = state["entries"], state["bars"], Decimal(state["size"])
        self.open, self.loads = set(state["open"]), state["loads"] + 1


def live(directory: Path, pipe: int) -> None:
    """Run until the market ends, or somebody kills it."""
    engine = BacktestEngine([Named("count", Counting)], [Market()], SETTINGS)
    run = PaperRun(engine, speed=None, directory=Directory(directory))
    Counting.kernel, Counting.pipe = run._play.host.kernel("main"), pipe
    try:
        run.run()
    except InvalidInput as error:
        # The kill of the life before came after its last bar: it has played all there is.
        if "the earlier run has played all" not in str(error):
            raise


def main(place: Path, kills: int, seed: int) -> None:
    """Kill, and count what the lives say."""
    dice = random.Random(seed)  # noqa: S311 - a test's chance
    result: dict[str, Any] = {"kills": 0, "ends": 0, "bad": [], "recovered": 0, "retold": 0, "entries": 0}
    number = 0
    while result["kills"] < kills:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            live(place / f"d{number}", write)
            os._exit(0)
        os.close(write)
        left = dice.randrange(1, 60)
        with os.fdopen(read, "rb") as said:
            for line in said:
                if line != b".\n":
                    reported = json.loads(line)
                    result["bad"] += [reported] if reported["bad"] else []
                    result["recovered"] += reported["loads"] > 0
                    result["retold"] += reported["retold"]
                    result["entries"] = max(result["entries"], reported["entries"])
                left -= 1
                if not left:
                    os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            result["kills"] += 1
        else:
            result["ends"] += 1
            result["bad"] += [] if status == 0 else [{"status": status}]
            number += 1
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
