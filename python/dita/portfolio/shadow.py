"""Shadow fills: targets are taken as filled, perfectly and at once, and only the state file says so.

No account is needed, and nothing is sent. `portfolio_actual_state.json` has a portfolio under its name,
`Rank{n}_{engine}_{profile}`, with its `assets` as research wrote them, and `updated_at`.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita.errors import shown
from dita.portfolio.errors import PortfolioCode, PortfolioRefused
from dita.portfolio.plan import PlanSettings, Why
from dita.portfolio.store import PlanStore, write_whole
from dita.portfolio.targets import Symbols, Target, TargetFile, check_age, check_gross, weight_in

STATE_NAME: Final = "portfolio_actual_state.json"
FILLS_NAME: Final = "shadow_fills.jsonl"
BACKUPS_MAX: Final = 20
_MARKED: Final = re.compile(r'"\\u0000([^"\\]+)\\u0000"')


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """One symbol of a portfolio.

    Attributes:
        symbol: As the file has it.
        actual: Its weight in the state file; 0 where it is not there.
        target: Its weight in the targets; 0 where it is not there.
        why: Why it is left as it is; empty where it is filled.
        asset: What the state file holds of it afterwards; None where that is nothing.
        before: What it holds of it now; None where that is nothing.
        size: What a rehearsal on an account would trade; None without one.
    """

    symbol: str
    actual: Decimal
    target: Decimal
    why: str
    asset: Mapping[str, Any] | None
    before: Mapping[str, Any] | None = None
    size: Decimal | None = None

    @property
    def drift(self) -> Decimal:
        """Target less actual."""
        return self.target - self.actual


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """What a shadow apply does.

    Attributes:
        key: The portfolio's name.
        rows: By symbol.
    """

    key: str
    rows: tuple[ShadowRow, ...]

    def fills(self) -> tuple[ShadowRow, ...]:
        """The rows that are filled."""
        return tuple(row for row in self.rows if not row.why)


class ShadowState:
    """The state file, and the fills beside it.

    Attributes:
        path: `portfolio_actual_state.json`.
    """

    def __init__(self, path: Path) -> None:
        """Name it; it need not be there yet.

        Args:
            path: The file.
        """
        self.path = path

    def read(self) -> dict[str, Any]:
        """Return what it holds, by portfolio; nothing where there is no file.

        Raises:
            PortfolioRefused: BAD_STATE.
        """
        try:
            content = json.loads(self.path.read_bytes(), parse_float=Decimal, parse_constant=Decimal)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._damaged(str(error)) from error
        if not isinstance(content, dict):
            raise self._damaged("it is no object")
        for key, one in content.items():
            if not isinstance(one, dict) or not isinstance(one.get("assets"), list):
                raise self._damaged(f"{shown(key)} has no list of assets")
        return content

    def held(self, key: str) -> dict[str, str]:
        """Return the weights that a portfolio holds, as text, by symbol.

        Args:
            key: The portfolio's name.
        """
        assets = self.read().get(key, {}).get("assets", ())
        return {str(one["Symbol"]): str(weight_in(f"{self.path}: {one['Symbol']}", one)) for one in assets}

    def plan(
        self,
        file: TargetFile,
        settings: PlanSettings,
        now_ns: int,
        rehearsed: Iterable[Mapping[str, Any]] | None = None,
    ) -> ShadowPlan:
        """Return what would be filled; nothing is written.

        Args:
            file: The targets.
            settings: Rank, threshold and bounds.
            now_ns: What time it is, nanoseconds.
            rehearsed: Rows of an account's plan: what it does not trade whole is not filled; None fills all.

        Raises:
            PortfolioRefused: By name.
        """
        target = file.ranked(settings.rank)
        check_age(target, now_ns, settings.max_age_ns)
        check_gross(target, settings.max_gross)
        held = {str(asset["Symbol"]): asset for asset in self.read().get(target.key, {}).get("assets", ())}
        rows = tuple(self._rows(target, held, settings))
        return ShadowPlan(target.key, rows if rehearsed is None else tuple(_rehearsed(rows, rehearsed)))

    def _rows(
        self, target: Target, held: Mapping[str, Mapping[str, Any]], settings: PlanSettings
    ) -> Iterator[ShadowRow]:
        wanted = {asset.symbol: asset for asset in target.assets}
        for symbol in sorted({*wanted, *held}):
            asset, before = wanted.get(symbol), held.get(symbol)
            weight = asset.weight if asset is not None else Decimal(0)
            actual = weight_in(f"{self.path}: {symbol}", before) if before is not None else Decimal(0)
            drift = abs(weight - actual)
            closes = settings.close_dust and not weight and drift
            if drift and (drift >= settings.threshold or closes):
                yield ShadowRow(symbol, actual, weight, "", asset.given if asset and weight else None, before)
            else:
                yield ShadowRow(symbol, actual, weight, Why.DUST if drift else Why.ON_TARGET, before)

    def apply(
        self,
        file: TargetFile,
        settings: PlanSettings,
        now_ns: int,
        rehearsed: Iterable[Mapping[str, Any]] | None = None,
    ) -> ShadowPlan:
        """Fill what has drifted, and write the state whole or not at all, with a backup of what was there.

        Where nothing has drifted nothing is written.

        Args:
            file: The targets.
            settings: Rank, threshold and bounds.
            now_ns: What time it is, nanoseconds.
            rehearsed: As in `plan`.

        Raises:
            PortfolioRefused: By name; nothing is written.
            OSError: It cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            plan = self.plan(file, settings, now_ns, rehearsed)
            if not plan.fills():
                return plan
            moment = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).isoformat()
            assets = [dict(row.asset) for row in plan.rows if row.asset is not None]
            state = {**self.read(), plan.key: {"assets": assets, "updated_at": moment}}
            self._back_up(moment)
            write_whole(self.path, as_numbers(state, indent=2) + "\n")
            with self.path.with_name(FILLS_NAME).open("a", encoding="utf-8") as fills:
                for row in plan.fills():
                    fills.write(as_numbers(_fill(plan.key, row, moment)) + "\n")
            return plan

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time, as with an account."""
        with PlanStore(self.path.with_name(f".{self.path.name}.lock")).locked():
            yield

    def _back_up(self, moment: str) -> None:
        if not self.path.exists():
            return
        stamp = re.sub(r"[^0-9T]", "", moment.partition("+")[0]).replace("T", "_")
        number, copy = 1, self.path.with_name(f"{self.path.name}.bak_{stamp}")
        while copy.exists():
            number, copy = number + 1, self.path.with_name(f"{self.path.name}.bak_{stamp}_{number}")
        shutil.copy2(self.path, copy)
        kept = sorted(
            self.path.parent.glob(f"{self.path.name}.bak_*"),
            key=lambda one: (one.stat().st_mtime_ns, one.name),
        )
        for old in kept[:-BACKUPS_MAX]:
            old.unlink(missing_ok=True)

    def _damaged(self, why: str) -> PortfolioRefused:
        return PortfolioRefused(
            PortfolioCode.BAD_STATE,
            f"{self.path}: is damaged, or no state of portfolios ({why}): put a copy back "
            f"({self.path.name}.bak_...), or move it away",
        )


def _rehearsed(rows: Iterable[ShadowRow], planned: Iterable[Mapping[str, Any]]) -> Iterator[ShadowRow]:
    """Rows as an account's plan has them: sizes on the venue's grid, and what it would refuse left out."""
    plans = {str(row["asset"]): row for row in planned}
    symbols = Symbols(tuple(plans))
    for row in rows:
        found = plans.get(symbols.find(row.symbol) or "")
        if row.why or found is None:
            yield row
            continue
        size = Decimal(found["reduce"]) + Decimal(found["increase"])
        why = str(found["why"]) or ("" if size else str(Why.ON_TARGET))
        # What is not filled stays as it was.
        asset = row.before if why else row.asset
        yield replace(row, why=why, asset=asset, size=Decimal(0) if why else size)


def _fill(key: str, row: ShadowRow, moment: str) -> dict[str, Any]:
    return {
        "timestamp": moment,
        "profile": key,
        "symbol": row.symbol,
        "last_weight": row.actual,
        "target_weight": row.target,
        "drift": row.drift,
        "type": "shadow_fill",
    }


def as_numbers(content: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Return JSON in which exact decimals are numbers, to the last digit.

    Args:
        content: Plain values and decimals.
        indent: As `json.dumps` has it.
    """
    text = json.dumps(content, default=_marked, indent=indent)
    return _MARKED.sub(lambda found: found[1], text)


def _marked(value: object) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return f"\0{value:f}\0"
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a state file")
