"""`RuntimeRiskMonitor`: what a shadow run may hold, and when it freezes."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from dita.compat.shadow.numbers import decimal_of
from dita.kernel import Number

_ZERO = Decimal(0)


class RuntimeRiskMonitor:
    """Limits in USD at the mark, and a freeze when the edge falls under its threshold.

    Bound to a kernel's exchange (`ExecutionLoop` does that) it keeps no positions: it reads the kernel's.
    Alone it sums up the fills that it is given.

    Attributes:
        max_inventory_usd_per_symbol: What one instrument's position may be worth.
        max_total_notional_usd: What all of them may be worth together.
        edge_freeze_threshold_bps: Under this edge it freezes.
        blocks_total: How many orders it held back.
        freezes_total: How often it froze.
        last_freeze_reason: The newest reason; None before one.
        last_freeze_symbol: Its instrument.
    """

    def __init__(
        self,
        *,
        max_inventory_usd_per_symbol: Number,
        max_total_notional_usd: Number,
        edge_freeze_threshold_bps: Number,
        get_mark_price: Callable[[str], Number | None] | None = None,
    ) -> None:
        """Set the limits.

        Args:
            max_inventory_usd_per_symbol: Quote units, zero or above.
            max_total_notional_usd: The same.
            edge_freeze_threshold_bps: Basis points, zero or above.
            get_mark_price: Returns an instrument's mark; None means the exchange's that it is bound to, and
                before there is one the price at which was last filled.

        Raises:
            InvalidInput: A limit is no number, or below zero.
        """
        self.max_inventory_usd_per_symbol = decimal_of(
            "max_inventory_usd_per_symbol", max_inventory_usd_per_symbol
        )
        self.max_total_notional_usd = decimal_of("max_total_notional_usd", max_total_notional_usd)
        self.edge_freeze_threshold_bps = decimal_of("edge_freeze_threshold_bps", edge_freeze_threshold_bps)
        self._given_mark = get_mark_price
        self._bound_mark: Callable[[str], Decimal | None] | None = None
        self._bound_positions: Callable[[], Mapping[str, Decimal]] | None = None
        self.blocks_total = 0
        self.freezes_total = 0
        self._clear()

    def _clear(self) -> None:
        self.last_freeze_reason: str | None = None
        self.last_freeze_symbol: str | None = None
        self._frozen = False
        self._summed: dict[str, Decimal] = {}
        self._filled_at: dict[str, Decimal] = {}

    def bind(
        self, positions: Callable[[], Mapping[str, Decimal]], mark: Callable[[str], Decimal | None]
    ) -> None:
        """Read positions and marks from a kernel from now on.

        Args:
            positions: What is held of each instrument, + long.
            mark: An instrument's mark, None before there is one.
        """
        self._bound_positions, self._bound_mark = positions, mark

    def get_mark_price(self, symbol: str) -> Decimal:
        """Return what an instrument is worth, quote units; 0 where nobody has said it.

        Args:
            symbol: The instrument.
        """
        mark = self._given_mark(symbol) if self._given_mark is not None else None
        if mark is None and self._bound_mark is not None:
            mark = self._bound_mark(symbol)
        return self._filled_at.get(symbol, _ZERO) if mark is None else decimal_of("mark", mark)

    def get_positions(self) -> dict[str, Decimal]:
        """Return what is held of each instrument that has traded, + long."""
        return dict(self._summed if self._bound_positions is None else self._bound_positions())

    def check_before_order(self, symbol: str, side: str, qty: Number, price: Number | None = None) -> bool:
        """Say whether an order may be placed. One that is held back is counted.

        What makes a position smaller passes the limits; a freeze holds back everything.

        Args:
            symbol: The instrument.
            side: buy or sell, in any case.
            qty: Base units, zero or above.
            price: What counts as the mark where nobody has said one.

        Raises:
            InvalidInput: A number cannot be taken.
        """
        allowed = not self._frozen and self._within_limits(symbol, side, decimal_of("qty", qty), price)
        self.blocks_total += not allowed
        return allowed

    def _within_limits(self, symbol: str, side: str, qty: Decimal, price: Number | None) -> bool:
        positions = self._summed if self._bound_positions is None else self._bound_positions()
        held = positions.get(symbol, _ZERO)
        then = held + qty if side.lower() == "buy" else held - qty
        if abs(then) <= abs(held):
            return True
        mark = self.get_mark_price(symbol) or (_ZERO if price is None else decimal_of("price", price))
        worth = abs(then) * mark
        if worth > self.max_inventory_usd_per_symbol:
            return False
        for other, size in positions.items():
            if other != symbol:
                worth += abs(size) * self.get_mark_price(other)
        return worth <= self.max_total_notional_usd

    def on_fill(self, symbol: str, side: str, qty: Number, price: Number) -> None:
        """Take a fill. Bound to a kernel it changes nothing: the kernel has it already.

        Args:
            symbol: The instrument.
            side: buy or sell, in any case.
            qty: Base units.
            price: Quote units.
        """
        self._filled_at[symbol] = decimal_of("price", price)
        if self._bound_positions is None:
            signed = decimal_of("qty", qty) if side.lower() == "buy" else -decimal_of("qty", qty)
            self._summed[symbol] = self._summed.get(symbol, _ZERO) + signed

    def on_edge_update(self, symbol: str, net_bps: Number) -> None:
        """Take an instrument's edge, and freeze where it is under the threshold.

        Args:
            symbol: The instrument.
            net_bps: Basis points; below zero is a loss.
        """
        edge = net_bps if isinstance(net_bps, Decimal) else Decimal(str(net_bps))
        if edge < self.edge_freeze_threshold_bps:
            self.freeze(
                f"Edge degradation: {edge:.2f} BPS < {self.edge_freeze_threshold_bps:.2f} BPS", symbol
            )

    def is_frozen(self) -> bool:
        """Return whether every order is held back."""
        return self._frozen

    def freeze(self, reason: str, symbol: str | None = None) -> None:
        """Hold back every order until `reset`. The newest reason counts; only the first one is a freeze.

        Args:
            reason: Why.
            symbol: Because of which instrument.
        """
        self.freezes_total += not self._frozen
        self._frozen = True
        self.last_freeze_reason, self.last_freeze_symbol = reason, symbol

    def reset(self) -> None:
        """Begin anew: not frozen, no fills. The counters stay."""
        self._clear()
