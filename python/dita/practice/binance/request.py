"""A request as it arrived: its parameters, its signature, its time."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import parse_qsl

from dita.practice.binance import refusals
from dita.practice.encoder import Refused

_CLIENT_ID: Final = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
_RECV_WINDOW_MS: Final = 5_000
_RECV_WINDOW_MS_MAX: Final = 60_000
_AHEAD_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class BinanceRequest:
    """A request.

    Attributes:
        method: GET, POST, PUT or DELETE.
        path: From `/fapi/` on.
        values: Query and form together; of one name the last counts.
        signed_text: What the signature is of, or None where there is none.
        key: The header X-MBX-APIKEY.
    """

    method: str
    path: str
    values: dict[str, str]
    signed_text: str | None
    key: str

    @classmethod
    def read(cls, method: str, path: str, query: str, body: str, key: str) -> "BinanceRequest":
        """Read a request: the signature is of query and body as they came, without itself."""
        whole = query + body
        signed, found, rest = whole.rpartition("signature=")
        signed_text = None
        if found and "&" not in rest:
            signed_text = signed.removesuffix("&")
        elif found:
            # Somewhere in the middle: take that part out.
            signed_text = "&".join(p for p in whole.split("&") if not p.startswith("signature="))
        pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
        return cls(method, path, dict(pairs), signed_text, key)

    def check_signature(self, secret: str, now_ms: int) -> None:
        """Hold the request against the secret and the clock.

        Raises:
            Refused: -1022, -1021 or -1102.
        """
        stamp = self.whole("timestamp")
        window = self.whole("recvWindow", _RECV_WINDOW_MS)
        if self.signed_text is None:
            raise refusals.missing("signature")
        expected = hmac.new(secret.encode(), self.signed_text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.values.get("signature", "")):
            raise Refused(-1022, "Signature for this request is not valid.")
        if window > _RECV_WINDOW_MS_MAX:
            raise Refused(-1131, "recvWindow must be less than 60000.")
        if stamp >= now_ms + _AHEAD_MS:
            text = "Timestamp for this request was 1000ms ahead of the server's time."
            raise Refused(-1021, text)
        if now_ms - stamp > window:
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text.

        Raises:
            Refused: It is not there, and there is no default.
        """
        value = self.values.get(name, "")
        if value == "":
            if default is None:
                raise refusals.missing(name)
            return default
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """Read a whole number.

        Raises:
            Refused: It is none, or not there.
        """
        value = self.text(name, None if default is None else str(default))
        try:
            return int(value)
        except ValueError:
            raise refusals.missing(name) from None

    def maybe(self, name: str) -> int | None:
        """Read a whole number that may be left out."""
        return self.whole(name) if self.values.get(name, "") != "" else None

    def number(self, name: str, default: Decimal | None = None) -> Decimal:
        """Read a decimal.

        Raises:
            Refused: It is none, or not there.
        """
        value = self.values.get(name, "")
        if value == "" and default is not None:
            return default
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise refusals.missing(name) from None
        if not number.is_finite():
            raise refusals.missing(name)
        return number

    def flag(self, name: str) -> bool:
        """Read true or false; false where it is left out."""
        return self.values.get(name, "").lower() == "true"

    def client_id(self, name: str, default: str) -> str:
        """Read a client id.

        Raises:
            Refused: It has other characters, or too many.
        """
        value = self.values.get(name, "") or default
        if not _CLIENT_ID.match(value):
            raise Refused(-4015, "Client order id length should be less than 36 chars")
        return value
