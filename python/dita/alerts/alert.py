"""`Alert`: what somebody has to know, and how it is written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

SEVERITIES: Final = ("INFO", "WARNING", "CRITICAL")
_TEXT_MAX: Final = 2_000


class Cause(StrEnum):
    """The cause of an alert."""

    CRITICAL = "critical"
    UNEXPLAINED = "unexplained"
    GATE = "gate_changed"
    BREAKER = "breaker"
    UNPROTECTED = "unprotected"
    STRATEGY = "strategy_error"
    FOLLOWER = "follower_dead"
    TAKEOVER = "takeover"
    STARTED = "started"
    STOPPED = "stopped"
    DISK = "disk_low"
    VENUE = "venue_lost"
    CRASHED = "crash_restart"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that somebody has to know.

    Attributes:
        cause: Why.
        text: One line for people.
        severity: One of SEVERITIES.
        account: The account's name; empty where it is the whole host's.
        details: More of it, as plain values.
        time_ns: When, ns since 1970 UTC.
        subject: What of the account it is about, where a cause can have several at once: a strategy's name.
    """

    cause: Cause
    text: str
    severity: str = "WARNING"
    account: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    time_ns: int = 0
    subject: str = ""

    def body(self, host: str, held_back: int) -> bytes:
        """Return it as the JSON object that a webhook gets.

        Args:
            host: The host's name.
            held_back: How many of this cause were held back since the last one.
        """
        at = datetime.fromtimestamp(self.time_ns // 1_000_000_000, UTC)
        # `text` alone is what chats show; the rest is for programs.
        said = {
            "text": f"{self.severity} {host}: {self.text[:_TEXT_MAX]}",
            "cause": self.cause,
            "severity": self.severity,
            "host": host,
            "account": self.account,
            "details": dict(self.details),
            "at": at.isoformat().replace("+00:00", "Z"),
            "time_ns": self.time_ns,
            "held_back": held_back,
        }
        return json.dumps(said, default=str, ensure_ascii=False).encode()


def taken_over(account: str, *, before: str, seq: int, why: str) -> Alert:
    """Return the alert of a host that owns an account from now on, for `Host.alert`.

    Args:
        account: Which.
        before: The host that had it.
        seq: The last input of that host that is known here.
        why: One line for people.
    """
    text = f"{account}: taken over from {before} at input {seq}: {why}"
    return Alert(Cause.TAKEOVER, text, "CRITICAL", account, {"before": before, "seq": seq, "why": why})
