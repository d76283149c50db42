"""Plain trading, before anything goes wrong: what each adapter has to do on its first day."""

from dita.certify.bench import Bench, Unmet


def ack_and_fill(bench: Bench) -> None:
    """An order is acknowledged and fills; the position is left again."""
    order = bench.enter()
    bench.settle()
    bench.demand_order(order, "FILLED", bench.rig.size)
    if not bench.order(order).venue_order_id:
        raise Unmet("the order's venue_order_id", "the venue's own id, with the acknowledgement", "none")
    bench.demand_stage("POSITION_OPEN", bench.rig.size)


def cancel(bench: Bench) -> None:
    """An order rests, and is canceled."""
    order = bench.rest()
    bench.settle()
    bench.demand("the order's status", "ACKED", str(bench.order(order).status))
    bench.cancel()
    bench.settle()
    bench.demand("the order's status", "CANCELED", str(bench.order(order).status))
    bench.demand_stage("CLOSED")


def amend(bench: Bench) -> None:
    """An order rests, gets another total, and fills."""
    if not bench.can("amend"):
        return
    order = bench.rest()
    bench.settle()
    bench.amend(bench.rig.size - bench.rig.lot)
    bench.settle()
    bench.demand("the order's size", bench.rig.size - bench.rig.lot, bench.order(order).intended_size)
    bench.fill(order, bench.rig.size - bench.rig.lot)
    bench.settle()
    bench.demand_stage("POSITION_OPEN", bench.rig.size - bench.rig.lot)


def wallet(bench: Bench) -> None:
    """The wallet is reported after the fills: else E stays unknown, and nothing is held against K."""
    bench.enter()
    bench.settle()
    if bench.kernel.snapshot()["account"]["assets"][bench.rig.asset]["e_wallet_balance"] is None:
        wanted = "an ACCOUNT_UPDATE with asset and wallet_balance after the fill"
        raise Unmet(f"the wallet's {bench.rig.asset}", wanted, "none: E stays unknown")
