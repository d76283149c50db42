"""Plans on disk, one file each, so that a plan that was cut short goes on where it stood."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from dita._kernel import Regime
from dita.portfolio.book import Equity
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.plan import Plan, PlanSettings, Row, RowState

FORMAT: Final = 1
_DECIMALS: Final = frozenset(
    {"weight", "actual_weight", "mark", "target", "actual", "reduce", "increase", "cap"}
)


class PlanState(StrEnum):
    """How far a plan is."""

    OPEN = "OPEN"
    DONE = "DONE"
    INCOMPLETE = "INCOMPLETE"


@dataclass(slots=True)
class StoredPlan:
    """A plan and how far it is.

    Attributes:
        plan: The plan, its rows as they stand.
        state: OPEN while it is applied, and where that was cut short; DONE; INCOMPLETE where a row was
            refused or has not filled in time.
        begun_ns: When it was begun, nanoseconds.
        ended_ns: When it was done or given up; None before.
        times: How often the same file was applied anew (`--again`) before.
    """

    plan: Plan
    state: PlanState
    begun_ns: int
    ended_ns: int | None = None
    times: int = 0


class PlanStore:
    """The plans of one account.

    Attributes:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made at the first write.

        Args:
            folder: Where plans are, or will be.
        """
        self.folder = folder

    def path(self, plan_id: str) -> Path:
        """Return the file of a plan.

        Args:
            plan_id: Its id.
        """
        return self.folder / f"{plan_id}.json"

    def load(self, plan_id: str) -> StoredPlan | None:
        """Return a plan; None where there is none of this id.

        Args:
            plan_id: Its id.

        Raises:
            PortfolioRefused: BAD_PLAN: its file does not read as one.
        """
        path = self.path(plan_id)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(path, error) from error
        try:
            return _stored(json.loads(text))
        except (ValueError, KeyError, TypeError, InvalidOperation, AttributeError) as error:
            raise _damaged(path, error) from error

    def plans(self) -> list[StoredPlan]:
        """Return every plan, the last begun first.

        Raises:
            PortfolioRefused: BAD_PLAN.
        """
        if not self.folder.is_dir():
            return []
        found = [self.load(one.stem) for one in self.folder.glob("*.json")]
        return sorted((one for one in found if one is not None), key=lambda one: one.begun_ns, reverse=True)

    def save(self, stored: StoredPlan) -> None:
        """Write a plan down: whole or not at all, whatever happens meanwhile.

        Args:
            stored: The plan.

        Raises:
            OSError: It cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.path(stored.plan.plan_id), json.dumps(plan_as_dict(stored), separators=(",", ":")))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the account's only applier. The lock ends with its holder, also where that is killed.

        Raises:
            PortfolioRefused: APPLIER_RUNNING.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "applier.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise self.second() from None
            yield

    def second(self) -> PortfolioRefused:
        """Return the refusal of a second applier."""
        return PortfolioRefused(
            PortfolioCode.APPLIER_RUNNING,
            f"{self.folder.name}: a plan is being applied to this account: wait for its end "
            "(dita portfolio status)",
        )


def write_whole(path: Path, text: str) -> None:
    """Replace a file by a whole one: after a crash it is the old one or the new one.

    Args:
        path: The file.
        text: What it shall hold.

    Raises:
        OSError: It cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def plan_as_dict(stored: StoredPlan) -> dict[str, Any]:
    """Return a plan as plain values: decimals as text, times as nanoseconds.

    Args:
        stored: The plan.
    """
    plan = stored.plan
    return {
        "format": FORMAT,
        "plan_id": plan.plan_id,
        "account": plan.account,
        "file": plan.file,
        "sha256": plan.sha256,
        "key": plan.key,
        "rank": plan.rank,
        "regime": str(plan.regime),
        "state": str(stored.state),
        "begun_ns": stored.begun_ns,
        "ended_ns": stored.ended_ns,
        "times": stored.times,
        "equity": {
            **{item.name: _plain(getattr(plan.equity, item.name)) for item in fields(Equity)},
            "amount": _plain(plan.equity.amount),
        },
        "settings": {item.name: _plain(getattr(plan.settings, item.name)) for item in fields(PlanSettings)},
        "rows": [{item.name: _plain(getattr(row, item.name)) for item in fields(Row)} for row in plan.rows],
    }


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, StrEnum) else value


def _stored(content: Mapping[str, Any]) -> StoredPlan:
    if content["format"] != FORMAT:
        raise ValueError(f"format: {content['format']!r} is not {FORMAT}")
    settings = dict(content["settings"])
    for name in ("threshold", "buffer", "max_gross"):
        settings[name] = Decimal(settings[name])
    said = content["equity"]
    reported = said["reported"]
    plan = Plan(
        plan_id=str(content["plan_id"]),
        account=str(content["account"]),
        file=str(content["file"]),
        sha256=str(content["sha256"]),
        key=str(content["key"]),
        rank=int(content["rank"]),
        regime=Regime(content["regime"]),
        equity=Equity(
            said["asset"],
            Decimal(said["capital"]),
            None if reported is None else Decimal(reported),
            Decimal(said["open_pnl"]),
        ),
        settings=PlanSettings(**settings),
        rows=[_row(row) for row in content["rows"]],
    )
    ended = content["ended_ns"]
    return StoredPlan(
        plan,
        PlanState(content["state"]),
        int(content["begun_ns"]),
        None if ended is None else int(ended),
        int(content["times"]),
    )


def _row(content: Mapping[str, Any]) -> Row:
    values = dict(content)
    for name in _DECIMALS:
        if values[name] is not None:
            values[name] = Decimal(values[name])
    values["state"] = RowState(values["state"])
    return Row(**values)


def _damaged(path: Path, error: Exception) -> PortfolioRefused:
    return PortfolioRefused(
        PortfolioCode.BAD_PLAN,
        f"{path}: is damaged, or no plan of this version ({type(error).__name__}: {error}): move it away; "
        "then the file is planned anew from what the account holds",
    )
