"""How the commands that read a log write: aligned tables, exact numbers, times, JSON."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

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
    text = format(amount, "+f" if sign else "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


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


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> list[str]:
    """Return aligned lines, indented by two.

    Args:
        header: One word for each column.
        rows: As many texts each.
        right: The columns' names, apart by blanks, that are aligned to the right.
    """
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    to_right = [name in right.split() for name in header]
    texts = []
    for line in lines:
        cells = zip(line, widths, to_right, strict=True)
        padded = [cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in cells]
        texts.append(("  " + "  ".join(padded)).rstrip())
    return texts


def owner_lines(identity: str) -> list[str]:
    """Return whose log it is: its id, and the kernel's settings, in lines that fit a screen.

    Args:
        identity: As the log has it.
    """
    found = re.fullmatch(r"'(.*)' \(id (\w+)\)", identity)
    if found is None:
        return [identity]
    settings = textwrap.wrap(found[1].removeprefix("dita kernel: "), 88, break_on_hyphens=False)
    return [f"id {found[2]}, a kernel with", *settings]


def as_json(content: Mapping[str, Any]) -> str:
    """Return one JSON object: money as text, times as int nanoseconds, a newline at the end."""
    return json.dumps(content, default=_plain, indent=2, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no place in JSON")
