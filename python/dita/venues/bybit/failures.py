"""What Bybit's errors mean for their requests. A refusal comes with HTTP status 200 and a code.

Codes and their meaning are of the venue's documentation of 2026-07-24, with what others saw where that says
otherwise.
"""

import time
from typing import Any, Final

from dita.venues.wire import failures
from dita.venues.wire.failures import Failure, Fate, read_record

_TABLE: Final[failures.Table] = {
    Fate.DONE: frozenset({110025, 110026, 110043}),
    Fate.CLOCK: frozenset({10002}),
    Fate.LATER: frozenset({429, 10006, 10018, 10429, 20003, 110079}),
    # The order is not there, was ended, was made before, or the position is another.
    Fate.STATE: frozenset({110001, 110008, 110010, 110017, 110030, 110034, 110072}),
    # 20006: this id of a request was used before, so the first one may live. 10014: the same.
    Fate.UNKNOWN: frozenset({10000, 10014, 10016, 10019, 20006, 170007, 500000}),
}
#: How long an address is barred that asked too often, milliseconds.
_BARRED_MS: Final = 600_000


def classify(status: int, code: int, words: str = "") -> Fate:
    """Return what an error means for its request.

    Args:
        status: HTTP status.
        code: The venue's code; 0 where there is none.
        words: The venue's words; they do not count.
    """
    del words
    # 403 without a code bars the address.
    return Fate.LATER if status == 403 and not code else failures.classify(_TABLE, status, code)


def read_answer(status: int, raw: str | bytes, resets_ms: str | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Read an answer.

    Args:
        status: HTTP status.
        raw: The body.
        resets_ms: The header X-Bapi-Limit-Reset-Timestamp.

    Returns:
        `result` of a success.

    Raises:
        Failure: It is none; also a success whose body cannot be read.
    """
    body = read_record(status, raw, classify, _BARRED_MS if status == 403 else None)
    code = body.get("retCode")
    if isinstance(code, bool) or not isinstance(code, int):
        raise Failure(classify(status, 0), status, 0, "an answer without retCode")
    if status < 300 and code == 0:
        return body.get("result")
    fate = classify(status, code)
    wait_ms = None
    if fate is Fate.LATER:
        wait_ms = _BARRED_MS if code == 10018 or status == 403 else _until(resets_ms)
    raise Failure(fate, status, code, str(body.get("retMsg", "")), wait_ms)


def _until(resets_ms: str | None) -> int:
    """How long until a limit resets: at least the venue's own second, at most a minute."""
    if not resets_ms or not resets_ms.isdigit():
        return 1_000
    return min(60_000, max(100, int(resets_ms) - time.time_ns() // 1_000_000))
