"""Precision as other venues state it: every recorded case of the most used client, exactly."""

import operator
from collections.abc import Callable
from decimal import Decimal, DivisionByZero, Inexact, InvalidOperation
from typing import Any

import pytest

from dita.precision import EXACT, Counting, plain, quotient, to_precision
from fixtures import precision

_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "string_mul": EXACT.multiply,
    "string_add": EXACT.add,
    "string_sub": EXACT.subtract,
    "string_mod": EXACT.remainder,
    "string_min": min,
    "string_max": max,
    "string_or": lambda a, b: Decimal(int(a) | int(b)),
}
_COMPARISON: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "string_gt": operator.gt,
    "string_lt": operator.lt,
    "string_ge": operator.ge,
    "string_le": operator.le,
    "string_eq": operator.eq,
    "string_equals": operator.eq,
}
_ONE: dict[str, Callable[[Decimal], Decimal]] = {"string_abs": EXACT.abs, "string_neg": EXACT.minus}


def calculated(case: dict[str, Any]) -> str | bool:
    """What we make of a recorded case of arithmetic."""
    op, given = case["op"], case["args"]
    numbers = [EXACT.create_decimal(str(value)) for value in given]
    if op in _ONE:
        return plain(_ONE[op](*numbers))
    if op in _COMPARISON:
        return _COMPARISON[op](*numbers)
    if op == "string_div":
        return plain(quotient(*numbers[:2], int(given[2]) if len(given) > 2 else 18))
    return plain(_ARITHMETIC[op](*numbers))


def test_every_recorded_case_of_arithmetic_agrees() -> None:
    cases = precision("ccxt_precise_string_math.json")["cases"]
    assert len(cases) == 189
    answered = [case for case in cases if case["expected"] is not None and "None" not in case["args"]]
    wrong = [(case, calculated(case)) for case in answered if calculated(case) != case["expected"]]
    assert wrong == []
    assert len(answered) == 143


def test_what_has_no_answer_raises() -> None:
    # Where the other client answers None or False for what is no number, we say so.
    cases = precision("ccxt_precise_string_math.json")["cases"]
    silent = [case for case in cases if case["expected"] is None or "None" in case["args"]]
    for case in silent:
        with pytest.raises((InvalidOperation, DivisionByZero)):
            calculated(case)


def test_every_recorded_case_of_rounding_agrees() -> None:
    cases = precision("ccxt_decimal_to_precision.json")["cases"]
    assert len(cases) == 231
    made = [
        to_precision(
            case["input"],
            case["precision"],
            counting=case["counting"],
            digits=case["rounding"],
            pad=case["padding"] == "PAD_WITH_ZERO",
        )
        for case in cases
    ]
    wrong = [(case, text) for case, text in zip(cases, made, strict=True) if text != case["expected"]]
    assert wrong == []


@pytest.mark.parametrize(
    ("precision_given", "counting", "complaint"),
    [
        ("0", Counting.TICK_SIZE, "no step"),
        ("-1", Counting.TICK_SIZE, "no step"),
        ("1.5", Counting.DECIMAL_PLACES, "whole number"),
        ("1", "DIGITS", "DIGITS"),
    ],
)
def test_a_precision_that_is_none_is_refused(precision_given: str, counting: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        to_precision("1", precision_given, counting=counting)


def test_nothing_is_inexact_in_silence() -> None:
    with pytest.raises(Inexact):
        EXACT.divide(Decimal(1), Decimal(3))
