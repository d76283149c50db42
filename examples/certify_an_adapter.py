"""A toy exchange with books of its own, an adapter to it, and the rig that puts the adapter to the test.

The exchange answers by a stream of messages. The adapter is the part that you would write for a real one:
it turns orders into requests, and messages into the kernel's events. The rig makes the exchange misbehave,
one trouble at a time, and tells the truth from the exchange's books.

Run it: `python examples/certify_an_adapter.py`, or, in this folder,
`dita certify-venue certify_an_adapter:ToyAdapter`.
"""

import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from dita import BaseExecutionAdapter, ExecutionKernel, VenueEvent, VenueOrder
from dita.certify import Rig, VenueFault, certify

Message = dict[str, Any]
T = VenueFault
NOTHING = Decimal(0)
LOT = Decimal("0.001")
PRICES = {"BUY": Decimal("60000.1"), "SELL": Decimal(60_000)}
TAKER, MAKER, REBATE = Decimal("0.0005"), Decimal("0.0002"), Decimal("-0.0001")
HALF_A_SECOND = 500_000_000
KILLS = {T.KILL_POST_ONLY: "post_only", T.KILL_REDUCE_ONLY: "reduce_only", T.KILL_SELF_TRADE: "client"}


# ---------------------------------------------------------------------------------------------- the exchange


@dataclass
class Held:
    """An order in the exchange's book."""

    request: Message
    number: int
    size: Decimal
    came_ns: int
    filled: Decimal = NOTHING
    alive: bool = True

    @property
    def left(self) -> Decimal:
        """What still works."""
        return max(self.size - self.filled, NOTHING) if self.alive else NOTHING


class Exchange:
    """Takes requests, keeps orders, positions and money, and says what happens on its stream."""

    def __init__(self, money: dict[str, Decimal], trouble: VenueFault) -> None:
        """Open with some money and one trouble."""
        self.money, self.trouble = money, trouble
        self.positions: dict[str, tuple[Decimal, Decimal]] = {}
        self.orders: dict[str, Held] = {}
        self.stream: deque[Message] = deque()
        self.late: list[tuple[Held, Message]] = []
        self.lost: list[Message] = []
        self.history: list[Message] = []
        self.hidden: set[str] = set()
        self.requests = self.played = self.trades = self.now_ns = 0
        self.last = ("", "")
        self.first_ids: dict[str, int] = {}
        self.funding: tuple[str, Decimal, int, int] | None = None

    def place(self, request: Message) -> None:
        """Take an order, unless its id is taken."""
        if request["client"] in self.orders and self.trouble == T.ANSWER_LOST:
            self.played += 1
            self.hidden.discard(request["client"])
            self.report(self.orders[request["client"]], "REFUSED", why="DUPLICATE_CLIENT_ID")
            return
        self.requests += 1
        order = Held(request, self.requests, request["size"], self.now_ns)
        self.orders[request["client"]] = order
        if self.trouble == T.NO_ANSWER_NOT_FOUND:
            raise TimeoutError("the gateway does not answer")
        if self.trouble == T.ANSWER_LOST and request["side"] == "SELL" and request["limit"] is not None:
            self.hidden.add(request["client"])
            raise TimeoutError("the gateway does not answer")
        if self.trouble == T.INSTANT_EXPIRED:
            self.end(order, "EXPIRED")
            self.played += 1
            return
        acknowledged = self.report(order, "NEW")
        if self.trouble in KILLS and request[KILLS[self.trouble]]:
            self.end(order, "CANCELED")
            self.played += 1
        elif request["limit"] is None:
            self.take(order, acknowledged)

    def take(self, order: Held, acknowledged: Message) -> None:
        """Fill an order at market."""
        price = PRICES[order.request["side"]]
        parts = 2 if self.trouble == T.FIRST_FILL_LOST else 1
        for _ in range(parts):
            self.fill(order, order.size / parts, price, maker=False)
        if self.trouble == T.FIRST_FILL_LOST:
            first = next(message for message in self.stream if message["what"] == "TRADE")
            self.stream.remove(first)
            self.lost.append(first)
        elif self.trouble == T.FILL_BEFORE_ACK:
            self.stream.remove(acknowledged)
            self.stream.append(acknowledged)
        elif self.trouble == T.CLOCK_SKEW:
            acknowledged["time"] += 5_000_000_000
        else:
            return
        self.played += 1

    def change(self, client: str, new: Message) -> None:
        """Take a cancel (`new` is empty) or an amend."""
        if self.trouble == T.SLOW_CHANGES:
            self.late.append((self.orders[client], new))
        else:
            self.do_change(self.orders[client], new)

    def do_change(self, order: Held, new: Message) -> None:
        """Cancel or amend, or say that it is too late."""
        if self.trouble == T.FALSE_CANCEL:
            self.played += 1
            self.report(order, "CANCELED", left=NOTHING)
        elif not order.left or new.get("size", order.size) <= order.filled:
            self.report(order, "AMEND_REJECTED" if new else "CANCEL_REJECTED", **new)
        elif new:
            order.size = new["size"]
            self.report(order, "AMENDED", **new)
        else:
            self.end(order, "CANCELED")
            if self.trouble == T.FILL_AFTER_CANCEL:
                self.played += 1
                self.fill(order, LOT, order.request["limit"], maker=True)

    def look_up(self, client: str) -> Message | None:
        """Answer a question about an order."""
        order = self.orders.get(client)
        if order is None or client in self.hidden:
            return None
        if self.trouble == T.NO_ANSWER_NOT_FOUND and self.now_ns < order.came_ns + HALF_A_SECOND:
            self.played += 1
            return None
        return self.told(order, "STATUS")

    def fill(self, order: Held, size: Decimal, price: Decimal, *, maker: bool) -> None:
        """Trade: move positions and money, and say so, the money first."""
        if self.trouble == T.SLOW_CHANGES:
            self.played += len(self.late)
        if self.trouble == T.OVERFILL and size == order.left:
            self.played += 1
            size += LOT
        order.filled += size
        paid_in, fee = self.fee(size * price, maker=maker)
        self.book(order.request["symbol"], order.request["side"], size, price)
        self.move(paid_in, -fee)
        trade = {"id": self.trade_id(order), "size": size, "price": price, "fee": fee, "paid_in": paid_in}
        if self.trouble == T.PRICE_LATER:
            self.played += 1
            self.report(order, "TRADE", **{**trade, "price": NOTHING, "fee": None}, maker=maker)
        self.history.append(self.report(order, "TRADE", **trade, maker=maker))
        if self.trouble == T.STALE_STATUS and not order.left:
            self.played += 1
            self.report(order, "STATUS", filled=NOTHING, left=order.size, time=self.now_ns - 1, alive=True)
        if self.trouble in {T.LIQUIDATION, T.ADL}:
            self.take_away(order.request["symbol"])

    def fee(self, value: Decimal, *, maker: bool) -> tuple[str, Decimal]:
        """Return what a trade costs, and in which asset."""
        if self.trouble == T.OTHER_FEE_ASSET:
            self.played += 1
            return "BNB", (value * TAKER / 600).quantize(Decimal("1e-8"))
        if self.trouble == T.MAKER_REBATE and maker:
            self.played += 1
            return "USDT", value * REBATE
        return "USDT", value * (MAKER if maker else TAKER)

    def trade_id(self, order: Held) -> str:
        """Return a trade's id."""
        symbol, side = order.request["symbol"], order.request["side"]
        self.trades += 1
        name = "" if self.trouble == T.IDS_PER_RUN else f"T{self.trades}"
        if self.trouble == T.ONE_ID_TWO_FILLS and self.last[0] not in {"", side}:
            self.played += 1
            name = self.last[1]
        if self.trouble == T.IDS_PER_SYMBOL:
            self.first_ids[symbol] = self.first_ids.get(symbol, 0) + 1
            self.played += len(self.first_ids) > 1
            name = f"T{self.first_ids[symbol]}"
        self.last = (side, name)
        return name

    def take_away(self, symbol: str) -> None:
        """Liquidate the position, or deleverage a lot of it."""
        kind, self.trouble = self.trouble, T.NONE
        self.played += 1
        size, price = (self.positions[symbol][0] if kind == T.LIQUIDATION else LOT), PRICES["SELL"]
        fee = size * price * TAKER if kind == T.LIQUIDATION else NOTHING
        self.book(symbol, "SELL", size, price)
        self.move("USDT", -fee)
        trade = {"id": f"{kind}-1", "size": size, "price": price, "fee": fee, "paid_in": "USDT"}
        ids = {"client": "", "venue": f"{kind}-1", "symbol": symbol, "side": "SELL"}
        self.stream.append({"what": str(kind), "time": self.now_ns, **ids, **trade})

    def reconnect(self) -> None:
        """Somebody connects once more."""
        self.stream.clear()
        if self.trouble in {T.FILLS_REPLAYED, T.IDS_PER_RUN}:
            self.played += len(self.history)
            self.stream.extend(self.history)

    def book(self, symbol: str, side: str, size: Decimal, price: Decimal) -> None:
        """Move a position; what it realises goes to the wallet."""
        held, cost = self.positions.get(symbol, (NOTHING, NOTHING))
        signed = size if side == "BUY" else -size
        closed = NOTHING if held * signed >= 0 else min(size, abs(held)).copy_sign(held)
        freed = cost * closed / held if closed else NOTHING
        self.positions[symbol] = (held + signed, cost - freed + (signed + closed) * price)
        if closed:
            self.move("USDT", closed * price - freed)

    def move(self, asset: str, amount: Decimal) -> None:
        """Move money, and say what the wallet holds."""
        self.money[asset] += amount
        self.stream.append(
            {"what": "WALLET", "time": self.now_ns, "asset": asset, "holds": self.money[asset]}
        )

    def end(self, order: Held, how: str) -> None:
        """End an order."""
        order.alive = False
        self.report(order, how)

    def told(self, order: Held, what: str, **more: object) -> Message:
        """Return a message about an order."""
        keys = ("client", "symbol", "side")
        about = {key: order.request[key] for key in keys} | {"venue": f"X{order.number}"}
        now = {"filled": order.filled, "left": order.left, "alive": order.alive, "time": self.now_ns}
        return {"what": what, **about, **now, **more}

    def report(self, order: Held, what: str, **more: object) -> Message:
        """Put a message about an order on the stream."""
        self.stream.append(self.told(order, what, **more))
        return self.stream[-1]

    def clock(self, now_ns: int) -> None:
        """Let time pass: orders end, funding is paid."""
        self.now_ns = now_ns
        for order in self.orders.values():
            if order.alive and order.request["until_ns"] is not None and order.request["until_ns"] <= now_ns:
                self.end(order, "EXPIRED")
        if self.funding is not None and self.funding[2] <= now_ns:
            symbol, rate, due_ns, every_ns = self.funding
            self.funding = (symbol, rate, due_ns + every_ns, every_ns)
            self.played += 1
            amount = -self.positions[symbol][0] * PRICES["SELL"] * rate
            paid = {"asset": "USDT", "symbol": symbol, "amount": amount, "time": due_ns}
            self.stream.append({"what": "FUNDING", "id": f"F{due_ns}", **paid})
            self.move("USDT", amount)


# ------------------------------------------------------------------------------------------------ the adapter

KINDS = {
    "NEW": "ORDER_ACK",
    "TRADE": "PARTIAL_FILL",
    "CANCELED": "CANCEL_ACK",
    "EXPIRED": "EXPIRED",
    "REFUSED": "ORDER_REJECT",
    "CANCEL_REJECTED": "CANCEL_REJECT",
    "AMENDED": "AMEND_ACK",
    "AMEND_REJECTED": "AMEND_REJECT",
    "STATUS": "ORDER_STATUS",
    "LIQUIDATION": "LIQUIDATION",
    "ADL": "ADL",
}


class ToyAdapter(BaseExecutionAdapter):
    """Turns orders into requests, and the exchange's messages into events."""

    Rig: ClassVar[type[Rig]]

    def __init__(self, exchange: Exchange) -> None:
        """Connect."""
        super().__init__()
        self.exchange = exchange
        self.run, self.named = uuid.uuid4().hex[:8], 0

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Send an order; the answer comes by the stream."""
        request = {
            "client": order.venue_client_id,
            "symbol": order.asset,
            "side": str(order.order_side),
            "size": order.intended_size,
            "limit": order.limit_price,
            "post_only": order.post_only,
            "reduce_only": order.reduce_only,
            "until_ns": order.expire_time_ns,
        }
        self.exchange.place(request)
        return []

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Ask to cancel; whether it is, the stream says."""
        self.exchange.change(order.venue_client_id, {})
        return []

    def amend(
        self,
        order: VenueOrder,
        *,
        size: Decimal,
        limit_price: Decimal | None,
        trigger_price: Decimal | None,
        request_id: str,
    ) -> Sequence[VenueEvent]:
        """Ask to change; whether it is, the stream says."""
        self.exchange.change(
            order.venue_client_id, {"size": size, "limit": limit_price, "request": request_id}
        )
        return []

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """Ask what became of an order."""
        found = self.exchange.look_up(venue_client_id)
        if found is None:
            return [VenueEvent(self.exchange.now_ns, kind="ORDER_NOT_FOUND", venue_client_id=venue_client_id)]
        return [self.event(found)]

    def on_message(self, message: Message) -> None:
        """Take a message of the stream."""
        if message["what"] == "WALLET":
            told = {"kind": "ACCOUNT_UPDATE", "asset": message["asset"], "wallet_balance": message["holds"]}
            self.emit_account({"timestamp": message["time"], **told})
        elif message["what"] == "FUNDING":
            told = {key: message[key] for key in ("asset", "symbol", "amount")}
            ids = {"venue_txn_id": message["id"], "timestamp": message["time"]}
            self.emit_account({"kind": "FUNDING_FEE", **ids, **told})
        else:
            self.emit(self.event(message))

    def event(self, message: Message) -> VenueEvent:
        """Translate a message about an order."""
        fields: Message = {
            "venue_client_id": message["client"],
            "venue_order_id": message["venue"],
            "asset": message["symbol"],
            "order_side": message["side"],
            "filled_size": message.get("filled"),
            "remaining_size": message.get("left"),
        }
        what = message["what"]
        if what in {"TRADE", "LIQUIDATION", "ADL"}:
            paid = {"fee": message["fee"], "fee_asset": message["paid_in"]}
            fields |= {
                "venue_trade_id": message["id"],
                "event_id": "" if message["id"] else self.made_up(),
                "size": message["size"],
                "price": message["price"],
                **paid,
            }
        elif what == "STATUS":
            fields["status"] = "ACKED" if message["alive"] else "CANCELED"
        elif what == "REFUSED":
            fields["reason_code"] = message["why"]
        elif what in {"AMENDED", "AMEND_REJECTED"}:
            fields["request_id"] = message["request"]
            if what == "AMENDED":
                fields |= {"order_size": message["size"], "order_price": message["limit"]}
        return VenueEvent(message["time"], kind=KINDS[what], **fields)

    def made_up(self) -> str:
        """Name a trade that has no id at the exchange: no name of one run means anything in another."""
        self.named += 1
        return f"{self.run}-{self.named}"


# ---------------------------------------------------------------------------------------------------- the rig


class ToyRig(Rig):
    """Opens the adapter on an exchange with a trouble."""

    adapter: ClassVar[type[ToyAdapter]] = ToyAdapter

    def open(self, trouble: VenueFault) -> ToyAdapter:
        """Start the exchange."""
        self.exchange = Exchange(dict(self.balances), trouble)
        return self.reopen()

    def reopen(self) -> ToyAdapter:
        """Connect, at first or once more."""
        self.exchange.reconnect()
        self.connection = self.adapter(self.exchange)
        return self.connection

    def ready(self, kernel: ExecutionKernel) -> None:
        """Tell the kernel the marks."""
        for symbol in (self.symbol, self.other_symbol):
            kernel.mark_price(symbol, self.mark)

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Trade against a resting order."""
        order = self.exchange.orders[venue_client_id]
        self.exchange.fill(order, size, order.request["limit"], maker=True)

    def settle(self) -> None:
        """Let late requests arrive, and read the stream to its end."""
        exchange = self.exchange
        while exchange.late:
            exchange.do_change(*exchange.late.pop(0))
        if exchange.trouble == T.SILENCE:
            exchange.played += len(exchange.stream)
            return
        while exchange.stream:
            self.connection.on_message(exchange.stream.popleft())

    def heal(self) -> None:
        """End the trouble."""
        exchange = self.exchange
        was, exchange.trouble = exchange.trouble, T.NONE
        exchange.hidden.clear()
        exchange.stream.extend(exchange.lost)
        exchange.lost.clear()
        if was == T.FALSE_CANCEL:
            for order in exchange.orders.values():
                if order.left:
                    exchange.end(order, "CANCELED")

    def pass_time(self, kernel: ExecutionKernel, seconds: Decimal) -> None:
        """Let time pass, for both."""
        super().pass_time(kernel, seconds)
        self.exchange.clock(kernel.now_ns)

    def set_funding(
        self, kernel: ExecutionKernel, rate: Decimal, next_boundary_ns: int, interval_secs: int
    ) -> None:
        """Set the terms, for both."""
        self.exchange.funding = (self.symbol, rate, next_boundary_ns, interval_secs * 1_000_000_000)
        kernel.on_funding(self.symbol, rate, next_boundary_ns, interval_secs)

    def position(self, symbol: str) -> Decimal:
        """Return the exchange's position."""
        return self.exchange.positions.get(symbol, (NOTHING, NOTHING))[0]

    def wallet(self, asset: str) -> Decimal:
        """Return the exchange's balance."""
        return self.exchange.money[asset]

    def orders_received(self) -> int:
        """Return how many orders came in."""
        return self.exchange.requests

    def orders_working(self) -> int:
        """Return how many orders work."""
        return sum(order.left > 0 for order in self.exchange.orders.values())

    def played(self) -> int:
        """Return how often the trouble happened."""
        return self.exchange.played


ToyAdapter.Rig = ToyRig


def main() -> None:
    """Play the twenty sequences."""
    for verdict in certify(ToyRig):
        print(f"{verdict.sequence.number:>2} {verdict.result:<8} {verdict.sequence.name}")
        if verdict.why:
            print("   ", verdict.why, verdict.expected, verdict.seen)


if __name__ == "__main__":
    main()
