"""`dita torture`: seeds through the simulator that tries to break the kernel."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dita._kernel import torture, torture_faults, torture_seed
from dita.cli import torture_adapter
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option
from dita.cli.progress import Progress
from dita.cli.values import whole
from dita.text import as_json, count

EXIT_BROKEN: Final = 1
INPUTS: Final = 2_000
SEEDS: Final = 100
_WHAT_WIDTH: Final = 400

DESCRIPTION: Final = """\
Try to break the kernel. One seed decides everything: account, market, what a strategy and operators do,
what the venue does, which faults strike how often, when the process dies and what is left of its disk.
Auditors look on at every step; at the end the venue is healed, and the kernel's books must be the venue's
to the last unit, with nothing in doubt. Then each seed plants differences of known cause and amount, which
the report must name.

The same seed gives the same run on every machine. A failure prints the one command that plays it again;
--shrink makes it short and prints it as a table."""

EPILOG: Final = """\
exit codes:
  0  every seed held, and every fault that was on struck    1  a seed failed, or a fault never struck

examples:
  dita torture --seeds 200
  dita torture --seeds 1000 --faults drop,duplicate,restart
  dita torture --seed 4711 --shrink
  dita torture --adapter my_package:MyRig --seeds 500
  dita torture --list-faults"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--seeds", type=whole(0, 2**64 - 1), default=SEEDS, metavar="N", help=f"how many ({SEEDS})"
    )
    which.add_argument("--seed", type=whole(0, 2**64 - 1), metavar="S", help="just this one")
    which.add_argument("--list-faults", action="store_true", help="list the faults, and what each does")
    parser.add_argument(
        "--start", type=whole(0, 2**64 - 1), default=0, metavar="S", help="the first seed (0)"
    )
    parser.add_argument("--faults", metavar="A,B", help="just these, instead of those that a seed draws")
    parser.add_argument(
        "--inputs",
        type=whole(0, 2**64 - 1),
        default=INPUTS,
        metavar="N",
        help=f"inputs a seed has at least ({INPUTS:,})",
    )
    parser.add_argument(
        "--adapter",
        metavar="MODULE:CLASS",
        help="put this adapter through an adapter's own faults instead: a rig, as certify-venue takes it",
    )
    parser.add_argument(
        "--jobs", type=whole(0, 2**64 - 1), metavar="J", help="threads (one for each processor)"
    )
    parser.add_argument(
        "--decisions", metavar="3,17-20", help="with --seed: just these decisions of its script"
    )
    parser.add_argument("--story", action="store_true", help="with --seed: print every input and its effects")
    parser.add_argument("--shrink", action="store_true", help="with --seed: make a failure short")
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Run the seeds and report.

    Args:
        options: The parsed command line.

    Returns:
        0 where every seed held and every fault struck, else 1.

    Raises:
        CommandFailure: The words do not fit together, or name no fault.
    """
    if options.adapter is not None:
        return _adapter(options)
    if options.list_faults:
        return _list(options)
    only_one = options.decisions is not None or options.story or options.shrink
    if only_one and options.seed is None:
        raise CommandFailure("--decisions, --story and --shrink are about one seed: name it with --seed")
    if options.seed is None and (options.seeds == 0 or options.jobs == 0):
        raise CommandFailure("--seeds and --jobs must be 1 or more")
    return _many(options) if options.seed is None else _one(options)


def _adapter(options: argparse.Namespace) -> int:
    if options.list_faults:
        return torture_adapter.list_faults(as_json=options.json)
    if options.decisions is not None or options.story or options.shrink:
        raise CommandFailure("--decisions, --story and --shrink are not for --adapter: its seeds are short")
    if options.seed is not None:
        seeds = range(options.seed, options.seed + 1)
    else:
        seeds = range(options.start, options.start + options.seeds)
    faults = [] if options.faults is None else [name for name in options.faults.split(",") if name]
    return torture_adapter.torture(options.adapter, seeds, faults, as_json=options.json)


def _list(options: argparse.Namespace) -> int:
    faults = torture_faults()
    if options.json:
        sys.stdout.write(as_json(dict(faults)))
    else:
        sys.stdout.writelines(f"{name:<20}  {what}\n" for name, what in faults)
    return 0


def _named(options: argparse.Namespace) -> list[str] | None:
    """The faults asked for; None leaves them to the seeds."""
    if options.faults is None:
        return None
    known = {name for name, _ in torture_faults()}
    names = [name for name in options.faults.split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandFailure(f"no such fault: {', '.join(unknown)}; `dita torture --list-faults` lists them")
    return names


# ---------------------------------------------------------------------------------------------------- many


def _many(options: argparse.Namespace) -> int:
    faults = _named(options)
    progress = Progress()
    begun_ns = time.monotonic_ns()

    def listen(done: int, failed: int, inputs: int) -> None:
        if progress.is_due():
            progress.show(
                f"{count(done)} of {count(options.seeds)} seeds, {count(inputs)} inputs, {failed} failed"
            )

    try:
        found = torture(
            seeds=options.seeds,
            start=options.start,
            inputs=options.inputs,
            jobs=options.jobs or os.cpu_count() or 1,
            faults=faults,
            progress=listen,
        )
    finally:
        progress.close()
    seconds = max(time.monotonic_ns() - begun_ns, 1) / 1e9
    found["seconds"] = round(seconds, 3)
    found["seeds_per_second"] = round(found["seeds"] / seconds, 1)
    for failure in found["failures"]:
        failure["command"] = _command(options, failure["seed"])
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(found))
    return 0 if found["good"] else EXIT_BROKEN


def _command(options: argparse.Namespace, seed: int) -> str:
    words = [f"dita torture --seed {seed}"]
    if options.faults is not None:
        words.append(f"--faults {options.faults}")
    if options.inputs != INPUTS:
        words.append(f"--inputs {options.inputs}")
    return " ".join([*words, "--shrink"])


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for failure in found["failures"]:
        yield f"seed {failure['seed']} FAILED {failure['check']}: {failure['what'][:_WHAT_WIDTH]}"
        yield f"  faults  {', '.join(failure['faults']) or 'none'}"
        yield f"  again   {failure['command']}"
    yield f"{'fault':<22}{'on in seeds':>12}{'struck':>12}"
    for fault in found["faults"]:
        note = "  NEVER STRUCK" if fault["name"] in found["silent"] else ""
        yield f"  {fault['name']:<20}{count(fault['seeds']):>12}{count(fault['fired']):>12}{note}"
    yield f"{'cause planted':<24}{'named':<24}{'times':>10}"
    for planted, named, times in found["causes"]:
        note = "" if planted == named else "  WRONG"
        yield f"  {planted:<22}{named:<24}{count(times):>10}{note}"
    yield f"{'naive model':<24}{'compared':>12}{'open':>12}"
    for figure, held, still_open in found["figures"]:
        yield f"  {figure:<22}{count(held):>12}{count(still_open):>12}"
    yield f"states    {found['cells']} of {found['cells_all']} cells of the transition table"
    yield f"chain     {found['chain']}"
    verdict = "GOOD" if found["good"] else "BROKEN"
    yield (
        f"{verdict}: {count(found['seeds'])} seeds, {count(found['inputs'])} inputs, "
        f"{count(found['failed'])} failed; {found['seconds']:.1f} s, "
        f"{found['seeds_per_second']:.1f} seeds a second"
    )


# ----------------------------------------------------------------------------------------------------- one


def _one(options: argparse.Namespace) -> int:
    try:
        found = torture_seed(
            options.seed,
            inputs=options.inputs,
            faults=_named(options),
            decisions=options.decisions,
            tell=options.story,
            shorten=options.shrink,
        )
    except ValueError as error:
        raise CommandFailure(f"--decisions: {error}") from error
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.writelines(f"{line}\n" for line in _story(found))
    return 0 if found["check"] is None else EXIT_BROKEN


def _story(found: Mapping[str, Any]) -> Iterator[str]:
    yield from found["story"]
    faults = ", ".join(found["faults"]) or "none"
    yield f"seed {found['seed']}: {count(found['inputs'])} inputs, faults: {faults}"
    if found["check"] is None:
        yield "GOOD: it held"
        return
    yield f"FAILED {found['check']}: {found['what']}"
    shrunk = found["shrunk"]
    if shrunk is None:
        return
    yield ""
    left, before = shrunk["decisions_left"], shrunk["decisions_before"]
    yield f"shorter: {left} of {before} decisions, {shrunk['runs']} runs"
    yield f"{'decision':>8} {'ms':>8}  {'input':<74} outcome; slot; requests"
    yield from shrunk["story"]
    yield f"FAILED {shrunk['check']}: {shrunk['what']}"
    words = f"--faults '{','.join(shrunk['faults'])}' --decisions {shrunk['decisions']}"
    yield f"again: dita torture --seed {found['seed']} {words} --story"
