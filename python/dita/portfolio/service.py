"""Portfolios at a host's socket: who asks gets the plan at once, and the apply goes on in the host."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dita.errors import InvalidInput, KernelError
from dita.host import Host
from dita.portfolio.desk import PortfolioDesk, Prepared, settings_of
from dita.portfolio.store import plan_as_dict


class _Run:
    """One apply, in a thread."""

    def __init__(self, desk: PortfolioDesk, prepared: Prepared, wait_s: float) -> None:
        self._desk = desk
        self._prepared = prepared
        self._wait_s = wait_s
        self._said: dict[str, Any] = {
            "ended": False,
            "error": "",
            "done": 0,
            "rows": 0,
            "sent": 0,
            "phase": "",
        }
        self._thread = threading.Thread(target=self._apply, name="dita-portfolio", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def progress(self) -> dict[str, Any]:
        """How far it is; with the plan once it has ended."""
        return dict(self._said)

    def _apply(self) -> None:
        try:
            stored = self._desk.apply(
                self._prepared,
                wait_s=self._wait_s,
                progress=lambda at: self._said.update(
                    done=at.done, rows=at.rows, sent=at.sent, phase=str(at.phase)
                ),
            )
        except (KernelError, OSError) as error:
            self._said.update(error=str(error), ended=True)
        else:
            self._said.update(plan=plan_as_dict(stored), ended=True)


class PortfolioService:
    """Answers the request "portfolio" of a host's socket, and applies in threads of its own."""

    def __init__(self, host: Host) -> None:
        """Begin to answer.

        Args:
            host: Whose accounts are traded.
        """
        self._host = host
        self._lock = threading.Lock()
        self._running: dict[str, _Run] = {}
        host.answer("portfolio", self.answer)

    def answer(self, request: Mapping[str, Any]) -> object:
        """Answer one request: `action` is "plan", "apply", "progress" or "status".

        Args:
            request: Its fields: `account`, `file`, `settings`, `sha256`, `again`, `registry`, `wait_s`.

        Raises:
            InvalidInput: A field cannot be taken.
            PortfolioRefused: By name.
        """
        desk = PortfolioDesk(self._host, request.get("account"))
        action = request["action"]
        if action == "status":
            return desk.status(request.get("plan_id"))
        if action == "progress":
            with self._lock:
                run = self._running.get(desk.account)
            return None if run is None else run.progress()
        if action not in ("plan", "apply"):
            raise InvalidInput(f"action: {action!r} is none of plan, apply, progress, status")
        prepared = desk.prepare(
            Path(str(request["file"])),
            settings_of(request.get("settings") or {}),
            sha256=request.get("sha256"),
            again=request.get("again") is True,
            registry=Path(str(request["registry"])) if request.get("registry") else None,
            held=request.get("held"),
        )
        said = prepared.said()
        if action == "apply" and not prepared.is_done:
            with self._lock:
                run = self._running.get(desk.account)
                if run is not None and run.is_alive():
                    raise desk.store.second()
                run = _Run(desk, prepared, float(request.get("wait_s", 60)))
                self._running[desk.account] = run
            run.begin()
        return said
