"""Names, forms and defaults of the older systems: each is the thing that has another name here."""

import json
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import dita
from dita import (
    ExecutionKernel,
    InMemoryControlPlane,
    InMemoryZincPlane,
    InvalidInput,
    InvalidType,
    KernelError,
    KernelEventKind,
    MockVenueAdapter,
    VenueEvent,
)
from dita.cli import main
from dita.compat.second_names import SECTIONS, page
from dita.journal import MemoryKernelJournal
from dita.projection import MemoryProjection
from dita.second_names import FIGURES
from dita.strategy.samples import path_of
from kernels import ENTER, EXIT, SYMBOL, ack, event, fill, intent, opened, paper

GIVEN: dict[str, Any] = {
    "timestamp": 1,
    "intent_id": "i1",
    "trade_id": "t1",
    "slot_id": 0,
    "asset": SYMBOL,
    "side": "LONG",
    "action": "ENTER",
    "reference_price": "60000",
    "target_size": "0.01",
}
TABLE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "second-names.md"


def test_the_names_are_there_and_in_the_table() -> None:
    assert dita.VenueEventStatus is dita.VenueOrderStatus
    assert (
        VenueEvent(timestamp=1, kind="ORDER_STATUS", status=dita.VenueEventStatus.FILLED).status == "FILLED"
    )
    assert dita.KernelSeverity.CRITICAL == "CRITICAL"
    assert not hasattr(dita, "Severity")
    text = TABLE.read_text()
    for name in ("VenueEventStatus", "KernelSeverity", "InvalidSlot", "release_eta", *FIGURES):
        assert f"`{name}`" in text, name


def test_a_kernel_shows_what_it_was_opened_with() -> None:
    planes = {
        "control_plane": InMemoryControlPlane(),
        "journal": MemoryKernelJournal(),
        "projection": MemoryProjection(),
        "zinc_plane": InMemoryZincPlane(),
        "venue": MockVenueAdapter(),
    }
    with ExecutionKernel(max_slots=7, **planes) as kernel:  # type: ignore[arg-type]
        assert kernel.max_slots == 7
        for name, plane in planes.items():
            assert getattr(kernel, name) is plane, name
    with ExecutionKernel() as kernel:
        assert isinstance(kernel.control_plane, InMemoryControlPlane)
        assert (kernel.journal, kernel.projection, kernel.zinc_plane, kernel.venue) == (
            None,
            None,
            None,
            None,
        )


def test_the_account_has_a_snapshot_of_the_ledgers_figures() -> None:
    kernel, _ = paper()
    before = kernel.account.snapshot
    assert (before.capital, before.equity, before.fees_paid) == (10_000, 10_000, 0)
    assert kernel.process_intent(intent(ENTER, "i1")).accepted
    kernel.mark_price(SYMBOL, "61000")
    held = kernel.account.snapshot
    assert held.open_positions == 1
    assert held.unrealized_pnl == Decimal("9.999"), "0.01 at 60,000.1"
    assert kernel.process_intent(intent(EXIT, "x1")).accepted
    state, after = kernel.account.state(), kernel.account.snapshot
    assert {name: getattr(after, name) for name in FIGURES} == {
        name: state[own] for name, own in FIGURES.items()
    }
    assert after.fees_paid > 0
    assert after.capital == 10_000 + after.realized_pnl - after.fees_paid
    assert before.capital == 10_000, "a snapshot is of one moment"
    assert kernel.account.observe_slots(kernel.state.slots) == kernel.account.settle("5") == after


@pytest.mark.parametrize("size", [float("nan"), float("inf"), Decimal("NaN"), "much", None, [1]])
@pytest.mark.parametrize("as_object", [False, True])
def test_a_size_that_is_no_number_is_an_outcome(size: object, *, as_object: bool) -> None:
    with opened() as kernel:
        before = kernel.state_hash()
        given: dict[str, Any] = {**GIVEN, "target_size": size}
        outcome = kernel.process_intent(types.SimpleNamespace(**given) if as_object else given)
        assert (outcome.accepted, outcome.diagnostic_code) == (False, "INVALID_INTENT")
        assert (outcome.severity, outcome.slot_id, outcome.state) == ("ERROR", 0, "IDLE")
        details = outcome.details
        named = (details["intent_id"], details["action"], details["asset"], details["field"])
        assert named == ("i1", "ENTER", SYMBOL, "target_size")
        assert details["reason"]
        assert kernel.state_hash() == before


def test_a_mapping_that_is_whole_is_taken_like_an_intent() -> None:
    kernel, _ = paper()
    assert kernel.process_intent(GIVEN).accepted
    assert kernel.slot(0).fsm_state == "POSITION_OPEN"
    with opened() as other:
        assert other.process_intent(types.SimpleNamespace(**GIVEN)).accepted


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"k" * 1000: 1}, "k" * 80 + "…"),
        ({"side": "UP"}, "side"),
        ({"slot_id": "a"}, "slot_id"),
    ],
)
def test_another_field_that_cannot_be_is_named(change: dict[str, Any], field: str) -> None:
    with opened() as kernel:
        outcome = kernel.process_intent({**GIVEN, **change})
        assert (outcome.diagnostic_code, outcome.details["field"]) == ("INVALID_INTENT", field)


@pytest.mark.parametrize("nothing", [None, 5, "intent", [], {}])
def test_what_is_no_intent_at_all_raises(nothing: object) -> None:
    with opened() as kernel, pytest.raises(InvalidType, match="intent: expected KernelIntent"):
        kernel.process_intent(nothing)


def test_an_intent_that_the_kernel_refuses_names_itself() -> None:
    with opened() as kernel:
        refused = kernel.process_intent(intent(ENTER, "i9", target_size="-1"))
        details = refused.details
        assert refused.diagnostic_code == "INVALID_INTENT"
        assert (details["intent_id"], details["action"], details["asset"]) == ("i9", "ENTER", SYMBOL)
        assert details["reason"]
        assert details["field"] == "target_size"
        none = kernel.process_intent(intent(ENTER, "i10", slot_id=99))
        assert none.diagnostic_code == "INVALID_SLOT_ID"
        assert (none.details["slot_id"], none.details["intent_id"]) == (99, "i10")


@pytest.mark.parametrize(("wait", "eta"), [(1_500, Decimal("1.5")), (None, "come back later")])
def test_a_rate_limit_says_how_bad_and_until_when(wait: int | None, eta: object) -> None:
    def submit(order: Any) -> list[VenueEvent]:
        return [event(KernelEventKind.RATE_LIMITED, order, reason="come back later", retry_after_ms=wait)]

    with opened(MockVenueAdapter(submit=submit)) as kernel:
        outcome = kernel.process_intent(intent(ENTER, "i1"))
        assert outcome.diagnostic_code == "RATE_LIMITED"
        assert (outcome.details["severity"], outcome.details["release_eta"]) == ("WARNING", eta)


@pytest.mark.parametrize("number", [99, -1, 10, "0"])
def test_a_slot_that_is_not_there_is_an_index_error_and_ours(number: Any) -> None:
    with ExecutionKernel(max_slots=10) as kernel:
        for error in (IndexError, InvalidInput, ValueError, KernelError, dita.InvalidSlot):
            with pytest.raises(error, match="must be from 0 to 9") as caught:
                kernel.slot(number)
            assert (caught.value.field, caught.value.value) == ("slot_id", number)  # type: ignore[attr-defined]


def test_the_older_names_do_not_hide_the_newer_ones() -> None:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]))
    assert kernel.process_intent(intent(ENTER, "i1")).details.get("severity") is None


def test_a_slot_names_the_fills_that_it_has_seen() -> None:
    kernel, _ = paper()
    entered = kernel.process_intent(intent(ENTER, "i1"))
    of = lambda outcome: [one.venue_trade_id for one in outcome.emitted_events if one.venue_trade_id]  # noqa: E731
    entries = tuple(of(entered))
    assert len(entries) == 1
    assert kernel.slot(0).seen_event_ids == entries
    left = kernel.process_intent(intent(EXIT, "x1"))
    slot = kernel.slot(0).snapshot()
    assert slot.seen_event_ids == (*entries, *of(left))
    assert dita.TradeSlot.from_dict(slot.to_dict()) == slot
    # The next trade begins anew.
    kernel.process_intent(intent(ENTER, "i2", trade_id="t2"))
    assert len(kernel.slot(0).seen_event_ids) == 1
    kernel.close()


ROWS = [
    pytest.param(row, id=f"{system.partition(' ')[2][:12]}-{number}")
    for system, (_, rows) in SECTIONS.items()
    for number, row in enumerate(rows)
]


@pytest.mark.parametrize("row", ROWS)
def test_each_second_name_is_built(
    row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    market = tmp_path / "xusdt_1h.csv"
    bars = (f"2024-01-{1 + n // 24:02}T{n % 24:02}:00,100,110,90,101,1" for n in range(72))
    market.write_text("\n".join(["timestamp,open,high,low,close,volume", *bars]) + "\n")

    def cli(*arguments: str) -> int:
        try:
            return main(list(arguments))
        except SystemExit as end:
            return int(end.code or 0)

    given = {"path": tmp_path, "market": market, "cli": cli, "path_of_sample": path_of("ema-cross")}
    exec(compile(row.code, row.there, "exec"), given)  # noqa: S102 - our own rows


def test_the_page_and_the_command_list_every_second_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert TABLE.read_text() == page()
    assert main(["second-names"]) == 0
    shown = capsys.readouterr().out
    for _, rows in SECTIONS.values():
        for row in rows:
            assert row.there.replace("`", "")[:20] in shown
    assert main(["second-names", "--json", "seen_event_ids"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [len(rows) for rows in found.values()] == [2, 0, 0, 0, 0]
