"""A runtime that is killed: it trades, says what it has, and waits. Called with a directory."""

import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from dita.compat.trading import PaperConnector, TradingRuntime
from dita.strategy import Strategy

SPOTLESS = {"BTC/USDT": {"tick_size": "0.1", "lot_step": "0.001"}}


class Adds(Strategy):
    """Buys 0.001 at each quote, and counts."""

    slots = 5

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self.bought = 0
        self.filled = Decimal(0)

    def on_quote(self, quote: Any) -> None:
        """Buy."""
        if len(self.trades()) < 5 and self.enter(quote.symbol, "LONG", "0.001").accepted:
            self.bought += 1

    def on_fill(self, fill: Any) -> None:
        """Count."""
        self.filled += fill.size

    def on_save(self) -> dict[str, Any]:
        """What it counts."""
        return {"bought": self.bought, "filled": str(self.filled)}

    def on_load(self, state: Any) -> None:
        """Take it back."""
        self.bought, self.filled = state["bought"], Decimal(state["filled"])


def begin(directory: Path) -> tuple[TradingRuntime, PaperConnector, Any]:
    """A runtime with one connector and one strategy, started."""
    runtime = TradingRuntime(directory=directory)
    paper = PaperConnector(SPOTLESS)
    runtime.add_connector(paper)
    name = runtime.load_strategy(Adds, "paper", "BTC/USDT")
    runtime.start_strategy(name)
    return runtime, paper, paper.host.strategies.handles[name].strategy


def main(directory: Path) -> None:
    """Buy three times, and wait to be killed."""
    _, paper, strategy = begin(directory)
    for number in range(1, 4):
        paper.update_price("BTC/USDT", "60000.0", "60000.1", number)
    sys.stdout.write(f"{strategy.bought}\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
