"""`dita halt`, `resume`, `flatten`, `freeze`, `limits`: an operator's word to kernels."""

import argparse
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.cli.values import whole
from dita.cluster import ClusterError
from dita.control import (
    ControlConflict,
    ControlPlaneError,
    ControlUpdate,
    FileControlPlane,
    HazelcastControlPlane,
    build_control_plane,
)
from dita.control.operator import BY_MAX, me
from dita.errors import shown
from dita.host import Directory
from dita.text import as_json
from dita.zinc import SharedHalt, zinc_names

if TYPE_CHECKING:
    from dita.control import KernelControlSnapshot

PLACE_EXAMPLE: Final = "/run/dita/controls.json"
CLUSTER_EXAMPLE: Final = "hazelcast://127.0.0.1:5701/dita"
# A kernel that runs takes a halt within a millisecond; one in the midst of a venue's call after that.
_TAKEN_S: Final = 2.0
# As the kernel names them; it is not loaded for a command's help.
VERBOSITIES: Final = ("QUIET", "NORMAL", "VERBOSE", "TRACE")
MODES: Final = ("LIVE", "PAPER", "SHADOW")

_PLANES: Final = f"""\
Without --control, each account of a host is meant: the one that NAME, --host or --dir names, else the
only one that runs; where it shows itself in shared memory, a halt goes there first. A control plane is a
file ({PLACE_EXAMPLE}) or stands in a Hazelcast cluster ({CLUSTER_EXAMPLE},
with ?plane=NAME where there are several). Every kernel that was opened with it takes the change as an input:
logged, replayed, and attributed to --by.

A cluster may be away when it is needed most: --fallback FILE changes that file's plane then, and says so."""


class Command:
    """One word of an operator."""

    def __init__(
        self,
        name: str,
        description: str,
        example: str,
        make: Callable[[argparse.Namespace], Mapping[str, Any]],
    ) -> None:
        """Describe it.

        Args:
            name: The command.
            description: What it does to a kernel.
            example: One, after the command's name.
            make: Makes the change out of the options.
        """
        self.name = name
        self.DESCRIPTION = f"{description}\n\n{_PLANES}"
        self.EPILOG = f"examples:\n  dita {name} {example}"
        self._make = make

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options to its parser."""
        if self.name != "limits":
            parser.add_argument("name", nargs="?", metavar="NAME", help="the host, as --host names it")
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--control", metavar="PLACE", help="the control plane")
        place.add_argument("--host", metavar="NAME", help="a host, by its name (default: the one that runs)")
        place.add_argument("--dir", type=Path, metavar="DIR", help="a host, by its directory")
        parser.add_argument(
            "--fallback",
            metavar="FILE",
            help="with --control: the control plane to change instead where that one cannot be reached",
        )
        parser.add_argument(
            "--by", type=_by, default=None, metavar="WHO", help="who asks (you, on this machine)"
        )
        parser.add_argument(
            "--if-version", type=whole(0), metavar="N", help="only if the controls stand at version N"
        )
        parser.add_argument("--create", action="store_true", help="make the plane where there is none yet")
        parser.add_argument("--json", action="store_true", help="print the controls as one JSON object")
        if self.name == "halt":
            place.add_argument(
                "--zinc", metavar="NAME", help="a kernel on this machine that shows itself in shared memory"
            )
        _add_own_options(self.name, parser)

    def run(self, options: argparse.Namespace) -> int:
        """Change the controls, and show them.

        Args:
            options: The parsed command line.

        Returns:
            The exit code.

        Raises:
            CommandFailure: The plane cannot be reached, or refuses.
        """
        changes = self._make(options)
        update = ControlUpdate(**changes, updated_by=options.by or me()) if changes else None
        name = getattr(options, "name", None)
        if name is not None and (options.control or options.dir or options.host):
            raise CommandFailure(f"NAME: {shown(name)} and --control, --host or --dir exclude each other")
        options.host = options.host or name
        if getattr(options, "zinc", None) is not None:
            print(_halt_shared(options.zinc, options.by or me()))
            return 0
        if options.control is None:
            if options.fallback is not None:
                raise CommandFailure("--fallback goes with --control PLACE only")
            return _of_host(options, update)
        controls = _set_or_fall_back(options, update)
        sys.stdout.write(as_json(_plain(controls)) if options.json else _text(controls))
        return 0


def _of_host(options: argparse.Namespace, update: "ControlUpdate | None") -> int:
    """Change the controls of each account of a host; they are files, which also stand while nobody runs."""
    directory = Directory.found(options.host, options.dir)
    if not directory.is_held():
        print(f"{directory.path.name}: not running; it applies this when it starts", file=sys.stderr)
    changed = {}
    for account in directory.accounts():
        if update is not None and (update.kill_switch or update.flattens):
            # First where nobody has to read a file.
            _halt_where_shared(directory.plane(account), update.updated_by)
        changed[account] = _set(options, str(directory.controls(account)), update)
    if not changed:
        raise CommandFailure(f"{directory.path}: has no account yet")
    if options.json:
        sys.stdout.write(as_json({name: _plain(controls) for name, controls in changed.items()}))
    else:
        for name, controls in changed.items():
            sys.stdout.write(f"{name}\n{_text(controls)}")
    return 0


def _halt_shared(name: str, by: str) -> str:
    """Halt by shared memory; what came of it."""
    halt = SharedHalt(name)
    asked = halt.ask(by=by)
    if halt.is_taken(asked, _TAKEN_S):
        return f"{name}: HALTED, and the kernel has applied it"
    return f"{name}: HALTED, and no kernel has taken it within {_TAKEN_S:g} s; one that opens applies it"


def _halt_where_shared(name: str, by: str) -> None:
    if name in zinc_names():
        print(_halt_shared(name, by), file=sys.stderr)


def _set_or_fall_back(options: argparse.Namespace, update: "ControlUpdate | None") -> "KernelControlSnapshot":
    if None not in (options.fallback, options.if_version):
        raise CommandFailure("--if-version does not go with --fallback: each plane has versions of its own")
    try:
        return _set(options, options.control, update)
    except ControlConflict:
        # It answered.
        raise
    except (ClusterError, ControlPlaneError) as error:
        if options.fallback is None:
            raise
        controls = _set(options, options.fallback, update)
        print(
            f"{error}\nFELL BACK to {options.fallback}: kernels that read {options.control} alone "
            "have not acknowledged",
            file=sys.stderr,
        )
        return controls


def _set(options: argparse.Namespace, place: str, update: "ControlUpdate | None") -> "KernelControlSnapshot":
    plane = build_control_plane(place)
    assert isinstance(plane, (FileControlPlane, HazelcastControlPlane))  # noqa: S101 - a place was given
    with plane:
        if not options.create and not plane.exists():
            raise CommandFailure(
                f"{place}: there is no control plane; a kernel that is opened with it makes it. "
                "Look at the place again, or give --create"
            )
        return plane.read() if update is None else plane.update(update, if_version=options.if_version)


def _add_own_options(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "resume":
        parser.add_argument(
            "--reduce-only", action="store_true", help="let through only what reduces a position"
        )
    elif name == "flatten":
        parser.add_argument("--all", action="store_true", help="also what was there when a kernel was opened")
    elif name == "limits":
        parser.add_argument(
            "limits",
            nargs="*",
            type=_limit,
            metavar="NAME=VALUE",
            help="a limit and its value, `none` lifts it; without any the controls are shown",
        )
        parser.add_argument("--verbosity", choices=VERBOSITIES, help="how much kernels log")
        parser.add_argument("--journal", choices=("on", "off"), help="whether kernels keep a journal")
        parser.add_argument("--mode", choices=MODES, help="which venue; only of kernels that are flat")
    elif name == "freeze":
        parser.add_argument("--off", action="store_true", help="let entries through again")


def _limits_of(options: argparse.Namespace) -> Mapping[str, Any]:
    changes: dict[str, Any] = {"limits": dict(options.limits)} if options.limits else {}
    if options.verbosity is not None:
        changes["verbosity"] = options.verbosity
    if options.journal is not None:
        changes["debug_clickhouse_enabled"] = options.journal == "on"
    if options.mode is not None:
        changes["mode"] = options.mode
    return changes


def _resume(options: argparse.Namespace) -> Mapping[str, Any]:
    return {
        "gate": "REDUCE_ONLY" if options.reduce_only else "NORMAL",
        "kill_switch": False,
        "frozen": False,
    }


HALT: Final = Command(
    "halt",
    "Pull the kill switch: every working entry is canceled.\n"
    "CANCEL, EXIT and amends that raise no risk are let through, nothing else.\n"
    "Positions and their stops stay. `dita flatten` closes positions, `dita resume` opens the gate again.",
    f"--control {PLACE_EXAMPLE}",
    lambda _options: {"kill_switch": True},
)
RESUME: Final = Command(
    "resume",
    "Open the gate after a halt or a flatten, and lift a freeze.",
    f"--control {CLUSTER_EXAMPLE} --by ops",
    _resume,
)
FLATTEN: Final = Command(
    "flatten",
    "Halt, and close every position at market, again and again until nothing is open: those of slots, and\n"
    "those of no slot. Positions from before the kernel was opened are not closed; the kernel lists them in\n"
    "its log and its health. --all closes them too. `dita resume` ends it.",
    f"--control {CLUSTER_EXAMPLE} --by ops",
    lambda options: {"flatten": True, "flatten_all": True} if options.all else {"flatten": True},
)
FREEZE: Final = Command(
    "freeze",
    "Freeze entries. What works at the venue stays there; exits go through.",
    f"--control {PLACE_EXAMPLE} --by risk",
    lambda options: {"frozen": not options.off},
)
LIMITS: Final = Command(
    "limits",
    "Show the controls as they stand, or change the limits that are named, the verbosity, the journal or\n"
    "the mode.",
    f"--control {PLACE_EXAMPLE} max_order_notional=5000 max_daily_loss=250",
    _limits_of,
)


def _text(controls: "KernelControlSnapshot") -> str:
    lines = [
        f"version      {controls.version}, by {controls.updated_by or 'nobody'}"
        + (f" at {controls.updated_at:%Y-%m-%d %H:%M:%S} UTC" if controls.updated_at else ""),
        f"gate         {controls.gate}" + (", the kill switch was pulled" if controls.kill_switch else ""),
        f"entries      {'frozen' if controls.frozen else 'not frozen'}",
        f"mode         {controls.mode}, regime {controls.regime}",
        f"verbosity    {controls.verbosity}, journal {'on' if controls.debug_clickhouse_enabled else 'off'}",
    ]
    limits = [f"{name}={value}" for name, value in controls.limits.items() if value is not None]
    lines.extend(f"{'limits' if at == 0 else '':12} {limit}" for at, limit in enumerate(limits or ["none"]))
    return "\n".join(lines) + "\n"


def _plain(controls: "KernelControlSnapshot") -> Mapping[str, Any]:
    values = controls.as_dict()
    values["updated_at"] = controls.updated_at.isoformat() if controls.updated_at else None
    return values


def _by(text: str) -> str:
    if not text or len(text.encode()) > BY_MAX:
        raise argparse.ArgumentTypeError(f"expected a name of at most {BY_MAX} bytes, got {shown(text)}")
    return text


def _limit(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {shown(text)}")
    if value.lower() == "none":
        return name, None
    if value.isdecimal():
        return name, int(value)
    try:
        Decimal(value)
    except InvalidOperation:
        # A name, as ALL for edge_freeze_cancels; the kernel's own check says if it is none.
        return name, value.upper()
    return name, value
