"""`Alerts`: tells each cause of each account once in five minutes, to all who want to know."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from dita.alerts.alert import Alert, Cause
from dita.alerts.webhook import Webhook

EVERY_S: Final = 300.0
#: How long the end waits for what is still on its way, seconds.
END_S: Final = 5.0


class Alerts:
    """Tells alerts. Telling never waits and never raises.

    Attributes:
        host: Whose.
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
            causes: Which are told; None means all.
            every_s: One cause of one account is told once in so many seconds.
            now_s: The time that goes by.
        """
        self.host = host
        self.webhooks = tuple(webhooks)
        self._causes = frozenset(Cause if causes is None else causes)
        self._every_s = every_s
        self._now_s = now_s
        self._told: dict[tuple[Cause, str], float] = {}
        self._held_back: dict[tuple[Cause, str], int] = {}
        self._lock = threading.Lock()

    def tell(self, alert: Alert) -> bool:
        """Tell it, unless its cause was told of this account in the last five minutes.

        Returns:
            Whether it goes out; what is held back is counted in the next one.
        """
        if alert.cause not in self._causes:
            return False
        key, now_s = (alert.cause, alert.account), self._now_s()
        with self._lock:
            last_s = self._told.get(key)
            if last_s is not None and now_s - last_s < self._every_s:
                self._held_back[key] = self._held_back.get(key, 0) + 1
                return False
            self._told[key] = now_s
            held_back = self._held_back.pop(key, 0)
        when_ns = alert.time_ns or time.time_ns()
        told = Alert(alert.cause, alert.text, alert.severity, alert.account, alert.details, when_ns)
        body = told.body(self.host, held_back)
        for webhook in self.webhooks:
            webhook.send(body)
        return True

    def close(self, wait_s: float = END_S) -> None:
        """Let what is on its way arrive, for so long at most."""
        until_s = time.monotonic() + wait_s
        for webhook in self.webhooks:
            webhook.close(max(0.0, until_s - time.monotonic()))
