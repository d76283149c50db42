"""`dita torture --adapter`: somebody's adapter put through an adapter's own faults, seed after seed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from dita.certify import AdapterFault, NotOffered, fired, network_fired, torture_adapter
from dita.cli.certify_venue import rig_of
from dita.cli.failure import CommandFailure
from dita.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dita.certify import SeedResult


def torture(target: str, seeds: Iterable[int], faults: Sequence[str] = (), *, as_json: bool = False) -> int:
    """Play the seeds, print each that fails with the command that replays it, and a summary.

    Args:
        target: `module:Class`, as `dita certify-venue` takes it.
        seeds: Which seeds.
        faults: Names of `AdapterFault`; empty means all of them.
        as_json: Print one JSON object instead of lines.

    Returns:
        The exit code: 0 where every seed ended well and every fault happened.

    Raises:
        CommandFailure: There is no such rig, it has no adapter in Python, or a fault is not known.
    """
    chosen = [_fault(name) for name in faults] or list(AdapterFault)
    began = time.monotonic()
    ordeals: list[SeedResult] = []
    try:
        for ordeal in torture_adapter(rig_of(target), seeds, chosen):
            ordeals.append(ordeal)
            if ordeal.failure and not as_json:
                print(f"seed {ordeal.seed} FAILED: {ordeal.failure}")
                print(f"  replay it: {_command(target, ordeal.seed, faults)}", flush=True)
    except NotOffered as refusal:
        raise CommandFailure(f"{target}: {refusal}") from refusal
    counts: dict[str, int] = {fault: n for fault, n in fired(ordeals).items() if fault in chosen}
    counts |= network_fired(ordeals)
    failed = [ordeal for ordeal in ordeals if ordeal.failure]
    seconds = time.monotonic() - began
    never = [str(fault) for fault, count in counts.items() if not count]
    if as_json:
        print(json.dumps(_as_dict(target, ordeals, counts, never, seconds)))
    else:
        for fault, count in counts.items():
            print(f"{fault:<14} {count:>8,}")
        actions, rate = sum(ordeal.actions for ordeal in ordeals), len(ordeals) / max(seconds, 1e-9)
        print(
            f"{len(ordeals):,} seeds, {actions:,} actions, {len(failed)} failed, {rate:,.0f} seeds a second"
        )
        if never:
            print(f"never happened, so nothing is proven of it: {', '.join(never)}; play more seeds")
    return int(bool(failed or never or not ordeals))


def list_faults(*, as_json: bool = False) -> int:
    """Print the faults of an adapter, and what each does.

    Args:
        as_json: Print one JSON object instead of lines.

    Returns:
        The exit code, 0.
    """
    faults = {str(fault): " ".join(fault.what.split()) for fault in AdapterFault}
    if as_json:
        print(json.dumps(faults))
    else:
        for name, what in faults.items():
            print(f"{name:<14} {what}")
    return 0


def _fault(name: str) -> AdapterFault:
    try:
        return AdapterFault[name.upper()]
    except KeyError:
        listed = "`dita torture --adapter MODULE:CLASS --list-faults` lists them"
        raise CommandFailure(f"{shown(name)} is no fault of an adapter; {listed}") from None


def _command(target: str, seed: int, faults: Sequence[str]) -> str:
    named = f" --faults {','.join(faults)}" if faults else ""
    return f"dita torture --adapter {target} --seed {seed}{named}"


def _as_dict(
    target: str,
    ordeals: Sequence[SeedResult],
    counts: Mapping[str, int],
    never: Sequence[str],
    seconds: float,
) -> dict[str, object]:
    return {
        "adapter": target,
        "seeds": len(ordeals),
        "actions": sum(ordeal.actions for ordeal in ordeals),
        "failed": [{"seed": ordeal.seed, "why": ordeal.failure} for ordeal in ordeals if ordeal.failure],
        "fired": {str(fault): count for fault, count in counts.items()},
        "never": list(never),
        "seconds": round(seconds, 3),
    }
