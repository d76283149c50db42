"""What OKX's errors mean for their requests: the code of the request, and of each item in it."""

from typing import Final

from dita.venues.wire import failures
from dita.venues.wire.failures import Fate

DUPLICATE: Final = 51016
_TABLE: Final[failures.Table] = {
    # 50004 says so itself; the others were seen to.
    Fate.UNKNOWN: frozenset({50004, 50026, 51149, 51054}),
    Fate.LATER: frozenset({50001, 50011, 50013, 50040, 50061}),
    Fate.CLOCK: frozenset({50102, 50112}),
    # Orders that are gone, filled, cancelled, or being so.
    Fate.STATE: frozenset({51400, 51401, 51402, 51405, 51410, 51503, 51509, 51510, 51603, 51604, DUPLICATE}),
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
