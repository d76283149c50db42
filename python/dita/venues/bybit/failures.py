"""What an answer of Bybit's that is no success means for its request.

Codes and their meaning are of the venue's documentation of 2026-07-24, with what others saw where that says
otherwise. A refusal comes with HTTP status 200 and a code; unknown is never resent.
"""

import time
from typing import Any, Final

from dita.errors import InvalidInput
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.reading import parse

_DONE: Final = frozenset({110025, 110026, 110043})
_CLOCK: Final = frozenset({10002})
_LATER: Final = frozenset({429, 10006, 10018, 10429, 20003, 110079})
# The order is not there, was ended, was made before, or the position is another.
_STATE: Final = frozenset({110001, 110008, 110010, 110017, 110030, 110034, 110072})
# 20006: this id of a request was used before, so the first one may live. 10014: the same.
_UNKNOWN: Final = frozenset({10000, 10014, 10016, 10019, 20006, 170007, 500000})
#: How long an address is barred that asked too often, milliseconds.
_BARRED_MS: Final = 600_000


def classify(status: int, code: int) -> Fate:
    """Say what an error means for its request.

    Args:
        status: HTTP status.
        code: The venue's code; 0 where there is none.
    """
    for fate, is_it in (
        (Fate.DONE, code in _DONE),
        (Fate.CLOCK, code in _CLOCK),
        (Fate.LATER, code in _LATER or status == 429 or (status == 403 and not code)),
        (Fate.UNKNOWN, code in _UNKNOWN or status == 408 or status >= 500),
        (Fate.STATE, code in _STATE),
        (Fate.REFUSED, bool(code) or 400 <= status < 500),
    ):
        if is_it:
            return fate
    return Fate.UNKNOWN


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
    try:
        body = parse(raw)
    except InvalidInput as error:
        # A page of HTML, half an answer: what became of the request it does not say.
        wait = _BARRED_MS if status == 403 else None
        raise Failure(classify(status, 0), status, 0, str(error), wait) from error
    code = body.get("retCode") if isinstance(body, dict) else None
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
