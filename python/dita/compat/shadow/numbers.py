"""Exact numbers of a shadow run: read from what callers give, and written as JSON numbers."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from dita.errors import refuse
from dita.precision import plain

#: What a report can hold.
Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | Decimal | bool | None

_ZERO: Final = Decimal(0)


def decimal_of(field: str, value: Decimal | str | float) -> Decimal:
    """Return a number as it is written, zero or above.

    Args:
        field: What to call it.
        value: A number or its text; a float counts as its shortest text.

    Raises:
        InvalidInput: It is no finite number, or below zero.
    """
    if type(value) is Decimal:
        number = value
    else:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise refuse(field, value, "is no decimal") from None
    if not number.is_finite() or number < _ZERO:
        raise refuse(field, value, "must be a number, zero or above")
    return number


def canonical_json(value: Json) -> str:
    """Return a report as text: sorted keys, compact separators, decimals as exact numbers.

    Args:
        value: The report.
    """
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return (
            "{" + ",".join(f"{json.dumps(key)}:{canonical_json(value[key])}" for key in sorted(value)) + "}"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(canonical_json(one) for one in value) + "]"
    return json.dumps(value)
