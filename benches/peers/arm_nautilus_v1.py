"""nautilus_trader 1, where no Python for version 2 is found: the same work as arm_nautilus_v2.py.

Version 1.221 has no acknowledgement of market orders by the venue (`use_market_order_acks`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import MakerTakerFeeModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy
from protocol import (
    ASK,
    BID,
    LOT,
    MAKER_RATE,
    SIZE,
    SYMBOL,
    TAKER_RATE,
    TICK,
    Counts,
    End,
    Watch,
    Work,
    publish,
)

VENUE = Venue("SIM")
ID = InstrumentId.from_str(f"{SYMBOL}-PERP.SIM")
SECOND_NS = 1_000_000_000
# Balances pass through f64 in this version: with the billion of the other arms they lose their last digits.
CAPITAL_V1 = Decimal(1_000_000)

WORK = Work(
    money="fixed point (USDT to 8 places), balances through f64",
    duplicates="yes, by trade id",
    funding="no",
    reconciliation="no: live only",
    also="pre-trade risk, margin, portfolio, message bus; keeps closed orders and positions (its default)",
    lacks="no acknowledgement of market orders; account balances are running sums",
)


class RoundTrips(Strategy):
    """Buys on one quote and sells on the next."""

    def __init__(self, watch: Watch, counts: Counts, *, trades: bool, names_positions: bool) -> None:
        """Trades, or counts the quotes alone."""
        super().__init__(StrategyConfig(log_events=False, log_commands=False))
        self.watch, self.counts = watch, counts
        self.trades, self.names_positions = trades, names_positions
        self.quotes = 0
        self.open_position: Any = None
        self.size = Quantity.from_str(str(SIZE))

    def on_start(self) -> None:
        """Asks for the quotes."""
        self.subscribe_quote_ticks(ID)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """One leg of a trip; the quote after the last trip only ends the last block."""
        del tick
        seen, self.quotes = self.quotes, self.quotes + 1
        if seen % (2 * self.counts.block) == 0:
            self.watch.mark() if seen else self.watch.start()
        if not self.trades or seen >= 2 * self.counts.trips:
            return
        if seen % 2 == 0:
            self.submit_order(self.order_factory.market(ID, OrderSide.BUY, self.size))
        else:
            self.submit_order(self.order_factory.market(ID, OrderSide.SELL, self.size), self.open_position)

    def on_position_opened(self, event: Any) -> None:
        """Under HEDGING an exit must name its position."""
        if self.names_positions:
            self.open_position = event.position_id


def engine(oms_type: OmsType) -> BacktestEngine:
    """An engine with one venue and one perpetual, its log off."""
    made = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
    )
    made.add_venue(
        VENUE,
        oms_type,
        AccountType.MARGIN,
        [Money(int(CAPITAL_V1), USDT)],
        default_leverage=Decimal(1),
        fee_model=MakerTakerFeeModel(),
    )
    made.add_instrument(
        CryptoPerpetual(
            instrument_id=ID,
            raw_symbol=Symbol(SYMBOL),
            base_currency=BTC,
            quote_currency=USDT,
            settlement_currency=USDT,
            is_inverse=False,
            price_precision=1,
            size_precision=3,
            price_increment=Price.from_str(str(TICK)),
            size_increment=Quantity.from_str(str(LOT)),
            ts_event=0,
            ts_init=0,
            maker_fee=MAKER_RATE,
            taker_fee=TAKER_RATE,
        )
    )
    return made


def quotes(count: int) -> list[QuoteTick]:
    """The same quote, once a second."""
    bid, ask, size = Price.from_str(str(BID)), Price.from_str(str(ASK)), Quantity.from_str("1000.000")
    return [QuoteTick(ID, bid, ask, size, size, n * SECOND_NS, n * SECOND_NS) for n in range(1, count + 1)]


def stated(made: BacktestEngine) -> End:
    """What the engine's cache and account say."""
    cache = made.cache
    orders = cache.orders_closed()
    fees = sum((paid.as_decimal() for order in orders for paid in order.commissions()), Decimal(0))
    balance = cache.account_for_venue(VENUE).balance_total(USDT).as_decimal()
    position = sum((held.signed_decimal_qty() for held in cache.positions_open()), Decimal(0))
    return End(
        position=position,
        orders=sum(order.filled_qty.as_decimal() == SIZE for order in orders),
        fees=fees,
        realized_pnl=balance - CAPITAL_V1 + fees,
        is_exact=True,
    )


def main() -> None:
    """One arm."""
    counts = Counts.from_command_line()
    trades, hedging = "quotes" not in counts.arm, counts.arm.endswith("hedging")
    made = engine(OmsType.HEDGING if hedging else OmsType.NETTING)
    made.add_data(quotes(2 * counts.trips + 1))
    watch = Watch()
    made.add_strategy(RoundTrips(watch, counts, trades=trades, names_positions=hedging))
    made.run()
    watch.stop()
    publish(counts, "nautilus_trader", watch, stated(made), WORK, traded=trades)


if __name__ == "__main__":
    main()
