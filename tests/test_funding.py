"""Funding: told, predicted at each boundary, and settled by what the venue books."""

from decimal import Decimal
from typing import Any

import pytest

from dita import InvalidInput, InvalidType
from kernels import ENTER, SYMBOL, intent, paper

HOUR = 3_600 * 1_000_000_000


def test_a_boundary_is_predicted_from_the_terms() -> None:
    kernel, _ = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    reported = kernel.on_funding(
        SYMBOL, rate="0.0001", next_boundary=8 * HOUR, interval_secs=28_800, mark_price="60000"
    )
    assert reported.accepted, reported
    before = kernel.account.capital
    kernel.advance_time(8 * HOUR + 1)
    assert kernel.account.capital - before == Decimal("-0.06")
    assert kernel.slot(0).funding_net == Decimal("-0.06")
    kernel.check_invariants()


def test_what_the_venue_books_settles_the_prediction() -> None:
    kernel, venue = paper()
    kernel.process_intent(intent(ENTER, "i1"))
    venue.mark(SYMBOL, "60000", 2)
    venue.set_funding(SYMBOL, "0.0003", 8 * HOUR, 28_800)
    for boundary in (1, 2, 3):
        venue.advance(8 * HOUR * boundary + 1)
        assert venue.counters()["fundings"] == boundary
        assert kernel.account.capital == venue.wallet("USDT")
        assert kernel.account.reconcile_delta == 0
    assert kernel.slot(0).funding_net == 3 * Decimal("-0.18")
    kernel.check_invariants()


@pytest.mark.parametrize(
    ("terms", "error", "field"),
    [
        ({"rate": "x"},             InvalidInput, "rate"),
        ({"next_boundary": "soon"}, InvalidType,  "next_boundary"),
        ({"interval_secs": 1.5},    InvalidType,  "interval_secs"),
        ({"interval_secs": -1},     InvalidInput, "interval_secs"),
        ({"mark_price": [1]},       InvalidType,  "mark_price"),
    ],
)  # fmt: skip
def test_terms_that_cannot_be_are_refused_by_name(terms: dict[str, Any], error: Any, field: str) -> None:
    kernel, _ = paper()
    before = kernel.state_hash()
    with pytest.raises(error) as caught:
        kernel.on_funding(SYMBOL, **terms)
    assert isinstance(caught.value, (InvalidInput, InvalidType))
    assert (caught.value.field, kernel.state_hash()) == (field, before)


def test_an_unknown_instrument_has_no_funding() -> None:
    kernel, _ = paper()
    before = kernel.state_hash()
    outcome = kernel.on_funding("NOPE", rate="0.0001")
    assert (outcome.accepted, outcome.diagnostic_code) == (False, "INVALID_INTENT")
    assert kernel.state_hash() == before
