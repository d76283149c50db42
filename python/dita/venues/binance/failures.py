"""What Binance's errors mean for their requests.

Codes and their meaning are of the venue's documentation as of November 2026, with what was seen where that
says otherwise.
"""

from typing import Any, Final

from dita.venues.wire import failures
from dita.venues.wire.failures import Failure, Fate, number_of, read_json

_TABLE: Final[failures.Table] = {
    Fate.DONE: frozenset({-4046, -4059, -4171}),
    Fate.LATER: frozenset({-1003, -1008, -1015}),
    Fate.CLOCK: frozenset({-1021}),
    Fate.STATE: frozenset({-2011, -2013, -2022, -4118}),
    # -1001 is a failure by the documentation; it is asked about all the same.
    Fate.UNKNOWN: frozenset({-1000, -1001, -1006, -1007}),
}


def classify(status: int, code: int, words: str = "") -> Fate:
    """Return what an error means for its request.

    Args:
        status: HTTP status.
        code: The venue's code; 0 where there is none.
        words: The venue's words.
    """
    if code == -5028 and "imestamp" in words:
        return Fate.CLOCK
    if status == 503 and "Service Unavailable" in words:
        return Fate.LATER
    return failures.classify(_TABLE, status, code)


def read_answer(status: int, raw: str | bytes, retry_after: str | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Read an answer.

    Args:
        status: HTTP status.
        raw: The body.
        retry_after: The header Retry-After.

    Returns:
        The JSON of a success.

    Raises:
        Failure: It is none; also a success of which the body cannot be read, and one with an error inside.
    """
    body = read_json(status, raw, classify)
    code = body.get("code") if isinstance(body, dict) else None
    # Cancels and settings answer a success with the code 200, as a number or as text.
    if status < 300 and (code is None or str(code) == "200"):
        return body
    words = str(body.get("msg", "")) if isinstance(body, dict) else ""
    wait_ms = int(retry_after) * 1_000 if retry_after and retry_after.isdigit() else None
    number = number_of(code)
    raise Failure(classify(status, number, words), status, number, words, wait_ms)
