"""The simulated venue, which is also the paper venue. It runs inside the kernel's engine, in Rust."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

from dita._kernel import Engine
from dita.errors import InvalidInput

Number: TypeAlias = Decimal | str | int | float
Time: TypeAlias = datetime | int


class SimulatedVenue:
    """A seeded exchange with its own wallet: what it says of the account (E) is a second opinion on the kernel's K.

    Give it to `ExecutionKernel(venue=...)`, then feed it a market. The same settings and the same calls give the
    same events to the last bit. It trades linear perpetuals on a one-way account, MARKET and LIMIT, GTC, IOC, FOK;
    there is no margin check, no funding and no liquidation yet.
    """

    live: ClassVar[bool] = False

    def __init__(
        self,
        balances: Mapping[str, Number] | None = None,
        *,
        seed: int = 0,
        latency_ms: Number = 0,
        slippage_bps: Number = 0,
        fill_rate: Number = 1,
        reject_rate: Number = 0,
        partial_fill_rate: Number = 0,
        fee_in_fill: bool = True,
        settle_events: bool = True,
        wallet_events: bool = True,
    ) -> None:
        """Describe the venue. Values are checked when a kernel opens it.

        Args:
            balances: Opening balance per asset.
            seed: Where chance starts.
            latency_ms: A request's whole round trip; 0 answers inside the call. With a latency, answers come when
                time moves: by quotes, intents, or `advance`.
            slippage_bps: By how many basis points a taker's price is worse than the book's.
            fill_rate: How often an order that can fill does, 0 to 1.
            reject_rate: How often an order without a fault is rejected all the same, 0 to 1.
            partial_fill_rate: How often a fill comes in two, 0 to 1.
            fee_in_fill: Whether a fill carries its fee; else only the settlement does.
            settle_events: Whether a FILL_SETTLED follows each fill (always, where fills carry no fee).
            wallet_events: Whether an ACCOUNT_UPDATE ends each batch of fills.
        """
        self._settings: dict[str, Any] = {
            "balances": dict(balances or {}),
            "seed": seed,
            "latency_ms": latency_ms,
            "slippage_bps": slippage_bps,
            "fill_rate": fill_rate,
            "reject_rate": reject_rate,
            "partial_fill_rate": partial_fill_rate,
            "fee_in_fill": fee_in_fill,
            "settle_events": settle_events,
            "wallet_events": wallet_events,
        }
        self._engine: Engine | None = None

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

    def advance(self, ts: Time) -> None:
        """Let time pass: what is due arrives. The same as `ExecutionKernel.advance_time`.

        Args:
            ts: The time, not before the kernel's.

        Raises:
            InvalidInput: The time is before the kernel's.
        """
        self._running().advance_time(ts)

    def wallet(self, asset: str) -> Decimal | None:
        """Return the venue's own balance of an asset, without unrealised PnL; None where it has no such account.

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
        """Return how often the venue took, filled, rejected, canceled and expired orders."""
        return self._running().sim_counters()

    def _running(self) -> Engine:
        if self._engine is None:
            raise InvalidInput(
                "venue: this SimulatedVenue has no kernel yet: pass it to ExecutionKernel(venue=...)"
            )
        return self._engine
