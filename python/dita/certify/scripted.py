"""The rig of the scripted venue: `MockVenueAdapter`, and a script that keeps books of its own."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from dita._kernel import KernelEventKind, OrderSide, VenueEvent, VenueOrder
from dita.certify.books import Books, Resting
from dita.certify.rig import Rig, VenueFault
from dita.kernel import ExecutionKernel
from dita.venues.mock import MockVenueAdapter

Kind = KernelEventKind

_TAKER: Final = Decimal("0.0005")
_MAKER: Final = Decimal("0.0002")
_REBATE: Final = Decimal("-0.0001")
_OTHER_ASSET_PRICE: Final = Decimal(600)
_NOT_FOUND_NS: Final = 500_000_000
_SKEW_NS: Final = 5_000_000_000
_SECOND_NS: Final = 1_000_000_000
_REPLAYS: Final = {VenueFault.FILLS_REPLAYED, VenueFault.IDS_PER_RUN}
_KILLS: Final = {
    VenueFault.KILL_POST_ONLY: "would take",
    VenueFault.KILL_REDUCE_ONLY: "would not reduce",
    VenueFault.KILL_SELF_TRADE: "self-trade prevention",
}


class ScriptedRig(Rig):
    """The scripted venue under the suite. It answers inside the call; what others do comes by `emit`."""

    def __init__(self) -> None:
        """Start without orders."""
        self._trouble = VenueFault.NONE
        self._books = Books(dict(self.balances))
        self._orders: dict[str, Resting] = {}
        self._changes: list[tuple[str, Any]] = []
        self._withheld: list[VenueEvent] = []
        self._replayed: list[VenueEvent] = []
        self._received = self._played = self._trades = 0
        self._last_trade = (OrderSide.BUY, "")
        self._ids_of: dict[str, set[str]] = {}
        self._funding: tuple[Decimal, int, int] | None = None
        self._runs = 0
        self._fills: list[VenueEvent] = []
        self._unanswered: set[str] = set()

    # --------------------------------------------------------------------------------------------- the rig

    def open(self, trouble: VenueFault) -> MockVenueAdapter:
        """Write the script."""
        self._trouble = trouble
        return self.reopen()

    def reopen(self) -> MockVenueAdapter:
        """Give the same script to another adapter, which may get all of it again."""
        self._runs += 1
        self._venue = MockVenueAdapter(
            submit=self._on_submit,
            cancel=self._on_cancel,
            amend=self._on_amend,
            query_order=self._on_query,
        )
        if self._trouble in _REPLAYS:
            self._played += len(self._fills)
            self._replayed += [self._named(fill) for fill in self._fills]
        return self._venue

    def ready(self, kernel: ExecutionKernel) -> None:
        """Know the kernel."""
        self._kernel = kernel

    def fill(self, venue_client_id: str, size: Decimal) -> None:
        """Fill a resting order at its limit, and tell."""
        order = self._orders[venue_client_id]
        self._played += self._trouble == VenueFault.SLOW_CHANGES and bool(self._changes)
        events = self._traded(order, size, order.sent.limit_price or self.mark, maker=True)
        if self._trouble == VenueFault.SILENCE:
            self._played += 1
            self._withheld += events
        else:
            self._tell(events)

    def settle(self) -> None:
        """Have the changes arrive that are on their way, and repeat what is to be repeated."""
        replayed, self._replayed = self._replayed, []
        self._tell(replayed)
        waiting, self._changes = self._changes, []
        for client_id, change in waiting:
            self._tell(self._changed(self._orders[client_id], change))

    def heal(self) -> None:
        """End the trouble, and tell what was withheld."""
        self._unanswered.clear()
        was, self._trouble = self._trouble, VenueFault.NONE
        withheld, self._withheld = self._withheld, []
        self._tell(withheld)
        if was == VenueFault.FALSE_CANCEL:
            for order in self._orders.values():
                if order.working:
                    self._tell(self._changed(order, None))

    def pass_time(self, kernel: ExecutionKernel, seconds: Decimal) -> None:
        """Let time pass; end the orders whose time is up, pay the funding that is due."""
        super().pass_time(kernel, seconds)
        for order in self._orders.values():
            until_ns = order.sent.expire_time_ns
            if order.working and until_ns is not None and until_ns <= kernel.now_ns:
                order.working = False
                self._tell([self._said(order, Kind.EXPIRED, status="EXPIRED")])
        if self._funding is not None and self._funding[1] <= kernel.now_ns:
            self._pay_funding(*self._funding)

    def set_funding(
        self, kernel: ExecutionKernel, rate: Decimal, next_boundary_ns: int, interval_secs: int
    ) -> None:
        """Set the terms, and tell the kernel of them."""
        self._funding = (rate, next_boundary_ns, interval_secs)
        kernel.on_funding(self.symbol, rate=rate, next_boundary=next_boundary_ns, interval_secs=interval_secs)

    def position(self, symbol: str) -> Decimal:
        """Return the books' position."""
        return self._books.positions.get(symbol, Decimal(0))

    def wallet(self, asset: str) -> Decimal:
        """Return the books' balance."""
        return self._books.wallets[asset]

    def orders_received(self) -> int:
        """Return how many orders came."""
        return self._received

    def orders_working(self) -> int:
        """Return how many orders work."""
        return sum(order.left > 0 for order in self._orders.values())

    def played(self) -> int:
        """Return how often the script did the fault that it was given."""
        return self._played

    # ------------------------------------------------------------------------------------------ the script

    def _on_submit(self, sent: VenueOrder) -> Sequence[VenueEvent] | BaseException:
        if sent.venue_client_id in self._orders and self._trouble == VenueFault.ANSWER_LOST:
            self._played += 1
            self._unanswered.discard(sent.venue_client_id)
            taken = self._said(self._orders[sent.venue_client_id], Kind.ORDER_REJECT, status="REJECTED")
            return [taken.replace(reason_code="DUPLICATE_CLIENT_ID")]
        self._received += 1
        order = Resting(sent, f"V{self._received}", sent.intended_size, self._kernel.now_ns)
        self._orders[sent.venue_client_id] = order
        if self._is_unanswered(sent):
            return TimeoutError("no answer")
        if self._trouble == VenueFault.INSTANT_EXPIRED:
            return [self._ended(order, Kind.EXPIRED, "EXPIRED")]
        ack = self._said(order, Kind.ORDER_ACK, status="ACKED")
        if self._is_killed(sent):
            return [ack, self._ended(order, Kind.CANCEL_ACK, "CANCELED", _KILLS[self._trouble])]
        if sent.limit_price is not None:
            return [ack]
        return self._filled_at_once(order, ack)

    def _is_unanswered(self, sent: VenueOrder) -> bool:
        if self._trouble != VenueFault.ANSWER_LOST:
            return self._trouble == VenueFault.NO_ANSWER_NOT_FOUND
        is_lost = sent.order_side == OrderSide.SELL and sent.limit_price is not None
        if is_lost:
            self._unanswered.add(sent.venue_client_id)
        return is_lost

    def _is_killed(self, sent: VenueOrder) -> bool:
        concerned = {
            VenueFault.KILL_POST_ONLY: sent.post_only,
            VenueFault.KILL_REDUCE_ONLY: sent.reduce_only,
            VenueFault.KILL_SELF_TRADE: True,
        }
        return concerned.get(self._trouble, False)

    def _filled_at_once(self, order: Resting, ack: VenueEvent) -> list[VenueEvent]:
        tick = Decimal("0.1")
        price = self.mark + tick if order.sent.order_side == OrderSide.BUY else self.mark
        if self._trouble == VenueFault.FIRST_FILL_LOST:
            self._played += 1
            self._withheld += self._traded(order, order.size / 2, price, maker=False)
            return [ack, *self._traded(order, order.left, price, maker=False)]
        fills = self._traded(order, order.size, price, maker=False)
        if self._trouble == VenueFault.FILL_BEFORE_ACK:
            self._played += 1
            return [*fills, ack]
        if self._trouble == VenueFault.CLOCK_SKEW:
            self._played += 1
            ack = ack.replace(timestamp=ack.timestamp_ns + _SKEW_NS)
        return [ack, *fills]

    def _on_cancel(self, sent: VenueOrder, _reason: str) -> Sequence[VenueEvent]:
        return self._on_change(sent, None)

    def _on_amend(self, sent: VenueOrder, changes: dict[str, Any]) -> Sequence[VenueEvent]:
        return self._on_change(sent, changes)

    def _on_change(self, sent: VenueOrder, change: dict[str, Any] | None) -> Sequence[VenueEvent]:
        if self._trouble == VenueFault.SLOW_CHANGES:
            self._changes.append((sent.venue_client_id, change))
            return []
        order = self._orders[sent.venue_client_id]
        if self._trouble == VenueFault.FALSE_CANCEL:
            self._played += 1
            return [self._said(order, Kind.CANCEL_ACK, status="CANCELED")]
        if self._trouble == VenueFault.FILL_AFTER_CANCEL and change is None:
            self._played += 1
            fills = self._traded(order, self.lot, order.sent.limit_price or self.mark, maker=True)
            late = [fill.replace(status="CANCELED", remaining_size=0) for fill in fills]
            return [*self._changed(order, None), *late]
        return self._changed(order, change)

    def _changed(self, order: Resting, change: dict[str, Any] | None) -> list[VenueEvent]:
        """Cancel an order, or change it; or say that it is too late."""
        if change is None:
            if not order.left:
                return [self._said(order, Kind.CANCEL_REJECT, reason="it is not at work")]
            return [self._ended(order, Kind.CANCEL_ACK, "CANCELED")]
        answer = {"request_id": change["request_id"]}
        if not order.left or change["size"] <= order.filled:
            return [self._said(order, Kind.AMEND_REJECT, reason="more is filled already", **answer)]
        order.size = change["size"]
        fields = {"order_size": change["size"], "order_price": change["limit_price"], **answer}
        return [self._said(order, Kind.AMEND_ACK, **fields)]

    def _on_query(self, venue_client_id: str) -> list[VenueEvent]:
        order = self._orders.get(venue_client_id)
        early = order is not None and self._kernel.now_ns < order.placed_ns + _NOT_FOUND_NS
        early = early and self._trouble == VenueFault.NO_ANSWER_NOT_FOUND
        if order is None or early or venue_client_id in self._unanswered:
            self._played += self._trouble == VenueFault.NO_ANSWER_NOT_FOUND
            return [
                VenueEvent(self._kernel.now_ns, kind=Kind.ORDER_NOT_FOUND, venue_client_id=venue_client_id)
            ]
        status = "ACKED" if order.working else "CANCELED"
        return [self._said(order, Kind.ORDER_STATUS, status=status, filled_size=order.filled)]

    # ---------------------------------------------------------------------------------- what it reports

    def _tell(self, events: Sequence[VenueEvent]) -> None:
        for event in events:
            self._venue.emit(event)

    def _said(self, order: Resting, kind: KernelEventKind, **fields: Any) -> VenueEvent:  # noqa: ANN401 - an event's
        ids: dict[str, Any] = {
            "venue_client_id": order.sent.venue_client_id,
            "venue_order_id": order.venue_id,
        }
        return VenueEvent(self._kernel.now_ns, kind=kind, asset=order.sent.asset, **ids, **fields)

    def _ended(self, order: Resting, kind: KernelEventKind, status: str, reason: str = "") -> VenueEvent:
        self._played += self._trouble in {*_KILLS, VenueFault.INSTANT_EXPIRED}
        order.working = False
        return self._said(order, kind, status=status, reason=reason, remaining_size=0)

    def _traded(self, order: Resting, size: Decimal, price: Decimal, *, maker: bool) -> list[VenueEvent]:
        """Book a fill, and return what is said of it."""
        if self._trouble == VenueFault.OVERFILL and size == order.left:
            self._played += 1
            size += self.lot
        fee_asset, fee = self._fee(size * price, maker=maker)
        self._books.trade(order.sent.asset, order.sent.order_side, size, price, self.asset, (fee_asset, fee))
        order.filled += size
        fill = self._said(
            order,
            Kind.PARTIAL_FILL if order.left else Kind.FULL_FILL,
            status="PARTIALLY_FILLED" if order.left else "FILLED",
            venue_trade_id=self._trade_id(order.sent),
            size=size,
            price=price,
            filled_size=order.filled,
            fee=fee,
            fee_asset=fee_asset,
            liquidity="MAKER" if maker else "TAKER",
        )
        self._frames()
        self._fills.append(fill)
        return [*self._twisted(order, self._named(fill)), *self._befallen(order.sent.asset)]

    def _named(self, fill: VenueEvent) -> VenueEvent:
        """A fill as the adapter of this run names it."""
        if self._trouble != VenueFault.IDS_PER_RUN:
            return fill
        return fill.replace(venue_trade_id="", event_id=f"run{self._runs}-{fill.venue_trade_id}")

    def _twisted(self, order: Resting, fill: VenueEvent) -> list[VenueEvent]:
        if self._trouble == VenueFault.PRICE_LATER:
            self._played += 1
            return [fill.replace(price=0, fee=None, fee_asset=""), fill]
        if self._trouble == VenueFault.STALE_STATUS and not order.left:
            self._played += 1
            before = {"timestamp": self._kernel.now_ns - 1, "filled_size": 0, "remaining_size": order.size}
            return [fill, self._said(order, Kind.ORDER_STATUS, status="ACKED").replace(**before)]
        return [fill]

    def _befallen(self, symbol: str) -> list[VenueEvent]:
        """Return what the exchange does with the position after a fill: once."""
        if self._trouble not in {VenueFault.LIQUIDATION, VenueFault.ADL}:
            return []
        trouble, self._trouble = self._trouble, VenueFault.NONE
        self._played += 1
        size = self.position(symbol) if trouble == VenueFault.LIQUIDATION else self.lot
        fee = size * self.mark * _TAKER if trouble == VenueFault.LIQUIDATION else Decimal(0)
        self._books.trade(symbol, OrderSide.SELL, size, self.mark, self.asset, (self.asset, fee))
        self._frames()
        taken: dict[str, Any] = {
            "order_side": "SELL",
            "position_side": "BOTH",
            "size": size,
            "price": self.mark,
            "fee": fee,
        }
        ids: dict[str, Any] = {"venue_order_id": f"{trouble}-1", "venue_trade_id": f"{trouble}-T1"}
        return [VenueEvent(self._kernel.now_ns, kind=str(trouble), asset=symbol, **ids, **taken)]

    def _fee(self, value: Decimal, *, maker: bool) -> tuple[str, Decimal]:
        rate = _MAKER if maker else _TAKER
        if self._trouble == VenueFault.MAKER_REBATE and maker:
            self._played += 1
            rate = _REBATE
        if self._trouble == VenueFault.OTHER_FEE_ASSET:
            self._played += 1
            return self.other_asset, (value * rate / _OTHER_ASSET_PRICE).quantize(Decimal("1e-8"))
        return self.asset, value * rate

    def _trade_id(self, order: VenueOrder) -> str:
        side, last = self._last_trade
        self._trades += 1
        name = f"T{self._trades}"
        if self._trouble == VenueFault.ONE_ID_TWO_FILLS and last and side != order.order_side:
            self._played += 1
            name = last
        if self._trouble == VenueFault.IDS_PER_SYMBOL:
            own = self._ids_of.setdefault(order.asset, set())
            name = f"T{len(own) + 1}"
            self._played += any(name in ids for symbol, ids in self._ids_of.items() if symbol != order.asset)
            own.add(name)
        self._last_trade = (order.order_side, name)
        return name

    def _frames(self) -> None:
        """Tell the wallets: before the fills that moved them, as many venues do."""
        for asset, balance in self._books.wallets.items():
            frame = {"kind": "ACCOUNT_UPDATE", "timestamp": self._kernel.now_ns, "asset": asset}
            self._venue.emit_account({**frame, "wallet_balance": balance})

    def _pay_funding(self, rate: Decimal, boundary_ns: int, interval_secs: int) -> None:
        self._played += 1
        self._funding = (rate, boundary_ns + interval_secs * _SECOND_NS, interval_secs)
        amount = -self.position(self.symbol) * self.mark * rate
        self._books.credit(self.asset, amount)
        paid = {"kind": "FUNDING_FEE", "timestamp": boundary_ns, "asset": self.asset, "symbol": self.symbol}
        self._venue.emit_account(
            {
                **paid,
                "amount": amount,
                "rate": rate,
                "mark_price": self.mark,
                "venue_txn_id": f"F{boundary_ns}",
            }
        )
        self._frames()
