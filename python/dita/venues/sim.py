"""The simulated venue, which is also the paper venue. It runs inside the kernel's engine, in Rust."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, TypeAlias

from dita._kernel import Engine, OrderSide, Player, PositionSide, Session, TwinLive
from dita.errors import InvalidInput

Number: TypeAlias = Decimal | str | int | float
Time: TypeAlias = datetime | int


class SimulatedVenue:
    """A seeded exchange with its own wallet: what it says of the account (E) is a second opinion on K.

    Give it to `ExecutionKernel(venue=...)`, then feed it a market. The same settings and the same calls give
    the same events to the last bit. It trades perpetuals (linear and inverse) and spot, every order type and
    time in force, amends, one-way or in hedge mode as the kernel is.
    """

    live: ClassVar[bool] = False
    real_money: ClassVar[bool] = False

    def __init__(
        self,
        balances: Mapping[str, Number] | None = None,
        *,
        seed: int = 0,
        latency_ms: Number = 0,
        latency_max_ms: Number = 0,
        latencies: Iterable[tuple[int, Number, Number]] = (),
        slippage_bps: Number = 0,
        fill_rate: Number = 1,
        reject_rate: Number = 0,
        partial_fill_rate: Number = 0,
        fee_in_fill: bool = True,
        settle_events: bool = True,
        wallet_events: bool = True,
        position_events: bool = False,
        margin_events: bool = False,
        margin_check: bool = True,
        liquidation: bool = True,
        liquidation_fee_rate: Number = 0,
        quotes_set_marks: bool = True,
        trigger_on_mark: bool = False,
        two_ids_on_trigger: bool = False,
        native_oco: bool = False,
        trim_reduce_only: bool = False,
        queue_position: bool = False,
        queue_model: Literal["risk_averse", "probability"] = "risk_averse",
        limit_through: bool = False,
        hold_for_open: bool = False,
        depth_is_taken: bool = False,
        fill_delay_ms: Number = 0,
        fill_without_market: bool = False,
        self_trade_prevention: bool = False,
        funding_without_symbol: bool = False,
        funding_delay_ms: Number = 0,
        faults: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the venue. Values are checked when a kernel opens it.

        Args:
            balances: Opening balance per asset.
            seed: Where chance starts.
            latency_ms: A request's whole round trip; 0 answers inside the call. With a latency, answers come
                when time moves: by quotes, intents, or `advance`.
            latency_max_ms: Above 0 each round trip is drawn, from `latency_ms` to this; both ways take half
                of it. No message overtakes an earlier one of its way.
            latencies: Recorded ones, oldest first: rows of a time (ns since 1970), the way to the venue and
                the way back (ms); each holds until the next one's time. The other two say nothing then.
            slippage_bps: By how many basis points a taker's price is worse than the book's.
            fill_rate: How often an order that can fill does, 0 to 1.
            reject_rate: How often an order without a fault is rejected all the same, 0 to 1.
            partial_fill_rate: How often a fill comes in two, 0 to 1.
            fee_in_fill: Whether a fill carries its fee, and its profit where `settle_events` is on. Else a
                FILL_SETTLED with both follows each fill.
            settle_events: Whether the profit of a fill that carries its fee is reported.
            wallet_events: Whether an ACCOUNT_UPDATE ends each batch of fills.
            position_events: Whether a POSITION_UPDATE follows each batch of fills.
            margin_events: Whether ACCOUNT_UPDATE carries available, used and maintenance margin.
            margin_check: Whether an order that increases a position needs margin for it.
            liquidation: Whether positions are liquidated at the mark once what stands behind them falls to
                their maintenance margin, by the instrument's tiers, `margin_convention` and `margin_mode`.
            liquidation_fee_rate: What that costs, as a fraction of the value.
            quotes_set_marks: Whether the middle of a quote, or of new depth, is the mark too. Without it the
                kernel refuses entries (NO_MARK) until `mark` or `ExecutionKernel.mark_price` sets one.
            trigger_on_mark: Whether the mark triggers conditional orders; else prints and the middle do.
            two_ids_on_trigger: Whether a triggered order gets a second venue id.
            native_oco: Whether the venue itself cancels the others of an `oco_group`.
            trim_reduce_only: Whether waiting reduce-only orders are cut or ended as the position shrinks.
            queue_position: Whether an order that rests waits behind what the book showed at its price.
            queue_model: Of a level that shrinks by more than was traded there: "risk_averse" takes what left
                to have stood behind the order, as far as that can be; "probability" evenly around it.
            limit_through: Whether a waiting limit fills only where the market goes beyond it; else where it
                comes to it.
            hold_for_open: Whether what is sent between two bars meets the open of the next one; else it meets
                the close of the last.
            depth_is_taken: Whether what an order takes is gone from the depth that is known, until the next
                word of that level. The last level never runs out.
            fill_delay_ms: How long after it has come an order first meets the market. It is acknowledged at
                once, and a cancel in between finds it whole.
            fill_without_market: Whether a limit order that has waited so fills at its limit where nobody
                offers or bids anything: paper without a market. By `fill_rate`, drawn once.
            self_trade_prevention: Whether an order that would meet another of the account expires.
            funding_without_symbol: Whether FUNDING_FEE comes pooled per asset.
            funding_delay_ms: How long after the boundary funding is paid.
            faults: What goes wrong, by name, and how often, 0 to 1: `drop`, `duplicate`, `delay`, `reorder`,
                `send_timeout`, `late_fill` and so on; a name that is none is refused. `heal` ends them.
        """
        self._settings: dict[str, Any] = {
            "balances": dict(balances or {}),
            "seed": seed,
            "latency_ms": latency_ms,
            "latency_max_ms": latency_max_ms,
            "latencies": [tuple(row) for row in latencies],
            "slippage_bps": slippage_bps,
            "fill_rate": fill_rate,
            "reject_rate": reject_rate,
            "partial_fill_rate": partial_fill_rate,
            "fee_in_fill": fee_in_fill,
            "settle_events": settle_events,
            "wallet_events": wallet_events,
            "position_events": position_events,
            "margin_events": margin_events,
            "margin_check": margin_check,
            "liquidation": liquidation,
            "liquidation_fee_rate": liquidation_fee_rate,
            "quotes_set_marks": quotes_set_marks,
            "trigger_on_mark": trigger_on_mark,
            "two_ids_on_trigger": two_ids_on_trigger,
            "native_oco": native_oco,
            "trim_reduce_only": trim_reduce_only,
            "queue_position": queue_position,
            "queue_model": queue_model,
            "limit_through": limit_through,
            "hold_for_open": hold_for_open,
            "depth_is_taken": depth_is_taken,
            "fill_delay_ms": fill_delay_ms,
            "fill_without_market": fill_without_market,
            "self_trade_prevention": self_trade_prevention,
            "funding_without_symbol": funding_without_symbol,
            "funding_delay_ms": funding_delay_ms,
            "faults": dict(faults or {}),
        }
        self._engine: Engine | None = None

    def __repr__(self) -> str:
        """Return whose it is, in one line."""
        return f"<SimulatedVenue: {'no kernel yet' if self._engine is None else 'a kernel trades on it'}>"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name: a copy."""
        return dict(self._settings)

    def bind(self, engine: Engine) -> None:
        """Learn the engine that runs this venue. The kernel calls this once.

        Args:
            engine: The kernel's engine.

        Raises:
            InvalidInput: Another kernel runs it already.
        """
        if self._engine is not None:
            raise InvalidInput("venue: this SimulatedVenue belongs to another kernel already; make a new one")
        self._engine = engine

    def on_quote(
        self,
        symbol: str,
        bid: Number,
        bid_size: Number | None,
        ask: Number,
        ask_size: Number | None,
        ts: Time | None = None,
    ) -> None:
        """Take a new best quote.

        Args:
            symbol: The instrument.
            bid: Best price to sell at, quote units, on the tick grid.
            bid_size: How much can be sold there; None means as much as anyone wants, 0 that nobody buys.
            ask: Best price to buy at.
            ask_size: How much can be bought there.
            ts: Its time; moves kernel time where that is driven.

        Raises:
            InvalidInput: The symbol is unknown, a price is off the grid, or the bid is above the ask.
        """
        self._running().sim_quote(symbol, bid, bid_size, ask, ask_size, ts)

    def on_depth(
        self,
        symbol: str,
        bids: Iterable[tuple[Number, Number]],
        asks: Iterable[tuple[Number, Number]],
        ts: Time | None = None,
        *,
        snapshot: bool = False,
    ) -> None:
        """Take new depth.

        Args:
            symbol: The instrument.
            bids: Pairs of price and size; size 0 removes the level.
            asks: The same.
            ts: Its time; moves kernel time where that is driven.
            snapshot: True where this is the whole book.

        Raises:
            InvalidInput: As `on_quote`; nothing of a faulty message is applied.
        """
        self._running().sim_depth(symbol, bids, asks, ts, snapshot=snapshot)

    def on_trade(self, symbol: str, price: Number, size: Number, ts: Time | None = None) -> None:
        """Take a trade of others: it may fill waiting orders.

        Args:
            symbol: The instrument.
            price: Quote units, on the tick grid.
            size: Base units or contracts.
            ts: Its time; moves kernel time where that is driven.

        Raises:
            InvalidInput: As `on_quote`.
        """
        self._running().sim_trade(symbol, price, size, ts)

    def on_bar(
        self,
        symbol: str,
        open_price: Number,
        high: Number,
        low: Number,
        close: Number,
        open_time: Time,
        close_time: Time,
        *,
        high_first: bool | None = None,
    ) -> None:
        """Take a bar: its open, its extremes and its close, along a stated path.

        The path is open, low, high, close where the bar rose or stood, else open, high, low, close. What
        waits and has been passed by the open fills at the open. On the way limits fill at their limit, and
        stops trigger at their trigger, in the order in which the path comes to them.

        Args:
            symbol: The instrument.
            open_price: Quote units, on the tick grid.
            high: The same.
            low: The same.
            close: The same.
            open_time: When the bar begins; moves kernel time where that is driven.
            close_time: When it ends; the same.
            high_first: Which extreme comes first; None leaves it to the bar's direction.

        Raises:
            InvalidInput: The symbol is unknown, a price is off the grid or not above zero, or the open or the
                close is outside of low and high.
        """
        self._running().sim_bar(symbol, open_price, high, low, close, open_time, close_time, high_first)

    def mark(self, symbol: str, price: Number, ts: Time | None = None) -> None:
        """Set the mark price: the kernel takes it, and triggers and liquidations at it follow.

        Args:
            symbol: The instrument.
            price: Quote units, above zero.
            ts: Its time; moves kernel time where that is driven.

        Raises:
            InvalidInput: The symbol is unknown, or the price is not above zero.
        """
        self._running().sim_mark(symbol, price, ts)

    def set_funding(
        self, symbol: str, rate: Number, next_boundary: Time, interval_secs: int, ts: Time | None = None
    ) -> None:
        """Set a funding rate and its schedule, also at run time; the kernel takes them.

        Args:
            symbol: The instrument.
            rate: Of the position's value; longs pay a positive one.
            next_boundary: When it is next paid.
            interval_secs: From that boundary to the one after it.
            ts: The time; moves kernel time where that is driven.

        Raises:
            InvalidInput: The symbol is unknown, the boundary has passed, or a number is out of range.
        """
        self._running().sim_funding(symbol, rate, next_boundary, interval_secs, ts)

    def transfer(self, asset: str, amount: Number, ts: Time | None = None) -> None:
        """Move money into the wallet (+) or out of it (-); a TRANSFER tells of it.

        Args:
            asset: Which.
            amount: At most what the wallet holds, where it goes out.
            ts: The time; moves kernel time where that is driven.
        """
        self._running().sim_transfer(asset, amount, ts)

    def credit(self, asset: str, amount: Number, *, rebate: bool = False) -> None:
        """Credit (+) or charge (-) the wallet: an ADJUSTMENT, or a REBATE.

        Args:
            asset: Which.
            amount: How much.
            rebate: Whether it is one.
        """
        self._running().sim_credit(asset, amount, rebate=rebate)

    def manual_trade(
        self,
        symbol: str,
        order_side: OrderSide | str,
        size: Number,
        price: Number,
        position_side: PositionSide | str | None = None,
    ) -> None:
        """Trade as somebody else on this account: the kernel sees a fill of an external order.

        Args:
            symbol: The instrument.
            order_side: BUY or SELL.
            size: Base units or contracts.
            price: Quote units.
            position_side: In hedge mode, which book.
        """
        self._running().sim_manual_trade(symbol, order_side, size, price, position_side)

    def force_adl(self, symbol: str, size: Number, price: Number) -> None:
        """Take a part of the position away by auto-deleveraging, without a fee.

        Args:
            symbol: The instrument.
            size: At most the position goes.
            price: Quote units.

        Raises:
            InvalidInput: There is no position.
        """
        self._running().sim_adl(symbol, size, price)

    def heal(self) -> None:
        """End all faults: what was withheld arrives, and the last word on every order follows."""
        self._running().sim_heal()

    def set_fee_rates(self, symbol: str, maker_rate: Number, taker_rate: Number) -> None:
        """Change the fee rates without a word: the kernel finds out by what it pays.

        Args:
            symbol: The instrument.
            maker_rate: A fraction; below zero a rebate.
            taker_rate: The same.
        """
        self._running().sim_fee_rates(symbol, maker_rate, taker_rate)

    def pay_fees_in(self, asset: str | None, price: Number = 1, discount: Number = 0) -> None:
        """Take fees in another asset while the wallet holds enough of it.

        Args:
            asset: Which; None means the usual one again.
            price: Units of the settlement asset for one of it.
            discount: 0 to 1.
        """
        self._running().sim_fee_asset(asset, price, discount)

    def advance(self, ts: Time) -> None:
        """Let time pass: what is due arrives. The same as `ExecutionKernel.advance_time`.

        Args:
            ts: The time, not before the kernel's.

        Raises:
            InvalidInput: The time is before the kernel's.
        """
        self._running().advance_time(ts)

    def player(self, asset: str, capital: Decimal, **options: Any) -> Player:  # noqa: ANN401 - a `Player`'s
        """Return a player of markets on this venue and its kernel.

        Args:
            asset: In which everything is counted.
            capital: What of it there is at the beginning.
            options: `start_ns`, `end_ns`, `round_prices`, `stops_first`, `speed`: see `Player`.
        """
        return Player(self._running(), asset, capital, **options)

    def list_as(self, live: TwinLive) -> None:
        """List the instruments of a live log here, and at this venue's kernel.

        Args:
            live: What was read of the log.

        Raises:
            InvalidInput: The kernel does not take one.
        """
        live.list_at(self._running())

    def give(
        self, live: TwinLive, at: int, until_ns: int | None = None, *, marks: bool = False
    ) -> tuple[int, list[tuple[int, str]]]:
        """Give this venue's kernel what a live log's took, each at its time there.

        Args:
            live: What was read of the log.
            at: Where to begin among its inputs.
            until_ns: The last time that is meant, ns; None means all.
            marks: Whether the live marks are set here as well.

        Returns:
            Where to go on, and the intents that live took and this kernel refuses: number and code.
        """
        return live.give(self._running(), at, until_ns, marks=marks)

    def session(self, **options: Any) -> Session:  # noqa: ANN401 - a `Session`'s
        """Return a session of the engine protocol on this venue and its kernel, whose time must be driven.

        Args:
            options: See `Session`.
        """
        return Session(self._running(), **options)

    def wallet(self, asset: str) -> Decimal | None:
        """Return the venue's own balance of an asset, without unrealised PnL; None where it has none.

        Args:
            asset: Which.
        """
        return self._running().sim_wallet(asset)

    def position(self, symbol: str) -> tuple[Decimal, Decimal] | None:
        """Return the venue's own position: signed size (+ long) and its cost; None for an unknown symbol.

        Args:
            symbol: The instrument.
        """
        return self._running().sim_position(symbol)

    def counters(self) -> dict[str, int]:
        """Return how often the venue did what, by name: orders taken, fills, rejects, cancels and so on."""
        return self._running().sim_counters()

    def _running(self) -> Engine:
        if self._engine is None:
            raise InvalidInput("venue: no kernel runs this yet: pass it to ExecutionKernel(venue=...)")
        return self._engine
