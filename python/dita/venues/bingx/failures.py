"""What BingX's errors mean for their requests, by their codes."""

from typing import Final

from dita.venues.wire import failures
from dita.venues.wire.failures import Fate

DUPLICATE: Final = 101481
_TABLE: Final[failures.Table] = {
    Fate.UNKNOWN: frozenset({500, 504, 80001, 80012, 80019, 100500, 109500, 110500}),
    Fate.LATER: frozenset({418, 429, 100410, 109429}),
    # The clock in one of the vendor's pages and a business refusal in another: refused, never sent again.
    Fate.REFUSED: frozenset({100421}),
    Fate.STATE: frozenset({109421, 80016, 80017, 80018, DUPLICATE}),
}


def classify(status: int, code: int, words: str = "") -> Fate:
    """Return what an error means for its request.

    Args:
        status: HTTP status.
        code: The venue's code; 0 where there is none.
        words: The venue's words; they do not count.
    """
    del words
    return failures.classify(_TABLE, status, code)
