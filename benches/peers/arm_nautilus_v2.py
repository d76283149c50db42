"""nautilus_trader 2: a Python strategy on BacktestEngine, an entry on one quote and the exit on the next.

Run with trading or with the quotes alone; the report subtracts one from the other. The quotes are a second
apart, so that the engine's default limit of orders a second is never met.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig, LogLevel
from nautilus_trader.execution import MakerTakerFeeModel
from nautilus_trader.model import (
    AccountType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    Price,
    Quantity,
    QuoteTick,
    Symbol,
    Venue,
)
from nautilus_trader.trading import Strategy, StrategyConfig
from protocol import (
    ASK,
    BID,
    CAPITAL,
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
USDT = Currency.from_str("USDT")
SECOND_NS = 1_000_000_000

WORK = Work(
    money="exact, fixed point (USDT to 8 places)",
    duplicates="yes, by trade id",
    funding="can; none falls due here",
    reconciliation="no: live only",
    also="pre-trade risk, margin, portfolio, message bus; keeps closed orders and positions (its default)",
    lacks="account balances are running sums",
)


class RoundTrips(Strategy):
    """Buys on one quote and sells on the next."""

    def __init__(self) -> None:
        """Takes no settings: the engine's base class allows one argument, its own."""
        super().__init__(StrategyConfig(log_events=False, log_commands=False))

    def prepare(self, watch: Watch, counts: Counts, *, trades: bool, names_positions: bool) -> None:
        """Trades, or counts the quotes alone."""
        self.watch, self.counts = watch, counts
        self.trades, self.names_positions = trades, names_positions
        self.quotes = 0
        self.open_position: Any = None
        self.size = Quantity.from_str(str(SIZE))

    def on_start(self) -> None:
        """Asks for the quotes."""
        self.subscribe_quotes(ID)

    def on_quote(self, quote: QuoteTick) -> None:
        """One leg of a trip; the quote after the last trip only ends the last block."""
        del quote
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
    config = BacktestEngineConfig(
        logging=LoggerConfig(stdout_level=LogLevel.OFF), bypass_logging=True, run_analysis=False
    )
    made = BacktestEngine(config)
    made.add_venue(
        VENUE,
        oms_type,
        AccountType.MARGIN,
        [Money(int(CAPITAL), USDT)],
        default_leverage=Decimal(1),
        fee_model=MakerTakerFeeModel(MAKER_RATE, TAKER_RATE),
        use_market_order_acks=True,
    )
    made.add_instrument(
        CryptoPerpetual(
            instrument_id=ID,
            raw_symbol=Symbol(SYMBOL),
            base_currency=Currency.from_str("BTC"),
            quote_currency=USDT,
            settlement_currency=USDT,
            is_inverse=False,
            price_precision=1,
            size_precision=3,
            price_increment=Price.from_str(str(TICK)),
            size_increment=Quantity.from_str(str(LOT)),
            ts_event=0,
            ts_init=0,
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
    commissions = [order.commission(USDT) for order in orders]
    fees = sum((paid.as_decimal() for paid in commissions if paid is not None), Decimal(0))
    account = cache.account_for_venue(VENUE)
    balance = account.balance_total(USDT).as_decimal()
    position = sum((Decimal(str(held.signed_qty)) for held in cache.positions_open()), Decimal(0))
    return End(
        position=position,
        orders=sum(order.filled_qty.as_decimal() == SIZE for order in orders),
        fees=fees,
        realized_pnl=balance - CAPITAL + fees,
        is_exact=True,
    )


def main() -> None:
    """One arm."""
    counts = Counts.from_command_line()
    trades, hedging = "quotes" not in counts.arm, counts.arm.endswith("hedging")
    made = engine(OmsType.HEDGING if hedging else OmsType.NETTING)
    strategy = RoundTrips()
    made.add_strategy(strategy)
    made.add_data(quotes(2 * counts.trips + 1))
    watch = Watch()
    strategy.prepare(watch, counts, trades=trades, names_positions=hedging)
    made.run()
    watch.stop()
    publish(counts, "nautilus_trader", watch, stated(made), WORK, traded=trades)


if __name__ == "__main__":
    main()
