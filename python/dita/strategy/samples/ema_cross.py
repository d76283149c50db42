"""Two exponential averages of the close: long while the fast one is above the slow one.

A sample. It pays the taker's fee at every turn; nobody should expect it to earn money.
"""

from pydantic import Field

from dita.strategy import Bar, Params, Strategy


class EmaCrossParams(Params):
    """What can be varied."""

    fast: int = Field(10, ge=1, le=1000)
    slow: int = Field(30, ge=2, le=5000)
    notional: int = Field(1000, ge=1)


class EmaCross(Strategy):
    """Long above, flat below."""

    params_type = EmaCrossParams
    slots = 1
    warmup = 30

    def __init__(self, params: Params | None = None) -> None:
        """Start without averages."""
        super().__init__(params)
        self.fast: float | None = None
        self.slow: float | None = None

    def on_bar(self, bar: Bar) -> None:
        """Follow the averages; trade where they cross."""
        self.fast = self._next(self.fast, bar.close_float, self.params.fast)
        self.slow = self._next(self.slow, bar.close_float, self.params.slow)
        if self.warming:
            return
        # An order that still works has a trade already, and no position yet.
        if self.fast > self.slow and not self.trades(bar.symbol):
            self.enter(bar.symbol, "LONG", self.size_for(bar.symbol, notional=self.params.notional))
        elif self.fast < self.slow and self.position(bar.symbol).is_long:
            self.exit(bar.symbol)

    @staticmethod
    def _next(average: float | None, price: float, length: int) -> float:
        return price if average is None else average + (price - average) * 2 / (length + 1)
