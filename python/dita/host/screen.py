"""What people see of a host: rows that change, and every fill, ended order and line since."""

import contextlib
import json
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dita.errors import KernelClosed
from dita.host.documents import to_json
from dita.kernel import ExecutionKernel
from dita.logs import EVENTS

#: So many fills, ended orders and lines are kept for those who come back, of each kind.
KEPT_MAX: Final = 10_000
#: How many of each a new reader gets.
FIRST_MAX: Final = 500
#: Figures that move with every input are read once in so long, seconds.
_HEALTH_S: Final = 1.0
_KINDS: Final = ("fills", "ended", "log")


class Lines(logging.Handler):
    """Collects the program's own log lines: WARNING and above."""

    def __init__(self, take: Callable[[logging.LogRecord], None]) -> None:
        """Pass each line to a function."""
        super().__init__(logging.WARNING)
        self._take = take
        # What is written from this screen is on it already.
        self.addFilter(lambda record: record.name != EVENTS)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        self._take(record)


class Screen:
    """Keeps the newest rows of a host's accounts and strategies as JSON. One number counts its changes.

    From any thread; one looks at a time. Nothing is read, and nothing kept, before somebody looks.
    """

    def __init__(
        self,
        host: Callable[[], Mapping[str, Any]],
        accounts: Mapping[str, ExecutionKernel],
        strategies: Callable[[], Iterable[Mapping[str, Any]]],
    ) -> None:
        """Name what it shows.

        Args:
            host: The host's own row.
            accounts: Kernels by account.
            strategies: Every strategy, as plain values.
        """
        self._host, self._accounts, self._strategies = host, accounts, strategies
        self._lock = threading.RLock()
        self._number = 0
        self._rows: dict[str, tuple[int, str]] = {}
        self._gone: deque[tuple[int, str]] = deque(maxlen=KEPT_MAX)
        self._kept: dict[str, deque[tuple[int, str]]] = {kind: deque(maxlen=KEPT_MAX) for kind in _KINDS}
        self._remarks: deque[tuple[int, str, dict[str, Any]]] = deque(maxlen=KEPT_MAX)
        self._seen: dict[str, int] = {}
        self._health_due: dict[str, float] = {}
        self._controls: dict[str, Mapping[str, Any]] = {}
        self._followers: dict[str, Mapping[str, Mapping[str, Any]]] = {}
        self._losses: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._lost_s: dict[str, float | None] = {}
        self._states: dict[str, str] = {}
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._said: deque[logging.LogRecord] = deque(maxlen=KEPT_MAX)
        self._lines: Lines | None = None

    # -------------------------------------------------------------------------------------------- to be shown

    def since(self, after: int | None) -> dict[str, Any]:
        """Return what has changed after a number.

        Args:
            after: As `at` of an earlier answer; None means everything.

        Returns:
            `at`, `reset` (whether it is everything there is), `rows` (JSON by key), `gone` (keys), and
            `fills`, `ended` and `log` since then, oldest first, each as JSON.
        """
        with self._lock:
            self.refresh()
            reset = after is None or after > self._number or after < self._first()
            floor = -1 if reset else after or 0
            return {
                "at": self._number,
                "reset": reset,
                "rows": {key: text for key, (number, text) in self._rows.items() if number > floor},
                "gone": [key for number, key in _after(self._gone, floor) if key not in self._rows],
                **{kind: self._lately(kind, floor, reset=reset) for kind in _KINDS},
            }

    def _first(self) -> int:
        """The lowest number after which nothing is lost."""
        rings = (self._gone, *self._kept.values())
        return max((ring[0][0] if len(ring) == KEPT_MAX else 0 for ring in rings), default=0)

    def _lately(self, kind: str, floor: int, *, reset: bool) -> list[str]:
        found = [text for _, text in _after(self._kept[kind], floor)]
        return found[-FIRST_MAX:] if reset else found

    def counted(self) -> tuple[dict[str, str], dict[tuple[str, str], int]]:
        """Return all rows as they are now, and how often each kernel said what: by account and code."""
        with self._lock:
            self.refresh()
            return {key: text for key, (_, text) in self._rows.items()}, dict(self._outcomes)

    def parsed(self, kind: str) -> dict[str, list[Mapping[str, Any]]]:
        """Return the rows of a kind as plain values, by account.

        Args:
            kind: What its keys begin with: "account", "slot".
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        with self._lock:
            for key, (_, text) in self._rows.items():
                its, _, rest = key.partition(":")
                if its == kind:
                    found.setdefault(rest.partition(":")[0], []).append(json.loads(text))
        return found

    def bare_slots(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return the slots that nothing protects although something should, by account."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        with self._lock:
            for key, (_, text) in self._rows.items():
                if key.startswith("slot:") and '"unprotected":true' in text:
                    found.setdefault(key.split(":")[1], []).append(json.loads(text))
        return found

    def remarks_after(self, number: int) -> tuple[int, list[tuple[str, Mapping[str, Any]]]]:
        """Return what the kernels had to say after a number, and the number to ask with next time."""
        with self._lock:
            return self._number, [(account, one) for n, account, one in self._remarks if n > number]

    @property
    def controls(self) -> Mapping[str, Mapping[str, Any]]:
        """The controls by account, as they were at the last look."""
        return dict(self._controls)

    @property
    def followers(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """The followers by account, as they were at the last look."""
        return dict(self._followers)

    @property
    def losses_met(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The limits on losses that are met, by account, as they were at the last look."""
        return dict(self._losses)

    @property
    def lost_s(self) -> Mapping[str, float | None]:
        """For how long each account's venue has not been connected, seconds; None where it is."""
        return dict(self._lost_s)

    # ------------------------------------------------------------------------------------------------ to look

    def refresh(self) -> None:
        """Look at everything now."""
        with self._lock:
            if self._lines is None:
                self._lines = Lines(self._said.append)
                logging.getLogger("dita").addHandler(self._lines)
            self._number += 1
            for name, kernel in self._accounts.items():
                with contextlib.suppress(KernelClosed):
                    self._look_at(name, kernel)
            self._show("host", to_json(dict(self._host())))
            self._look_at_strategies()
            while self._said:
                self._take_line(self._said.popleft())

    def say(self, account: str, kind: str, severity: str, text: str) -> None:
        """Put a line into the log that people see, also before anybody looks.

        Args:
            account: The account's name; empty where it is the whole host's.
            kind: Who says it: "alert".
            severity: As a log's levels are named.
            text: The line.
        """
        with self._lock:
            self._number += 1
            self._say(account, kind, severity, text, time.time_ns())

    def close(self) -> None:
        """Collect no more log lines."""
        with self._lock:
            if self._lines is not None:
                logging.getLogger("dita").removeHandler(self._lines)

    def _show(self, key: str, text: str) -> None:
        known = self._rows.get(key)
        if known is None or known[1] != text:
            self._rows[key] = (self._number, text)

    def _remove(self, key: str) -> None:
        if self._rows.pop(key, None) is not None:
            self._gone.append((self._number, key))

    def _keep(self, kind: str, text: str) -> None:
        self._kept[kind].append((self._number, text))

    def _say(self, account: str, kind: str, severity: str, text: str, time_ns: int) -> None:
        line = {"account": account, "kind": kind, "severity": severity, "text": text, "time_ns": time_ns}
        self._keep("log", to_json(line))

    def _look_at(self, name: str, kernel: ExecutionKernel) -> None:
        seen = kernel.look()
        for slot_id, text in seen["slots"]:
            self._row(f"slot:{name}:{slot_id}", text)
        for order_id, text in seen["orders"]:
            self._row(f"order:{name}:{order_id}", text)
        for symbol, mark in seen["marks"]:
            self._show(f"market:{name}:{symbol}", to_json({"symbol": symbol, "mark_price": mark}))
        for text in seen["fills"]:
            self._outcomes[name, "OK"] += 1
            self._keep("fills", _of(name, text))
        for text in seen["ended"]:
            self._keep("ended", _of(name, text))
        for text in seen["remarks"]:
            self._take_remark(name, json.loads(text))
        now_s = time.monotonic()
        if now_s >= self._health_due.get(name, 0.0):
            self._health_due[name] = now_s + _HEALTH_S
            self._look_at_health(name, kernel)
        elif seen["seq"] == self._seen.get(name):
            return
        self._seen[name] = seen["seq"]
        for place, (asset, text) in enumerate(_first_asset(kernel, seen["accounts"])):
            self._show(f"account:{name}" if place == 0 else f"asset:{name}:{asset}", text)
        self._take_control(name, kernel.control.as_dict())

    def _row(self, key: str, text: str | None) -> None:
        if text is None:
            self._remove(key)
        else:
            self._show(key, text)

    def _look_at_health(self, name: str, kernel: ExecutionKernel) -> None:
        health = kernel.health()
        self._followers[name] = health["followers"]
        self._losses[name] = health["losses_met"]
        since_ns = health["clock"]["disconnected_since_ns"]
        lost_s = None if since_ns is None else max(0.0, (health["now_ns"] - since_ns) / 1e9)
        if (lost_s is None) != (self._lost_s.get(name) is None):
            text = "the venue is away" if lost_s is not None else "the venue is connected again"
            self._say(name, "venue", "WARNING", text, time.time_ns())
        self._lost_s[name] = lost_s
        row = {
            "slots_total": kernel.max_slots,
            "positions": kernel.positions(),
            "unassigned": kernel.unassigned(),
            **health,
        }
        self._show(f"health:{name}", to_json(row))

    def _take_control(self, name: str, control: Mapping[str, Any]) -> None:
        before = self._controls.get(name)
        if control == before:
            return
        self._controls[name] = control
        self._show(f"control:{name}", to_json(control))
        if before is not None:
            halted = ", kill switch" if control["kill_switch"] else ""
            frozen = ", frozen" if control["frozen"] else ""
            text = f"gate {control['gate']}{halted}{frozen}, by {control['updated_by'] or 'a guard'}"
            self._say(name, "control", "WARNING", text, time.time_ns())

    def _take_remark(self, name: str, remark: dict[str, Any]) -> None:
        self._remarks.append((self._number, name, remark))
        self._outcomes[name, str(remark["code"])] += 1
        slot = "" if remark["slot_id"] is None else f", slot {remark['slot_id']}"
        limit = f", {remark['limit']}" if remark["limit"] else ""
        text = f"{remark['code']}{limit}{slot}, input {remark['seq']}"
        self._say(name, "kernel", remark["severity"], text, remark["time_ns"])

    def _look_at_strategies(self) -> None:
        for one in self._strategies():
            key = f"strategy:{one['name']}"
            state = f"{one['state']}: {one['error']}" if one["error"] else str(one["state"])
            if self._states.get(key) != state:
                severity = "ERROR" if str(one["state"]).startswith("Error") else "INFO"
                if key in self._states or severity == "ERROR":
                    self._say(
                        str(one["account"]), "strategy", severity, f"{one['name']}: {state}", time.time_ns()
                    )
                self._states[key] = state
            self._show(key, to_json(dict(one)))

    def _take_line(self, record: logging.LogRecord) -> None:
        self._say("", "program", record.levelname, record.getMessage(), int(record.created * 1e9))


def _of(account: str, text: str) -> str:
    """Say whose a thing is."""
    return '{"account":' + json.dumps(account) + "," + text[1:]


def _first_asset(kernel: ExecutionKernel, accounts: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Put the asset first that an account without a name means."""
    if len(accounts) < 2:
        return accounts
    first = kernel.account.state()["asset"]
    return sorted(accounts, key=lambda one: one[0] != first)


def _after(ring: deque[tuple[int, str]], floor: int) -> list[tuple[int, str]]:
    # The newest stand at the end: those that are wanted are few.
    found: list[tuple[int, str]] = []
    for one in reversed(ring):
        if one[0] <= floor:
            break
        found.append(one)
    found.reverse()
    return found
