"""A first trade on the paper venue: enter, watch, leave, and see what it cost.

Run it: `python examples/first_trade.py`
"""

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "BTCUSDT"


def main() -> None:
    """Buy, wait for a better price, sell."""
    venue = SimulatedVenue(balances={"USDT": 10_000})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config(
            {
                "taker_rate": "0.0005",
                "instruments": {SYMBOL: {"tick_size": "0.1", "lot_step": "0.001", "min_notional": 5}},
            }
        )
        kernel.set_seed_capital(10_000)

        # The venue trades against the quotes that it is given. None: as much as anyone wants.
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None)

        trade = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "LONG", "timestamp": 0}
        entered = kernel.process_intent(
            KernelIntent(
                intent_id="i1", action="ENTER", target_size="0.01", reference_price="60000.1", **trade
            )
        )
        # A refusal is an answer, not an exception: the code says why.
        print("entered:", entered.accepted, entered.diagnostic_code, entered.state)

        venue.on_quote(SYMBOL, "60500.0", None, "60500.1", None)
        kernel.mark_price(SYMBOL, "60500")
        slot = kernel.slot(0)
        print("holding:", slot.size, "at", slot.entry_price, "unrealised", slot.unrealized_pnl.normalize())

        # An exit without a size closes what is left.
        left = kernel.process_intent(KernelIntent(intent_id="i2", action="EXIT", **trade))
        print("left:", left.state, "by", " > ".join(str(step.next_state) for step in left.transitions))

        slot = kernel.slot(0)
        net = slot.realized_pnl - slot.fees_paid
        print("profit:", slot.realized_pnl.normalize(), "fees:", slot.fees_paid.normalize())
        print("net:", net.normalize())
        print("account:", kernel.snapshot()["account"]["reconcile_explanation"])


if __name__ == "__main__":
    main()
