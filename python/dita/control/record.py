"""What a control plane outside of this process holds: the controls, and the last changes that led to them.

A kernel takes every change as one input, attributed to who asked for it; the controls as they stand are for
those who begin, or have missed more than is kept.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Self

from dita._kernel import ControlGate, Engine, KernelMode, KernelVerbosity, Regime
from dita.control.memory import NO_LIMITS, ControlUpdate, KernelControlSnapshot, applied
from dita.errors import KernelError, refuse, refuse_name, shown

FORMAT: Final = 1
# More changes than anybody makes between two looks.
CHANGES_MAX: Final = 64
NAME_MAX: Final = 64

_ENUMS: Final = {"mode": KernelMode, "gate": ControlGate, "verbosity": KernelVerbosity, "regime": Regime}


class ControlPlaneError(KernelError):
    """A control plane cannot be read or written; the text says why and what to do."""


class ControlConflict(ControlPlaneError):  # noqa: N818 - a kind of ControlPlaneError
    """The controls were changed by somebody else since the version that was named."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        id: Its own, so that it is taken once, wherever it is found.
        version: What the controls' version became by it.
        update: What it changes.
    """

    id: str
    version: int
    update: ControlUpdate


@dataclass(frozen=True, slots=True)
class Record:
    """What a plane holds.

    Attributes:
        controls: As they stand.
        changes: The last ones, oldest first.
    """

    controls: KernelControlSnapshot = field(default_factory=KernelControlSnapshot)
    changes: tuple[Change, ...] = ()

    @property
    def reasons(self) -> dict[str, str]:
        """Why overrides were given, by their ids, as far as the last changes say."""
        updates = (change.update for change in self.changes if change.update.why)
        return {name: update.why or "" for update in updates for name in update.audited or ()}

    @property
    def flatten_stands(self) -> bool:
        """Whether positions are to be left, and nobody has opened the gate since."""
        return any(change.update.flattens for change in self._since_the_gate())

    @property
    def flatten_all_stands(self) -> bool:
        """Whether that includes what was there when a kernel was opened."""
        return any(change.update.flatten_all for change in self._since_the_gate())

    def _since_the_gate(self) -> Iterator[Change]:
        """The changes since somebody opened the gate, newest first."""
        for change in reversed(self.changes):
            # One update may do both: then it is asked for after the gate was opened.
            yield change
            if change.update.gate not in (None, ControlGate.HALTED):
                return

    def with_change(self, update: ControlUpdate) -> Self:
        """Return the record after a change."""
        controls = applied(self.controls, update)
        change = Change(uuid.uuid4().hex, controls.version, replace(update, version=None))
        return replace(self, controls=controls, changes=(*self.changes, change)[-CHANGES_MAX:])

    def to_json(self) -> str:
        """Return it as JSON; `from_json` reads it back."""
        content = {
            "format": FORMAT,
            "version": self.controls.version,
            "controls": self.controls.as_dict(),
            "changes": [
                {"id": one.id, "version": one.version, "update": one.update.as_dict()} for one in self.changes
            ],
        }
        return json.dumps(content, default=_plain, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, place: str) -> Self:
        """Read it.

        Args:
            text: As `to_json` wrote it.
            place: Where it stands, for the error.

        Raises:
            ControlPlaneError: It does not read as one.
        """
        try:
            return cls._from_content(json.loads(text), place)
        except ControlPlaneError:
            raise
        except (KernelError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ControlPlaneError(
                f"{place}: is damaged, or no control plane's ({type(error).__name__}: {error}): move it "
                "away, a kernel that watches puts the last controls back; until then it goes on with them"
            ) from error

    @classmethod
    def _from_content(cls, content: Mapping[str, Any], place: str) -> Self:
        if content["format"] != FORMAT:
            raise ControlPlaneError(
                f"{place}: has format {shown(content['format'])}, this version reads {FORMAT}: use the same "
                "version of dita on both sides"
            )
        controls = _controls(content["controls"])
        if controls.version != content["version"]:
            raise ValueError("its two versions differ")
        changes = tuple(
            Change(str(one["id"]), int(one["version"]), _update(one["update"])) for one in content["changes"]
        )
        return cls(controls, changes)


class Reader:
    """Tells which changes of a record were not taken yet."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: dict[str, None] = {}
        self.version = 0

    def skip(self, record: Record) -> None:
        """Take a record as it stands, with all its changes."""
        self._note(record)

    def news(self, record: Record) -> Iterator[ControlUpdate]:
        """Yield what was not taken yet, in order; the controls as they stand make up for what is missing.

        A record that somebody put back from a copy has no news: what it holds was taken before.
        """
        fresh = [change for change in record.changes if change.id not in self._seen]
        has_gap = bool(fresh) and self.version > 0 and fresh[0].version > self.version + 1
        if has_gap or (self.version == 0 and record.controls.version > len(record.changes)):
            yield standing_as_update(record.controls)
        else:
            yield from (replace(change.update, version=change.version) for change in fresh)
            if fresh:
                # Somebody goes on from an older copy: that is what counts from now on.
                self.version = record.controls.version
        self._note(record)

    def is_stale(self, record: Record) -> bool:
        """Whether it is older than what was seen before."""
        return record.controls.version < self.version

    def _note(self, record: Record) -> None:
        for change in record.changes:
            self._seen[change.id] = None
        while len(self._seen) > 4 * CHANGES_MAX:
            del self._seen[next(iter(self._seen))]
        self.version = max(self.version, record.controls.version)


def check(update: ControlUpdate, standing: KernelControlSnapshot | None = None) -> None:
    """Hold a change against what a kernel would take, asking a fresh one.

    Args:
        update: The change.
        standing: The controls that it changes; None means a fresh kernel's.

    Raises:
        InvalidInput: A name or a value that cannot be; by field.
        InvalidType: A value of another type; by field.
    """
    unknown = sorted(set(update.limits or ()) - set(NO_LIMITS))
    if unknown:
        raise refuse_name("limits", unknown[0], "limit", NO_LIMITS)
    if len(update.updated_by.encode()) > NAME_MAX:
        raise refuse("updated_by", update.updated_by, f"is longer than {NAME_MAX} bytes")
    changes = update.as_dict()
    changes.pop("flatten", None)
    changes.pop("flatten_all", None)
    changes.pop("why", None)
    engine = Engine(max_slots=1)
    try:
        if standing is not None:
            engine.update_control(**standing_as_update(standing).as_dict())
        engine.update_control(**changes)
    finally:
        engine.close()


def standing_as_update(controls: KernelControlSnapshot) -> ControlUpdate:
    """Return the controls as they stand as one change."""
    own = {item.name for item in fields(ControlUpdate)}
    return ControlUpdate(**{name: value for name, value in controls.as_dict().items() if name in own})


def _controls(content: Mapping[str, Any]) -> KernelControlSnapshot:
    values = dict(content)
    for name, kind in _ENUMS.items():
        values[name] = kind(values[name])
    values["limits"] = MappingProxyType({**NO_LIMITS, **values["limits"]})
    values["audited"] = tuple(str(run) for run in values["audited"])
    if values["updated_at"] is not None:
        values["updated_at"] = datetime.fromisoformat(values["updated_at"]).astimezone(UTC)
    controls = KernelControlSnapshot(**values)
    check(standing_as_update(controls))
    return controls


def _update(content: Mapping[str, Any]) -> ControlUpdate:
    """A change that was made: what it came to is checked with the controls as they stand."""
    values = dict(content)
    for name, kind in _ENUMS.items():
        if name in values:
            values[name] = kind(values[name])
    if "audited" in values:
        values["audited"] = tuple(str(run) for run in values["audited"])
    return ControlUpdate(**values)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a control plane")
