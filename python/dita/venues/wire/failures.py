"""What an answer that is no success means for its request. Each venue's package has the table of its codes.

UNKNOWN is never sent again: the order is queried first, then its fills.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dita.errors import InvalidInput, shown
from dita.venues.wire.reading import parse


class Fate(enum.StrEnum):
    """What became of a request."""

    DONE = "DONE"
    """It is as it was asked for; it was so before."""
    REFUSED = "REFUSED"
    """The venue did not take it."""
    LATER = "LATER"
    """The venue did not take it, and may a little later."""
    CLOCK = "CLOCK"
    """The venue did not take it, since its time was off: after a look at the clock it may be sent again."""
    STATE = "STATE"
    """The venue did not take it, since the state is another: ask what it is."""
    UNKNOWN = "UNKNOWN"
    """It may have been taken, or not."""


# Not frozen: whoever passes an exception on sets its traceback.
@dataclass(unsafe_hash=True)
class Failure(Exception):  # noqa: N818 - it is the venue's answer
    """An answer that is no success.

    Attributes:
        fate: What it means for the request.
        status: HTTP status; 0 where no answer came.
        code: The venue's code; 0 where it gave none.
        words: The venue's words, or what was wrong with the answer.
        retry_after_ms: How long to wait, where it says so.
    """

    fate: Fate
    status: int
    code: int
    words: str
    retry_after_ms: int | None = None

    def __str__(self) -> str:
        """Status, code and words."""
        return f"{self.fate}: HTTP {self.status}, code {self.code}: {self.words}"


def unanswered(words: str, *, left: bool) -> Failure:
    """Say what a request is worth that was not answered.

    Args:
        words: What happened.
        left: Whether it may have left.
    """
    return Failure(Fate.UNKNOWN if left else Fate.REFUSED, 0, 0, words)


#: A venue's codes by what they mean for a request.
Table = Mapping[Fate, frozenset[int]]


def classify(table: Table, status: int, code: int) -> Fate:
    """Return what an error means for its request.

    Args:
        table: The venue's codes.
        status: HTTP status.
        code: The venue's code; 0 where there is none.
    """
    fate = next((fate for fate, codes in table.items() if code in codes), None)
    if fate in {Fate.DONE, Fate.CLOCK}:
        return fate
    if fate is Fate.LATER or status in {429, 418}:
        return Fate.LATER
    if fate is Fate.UNKNOWN or status == 408 or status >= 500:
        return Fate.UNKNOWN
    return fate or (Fate.REFUSED if code or 400 <= status < 500 else Fate.UNKNOWN)


def read_json(
    status: int, raw: str | bytes, fate_of: Callable[[int, int], Fate], retry_after_ms: int | None = None
) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of an answer. A page of HTML or half an answer does not say what became of the request.

    Args:
        status: HTTP status.
        raw: The body.
        fate_of: Returns what a status and a code mean.
        retry_after_ms: How long to wait where it is no JSON.

    Raises:
        Failure: It is no JSON.
    """
    try:
        return parse(raw)
    except InvalidInput as error:
        raise Failure(fate_of(status, 0), status, 0, str(error), retry_after_ms) from error


def read_record(
    status: int, raw: str | bytes, fate_of: Callable[[int, int], Fate], retry_after_ms: int | None = None
) -> dict[str, Any]:
    """Return the JSON of an answer, which has to be an object.

    Args:
        status: HTTP status.
        raw: The body.
        fate_of: Returns what a status and a code mean.
        retry_after_ms: How long to wait where it is none.

    Raises:
        Failure: It is none.
    """
    body = read_json(status, raw, fate_of, retry_after_ms)
    if not isinstance(body, dict):
        words = f"answer: expected an object, got {shown(body)}"
        raise Failure(fate_of(status, 0), status, 0, words, retry_after_ms)
    return body


def number_of(code: object) -> int:
    """Return a venue's code as a number, 0 where it is none; some venues write it as text."""
    text = str(code)
    return int(text) if text.lstrip("-").isdigit() else 0
