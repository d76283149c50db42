"""Whoever owns the account: a host that runs, asked at its socket, or one that is opened for this alone."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from dita.config import Config
from dita.errors import refuse
from dita.host import Directory, Host, ask
from dita.host.asking import HostRefused
from dita.portfolio.desk import PortfolioDesk, Prepared, settings_of
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.service import PortfolioService
from dita.portfolio.store import plan_as_dict
from dita.portfolio.targets import Symbols
from dita.venues import SimulatedVenue

_ASK_S: Final = 60.0
_POLL_S: Final = 0.1

Progress = Callable[[Mapping[str, Any]], object]


class Session(Protocol):
    """Plans and applies, wherever the account is."""

    def plan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return `plan` and whether it is `known`; nothing is traded."""

    def apply(self, request: Mapping[str, Any], shown: Progress, progress: Progress) -> dict[str, Any]:
        """Apply, and return the same once it has ended; `shown` gets the plan before anything is sent."""


class Running:
    """A host that runs: the apply goes on in it, also where who asked is gone."""

    def __init__(self, directory: Directory) -> None:
        """Name the host.

        Args:
            directory: Its directory.
        """
        self._directory = directory

    def _ask(self, action: str, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        try:
            return ask(self._directory, "portfolio", timeout_s=_ASK_S, action=action, **request)
        except HostRefused as error:
            if "'portfolio' is none of" not in str(error):
                raise
            raise PortfolioRefused(
                PortfolioCode.BAD_PLAN,
                f"{self._directory.path}: this host takes no portfolios; stop it, or name one that "
                "`dita run` or `dita portfolio apply --watch` has started",
            ) from error

    def plan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a plan."""
        said: dict[str, Any] = self._ask("plan", request)
        return said

    def apply(self, request: Mapping[str, Any], shown: Progress, progress: Progress) -> dict[str, Any]:
        """Ask for an apply, and wait for its end."""
        said: dict[str, Any] = self._ask("apply", request)
        shown(said)
        if said["already"]:
            return said
        place = {"account": request.get("account")}
        while True:
            at = self._ask("progress", place)
            if at is None or at["error"]:
                raise HostRefused("the host has restarted: apply again" if at is None else at["error"])
            progress(at)
            if at["ended"]:
                return {**said, "plan": at["plan"]}
            time.sleep(_POLL_S)


class Marks:
    """Prices that somebody gives for an account without a market feed, as a simulated one."""

    def __init__(self, given: Mapping[str, str] | None = None, path: Path | None = None) -> None:
        """Take prices.

        Args:
            given: Price by symbol.
            path: A JSON object of the same; it is read anew each time.
        """
        self._given = dict(given or {})
        self._path = path

    def read(self) -> dict[str, Decimal]:
        """Return the prices.

        Raises:
            InvalidInput: One is no price.
            PortfolioRefused: BAD_FILE.
        """
        said = {**self._from_file(), **self._given}
        return {symbol: _price(symbol, value) for symbol, value in said.items()}

    def _from_file(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            content = json.loads(self._path.read_bytes(), parse_float=Decimal, parse_constant=Decimal)
        except (OSError, ValueError) as error:
            raise PortfolioRefused(PortfolioCode.BAD_FILE, f"{self._path}: {error}") from error
        if not isinstance(content, dict):
            raise PortfolioRefused(
                PortfolioCode.BAD_FILE, f"{self._path}: must be an object: symbol to price"
            )
        return content

    def tell(
        self,
        venue: object,
        mark_price: Callable[..., object],
        instruments: list[str],
        now_ns: int | None,
    ) -> None:
        """Give the prices to an account: as quotes of a simulated venue, else as marks.

        Args:
            venue: The account's.
            mark_price: Takes a mark of it.
            instruments: Its symbols.
            now_ns: The time, where that is driven.

        Raises:
            InvalidInput: A symbol that is no instrument, or no price.
        """
        symbols = Symbols(instruments)
        for symbol, price in self.read().items():
            found = symbols.find(symbol)
            if found is None:
                raise refuse("mark", symbol, "is no instrument of the account")
            if isinstance(venue, SimulatedVenue):
                venue.on_quote(found, price, None, price, None, now_ns)
            else:
                mark_price(found, price)


class OwnHost:
    """A host that is opened for this alone, and closed after it. It answers at its socket meanwhile."""

    def __init__(self, config: Config, directory: Directory, account: str | None, marks: Marks) -> None:
        """Open the account.

        Args:
            config: What to open.
            directory: Where the host keeps log, controls and plans.
            account: Which account; None means the only one.
            marks: Prices, for accounts without a market feed.
        """
        self._marks = marks
        self.host = Host(config, directory=directory)
        try:
            self.desk = PortfolioDesk(self.host, account)
            self._kernel = self.host.kernel(self.desk.account)
            PortfolioService(self.host)
            self.host.serve()
        except BaseException:
            self.host.close(drain_s=0)
            raise
        self.stop = threading.Event()

    def plan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Plan here."""
        return self._prepared(request).said()

    def apply(self, request: Mapping[str, Any], shown: Progress, progress: Progress) -> dict[str, Any]:
        """Apply here, and wait for the end."""
        prepared = self._prepared(request)
        said = prepared.said()
        shown(said)
        stored = self.desk.apply(
            prepared,
            wait_s=float(request.get("wait_s", 60)),
            progress=lambda at: progress(
                {"done": at.done, "rows": at.rows, "sent": at.sent, "phase": str(at.phase)}
            ),
            tick=self._tick,
            stop=self.stop,
        )
        return {**said, "plan": plan_as_dict(stored)}

    def _prepared(self, request: Mapping[str, Any]) -> Prepared:
        self._marks.tell(self._kernel.venue, self._kernel.mark_price, self._kernel.instruments, self._now())
        return self.desk.prepare(
            Path(str(request["file"])),
            settings_of(request.get("settings") or {}),
            sha256=request.get("sha256"),
            again=request.get("again") is True,
            registry=Path(str(request["registry"])) if request.get("registry") else None,
            held=request.get("held"),
        )

    def _now(self) -> int | None:
        """This machine's time, where the kernel's is driven and behind it."""
        now_ns = time.time_ns()
        is_driven = self._kernel.health()["clock"]["source"] == "MANUAL"
        return now_ns if is_driven and now_ns > self._kernel.now_ns else None

    def _tick(self) -> None:
        now_ns = self._now()
        if now_ns is not None:
            self._kernel.advance_time(now_ns)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the host."""
        self.host.close()


def _price(symbol: str, value: object) -> Decimal:
    try:
        price = Decimal(str(value))
    except ArithmeticError:
        raise refuse(f"mark of {symbol}", value, "is no price") from None
    if not price.is_finite() or price <= 0:
        raise refuse(f"mark of {symbol}", value, "must be above zero")
    return price
