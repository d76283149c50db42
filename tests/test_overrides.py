"""An operator's own hand on a slot: attributed, taken as a whole, booked so that nothing is lost."""

from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, MockVenueAdapter, VenueEvent
from dita.overrides import WRITABLE
from kernels import ENTER, SYMBOL, ack, fill, intent, opened


def trading() -> ExecutionKernel:
    kernel = opened(MockVenueAdapter(submit=lambda order: [ack(order), fill(order)]))
    kernel.process_intent(intent(ENTER, "i1", exit_leg_ratios=("0.5", "0.5")))
    return kernel


WRITES: dict[str, Any] = {
    "trade_id": "t9",
    "asset": SYMBOL,
    "side": "SHORT",
    "size": "0.004",
    "entry_price": "59000",
    "initial_size": "0.02",
    "realized_pnl": "-3",
    "leverage": 5,
    "exit_leg_ratios": ("0.25", "0.75"),
    "close_reason": "MANUAL",
    "closed": True,
    "unprotected": True,
    "metadata": {"by": "hand"},
}


def test_every_writable_attribute_is_tried_here() -> None:
    assert set(WRITES) == WRITABLE


@pytest.mark.parametrize("name", sorted(WRITABLE))
def test_outside_of_an_override_nothing_is_written(name: str) -> None:
    kernel = trading()
    before = kernel.state_hash()
    with pytest.raises(InvalidInput, match=r"with kernel\.override\(by=") as caught:
        setattr(kernel.slot(0), name, WRITES[name])
    assert caught.value.field == name
    assert kernel.state_hash() == before


@pytest.mark.parametrize("name", sorted(WRITABLE))
def test_inside_it_reads_as_it_was_written_and_a_failure_applies_nothing(name: str) -> None:
    kernel = trading()
    before, was = kernel.state_hash(), getattr(kernel.slot(0), name)
    expected = WRITES[name]
    if name in {"size", "entry_price", "initial_size", "realized_pnl", "leverage"}:
        expected = Decimal(expected)
    elif name == "exit_leg_ratios":
        expected = tuple(map(Decimal, expected))
    read = []

    def write_and_fail() -> None:
        with kernel.override(by="ops", reason="a test"):
            setattr(kernel.slot(0), name, WRITES[name])
            read.append(getattr(kernel.slot(0), name))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert read == [expected]
    assert type(read[0]) is type(was)
    assert (kernel.state_hash(), getattr(kernel.slot(0), name)) == (before, was)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("size", "much", InvalidInput),
        ("size", -1, InvalidInput),
        ("size", True, InvalidType),
        ("entry_price", 0, InvalidInput),
        ("side", "UP", InvalidInput),
        ("closed", 1, InvalidType),
        ("exit_leg_ratios", 1, InvalidType),
        ("trade_id", "x" * 65, InvalidInput),
        ("metadata", [], InvalidType),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_written(name: str, value: Any, error: type[Exception]) -> None:
    kernel = trading()
    before = kernel.state_hash()
    with pytest.raises(error, match=f"^{name}: "), kernel.override(by="ops", reason="a test"):
        setattr(kernel.slot(0), name, value)
    assert kernel.state_hash() == before


def test_an_override_says_who_and_why() -> None:
    kernel = trading()
    for given in ({"by": "", "reason": "x"}, {"by": "ops", "reason": ""}):
        with pytest.raises(InvalidInput, match="an override is attributed"):
            kernel.override(**given)


def test_what_follows_from_the_rest_is_not_written() -> None:
    kernel = trading()
    with kernel.override(by="ops", reason="a test"):
        for name in ("fsm_state", "fees_paid", "funding_net", "active_exit_order", "active_leg_index"):
            with pytest.raises(AttributeError, match="follows from the rest"):
                setattr(kernel.slot(0), name, None)
        with pytest.raises(AttributeError, match="no attribute"):
            kernel.slot(0).colour = "red"


def test_blocks_do_not_nest_and_are_used_once() -> None:
    kernel, other = trading(), trading()
    with kernel.override(by="ops", reason="outer"):
        with (
            pytest.raises(InvalidInput, match="inside another override"),
            kernel.override(by="x", reason="y"),
        ):
            pass
        with other.override(by="ops", reason="another kernel's") as block:
            pass
    with pytest.raises(InvalidInput, match="used before"), block:
        pass
    with pytest.raises(InvalidInput, match=r"with kernel\.override"):
        kernel.slot(0).size = Decimal(1)


def test_a_mark_by_a_slot_is_the_instruments() -> None:
    kernel = trading()
    assert kernel.slot(0).mark_price("61000").accepted
    assert kernel.slot(0).unrealized_pnl == Decimal(10)


# --------------------------------------------------------------------------------------------- what it does


def test_a_smaller_size_goes_to_the_unassigned_book() -> None:
    kernel = trading()
    before = kernel.account.equity
    with kernel.override(by="ops", reason="sold by hand") as block:
        kernel.slot(0).size = "0.004"
    assert [outcome.diagnostic_code for outcome in block.outcomes] == ["OK"]
    assert str(kernel.slot(0).size) == "0.004"
    assert [str(row["size"]) for row in kernel.unassigned()] == ["0.006"]
    assert kernel.account.equity == before
    kernel.check_invariants()


def test_several_writes_to_a_slot_are_one_input() -> None:
    kernel = trading()
    seq = kernel.seq
    with kernel.override(by="ops", reason="booked wrongly"):
        slot = kernel.slot(0)
        slot.size = "0.005"
        slot.entry_price = "59000"
        slot.unprotected = True
        slot.metadata = {"checked": True}
    assert kernel.seq == seq + 1
    slot = kernel.slot(0)
    assert (slot.entry_price, slot.unprotected, slot.metadata) == (Decimal(59_000), True, {"checked": True})
    kernel.check_invariants()


def test_one_that_the_kernel_refuses_is_refused_whole() -> None:
    kernel = trading()
    before = kernel.state_hash()
    with (  # noqa: PT012 - the block is what is tested
        pytest.raises(InvalidInput, match=r"^slots\[0\]\.initial_size: ") as caught,
        kernel.override(by="ops", reason="a slip"),
    ):
        kernel.slot(0).size = "0.005"
        kernel.slot(0).initial_size = "0.001"
    assert caught.value.field == "slots[0].initial_size"
    assert kernel.state_hash() == before


def test_a_free_slot_takes_an_external_order() -> None:
    kernel = trading()
    with kernel.override(by="ops", reason="two trades, not one"):
        kernel.slot(0).size = "0.004"
        other = kernel.slot(3)
        other.trade_id = "t7"
        other.asset = SYMBOL
        other.side = "LONG"
        other.size = "0.006"
        other.entry_price = "60000"
    assert kernel.state.active_trade_index == {"t1": 0, "t7": 3}
    assert (kernel.slot(3).fsm_state, kernel.unassigned()) == ("POSITION_OPEN", [])
    kernel.check_invariants()


def test_closing_frees_the_slot() -> None:
    kernel = trading()
    with kernel.override(by="ops", reason="settled elsewhere"):
        kernel.slot(0).closed = True
        kernel.slot(0).close_reason = "ELSEWHERE"
    assert (kernel.slot(0).fsm_state, kernel.slot(0).close_reason) == ("CLOSED", "ELSEWHERE")
    assert [str(row["size"]) for row in kernel.unassigned()] == ["0.010"]
    kernel.check_invariants()


def test_a_leg_that_was_sold_by_hand_is_consumed() -> None:
    kernel = trading()
    with kernel.override(by="ops", reason="sold by hand"):
        kernel.slot(0).consume_exit_leg()
        with pytest.raises(InvalidInput, match="written in this block already"):
            kernel.slot(0).consume_exit_leg()
    assert (kernel.slot(0).active_leg_index, str(kernel.slot(0).size)) == (1, "0.005")
    assert [str(row["size"]) for row in kernel.unassigned()] == ["0.005"]
    kernel.check_invariants()


def test_an_external_fill_becomes_the_slots_exit() -> None:
    kernel = trading()
    strange = VenueEvent(
        1,
        kind="FULL_FILL",
        asset=SYMBOL,
        order_side="SELL",
        venue_order_id="V77",
        venue_client_id="WEB1",
        venue_trade_id="T77",
        price="61000",
        size="0.01",
    )
    kernel.on_venue_event(strange)
    assert [str(row["size"]) for row in kernel.unassigned()] == ["-0.010"]
    for attach in (kernel.slot(0).attach_exit_order, kernel.slot(0).attach_entry_order):
        with pytest.raises(InvalidInput, match=r"with kernel\.override"):
            attach("V77")
    with kernel.override(by="ops", reason="I sold it in the app"):
        kernel.slot(0).attach_exit_order("V77")
    assert (kernel.slot(0).fsm_state, kernel.slot(0).realized_pnl) == ("CLOSED", Decimal(10))
    assert kernel.unassigned() == []
    kernel.check_invariants()


def test_an_external_order_by_no_name_is_refused() -> None:
    kernel = trading()
    for order, error in (("V99", r"slots\[0\]\.exit_order"), ("", "no VenueOrder"), (5, "no VenueOrder")):
        with pytest.raises(InvalidInput, match=error), kernel.override(by="ops", reason="a slip"):
            kernel.slot(0).attach_exit_order(order)  # type: ignore[arg-type]
