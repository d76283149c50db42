"""What an answer that is no success means for its request. Which one it is, each venue's package says."""

import enum
from dataclasses import dataclass


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
