"""From a wish to an order that the venue takes: size by risk, round to its grid, ask what it would refuse.

Run it: `python examples/size_and_round.py`
"""

from decimal import Decimal

from dita import MarketLimits

# What the venue says of this instrument. What it does not state stays away.
LIMITS = MarketLimits("BTCUSDT", tick_size="0.1", lot_step="0.001", min_qty="0.001", min_notional="5")


def size_by_risk(capital: Decimal, risk: Decimal, entry: Decimal, stop: Decimal) -> Decimal:
    """Return the size that loses a part of the capital if the stop is hit.

    Args:
        capital: What there is, in quote units.
        risk: The part of it that may be lost, 0 to 1.
        entry: The price to enter at.
        stop: The price to give up at.
    """
    return capital * risk / abs(entry - stop)


def main() -> None:
    """Size three trades."""
    capital = Decimal(10_000)
    for risk, entry, stop in (
        ("0.01", "61834.27", "61250"),
        ("0.001", "61834.27", "55000"),
        ("0.00001", "61834.27", "30000"),
    ):
        wished = size_by_risk(capital, Decimal(risk), Decimal(entry), Decimal(stop))
        # PASSIVE: a buyer's limit goes down to the tick, a seller's up. The size always goes down.
        order = LIMITS.round_order("BUY", entry, wished.quantize(Decimal("1e-12")))
        print(f"risk {risk}: {wished:.6f} -> {order.size} at {order.price} = {order.notional}")
        print("  the venue", f"refuses: {', '.join(order.rejects)}" if order.rejects else "takes it")


if __name__ == "__main__":
    main()
