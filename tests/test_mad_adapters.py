"""Adapters that hang, raise, answer rubbish, tell of others' orders, and call back: the books stay right."""

import gc
import weakref
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bindings_fuzz import WILD, Planted
from dita import (
    ControlUpdate,
    ExecutionKernel,
    InvalidInput,
    KernelClosed,
    KernelOutcome,
    VenueEvent,
    VenueOrder,
)
from filling import FEE, PRICE, FillingVenue, agree, on
from kernels import CONFIG, ENTER, EXIT, SYMBOL, intent

LOGGED = pytest.mark.parametrize("logged", [False, True], ids=["in memory", "with a log"])


def _options(tmp_path: Path, *, logged: bool) -> dict[str, Any]:
    return {"log_dir": tmp_path / "log", "log_policy": "off"} if logged else {}


def _later(kernel: ExecutionKernel) -> None:
    """The settling window passes, and the kernel asks again."""
    for _ in range(3):
        kernel.advance_time(kernel.now_ns + 6_000_000_000)


# -------------------------------------------------------------------------------------------- rubbish


@LOGGED
def test_whatever_submit_returns_the_order_is_in_doubt_until_the_venue_is_asked(
    tmp_path: Path, *, logged: bool
) -> None:
    venue = FillingVenue()
    kernel = on(venue, max_slots=2, **_options(tmp_path, logged=logged))
    for number, make in enumerate(WILD):
        # `None` from the trouble would be the venue's own answer.
        venue.trouble = lambda _order, make=make: make() if make() is not None else ()
        name = f"t{number}"
        for action in (ENTER, EXIT):
            outcome = kernel.process_intent(intent(action, f"{action}{number}", trade_id=name))
            assert outcome.accepted, (make(), outcome)
            # An empty answer is one: the rest comes later.
            for event in venue.reported(list(venue.received)[-1]):
                kernel.on_venue_event(event)
            agree(kernel, venue)
    assert len(venue.received) == 2 * len(WILD)
    kernel.close()


@LOGGED
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # of a text that cannot be logged
@pytest.mark.parametrize("method", ["cancel", "amend", "query_order", "set_leverage", "get_fills"])
def test_whatever_another_method_returns_or_raises_nothing_is_lost(
    tmp_path: Path, method: str, *, logged: bool
) -> None:
    venue = FillingVenue()
    kernel = on(venue, max_slots=2, **_options(tmp_path, logged=logged))
    answers: list[Callable[[], Any]] = [*WILD, *(lambda kind=kind: _raise(kind) for kind in RAISED)]
    for number, make in enumerate(answers):
        setattr(venue, method, lambda *_, make=make, **__: make())
        venue.trouble = lambda _order: _raise(TimeoutError)
        trade = f"t{number}"
        leverage = 1 + number % 3 if method == "set_leverage" else None
        kernel.process_intent(intent(ENTER, f"e{number}", trade_id=trade, leverage=leverage))
        kernel.process_intent(intent("CANCEL", f"c{number}", trade_id=trade))
        kernel.process_intent(intent("AMEND", f"a{number}", trade_id=trade, target_size="0.02"))
        kernel.check_invariants()
        delattr(venue, method)
        venue.trouble = None
        _later(kernel)
        kernel.process_intent(intent(EXIT, f"x{number}", trade_id=trade))
        agree(kernel, venue)
    kernel.close()


def _raise(kind: type[Exception]) -> Any:
    raise kind("as told")


class Unprintable(Exception):  # noqa: N818 - it is no error of anything
    """Its text is no text."""

    def __str__(self) -> str:
        """Raise, as a careless class may."""
        raise Planted


RAISED = [
    Exception,
    OSError,
    RecursionError,
    MemoryError,
    StopIteration,
    AssertionError,
    Unprintable,
    Planted,
]


# ------------------------------------------------------------------------------- events of other things


def _reported(order: VenueOrder, kind: str = "FULL_FILL", **fields: Any) -> VenueEvent:
    given = {
        "venue_client_id": order.venue_client_id,
        "venue_order_id": "V" + order.venue_client_id,
        "venue_trade_id": "mad",
        "price": PRICE,
        "size": order.intended_size,
        "fee": FEE,
    }
    return VenueEvent(1, kind=kind, **{**given, **fields})


#: What an adapter answers with instead of the truth, and by how much the books then have more than the venue.
STRANGE: list[tuple[str, Callable[[VenueOrder], VenueEvent], str]] = [
    ("another slot's hint", lambda o: _reported(o, slot_id=1, venue_trade_id="T1"), "0"),
    ("a slot that is none", lambda o: _reported(o, slot_id=4_000_000_000, venue_trade_id="T1"), "0"),
    ("another trade's hint", lambda o: _reported(o, trade_id="somebody's", venue_trade_id="T1"), "0"),
    (
        "nobody's order",
        lambda o: _reported(o, venue_client_id="nobody", venue_order_id="V9", order_side="BUY", asset=SYMBOL),
        "0.01",
    ),
    ("nobody's order, no side", lambda o: _reported(o, venue_client_id="nobody", venue_order_id="V9"), "0"),
    (
        "an unknown instrument",
        lambda o: _reported(o, venue_client_id="x", venue_order_id="V9", asset="DOGEUSDT", order_side="BUY"),
        "0",
    ),
    ("our order, another instrument", lambda o: _reported(o, asset="DOGEUSDT", venue_trade_id="T1"), "0"),
    ("a size below zero", lambda o: _reported(o, size=-1), "0"),
    ("a size of zero", lambda o: _reported(o, size=0), "0"),
    ("a price below zero", lambda o: _reported(o, price=-1), "0"),
    ("a huge size", lambda o: _reported(o, size="9999999999999999999999999999"), "0"),
    ("a huge price", lambda o: _reported(o, price="9999999999999999999999999999"), "0"),
    ("a huge fee", lambda o: _reported(o, fee="9999999999999999999999999999"), "0"),
    ("a size off the lot", lambda o: _reported(o, size="0.0000000001"), "0"),
    ("no ids", lambda o: VenueEvent(1, kind="FULL_FILL", price=PRICE, size="0.01"), "0"),
    (
        "a cancel that nobody asked for, and then a fill",
        lambda o: _reported(o, "CANCEL_ACK", venue_trade_id="", size=None, price=None, fee=None),
        "0",
    ),
]


@LOGGED
@pytest.mark.parametrize(
    ("tell", "beyond"), [case[1:] for case in STRANGE], ids=[case[0] for case in STRANGE]
)
def test_events_of_other_things_move_what_they_name_and_nothing_else(
    tmp_path: Path, tell: Callable[[VenueOrder], VenueEvent], beyond: str, *, logged: bool
) -> None:
    venue = FillingVenue()
    kernel = on(venue, max_slots=3, **_options(tmp_path, logged=logged))
    # Another trade, which nothing may touch.
    kernel.process_intent(intent(ENTER, "i0", slot_id=1, trade_id="other"))
    untouched = kernel.slot(1).to_dict()
    venue.trouble = lambda order: [tell(order)]
    kernel.process_intent(intent(ENTER, "i1"))
    venue.trouble = None
    kernel.check_invariants()
    # The truth arrives after all.
    for name in venue.received:
        for event in venue.reported(name):
            kernel.on_venue_event(event)
    _later(kernel)
    kernel.check_invariants()
    assert kernel.slot(1).to_dict() | {"unrealized_pnl": 0} == untouched | {"unrealized_pnl": 0}
    assert kernel.slot(0).size == Decimal("0.01")
    booked = sum((row["size"] for row in kernel.positions()), Decimal(0))
    assert booked - venue.position == Decimal(beyond)
    assert sum((row["size"] for row in kernel.unassigned()), Decimal(0)) == Decimal(beyond)
    # What was booked and did not happen has a name as soon as the wallet is told.
    kernel.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": kernel.now_ns, "asset": "USDT", "wallet_balance": venue.cash}
    )
    account = kernel.account.state()
    assert account["reconcile_delta"] == (FEE if Decimal(beyond) else 0)
    kernel.close()


def test_a_forgotten_order_that_works_at_the_venue_is_canceled_by_its_names() -> None:
    class Canceling(FillingVenue):
        def cancel(self, order: VenueOrder, reason: str) -> Sequence[VenueEvent]:
            canceled.append((order.venue_client_id, order.venue_order_id, order.asset))
            return []

    canceled: list[tuple[str, str, str]] = []
    venue = Canceling()
    kernel = on(venue, max_slots=2, remembered_orders=1)
    for number in range(4):
        for action in (ENTER, EXIT):
            kernel.process_intent(intent(action, f"{action}{number}", trade_id=f"t{number}"))
    forgotten = next(iter(venue.received))
    assert forgotten not in [order.venue_client_id for order in kernel.orders()]
    works = VenueEvent(
        1,
        kind="ORDER_STATUS",
        status="ACKED",
        asset=SYMBOL,
        venue_client_id=forgotten,
        venue_order_id="V1",
    )
    assert kernel.on_venue_event(works).diagnostic_code == "UNKNOWN_ORDER"
    assert canceled == [(forgotten, "V1", SYMBOL)]
    kernel.close()


def test_numbers_that_are_none_never_become_an_event() -> None:
    for number in ("NaN", "inf", float("nan"), float("inf"), Decimal("NaN"), 10**40, "1e999999"):
        for field in ("price", "size", "filled_size", "fee"):
            with pytest.raises(InvalidInput) as raised:
                VenueEvent(1, kind="FULL_FILL", **{field: number})
            assert raised.value.field == field


# ---------------------------------------------------------------------------------------- calling back

#: Everything that can be called from inside an adapter. What waits behind the drain says so.
QUEUED: dict[str, Callable[[ExecutionKernel, VenueOrder], Any]] = {
    "process_intent": lambda k, _: k.process_intent(intent(ENTER, "re", slot_id=1, trade_id="re")),
    "process_intents": lambda k, _: k.process_intents([intent(ENTER, "re", slot_id=1, trade_id="re")])[0],
    "on_venue_event": lambda k, o: k.on_venue_event(_reported(o, venue_trade_id="T0")),
    "mark_price": lambda k, _: k.mark_price(SYMBOL, 60_001),
    "advance_time": lambda k, _: k.advance_time(k.now_ns + 1),
    "on_funding": lambda k, _: k.on_funding(SYMBOL, rate="0.0001"),
    "on_edge": lambda k, _: k.on_edge(SYMBOL, 5),
    "reconcile_from_slots": lambda k, _: k.reconcile_from_slots([]),
}
ANSWERED: dict[str, Callable[[ExecutionKernel, VenueOrder], Any]] = {
    "on_account_event": lambda k, _: k.on_account_event(
        {"kind": "ACCOUNT_UPDATE", "timestamp": 1, "asset": "USDT", "wallet_balance": 9_999}
    ),
    "set_seed_capital": lambda k, _: k.set_seed_capital(10_000),
    "set_exchange_config": lambda k, _: k.set_exchange_config(CONFIG),
    "update_control": lambda k, _: k.update_control(ControlUpdate(updated_by="ops")),
    "calibrate_fee": lambda k, _: k.calibrate_fee(100, 1, "0.05"),
    "snapshot": lambda k, _: k.snapshot(),
    "check_invariants": lambda k, _: k.check_invariants(),
    "sync": lambda k, _: k.sync(),
    "state_hash": lambda k, _: k.state_hash(),
}


@LOGGED
@pytest.mark.parametrize("name", [*QUEUED, *ANSWERED])
def test_an_adapter_that_calls_back_is_queued_or_answered_and_never_hangs(
    tmp_path: Path, name: str, *, logged: bool
) -> None:
    answers: list[Any] = []

    def call_back(order: VenueOrder) -> None:
        if not answers:
            answers.append(None)
            answers[0] = {**QUEUED, **ANSWERED}[name](kernel, order)

    venue = FillingVenue(call_back)
    kernel = on(venue, max_slots=3, **_options(tmp_path, logged=logged))
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    assert (outcome.accepted, str(outcome.state)) == (True, "POSITION_OPEN")
    if name in QUEUED:
        assert isinstance(answers[0], KernelOutcome)
        assert (answers[0].accepted, answers[0].details["queued"]) == (False, True)
    kernel.check_invariants()
    assert kernel.slot(1).fsm_state == ("POSITION_OPEN" if name.startswith("process_intent") else "IDLE")
    for slot_id, trade in ((0, "t1"), (1, "re")):
        if kernel.slot(slot_id).is_open():
            kernel.process_intent(intent(EXIT, f"x{slot_id}", slot_id=slot_id, trade_id=trade))
    agree(kernel, venue)
    kernel.close()


@LOGGED
def test_an_adapter_that_closes_the_kernel_ends_it_after_its_answer(tmp_path: Path, *, logged: bool) -> None:
    venue = FillingVenue(lambda _order: kernel.close())
    kernel = on(venue, **_options(tmp_path, logged=logged))
    assert kernel.process_intent(intent(ENTER, "i1")).state == "POSITION_OPEN"
    with pytest.raises(KernelClosed):
        kernel.process_intent(intent(EXIT, "i2"))


# ---------------------------------------------------------------------------------------------- garbage


@LOGGED
def test_a_kernel_in_a_cycle_with_its_adapter_is_collected(tmp_path: Path, *, logged: bool) -> None:
    """An adapter that holds its kernel, and a strategy that holds both, are a cycle through native code."""

    class Strategy:
        pass

    def build() -> tuple[Any, Any]:
        venue = FillingVenue()
        kernel = on(venue, **_options(tmp_path, logged=logged))
        strategy = Strategy()
        strategy.kernel, strategy.venue = kernel, venue  # type: ignore[attr-defined]
        venue.strategy, venue.kernel = strategy, kernel  # type: ignore[attr-defined]
        kernel.process_intent(intent(ENTER, "i1"))
        return weakref.ref(kernel), weakref.ref(venue)

    kernel, venue = build()
    gc.collect()
    assert (kernel(), venue()) == (None, None)
    if logged:
        # Nobody has it any more: it can be opened again.
        again = on(FillingVenue(), **_options(tmp_path, logged=True))
        assert again.slot(0).fsm_state == "POSITION_OPEN"
        again.close()


@LOGGED
def test_the_collector_may_run_at_any_moment_of_a_trade(tmp_path: Path, *, logged: bool) -> None:
    before = gc.get_threshold()
    collected: list[int] = []

    class Finalized:
        """Reads the kernel as it is collected, wherever that happens."""

        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            """Look at the kernel."""
            collected.append(kernel.seq)

    def litter(_order: VenueOrder) -> None:
        for _ in range(5):
            Finalized()

    venue = FillingVenue(litter)
    kernel = on(venue, **_options(tmp_path, logged=logged))
    gc.set_threshold(1, 1, 1)
    try:
        for number in range(10):
            for action in (ENTER, EXIT):
                assert kernel.process_intent(
                    intent(action, f"{action}{number}", trade_id=f"t{number}")
                ).accepted
                Finalized()
                kernel.snapshot()
    finally:
        gc.set_threshold(*before)
        gc.collect()
    assert len(collected) == 10 * 2 * 6
    agree(kernel, venue)
    kernel.close()
