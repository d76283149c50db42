"""Numbers, times, tables and JSON as text for people and programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from dita.precision import plain

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KIB: Final = 1024


def exact(amount: Decimal | None, *, sign: bool = False) -> str:
    """Return a number in full, without trailing zeros; a dash where there is none.

    Args:
        amount: The number.
        sign: True shows a plus as well.
    """
    if amount is None:
        return "-"
    return f"+{plain(amount)}" if sign and not amount.is_signed() else plain(amount)


def time_text(time_ns: int | None) -> str:
    """Return a time in UTC to the nanosecond, as far as it has them; a dash where there is none."""
    if time_ns is None:
        return "-"
    seconds, fraction_ns = divmod(time_ns, 1_000_000_000)
    fraction = f"{fraction_ns:09d}".rstrip("0")
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return f"{whole}.{fraction.ljust(3, '0')}" if fraction else whole


def count(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def size_text(size_bytes: int) -> str:
    """Return a size in the unit that suits it."""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("KiB", "MiB", "GiB"):
        size /= _KIB
        if size < _KIB:
            return f"{size:.1f} {unit}"
    return f"{size / _KIB:.1f} TiB"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: str | Sequence[str] = ""
) -> list[str]:
    """Return aligned lines, indented by two.

    Args:
        header: A name for each column.
        rows: As many texts each.
        right: The columns that are aligned to the right; as one text, with blanks between their names.
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    names = right.split() if isinstance(right, str) else right
    to_right = [name in names for name in header]
    texts = []
    for line in lines:
        cells = zip(line, widths, to_right, strict=True)
        padded = [cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in cells]
        texts.append(("  " + "  ".join(padded)).rstrip())
    return texts


def as_json(content: Mapping[str, Any]) -> str:
    """Return one JSON object: money as text, times as int nanoseconds, a newline at the end."""
    return json.dumps(content, default=_plain, indent=2, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no place in JSON")
