"""A moment of a log: an input's number, or a time."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from dita.errors import refuse, wrong_type

_SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION: Final = re.compile(r"(?<=:\d\d)\.(\d{1,9})")


class Moment(NamedTuple):
    """Where to stop: with that input, or with the last one up to that time; both None means the log's end.

    Attributes:
        seq: An input's number.
        time_ns: Kernel time, nanoseconds, UTC.
    """

    seq: int | None = None
    time_ns: int | None = None


def moment(until: Moment | int | str | None) -> Moment:
    """Read a moment.

    Args:
        until: An input's number, as int or as digits; a time in ISO 8601 with up to nine decimals, UTC where
            it names no zone; None for the log's end.

    Raises:
        InvalidInput: The text is neither.
        InvalidType: It is no text, no int and no Moment.
    """
    if until is None:
        return Moment()
    if isinstance(until, Moment):
        return until
    if isinstance(until, bool) or not isinstance(until, int | str):
        raise wrong_type("until", until, "an input's number or a time as text")
    if isinstance(until, int) or until.isdecimal():
        return Moment(seq=_number(int(until)))
    return Moment(time_ns=_time_ns(until))


def _number(seq: int) -> int:
    if not 0 <= seq < 1 << 64:
        raise refuse("until", seq, "is no number of an input")
    return seq


def _time_ns(text: str) -> int:
    # The standard library reads microseconds; the digits beyond them must not be lost.
    found = _FRACTION.search(text)
    fraction_ns = int(found[1].ljust(9, "0")) if found else 0
    try:
        whole = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    except ValueError:
        why = "is neither an input's number nor a time such as 2026-03-01T14:30:00Z"
        raise refuse("until", text, why) from None
    if whole.tzinfo is None:
        whole = whole.replace(tzinfo=UTC)
    since = whole - _EPOCH
    return (since.days * 86_400 + since.seconds) * _SECOND_NS + fraction_ns
