"""DITA: from the file to the report's figures, with ledger, limits and wallet reconciliation on."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

from rules import CAPITAL, FAST, MINUTE_NS, RATE, SLOW, SYMBOL, arguments, publish

import dita
from dita.backtest.engine import BacktestEngine, Named
from dita.backtest.settings import BacktestSettings
from dita.indicators import Ema
from dita.market import open_market
from dita.strategy import Bar, OwnFill, Params, Strategy

BARS = 0
FIRST_NS = 0
FILLS: list[tuple[int, str, Decimal]] = []


class Cross(Strategy):
    """The rules."""

    slots = 2

    def __init__(self, params: Params | None = None) -> None:
        """Start without averages."""
        super().__init__(params)
        self.fast, self.slow = Ema(FAST), Ema(SLOW)
        self.side = ""

    def on_bar(self, bar: Bar) -> None:
        """Follow, and turn."""
        close = bar.close_float
        fast, slow = self.fast.update(close), self.slow.update(close)
        if fast is None or slow is None or self.slow.count >= BARS:
            return
        if self.slow.count == BARS - 1:
            self.exit(SYMBOL)
            return
        side = "LONG" if fast >= slow else "SHORT"
        if side != self.side:
            if self.side:
                self.exit(SYMBOL)
            self.enter(SYMBOL, side, 1)
            self.side = side

    def on_fill(self, fill: OwnFill) -> None:
        """Write it down."""
        FILLS.append(((fill.time_ns - FIRST_NS) // MINUTE_NS - 1, fill.side, fill.price))


def main() -> None:
    """One arm."""
    global BARS, FIRST_NS
    file = Path(arguments())
    events = list(open_market(file, SYMBOL))
    BARS, FIRST_NS = len(events), events[0].ts_ns
    del events
    settings = BacktestSettings(
        capital=Decimal(CAPITAL), taker_rate=RATE, maker_rate=RATE, fill_at="close", liquidation=False
    )
    begun = time.perf_counter()
    result = BacktestEngine([Named("cross", Cross)], [open_market(file, SYMBOL)], settings).run()
    ran_s = time.perf_counter() - begun
    assert result.final_k == result.final_e
    publish(
        loaded_s=0, ran_s=ran_s, bars=result.bars, fills=FILLS, end=result.final_k, version=dita.__version__
    )


if __name__ == "__main__":
    main()
