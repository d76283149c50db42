"""What operators have said of where entries come from, in words: audited runs, the regime, overrides."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

_OVERRIDE: Final = re.compile(r"(.*)@(\d{1,12})")
_NS: Final = 1_000_000_000

#: The note of the log in which a kernel keeps why overrides were given: the core has only their ids.
REASONS: Final = "overrides"
# A note has at most 65,536 bytes.
_REASONS_BYTES_MAX: Final = 60_000


class OverrideId(NamedTuple):
    """An audited action that lets entries through in a CRISIS, until its end.

    Attributes:
        id: What an intent names as its `override_ref`: `WHO-…@SECOND`.
        who: Who gave it.
        end_ns: When it ends, nanoseconds since 1970.
    """

    id: str
    who: str
    end_ns: int

    @property
    def end_text(self) -> str:
        """When it ends, in UTC."""
        return datetime.fromtimestamp(self.end_ns // _NS, UTC).strftime("%Y-%m-%d %H:%M:%S")


def override_of(name: str) -> OverrideId | None:
    """Read an override's id; None where it is a run's.

    Args:
        name: One of the controls' `audited`.
    """
    found = _OVERRIDE.fullmatch(name)
    if found is None:
        return None
    return OverrideId(name, found[1].rpartition("-")[0] or found[1], int(found[2]) * _NS)


def overrides_of(audited: Iterable[str], now_ns: int) -> Iterator[OverrideId]:
    """Yield the overrides that hold.

    Args:
        audited: As the controls have it.
        now_ns: What time it is for the kernel.
    """
    for name in audited:
        override = override_of(name)
        if override is not None and override.end_ns > now_ns:
            yield override


def reasons_noted(text: str, reasons: Mapping[str, str], now_ns: int) -> str:
    """Return the note of why overrides were given, with more of them: a line for each, `ID<tab>why`.

    Those that have ended go, and the oldest where they are too many.

    Args:
        text: The note so far; empty for none.
        reasons: Why, by id; ids of runs are left out.
        now_ns: What time it is for the kernel.
    """
    lines = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    # A reason is one line here, whatever it was written in, and the first that was given stays.
    for name, why in reasons.items():
        lines.setdefault(name, " ".join(why.split()))
    holding = {one.id: lines[one.id] for one in overrides_of(lines, now_ns)}
    kept = [f"{name}\t{why}\n" for name, why in holding.items()]
    while sum(len(line.encode()) for line in kept) > _REASONS_BYTES_MAX:
        del kept[0]
    return "".join(kept)


def provenance_of(control: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
    """Return the same as plain values, for status and pages.

    Args:
        control: The controls, as a mapping.
        now_ns: What time it is for the kernel.
    """
    audited = control.get("audited") or ()
    return {
        "require_audit": bool(control.get("require_audit")),
        "regime": str(control.get("regime", "NORMAL")),
        "audited_runs": sum(override_of(name) is None for name in audited),
        "overrides": [
            {"id": one.id, "who": one.who, "until": one.end_text} for one in overrides_of(audited, now_ns)
        ],
    }


def provenance_lines(control: Mapping[str, Any], now_ns: int) -> list[str]:
    """Return the same in words; nothing where everything is let through.

    Args:
        control: The controls, as a mapping.
        now_ns: What time it is for the kernel.
    """
    said = provenance_of(control, now_ns)
    lines = []
    if said["require_audit"]:
        lines.append(f"entries need an audited run, {said['audited_runs']} known; others are NOT_AUDITED")
    if said["regime"] == "CRISIS":
        lines.append("regime CRISIS: buying aggressively is REGIME_BLOCKED without an override")
    lines += [f"override {one['id']} by {one['who']} until {one['until']} UTC" for one in said["overrides"]]
    return lines
