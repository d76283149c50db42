"""Two logs of one account: ids that never meet, and an order of the same id that is not ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dita import (
    BaseExecutionAdapter,
    ExecutionKernel,
    KernelEventKind,
    ManualClock,
    MockVenueAdapter,
    SimulatedVenue,
    SystemClock,
    VenueEvent,
    VenueOrder,
)
from kernels import CONFIG, ENTER, SYMBOL, ack, event, fill, intent, opened

DAY_NS = 86_400_000_000_000
START_NS = 1_700_000_000_000_000_000
Kind = KernelEventKind


class Account(BaseExecutionAdapter):
    """A venue's account: it outlives every kernel, and finds orders by client id for ever."""

    def __init__(self, now_ns: int = START_NS) -> None:
        super().__init__()
        self.now_ns = now_ns
        self.loses = False
        self.orders: dict[str, tuple[int, VenueOrder]] = {}

    def submit(self, order: VenueOrder) -> Sequence[VenueEvent]:
        """Fill it at 60,000; or lose it on the way, with the answer."""
        if self.loses:
            raise TimeoutError("lost")
        assert order.venue_client_id not in self.orders
        self.orders[order.venue_client_id] = (self.now_ns, order)
        return [ack(order), self._fill(order)]

    def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
        """Never asked here."""
        raise AssertionError((order, reason))

    def query_order(self, venue_client_id: str) -> Sequence[VenueEvent]:
        """The order's fill and its status; the status says when it was made."""
        if venue_client_id not in self.orders:
            return [event(Kind.ORDER_NOT_FOUND, venue_client_id)]
        created_ns, order = self.orders[venue_client_id]
        status = event(
            Kind.ORDER_STATUS,
            order,
            status="FILLED",
            filled_size=order.intended_size,
            average_price="60000",
            order_created=created_ns,
        )
        return [self._fill(order), status]

    def _fill(self, order: VenueOrder) -> VenueEvent:
        return fill(order).replace(timestamp=self.orders[order.venue_client_id][0])


class LiveAccount(Account):
    """The same on real time, at a test network."""

    live: ClassVar[bool] = True
    real_money: ClassVar[bool] = False


def on(venue: Any, log_dir: Path | None, **options: Any) -> ExecutionKernel:
    kernel = ExecutionKernel(venue=venue, log_dir=log_dir, **options)
    kernel.set_exchange_config(CONFIG)
    kernel.set_seed_capital("10000")
    kernel.mark_price(SYMBOL, "60000")
    return kernel


def the_second_day(tmp_path: Path) -> tuple[Account, ExecutionKernel]:
    """Yesterday's log filled 0.010; today's has sent an order of the same id, and lost it with its answer."""
    account = Account()
    with on(account, tmp_path / "a", clock=ManualClock(START_NS), instance_nonce=0) as yesterday:
        yesterday.process_intent(intent(ENTER, "i1", timestamp=START_NS))
        assert str(yesterday.slot(0).size) == "0.010"
    account.now_ns += DAY_NS
    account.loses = True
    return account, on(account, tmp_path / "b", clock=ManualClock(account.now_ns), instance_nonce=0)


def test_yesterdays_order_of_the_same_id_is_not_todays(tmp_path: Path) -> None:
    account, kernel = the_second_day(tmp_path)
    with kernel:
        outcome = kernel.process_intent(intent(ENTER, "i1", timestamp=account.now_ns))
        (order,) = kernel.orders()
        assert order.venue_client_id in account.orders
        assert (outcome.diagnostic_code, outcome.severity) == ("FOREIGN_ORDER", "CRITICAL")
        assert outcome.details["field"] == "order_created"
        assert (order.doubt, order.filled_size) == ("SUBMIT", 0)
        assert (kernel.positions(), kernel.unassigned(), kernel.ledger(asset="BTC")) == ([], [], [])
        # It is asked again, and again: each answer is another order's.
        asked = kernel.advance_time(account.now_ns + 60_000_000_000)
        assert (asked.diagnostic_code, kernel.orders()[0].doubt) == ("FOREIGN_ORDER", "SUBMIT")
        hashed = kernel.state_hash()
        foreign = account.query_order(order.venue_client_id)[1]
        assert kernel.on_venue_event(foreign).diagnostic_code == "FOREIGN_ORDER"
        assert kernel.state_hash() == hashed
        kernel.check_invariants()


@pytest.mark.parametrize(("seconds", "code"), [(-5.001, "FOREIGN_ORDER"), (-5, "OK"), (0, "OK"), (3, "OK")])
def test_an_order_that_was_made_more_than_five_seconds_before_ours_was_sent_is_foreign(
    seconds: float, code: str
) -> None:
    kernel = opened(MockVenueAdapter(), clock=ManualClock(START_NS))
    kernel.process_intent(intent(ENTER, "i1", timestamp=START_NS))
    made_ns = START_NS + round(seconds * 1_000) * 1_000_000
    taken = event(Kind.ORDER_ACK, kernel.orders()[0], venue_order_id="V1", order_created=made_ns)
    assert kernel.on_venue_event(taken).diagnostic_code == code
    assert kernel.orders()[0].status == ("ACKED" if code == "OK" else "SENT")


def test_an_order_that_the_venue_has_named_is_ours_whatever_its_clock_says() -> None:
    kernel = opened(MockVenueAdapter(), clock=ManualClock(START_NS))
    kernel.process_intent(intent(ENTER, "i1", timestamp=START_NS))
    order = kernel.orders()[0]
    kernel.on_venue_event(event(Kind.ORDER_ACK, order, venue_order_id="V1"))
    filled = fill(order).replace(venue_order_id="V1", order_created=START_NS - DAY_NS)
    assert kernel.on_venue_event(filled).diagnostic_code == "OK"


def test_each_new_log_of_a_live_venue_draws_its_own_ids_and_keeps_them(tmp_path: Path) -> None:
    nonces = []
    for name in "abcd":
        with on(LiveAccount(), tmp_path / name) as kernel:
            nonces.append(kernel.instance_nonce)
            kernel.process_intent(intent(ENTER, "i1"))
            first_id = kernel.orders()[0].venue_client_id
        with on(LiveAccount(), tmp_path / name) as again:
            assert again.instance_nonce == nonces[-1]
            assert again.orders()[0].venue_client_id == first_id
    assert len(set(nonces)) == 4
    # 40 bits: that four of them all lack their upper 20 happens once in 2**80 times.
    assert max(nonces) >= 1 << 20
    assert 0 not in nonces


def test_two_kernels_without_a_log_on_a_live_venue_have_different_ids() -> None:
    assert on(LiveAccount(), None).instance_nonce != on(LiveAccount(), None).instance_nonce


def test_the_nonce_that_is_given_is_the_logs_and_needs_to_be_given_only_once(tmp_path: Path) -> None:
    on(LiveAccount(), tmp_path, instance_nonce=7).close()
    with on(LiveAccount(), tmp_path) as kernel:
        assert kernel.instance_nonce == 7


@pytest.mark.parametrize("venue", [None, SimulatedVenue(), MockVenueAdapter(), LiveAccount()])
def test_what_is_driven_keeps_the_ids_that_it_always_had(venue: Any, tmp_path: Path) -> None:
    with on(venue, tmp_path, clock=ManualClock(START_NS)) as kernel:
        assert kernel.instance_nonce == 0


def test_a_simulated_venue_on_the_machines_clock_keeps_them_too(tmp_path: Path) -> None:
    with on(SimulatedVenue(), tmp_path, clock=SystemClock()) as kernel:
        assert kernel.instance_nonce == 0
