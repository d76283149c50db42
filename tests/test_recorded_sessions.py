"""Recorded sessions of a real account, played as events.

K follows E, or the difference has the amount that the recording lacks.
The frames are read here by hand; the adapter that reads them for trading is another thing.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from dita import ExecutionKernel, KernelDiagnosticCode, KernelEventKind, KernelOutcome, VenueEvent
from fixtures import FIXTURES, present

D = Decimal
Frame = dict[str, Any]
_KINDS = {
    "NEW": KernelEventKind.ORDER_ACK,
    "CANCELED": KernelEventKind.CANCEL_ACK,
    "AMENDMENT": KernelEventKind.AMEND_ACK,
    "TRADE": KernelEventKind.FULL_FILL,
}
_ENTRIES = {"DEPOSIT": "TRANSFER", "WITHDRAW": "TRANSFER", "FUNDING_FEE": "FUNDING_FEE"}


def frames(session: str) -> list[Frame]:
    """The frames of a session, in the order in which they came."""
    path = present(FIXTURES / "payloads" / "binance_usdm" / "ws_user_stream_recorded.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["payload"] for row in rows if row["session"] == session]


def account_events(frame: Frame) -> Iterator[dict[str, Any]]:
    """What a frame of the account says: first the entry that it is about, then balances and positions."""
    reported, stamp = frame["a"], frame["T"] * 1_000_000
    for balance in reported["B"]:
        if reported["m"] in _ENTRIES:
            yield {
                "kind": _ENTRIES[reported["m"]], "timestamp": stamp, "asset": balance["a"],
                "amount": balance["bc"], "event_id": f"{reported['m']}-{frame['T']}",
            }  # fmt: skip
        yield {
            "kind": "ACCOUNT_UPDATE", "timestamp": stamp, "asset": balance["a"],
            "wallet_balance": balance["wb"],
        }  # fmt: skip
    for position in reported["P"]:
        if position["ps"] == "BOTH":
            yield {
                "kind": "POSITION_UPDATE", "timestamp": stamp, "asset": position["ma"],
                "symbol": position["s"], "position_side": "BOTH", "size": position["pa"],
                "entry_price": position["ep"],
            }  # fmt: skip


def order_event(frame: Frame) -> VenueEvent:
    """What a frame of an order says."""
    reported = frame["o"]
    fill = reported["x"] == "TRADE"
    return VenueEvent(
        timestamp=frame["T"] * 1_000_000,
        kind=_KINDS[reported["x"]],
        venue_order_id=str(reported["i"]),
        venue_client_id=reported["c"],
        asset=reported["s"],
        order_side=reported["S"],
        venue_trade_id=str(reported["t"]) if fill else "",
        size=reported["l"] if fill else None,
        price=reported["L"] if fill else None,
        filled_size=reported["z"],
        order_size=reported["q"],
        order_price=reported["p"],
        fee=reported["n"] if fill else None,
        fee_asset=reported["N"] if fill else "",
        liquidity="MAKER" if reported["m"] else "TAKER",
    )


def trade_lite(frame: Frame) -> VenueEvent:
    """The short form of a fill that comes before the long one: no fee, the same trade id."""
    return VenueEvent(
        timestamp=frame["T"] * 1_000_000,
        kind=KernelEventKind.PARTIAL_FILL,
        venue_order_id=str(frame["i"]),
        venue_client_id=frame["c"],
        asset=frame["s"],
        order_side=frame["S"],
        venue_trade_id=str(frame["t"]),
        size=frame["l"],
        price=frame["L"],
        liquidity="MAKER" if frame["m"] else "TAKER",
    )


def play(kernel: ExecutionKernel, frame: Frame) -> KernelOutcome | None:
    """Feeds one frame."""
    if frame["e"] == "ACCOUNT_UPDATE":
        for reported in account_events(frame):
            kernel.on_account_event(reported)
        return None
    event = order_event(frame) if frame["e"] == "ORDER_TRADE_UPDATE" else trade_lite(frame)
    return kernel.on_venue_event(event)


def opened(symbol: str, asset: str, balance: str, position: tuple[str, str] | None) -> ExecutionKernel:
    """A kernel with what the account held before its first frame."""
    kernel = ExecutionKernel()
    kernel.set_exchange_config(
        {"instruments": {symbol: {"tick_size": "0.01", "lot_step": "0.001", "settle": asset}}}
    )
    held = [] if position is None else [{"symbol": symbol, "size": position[0], "entry_price": position[1]}]
    kernel.open_with({"timestamp": 0, "balances": {asset: balance}, "positions": held, "orders": []})
    return kernel


def account(kernel: ExecutionKernel) -> dict[str, Any]:
    """The account."""
    return kernel.snapshot()["account"]


def test_a_frame_comes_before_its_fill() -> None:
    session = frames("btc_jkorf546_2021-01-14")
    # Before the recording: the balance without the fee, and four of the five coins, at the average to match.
    kernel = opened("BTCUSDT", "USDT", "41171.69033305", ("4", "39488.1425"))
    play(kernel, session[0])
    assert account(kernel)["reconcile_delta"] == D("-15.939972"), "the fee of a fill that nobody told yet"
    (position,) = kernel.positions()
    assert position["difference"] == 1
    outcome = play(kernel, session[1])
    assert outcome is not None
    assert outcome.diagnostic_code == KernelDiagnosticCode.UNKNOWN_ORDER
    shown = account(kernel)
    assert (shown["reconcile_delta"], shown["k_capital"]) == (D(0), D("41155.75036105"))
    (position,) = kernel.positions()
    assert (position["size"], position["entry_price"], position["difference"]) == (5, D("39560.5"), 0)
    kernel.check_invariants()


def test_what_the_recording_lacks_is_the_difference() -> None:
    session = frames("ethusdc_2026-04-21")
    kernel = opened("ETHUSDC", "USDC", "38.84650063", None)
    deltas = []
    for frame in session:
        play(kernel, frame)
        deltas.append(account(kernel)["reconcile_delta"])
        kernel.check_invariants()
    transfers, funding, last = D(0), D("-0.66758111"), D("-0.96698169")
    # In, out: to the last unit. Then trades that were not recorded cost 0.66758111, and before the last one
    # another 0.29940058. TRADE_LITE, the account's frame and the fill itself tell of one trade, booked once:
    # the first of them lacks the fee, so a maker's is predicted until the fill says that there was none.
    fee = D("0.02") * D("2317.3") * D("0.0002")
    assert deltas[:6] == [transfers, transfers, funding, funding, funding, funding]
    assert deltas[6:] == [funding + fee, last + fee, last]
    assert [row["amount"] for row in kernel.ledger() if row["cause"] == "TRANSFER"] == [10, -10]
    shown = account(kernel)
    assert shown["k_funding_net"] == D("-0.00085067")
    assert shown["k_fees_paid"] == 0
    parts = {part["cause"]: part for part in shown["reconcile_causes"]}
    assert parts["UNEXPLAINED"]["amount"] == last
    (position,) = kernel.positions()
    assert (position["size"], position["entry_price"]) == (D("0.02"), D("2317.3"))
    assert position["difference"] == 0
    (held,) = kernel.unassigned()
    assert held["size"] == D("0.02")
