"""An operator's own hand on a slot: attributed, taken as a whole, booked so that nothing is lost."""

from decimal import Decimal
from typing import Any

import pytest

from dita import ExecutionKernel, InvalidInput, InvalidType, MockVenueAdapter
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
