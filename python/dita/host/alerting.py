"""A host's alerts: a thread of its own looks once a second, and tells. The kernels do not know of it."""

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dita.alerts import Alert, Alerts, Cause, Standing, Watch, Webhook
from dita.config import AlertsConfig
from dita.host.events import EventLog
from dita.host.screen import Screen
from dita.logs import EVENTS

_LOG: Final = logging.getLogger("dita.alerts")
_LOOK_S: Final = 1.0


def alerts_of(name: str, config: AlertsConfig) -> Alerts | None:
    """Return who tells a host's alerts; None where nobody wants to know.

    Args:
        name: The host's.
        config: What counts.

    Raises:
        SecretUnavailable: A named address is missing.
        InvalidInput: One is no address.
    """
    if not config.webhooks:
        return None
    webhooks = [Webhook(place.resolve()) for place in config.webhooks]
    causes = [Cause(one) for one in config.causes] if config.causes else None
    return Alerts(name, webhooks, causes=causes)


class _Critical(logging.Handler):
    """Handles CRITICAL log lines of the program."""

    def __init__(self) -> None:
        super().__init__(logging.CRITICAL)
        # What the kernel said is alerted by itself.
        self.addFilter(lambda record: record.name != EVENTS)
        self.lines: deque[str] = deque(maxlen=1_000)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Alarm:
    """Looks at a host once a second until it is closed: sends its alerts, and writes its events to the log.

    Attributes:
        alerts: Sends alerts; None sends none.
    """

    def __init__(
        self,
        alerts: Alerts | None,
        config: AlertsConfig,
        screen: Screen,
        strategies: Callable[[], Iterable[Mapping[str, Any]]],
        disk: Path | None,
        leases: Callable[[], Sequence[Mapping[str, Any]]],
        *,
        look_s: float = _LOOK_S,
    ) -> None:
        """Begin to look.

        Args:
            alerts: Sends alerts; None sends none.
            config: What counts.
            screen: What the host shows.
            strategies: Every strategy, as plain values.
            disk: Whose disk is watched; None watches none.
            leases: Returns the leases of programs.
            look_s: How often to look, seconds.
        """
        self.alerts = alerts
        self._screen, self._strategies, self._disk = screen, strategies, disk
        self._watch = Watch(
            unexplained_s=float(config.unexplained_s), disk_free_min=float(config.disk_free_min)
        )
        self._look_s = look_s
        self._number = 0
        self._critical = _Critical()
        logging.getLogger("dita").addHandler(self._critical)
        self._events = EventLog(screen, leases) if EventLog.wanted() else None
        self._end = threading.Event()
        # What was there before is no news.
        self.look()
        self._thread = threading.Thread(target=self._run, name="dita-alerts", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look now: send alerts, and write events."""
        if self._events is None:
            self._screen.refresh()
        else:
            self._events.write()
        if self.alerts is not None:
            self._alert(self.alerts)

    def _alert(self, alerts: Alerts) -> None:
        self._number, remarks = self._screen.remarks_after(self._number)
        lines: list[str] = []
        while self._critical.lines:
            lines.append(self._critical.lines.popleft())
        usage = None if self._disk is None else shutil.disk_usage(self._disk)
        standing = Standing(
            accounts=_joined(self._screen.parsed("account"), self._screen.parsed("asset")),
            controls=self._screen.controls,
            slots=self._screen.bare_slots(),
            followers=self._screen.followers,
            losses_met=self._screen.losses_met,
            strategies=[*self._strategies()],
            remarks=remarks,
            logged=lines,
            disk_free=None if usage is None or not usage.total else usage.free / usage.total,
            lost_s=self._screen.lost_s,
        )
        for alert in self._watch.look(standing, time.monotonic()):
            alerts.tell(alert)
        alerts.send_due()

    def _run(self) -> None:
        while not self._end.wait(self._look_s):
            try:
                self.look()
            except OSError as error:
                # The disk cannot be asked: the next look asks again.
                _LOG.warning("alerts: %s", error)

    def close(self, why: str) -> None:
        """Look once more, tell that the host ends, and wait until that has arrived, 5 s at most."""
        self._end.set()
        self._thread.join()
        self.look()
        logging.getLogger("dita").removeHandler(self._critical)
        if self.alerts is not None:
            self.alerts.send_due(at_once=True)
            self.alerts.tell(Alert(Cause.STOPPED, why, "INFO"))
            self.alerts.close()


def _joined(*found: Mapping[str, list[Mapping[str, Any]]]) -> dict[str, list[Mapping[str, Any]]]:
    together: dict[str, list[Mapping[str, Any]]] = {}
    for one in found:
        for name, rows in one.items():
            together.setdefault(name, []).extend(rows)
    return together
