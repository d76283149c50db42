"""The controls, a change of them, the control plane's protocol, and one in memory."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias, runtime_checkable

from dita._kernel import ControlGate, KernelMode, KernelVerbosity, Regime
from dita.errors import KernelError, refuse
from dita.second_names import LIMIT_NAMES

NO_LIMITS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "max_order_notional": None,
        "max_total_notional": None,
        "max_leverage": None,
        "price_collar": None,
        "max_open_slots": None,
        "max_order_size": None,
        "max_symbol_notional": None,
        "max_asset_notional": None,
        "order_burst": None,
        "orders_per_second": None,
        "order_reserve_for_exits": None,
        "cancel_burst": None,
        "cancels_per_second": None,
        "max_daily_loss": None,
        "max_drawdown": None,
        "min_edge_bps": None,
        "edge_freeze_cancels": None,
        "max_mark_age": None,
    }
)

_AUDITED_MAX: Final = 1024
WHY_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class KernelControlSnapshot:
    """What operators have set.

    Attributes:
        mode: Which venue. Changes only when the kernel is flat and nothing is at work.
        gate: What is let through. HALTED lets through CANCEL, EXIT and amends that raise no risk, and
            cancels working entries; REDUCE_ONLY refuses every new entry.
        verbosity: How much is reported.
        debug_clickhouse_enabled: Whether the journal writes to ClickHouse.
        frozen: Whether entries are frozen.
        limits: Limits by name; None means no limit. In settlement units `max_order_notional`, and with
            positions and working entries together at worst `max_total_notional`, `max_symbol_notional`,
            `max_asset_notional` (one base asset); `max_order_size` (quantity), `max_leverage`, `price_collar`
            (a fraction of the mark), `max_open_slots`. Per time `order_burst`, `orders_per_second`,
            `order_reserve_for_exits`, `cancel_burst`, `cancels_per_second`. Of results `max_daily_loss`
            (settlement units, UTC days), `max_drawdown` (a fraction of the peak). Of the edge monitor
            `min_edge_bps`, `edge_freeze_cancels` (a FreezeScope; None means entries). With SystemClock
            `max_mark_age` (seconds; None means 60): an older mark counts as none.
        kill_switch: Whether it was pulled: everything that increases risk stands still.
        freeze_events: How often the edge monitor has frozen entries.
        last_freeze_reason: Why it did so last; empty before the first time.
        last_freeze_symbol: For which instrument.
        require_audit: Whether an entry needs an audited `source_run`.
        regime: The whole market's. In a CRISIS, buying aggressively needs an audited `override_ref`.
        audited: Runs and actions that were audited, oldest first; the last 1,024 count.
        version: Counts the changes that operators made, as their control plane does.
        updated_by: Who made the last one.
        updated_at: When; None before the first.
    """

    mode: KernelMode = KernelMode.PAPER
    gate: ControlGate = ControlGate.NORMAL
    verbosity: KernelVerbosity = KernelVerbosity.NORMAL
    debug_clickhouse_enabled: bool = False
    frozen: bool = False
    limits: Mapping[str, Any] = field(default_factory=lambda: NO_LIMITS)
    kill_switch: bool = False
    freeze_events: int = 0
    last_freeze_reason: str = ""
    last_freeze_symbol: str = ""
    require_audit: bool = False
    regime: Regime = Regime.NORMAL
    audited: tuple[str, ...] = ()
    version: int = 0
    updated_by: str = ""
    updated_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return every field by name; the limits as a dict of their own."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["limits"] = dict(self.limits)
        return values


@dataclass(frozen=True, slots=True)
class ControlUpdate:
    """A change of the controls. What is None stays as it is.

    Attributes:
        mode: As in `KernelControlSnapshot`.
        gate: The same.
        verbosity: The same.
        debug_clickhouse_enabled: The same.
        frozen: The same.
        limits: The limits to change, by name; None as a value lifts that limit, unnamed ones stay.
        kill_switch: True halts and cancels every working entry; False takes only the mark off, and the gate
            stays where it is.
        require_audit: As in `KernelControlSnapshot`.
        regime: The same.
        audited: Runs and actions audited since: they are added to those that stand.
        flatten: True also leaves every position: the kernel halts, cancels entries, and sends exits until
            nothing is open. What was there when the kernel was opened, and no slot has taken since, stays.
        flatten_all: True is the same, and leaves that as well.
        updated_by: Who asks.
        version: Filled in by the plane, whatever you give: the controls' version by this change.
        why: Why, where `audited` has an override: at most 500 characters. The kernel's log keeps it for the
            audit ledger and the journal; the controls do not.
    """

    mode: KernelMode | str | None = None
    gate: ControlGate | str | None = None
    verbosity: KernelVerbosity | str | None = None
    debug_clickhouse_enabled: bool | None = None
    frozen: bool | None = None
    limits: Mapping[str, Any] | None = None
    kill_switch: bool | None = None
    require_audit: bool | None = None
    regime: Regime | str | None = None
    audited: tuple[str, ...] | None = None
    updated_by: str = ""
    flatten: bool | None = None
    # Not compared: a change is the same before the plane has counted it, and after.
    version: int | None = field(default=None, compare=False)
    flatten_all: bool | None = None
    why: str | None = None

    @property
    def flattens(self) -> bool:
        """Whether it asks for positions to be left."""
        return bool(self.flatten or self.flatten_all)

    def __post_init__(self) -> None:
        """Read limits by their second names: `max_asset_exposure` is `max_asset_notional`.

        Raises:
            InvalidInput: A `why` that says nothing, or too much.
        """
        if self.why is not None and not (self.why.strip() and len(self.why) <= WHY_MAX):
            raise refuse("why", self.why, f"must be 1 to {WHY_MAX} characters")
        if isinstance(self.limits, Mapping) and not LIMIT_NAMES.keys().isdisjoint(self.limits):
            named = {LIMIT_NAMES.get(name, name): value for name, value in self.limits.items()}
            object.__setattr__(self, "limits", named)

    def as_dict(self) -> dict[str, Any]:
        """Return what is to change, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        if self.limits is not None:
            values["limits"] = dict(self.limits)
        return {name: value for name, value in values.items() if value is not None}


Watcher: TypeAlias = Callable[[ControlUpdate], object]


class ControlFromInside(KernelError):  # noqa: N818 - it says where from
    """A plane was changed from inside a call of a kernel that watches it."""


def refuse_inside(watchers: Iterable[Watcher]) -> None:
    """Refuse a change from inside a call of a kernel that watches: it could wait for itself.

    Args:
        watchers: Those of the plane; a kernel's has `calls_here()`.

    Raises:
        ControlFromInside: This thread is inside such a call.
    """
    for watcher in tuple(watchers):
        calls_here = getattr(watcher, "calls_here", None)
        if calls_here is not None and calls_here():
            raise ControlFromInside(
                "the control plane cannot be changed from inside one of the kernel's calls: a change "
                "from outside may have the plane and wait for this call; use update_control of the kernel, "
                "which takes it at once, or change the plane from another thread"
            )


@runtime_checkable
class ControlPlane(Protocol):
    """Where operators set the controls, and kernels read them."""

    def read(self) -> KernelControlSnapshot:
        """Return the controls as they stand."""
        ...

    def update(self, update: ControlUpdate) -> KernelControlSnapshot:
        """Change the controls, and return them as they then stand.

        Raises:
            KernelError: A kernel that watches refused; nothing has changed.
        """
        ...

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with each change before it stands; if it raises, the change is refused.

        Args:
            watcher: Called in the updating thread.

        Returns:
            A function that ends the watch.
        """
        ...


class InMemoryControlPlane:
    """A control plane within one process."""

    def __init__(self, snapshot: KernelControlSnapshot | None = None) -> None:
        """Start with the controls given.

        Args:
            snapshot: The controls; None means the defaults.
        """
        self._snapshot = snapshot or KernelControlSnapshot()
        self._watchers: list[Watcher] = []
        # Updates one after the other, also from a watcher of the same thread.
        self._lock = threading.RLock()

    def read(self) -> KernelControlSnapshot:
        """Return the controls as they stand."""
        return self._snapshot

    def update(self, update: ControlUpdate) -> KernelControlSnapshot:
        """Change the controls, and return them as they then stand; see `ControlPlane.update`."""
        refuse_inside(self._watchers)
        with self._lock:
            counted = replace(update, version=self._snapshot.version + 1)
            # Watchers first: a kernel refuses a bad value by its field's name.
            for watcher in tuple(self._watchers):
                watcher(counted)
            self._snapshot = applied(self._snapshot, update)
            return self._snapshot

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call a function with each change before it stands; see `ControlPlane.watch`."""
        with self._lock:
            self._watchers.append(watcher)

        def end() -> None:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return end


def applied(snapshot: KernelControlSnapshot, update: ControlUpdate) -> KernelControlSnapshot:
    """Return the controls after a change.

    Args:
        snapshot: The controls before.
        update: The change.

    Raises:
        ValueError: A name that its enumeration does not have.
    """
    changes = update.as_dict()
    changes.pop("version", None)
    changes.pop("flatten", None)
    changes.pop("flatten_all", None)
    changes.pop("why", None)
    if update.flattens:
        changes["kill_switch"] = True
    for name, kind in (
        ("mode", KernelMode),
        ("gate", ControlGate),
        ("verbosity", KernelVerbosity),
        ("regime", Regime),
    ):
        if name in changes:
            changes[name] = kind(changes[name])
    if "audited" in changes:
        added = dict.fromkeys((*snapshot.audited, *changes["audited"]))
        changes["audited"] = tuple(added)[-_AUDITED_MAX:]
    if changes.get("kill_switch"):
        changes["gate"] = ControlGate.HALTED
    if "limits" in changes:
        changes["limits"] = MappingProxyType({**snapshot.limits, **changes["limits"]})
    return replace(
        snapshot,
        **{**changes, "updated_by": update.updated_by},
        version=snapshot.version + 1,
        updated_at=datetime.now(UTC),
    )
