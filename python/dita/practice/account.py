"""One account at the exchange: what requests do on the simulated venue, what is reported and kept of it.

The matching, the wallet, margin, funding and liquidation are the simulated venue's. Here is what the venue
has around them: its ids, its histories, the frames of its user stream.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dita._kernel import SimExchange
from dita.practice.encoder import Frame, Refused, VenueEncoder
from dita.practice.faults import Faults
from dita.practice.market import Listing, Market
from dita.practice.records import ZERO, HeldPosition, Histories, Income, PlacedOrder, Trade
from dita.precision import plain

_FIRST_ORDER: Final = 8_389_000_000
_FIRST_ALGO: Final = 2_000_000_000_000_000
_FIRST_TRADE: Final = 250_000_000
_MOMENTS_MAX: Final = 20_000
MS: Final = 1_000_000

Tell = Callable[[list[Frame]], None]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as it was asked for, its parameters read."""

    symbol: str
    side: str
    position_side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    client_id: str
    reduce_only: bool = False
    close_position: bool = False
    trigger_price: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"
    good_till_ms: int = 0
    trigger_direction: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Balances and positions at one moment, for answers that lag."""

    at_ms: int
    wallets: dict[str, Decimal]
    positions: tuple[HeldPosition, ...]


class Account:
    """The account, its orders and its money."""

    def __init__(
        self,
        markets: dict[str, Market],
        balances: dict[str, Decimal],
        *,
        clock_ns: Callable[[], int],
        tell: Tell,
        encoder: VenueEncoder,
        hedge: bool = False,
        leverage: int = 20,
        settings: dict[str, Any] | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Open it.

        Args:
            markets: What is listed, by symbol.
            balances: What the wallet holds at first, by asset.
            clock_ns: The time that is shown to the venue's users, nanoseconds.
            tell: Takes the frames of the user stream.
            encoder: How the venue says what happens.
            hedge: Whether there are two books per instrument.
            leverage: What is set at first.
            settings: Further settings of the simulated venue, by name.
            faults: What goes wrong.
        """
        self.markets = markets
        self.hedge = hedge
        self.faults = faults or Faults()
        self.assets = list(dict.fromkeys([*balances, *(m.listing.quote for m in markets.values())]))
        self.histories = Histories()
        self.leverages = dict.fromkeys(markets, leverage)
        self.isolated: set[str] = set()
        self._clock_ns = clock_ns
        self._tell = tell
        self._encoder = encoder
        self._sim_ns = 0
        self._inner = itertools.count(1)
        self._by_inner: dict[str, PlacedOrder] = {}
        self._by_number: dict[int, PlacedOrder] = {}
        self._open: dict[str, PlacedOrder] = {}
        self._changes: deque[tuple[int, PlacedOrder]] = deque(maxlen=_MOMENTS_MAX)
        self._moments: deque[Held] = deque(maxlen=_MOMENTS_MAX)
        self._trade_numbers: dict[str, int] = {}
        self._last_trade: tuple[str, int] = ("", 0)
        self._income_numbers = itertools.count(900_000_000_000)
        self._wallets = {asset: balances.get(asset, ZERO) for asset in self.assets}
        self._realized: dict[str, Decimal] = {}
        self.sim = SimExchange(
            balances=dict(balances),
            hedge_mode=hedge,
            quotes_set_marks=False,
            two_ids_on_trigger=True,
            **(settings or {}),
        )
        for market in markets.values():
            self._list(market.listing, leverage)
        for market in markets.values():
            self.on_market(market, None)

    # ------------------------------------------------------------------------------------------------ time

    def now_ms(self) -> int:
        """The exchange's time in milliseconds."""
        return self._clock_ns() // MS

    def _now(self) -> int:
        # The simulated venue's time never runs back, whatever the exchange's clock is made to show.
        self._sim_ns = max(self._sim_ns + 1, self._clock_ns())
        return self._sim_ns

    # -------------------------------------------------------------------------------------------- requests

    def place(self, asked: NewOrder, *, conditional: bool = False) -> PlacedOrder:
        """Take an order.

        Args:
            asked: The order.
            conditional: Whether it waits for a trigger.

        Returns:
            It, as it is once everything that happened at once has happened.

        Raises:
            Refused: In the venue's words.
        """
        known = self.histories.orders if self._encoder.ids_for_ever else self._open.values()
        taken = (order for order in known if order.client_id == asked.client_id)
        if any(self._encoder.ids_for_ever or order.waits == conditional for order in taken):
            raise self._encoder.refusal("DUPLICATE_CLIENT_ID")
        if asked.close_position and any(
            order.close_position and order.symbol == asked.symbol and order.side == asked.side
            for order in self._open.values()
        ):
            raise self._encoder.refusal("CLOSE_POSITION_EXISTS")
        now_ms = self.now_ms()
        order = PlacedOrder(
            number=0,
            client_id=asked.client_id,
            inner_id=f"X{next(self._inner):09}",
            symbol=asked.symbol,
            side=asked.side,
            position_side=asked.position_side,
            kind=asked.kind,
            time_in_force=asked.time_in_force,
            quantity=asked.quantity,
            price=asked.price,
            reduce_only=asked.reduce_only or asked.close_position,
            close_position=asked.close_position,
            working_type=asked.working_type,
            created_ms=now_ms,
            updated_ms=now_ms,
            trigger_price=asked.trigger_price,
            good_till_ms=asked.good_till_ms,
            post_only=asked.time_in_force == "GTX",
            first_kind=asked.kind,
            trigger_direction=asked.trigger_direction,
        )
        if conditional:
            order.algo_status, order.status = "NEW", ""
        self._by_inner[order.inner_id] = order
        try:
            self._apply_events(self.sim.submit(self._now(), **self._inner_order(asked, order.inner_id)))
        except Refused:
            del self._by_inner[order.inner_id]
            raise
        return order

    def cancel(self, order: PlacedOrder) -> PlacedOrder:
        """Cancel an open order.

        Args:
            order: Which.

        Raises:
            Refused: It is not open.
        """
        if not (order.is_open or order.waits):
            raise self._encoder.refusal("NOTHING_TO_CANCEL")
        self._apply_events(self.sim.cancel(self._now(), order.symbol, order.inner_id))
        return order

    def amend(
        self, order: PlacedOrder, quantity: Decimal, price: Decimal, modify_id: str = ""
    ) -> PlacedOrder:
        """Change an open order's total and price.

        Args:
            order: Which.
            quantity: Its new total, what is filled included.
            price: Its new limit.
            modify_id: The caller's id of the change.

        Raises:
            Refused: It is not open, or cannot be changed to that.
        """
        if not order.is_open:
            raise self._encoder.refusal("UNKNOWN_ORDER")
        if (quantity, price) == (order.quantity, order.price):
            raise self._encoder.refusal("NOTHING_TO_CHANGE")
        order.modify_id = modify_id
        order.updated_ms = self.now_ms()
        said = self.sim.amend(self._now(), order.symbol, order.inner_id, order.side, quantity, price)
        self._apply_events(said)
        return order

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Set an instrument's leverage.

        Raises:
            Refused: The simulated venue does not take it.
        """
        for events in self.sim.set_leverage(self._now(), symbol, leverage):
            if events["what"] == "EFFECT" and events["kind"] == "LEVERAGE_REFUSED":
                raise self._encoder.refusal("LEVERAGE_NOT_VALID", str(leverage))
        self.leverages[symbol] = leverage
        self._tell(self._encoder.leverage(symbol, leverage, self.now_ms()))

    def set_isolated(self, symbol: str, *, isolated: bool) -> None:
        """Set an instrument's margin mode.

        Raises:
            Refused: It is that already, or the instrument has orders or a position.
        """
        if (symbol in self.isolated) == isolated:
            raise self._encoder.refusal("MARGIN_MODE_SAME")
        if any(order.symbol == symbol for order in self._open.values()):
            raise self._encoder.refusal("MARGIN_MODE_ORDERS")
        if any(size for size, _ in self.sim.positions(symbol, self.hedge)):
            raise self._encoder.refusal("MARGIN_MODE_POSITION")
        self.isolated ^= {symbol}
        self._list(self.markets[symbol].listing, self.leverages[symbol])

    # ---------------------------------------------------------------------------- what happens to the account

    def on_market(self, market: Market, printed: tuple[Decimal, Decimal] | None) -> None:
        """Have the simulated venue see the market as it is now.

        Args:
            market: Which.
            printed: Price and size of a trade of others.
        """
        symbol = market.listing.symbol
        said = self.sim.depth(self._now(), symbol, market.bids, market.asks, snapshot=True)
        if printed is not None:
            said += self.sim.trade(self._now(), symbol, *printed)
        said += self.sim.mark(self._now(), symbol, market.mark)
        self._apply_events(said + self.sim.advance(self._now()))

    def trade_against(self, order: PlacedOrder, size: Decimal) -> None:
        """Have others trade so much against a resting order, at its price.

        Args:
            order: One that rests.
            size: How much; at most what remains is filled.
        """
        self._apply_events(self.sim.trade(self._now(), order.symbol, order.price, size))
        if order.status == "FILLED" and self.faults.spend("overfill"):
            self._fill_beyond(order)

    def _fill_beyond(self, order: PlacedOrder) -> None:
        """Fill an order by one lot more than it asks for."""
        book = order.position_side if self.hedge else "BOTH"
        lot = self.markets[order.symbol].listing.lot
        self._beyond = order
        try:
            self._apply_events(
                self.sim.manual_trade(self._now(), order.symbol, order.side, lot, order.price, book)
            )
        finally:
            self._beyond = None

    def expire(self, order: PlacedOrder) -> None:
        """End an order that was acknowledged, as the venue does of itself."""
        said = self.sim.cancel(self._now(), order.symbol, order.inner_id)
        self._apply_events([{**one, "kind": "EXPIRED"} if one["what"] == "ORDER" else one for one in said])

    def pretend_canceled(self, order: PlacedOrder) -> PlacedOrder:
        """Say that an order was canceled, while it goes on working."""
        seeming = order.copy()
        seeming.status = "CANCELED"
        self._tell(self._encoder.order(seeming, "CANCELED", self.now_ms()))
        return seeming

    def cancel_with_a_fill_untold(self, order: PlacedOrder) -> PlacedOrder:
        """Cancel an order of which a lot filled just before, and tell of the fill after the cancel."""
        tell, kept = self._tell, list[Frame]()
        self._tell = kept.extend
        self.trade_against(order, self.markets[order.symbol].listing.lot)
        self._tell = tell
        self.cancel(order)
        self._tell(kept)
        return order

    def expire_unseen(self, asked: NewOrder, reason: str = "") -> PlacedOrder:
        """Have an order expire at once: it never works, and no event precedes it.

        Args:
            asked: The order.
            reason: The venue's word for why.
        """
        now_ms = self.now_ms()
        self._unseen += 1
        order = PlacedOrder(
            number=_FIRST_ORDER + 900_000_000 + self._unseen, client_id=asked.client_id, inner_id="",
            symbol=asked.symbol, side=asked.side, position_side=asked.position_side, kind=asked.kind,
            time_in_force=asked.time_in_force, quantity=asked.quantity, price=asked.price,
            reduce_only=asked.reduce_only, close_position=False, working_type=asked.working_type,
            created_ms=now_ms, updated_ms=now_ms, status="EXPIRED", end_reason=reason,
        )  # fmt: skip
        self._by_number[order.number] = order
        self.histories.orders.append(order)
        self._tell(self._encoder.order(order, "EXPIRED", now_ms))
        return order

    _unseen = 0
    _beyond: PlacedOrder | None = None

    def force(self, what: str, symbol: str, size: Decimal, price: Decimal, side: str = "BUY") -> None:
        """Have something happen that no order of the account asked for.

        Args:
            what: `adl` takes a part of the position away, `liquidation` and `settlement` close it, `manual`
                is another program's trade.
            symbol: The instrument.
            size: How much.
            price: At which price.
            side: BUY or SELL, of another program's trade.
        """
        if what == "adl":
            self._apply_events(self.sim.adl(self._now(), symbol, size, price))
        elif what == "liquidation":
            said = self.sim.manual_trade(self._now(), symbol, side, size, price)
            self._apply_events(
                [{**one, "kind": "LIQUIDATION"} if one["what"] == "ORDER" else one for one in said]
            )
        elif what == "settlement":
            said = self.sim.manual_trade(self._now(), symbol, side, size, price)
            self._apply_events(
                [
                    {**one, "kind": "LIQUIDATION", "settles": True} if one["what"] == "ORDER" else one
                    for one in said
                ]
            )
        else:
            book = ("LONG" if side == "BUY" else "SHORT") if self.hedge else "BOTH"
            self._apply_events(self.sim.manual_trade(self._now(), symbol, side, size, price, book))

    def transfer(self, asset: str, amount: Decimal) -> None:
        """Move money in (+) or out (-)."""
        self._apply_events(self.sim.transfer(self._now(), asset, amount))

    def set_funding(self, symbol: str, rate: Decimal, next_ms: int, interval_s: int) -> None:
        """Set an instrument's funding terms."""
        self._apply_events(self.sim.set_funding(self._now(), symbol, rate, next_ms * MS, interval_s))

    # ------------------------------------------------------------------------------------------- questions

    def find(self, symbol: str, number: int | None, client_id: str | None) -> PlacedOrder | None:
        """Find an order by its number, or the newest of a client id."""
        if number is not None:
            order = self._by_number.get(number)
            return order if order and order.symbol == symbol else None
        for order in reversed(self.histories.orders):
            if order.client_id == client_id and order.symbol == symbol and order.number:
                return order
        return None

    def find_algo(self, number: int | None, client_id: str | None) -> PlacedOrder | None:
        """Find a conditional order by its number, or the newest of a client id."""
        for order in reversed(self.histories.orders):
            if order.algo_number and (
                order.algo_number == number or (number is None and order.client_id == client_id)
            ):
                return order
        return None

    def open_orders(self) -> list[PlacedOrder]:
        """Return what works or waits, the oldest first."""
        return list(self._open.values())

    def lagged(self, lag_ms: int) -> dict[str, PlacedOrder]:
        """Return all orders as they were some time ago, by their inner ids."""
        until = self.now_ms() - lag_ms
        return {copy.inner_id: copy for at_ms, copy in self._changes if at_ms <= until}

    def held(self, lag_ms: int = 0) -> Held:
        """Return balances and positions, as they are or as they were some time ago."""
        if lag_ms:
            until = self.now_ms() - lag_ms
            for moment in reversed(self._moments):
                if moment.at_ms <= until:
                    return moment
        return self._snapshot()

    def available(self) -> Decimal:
        """Return what of the settlement asset is not bound by positions and orders, roughly."""
        quote = next(iter(self.markets.values())).listing.quote
        bound = sum((self.initial_margin(held) - held.unrealized for held in self._positions()), ZERO)
        for order in self._open.values():
            if not order.reduce_only:
                price = order.price or order.trigger_price
                bound += (order.quantity - order.filled) * price / self.leverages[order.symbol]
        return max(ZERO, self._wallets.get(quote, ZERO) - bound)

    def initial_margin(self, held: HeldPosition) -> Decimal:
        """Return what a position binds."""
        mark = self.markets[held.symbol].mark
        return (abs(held.size) * mark / self.leverages[held.symbol]).quantize(Decimal("1e-8"))

    # ---------------------------------------------------------------------------------------------- inside

    def _list(self, listing: Listing, leverage: int) -> None:
        self.sim.add_instrument(
            symbol=listing.symbol,
            base=listing.base,
            quote=listing.quote,
            settle=listing.quote,
            tick_size=listing.tick,
            lot_step=listing.lot,
            min_qty=listing.lot,
            max_qty=listing.max_qty,
            min_notional=listing.min_notional,
            leverage=leverage,
            margin_mode="ISOLATED" if listing.symbol in self.isolated else "CROSS",
        )

    def _inner_order(self, asked: NewOrder, inner_id: str) -> dict[str, Any]:
        listing = self.markets[asked.symbol].listing
        kinds = {"STOP": "STOP_LIMIT", "TAKE_PROFIT_MARKET": "TAKE_PROFIT"}
        lives = {"GTX": "GTC"}
        order: dict[str, Any] = {
            "client_id": inner_id,
            "symbol": asked.symbol,
            "order_side": asked.side,
            "size": listing.max_qty if asked.close_position else asked.quantity,
            "side": "SHORT" if asked.position_side == "SHORT" else "LONG",
            "position_side": asked.position_side,
            "order_type": kinds.get(asked.kind, asked.kind),
            "time_in_force": lives.get(asked.time_in_force, asked.time_in_force),
            "post_only": asked.time_in_force == "GTX",
            "reduce_only": asked.reduce_only or asked.close_position,
        }
        if asked.kind in {"MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET"}:
            order["time_in_force"] = "IOC" if asked.kind == "MARKET" else "GTC"
        else:
            order["limit_price"] = asked.price
        if asked.trigger_price:
            order["trigger_price"] = asked.trigger_price
            order["trigger_by"] = "MARK" if asked.working_type == "MARK_PRICE" else "LAST"
        if asked.time_in_force == "GTD":
            order["expire_time"] = asked.good_till_ms * MS
        return order

    def _apply_events(self, said: Iterable[dict[str, Any]]) -> None:
        """Take what the simulated venue says, in its order, and tell it as one batch of frames."""
        out: list[Frame] = []
        touched: dict[str, None] = {}
        first_fill: int | None = None
        refusal: Refused | None = None
        for one in said:
            if one["what"] == "ORDER":
                if one["kind"] in {"ORDER_REJECT", "AMEND_REJECT"}:
                    refusal = self._encoder.refusal(one.get("reason_code", ""), one.get("reason", ""))
                    continue
                at = self._order_frames(one, out)
                first_fill = at if first_fill is None else first_fill
                touched.setdefault(one.get("asset", ""))
            elif one["what"] == "ACCOUNT":
                said_of_it = self._account_frames(one, list(touched))
                if not said_of_it:
                    continue
                # Binance's mainnet tells of the account before the order's own fill.
                at = len(out) if first_fill is None else first_fill
                out[at:at] = said_of_it
                touched.clear()
                first_fill = None
        if out:
            self._moments.append(self._snapshot())
            self._tell(out)
        if refusal is not None:
            raise refusal

    def _order_frames(self, one: dict[str, Any], out: list[Frame]) -> int | None:
        """Take one event of an order; return the index of its fill's frame, if any."""
        kind, now_ms = one["kind"], self.now_ms()
        order = self._by_inner.get(one.get("venue_client_id", ""))
        if order is None:
            if kind not in {"FULL_FILL", "PARTIAL_FILL", "LIQUIDATION", "ADL"}:
                return None
            order = self._beyond or self._strange_order(one, now_ms)
        order.updated_ms = now_ms
        at = None
        match kind:
            case "ORDER_ACK":
                self._take_in(order, one, out, now_ms)
            case "TRIGGERED":
                self._trigger(order, one, out, now_ms)
            case "FULL_FILL" | "PARTIAL_FILL" | "LIQUIDATION" | "ADL":
                at = self._fill(order, one, out, now_ms)
            case "AMEND_ACK" | "RESTATED":
                order.quantity, order.price = one["order_size"], one.get("order_price", order.price)
                out += self._encoder.order(order, "AMENDMENT", now_ms)
            case "CANCEL_ACK" | "EXPIRED":
                self._end(order, one, out, now_ms)
            case _:
                pass
        self._changes.append((now_ms, order.copy()))
        return at

    def _take_in(self, order: PlacedOrder, one: dict[str, Any], out: list[Frame], now_ms: int) -> None:
        number = int(one["venue_order_id"][3:])
        if order.algo_status:
            order.algo_number = _FIRST_ALGO + number
            out += self._encoder.waiting(order, "NEW", now_ms)
        else:
            order.number = _FIRST_ORDER + number
            self._by_number[order.number] = order
            if "order_size" in one:
                order.quantity = one["order_size"]
            out += self._encoder.order(order, "NEW", now_ms)
        self._open[order.inner_id] = order
        self.histories.orders.append(order)

    def _trigger(self, order: PlacedOrder, one: dict[str, Any], out: list[Frame], now_ms: int) -> None:
        order.triggered_ms = now_ms
        out += self._encoder.waiting(order, "TRIGGERING", now_ms)
        order.number = _FIRST_ORDER + int(one["venue_order_id"][3:])
        self._by_number[order.number] = order
        order.kind = "LIMIT" if order.price else "MARKET"
        order.status, order.algo_status = "NEW", "TRIGGERED"
        if order.close_position:
            held = [size for size, _ in self.sim.positions(order.symbol, self.hedge)]
            order.quantity = max((abs(size) for size in held), default=ZERO) or order.quantity
        out += self._encoder.order(order, "NEW", now_ms)
        out += self._encoder.waiting(order, "TRIGGERED", now_ms)

    def _fill(self, order: PlacedOrder, one: dict[str, Any], out: list[Frame], now_ms: int) -> int:
        price, size = one["price"], one["size"]
        order.filled += size
        order.turnover += price * size
        done = one["remaining_size"] == 0
        order.status = "FILLED" if done else "PARTIALLY_FILLED"
        if done and order.filled < order.quantity:
            order.quantity = order.filled
        trade = Trade(
            number=self._trade_number(order),
            order=order,
            price=price,
            size=size,
            fee=one.get("fee", ZERO),
            fee_asset=one.get("fee_asset", ""),
            maker=one.get("liquidity") == "MAKER",
            time_ms=now_ms,
            realized=one.get("realized_pnl", ZERO),
            order_size=order.quantity,
            leaves=ZERO if done else order.quantity - order.filled,
        )
        order.trades.append(trade)
        self.histories.trades.append(trade)
        key = f"{order.symbol}-{order.position_side}"
        self._realized[key] = self._realized.get(key, ZERO) + trade.realized
        self._book_income(trade)
        if order.inner_id:
            out += self._encoder.early(order, trade, now_ms)
        at = len(out)
        forced = one["kind"] in {"LIQUIDATION", "ADL"} and not one.get("settles")
        out += self._encoder.order(order, "CALCULATED" if forced else "TRADE", now_ms, trade)
        if done:
            self._open.pop(order.inner_id, None)
            if order.algo_number:
                order.algo_status = "FINISHED"
                out += self._encoder.waiting(order, "FINISHED", now_ms)
        return at

    def _end(self, order: PlacedOrder, one: dict[str, Any], out: list[Frame], now_ms: int) -> None:
        word = "CANCELED" if one["kind"] == "CANCEL_ACK" else "EXPIRED"
        self._open.pop(order.inner_id, None)
        if order.waits:
            order.algo_status = word
            out += self._encoder.waiting(order, word, now_ms)
            return
        order.status = word
        out += self._encoder.order(order, word, now_ms)
        if order.algo_number:
            if order.filled:
                order.algo_status = "FINISHED"
                out += self._encoder.waiting(order, "FINISHED", now_ms)
            else:
                order.algo_status = "REJECTED" if one.get("reason") else word
                out += self._encoder.waiting(order, order.algo_status, now_ms, one.get("reason", ""))

    def _strange_order(self, one: dict[str, Any], now_ms: int) -> PlacedOrder:
        """An order that the account did not send: the venue's own, or another program's."""
        number = int(one["venue_order_id"][3:])
        names = {"LIQUIDATION": f"autoclose-{now_ms}{number}", "ADL": f"adl_autoclose{number}"}
        if one.get("settles"):
            # As the venue writes it: longer than the ids that an account may give.
            names["LIQUIDATION"] = f"settlement_autoclose-{number:016d}"
        order = PlacedOrder(
            number=_FIRST_ORDER + number,
            client_id=names.get(one["kind"], f"web_{number}"),
            inner_id="",
            symbol=one["asset"],
            side=one["order_side"],
            position_side=one.get("position_side", "BOTH"),
            kind="MARKET" if one["kind"] == "FULL_FILL" else "LIMIT",
            time_in_force="GTC" if one["kind"] == "FULL_FILL" else "IOC",
            quantity=one["size"],
            price=ZERO if one["kind"] == "FULL_FILL" else one["price"],
            reduce_only=False,
            close_position=False,
            working_type="CONTRACT_PRICE",
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        self._by_number[order.number] = order
        self.histories.orders.append(order)
        return order

    def _trade_number(self, order: PlacedOrder) -> int:
        """The id of a fill: unique within its instrument only, as the venue's are."""
        side, number = self._last_trade
        if self.faults.one_id and side not in {"", order.side}:
            self.faults.happened["one_id"] += 1
        else:
            number = self._trade_numbers.get(order.symbol, _FIRST_TRADE) + 1
            self._trade_numbers[order.symbol] = number
        self._last_trade = (order.side, number)
        return number

    def _book_income(self, trade: Trade) -> None:
        symbol, now_ms = trade.order.symbol, trade.time_ms
        quote = self.markets[symbol].listing.quote
        for kind, asset, amount in (
            ("REALIZED_PNL", quote, trade.realized),
            ("COMMISSION", trade.fee_asset, -trade.fee),
        ):
            if amount:
                self.histories.income.append(
                    Income(kind, asset, amount, now_ms, next(self._income_numbers), symbol, trade.number)
                )

    def _account_frames(self, one: dict[str, Any], touched: list[str]) -> list[Frame]:
        """Take one event of the account; report what the wallet holds then."""
        kind, asset, now_ms = one["kind"], one.get("asset", ""), self.now_ms()
        if kind == "ACCOUNT_UPDATE":
            wallet = one["wallet_balance"]
            reason, change, symbol = self._reason or ("ORDER", ZERO, "")
            self._reason = None
            self._wallets[asset] = wallet
            positions = [held for held in self._positions(flat=True) if held.symbol in touched]
            cross = wallet - sum((held.isolated_wallet for held in self._positions()), ZERO)
            return self._encoder.account(reason, [(asset, wallet, cross, change)], positions, now_ms, symbol)
        words = {
            "FUNDING_FEE": "FUNDING_FEE",
            "TRANSFER": "DEPOSIT" if one.get("amount", ZERO) > 0 else "WITHDRAW",
            "ADJUSTMENT": "INSURANCE_CLEAR",
            "REBATE": "ADMIN_DEPOSIT",
            "LIQUIDATION_FEE": "INSURANCE_CLEAR",
        }
        if kind not in words:
            return []
        incomes = {"TRANSFER": "TRANSFER", "REBATE": "COMMISSION_REBATE", "ADJUSTMENT": "INSURANCE_CLEAR"}
        symbol = one.get("symbol", "")
        amount = one["amount"]
        self.histories.income.append(
            Income(incomes.get(kind, words[kind]), asset, amount, now_ms, next(self._income_numbers), symbol)
        )
        self._reason = (words[kind], amount, symbol if kind == "FUNDING_FEE" else "")
        return []

    _reason: tuple[str, Decimal, str] | None = None

    def _positions(self, *, flat: bool = False) -> list[HeldPosition]:
        found = []
        for symbol, market in self.markets.items():
            sides = ("LONG", "SHORT") if self.hedge else ("BOTH",)
            for side, (size, cost) in zip(sides, self.sim.positions(symbol, self.hedge), strict=True):
                if not size and not flat:
                    continue
                entry = (cost / abs(size)).quantize(Decimal("1e-8")) if size else ZERO
                signed_cost = cost if size >= 0 else -cost
                isolated = symbol in self.isolated
                margin = abs(size) * market.mark / self.leverages[symbol] if isolated else ZERO
                key = f"{symbol}-{side}"
                found.append(
                    HeldPosition(
                        symbol=symbol,
                        position_side=side,
                        size=size,
                        entry_price=Decimal(plain(entry)),
                        realized=self._realized.get(key, ZERO),
                        unrealized=(size * market.mark - signed_cost).quantize(Decimal("1e-8")),
                        isolated=isolated,
                        isolated_wallet=margin.quantize(Decimal("1e-8")),
                        margin_asset=market.listing.quote,
                    )
                )
        return found

    def _snapshot(self) -> Held:
        return Held(self.now_ms(), dict(self._wallets), tuple(self._positions(flat=True)))
