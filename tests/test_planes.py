"""Journal, projection, Zinc and control planes, beside a kernel that trades."""

import logging
from typing import Any, NoReturn

import pytest

from dita import (
    ControlPlane,
    ControlUpdate,
    ExecutionKernel,
    InMemoryControlPlane,
    InMemoryZincPlane,
    InvalidInput,
    InvalidType,
    KernelControlSnapshot,
    KernelJournal,
    KernelProjection,
    MemoryKernelJournal,
    MemoryProjection,
    MockVenueAdapter,
    ZincPlane,
    build_control_plane,
    build_projection,
)
from kernels import ENTER, EXIT, SYMBOL, ack, fill, intent, opened


def trading(**planes: Any) -> ExecutionKernel:
    return opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]), **planes)


def test_planes_keep_their_protocols() -> None:
    assert isinstance(MemoryKernelJournal(), KernelJournal)
    assert isinstance(build_projection(), KernelProjection)
    assert isinstance(InMemoryZincPlane(), ZincPlane)
    assert isinstance(build_control_plane(), ControlPlane)
    with pytest.raises(InvalidType, match="HazelcastClient"):
        build_projection(client=object())


def test_the_journal_has_every_stage_change_in_order() -> None:
    journal = MemoryKernelJournal()
    kernel = trading(journal=journal)
    outcomes = [kernel.process_intent(intent(ENTER, "i1")), kernel.process_intent(intent(EXIT, "i2"))]
    reported = [change for outcome in outcomes for change in outcome.transitions]
    assert [record.transition for record in journal.records] == reported
    assert [record.slot.fsm_state for record in journal.records[:4]] == ["POSITION_OPEN"] * 4
    assert journal.records[0].control["gate"] == "NORMAL"


def test_the_journal_has_the_venues_event_behind_each_change() -> None:
    journal = MemoryKernelJournal()
    kernel = trading(journal=journal)
    outcome = kernel.process_intent(intent(ENTER, "i1"))
    behind = [(record.transition.next_state, record.event) for record in journal.records]
    assert behind == [
        ("ORDER_REQUESTED", None),
        ("ORDER_SENT", None),
        ("ENTRY_WORKING", outcome.emitted_events[0]),
        ("POSITION_OPEN", outcome.emitted_events[1]),
    ]


def test_a_bounded_journal_counts_what_is_gone() -> None:
    journal = MemoryKernelJournal(records_max=3)
    trading(journal=journal).process_intent(intent(ENTER, "i1"))
    assert (len(journal.records), journal.dropped) == (3, 1)


def test_projection_and_zinc_show_the_newest_state() -> None:
    projection, zinc = MemoryProjection(), InMemoryZincPlane()
    kernel = trading(projection=projection, zinc_plane=zinc)
    kernel.process_intent(intent(ENTER, "i1"))
    kernel.update_control(ControlUpdate(frozen=True))
    assert projection.slots[0] == zinc.read_slot(0) == kernel.slot(0).snapshot()
    assert zinc.read_slot(1) is None
    assert zinc.read_account()["k_capital"] == projection.account["k_capital"] == kernel.account.capital
    assert [one.intent_id for one in zinc.intents] == ["i1"]
    assert projection.control["frozen"] is zinc.control["frozen"] is True


def test_an_account_event_reaches_the_projection() -> None:
    projection = MemoryProjection()
    kernel = trading(projection=projection)
    kernel.on_account_event({"kind": "TRANSFER", "timestamp": 1, "asset": "USDT", "amount": 5})
    assert projection.account["k_capital"] == 10_005


def test_a_plane_that_fails_is_counted_and_trading_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryProjection):
        def write_slot(self, slot: object) -> NoReturn:
            raise OSError("disk full")

    kernel = trading(projection=Broken())
    with caplog.at_level(logging.ERROR, logger="dita.planes"):
        assert kernel.process_intent(intent(ENTER, "i1")).state == "POSITION_OPEN"
    assert kernel.health()["plane_errors"] == 1
    assert "disk full" in caplog.text


def test_a_plane_that_calls_back_is_queued() -> None:
    kernel: ExecutionKernel
    queued: list[Any] = []

    class Follower(MemoryProjection):
        def write_slot(self, slot: Any) -> None:
            super().write_slot(slot)
            if slot.fsm_state == "POSITION_OPEN" and not queued:
                queued.append(kernel.process_intent(intent(EXIT, "x1")))

    kernel = trading(projection=Follower())
    kernel.process_intent(intent(ENTER, "i1"))
    assert queued[0].details == {"queued": True}
    assert kernel.slot(0).fsm_state == "CLOSED"


def test_a_kernel_goes_by_its_control_plane() -> None:
    plane = InMemoryControlPlane(KernelControlSnapshot(frozen=True))
    kernel = trading(control_plane=plane)
    assert kernel.process_intent(intent(ENTER, "i1")).diagnostic_code == "FROZEN"
    plane.update(ControlUpdate(frozen=False, limits={"max_open_slots": 1}, updated_by="ops"))
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    assert (kernel.control.updated_by, kernel.control.limits["max_open_slots"]) == ("ops", 1)
    assert plane.read().limits["max_open_slots"] == 1


def test_a_change_that_the_kernel_refuses_does_not_stand_at_the_plane() -> None:
    plane = InMemoryControlPlane()
    kernel = trading(control_plane=plane)
    kernel.process_intent(intent(ENTER, "i1"))
    with pytest.raises(InvalidInput):
        plane.update(ControlUpdate(mode="SHADOW"))
    assert (plane.read().mode, plane.read().version, kernel.control.mode) == ("PAPER", 0, "PAPER")


def test_a_closed_kernel_receives_no_more_of_its_plane() -> None:
    plane = InMemoryControlPlane()
    trading(control_plane=plane).close()
    assert plane.update(ControlUpdate(gate="HALTED")).gate == "HALTED"


def test_controls_as_a_dict_are_plain() -> None:
    controls = KernelControlSnapshot().as_dict()
    assert set(controls) == {
        "mode", "gate", "verbosity", "debug_clickhouse_enabled", "frozen", "limits",
        "kill_switch", "freeze_events",
        "last_freeze_reason", "last_freeze_symbol", "version", "updated_by",
        "updated_at", "require_audit", "regime", "audited",
    }  # fmt: skip
    assert SYMBOL not in controls
