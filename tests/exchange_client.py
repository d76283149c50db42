"""A plain client of the exchange: it signs as the venue documents, and uses none of the server's code."""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode


class Client:
    """REST with a key."""

    def __init__(
        self,
        address: str,
        key: str = "practise-key",
        secret: str = "practise-secret",  # noqa: S107
    ) -> None:
        self.address, self.key, self.secret = address, key, secret
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, *, signed: bool = True, **values: Any) -> tuple[int, Any]:
        """Send a request; return status and JSON."""
        if signed:
            values.setdefault("timestamp", time.time_ns() // 1_000_000)
            text = urlencode(values)
            values["signature"] = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        address = f"http://{self.address}{path}?{urlencode(values)}"
        request = urllib.request.Request(address, method=method, headers={"X-MBX-APIKEY": self.key})
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
                self.headers = {name.lower(): value for name, value in reply.headers.items()}
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            self.headers = {name.lower(): value for name, value in error.headers.items()}
            return error.code, json.loads(error.read())

    def place(self, **values: Any) -> tuple[int, Any]:
        """POST an order; a MARKET BUY of 0.01 BTC where nothing else is said."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"} | values
        return self.ask("POST", "/fapi/v1/order", **order)
