"""backtesting.py: a table of the whole file, averages computed at once for all of it, money in floats."""

from __future__ import annotations

import time
import warnings
from decimal import Decimal
from typing import Any

# Its plots warn of notebooks, its averages of old interfaces.
warnings.simplefilter("ignore")

import backtesting  # noqa: E402
import pandas as pd  # noqa: E402
from backtesting import Backtest, Strategy  # noqa: E402
from rules import CAPITAL, FAST, RATE, SLOW, arguments, publish  # noqa: E402

BARS = 0


def ema(closes: Any, length: int) -> Any:
    """Of all closes."""
    return pd.Series(closes).ewm(span=length, adjust=False).mean()


class Cross(Strategy):
    """The rules."""

    def init(self) -> None:
        """The averages, at once."""
        self.fast = self.I(ema, self.data.Close, FAST)
        self.slow = self.I(ema, self.data.Close, SLOW)
        self.side = 0

    def next(self) -> None:
        """Turn."""
        count = len(self.data)
        if count < SLOW or count >= BARS:
            return
        if count == BARS - 1:
            self.position.close()
            return
        side = 1 if self.fast[-1] >= self.slow[-1] else -1
        if side != self.side:
            self.position.close()
            (self.buy if side > 0 else self.sell)(size=1)
            self.side = side


def main() -> None:
    """One arm."""
    global BARS  # noqa: PLW0603 - what the rules go by, known before the run
    begun = time.perf_counter()
    table = pd.read_csv(arguments(), index_col="timestamp", parse_dates=True)
    table.columns = [name.capitalize() for name in table.columns]
    test = Backtest(table, Cross, cash=CAPITAL, commission=float(RATE), trade_on_close=True)
    loaded_s = time.perf_counter() - begun
    BARS = len(table)
    begun = time.perf_counter()
    stats = test.run()
    ran_s = time.perf_counter() - begun
    fills: list[tuple[int, str, Decimal]] = []
    for trade in stats["_trades"].sort_values("EntryBar").itertuples():
        sides = ("BUY", "SELL") if trade.Size > 0 else ("SELL", "BUY")
        fills.append((trade.EntryBar, sides[0], Decimal(repr(float(trade.EntryPrice)))))
        fills.append((trade.ExitBar, sides[1], Decimal(repr(float(trade.ExitPrice)))))
    end = Decimal(repr(float(stats["Equity Final [$]"])))
    version = backtesting.__version__
    publish(loaded_s=loaded_s, ran_s=ran_s, bars=BARS, fills=fills, end=end, version=version)


if __name__ == "__main__":
    main()
