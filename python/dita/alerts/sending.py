"""`Alerts`: sends each cause of each account once in five minutes, and the newest state after them."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from dita.alerts.alert import Alert, Cause
from dita.alerts.webhook import Webhook

EVERY_S: Final = 300.0
#: How long the end waits for what is still on its way, seconds.
END_S: Final = 5.0


class Alerts:
    """Sends alerts. Sending never waits and never raises.

    Attributes:
        host: The name of its host.
        webhooks: Where to.
    """

    def __init__(
        self,
        host: str,
        webhooks: Sequence[Webhook],
        *,
        causes: Collection[Cause] | None = None,
        every_s: float = EVERY_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            host: The host's name: each alert carries it.
            webhooks: Where to.
            causes: The causes to send; None means all.
            every_s: The shortest time between two alerts of one cause and account, seconds.
            now_s: A monotonic clock, seconds.
        """
        self.host = host
        self.webhooks = tuple(webhooks)
        self._causes = frozenset(Cause if causes is None else causes)
        self._every_s = every_s
        self._now_s = now_s
        self._sent_s: dict[tuple[Cause, str], float] = {}
        self._held_back: dict[tuple[Cause, str], int] = {}
        #: The newest alert of each subject that waits for the end of its cause's five minutes.
        self._newest: dict[tuple[Cause, str], dict[str, Alert]] = {}
        self._lock = threading.Lock()

    def tell(self, alert: Alert) -> bool:
        """Send an alert, unless its cause was sent of this account in the last five minutes.

        One that is held back is counted in the next one; `send_due` sends the newest after those minutes.

        Returns:
            Whether it goes out now.
        """
        if alert.cause not in self._causes:
            return False
        alert = replace(alert, time_ns=alert.time_ns or time.time_ns())
        key = (alert.cause, alert.account)
        with self._lock:
            waiting = self._newest.setdefault(key, {})
            waiting.pop(alert.subject, None)
            waiting[alert.subject] = alert
            if self._is_due(key, self._now_s()):
                self._send(key)
                return True
            self._held_back[key] = self._held_back.get(key, 0) + 1
            return False

    def send_due(self, *, at_once: bool = False) -> None:
        """Send what was held back where the five minutes have passed: the newest state of each cause.

        Args:
            at_once: Whether it is sent before they have passed too: the host ends.
        """
        now_s = self._now_s()
        with self._lock:
            for key in [key for key in self._newest if at_once or self._is_due(key, now_s)]:
                self._send(key)

    def _is_due(self, key: tuple[Cause, str], now_s: float) -> bool:
        last_s = self._sent_s.get(key)
        return last_s is None or now_s - last_s >= self._every_s

    def _send(self, key: tuple[Cause, str]) -> None:
        self._sent_s[key] = self._now_s()
        held_back = self._held_back.pop(key, 0)
        for alert in self._newest.pop(key).values():
            body = alert.body(self.host, held_back)
            held_back = 0
            for webhook in self.webhooks:
                webhook.send(body)

    def close(self, wait_s: float = END_S) -> None:
        """Send what is held back, and wait until it has arrived, for so long at most."""
        self.send_due(at_once=True)
        until_s = time.monotonic() + wait_s
        for webhook in self.webhooks:
            webhook.close(max(0.0, until_s - time.monotonic()))
