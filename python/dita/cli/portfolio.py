"""`dita portfolio`: plan and apply target weights, and say how far a plan is."""

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.actions import add_action, add_place
from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.cli.values import not_negative, seconds, whole
from dita.cli.venue import add_unproven_option
from dita.config import FILE_NAME, load
from dita.errors import KernelError, shown
from dita.host import Directory, with_consent
from dita.host.directory import directories
from dita.portfolio.desk import folder_of, settings_of, status_of
from dita.portfolio.registry import read_registry
from dita.portfolio.session import Marks, OwnHost, Running
from dita.portfolio.shadow import STATE_NAME, ShadowState
from dita.portfolio.store import PlanStore
from dita.portfolio.targets import read_targets
from dita.portfolio.text import plan_lines, shadow_as_dict, shadow_lines, status_lines, summary_line
from dita.portfolio.watching import FileWatch, stopped_by_signals
from dita.text import as_json

if TYPE_CHECKING:
    from dita.portfolio.session import Session

_HOUR_NS: Final = 3_600_000_000_000
_UNITS: Final = {"s": 1_000_000_000, "m": 60_000_000_000, "h": _HOUR_NS, "d": 24 * _HOUR_NS}

DESCRIPTION: Final = """\
Execute what research decided: a file of target weights (portfolio_optimized_v3.json in both its forms, or
drift targets) becomes orders out of target minus actual. plan prints the table of what would be done and why,
and trades nothing. apply prints the same table and does it: reductions first, increases after their fills.

A target's size is weight * (min(K, E) + open PnL) * 0.98 / mark. Actual is positions plus working orders.
A file is applied once to an account: a plan that was cut short goes on, one that is done is ALREADY_APPLIED.

The account is a running host's (`dita run`), named by --host or --dir. Where none runs, the host of --config
is opened for this alone; a simulated account gets its prices by --mark or --marks."""

EPILOG: Final = """\
examples:
  dita portfolio plan portfolio_optimized_v3.json --host main
  dita portfolio apply portfolio_optimized_v3.json --host main --rank 2 --account binance/sub2
  dita portfolio apply targets.json --config dita.toml --mark BTCUSDT=50000 --mark ETHUSDT=2500
  dita portfolio apply targets.json --config dita.toml --marks marks.json --watch
  dita portfolio apply portfolio_optimized_v3.json --shadow
  dita portfolio status --host main"""

_EXAMPLES: Final = {
    "plan": "dita portfolio plan portfolio_optimized_v3.json --host main --json",
    "apply": "dita portfolio apply portfolio_optimized_v3.json --host main --wait 120",
    "status": "dita portfolio status 3f1c --host main",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    plan = add_action(
        actions, "plan", "print what would be done and why; trade nothing", _plan, _EXAMPLES["plan"]
    )
    _add_file_options(plan)
    apply = add_action(actions, "apply", "do it, or go on with it", _apply, _EXAMPLES["apply"])
    _add_file_options(apply)
    apply.add_argument("--dry-run", action="store_true", help="the same as plan")
    apply.add_argument(
        "--wait",
        type=seconds(0.001, 86_400),
        default=60.0,
        metavar="S",
        help="give up after S seconds without a change (60)",
    )
    apply.add_argument(
        "--watch", action="store_true", help="apply each new version of the file until stopped"
    )
    apply.add_argument(
        "--poll",
        type=seconds(0.001, 86_400),
        default=1.0,
        metavar="S",
        help="with --watch: seconds between two looks (1)",
    )
    status = add_action(
        actions, "status", "how far plans are; with PLAN, its rows", _status, _EXAMPLES["status"]
    )
    status.add_argument("plan_id", nargs="?", metavar="PLAN", help="the beginning of a plan's id")
    _add_account_options(status)


def _add_account_options(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--account", metavar="NAME", help="the account (default: the only one)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the targets")
    _add_account_options(parser)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the dita.toml to open where no host runs (dita.toml)"
    )
    add_unproven_option(parser)
    parser.add_argument(
        "--mark",
        action="append",
        default=[],
        type=_mark,
        metavar="SYMBOL=PRICE",
        help="a price, where no host runs and the account has no market feed; again for more",
    )
    parser.add_argument("--marks", type=Path, metavar="FILE", help="the same as a JSON object")
    parser.add_argument("--rank", type=whole(1, 10_000), default=1, metavar="N", help="which winner (1)")
    parser.add_argument(
        "--threshold",
        type=not_negative,
        default=Decimal("0.01"),
        metavar="W",
        help="leave alone what differs by less of the account (0.01)",
    )
    parser.add_argument(
        "--buffer", type=not_negative, default=Decimal("0.02"), metavar="W", help="what stays cash (0.02)"
    )
    parser.add_argument(
        "--max-gross",
        type=not_negative,
        default=Decimal("1.0"),
        metavar="X",
        help="the most that absolute weights may sum up to (1.0)",
    )
    parser.add_argument(
        "--max-age",
        type=span,
        default=24 * _HOUR_NS,
        metavar="SPAN",
        help="how old targets may be: 90m, 24h, 2d (24h)",
    )
    parser.add_argument("--close-dust", action="store_true", help="close what has no target, however little")
    parser.add_argument("--sha256", type=_hash, metavar="HEX", help="the hash that the file must have")
    parser.add_argument(
        "--registry", type=Path, metavar="FILE", help="the audited runs (the host's provenance.jsonl)"
    )
    parser.add_argument(
        "--override", default="", metavar="ID", help="an override that lets longs through in a CRISIS"
    )
    parser.add_argument(
        "--shadow",
        action="store_true",
        help="fill in the state file alone; with an account, by its guards, grid and minimums",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="of --shadow (portfolio_actual_state.json beside FILE)"
    )
    parser.add_argument("--again", action="store_true", help="plan a file anew that was applied already")


def _plan(options: argparse.Namespace) -> int:
    """Print what would be done."""
    if options.shadow:
        return _shadow(options, writes=False)
    with _session(options) as session:
        said = session.plan(_request(options))
    return _show(said, options, planned=True)


def _apply(options: argparse.Namespace) -> int:
    """Do it."""
    if options.dry_run:
        return _plan(options)
    if options.shadow:
        return _shadow(options, writes=True)
    with _session(options) as session:
        if options.watch:
            return _watch(session, options)
        return _apply_once(session, options)


def _apply_once(session: "Session", options: argparse.Namespace) -> int:
    progress = Progress()

    def listen(at: Mapping[str, Any]) -> None:
        if progress.is_due():
            progress.show(
                f"{str(at['phase']).lower()}: {at['done']} of {at['rows']} rows done, "
                f"{at['sent']} orders sent"
            )

    def before(said: Mapping[str, Any]) -> None:
        if not options.json:
            _show(said, options, planned=True)

    try:
        said = session.apply(_request(options), before, listen)
    finally:
        progress.close()
    return _show(said, options, planned=False)


def _shadow(options: argparse.Namespace, *, writes: bool) -> int:
    """Fill targets in the state file alone."""
    settings = settings_of(_request(options)["settings"])
    file = read_targets(options.file, sha256=options.sha256)
    if options.registry is not None:
        read_registry(options.registry).check(file.ranked(settings.rank))
    state = ShadowState(options.state or options.file.with_name(STATE_NAME))
    rows = None
    if any((options.host, options.dir, options.config, options.mark, options.marks)):
        held = state.held(file.ranked(settings.rank).key)
        with _session(options) as session:
            rows = session.plan({**_request(options), "held": held})["plan"]["rows"]
    plan = (state.apply if writes else state.plan)(file, settings, time.time_ns(), rows)
    lines = shadow_lines(plan)
    sys.stdout.write(as_json(shadow_as_dict(plan)) if options.json else "\n".join(lines) + "\n")
    if writes and not options.json:
        print(f"DONE: {len(plan.fills())} shadow fills")
    return 0


def _watch(session: "Session", options: argparse.Namespace) -> int:
    with stopped_by_signals() as stop:
        for _ in FileWatch(options.file, poll_s=options.poll).versions(stop):
            try:
                _apply_once(session, options)
            except (CommandFailure, KernelError, OSError) as error:
                print(f"{options.file}: {error}", file=sys.stderr, flush=True)
            sys.stdout.flush()
    return 0


def _show(said: Mapping[str, Any], options: argparse.Namespace, *, planned: bool) -> int:
    """Print the table before, or what came of it after; all of it at once in JSON."""
    if options.json:
        sys.stdout.write(as_json({**said, "code": "ALREADY_APPLIED" if said["already"] else ""}))
    elif planned:
        sys.stdout.write("\n".join(plan_lines(said)) + "\n")
        sys.stdout.flush()
    elif not said["already"]:
        print(summary_line(said["plan"]))
    return 0 if planned or said["plan"]["state"] == "DONE" else 1


def _status(options: argparse.Namespace) -> int:
    """Say how far plans are; from their files, whether the host runs or not."""
    directory = Directory.found(options.host, options.dir)
    accounts = [options.account] if options.account else directory.accounts()
    plans = {name: status_of(PlanStore(folder_of(directory, name)), options.plan_id) for name in accounts}
    if options.plan_id is not None and not any(plans.values()):
        raise CommandFailure(f"{options.plan_id}: is the beginning of no plan's id")
    if options.json:
        sys.stdout.write(as_json({"accounts": plans}))
    else:
        sys.stdout.write("\n".join(status_lines(plans, rows=options.plan_id is not None)) + "\n")
    return 0


# ----------------------------------------------------------------------------------------------------- asking


def _session(options: argparse.Namespace) -> "contextlib.AbstractContextManager[Session]":
    directory = _named(options)
    if directory is not None and directory.is_held():
        if options.mark or options.marks:
            raise CommandFailure(
                f"--mark: {directory.path} runs, and has its own market feed: leave prices out, and "
                "its socket is asked"
            )
        return contextlib.nullcontext(Running(directory))
    file = options.config
    if file is None and directory is not None and directory.config.is_file():
        file = directory.config
    if file is None and Path(FILE_NAME).is_file():
        file = Path(FILE_NAME)
    if file is None:
        raise CommandFailure(
            "no host runs, and there is no dita.toml here: name a host with --host or --dir, or the "
            "configuration to open with --config"
        )
    config = load(file).config
    if options.unproven:
        config = with_consent(config)
    place = directory or Directory.named(config.host.name)
    if place.is_held():
        return contextlib.nullcontext(Running(place))
    return OwnHost(config, place, options.account, Marks(dict(options.mark), options.marks))


def _named(options: argparse.Namespace) -> "Directory | None":
    """The directory that is named; without any name, and without a configuration, the only one that runs."""
    if options.dir is not None:
        return Directory(options.dir)
    if options.host is not None:
        return Directory.named(options.host)
    if options.config is not None:
        return None
    running = [one for one in directories() if one.is_held()]
    return Directory.found(None) if running else None


def _request(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "file": str(options.file.absolute()),
        "account": options.account,
        "sha256": options.sha256,
        "again": options.again,
        "registry": None if options.registry is None else str(options.registry.absolute()),
        "wait_s": getattr(options, "wait", 60.0),
        "settings": {
            "rank": options.rank,
            "threshold": str(options.threshold),
            "buffer": str(options.buffer),
            "max_gross": str(options.max_gross),
            "max_age_ns": options.max_age,
            "close_dust": options.close_dust,
            "override_ref": options.override,
        },
    }


# --------------------------------------------------------------------------------------------------- reading


def _mark(text: str) -> tuple[str, str]:
    symbol, equals, price = text.rpartition("=")
    if not equals or not symbol or not price:
        raise argparse.ArgumentTypeError(f"expected SYMBOL=PRICE, got {shown(text)}")
    return symbol, price


def span(text: str) -> int:
    """Read a span of time, in nanoseconds.

    Args:
        text: A whole number and s, m, h or d.

    Raises:
        ArgumentTypeError: It is none.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a span like 90m, 24h or 2d, got {shown(text)}")
    return int(found[1]) * _UNITS[found[2]]


def _hash(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"expected 64 hex digits, got {shown(text)}")
    return text.lower()
