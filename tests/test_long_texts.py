"""What errors show of keys and values ends at a stated length, whatever is given."""

import re
from collections.abc import Callable

import pytest

from dita import ControlUpdate, ExecutionKernel, KernelError, KernelIntent, TradeSlot, VenueEvent
from dita.errors import SHOWN_CHARS_MAX, InvalidInput, placed, refuse, wrong_type
from dita.market.source import decimal_text
from kernels import ENTER, SYMBOL, intent, opened

LONG = "k" * 1_000_000
CUT = "k" * SHOWN_CHARS_MAX + "…"
ACCOUNT = {"kind": "FUNDING_FEE", "timestamp": 1, "event_id": "q", "asset": "USDT", "amount": 1}
# A value's text begins with its quotation mark, which counts.
CUT_VALUE = "'" + "k" * (SHOWN_CHARS_MAX - 1) + "…"

CALLS: list[tuple[str, Callable[[ExecutionKernel], object]]] = [
    ("a key of an account event     ", lambda k: k.on_account_event({**ACCOUNT, LONG: 1})),
    ("a value of an account event   ", lambda k: k.on_account_event({**ACCOUNT, "kind": LONG})),
    ("an amount that is no number   ", lambda k: k.on_account_event({**ACCOUNT, "amount": LONG})),
    ("a key of the exchange's config", lambda k: k.set_exchange_config({LONG: 1})),
    ("an instrument's name          ", lambda k: k.set_exchange_config({"instruments": {LONG: {}}})),
    ("a key of an instrument        ", lambda k: k.set_exchange_config({"instruments": {SYMBOL: {LONG: 1}}})),
    ("a slot's number               ", lambda k: k.slot(LONG)),  # type: ignore[arg-type]
    ("an order's id                 ", lambda k: k.order(LONG)),
    ("a mark's price                ", lambda k: k.mark_price(SYMBOL, LONG)),
    ("an intent's asset             ", lambda k: intent(ENTER, "i", asset=LONG)),
    ("an intent's metadata          ", lambda k: intent(ENTER, "i", metadata={LONG: object()})),
    ("an intent of another type     ", lambda k: k.process_intent(LONG)),  # type: ignore[arg-type]
    ("a venue event's kind          ", lambda k: VenueEvent(timestamp=1, kind=LONG)),
    ("a control update's limit      ", lambda k: k.update_control(ControlUpdate(updated_by=LONG))),
    ("a slot from a mapping         ", lambda k: TradeSlot.from_dict({"slot_id": 0, LONG: 1})),
    ("a balance's asset             ", lambda k: k.open_with({"balances": {LONG: 1}})),
]  # fmt: skip


@pytest.mark.parametrize("call", [row[1] for row in CALLS], ids=[row[0].strip() for row in CALLS])
def test_a_million_characters_are_cut(call: Callable[[ExecutionKernel], object]) -> None:
    with opened() as kernel, pytest.raises((KernelError, TypeError)) as caught:
        call(kernel)
    text = str(caught.value)
    assert "kkkk" in text, text[:300]
    assert "…" in text, text[:300]
    assert all(len(run) <= SHOWN_CHARS_MAX for run in re.findall("k+", text))
    assert len(getattr(caught.value, "field", "")) <= SHOWN_CHARS_MAX + 1


def test_the_pythons_errors_are_cut_in_the_same_place() -> None:
    for error in (refuse(LONG, LONG, "is long"), wrong_type(LONG, LONG, "int")):
        assert error.field == CUT
        assert error.value is LONG
        assert CUT_VALUE in str(error)
        assert len(str(placed(error, LONG))) < 800
    with pytest.raises(ValueError, match="for a number") as caught:
        decimal_text(LONG, "price")
    assert len(str(caught.value)) < 800


def test_what_is_not_too_long_is_shown_whole() -> None:
    whole = "é" * (SHOWN_CHARS_MAX - 2)
    assert str(refuse("field", whole, "is odd")) == f"field: '{whole}' is odd"
    with pytest.raises(InvalidInput, match=whole):
        KernelIntent(
            timestamp=1, intent_id="i", trade_id="t", slot_id=0, asset=whole, side="LONG", action="ENTER"
        )
    assert str(refuse("\ud800", "\ud800", "is no text")).endswith("'\\ud800' is no text")
