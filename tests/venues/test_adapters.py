"""Adapters written in Python: synchronous, asynchronous, and in every way broken."""

import logging
import queue
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    InvalidType,
    KernelClosed,
    KernelEventKind,
    MockVenueAdapter,
    NotSent,
    NotYetSupported,
    VenueAdapter,
    VenueAdapterError,
    VenueEvent,
    VenueOrder,
)
from kernels import CANCEL, ENTER, EXIT, SYMBOL, ack, event, fill, intent, opened


class Duck:
    """An adapter without a base class."""

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        return [ack(order), fill(order)]

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        return [event(KernelEventKind.CANCEL_ACK, order, reason=reason)]


class Based(BaseExecutionAdapter):
    """An adapter with one."""

    def submit(self, order: VenueOrder) -> tuple[VenueEvent, ...]:
        return (ack(order), fill(order))

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        return [event(KernelEventKind.CANCEL_ACK, order, reason=reason)]


@pytest.mark.parametrize("make", [Duck, Based])
def test_a_synchronous_adapter_trades(make: Callable[[], VenueAdapter]) -> None:
    adapter = make()
    assert isinstance(adapter, VenueAdapter)
    kernel = opened(adapter)
    assert kernel.process_intent(intent(ENTER, "i1")).state == "POSITION_OPEN"
    outcome = kernel.process_intent(intent(EXIT, "i2"))
    assert outcome.state == "CLOSED"
    assert [event.kind for event in outcome.emitted_events] == ["ORDER_ACK", "FULL_FILL"]
    kernel.check_invariants()


def test_an_adapter_gets_what_to_send() -> None:
    adapter = MockVenueAdapter(submit=lambda order: [ack(order)], cancel=[[]])
    kernel = opened(adapter)
    kernel.process_intent(
        intent(ENTER, "i1", order_type="LIMIT", limit_price="59000.05", time_in_force="GTC", post_only=True)
    )
    kernel.process_intent(intent(CANCEL, "c1", reason="too slow"))
    order = adapter.orders[0]
    reported = (
        order.internal_trade_id,
        order.slot_id,
        order.asset,
        order.order_side,
        order.position_side,
        order.status,
    )
    assert reported == ("t1", 0, SYMBOL, "BUY", "BOTH", "SENT")
    assert [str(value) for value in (order.intended_size, order.limit_price)] == ["0.010", "59000"]
    assert order.post_only
    canceled, reason = adapter.calls[1].arguments
    assert (canceled.venue_client_id, canceled.requests, reason) == (
        order.venue_client_id,
        ("CANCEL",),
        "too slow",
    )


def test_the_inbox_is_as_deep_as_what_waits_behind_the_venues_answer() -> None:
    deep: list[int] = []

    class Busy(Based):
        def submit(self, order: VenueOrder) -> tuple[VenueEvent, ...]:
            for reported in (ack(order), fill(order)):
                deep.append(kernel.inbox_depth)
                self.emit(reported)
            deep.append(kernel.inbox_depth)
            return ()

    kernel = opened(Busy())
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    assert deep == [0, 1, 2]
    assert kernel.inbox_depth == 0


class Asynchronous(BaseExecutionAdapter):
    """Answers from a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox: queue.Queue[VenueOrder | None] = queue.Queue()
        self.answered = threading.Semaphore(0)
        self.outcomes: list[Any] = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def submit(self, order: VenueOrder) -> list[VenueEvent]:
        self.inbox.put(order)
        return []

    def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
        return []

    def work(self) -> None:
        while (order := self.inbox.get()) is not None:
            self.outcomes.append(self.emit(ack(order)))
            self.outcomes.append(self.emit(fill(order)))
            self.emit_account(
                {"kind": "ACCOUNT_UPDATE", "timestamp": 1, "asset": "USDT", "wallet_balance": 1}
            )
            self.answered.release()

    def close(self) -> None:
        self.inbox.put(None)
        self.thread.join()
        super().close()


def test_an_asynchronous_adapter_answers_from_another_thread() -> None:
    adapter = Asynchronous()
    with opened(adapter) as kernel:
        sent = kernel.process_intent(intent(ENTER, "i1"))
        assert sent.accepted
        assert adapter.answered.acquire(timeout=30)
        kernel.process_intent(
            intent(CANCEL, "none")
        )  # whatever was left behind is drained before this answer
        assert kernel.slot(0).fsm_state == "POSITION_OPEN"
        kernel.process_intent(intent(EXIT, "i2"))
        assert adapter.answered.acquire(timeout=30)
        kernel.process_intent(intent(CANCEL, "none2"))
        assert kernel.slot(0).fsm_state == "CLOSED"
        assert kernel.account.state()["e_wallet_balance"] == 1
    assert not adapter.thread.is_alive()


def test_an_event_behind_a_drain_is_queued_and_taken() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def submit(order: VenueOrder) -> list[VenueEvent]:
        asked.set()
        assert go_on.wait(30)
        return []

    adapter = MockVenueAdapter(submit=submit)
    kernel = opened(adapter)
    trader = threading.Thread(target=lambda: kernel.process_intent(intent(ENTER, "i1")))
    trader.start()
    assert asked.wait(30)
    outcome = adapter.emit(ack(adapter.orders[0]))
    assert (outcome.accepted, outcome.details) == (False, {"queued": True})
    go_on.set()
    trader.join()
    assert kernel.slot(0).fsm_state == "ENTRY_WORKING"


def test_a_call_from_inside_an_adapter_is_queued_not_nested() -> None:
    kernel: ExecutionKernel
    inner: list[Any] = []

    def submit(order: VenueOrder) -> list[VenueEvent]:
        if order.internal_trade_id == "t1":
            inner.append(kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1)))
            inner.append(kernel.mark_price(SYMBOL, 60000))
        return [ack(order), fill(order)]

    kernel = opened(MockVenueAdapter(submit=submit))
    kernel.process_intent(intent(ENTER, "i1"))
    assert [(one.accepted, one.diagnostic_code, one.severity) for one in inner] == [(False, "OK", "INFO")] * 2
    assert inner[0].details == {"queued": True}
    assert [kernel.slot(i).fsm_state for i in (0, 1)] == ["POSITION_OPEN", "POSITION_OPEN"]


class VenueFault(Exception):  # noqa: N818 - a trouble of the adapter's own
    """What an adapter may raise."""


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (VenueFault("line down"), VenueFault, "VenueFault: line down"),
        (TimeoutError(), TimeoutError, "TimeoutError: "),
        (lambda order: 5, VenueAdapterError, "submit: expected a list of VenueEvent, got int 5"),
        (lambda order: "no", VenueAdapterError, "expected a list of VenueEvent"),
        (lambda order: {}, VenueAdapterError, "expected a list of VenueEvent"),
        (lambda order: [1], VenueAdapterError, "submit: expected VenueEvent, got int 1"),
        (lambda order: [None], VenueAdapterError, "expected VenueEvent"),
    ],
)
def test_a_submit_that_fails_leaves_the_order_in_doubt(
    answer: Any, kind: type[Exception], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = MockVenueAdapter(submit=answer)
    kernel = opened(adapter)
    with caplog.at_level(logging.ERROR, logger="dita.venue"):
        outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.accepted, outcome.diagnostic_code, outcome.state) == (True, "IN_DOUBT", "ORDER_SENT")
    details = outcome.details
    assert (details["adapter"], details["method"]) == ("MockVenueAdapter", "submit")
    assert isinstance(details["adapter_error"], kind)
    assert text in details["exception"]
    assert [record.name for record in caplog.records] == ["dita.venue"]
    order = kernel.orders()[0]
    assert (order.status, order.doubt) == ("SENT", "SUBMIT")
    assert [call.method for call in adapter.calls] == ["submit", "query_order"]
    kernel.check_invariants()
    assert kernel.on_venue_event(fill(order)).state is None or kernel.slot(0).fsm_state == "POSITION_OPEN"
    assert kernel.orders()[0].doubt == "NONE"


def test_events_before_the_rubbish_are_not_lost() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order), "rubbish"]))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.diagnostic_code, outcome.state) == ("IN_DOUBT", "POSITION_OPEN")
    assert kernel.orders()[0].doubt == "NONE"


def test_what_surely_never_left_ends_the_trade() -> None:
    kernel = opened(MockVenueAdapter(submit=NotSent("no connection")))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.accepted, outcome.diagnostic_code, outcome.state) == (True, "VENUE_REJECTED", "CLOSED")
    assert isinstance(outcome.details["adapter_error"], NotSent)
    assert kernel.slot(0).is_free()
    assert kernel.process_intent(intent(ENTER, "i2", trade_id="t2")).diagnostic_code == "VENUE_REJECTED"
    kernel.check_invariants()


def test_a_query_settles_the_doubt() -> None:
    adapter = MockVenueAdapter(
        submit=VenueFault("?"),
        query_order=lambda name: [
            VenueEvent(
                timestamp=1, kind="ORDER_STATUS", status="ACKED", venue_client_id=name, venue_order_id="V1"
            )
        ],
    )
    kernel = opened(adapter)
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.state, kernel.orders()[0].doubt) == ("ENTRY_WORKING", "NONE")


@pytest.mark.parametrize(
    "query",
    [
        VenueFault("still down"),
        lambda name: 7,
        lambda name: [VenueEvent(timestamp=1, kind="SEND_TIMEOUT", venue_client_id=name)],
        lambda name: None,
    ],
)
def test_a_query_that_fails_is_not_asked_again(query: Any) -> None:
    adapter = MockVenueAdapter(submit=VenueFault("?"), query_order=query)
    kernel = opened(adapter)
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert outcome.details["method"] == "submit"
    assert [call.method for call in adapter.calls] == ["submit", "query_order"]
    assert kernel.orders()[0].doubt == "SUBMIT"


def test_an_adapter_without_a_query_is_not_asked() -> None:
    class Bare:
        def submit(self, order: VenueOrder) -> list[VenueEvent]:
            raise VenueFault("?")

        def cancel(self, order: VenueOrder, reason: str) -> list[VenueEvent]:
            return []

    kernel = opened(Bare())
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "IN_DOUBT"


def test_a_cancel_that_fails_is_in_doubt() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order)], cancel=VenueFault("?")))
    kernel.process_intent(intent(ENTER, "i1"))
    outcome = kernel.process_intent(intent(CANCEL, "c1"))
    assert (outcome.diagnostic_code, outcome.details["method"]) == ("IN_DOUBT", "cancel")
    assert (kernel.orders()[0].doubt, kernel.slot(0).fsm_state) == ("CANCEL", "ENTRY_WORKING")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through_and_loses_no_order(kind: type[BaseException]) -> None:
    kernel = opened(MockVenueAdapter(submit=[kind("stop")]))
    with pytest.raises(kind, match="stop"):
        kernel.process_intent(intent(ENTER, "i1"))
    assert (kernel.orders()[0].doubt, kernel.slot(0).fsm_state) == ("SUBMIT", "ORDER_SENT")
    assert kernel.process_intent(intent(ENTER, "i2", trade_id="t2", slot_id=1)).accepted, "the kernel goes on"


# ---------------------------------------------------------------------------------------- what venues say


def test_a_fill_before_the_acknowledgement_implies_it() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [fill(order), ack(order)]))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.state, kernel.slot(0).size) == ("POSITION_OPEN", kernel.slot(0).initial_size)


def test_a_fill_that_comes_again_moves_nothing() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]))
    kernel.process_intent(intent(ENTER, "i1"))
    again = fill(kernel.orders()[0])
    before = kernel.state_hash()
    assert kernel.on_venue_event(again).diagnostic_code == "DUPLICATE_EVENT"
    assert kernel.state_hash() == before


def test_a_fill_after_the_cancel_reopens_the_trade() -> None:
    cancel = lambda order, reason: [event(KernelEventKind.CANCEL_ACK, order)]  # noqa: E731
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order)], cancel=cancel))
    kernel.process_intent(intent(ENTER, "i1"))
    assert kernel.process_intent(intent(CANCEL, "c1")).state == "CLOSED"
    outcome = kernel.on_venue_event(fill(kernel.orders()[0], size="0.004"))
    assert (outcome.diagnostic_code, outcome.state) == ("LATE_FILL", "POSITION_OPEN")
    assert kernel.slot(0).size == fill(kernel.orders()[0], size="0.004").size
    kernel.check_invariants()


def test_a_partly_filled_entry_can_be_left() -> None:
    cancel = lambda order, reason: [event(KernelEventKind.CANCEL_ACK, order)]  # noqa: E731
    script = [lambda order: [ack(order), fill(order, size="0.004")], lambda order: [ack(order), fill(order)]]
    kernel = opened(MockVenueAdapter(submit=script, cancel=cancel))
    assert kernel.process_intent(intent(ENTER, "i1")).state == "ENTRY_WORKING"
    outcome = kernel.process_intent(intent(EXIT, "x1"))
    assert (outcome.state, kernel.slot(0).size) == ("CLOSED", 0)


def test_a_rate_limit_says_when_to_come_back() -> None:
    limited = lambda order: [  # noqa: E731
        event(KernelEventKind.RATE_LIMITED, order, reason="too many", retry_after_ms=250)
    ]
    kernel = opened(MockVenueAdapter(submit=limited))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.accepted, outcome.diagnostic_code, outcome.severity) == (False, "RATE_LIMITED", "WARNING")
    assert outcome.details == {
        "reason": "RATE_LIMITED",
        "message": "too many",
        "retry_after_ms": 250,
        "retryable": True,
        "venue_event_kind": "RATE_LIMITED",
        "severity": "WARNING",
        "release_eta": Decimal("0.25"),
    }
    assert (outcome.state, kernel.slot(0).close_reason) == ("CLOSED", "RATE_LIMITED")


def test_a_reject_frees_the_slot() -> None:
    reject = KernelEventKind.ORDER_REJECT

    def rejected(order: VenueOrder) -> list[VenueEvent]:
        return [event(reject, order, reason="margin", reason_code="-2019")]

    kernel = opened(MockVenueAdapter(submit=rejected))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.diagnostic_code, outcome.details) == (
        "VENUE_REJECTED",
        {"reason": "margin", "reason_code": "-2019"},
    )
    assert kernel.slot(0).is_free()


# ---------------------------------------------------------------------------------------- the base class


def test_the_base_class_says_what_it_lacks() -> None:
    adapter = Based()
    for call in (
        adapter.get_open_orders,
        adapter.get_positions,
        adapter.get_balances,
        adapter.opening_state,
        lambda: adapter.get_fills(0),
        lambda: adapter.get_income(0),
        lambda: adapter.get_market_metadata([]),
        lambda: adapter.set_margin_mode(SYMBOL, "cross"),
    ):
        with pytest.raises(NotYetSupported, match="Based has no"):
            call()
    assert Based.capabilities(adapter) == frozenset()
    assert MockVenueAdapter().capabilities() == {"amend", "get_fills", "query_order", "set_leverage"}


def test_an_adapter_without_a_kernel_says_so() -> None:
    adapter = Based()
    with pytest.raises(KernelClosed, match="attached to no kernel"):
        adapter.emit(VenueEvent(timestamp=1, kind="ORDER_ACK"))
    opened(adapter)  # gone at once
    with pytest.raises(KernelClosed):
        adapter.emit(VenueEvent(timestamp=1, kind="ORDER_ACK"))


def test_a_rate_limit_without_words_says_few_minutes() -> None:
    limited = lambda order: [event(KernelEventKind.RATE_LIMITED, order)]  # noqa: E731
    outcome = opened(MockVenueAdapter(submit=limited)).process_intent(intent(ENTER, "i1"))
    said = [outcome.details[name] for name in ("reason", "release_eta", "retry_after_ms", "message")]
    assert (outcome.accepted, said) == (False, ["RATE_LIMITED", "few minutes", 0, ""])


def test_a_rate_limit_takes_its_wait_from_the_metadata() -> None:
    limited = lambda order: [  # noqa: E731
        event(KernelEventKind.RATE_LIMITED, order, metadata={"retry_after_ms": 1500})
    ]
    outcome = opened(MockVenueAdapter(submit=limited)).process_intent(intent(ENTER, "i1"))
    assert (outcome.details["retry_after_ms"], outcome.details["release_eta"]) == (1500, Decimal("1.5"))
    with pytest.raises(InvalidType, match=r"metadata\.retry_after_ms"):
        event(KernelEventKind.RATE_LIMITED, "c", metadata={"retry_after_ms": "soon"})


def test_a_rate_limit_after_a_fill_leaves_the_intent_accepted() -> None:
    script = lambda order: [  # noqa: E731
        ack(order), fill(order, size="0.004"), event(KernelEventKind.RATE_LIMITED, order)
    ]  # fmt: skip
    kernel = opened(MockVenueAdapter(submit=script))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.accepted, kernel.slot(0).size) == (True, Decimal("0.004"))
