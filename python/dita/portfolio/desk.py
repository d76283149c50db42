"""Plans and applies portfolios for the accounts of a host, at its own request and at its socket."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dita.audit.signing import canonical
from dita.control import ControlUpdate
from dita.errors import refuse
from dita.host import Directory, Host, NoFreeSlot
from dita.host.directory import file_name
from dita.portfolio.apply import Applier, ApplyProgress
from dita.portfolio.book import Book, book_of, book_of_weights
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.plan import (
    OWNER,
    Plan,
    PlanSettings,
    foretell_gate,
    foretell_regime,
    make_plan,
    plan_id_of,
)
from dita.portfolio.provenance import NO_PROVENANCE, Provenance, vouch
from dita.portfolio.registry import read_registry, registry_of
from dita.portfolio.store import PlanState, PlanStore, StoredPlan, plan_as_dict
from dita.portfolio.targets import Symbols, TargetFile, read_targets
from dita.venues.router import OrderManager


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that is ready to be shown or applied.

    Attributes:
        stored: The plan and how far it is.
        is_known: Whether it was begun before: it goes on, or is done.
        provenance: What the kernel takes before anything is sent.
    """

    stored: StoredPlan
    is_known: bool
    provenance: Provenance = NO_PROVENANCE

    @property
    def is_done(self) -> bool:
        """Whether the same file was applied to the account already."""
        return self.is_known and self.stored.state is PlanState.DONE

    def said(self) -> dict[str, Any]:
        """Return it as plain values: `plan`, whether it is `known`, and whether it was `already` applied."""
        return {"plan": plan_as_dict(self.stored), "known": self.is_known, "already": self.is_done}


class PortfolioDesk:
    """Executes what research decided, on one account of a host. From any thread."""

    def __init__(self, host: Host, account: str | None = None, directory: Directory | None = None) -> None:
        """Take an account.

        Args:
            host: Who owns it.
            account: Its name, `venue/account` or as much of it as is needed; None means the only one.
            directory: Where plans are kept; None means the host's.

        Raises:
            InvalidInput: The account is not known, or the host keeps no directory.
        """
        self._host = host
        # `binance` is its only account, as for everybody who names one to the router.
        self.account = OrderManager(host).name(account or "")
        self._kernel = host.kernel(self.account)
        place = directory or host.directory
        if place is None:
            raise refuse("directory", None, "is needed: a plan is written down before it is applied")
        self._directory = place
        self.name = f"{place.path.name}/{self.account}"
        self.store = PlanStore(folder_of(place, self.account))

    def prepare(
        self,
        path: Path,
        settings: PlanSettings | None = None,
        *,
        sha256: str | None = None,
        again: bool = False,
        registry: Path | None = None,
        now_ns: int | None = None,
        held: Mapping[str, str] | None = None,
    ) -> Prepared:
        """Read targets, and plan what they ask for; nothing is traded or written down.

        A file that was begun before is not planned anew: its plan is returned as it stands.

        Args:
            path: The file.
            settings: How targets become orders; None means the defaults.
            sha256: What the file's hash must be, hex; None means as a file beside it says.
            again: Whether a plan that is done is made anew from what the account holds.
            registry: The registry of audited runs; None means the host's, where it has one.
            now_ns: What time it is, nanoseconds; None means now.
            held: For a rehearsal: weights by symbol that stand in for what the account holds.

        Raises:
            PortfolioRefused: By name; see `PortfolioCode`.
        """
        how = settings or PlanSettings()
        file = read_targets(path, sha256=sha256)
        if held is not None:
            moment_ns = time.time_ns() if now_ns is None else now_ns
            plan = self.plan(file, how, now_ns=moment_ns, held=held)
            foretell_gate(plan, self._kernel.control)
            rehearsed = Prepared(StoredPlan(plan, PlanState.OPEN, moment_ns), is_known=False)
            return self._vouched(rehearsed, file, registry, moment_ns)
        known = self.store.load(plan_id_of(file.sha256, self.name))
        moment_ns = time.time_ns() if now_ns is None else now_ns
        if known is not None and not (again and known.state is not PlanState.OPEN):
            if known.plan.rank != how.rank:
                raise PortfolioRefused(
                    PortfolioCode.RANK_APPLIED,
                    f"rank: {how.rank} is asked for, and rank {known.plan.rank} of this file is this "
                    "account's: each winner needs an account of its own",
                )
            if known.state is PlanState.DONE:
                return Prepared(known, is_known=True)
            known.plan.settings = dataclasses.replace(known.plan.settings, override_ref=how.override_ref)
            return self._vouched(Prepared(known, is_known=True), file, registry, moment_ns)
        plan = self.plan(file, how, now_ns=moment_ns)
        times = 0 if known is None else known.times + 1
        stored = StoredPlan(plan, PlanState.OPEN, moment_ns, times=times)
        return self._vouched(Prepared(stored, is_known=False), file, registry, moment_ns)

    def _vouched(self, prepared: Prepared, file: TargetFile, registry: Path | None, now_ns: int) -> Prepared:
        """Hold a plan against the registry, and foretell what the regime blocks."""
        plan = prepared.stored.plan
        place = registry or registry_of(self._directory)
        found = read_registry(place) if registry is not None or place.exists() else None
        vouched = vouch(
            file.ranked(plan.rank), found, self._kernel.control, plan.settings.override_ref, now_ns
        )
        foretell_regime(plan, is_overridden=bool(plan.settings.override_ref))
        return dataclasses.replace(prepared, provenance=vouched)

    def plan(
        self,
        file: TargetFile,
        settings: PlanSettings,
        *,
        now_ns: int | None = None,
        held: Mapping[str, str] | None = None,
    ) -> Plan:
        """Plan a file of targets by what the account holds now.

        Args:
            file: The targets.
            settings: How they become orders.
            now_ns: What time it is, nanoseconds; None means now.
            held: Weights by symbol that stand in for what the account holds.

        Raises:
            PortfolioRefused: By name; see `PortfolioCode`.
        """
        book = self.book(file, settings.rank, held or ())
        if held is not None:
            book = book_of_weights(book, held, settings.buffer)
        moment_ns = time.time_ns() if now_ns is None else now_ns
        return make_plan(file, book, self.name, now_ns=moment_ns, settings=settings)

    def book(self, file: TargetFile, rank: int, more: Iterable[str] = ()) -> Book:
        """Return the account as a plan of a file sees it.

        Args:
            file: The targets.
            rank: Which winner.
            more: Symbols beside those of the file.
        """
        symbols = Symbols(self._kernel.instruments)
        named = (*(asset.symbol for asset in file.ranked(rank).assets), *more)
        found = (symbols.find(symbol) for symbol in named)
        return book_of(self._kernel, OWNER, [symbol for symbol in found if symbol is not None])

    def apply(
        self,
        prepared: Prepared,
        *,
        wait_s: float = 60.0,
        progress: Callable[[ApplyProgress], object] | None = None,
        tick: Callable[[], object] | None = None,
        stop: threading.Event | None = None,
    ) -> StoredPlan:
        """Apply a plan, or go on with it. One that is done is left alone.

        Args:
            prepared: As `prepare` returned it.
            wait_s: How long nothing may change while orders are at work, seconds.
            progress: Called with the progress.
            tick: Called while orders are waited for.
            stop: Ends it between two orders; the plan can go on later.

        Raises:
            PortfolioRefused: APPLIER_RUNNING, or TOO_FEW_SLOTS; nothing was traded.
        """
        with self.store.locked():
            if prepared.is_done:
                return prepared.stored
            stored = self._as_it_stands(prepared)
            if stored.state is PlanState.DONE:
                return stored
            stored.state, stored.ended_ns = PlanState.OPEN, None
            if not stored.plan.traded():
                return self._nothing_to_do(stored)
            self._tell(prepared.provenance)
            with self._client(stored.plan) as client:
                return Applier(
                    self._kernel,
                    client,
                    stored,
                    self.store,
                    wait_s=wait_s,
                    progress=progress,
                    tick=tick,
                    stop=stop,
                ).run()

    def _as_it_stands(self, prepared: Prepared) -> StoredPlan:
        """Another applier may have begun or ended the plan between `prepare` and the lock."""
        now = self.store.load(prepared.stored.plan.plan_id)
        if now is None or (not prepared.is_known and now.times < prepared.stored.times):
            return prepared.stored
        override_ref = prepared.stored.plan.settings.override_ref
        now.plan.settings = dataclasses.replace(now.plan.settings, override_ref=override_ref)
        foretell_regime(now.plan, is_overridden=bool(override_ref))
        return now

    def _tell(self, provenance: Provenance) -> None:
        """Give the kernel what was audited, each with its author; it refuses the rest."""
        known = set(self._kernel.control.audited)
        if provenance.override is not None:
            # Why, before what: the ledger's record of an override says what was noted when it was given.
            self._kernel.note_reasons({provenance.override.id: provenance.override.why})
            self._kernel.note("portfolio.override", canonical(dataclasses.asdict(provenance.override)))
        for by, names in provenance.by_author():
            new = tuple(name for name in names if name not in known)
            if new:
                self._kernel.update_control(ControlUpdate(audited=new, updated_by=by))

    def _nothing_to_do(self, stored: StoredPlan) -> StoredPlan:
        stored.state, stored.ended_ns = PlanState.DONE, time.time_ns()
        self.store.save(stored)
        return stored

    def _client(self, plan: Plan) -> Any:  # noqa: ANN401 - a Client, or the error of one
        held = sum(not view.is_free() and view.owner == OWNER for view in self._kernel.state.slots)
        wanted = {row.asset for row in plan.rows if row.increase}
        own = {view.asset for view in self._kernel.state.slots if not view.is_free() and view.owner == OWNER}
        try:
            return self._host.client(OWNER, self.account, slots=max(1, held + len(wanted - own)))
        except NoFreeSlot as error:
            raise PortfolioRefused(PortfolioCode.TOO_FEW_SLOTS, f"max_slots: {error}") from error

    def status(self, plan_id: str | None = None) -> list[dict[str, Any]]:
        """Return the account's plans as plain values, the last begun first.

        Args:
            plan_id: Of one plan only, by the beginning of its id; None means all, without their rows.
        """
        return status_of(self.store, plan_id)


def folder_of(directory: Directory, account: str) -> Path:
    """Return where the plans of an account are.

    Args:
        directory: The host's.
        account: The account's name.
    """
    return directory.path / "portfolio" / file_name(account)


def status_of(store: PlanStore, plan_id: str | None = None) -> list[dict[str, Any]]:
    """Return plans as plain values, the last begun first; their rows where one is named.

    Args:
        store: The plans.
        plan_id: The beginning of an id; None means all.
    """
    found = []
    for stored in store.plans():
        if plan_id is not None and not stored.plan.plan_id.startswith(plan_id):
            continue
        content = plan_as_dict(stored)
        rows = content["rows"]
        content["counts"] = {
            "rows": len(rows),
            "trades": len(stored.plan.traded()),
            "done": sum(row.state == "DONE" for row in stored.plan.traded()),
            "refused": sum(row["state"] == "REFUSED" for row in rows),
        }
        if plan_id is None:
            del content["rows"]
        found.append(content)
    return found


def settings_of(given: Mapping[str, Any]) -> PlanSettings:
    """Read settings from plain values.

    Args:
        given: By field; decimals as text.

    Raises:
        InvalidInput: A field that is none, or a value that cannot be.
    """
    known = {item.name: item for item in dataclasses.fields(PlanSettings)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise refuse(name, value, f"is none of {', '.join(sorted(known))}")
        values[name] = _exact(name, value) if name in ("threshold", "buffer", "max_gross") else value
    return PlanSettings(**values)


def _exact(name: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        raise refuse(name, value, "is no decimal") from None
    if not number.is_finite() or number < 0 or (name == "buffer" and number >= 1):
        raise refuse(name, value, "must be 0 or more" + (", and below 1" if name == "buffer" else ""))
    return number
