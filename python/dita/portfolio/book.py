"""An account as a plan sees it: what it is worth, what it holds and has at work, what its markets take."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from dita._kernel import MarketLimits, OrderSide, Product, Regime, TradeSide
from dita.kernel import ExecutionKernel
from dita.portfolio.errors import PortfolioCode, refused_field
from dita.portfolio.targets import Symbols
from dita.precision import EXACT, quotient

ZERO: Final = Decimal(0)
_RULES: Final = (
    "tick_size",
    "lot_step",
    "min_qty",
    "max_qty",
    "min_notional",
    "max_price",
    "market_max_qty",
    "contract_multiplier",
    "inverse",
)


@dataclass(frozen=True, slots=True)
class Market:
    """One instrument: its rules, its mark, what settles it.

    Attributes:
        symbol: The instrument.
        settle: The asset that its results are in.
        product: Perpetual or spot.
        mark: The last mark; None before the first.
        rules: What the venue takes.
    """

    symbol: str
    settle: str
    product: Product
    mark: Decimal | None
    rules: MarketLimits

    def value_of(self, size: Decimal, mark: Decimal) -> Decimal:
        """Return what so much is worth in the settlement asset, cut after 18 places.

        Args:
            size: Base units or contracts, signed.
            mark: The price.
        """
        units = EXACT.multiply(size, self.rules.contract_multiplier)
        return quotient(units, mark) if self.rules.inverse else EXACT.multiply(units, mark)

    def size_of(self, value: Decimal, mark: Decimal) -> Decimal:
        """Return how much of it is worth so much, cut after 18 places.

        Args:
            value: In the settlement asset.
            mark: The price.
        """
        if self.rules.inverse:
            return quotient(EXACT.multiply(value, mark), self.rules.contract_multiplier)
        return quotient(value, EXACT.multiply(mark, self.rules.contract_multiplier))


@dataclass(frozen=True, slots=True)
class Equity:
    """What targets are shares of.

    Attributes:
        asset: The settlement asset.
        capital: K: the wallet by the kernel's ledger.
        reported: E: the wallet as the venue says it; None where it has said nothing.
        open_pnl: Of what is open, at the marks.
    """

    asset: str
    capital: Decimal
    reported: Decimal | None
    open_pnl: Decimal

    @property
    def amount(self) -> Decimal:
        """min(K, E) plus open PnL."""
        wallet = self.capital if self.reported is None else min(self.capital, self.reported)
        return EXACT.add(wallet, self.open_pnl)


@dataclass(slots=True)
class Holding:
    """What an account has of one instrument. Sizes are signed, + long.

    Attributes:
        position: Of the whole account.
        working: What orders at work may still add, conditional ones left out.
        own: What this owner's slots hold.
        slots: Which those are.
    """

    position: Decimal = ZERO
    working: Decimal = ZERO
    own: Decimal = ZERO
    slots: tuple[int, ...] = ()

    @property
    def actual(self) -> Decimal:
        """Positions plus working orders."""
        return EXACT.add(self.position, self.working)


@dataclass(frozen=True, slots=True)
class Book:
    """An account at one moment.

    Attributes:
        instruments: The symbols that it knows.
        markets: By symbol, of those that were asked for.
        holdings: By symbol, of those that anything is held or at work in.
        equities: By settlement asset.
        limits: The controls' limits.
        require_audit: Whether the kernel refuses entries without an audited run.
        audited: The runs and actions that the kernel takes.
        regime: The market's, by the controls.
        mode: LIVE, PAPER or SHADOW.
        free_slots: How many slots carry nothing.
        slots: How many there are.
    """

    instruments: tuple[str, ...]
    markets: Mapping[str, Market]
    holdings: Mapping[str, Holding]
    equities: Mapping[str, Equity]
    limits: Mapping[str, Any]
    require_audit: bool = False
    audited: frozenset[str] = frozenset()
    regime: Regime = Regime.NORMAL
    mode: str = "PAPER"
    free_slots: int = 0
    slots: int = 0

    def holding(self, symbol: str) -> Holding:
        """Return what is held of an instrument; nothing where there is nothing."""
        return self.holdings.get(symbol) or Holding()

    def equity(self, symbols: Iterable[str]) -> Equity:
        """Return what targets in these instruments are shares of.

        Raises:
            PortfolioRefused: MIXED_SETTLEMENT: they settle in several assets.
        """
        first: Market | None = None
        for symbol in symbols:
            market = self.markets[symbol]
            if first is None:
                first = market
            elif market.settle != first.settle:
                raise refused_field(
                    PortfolioCode.MIXED_SETTLEMENT,
                    "Symbol",
                    symbol,
                    f"settles in {market.settle}, and {first.symbol} in {first.settle}",
                )
        asset = "" if first is None else first.settle
        return self.equities.get(asset) or Equity(asset, ZERO, None, ZERO)


@dataclass(slots=True)
class _Sums:
    holdings: dict[str, Holding] = field(default_factory=dict)

    def of(self, symbol: str) -> Holding:
        return self.holdings.setdefault(symbol, Holding())


def book_of(kernel: ExecutionKernel, owner: str, symbols: Iterable[str] | None = None) -> Book:
    """Return an account as it stands.

    Args:
        kernel: The account's.
        owner: Whose slots count as own.
        symbols: Which markets are wanted beside those that are held; None means all.
    """
    holdings = _holdings(kernel, owner)
    known = tuple(kernel.instruments)
    wanted = dict.fromkeys(known if symbols is None else (*symbols, *holdings))
    control = kernel.control
    views = kernel.state.slots
    return Book(
        instruments=known,
        markets={symbol: market_of(kernel, symbol) for symbol in wanted},
        holdings=holdings,
        equities={
            asset: Equity(asset, one["k_capital"], one["e_wallet_balance"], one["unrealized_pnl"])
            for asset, one in ((name, kernel.account.state(name)) for name in kernel.account.assets())
        },
        limits=control.limits,
        require_audit=control.require_audit,
        audited=frozenset(control.audited),
        regime=control.regime,
        mode=str(control.mode),
        free_slots=sum(view.is_free() for view in views),
        slots=len(views),
    )


def _holdings(kernel: ExecutionKernel, owner: str) -> dict[str, Holding]:
    sums = _Sums()
    for position in kernel.positions():
        held = sums.of(position["symbol"])
        held.position = EXACT.add(held.position, position["size"])
    for order in kernel.orders(live_only=True):
        # A stop or a target that waits for its trigger is no order that changes what is held.
        if order.trigger_price is None or order.triggered:
            left = order.remaining_size
            held = sums.of(order.asset)
            held.working = EXACT.add(held.working, left if order.order_side is OrderSide.BUY else -left)
    for view in kernel.state.slots:
        if not view.is_free() and view.owner == owner:
            held = sums.of(view.asset)
            size = view.size
            held.own = EXACT.add(held.own, size if view.side is TradeSide.LONG else -size)
            held.slots = (*held.slots, view.slot_id)
    return sums.holdings


def market_of(kernel: ExecutionKernel, symbol: str) -> Market:
    """Return one instrument of an account.

    Args:
        kernel: The account's.
        symbol: The instrument.
    """
    said = kernel.instrument(symbol)
    rules = MarketLimits(symbol, **{name: said[name] for name in _RULES})
    return Market(symbol, said["settle"], said["product"], said["mark_price"], rules)


def book_of_weights(book: Book, held: Mapping[str, str], buffer: Decimal) -> Book:
    """Return an account that holds so much of each instrument, and nothing else; all slots are free.

    Args:
        book: The account, for its markets, equity and limits.
        held: By symbol, its share of the account.
        buffer: The share of the account that stays cash.

    Raises:
        PortfolioRefused: NO_MARK: what is held has no price.
    """
    symbols = Symbols(book.instruments)
    weights = {asset: Decimal(weight) for one, weight in held.items() if (asset := symbols.find(one))}
    base = EXACT.multiply(book.equity(weights).amount, EXACT.subtract(Decimal(1), buffer))
    holdings: dict[str, Holding] = {}
    for asset, weight in weights.items():
        market = book.markets[asset]
        if market.mark is None:
            raise refused_field(PortfolioCode.NO_MARK, f"mark of {asset}", None, "there is no price yet")
        size = market.size_of(EXACT.multiply(abs(weight), base), market.mark).copy_sign(weight)
        # As the venue would have filled it.
        side = OrderSide.BUY if weight > 0 else OrderSide.SELL
        size = market.rules.round_order(
            side, market.mark, abs(size), price_rounding="NEAREST"
        ).size.copy_sign(size)
        if size:
            holdings[asset] = Holding(position=size, own=size, slots=(0,))
    return replace(book, holdings=holdings, free_slots=book.slots - len(holdings))
