"""`Webhook`: posts alerts to one address from a thread of its own. The caller never waits."""

import http.client
import logging
import queue
import threading
from typing import Final
from urllib.parse import urlsplit

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from dita.errors import refuse

_LOG: Final = logging.getLogger("dita.alerts")
TRIES: Final = 5
#: So many alerts may wait for an address; of more the newest are lost, and counted.
WAITING_MAX: Final = 100
_TIMEOUT_S: Final = 10.0


class _NotTaken(Exception):  # noqa: N818 - it says what the other end did
    """The other end did not take it."""


class Webhook:
    """Posts JSON to one address, in order, each at most TRIES times.

    Attributes:
        place: The address for people, without what may be secret in it.
        sent: How many were taken there.
        lost: How many were not: too many waited, or nobody took them.
    """

    def __init__(self, url: str, *, pause_s: float = 1.0, timeout_s: float = _TIMEOUT_S) -> None:
        """Name the address; nothing is sent yet.

        Args:
            url: http or https.
            pause_s: How long to wait before the second try, seconds; each further pause is twice as long.
            timeout_s: How long one try may take, seconds.

        Raises:
            InvalidInput: It is no address; the text does not repeat it.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise refuse("webhook", "(not shown)", "must be a URL that begins with http:// or https://")
        try:
            port = parts.port
        except ValueError as error:
            raise refuse("webhook", "(not shown)", "has no port that can be one") from error
        self.place = f"{parts.scheme}://{parts.hostname}"
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._where = (parts.hostname, port)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._pause_s, self._timeout_s = pause_s, timeout_s
        self._waiting: queue.Queue[bytes | None] = queue.Queue(WAITING_MAX + 1)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.sent = 0
        self.lost = 0

    def send(self, body: bytes) -> bool:
        """Let a body be sent; from any thread, and at once.

        Args:
            body: JSON.

        Returns:
            Whether there was room for it.
        """
        with self._lock:
            if self._ending.is_set() or self._waiting.qsize() >= WAITING_MAX:
                self.lost += 1
                return False
            self._waiting.put_nowait(body)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dita-webhook", daemon=True)
                self._thread.start()
            return True

    def close(self, wait_s: float) -> None:
        """Send what waits, for so long at most, and end.

        Args:
            wait_s: Seconds.
        """
        with self._lock:
            thread, ended = self._thread, self._ending.is_set()
            self._ending.set()
            if thread is not None and not ended:
                self._waiting.put_nowait(None)
        if thread is not None:
            thread.join(wait_s)

    def _run(self) -> None:
        while (body := self._waiting.get()) is not None:
            try:
                self._tried(body)
            except RetryError as error:
                self.lost += 1
                why = error.last_attempt.exception()
                _LOG.warning("%s: an alert was not taken, after %d tries: %s", self.place, TRIES, why)
            else:
                self.sent += 1

    def _tried(self, body: bytes) -> None:
        # Pauses go on while it is being closed, but the process does not wait for them: it is a daemon's.
        tries = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(self._pause_s),
            retry=retry_if_exception_type((OSError, http.client.HTTPException, _NotTaken)),
        )
        tries(self._post, body)

    def _post(self, body: bytes) -> None:
        connection = self._connect(*self._where, timeout=self._timeout_s)
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise _NotTaken(f"it answers {status}")
