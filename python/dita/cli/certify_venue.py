"""`dita certify-venue`: the contract suite against somebody's adapter, a line for each sequence."""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.certify import Result, Rig, ScriptedRig, SimulatedRig, Verdict, certify
from dita.cli.failure import CommandFailure
from dita.errors import shown
from dita.venues import MockVenueAdapter, SimulatedVenue

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence


_HOW_TO: Final = "docs/how-to/certify-an-adapter.md shows one"
_SHIPPED: Final[dict[object, type[Rig]]] = {SimulatedVenue: SimulatedRig, MockVenueAdapter: ScriptedRig}

DESCRIPTION: Final = """\
Play plain trading (0), then the twenty sequences that broke real systems, against a venue adapter, with a
real kernel, from the first order to a flat account, and print a line for each: PASS, FAIL with what was
expected, what was seen, and the last steps, requests and events before it, SKIP where the rig cannot make
its venue do it. In some of them the kernel is killed and opened again.

A rig is what opens your adapter on a venue that can be made to misbehave, and tells the truth from the
venue's own books: a subclass of dita.certify.Rig. Name the rig, or an adapter class that has it as its
attribute `Rig`. The folder in which the command runs is searched for the module first."""

EPILOG: Final = """\
exit codes:
  0  nothing failed    1  a sequence failed, or the rig cannot be used

examples:
  dita certify-venue dita:SimulatedVenue
  dita certify-venue my_package:MyRig
  dita certify-venue my_package:MyAdapter --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "target", metavar="MODULE:CLASS", help="a rig, or an adapter class that names its rig"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")


def run(options: argparse.Namespace) -> int:
    """Play and report.

    Args:
        options: The parsed command line.

    Returns:
        The exit code: 0 where nothing failed.

    Raises:
        CommandFailure: There is no such rig, or it cannot be made.
    """
    make_rig = rig_of(options.target)
    verdicts: list[Verdict] = []
    for verdict in certify(make_rig):
        verdicts.append(verdict)
        if not options.json:
            print(as_line(verdict), flush=True)
            for line in verdict.trail:
                print(f"              {line}", flush=True)
    failed = any(verdict.result == Result.FAIL for verdict in verdicts)
    print(as_json(options.target, verdicts) if options.json else _summary(verdicts))
    return int(failed)


def rig_of(target: str) -> Callable[[], Rig]:
    """Return what makes the rig that a command line names.

    Args:
        target: `module:Class`.

    Raises:
        CommandFailure: It names none, or one that cannot be made.
    """
    module_name, _, class_name = target.partition(":")
    if not module_name or not class_name:
        raise CommandFailure(f"{shown(target)}: write MODULE:CLASS, for instance my_package.venue:MyRig")
    named: object = _import(module_name)
    for part in class_name.split("."):
        if not hasattr(named, part):
            raise CommandFailure(f"{module_name} has no {class_name}; {_rigs_in(module_name)}")
        named = getattr(named, part)
    if isinstance(named, type) and not issubclass(named, Rig):
        named = _SHIPPED.get(named) or getattr(named, "Rig", None)
    if not isinstance(named, type) or not issubclass(named, Rig):
        raise CommandFailure(
            f"{target} is no rig and has none as its attribute `Rig`: write a subclass of dita.certify.Rig "
            f"that opens it ({_HOW_TO})"
        )
    _check(target, named)
    return named


def _import(name: str) -> object:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name + ".").startswith(error.name + "."):
            raise CommandFailure(
                f"there is no module {error.name}: install it, or run this in the folder that holds it"
            ) from error
        raise CommandFailure(f"{name} needs a module that is not installed: {error.name}") from error
    except Exception as error:  # whatever another author's module raises ends here, by name
        raise CommandFailure(f"importing {name} failed, mend that first: {shown(error)}") from error


def _rigs_in(module_name: str) -> str:
    found = sorted(
        name
        for name, value in vars(importlib.import_module(module_name)).items()
        if isinstance(value, type) and issubclass(value, Rig) and value is not Rig
    )
    return f"the rigs in it are {', '.join(found)}" if found else f"there is no rig in it ({_HOW_TO})"


def _check(target: str, rig: type[Rig]) -> None:
    missing = sorted(getattr(rig, "__abstractmethods__", ()))
    if missing:
        raise CommandFailure(f"{target} lacks {', '.join(missing)}: write them, see help(dita.certify.Rig)")
    try:
        inspect.signature(rig).bind()
    except TypeError as error:
        raise CommandFailure(
            f"{target} is made anew for each scene, without arguments, but: {error}"
        ) from error


def as_line(verdict: Verdict) -> str:
    """Return a verdict as one line.

    Args:
        verdict: Which.
    """
    head = f"{verdict.sequence.number:>2}  {verdict.result:<8} {verdict.sequence.name}"
    if verdict.expected:
        return f"{head}: {verdict.why}: expected {verdict.expected}, saw {verdict.seen}"
    return f"{head}: {verdict.why}" if verdict.why else head


def as_json(target: str, verdicts: Sequence[Verdict]) -> str:
    """Return all verdicts as one JSON object.

    Args:
        target: What was tested, as it was named.
        verdicts: In their order.
    """
    rows = [
        {
            "number": verdict.sequence.number,
            "name": verdict.sequence.name,
            "result": verdict.result,
            "why": verdict.why,
            "expected": verdict.expected,
            "seen": verdict.seen,
            "trail": list(verdict.trail),
        }
        for verdict in verdicts
    ]
    return json.dumps({"target": target, "counts": _counts(verdicts), "sequences": rows}, indent=2)


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    return {str(result): sum(verdict.result == result for verdict in verdicts) for result in Result}


def _summary(verdicts: Sequence[Verdict]) -> str:
    counts = _counts(verdicts)
    return f"\n{counts['PASS']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped"
