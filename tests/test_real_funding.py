"""Real funding: 91 settlements of XRPUSDT, predicted at each boundary and settled."""

import csv
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, KernelEventKind, TradeSide
from fixtures import DATA, present
from kernels import ENTER, LONG, SHORT, event, intent

D = Decimal
FILE = DATA / "binance_usdm_xrpusdt_funding8h_mark_20211118_20211218.csv"
UNIT = D("0.00000001")


def rows() -> list[dict[str, str]]:
    with present(FILE).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def reported(text: str) -> Decimal:
    """A number as the venue told it: with 8 decimals. The file has been through floats."""
    return D(text).quantize(UNIT)


def nanos(text: str) -> int:
    """Nanoseconds of a time with microseconds at most."""
    whole = datetime.fromisoformat(text)
    return int(whole.timestamp()) * 1_000_000_000 + whole.microsecond * 1000


def holding(side: TradeSide, size: str, price: str, at: int) -> ExecutionKernel:
    """A kernel with a position."""
    kernel = ExecutionKernel()
    kernel.set_exchange_config({"instruments": {"XRPUSDT": {"tick_size": "0.0001", "lot_step": "0.1"}}})
    kernel.set_seed_capital("100000")
    kernel.advance_time(at)
    kernel.mark_price("XRPUSDT", price)
    kernel.process_intent(
        intent(ENTER, "i", asset="XRPUSDT", side=side, target_size=size, reference_price=price)
    )
    order = kernel.orders(live_only=True)[-1]
    kernel.on_venue_event(
        event(KernelEventKind.FULL_FILL, order, timestamp=at, venue_trade_id="T", size=size, price=price)
    )
    return kernel


@pytest.mark.parametrize(("side", "sign"), [(LONG, -1), (SHORT, 1)])
def test_every_boundary_is_predicted_and_settled(side: TradeSide, sign: int) -> None:
    settlements = rows()
    assert len(settlements) == 91
    size = D("12345.6")
    kernel = holding(side, str(size), "1.1", nanos(settlements[0]["boundary"]) - 1)
    before = account(kernel)["k_capital"]
    paid = D(0)
    for number, row in enumerate(settlements):
        boundary, rate, mark = (
            nanos(row["boundary"]),
            reported(row["funding_rate"]),
            reported(row["mark_open"]),
        )
        terms = kernel.on_funding("XRPUSDT", rate=rate, next_boundary=boundary, mark_price=mark)
        assert terms.accepted
        kernel.advance_time(boundary)
        due = (sign * size * mark * rate).quantize(UNIT, ROUND_HALF_EVEN)
        paid += due
        assert account(kernel)["k_capital"] == before + paid, f"{row['boundary']}: predicted"
        kernel.on_account_event(
            {"kind": "FUNDING_FEE", "timestamp": nanos(row["funding_time"]), "asset": "USDT",
             "symbol": "XRPUSDT", "amount": due, "rate": rate, "mark_price": mark, "event_id": f"f{number}"}
        )  # fmt: skip
        kernel.on_account_event(
            {"kind": "ACCOUNT_UPDATE", "timestamp": nanos(row["funding_time"]), "asset": "USDT",
             "wallet_balance": before + paid}
        )  # fmt: skip
        shown = account(kernel)
        assert (shown["reconcile_delta"], shown["reconcile_status"]) == (D(0), "OK"), row["boundary"]
    assert account(kernel)["k_funding_net"] == paid
    assert kernel.slot(0).funding_net == paid
    predicted = [row for row in kernel.ledger() if row["cause"] == "FUNDING_PREDICTED"]
    assert len(predicted) == sum(1 for row in settlements if reported(row["funding_rate"]))
    assert [row for row in kernel.ledger() if row["cause"] == "FUNDING_SETTLED"] == [], (
        "nothing was left to correct"
    )
    kernel.check_invariants()


def account(kernel: ExecutionKernel) -> dict[str, Any]:
    """The account."""
    return kernel.snapshot()["account"]
