"""The circuit breaker: when it opens, what it holds back, how it closes again; at work in a kernel."""

import logging
from typing import Any

import pytest

from dita import (
    BreakerSettings,
    CircuitBreaker,
    ExecutionKernel,
    InvalidInput,
    KernelIntent,
    NotSent,
    VenueEvent,
)
from dita.observe.source import Seen
from dita.observe.text import as_text, tone
from moody import Moody

SECOND = 1_000_000_000


class Clock:
    """A clock that stands until it is moved."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def breaker(**settings: Any) -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    return CircuitBreaker("test", BreakerSettings(**settings), clock_ns=clock), clock


def said(kind: str, client_id: str, **fields: Any) -> VenueEvent:
    return VenueEvent(0, kind=kind, venue_client_id=client_id, **fields)


def send(one: CircuitBreaker, client_id: str, kind: str, *, is_entry: bool = True, **fields: Any) -> None:
    one.let_through(client_id, is_entry=is_entry)
    one.observe(said(kind, client_id, **fields))


def test_five_refusals_one_after_the_other_open_it_and_only_entries_are_held_back() -> None:
    one, _ = breaker()
    for number in range(5):
        assert one.state == "CLOSED"
        send(one, f"o{number}", "ORDER_REJECT", reason_code="-2019")
    assert one.state == "OPEN"
    with pytest.raises(NotSent, match=r"circuit breaker of test is OPEN: 5 refusals .* -2019"):
        one.let_through("o9", is_entry=True)
    one.let_through("exit", is_entry=False)
    assert (one.as_dict()["held_back"], one.as_dict()["opened"]) == (1, 1)


def test_an_order_that_is_taken_begins_the_count_of_refusals_anew() -> None:
    one, _ = breaker()
    for number in range(4):
        send(one, f"o{number}", "ORDER_REJECT")
    send(one, "good", "ORDER_ACK")
    for number in range(4):
        send(one, f"p{number}", "ORDER_REJECT")
    assert one.state == "CLOSED"


def test_half_of_ten_orders_without_an_answer_open_it() -> None:
    one, _ = breaker()
    for number in range(5):
        send(one, f"good{number}", "ORDER_ACK")
    for number in range(4):
        send(one, f"bad{number}", "SEND_TIMEOUT")
    assert one.state == "CLOSED"
    send(one, "bad", "RATE_LIMITED", retry_after_ms=1_000, reason="too many")
    assert one.state == "OPEN"
    assert "50% errors in the last 10 orders, the last RATE_LIMITED: too many" in one.as_dict()["reason"]


def test_a_median_answer_above_two_seconds_opens_it() -> None:
    one, clock = breaker()
    for number in range(10):
        one.let_through(f"o{number}", is_entry=True)
        clock.now_ns += 2_100_000_000
        one.observe(said("ORDER_ACK", f"o{number}"))
    assert one.state == "OPEN"
    assert one.as_dict()["latency_ms"] == 2_100


def test_silence_counts_as_an_error() -> None:
    one, clock = breaker(orders_min=2, window=2)
    one.let_through("a", is_entry=True)
    one.let_through("b", is_entry=True)
    clock.now_ns = 4 * SECOND
    assert one.state == "CLOSED"
    clock.now_ns = 5 * SECOND
    assert one.state == "OPEN"
    assert "no answer within 5 s" in one.as_dict()["reason"]


def test_half_open_one_entry_leaves_and_its_answer_decides() -> None:
    one, clock = breaker(rejects_max=1, open_s=30.0)
    send(one, "a", "ORDER_REJECT")
    clock.now_ns = 30 * SECOND
    assert one.state == "HALF_OPEN"
    one.let_through("probe", is_entry=True)
    with pytest.raises(NotSent):
        one.let_through("second", is_entry=True)
    # What an exit comes to says nothing of entries.
    send(one, "exit", "FULL_FILL", is_entry=False)
    assert one.state == "HALF_OPEN"
    one.observe(said("ORDER_ACK", "probe"))
    assert one.state == "CLOSED"
    one.let_through("third", is_entry=True)


def test_a_probe_that_fails_opens_it_for_twice_as_long() -> None:
    one, clock = breaker(rejects_max=1, open_s=30.0, open_s_max=50.0)
    send(one, "a", "ORDER_REJECT")
    clock.now_ns = 30 * SECOND
    send(one, "probe", "ORDER_REJECT")
    assert one.as_dict()["retry_in_s"] == 50
    clock.now_ns = 79 * SECOND
    assert one.state == "OPEN"
    clock.now_ns = 80 * SECOND
    assert one.state == "HALF_OPEN"


def test_a_probe_that_did_not_leave_makes_room_for_another() -> None:
    one, clock = breaker(rejects_max=1)
    send(one, "a", "ORDER_REJECT")
    clock.now_ns = 30 * SECOND
    one.let_through("probe", is_entry=True)
    one.not_sent("probe")
    one.let_through("another", is_entry=True)
    assert one.state == "HALF_OPEN"


def test_turns_are_logged_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dita.venue")
    one, clock = breaker(rejects_max=1)
    send(one, "a", "ORDER_REJECT", reason="no margin")
    clock.now_ns = 30 * SECOND
    send(one, "b", "ORDER_ACK")
    assert [record.getMessage().strip() for record in caplog.records] == [
        "circuit breaker of test: CLOSED -> OPEN 1 refusals one after the other, the last no margin",
        "circuit breaker of test: OPEN -> HALF_OPEN 1 refusals one after the other, the last no margin",
        "circuit breaker of test: HALF_OPEN -> CLOSED",
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("window", 0), ("orders_min", 21), ("error_rate_max", 0), ("error_rate_max", 1.5), ("open_s", -1)],
)
def test_settings_that_cannot_be_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=field):
        BreakerSettings(**{field: value})


# ------------------------------------------------------------------------------------------ in a kernel


def intent(number: int, action: str, slot_id: int = 0, **fields: Any) -> KernelIntent:
    given: dict[str, Any] = {"asset": "BTCUSDT", "side": "LONG", "reference_price": 100, "target_size": 1}
    return KernelIntent(
        timestamp=0, intent_id=f"i{number}", trade_id=f"t{slot_id}",
        slot_id=slot_id, action=action, **{**given, **fields},
    )  # fmt: skip


@pytest.mark.parametrize("emits", [False, True])
@pytest.mark.parametrize("product", ["perp", "spot"])
def test_in_a_kernel_entries_wait_while_exits_stops_and_cancels_leave(
    emits: bool,  # noqa: FBT001 - a case
    product: str,
) -> None:
    venue = Moody(emits=emits)
    one, _ = breaker(rejects_max=2)
    with ExecutionKernel(venue=venue, breaker=one) as kernel:
        kernel.set_exchange_config(
            {
                "instruments": {
                    "BTCUSDT": {
                        "tick_size": "0.1",
                        "lot_step": "1",
                        "taker_rate": "0",
                        "maker_rate": "0",
                        "product": product,
                    }
                }
            }
        )
        kernel.set_seed_capital(10_000)
        kernel.mark_price("BTCUSDT", 100)
        opened = kernel.process_intent(intent(1, "ENTER"))
        assert opened.accepted
        assert kernel.slot(0).fsm_state == "POSITION_OPEN"
        resting = kernel.process_intent(intent(2, "ENTER", 1, order_type="LIMIT", limit_price=99))
        assert resting.accepted
        venue.refuses = True
        for number in (3, 4):
            kernel.process_intent(intent(number, "ENTER", 2))
        venue.refuses = False
        assert kernel.health()["breaker"]["state"] == "OPEN"

        sent = len(venue.sent)
        held = kernel.process_intent(intent(5, "ENTER", 3))
        assert len(venue.sent) == sent
        assert str(kernel.slot(3).fsm_state) in {"IDLE", "CLOSED"}
        assert kernel.health()["breaker"]["held_back"] == 1
        assert "circuit breaker" in f"{held.details} {kernel.slot(3).close_reason}"

        assert kernel.process_intent(intent(6, "CANCEL", 1)).accepted
        assert str(kernel.slot(1).fsm_state) in {"IDLE", "CLOSED"}
        stop = intent(7, "EXIT", order_type="STOP_MARKET", trigger_price=90)
        assert kernel.process_intent(stop).accepted
        assert len(venue.sent) == sent + 1
        assert kernel.process_intent(intent(8, "CANCEL")).accepted
        assert kernel.process_intent(intent(9, "EXIT")).accepted
        assert kernel.slot(0).fsm_state == "CLOSED"


def test_a_short_ones_exit_buys_and_leaves() -> None:
    venue = Moody(emits=False)
    one, _ = breaker(rejects_max=1)
    with ExecutionKernel(venue=venue, breaker=one) as kernel:
        kernel.set_exchange_config({"instruments": {"BTCUSDT": {"tick_size": "0.1", "lot_step": "1"}}})
        kernel.set_seed_capital(10_000)
        kernel.mark_price("BTCUSDT", 100)
        kernel.process_intent(intent(1, "ENTER", side="SHORT"))
        one.let_through("x", is_entry=True)
        one.observe(said("ORDER_REJECT", "x"))
        kernel.process_intent(intent(2, "EXIT", side="SHORT"))
        assert kernel.slot(0).fsm_state == "CLOSED"


def test_watch_shows_an_open_breaker() -> None:
    one, _ = breaker(rejects_max=1)
    shut = Seen("main", breaker=one.as_dict(), control={})
    assert tone(shut) == "good"
    send(one, "a", "ORDER_REJECT", reason="no margin")
    control = {
        "gate": "NORMAL", "kill_switch": False, "frozen": False, "mode": "PAPER", "verbosity": "NORMAL",
        "regime": "NORMAL", "version": 1, "updated_by": "", "limits": {}, "last_freeze_reason": "",
    }  # fmt: skip
    seen = Seen("main", breaker=one.as_dict(), control=control)
    assert "circuit breaker of test OPEN, entries wait: 1 refusals one after the other" in as_text(seen)
    assert tone(seen) == "warn"
