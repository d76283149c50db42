"""The two accounts: what the wallet must hold (K), what the venue says (E), and what lies between.

Run it: `python examples/read_the_account.py`
"""

from dita import ExecutionKernel, KernelIntent, SimulatedVenue

SYMBOL = "ETHUSDT"


def main() -> None:
    """Make a trade, look at every entry behind K, then let the venue disagree."""
    venue = SimulatedVenue(balances={"USDT": 5_000})
    with ExecutionKernel(venue=venue) as kernel:
        kernel.set_exchange_config(
            {
                "taker_rate": "0.0005",
                "instruments": {SYMBOL: {"tick_size": "0.01", "lot_step": "0.001"}},
            }
        )
        kernel.set_seed_capital(5_000)
        venue.on_quote(SYMBOL, "3000.00", None, "3000.01", None)
        trade = {"trade_id": "t1", "slot_id": 0, "asset": SYMBOL, "side": "SHORT", "timestamp": 0}
        kernel.process_intent(
            KernelIntent(intent_id="i1", action="ENTER", target_size="1.5", reference_price=3000, **trade)
        )
        venue.on_quote(SYMBOL, "2980.00", None, "2980.01", None)
        kernel.process_intent(KernelIntent(intent_id="i2", action="EXIT", **trade))

        # Every number in K has an entry that says why; each moves one amount between two accounts.
        for entry in kernel.ledger():
            if entry["amount"]:
                print(
                    f"{entry['cause']:12} {entry['amount'].normalize():>10f}  {entry['from']} > {entry['to']}"
                )

        account = kernel.snapshot()["account"]
        print("K", account["k_capital"].normalize(), "E", account["e_wallet_balance"].normalize())
        print(account["reconcile_status"], "-", account["reconcile_explanation"])

        # The venue now says that 25 are missing, and gives no record of why.
        missing = account["e_wallet_balance"] - 25
        kernel.on_account_event(
            {"kind": "ACCOUNT_UPDATE", "timestamp": 1, "asset": "USDT", "wallet_balance": missing}
        )
        account = kernel.snapshot()["account"]
        print(account["reconcile_status"], "-", account["reconcile_explanation"])
        for part in account["reconcile_causes"]:
            sure = "no known cause" if part["cause"] == "UNEXPLAINED" else part["proof"]
            print(" ", part["cause"], part["amount"].normalize(), sure)

        # Then the record comes: it was a transfer. It is booked once, and K and E agree again.
        record = {"kind": "TRANSFER", "timestamp": 2, "asset": "USDT", "amount": -25, "venue_txn_id": "w1"}
        kernel.on_account_event(record)
        kernel.on_account_event(record)
        account = kernel.snapshot()["account"]
        print(account["reconcile_status"], "-", account["reconcile_explanation"])


if __name__ == "__main__":
    main()
