"""A scripted exchange's own books: what it holds itself to, whatever it tells."""

from dataclasses import dataclass, field
from decimal import Decimal

from dita._kernel import OrderSide, VenueOrder


@dataclass
class Resting:
    """An order as the exchange has it.

    Attributes:
        sent: The order as it was sent.
        venue_id: The exchange's id of it.
        size: Its total now.
        placed_ns: When it came.
        filled: What is filled of it.
        working: Whether it still works.
    """

    sent: VenueOrder
    venue_id: str
    size: Decimal
    placed_ns: int
    filled: Decimal = Decimal(0)
    working: bool = True

    @property
    def left(self) -> Decimal:
        """What is not filled; nothing where it has ended."""
        return max(self.size - self.filled, Decimal(0)) if self.working else Decimal(0)


@dataclass
class Books:
    """Positions and wallets of one account that trades linear contracts one-way.

    Attributes:
        wallets: The balance of each asset.
        positions: Signed size of each instrument, + long.
        costs: What each position cost: size times price, signed as it is.
    """

    wallets: dict[str, Decimal]
    positions: dict[str, Decimal] = field(default_factory=dict)
    costs: dict[str, Decimal] = field(default_factory=dict)

    def trade(
        self,
        symbol: str,
        side: OrderSide,
        size: Decimal,
        price: Decimal,
        asset: str,
        fee: tuple[str, Decimal],
    ) -> None:
        """Book a trade: the position, what it realised, and the fee.

        Args:
            symbol: The instrument.
            side: BUY or SELL.
            size: How much.
            price: At which price.
            asset: What the instrument settles in.
            fee: In which asset, and how much; + a charge.
        """
        held = self.positions.get(symbol, Decimal(0))
        cost = self.costs.get(symbol, Decimal(0))
        signed = size if side == OrderSide.BUY else -size
        closing = Decimal(0) if held * signed >= 0 else min(size, abs(held)).copy_sign(signed)
        closed_cost = Decimal(0) if not closing else cost * -closing / held
        self.wallets[asset] += -closing * price - closed_cost
        self.positions[symbol] = held + signed
        self.costs[symbol] = cost - closed_cost + (signed - closing) * price
        self.credit(fee[0], -fee[1])

    def credit(self, asset: str, amount: Decimal) -> None:
        """Move a wallet.

        Args:
            asset: Which.
            amount: + in, - out.
        """
        self.wallets[asset] += amount
