"""What an answer that is no success means for the request: was it refused, or does nobody know.

Unknown is never resent: the order is asked about first, and then its fills. Codes and their meaning are of
the venue's documentation as of November 2026, with what was seen where that says otherwise.
"""

from typing import Any, Final

from dita.errors import InvalidInput
from dita.venues.wire.failures import Failure, Fate
from dita.venues.wire.reading import parse

_DONE: Final = frozenset({-4046, -4059, -4171})
_LATER: Final = frozenset({-1003, -1008, -1015})
_CLOCK: Final = frozenset({-1021})
_STATE: Final = frozenset({-2011, -2013, -2022, -4118})
# -1001 is a failure by the documentation; it is asked about all the same.
_UNKNOWN: Final = frozenset({-1000, -1001, -1006, -1007})
_OVERLOADED: Final = "Service Unavailable"


def classify(status: int, code: int, words: str) -> Fate:
    """Say what an error means for its request.

    Args:
        status: HTTP status.
        code: The venue's code; 0 where there is none.
        words: The venue's words.
    """
    is_overload = status in {429, 418} or (status == 503 and _OVERLOADED in words)
    for fate, is_it in (
        (Fate.DONE, code in _DONE),
        (Fate.CLOCK, code in _CLOCK or (code == -5028 and "imestamp" in words)),
        (Fate.LATER, is_overload or code in _LATER),
        (Fate.UNKNOWN, code in _UNKNOWN or status == 408 or status >= 500),
        (Fate.STATE, code in _STATE),
        (Fate.REFUSED, bool(code) or 400 <= status < 500),
    ):
        if is_it:
            return fate
    return Fate.UNKNOWN


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
    try:
        body = parse(raw)
    except InvalidInput as error:
        # A page of HTML, half an answer: what became of the request it does not say.
        fate = Fate.REFUSED if 400 <= status < 500 and status != 408 else Fate.UNKNOWN
        raise Failure(classify(status, 0, "") if status >= 400 else fate, status, 0, str(error)) from error
    code = body.get("code") if isinstance(body, dict) else None
    # Cancels and settings answer a success with the code 200, as a number or as text.
    failed = code is not None and str(code) != "200"
    if status < 300 and not failed:
        return body
    number = (
        int(code) if isinstance(code, int) or (isinstance(code, str) and code.lstrip("-").isdigit()) else 0
    )
    words = str(body.get("msg", "")) if isinstance(body, dict) else ""
    wait_ms = int(retry_after) * 1_000 if retry_after and retry_after.isdigit() else None
    raise Failure(classify(status, number, words), status, number, words, wait_ms)
