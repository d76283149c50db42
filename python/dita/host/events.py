"""Writes what happens on a host's accounts to the log: fills, ended orders, controls, strategies."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dita.host.screen import Screen
from dita.logs import EVENTS

_LOG: Final = logging.getLogger(EVENTS)
_FILL: Final = (
    "asset", "order_side", "size", "price", "fee", "liquidity", "slot_id", "trade_id", "owner",
    "venue_client_id", "venue_trade_id", "seq",
)  # fmt: skip
_ENDED: Final = (
    "asset", "order_side", "order_type", "intended_size", "filled_size", "limit_price", "reject_reason",
    "slot_id", "trade_id", "owner", "venue_client_id",
)  # fmt: skip
#: So many fills, and so many ended orders, are written line by line at each look; of more their number.
LINES_MAX: Final = 100
_REMARK: Final = ("slot_id", "limit", "seq")


class EventLog:
    """Writes each fill, ended order and line that a screen has got since the last time."""

    def __init__(self, screen: Screen, leases: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """Begin with what comes from now on.

        Args:
            screen: What the host shows.
            leases: Returns the leases of programs that are connected, or were.
        """
        self._screen = screen
        self._leases, self._programs = leases, dict[tuple[str, str], object]()
        self._at: int = screen.since(None)["at"]
        self._remarked = self._at

    @staticmethod
    def wanted() -> bool:
        """Return whether the program writes such lines: `set_up_logs` was called."""
        return _LOG.isEnabledFor(logging.INFO)

    def write(self) -> None:
        """Write what is new."""
        said = self._screen.since(self._at)
        self._at = said["at"]
        found = [_record("INFO", "fill", json.loads(text), _FILL) for text in said["fills"][:LINES_MAX]]
        for text in said["ended"][:LINES_MAX]:
            order = json.loads(text)
            found.append(_record("INFO", f"order {str(order['status']).lower()}", order, _ENDED))
        for text in said["log"]:
            line = json.loads(text)
            # The program's own lines are written by themselves, the kernel's below, with their fields.
            if line["kind"] not in {"program", "kernel"}:
                found.append(_record(line["severity"], f"{line['kind']}: {line['text']}", line, ()))
        self._remarked, remarks = self._screen.remarks_after(self._remarked)
        for account, remark in remarks:
            row = {"account": account, **remark}
            found.append(_record(str(remark["severity"]), str(remark["code"]), row, _REMARK))
        found += self._of_programs()
        more = {
            kind: len(said[kind]) - LINES_MAX for kind in ("fills", "ended") if len(said[kind]) > LINES_MAX
        }
        if more:
            text = f"and {more.get('fills', 0)} more fills, {more.get('ended', 0)} more orders that ended"
            found.append(_record("INFO", text, {"time_ns": time.time_ns()}, ()))
        for record in sorted(found, key=lambda one: one.created):
            _LOG.handle(record)

    def _of_programs(self) -> list[logging.LogRecord]:
        """Return who came and who went since the last time."""
        before, self._programs = (
            self._programs,
            {(str(one["account"]), str(one["name"])): one["pid"] for one in self._leases()},
        )
        found = []
        for account, name in {**before, **self._programs}:
            was, now = before.get((account, name)), self._programs.get((account, name))
            if was != now:
                word = f"connected, process {now}" if now is not None else "away, or has left"
                row = {"account": account, "program": name, "time_ns": time.time_ns()}
                found.append(_record("INFO", f"program {name}: {word}", row, ()))
        return found


def _record(severity: str, text: str, row: Mapping[str, Any], fields: tuple[str, ...]) -> logging.LogRecord:
    shown = {name: row[name] for name in ("account", *fields) if row.get(name) not in (None, "")}
    level = logging.getLevelName(severity)
    record = _LOG.makeRecord(
        EVENTS, level if isinstance(level, int) else logging.INFO, __file__, 0, text, (), None, extra=shown
    )
    if row.get("time_ns"):
        record.created = row["time_ns"] / 1e9
    return record
