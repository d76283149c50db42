"""Buys when a bar closes above the highest close of the last bars, with a stop and a target as one pair.

A sample of resting exits: the venue holds both, and the kernel cancels the other one when the first fills.
"""

from decimal import Decimal

from pydantic import Field

from dita.strategy import Bar, OwnFill, Params, Strategy


class BreakoutParams(Params):
    """What can be varied."""

    bars: int = Field(60, ge=2, le=5000)
    stop_percent: Decimal = Field(Decimal("0.5"), gt=0, lt=50)
    target_percent: Decimal = Field(Decimal(1), gt=0, lt=500)
    notional: int = Field(1000, ge=1)


class Breakout(Strategy):
    """Long on a new high; out at the stop or at the target."""

    params_type = BreakoutParams
    slots = 1
    warmup = 60

    def on_bar(self, bar: Bar) -> None:
        """Enter on a new high."""
        closes = self.closes_float(bar.symbol, self.params.bars + 1)
        if self.warming or len(closes) <= self.params.bars or not self.position(bar.symbol).is_flat:
            return
        if closes[-1] > max(closes[:-1]) and not self.orders(bar.symbol):
            self.enter(bar.symbol, "LONG", self.size_for(bar.symbol, notional=self.params.notional))

    def on_fill(self, fill: OwnFill) -> None:
        """Protect what was bought."""
        if fill.side != "BUY":
            return
        tick = self.instrument(fill.symbol)["tick_size"]
        stop = fill.price * (1 - self.params.stop_percent / 100) // tick * tick
        target = fill.price * (1 + self.params.target_percent / 100) // tick * tick
        pair = {"oco_group": fill.trade_id[-16:]}
        self.exit(fill.slot, fill.size, order_type="STOP_MARKET", trigger_price=stop, **pair)
        self.exit(fill.slot, fill.size, order_type="LIMIT", limit_price=target, **pair)
