"""What every request is held against first: hosts, rates, sizes. And the headers of every answer."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from dita.gateway.problems import TooLarge

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

#: Scripts and styles come from here and nowhere else; nobody may frame the page.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A report's page is one file, with everything inside: it may show that, and reach nobody.
REPORT_POLICY: Final = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


@dataclass(slots=True)
class Guards:
    """Bounds of a gateway.

    Attributes:
        hosts: Names under which it may be asked: another one is a page elsewhere that was pointed here.
        origins: Other pages that may ask it, as `https://desk.example`.
        body_bytes_max: How large a request's body may be.
        requests_per_s: How many requests an address may make a second, in the long run.
        burst: How many at once.
    """

    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    body_bytes_max: int = 64 << 10
    requests_per_s: float = 50.0
    burst: float = 200.0
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def refusal(self, scope: Message) -> tuple[int, str, str] | None:
        """Return why a request is not let through: status, error, text; None where it is."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").rpartition(":")
        name = host[0] if host[1] and host[2].isdecimal() else "".join(host)
        if name not in self.hosts:
            return 403, "forbidden", "the Host header names another host: name it with --host"
        origin = headers.get(b"origin", b"").decode("latin-1")
        own = origin.partition("://")[2] == headers.get(b"host", b"").decode("latin-1")
        if origin and not own and origin not in self.origins:
            return 403, "forbidden", "the Origin header is another page's: allow it with --origin"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.body_bytes_max:
            return 413, "too_large", f"a body has at most {self.body_bytes_max} bytes"
        if not self._has_room((scope.get("client") or ("",))[0]):
            return 429, "too_many_requests", "too many requests: wait a second"
        return None

    def _has_room(self, address: str) -> bool:
        now_s = time.monotonic()
        if len(self._buckets) > 10_000:
            self._buckets.clear()
        bucket = self._buckets.setdefault(address, _Bucket(self.burst, now_s))
        bucket.left = min(self.burst, bucket.left + (now_s - bucket.at_s) * self.requests_per_s)
        bucket.at_s = now_s
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def bounded(self, receive: Receive) -> Receive:
        """Return what receives no more of a body than is allowed, whatever its headers say."""
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.body_bytes_max:
                raise TooLarge(413, f"a body has at most {self.body_bytes_max} bytes")
            return message

        return bounded

    def answering(self, send: Send) -> Send:
        """Return what puts the headers on every answer."""

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                more = [header for header in HEADERS if header[0] not in own]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        return answering
