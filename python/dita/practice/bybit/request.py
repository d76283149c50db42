"""A request as it arrived: its parameters, its signature, its time."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from dita.practice.bybit import refusals
from dita.practice.bybit.refusals import wrong
from dita.practice.encoder import Refused

_LINK_ID: Final = re.compile(r"^[A-Za-z0-9_-]{1,36}$")
_RECV_WINDOW_MS: Final = 5_000
_AHEAD_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class BybitRequest:
    """A request.

    Attributes:
        method: GET or POST.
        path: From `/v5/` on.
        values: Its parameters: of the query, or of the JSON body.
        payload: What the signature is of, beside time, key and window.
        headers: By their names in lower case.
    """

    method: str
    path: str
    values: Mapping[str, Any]
    payload: str
    headers: Mapping[str, str]

    @classmethod
    def read(
        cls, method: str, path: str, query: str, body: str, headers: Mapping[str, str]
    ) -> "BybitRequest":
        """Read a request.

        Raises:
            Refused: Its body is no JSON object.
        """
        if method == "GET":
            return cls(method, path, dict(parse_qsl(query, keep_blank_values=True)), query, headers)
        try:
            values = json.loads(body, parse_float=Decimal) if body else {}
        except ValueError:
            raise Refused(refusals.PARAMETER, "json decode error", status=200) from None
        if not isinstance(values, dict):
            raise Refused(refusals.PARAMETER, "json decode error", status=200)
        return cls(method, path, values, body, headers)

    def check(self, key: str, secret: str, now_ms: int) -> None:
        """Hold the request against the key, its secret and the clock.

        Raises:
            Refused: 10002, 10003 or 10004.
        """
        given = self.headers.get("x-bapi-api-key", "")
        if given != key:
            raise Refused(refusals.KEY, "API key is invalid.", status=200)
        stamp = self.headers.get("x-bapi-timestamp", "")
        window = self.headers.get("x-bapi-recv-window", "") or str(_RECV_WINDOW_MS)
        if not stamp.isdigit() or not window.isdigit():
            raise Refused(refusals.PARAMETER, "Request parameter error.", status=200)
        whole = f"{stamp}{given}{self.headers.get('x-bapi-recv-window', '')}{self.payload}"
        expected = hmac.new(secret.encode(), whole.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.headers.get("x-bapi-sign", "").lower()):
            text = "error sign! please check your signature generation algorithm."
            raise Refused(refusals.SIGNATURE, text, status=200)
        if not now_ms - int(window) <= int(stamp) < now_ms + _AHEAD_MS:
            text = (
                "invalid request, please check your server timestamp or recv_window param. "
                f"req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]"
            )
            raise Refused(refusals.CLOCK, text, status=200)

    def maybe(self, name: str) -> str:
        """Read a text; empty where it is not there."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def text(self, name: str) -> str:
        """Read a text that has to be there.

        Raises:
            Refused: It is not.
        """
        value = self.maybe(name)
        if not value:
            raise wrong(name)
        return value

    def whole(self, name: str, default: int) -> int:
        """Read a whole number.

        Raises:
            Refused: It is none.
        """
        text = self.maybe(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise wrong(name) from None

    def number(self, name: str) -> Decimal:
        """Read a decimal that has to be there; it has to be text.

        Raises:
            Refused: It is not, or is none.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            raise wrong(name)
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise wrong(name) from None
        if not number.is_finite():
            raise wrong(name)
        return number

    def flag(self, name: str) -> bool:
        """Read a flag; false where it is not there."""
        return str(self.values.get(name, "")).lower() == "true"

    def link_id(self, default: str) -> str:
        """Read orderLinkId: up to 36 letters, digits, dashes and underscores.

        Raises:
            Refused: It has another form.
        """
        text = self.maybe("orderLinkId")
        if text and not _LINK_ID.match(text):
            raise wrong("orderLinkId")
        return text or default

    @property
    def is_of_others(self) -> bool:
        """Whether it asks about another of the venue's categories: there is nothing in them."""
        return self.maybe("category") in {"spot", "inverse", "option"}

    def check_linear(self) -> None:
        """Only linear contracts are traded here.

        Raises:
            Refused: Another category is asked for.
        """
        if self.text("category") != "linear":
            raise Refused(refusals.PARAMETER, "params error: only linear is served here", status=200)
