"""Every diagnostic code of the contract is reached by the real kernel: a scenario for each."""

from collections.abc import Callable
from typing import Any

import pytest

from dita import (
    ControlUpdate,
    ExecutionKernel,
    KernelDiagnosticCode,
    KernelEventKind,
    KernelOutcome,
    ManualClock,
    MockVenueAdapter,
    SimulatedVenue,
    VenueEvent,
    transition_table,
)
from kernels import CANCEL, CONFIG, ENTER, EXIT, SHORT, SYMBOL, ack, event, fill, intent, opened, paper

Kind = KernelEventKind


def silent() -> ExecutionKernel:
    """A kernel whose venue never answers: every event is fed by hand."""
    return opened()


def working(kernel: ExecutionKernel | None = None) -> ExecutionKernel:
    """An acknowledged entry, nothing filled."""
    kernel = kernel or silent()
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.on_venue_event(ack(kernel.orders()[0]))
    return kernel


def holding() -> ExecutionKernel:
    """An open position."""
    kernel = working()
    kernel.on_venue_event(fill(kernel.orders()[0]))
    return kernel


def closing() -> ExecutionKernel:
    """An open position, and an exit for all of it at work."""
    kernel = holding()
    kernel.process_intent(intent(EXIT, "x1"))
    kernel.on_venue_event(ack(kernel.orders()[1]))
    return kernel


def budget() -> KernelOutcome:
    """An entry of a bot that has no money."""
    kernel = silent()
    kernel.transfer_capital(None, "bot", 0, transfer_id="capital", by="test", opens=True)
    return kernel.process_intent(intent(ENTER, "i1", owner="bot"))


def answering(*events: Callable[[Any], VenueEvent]) -> ExecutionKernel:
    """A kernel whose venue answers a submission with these."""
    return opened(MockVenueAdapter(submit=lambda order: [make(order) for make in events]))


def controlled(**changes: Any) -> KernelOutcome:
    """What an entry comes to under such controls."""
    kernel = silent()
    kernel.update_control(ControlUpdate(**changes))
    kernel.mark_price(SYMBOL, "60000")
    return kernel.process_intent(intent(ENTER, "i1"))


def ok() -> KernelOutcome:
    return paper()[0].process_intent(intent(ENTER, "i1"))


def slot_busy() -> KernelOutcome:
    return holding().process_intent(intent(ENTER, "i2", trade_id="t2"))


def opposite_side() -> KernelOutcome:
    return holding().process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1, side=SHORT))


def ambiguous_order() -> KernelOutcome:
    kernel = working()
    kernel.on_venue_event(fill(kernel.orders()[0], "0.004"))
    kernel.process_intent(intent(EXIT, "x1"))  # the entry's cancel is not answered
    return kernel.process_intent(intent(CANCEL, "c1"))


def not_opened() -> KernelOutcome:
    kernel = ExecutionKernel(venue=SimulatedVenue({"USDT": 1}))
    kernel.set_exchange_config(CONFIG)
    return kernel.process_intent(intent(ENTER, "i1"))


def no_mark() -> KernelOutcome:
    return opened(mark=None).process_intent(intent(ENTER, "i1"))


def duplicate_intent() -> KernelOutcome:
    return working().process_intent(intent(ENTER, "i1"))


def duplicate_event() -> KernelOutcome:
    kernel = holding()
    return kernel.on_venue_event(fill(kernel.orders()[0]))


def enriched() -> KernelOutcome:
    kernel = working()
    reported = fill(kernel.orders()[0])
    kernel.on_venue_event(reported.replace(fee=None))
    return kernel.on_venue_event(reported)


def stale_event() -> KernelOutcome:
    kernel = working()
    order = kernel.orders()[0]
    kernel.on_venue_event(fill(order, "0.004"))
    return kernel.on_venue_event(event(Kind.ORDER_STATUS, order, status="ACKED", filled_size=0))


def unknown_order() -> KernelOutcome:
    return silent().on_venue_event(VenueEvent(1, kind="CANCEL_ACK", venue_order_id="V9", asset=SYMBOL))


def late_fill() -> KernelOutcome:
    kernel = working()
    order = kernel.orders()[0]
    kernel.on_venue_event(event(Kind.CANCEL_ACK, order))
    return kernel.on_venue_event(fill(order, "0.004"))


def orphan_fill() -> KernelOutcome:
    kernel = working()
    order = kernel.orders()[0]
    kernel.on_venue_event(event(Kind.CANCEL_ACK, order))
    kernel.process_intent(intent(ENTER, "i2", trade_id="t2"))
    return kernel.on_venue_event(fill(order, "0.004"))


def overfill() -> KernelOutcome:
    kernel = working()
    return kernel.on_venue_event(fill(kernel.orders()[0], "0.02"))


def position_flipped() -> KernelOutcome:
    kernel = closing()
    return kernel.on_venue_event(fill(kernel.orders()[1], "0.015"))


def inferred_fill() -> KernelOutcome:
    kernel = working()
    order = kernel.orders()[0]
    reported = event(
        Kind.ORDER_STATUS, order, status="PARTIALLY_FILLED", filled_size="0.004", average_price="60000"
    )
    return kernel.on_venue_event(reported)


def in_doubt() -> KernelOutcome:
    kernel = silent()
    kernel.process_intent(intent(ENTER, "i1"))
    return kernel.on_venue_event(event(Kind.SEND_TIMEOUT, kernel.orders()[0]))


def rate_limited() -> KernelOutcome:
    return answering(lambda order: event(Kind.RATE_LIMITED, order, retry_after_ms=5)).process_intent(
        intent(ENTER, "i1")
    )


def venue_rejected() -> KernelOutcome:
    return answering(lambda order: event(Kind.ORDER_REJECT, order, reason="margin")).process_intent(
        intent(ENTER, "i1")
    )


def foreign_order() -> KernelOutcome:
    kernel = opened(clock=ManualClock(10_000_000_000))
    kernel.process_intent(intent(ENTER, "i1"))
    return kernel.on_venue_event(event(Kind.ORDER_STATUS, kernel.orders()[0], order_created=4_000_000_000))


def live_not_armed() -> KernelOutcome:
    class Real(MockVenueAdapter):
        real_money = True

    return opened(Real(), live=True).process_intent(intent(ENTER, "i1"))


def reconcile_required() -> KernelOutcome:
    kernel = working()
    nameless = event(Kind.PARTIAL_FILL, kernel.orders()[0], size="0.004", price="60000")
    return kernel.on_venue_event(nameless)


SCENARIOS: dict[str, Callable[[], KernelOutcome]] = {
    "OK": ok,
    "INVALID_SLOT_ID": lambda: silent().process_intent(intent(ENTER, "i1", slot_id=-1)),
    "INVALID_INTENT": lambda: silent().process_intent(intent(ENTER, "i1", asset="NOPE")),
    "SLOT_BUSY": slot_busy,
    "OPPOSITE_SIDE": opposite_side,
    "NO_POSITION": lambda: silent().process_intent(intent(EXIT, "x1")),
    "NO_ACTIVE_ORDER": lambda: silent().process_intent(intent(CANCEL, "c1")),
    "AMBIGUOUS_ORDER": ambiguous_order,
    "NOT_OPENED": not_opened,
    "DUPLICATE_INTENT": duplicate_intent,
    "DUPLICATE_EVENT": duplicate_event,
    "ENRICHED": enriched,
    "STALE_EVENT": stale_event,
    "UNKNOWN_ORDER": unknown_order,
    "FOREIGN_ORDER": foreign_order,
    "LATE_FILL": late_fill,
    "ORPHAN_FILL": orphan_fill,
    "OVERFILL": overfill,
    "POSITION_FLIPPED": position_flipped,
    "INFERRED_FILL": inferred_fill,
    "IN_DOUBT": in_doubt,
    "RATE_LIMITED": rate_limited,
    "VENUE_REJECTED": venue_rejected,
    "BELOW_FLOOR": lambda: silent().process_intent(intent(ENTER, "i1", target_size="0.0004")),
    "PRECISION": lambda: silent().process_intent(intent(ENTER, "i1", target_size="1e15")),
    "NO_MARK": no_mark,
    "RISK_BLOCKED": lambda: controlled(limits={"max_order_notional": 100}),
    "BUDGET": budget,
    "LIVE_NOT_ARMED": live_not_armed,
    "FROZEN": lambda: controlled(frozen=True),
    "CONTROL_HALTED": lambda: controlled(gate="HALTED"),
    "REDUCE_ONLY": lambda: controlled(gate="REDUCE_ONLY"),
    "NOT_AUDITED": lambda: controlled(require_audit=True),
    "REGIME_BLOCKED": lambda: controlled(regime="CRISIS"),
    "RECONCILE_REQUIRED": reconcile_required,
}
# The alarm of a kernel whose transition table refuses what has happened at the venue. No input reaches it
# while the table is right; the core's own test (kernel/alarm.rs) acts as a wrong table would.
UNREACHABLE = {"ILLEGAL_TRANSITION"}
# What no outcome has: test_clock.py sees it in health.
IN_HEALTH = {"CLOCK_SKEW"}
# What only a log knows: test_intents_again.py sees it.
IN_LOGS = {"INTENT_TAKEN"}


def test_no_code_is_forgotten() -> None:
    assert set(SCENARIOS) == set(KernelDiagnosticCode) - UNREACHABLE - IN_HEALTH - IN_LOGS


def test_what_nothing_reaches_is_in_the_table() -> None:
    refused = {str(result) for _, _, verdict, result, _ in transition_table() if verdict == "REFUSE"}
    assert refused >= UNREACHABLE


@pytest.mark.parametrize("code", SCENARIOS)
def test_a_code_is_reached(code: str) -> None:
    outcome = SCENARIOS[code]()
    remarks = [notice["code"] for notice in outcome.details.get("notices", ())]
    assert code in {outcome.diagnostic_code, *remarks}, outcome
    assert outcome.severity in {"INFO", "WARNING", "ERROR", "CRITICAL"}
