"""nautilus_trader 1: bars as objects, its own averages, money in fixed point, log and analysis off."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import nautilus_trader
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import MakerTakerFeeModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy
from rules import CAPITAL, FAST, MINUTE_NS, RATE, SLOW, SYMBOL, arguments, publish

VENUE = Venue("SIM")
ID = InstrumentId.from_str(f"{SYMBOL}.SIM")
BARS_OF = BarType.from_str(f"{ID}-1-MINUTE-LAST-EXTERNAL")


class Cross(Strategy):
    """The rules."""

    def __init__(self, bars: int) -> None:
        """Start without averages."""
        super().__init__(StrategyConfig(log_events=False, log_commands=False))
        self.bars, self.count = bars, 0
        self.side: Any = None
        self.fast, self.slow = ExponentialMovingAverage(FAST), ExponentialMovingAverage(SLOW)
        self.size = Quantity.from_str("1.000")

    def on_start(self) -> None:
        """Ask for the bars."""
        self.register_indicator_for_bars(BARS_OF, self.fast)
        self.register_indicator_for_bars(BARS_OF, self.slow)
        self.subscribe_bars(BARS_OF)

    def on_bar(self, bar: Bar) -> None:
        """Turn."""
        del bar
        self.count += 1
        if self.count < SLOW or self.count >= self.bars:
            return
        if self.count == self.bars - 1:
            self.close_all_positions(ID)
            return
        side = OrderSide.BUY if self.fast.value >= self.slow.value else OrderSide.SELL
        if side != self.side:
            if self.side is not None:
                self.close_all_positions(ID)
            self.submit_order(self.order_factory.market(ID, side, self.size))
            self.side = side


def instrument() -> CryptoPerpetual:
    """A perpetual with the digits that the file has."""
    return CryptoPerpetual(
        instrument_id=ID,
        raw_symbol=Symbol(SYMBOL),
        base_currency=BTC,
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=3,
        size_precision=3,
        price_increment=Price.from_str("0.001"),
        size_increment=Quantity.from_str("0.001"),
        ts_event=0,
        ts_init=0,
        maker_fee=RATE,
        taker_fee=RATE,
    )


def main() -> None:
    """One arm."""
    begun = time.perf_counter()
    table = pd.read_csv(arguments(), index_col="timestamp", parse_dates=True)
    traded = instrument()
    bars = BarDataWrangler(bar_type=BARS_OF, instrument=traded).process(table)
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            run_analysis=False,
            risk_engine=RiskEngineConfig(bypass=True),
        )
    )
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(CAPITAL, USDT)], fee_model=MakerTakerFeeModel()
    )
    engine.add_instrument(traded)
    engine.add_data(bars)
    engine.add_strategy(Cross(len(bars)))
    loaded_s = time.perf_counter() - begun
    begun = time.perf_counter()
    engine.run()
    ran_s = time.perf_counter() - begun
    first_ns = bars[0].ts_event
    orders = sorted(engine.cache.orders_closed(), key=lambda order: (order.ts_last, order.init_id.value))
    orders = sorted(orders, key=lambda order: int(order.client_order_id.value.rsplit("-", 1)[1]))
    fills = [
        (
            (order.ts_last - first_ns) // MINUTE_NS,
            "BUY" if order.side == OrderSide.BUY else "SELL",
            Decimal(repr(order.avg_px)),
        )
        for order in orders
    ]
    end = engine.cache.account_for_venue(VENUE).balance_total(USDT).as_decimal()
    version = nautilus_trader.__version__
    publish(loaded_s=loaded_s, ran_s=ran_s, bars=len(bars), fills=fills, end=end, version=version)


if __name__ == "__main__":
    main()
