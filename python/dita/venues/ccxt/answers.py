"""What an exchange's error means for its request: by the venue's own code, never by ccxt's class.

ccxt's classes differ from one venue to the next, and change between versions: it has one code of a timeout as
a plain ExchangeError, and another as none at all.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from dita.venues.wire.failures import Failure, Fate

#: Where venues keep the code of an error, and its words.
_CODES: Final = ("retCode", "ret_code", "code", "error_code", "err_code", "errorCode", "err-code", "errno")
_WORDS: Final = ("retMsg", "ret_msg", "msg", "message", "error", "err-msg", "error_message", "detail")
_SUCCESSES: Final = frozenset({"", "0", "200", "None"})
Classify = Callable[[int, int, str], Fate]
#: The venues whose codes are known one by one: whose classes of ccxt they are, and where the table is.
_TABLES: Final[Mapping[str, str]] = {
    "binance": "dita.venues.binance.failures",
    "bybit": "dita.venues.bybit.failures",
    "okx": "dita.venues.okx.failures",
    "bingx": "dita.venues.bingx.failures",
}
#: The code that says that a client id is taken: the earlier order may be ours.
DUPLICATES: Final[Mapping[str, frozenset[str]]] = {
    "binance": frozenset({"-4116"}),
    "bybit": frozenset({"110072"}),
    "okx": frozenset({"51016"}),
    "bingx": frozenset({"101481"}),
}


def family(exchange: str) -> str:
    """Return whose codes an exchange of ccxt's answers with: binanceusdm is binance.

    Args:
        exchange: Its id.
    """
    starts = {"myokx": "okx", "okxus": "okx"}
    return starts.get(exchange) or next((one for one in _TABLES if exchange.startswith(one)), exchange)


def code_of(body: object) -> str:
    """Return the venue's code in an answer's JSON; empty where there is none, or it is a success.

    Args:
        body: The JSON.
    """
    if not isinstance(body, dict):
        return ""
    for name in _CODES:
        code = str(body.get(name, ""))
        if code not in _SUCCESSES:
            items = body.get("data")
            # OKX answers 1, "all failed", and names each item's own.
            if code in {"1", "2"} and isinstance(items, list) and items and isinstance(items[0], dict):
                return str(items[0].get("sCode", code))
            return code
    inner = body.get("error") or body.get("result")
    return code_of(inner) if isinstance(inner, dict) else ""


def words_of(body: object, raw: str) -> str:
    """Return the venue's words in an answer.

    Args:
        body: The JSON.
        raw: The text that it was read from.
    """
    if isinstance(body, dict):
        items = body.get("data")
        if isinstance(items, list) and items and isinstance(items[0], dict) and items[0].get("sMsg"):
            return str(items[0]["sMsg"])[:200]
        for name in _WORDS:
            if isinstance(body.get(name), str) and body[name]:
                return str(body[name])[:200]
    return raw[:200]


def _table(venue: str) -> Classify | None:
    place = _TABLES.get(venue)
    if place is None:
        return None
    module = importlib.import_module(place)
    classify: Classify = module.classify
    return classify


def fate_of(venue: str, status: int, code: str, words: str) -> Fate:
    """Say what an error means.

    A venue without a table of its own is judged by HTTP alone: what is refused in plain words (4xx) is
    refused, and all else is unknown: it is asked about, and never sent again.

    Args:
        venue: The family of the exchange.
        status: HTTP status.
        code: The venue's code; empty where it gave none.
        words: The venue's words.
    """
    classify = _table(venue)
    if classify is not None:
        is_number = code.lstrip("-").isdigit()
        return classify(status, int(code) if is_number else 0, words)
    if status in {429, 418}:
        return Fate.LATER
    if 400 <= status < 500 and status not in {408, 425}:
        return Fate.REFUSED
    return Fate.UNKNOWN


def failure_of(venue: str, status: int, body: object, raw: str, headers: Mapping[str, Any]) -> Failure:
    """Return an exchange's error as what it means for its request.

    Args:
        venue: The family of the exchange.
        status: HTTP status.
        body: The answer's JSON; None where it is none.
        raw: The text.
        headers: Its headers.
    """
    code, words = code_of(body), words_of(body, raw)
    wait = str(headers.get("Retry-After", headers.get("retry-after", "")))
    number = int(code) if code.lstrip("-").isdigit() else 0
    return Failure(
        fate_of(venue, status, code, words), status, number, words if number else f"{code} {words}".strip(),
        int(wait) * 1_000 if wait.isdigit() else None,
    )  # fmt: skip
