"""Ctrl-C at any moment: it comes out where the call was made, and no order and no event is lost by it."""

import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dita import MemoryKernelJournal, MemoryProjection
from filling import FillingVenue, agree, on
from kernels import ENTER, EXIT, intent
from limited import passed

LOGGED = pytest.mark.parametrize("logged", [False, True], ids=["in memory", "with a log"])


def _options(tmp_path: Path, *, logged: bool) -> dict[str, Any]:
    return {"log_dir": tmp_path / "log", "log_policy": "always"} if logged else {}


def _ctrl_c(_order: object = None) -> None:
    signal.raise_signal(signal.SIGINT)


@LOGGED
def test_ctrl_c_inside_an_adapter_leaves_the_order_in_doubt_and_a_question_settles_it(
    tmp_path: Path, *, logged: bool
) -> None:
    venue = FillingVenue(_ctrl_c)
    kernel = on(venue, **_options(tmp_path, logged=logged))
    with pytest.raises(KeyboardInterrupt):
        kernel.process_intent(intent(ENTER, "i1"))
    venue.trouble = None
    kernel.check_invariants()
    # The doubt asked the venue at once, in the same call.
    assert kernel.slot(0).size == Decimal("0.01")
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "DUPLICATE_INTENT"
    assert kernel.process_intent(intent(EXIT, "i2")).accepted
    agree(kernel, venue)
    kernel.close()


@LOGGED
@pytest.mark.parametrize("action", [ENTER, EXIT])
def test_ctrl_c_inside_a_batch_takes_all_of_it(tmp_path: Path, action: Any, *, logged: bool) -> None:
    venue = FillingVenue()
    kernel = on(venue, **_options(tmp_path, logged=logged))
    slots = range(4)
    if action == EXIT:
        kernel.process_intents([intent(ENTER, f"e{n}", slot_id=n, trade_id=f"t{n}") for n in slots])
    venue.trouble = lambda order: _ctrl_c() if order.slot_id == 1 else None
    batch = [intent(action, f"i{n}", slot_id=n, trade_id=f"t{n}") for n in slots]
    with pytest.raises(KeyboardInterrupt):
        kernel.process_intents(batch)
    venue.trouble = None
    # What was not taken yet is taken when it is given again, and nothing twice.
    again = kernel.process_intents(batch)
    assert {str(outcome.diagnostic_code) for outcome in again} <= {"OK", "DUPLICATE_INTENT"}
    wanted = Decimal("0.01") if action == ENTER else Decimal(0)
    assert [kernel.slot(n).size for n in slots] == [wanted] * 4
    agree(kernel, venue)
    kernel.close()


@LOGGED
@pytest.mark.parametrize("place", ["journal", "projection"])
def test_ctrl_c_inside_a_follower_loses_it_nothing(tmp_path: Path, place: str, *, logged: bool) -> None:
    journal, projection = MemoryKernelJournal(), MemoryProjection()
    followed = journal if place == "journal" else projection
    method = "record_transition" if place == "journal" else "write_slot"
    taken = getattr(followed, method)
    times = iter(range(1000))

    def pressed(*arguments: Any) -> None:
        taken(*arguments)
        if next(times) == 0:
            _ctrl_c()

    setattr(type(followed), method, _patched(followed, method, pressed))
    try:
        venue = FillingVenue()
        kernel = on(venue, journal=journal, projection=projection, **_options(tmp_path, logged=logged))
        with pytest.raises(KeyboardInterrupt):
            kernel.process_intent(intent(ENTER, "i1"))
        kernel.process_intent(intent(EXIT, "i2"))
    finally:
        setattr(type(followed), method, _patched.before)
    stages = [str(record.transition.next_state) for record in journal.records]
    assert stages == [
        *("ORDER_REQUESTED", "ORDER_SENT", "ENTRY_WORKING", "POSITION_OPEN"),
        *("EXIT_REQUESTED", "EXIT_SENT", "EXIT_WORKING", "CLOSED"),
    ]
    assert projection.slots[0].fsm_state == "CLOSED"
    agree(kernel, venue)
    kernel.close()


def _patched(followed: Any, method: str, instead: Any) -> Any:
    _patched.before = getattr(type(followed), method)  # type: ignore[attr-defined]
    return lambda _self, *arguments: instead(*arguments)


STORM = """
    import random, signal, threading, time
    from filling import FillingVenue, agree, on
    from kernels import ENTER, EXIT, intent

    SLOTS, ORDERS = 4, 160
    log_dir, policy = sys.argv[1], sys.argv[2]
    options = {} if policy == "none" else {"log_dir": log_dir, "log_policy": policy}
    venue = FillingVenue(lambda order: time.sleep(0.0005))
    kernel = on(venue, max_slots=SLOTS, **options)
    calm = threading.Event()

    def press():
        chance = random.Random(7)
        while not calm.wait(chance.random() * 0.008):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def wanted():
        # In where a slot is free, out where it has a position, each under a new id.
        global asked
        for slot in kernel.state.slots:
            asked += 1
            if slot.is_free():
                yield intent(ENTER, f"i{asked}", trade_id=f"t{asked}", slot_id=slot.slot_id)
            elif slot.fsm_state == "POSITION_OPEN":
                yield intent(EXIT, f"i{asked}", trade_id=slot.trade_id, slot_id=slot.slot_id)

    armed = False

    def interrupt(*_):
        # Once for each time that somebody is there to catch it.
        global armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    asked = pressed = turn = 0
    batch = None
    storm = threading.Thread(target=press)
    storm.start()
    # As a strategy would: what was interrupted is asked for again, under the same ids.
    while len(venue.received) < ORDERS:
        turn += 1
        try:
            armed = True
            if batch is None:
                batch = list(wanted())
            if turn % 2:
                kernel.process_intents(batch)
            else:
                for one in batch:
                    kernel.process_intent(one)
            batch = None
            # Time passes too: what never left is known as not received after a while.
            kernel.advance_time(kernel.now_ns + 6_000_000_000)
            armed = False
        except KeyboardInterrupt:
            pressed += 1
    calm.set()
    storm.join()
    # What was interrupted before it left is asked about until the venue's settling window has passed.
    for _ in range(20):
        kernel.advance_time(kernel.now_ns + 6_000_000_000)
    agree(kernel, venue)
    kernel.close()
    if policy != "none":
        again = on(venue, max_slots=SLOTS, **options)
        assert again.recovery["troubles"] == [], again.recovery
        agree(again, venue)
    print(pressed)
"""


@pytest.mark.parametrize("policy", ["none", "batch", "always"])
def test_a_storm_of_ctrl_c_loses_no_order_and_doubles_none(tmp_path: Path, policy: str) -> None:
    pressed = int(passed(STORM, tmp_path / "log", policy))
    assert pressed > 10, "a storm that hardly interrupts proves nothing"


def test_ctrl_c_behind_another_threads_drain_comes_out_and_the_input_is_taken() -> None:
    passed(
        """
        import signal, threading, time
        from filling import FillingVenue, agree, on
        from kernels import ENTER, EXIT, intent

        entered, go_on = threading.Event(), threading.Event()
        def hold(order):
            entered.set()
            go_on.wait(30)
        venue = FillingVenue(hold)
        kernel = on(venue)
        holder = threading.Thread(target=lambda: kernel.process_intent(intent(ENTER, "i1")))
        holder.start()
        entered.wait(30)
        main = threading.main_thread().ident
        threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
        second = intent(ENTER, "i2", slot_id=1, trade_id="t2")
        try:
            kernel.process_intent(second)
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("nothing came out")
        go_on.set()
        holder.join()
        assert kernel.slot(1).fsm_state == "POSITION_OPEN"
        assert kernel.process_intent(second).diagnostic_code == "DUPLICATE_INTENT"
        agree(kernel, venue)
        """
    )


def test_ctrl_c_while_an_adapters_failure_is_logged_is_not_lost() -> None:
    """The log of an adapter's failure is Python too, and takes longer than most of the rest."""
    passed(
        """
        import logging, signal
        from filling import FillingVenue, agree, on
        from kernels import ENTER, intent

        class Pressed(logging.Handler):
            def emit(self, record):
                signal.raise_signal(signal.SIGINT)

        def fails(order):
            raise TimeoutError("no answer")
        logging.getLogger("dita.venue").addHandler(Pressed())
        venue = FillingVenue(fails)
        kernel = on(venue)
        try:
            kernel.process_intent(intent(ENTER, "i1"))
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("Ctrl-C was lost")
        venue.trouble = None
        kernel.advance_time(kernel.now_ns + 60_000_000_000)
        agree(kernel, venue)
        """
    )
