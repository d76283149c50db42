"""Threads that call one kernel at once: none hangs, and it comes to what one thread would have made."""

import threading
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dita import ExecutionKernel, KernelClosed, MemoryKernelJournal, MemoryProjection, SimulatedVenue
from filling import FillingVenue, agree, on
from kernels import ENTER, EXIT, SYMBOL, intent
from limited import together

TRADES = 15
LOGGED = pytest.mark.parametrize("logged", [False, True], ids=["in memory", "with a log"])


def _options(tmp_path: Path, *, logged: bool) -> dict[str, Any]:
    return {"log_dir": tmp_path / "log"} if logged else {}


def _trade(kernel: ExecutionKernel, slot_id: int) -> None:
    for number in range(TRADES):
        for action in (ENTER, EXIT):
            name = f"t{slot_id}-{number}"
            outcome = kernel.process_intent(intent(action, f"{action}{name}", slot_id=slot_id, trade_id=name))
            assert outcome.accepted, outcome


@LOGGED
def test_threads_that_trade_read_and_tell_at_once_lose_nothing(tmp_path: Path, *, logged: bool) -> None:
    # It lets go of the interpreter, so that the others come in between.
    venue = FillingVenue(lambda _order: time.sleep(0.0002))
    journal = MemoryKernelJournal(10_000)
    kernel = on(venue, max_slots=4, journal=journal, **_options(tmp_path, logged=logged))
    trading = threading.Event()

    def repeat() -> None:
        # What a stream does: the same events again, from another thread.
        while not trading.is_set():
            for name in list(venue.received)[-8:]:
                for reported in venue.reported(name):
                    kernel.on_venue_event(reported)
            time.sleep(0.001)

    def read() -> None:
        while not trading.is_set():
            assert len(kernel.snapshot()["slots"]) == 4
            kernel.check_invariants()
            kernel.mark_price(SYMBOL, "60000")
            time.sleep(0.001)

    def all_trades() -> None:
        together(*(partial(_trade, kernel, slot_id) for slot_id in range(4)))
        trading.set()

    together(all_trades, repeat, read)
    assert len(venue.received) == 4 * TRADES * 2
    agree(kernel, venue)
    stages = [str(record.transition.next_state) for record in journal.records]
    assert stages.count("CLOSED") == 4 * TRADES
    kernel.close()
    if logged:
        again = on(venue, max_slots=4, log_dir=tmp_path / "log")
        agree(again, venue)
        again.close()


@LOGGED
@pytest.mark.parametrize("venue_of", [SimulatedVenue, FillingVenue])
def test_a_kernel_that_is_closed_under_its_threads_tells_each_of_them(
    tmp_path: Path, venue_of: Any, *, logged: bool
) -> None:
    venue = venue_of() if venue_of is FillingVenue else SimulatedVenue(balances={"USDT": "10000"})
    kernel = on(venue, max_slots=4, **_options(tmp_path, logged=logged))
    if isinstance(venue, SimulatedVenue):
        venue.on_quote(SYMBOL, "60000.0", None, "60000.1", None, 1)
    at_work = threading.Barrier(4)

    def trade(slot_id: int) -> None:
        at_work.wait(30)
        with pytest.raises(KernelClosed):
            for_ever(slot_id)

    def for_ever(slot_id: int) -> None:
        for number in range(1_000_000):
            for action in (ENTER, EXIT):
                name = f"t{slot_id}-{number}"
                kernel.process_intent(intent(action, f"{action}{name}", slot_id=slot_id, trade_id=name))

    def close() -> None:
        at_work.wait(30)
        while kernel.seq < 200:
            pass
        together(kernel.close, kernel.close)

    together(close, *(partial(trade, slot_id) for slot_id in range(3)))
    assert kernel.closed
    if logged and isinstance(venue, FillingVenue):
        again = on(venue, max_slots=4, log_dir=tmp_path / "log")
        booked = sum((row["size"] for row in again.positions()), Decimal(0))
        assert booked == venue.position
        assert set(venue.received.values()) <= {1}
        again.close()


@LOGGED
def test_closing_waits_for_the_thread_that_drains_before_it_takes_the_journal_away(
    tmp_path: Path, *, logged: bool
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hold(_order: object) -> None:
        entered.set()
        assert go_on.wait(30)

    reported: list[str] = []

    class Journal(MemoryKernelJournal):
        def record_transition(self, *arguments: Any) -> None:
            reported.append("record")
            super().record_transition(*arguments)

        def close(self) -> None:
            reported.append("close")

    venue = FillingVenue(hold)
    kernel = on(venue, journal=Journal(), **_options(tmp_path, logged=logged))

    def close() -> None:
        assert entered.wait(30)
        threading.Timer(0.2, go_on.set).start()
        kernel.close()

    together(lambda: kernel.process_intent(intent(ENTER, "i1")), close)
    assert reported == ["record"] * 4 + ["close"]


@LOGGED
@pytest.mark.parametrize("place", ["adapter", "journal", "projection"])
def test_while_somebody_hangs_others_read_and_leave_their_events(
    tmp_path: Path, place: str, *, logged: bool
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        entered.set()
        assert go_on.wait(30)

    class Journal(MemoryKernelJournal):
        def record_transition(self, *arguments: Any) -> None:
            if place == "journal":
                hold()
            super().record_transition(*arguments)

    class Projection(MemoryProjection):
        def write_slot(self, slot: Any) -> None:
            if place == "projection":
                hold()
            super().write_slot(slot)

    venue = FillingVenue(hold if place == "adapter" else None)
    followers = {"journal": Journal(), "projection": Projection()}
    kernel = on(venue, **followers, **_options(tmp_path, logged=logged))

    def look() -> None:
        assert entered.wait(30)
        try:
            assert kernel.slot(0).fsm_state == ("ORDER_SENT" if place == "adapter" else "POSITION_OPEN")
            kernel.check_invariants()
            # What cannot be answered before the hanging one is only left there.
            (name,) = venue.received
            for reported in venue.reported(name):
                assert kernel.on_venue_event(reported).details["queued"]
        finally:
            go_on.set()

    together(lambda: kernel.process_intent(intent(ENTER, "i1")), look)
    agree(kernel, venue)
    assert kernel.slot(0).size == Decimal("0.01")
    kernel.close()
