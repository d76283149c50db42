"""What an exchange remembers of orders, trades, positions and money."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)
OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED"})


@dataclass(slots=True, eq=False)
class PlacedOrder:
    """An order that the exchange took. Times in milliseconds; ids as the venue counts them."""

    number: int
    client_id: str
    inner_id: str
    symbol: str
    side: str
    position_side: str
    kind: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    close_position: bool
    working_type: str
    created_ms: int
    updated_ms: int
    trigger_price: Decimal = ZERO
    good_till_ms: int = 0
    status: str = "NEW"
    filled: Decimal = ZERO
    turnover: Decimal = ZERO
    algo_number: int = 0
    algo_status: str = ""
    triggered_ms: int = 0
    modify_id: str = ""
    post_only: bool = False
    self_trade: str = "EXPIRE_MAKER"
    first_kind: str = ""
    trigger_direction: int = 0
    end_reason: str = ""
    trades: "list[Trade]" = field(default_factory=list, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether it works in the book."""
        return self.number > 0 and self.status in OPEN

    @property
    def waits(self) -> bool:
        """Whether it is conditional and waits for its trigger."""
        return self.algo_status == "NEW"

    @property
    def average(self) -> Decimal:
        """The average price of its fills; 0 without one."""
        return self.turnover / self.filled if self.filled else ZERO

    def copy(self) -> "PlacedOrder":
        """Return it as it is now."""
        return replace(self)


@dataclass(frozen=True, slots=True)
class Trade:
    """A fill of the account's."""

    number: int
    order: PlacedOrder
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int
    realized: Decimal
    order_size: Decimal
    leaves: Decimal


@dataclass(frozen=True, slots=True)
class Income:
    """One entry of the wallet's history."""

    kind: str
    asset: str
    amount: Decimal
    time_ms: int
    number: int
    symbol: str = ""
    trade_number: int | None = None


@dataclass(slots=True)
class Histories:
    """Everything that can be asked for later."""

    orders: list[PlacedOrder] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    income: list[Income] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """A position. Nothing of it is money that can be spent but `realized`, which is in the wallet already."""

    symbol: str
    position_side: str
    size: Decimal
    entry_price: Decimal
    realized: Decimal
    unrealized: Decimal
    isolated: bool
    isolated_wallet: Decimal
    margin_asset: str
