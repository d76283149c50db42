"""AMEND through an adapter: what it is asked, what its answers mean, and what happens when there is none."""

from decimal import Decimal
from typing import Any

import pytest

from dita import (
    ExecutionKernel,
    KernelEventKind,
    KernelIntent,
    MockVenueAdapter,
    NotSent,
    VenueEvent,
    VenueOrder,
)
from kernels import CANCEL, ENTER, ack, event, fill, intent, opened, paper

Kind = KernelEventKind


def amend(**changes: Any) -> KernelIntent:
    fields = {"target_size": "0.02", "limit_price": "58000", **changes}
    return intent("AMEND", fields.pop("name", "a1"), **fields)  # type: ignore[arg-type]


def working(**script: Any) -> tuple[ExecutionKernel, MockVenueAdapter]:
    adapter = MockVenueAdapter(submit=lambda order: [ack(order)], **script)
    kernel = opened(adapter)
    entry = intent(ENTER, "i1", order_type="LIMIT", limit_price="59000")
    assert kernel.process_intent(entry).state == "ENTRY_WORKING"
    return kernel, adapter


def accepted(order: VenueOrder, changes: dict[str, Any]) -> list[VenueEvent]:
    reported = {"order_size": changes["size"], "order_price": changes["limit_price"]}
    return [event(Kind.AMEND_ACK, order, request_id=changes["request_id"], **reported)]


def test_an_adapter_is_asked_with_all_that_it_needs() -> None:
    kernel, adapter = working(amend=accepted)
    outcome = kernel.process_intent(amend())
    assert outcome.accepted, outcome
    (call,) = [call for call in adapter.calls if call.method == "amend"]
    order, changes = call.arguments
    assert (order.venue_client_id, order.intended_size) == (
        kernel.orders()[0].venue_client_id,
        Decimal("0.01"),
    )
    assert (changes["size"], changes["limit_price"], changes["trigger_price"]) == (
        Decimal("0.02"),
        Decimal(58_000),
        None,
    )
    now = kernel.orders()[0]
    assert (now.intended_size, now.limit_price, now.pending_amend, now.requests) == (
        Decimal("0.02"),
        Decimal(58_000),
        None,
        (),
    )
    kernel.check_invariants()


def test_until_it_is_answered_it_is_outstanding() -> None:
    kernel, _ = working()
    kernel.process_intent(amend())
    order = kernel.orders()[0]
    assert (order.requests, order.intended_size) == (("AMEND",), Decimal("0.01"))
    assert order.pending_amend is not None
    assert (order.pending_amend["size"], order.pending_amend["limit_price"]) == (Decimal("0.02"), 58_000)
    assert VenueOrder.from_dict(order.to_dict()) == order
    kernel.check_invariants()


def test_an_adapter_that_fails_leaves_the_change_in_doubt() -> None:
    kernel, _ = working(amend=TimeoutError("line down"))
    outcome = kernel.process_intent(amend())
    assert (outcome.diagnostic_code, outcome.details["method"]) == ("IN_DOUBT", "amend")
    assert kernel.orders()[0].doubt == "AMEND"
    kernel.check_invariants()


def test_what_surely_never_left_is_refused() -> None:
    class Bare:
        """An adapter without an amend."""

        def submit(self, order: VenueOrder) -> list[VenueEvent]:
            return [ack(order)]

        def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
            raise NotSent("no line")

    for kernel in (working(amend=NotSent("no line"))[0], opened(Bare())):
        kernel.process_intent(intent(ENTER, "i2", order_type="LIMIT", limit_price="59000"))
        kernel.process_intent(amend())
        order = kernel.orders()[0]
        assert (order.doubt, order.requests, order.intended_size) == ("NONE", (), Decimal("0.01"))
        kernel.check_invariants()
    kernel.process_intent(intent(CANCEL, "c1"))
    assert (kernel.orders()[0].doubt, kernel.orders()[0].requests) == ("NONE", ())


@pytest.mark.parametrize("listed", [True, False])
def test_an_order_that_is_gone_may_have_traded(listed: bool) -> None:  # noqa: FBT001
    def gone(name: str) -> list[VenueEvent]:
        return [VenueEvent(1, kind="ORDER_NOT_FOUND", venue_client_id=name)]

    def fills(since: int) -> list[VenueEvent]:
        strange = VenueEvent(1, kind="FULL_FILL", venue_order_id="V9", venue_trade_id="T9", price=1, size=1)
        return [strange, fill(adapter.orders[0])] if listed else [strange]

    adapter = MockVenueAdapter(submit=TimeoutError(), query_order=gone, get_fills=fills)
    kernel = opened(adapter)
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert [call.method for call in adapter.calls][:3] == ["submit", "query_order", "get_fills"]
    assert (outcome.state == "POSITION_OPEN") is listed
    assert kernel.unassigned() == []
    kernel.check_invariants()


def test_fills_that_cannot_be_listed_prove_nothing() -> None:
    def gone(name: str) -> list[VenueEvent]:
        return [VenueEvent(1, kind="ORDER_NOT_FOUND", venue_client_id=name)]

    kernel = opened(MockVenueAdapter(submit=TimeoutError(), query_order=gone, get_fills=OSError("down")))
    kernel.process_intent(intent(ENTER, "i1"))
    assert (kernel.orders()[0].doubt, kernel.slot(0).fsm_state) == ("SUBMIT", "ORDER_SENT")


def test_the_paper_venue_amends() -> None:
    kernel, venue = paper()
    kernel.process_intent(intent(ENTER, "i1", order_type="LIMIT", limit_price="59000"))
    outcome = kernel.process_intent(amend())
    assert outcome.accepted, outcome
    order = kernel.orders()[0]
    assert (order.intended_size, order.limit_price) == (Decimal("0.02"), Decimal(58_000))
    assert venue.counters()["amends"] == 1
    kernel.check_invariants()
