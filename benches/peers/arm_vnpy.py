"""vnpy's order management: MainEngine with its OmsEngine, and a gateway that acknowledges and fills at once.

The strategy runs in vnpy's own event thread, as vnpy's strategies do: the fill of one leg sends the next. The
gateway is called straight (MainEngine.send_order writes a log line for each order, and no arm logs).
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from protocol import ASK, BID, CAPITAL, LOT, SIZE, SYMBOL, TICK, Counts, End, Watch, Work, publish
from vnpy.event import Event, EventEngine
from vnpy.trader.constant import Direction, Exchange, OrderType, Product, Status
from vnpy.trader.engine import MainEngine
from vnpy.trader.event import EVENT_ACCOUNT, EVENT_TRADE
from vnpy.trader.gateway import BaseGateway
from vnpy.trader.object import AccountData, ContractData, OrderRequest, PositionData, TradeData

NAME = "INSTANT"
EXCHANGE = Exchange.GLOBAL
QUANTITY = float(SIZE)
TIME = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE_S = 120

WORK = Work(
    money="f64",
    duplicates="by trade id, the later one kept",
    also="event thread with its queue",
    lacks="no fee, no PnL; position and balance are what the gateway states",
)


class InstantGateway(BaseGateway):
    """Acknowledges and fills at the book, then states position and account, as live gateways do."""

    default_name = NAME
    exchanges = [EXCHANGE]  # noqa: RUF012

    def __init__(self, event_engine: EventEngine, gateway_name: str) -> None:
        """Starts flat."""
        super().__init__(event_engine, gateway_name)
        self.orders = 0
        self.position = 0.0

    def send_order(self, req: OrderRequest) -> str:
        """Acknowledgement, fill, filled order, position, account."""
        self.orders += 1
        order = req.create_order_data(str(self.orders), NAME)
        order.datetime, order.status = TIME, Status.NOTTRADED
        self.on_order(order)
        is_buy = req.direction is Direction.LONG
        trade = TradeData(
            symbol=SYMBOL,
            exchange=EXCHANGE,
            orderid=order.orderid,
            tradeid=order.orderid,
            direction=req.direction,
            price=float(ASK if is_buy else BID),
            volume=req.volume,
            datetime=TIME,
            gateway_name=NAME,
        )
        # What was passed on must not be changed: the filled order is an object of its own.
        filled = req.create_order_data(order.orderid, NAME)
        filled.datetime, filled.status, filled.traded = TIME, Status.ALLTRADED, req.volume
        self.on_order(filled)
        self.on_trade(trade)
        self.position += req.volume if is_buy else -req.volume
        self.on_position(
            PositionData(
                symbol=SYMBOL,
                exchange=EXCHANGE,
                direction=Direction.NET,
                volume=self.position,
                gateway_name=NAME,
            )
        )
        self.on_account(AccountData(accountid="USDT", balance=float(CAPITAL), gateway_name=NAME))
        return order.vt_orderid

    def connect(self, setting: dict[str, Any]) -> None:
        """States the contract."""
        del setting
        self.on_contract(
            ContractData(
                symbol=SYMBOL,
                exchange=EXCHANGE,
                name=SYMBOL,
                product=Product.FUTURES,
                size=1,
                pricetick=float(TICK),
                min_volume=float(LOT),
                net_position=True,
                gateway_name=NAME,
            )
        )

    def close(self) -> None:
        """Nothing is open."""

    def subscribe(self, req: Any) -> None:
        """The book stands still."""

    def cancel_order(self, req: Any) -> None:
        """Nothing rests here."""

    def query_account(self) -> None:
        """Stated after each fill."""

    def query_position(self) -> None:
        """Stated after each fill."""


class RoundTrips:
    """Sends a leg when the one before is filled and the account stated."""

    def __init__(self, gateway: BaseGateway, counts: Counts, watch: Watch) -> None:
        """Waits for the first event."""
        self.gateway, self.counts, self.watch = gateway, counts, watch
        self.fills = 0
        self.finished = threading.Event()

    def send(self, direction: Direction) -> None:
        """One market order."""
        self.gateway.send_order(
            OrderRequest(
                symbol=SYMBOL, exchange=EXCHANGE, direction=direction, type=OrderType.MARKET, volume=QUANTITY
            )
        )

    def on_start(self, event: Event) -> None:
        """In the event thread: the first leg."""
        del event
        self.watch.start()
        self.send(Direction.LONG)

    def on_trade(self, event: Event) -> None:
        """Counts the fill."""
        del event
        self.fills += 1

    def on_account(self, event: Event) -> None:
        """The leg is over: the next one."""
        del event
        if self.fills % 2:
            self.send(Direction.SHORT)
            return
        trips = self.fills // 2
        if trips % self.counts.block == 0:
            self.watch.mark()
        if trips < self.counts.trips:
            self.send(Direction.LONG)
        else:
            self.watch.stop()
            self.finished.set()


def main() -> None:
    """One arm."""
    counts = Counts.from_command_line()
    events = EventEngine()
    desk = MainEngine(events)
    gateway = desk.add_gateway(InstantGateway)
    gateway.connect({})
    watch = Watch()
    strategy = RoundTrips(gateway, counts, watch)
    events.register("eStart", strategy.on_start)
    events.register(EVENT_TRADE, strategy.on_trade)
    events.register(EVENT_ACCOUNT, strategy.on_account)
    events.put(Event("eStart"))
    in_time = strategy.finished.wait(PATIENCE_S)
    desk.close()
    if not in_time:
        raise SystemExit("the trips did not end")
    oms = desk.get_engine("oms")
    filled = [order for order in desk.get_all_orders() if order.status is Status.ALLTRADED]
    if len(desk.get_all_trades()) != 2 * counts.trips or oms.get_all_active_orders():
        raise SystemExit("the order management lost a trade or kept an order open")
    held = desk.get_all_positions()
    end = End(
        position=sum((Decimal(position.volume) for position in held), Decimal(0)),
        orders=len(filled),
        fees=None,
        realized_pnl=None,
        is_exact=True,
    )
    publish(counts, "vnpy", watch, end, WORK)


if __name__ == "__main__":
    main()
