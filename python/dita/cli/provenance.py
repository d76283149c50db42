"""`dita provenance`: which runs are audited, what the regime is, and who lets longs through in a crisis."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dita.audit.signing import SigningKey
from dita.cli.actions import add_action, add_place
from dita.cli.failure import CommandFailure
from dita.cli.portfolio import span
from dita.control import ControlUpdate, FileControlPlane
from dita.control.operator import me
from dita.control.provenance import provenance_lines
from dita.host import Directory
from dita.portfolio.registry import append, keys_of, new_override, new_run, read_registry, registry_of
from dita.text import as_json, table

if TYPE_CHECKING:
    from dita.portfolio.registry import Entry


DESCRIPTION: Final = """\
The registry of audited runs, and the rules that go with it. Where there is one, a file of targets is refused
(NOT_AUDITED) unless its Source_Run is in it, signed by a key that is trusted. With `require on` the kernel
itself refuses every entry without an audited run, whoever sends it. In a CRISIS, buying aggressively is
REGIME_BLOCKED; an override by somebody, with a reason and an end, lets it through.

The registry is provenance.jsonl in the host's directory (or --registry); the keys that it trusts are the
lines of provenance.jsonl.keys beside it. A run's id is the Source_Run of the targets; a backtest's is its
run_id."""

EPILOG: Final = """\
examples:
  dita provenance trust --sign key.pem --host main
  dita provenance add 20260106-prod-q1 --why "reviewed by two" --sign key.pem --host main
  dita provenance require on --host main
  dita provenance regime CRISIS --host main
  dita provenance override --why "hedge for the book" --expires 2h --sign key.pem --host main
  dita provenance list --host main"""

_EXAMPLES: Final = {
    "trust": "dita provenance trust --sign key.pem --host main",
    "add": 'dita provenance add 20260106-prod-q1 --why "reviewed by two" --sign key.pem --host main',
    "override": 'dita provenance override --why "hedge" --expires 2h --sign key.pem --host main',
    "require": "dita provenance require on --host main",
    "regime": "dita provenance regime CRISIS --host main",
    "list": "dita provenance list --host main --json",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    trust = _action(actions, "trust", "trust a key's signatures", _trust)
    trust.add_argument("--sign", type=Path, required=True, metavar="KEY", help="the private key in PEM")
    add = _action(actions, "add", "say that a run was audited", _add)
    add.add_argument("run_id", metavar="RUN", help="its id, as Source_Run names it")
    add.add_argument(
        "--returns-hash", default="", metavar="HASH", help="the source_returns_hash it must have"
    )
    override = _action(actions, "override", "let longs through in a CRISIS, for a while", _override)
    override.add_argument(
        "--expires", type=span, required=True, metavar="SPAN", help="for how long: 30m, 2h, 1d"
    )
    for one in (add, override):
        one.add_argument("--why", required=True, metavar="TEXT", help="why, in a sentence")
        one.add_argument("--by", metavar="WHO", help="who (you)")
        one.add_argument(
            "--sign", type=Path, required=True, metavar="KEY", help="a private ed25519 key in PEM"
        )
    require = _action(
        actions, "require", "whether the kernel refuses entries without an audited run", _require
    )
    require.add_argument("state", choices=("on", "off"))
    regime = _action(actions, "regime", "say which regime the market is in", _regime)
    regime.add_argument("state", choices=("NORMAL", "CRISIS"))
    for one in (require, regime):
        one.add_argument("--by", metavar="WHO", help="who asks (you)")
    listing = _action(actions, "list", "the entries, and which of them count", _list)
    listing.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _action(
    actions: Any,  # noqa: ANN401 - argparse's own class is private
    name: str,
    what: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = add_action(actions, name, what, run, _EXAMPLES[name])
    add_place(parser)
    parser.add_argument("--account", metavar="NAME", help="of one account only, as its log is named")
    parser.add_argument("--registry", type=Path, metavar="FILE", help="the registry (the host's)")
    return parser


def _directory(options: argparse.Namespace) -> "Directory":
    return Directory.found(options.host, options.dir)


def _registry(options: argparse.Namespace) -> Path:
    path: Path | None = options.registry
    return registry_of(_directory(options)) if path is None else path


def _trust(options: argparse.Namespace) -> int:
    path, public = _registry(options), SigningKey(options.sign).public
    if public not in keys_of(path):
        with path.with_name(path.name + ".keys").open("a", encoding="utf-8") as file:
            file.write(f"{public}  # {_by(options)}\n")
    print(f"{path}: trusts {public}")
    return 0


def _add(options: argparse.Namespace) -> int:
    entry = new_run(options.run_id, by=_by(options), why=options.why, returns_hash=options.returns_hash)
    _put(options, entry)
    print(f"{_registry(options)}: {entry.id} is audited, by {entry.by}")
    return 0


def _override(options: argparse.Namespace) -> int:
    entry = new_override(by=_by(options), why=options.why, lasts_ns=options.expires)
    signed = _put(options, entry)
    if options.registry is None:
        _control(options, ControlUpdate(audited=(signed.id,), updated_by=signed.by, why=signed.why))
    print(f"{signed.id}\nholds until {signed.until}; name it with --override, or as an intent's override_ref")
    return 0


def _put(options: argparse.Namespace, entry: "Entry") -> "Entry":
    """Sign an entry with a key that is trusted, and add it."""
    path = _registry(options)
    signed = entry.signed(SigningKey(options.sign))
    if signed.public_key not in keys_of(path):
        raise CommandFailure(f"{path}: does not trust this key: dita provenance trust --sign {options.sign}")
    append(path, signed)
    return signed


def _require(options: argparse.Namespace) -> int:
    return _control(options, ControlUpdate(require_audit=options.state == "on", updated_by=_by(options)))


def _regime(options: argparse.Namespace) -> int:
    return _control(options, ControlUpdate(regime=options.state, updated_by=_by(options)))


def _control(options: argparse.Namespace, update: "ControlUpdate") -> int:
    """Change the controls of the host's accounts, which are files: also while nobody runs."""
    directory = _directory(options)
    accounts = [options.account] if options.account else directory.accounts()
    if not accounts:
        raise CommandFailure(f"{directory.path}: has no account yet")
    for account in accounts:
        with FileControlPlane(directory.controls(account)) as plane:
            controls = plane.update(update)
        said = provenance_lines(controls.as_dict(), _now_ns()) or [
            "entries need no audited run; regime NORMAL"
        ]
        print("\n".join([account, *(f"  {line}" for line in said)]))
    return 0


def _list(options: argparse.Namespace) -> int:
    registry = read_registry(_registry(options))
    if options.json:
        sys.stdout.write(
            as_json(
                {
                    "path": str(registry.path),
                    "entries": [asdict(entry) for entry in registry.entries.values()],
                    "distrusted": dict(registry.distrusted),
                }
            )
        )
        return 0
    rows = [
        (entry.kind, entry.id, entry.by, entry.at, entry.until or "-", entry.why)
        for entry in registry.entries.values()
    ]
    print("\n".join(table(("kind", "id", "by", "at", "until", "why"), rows)))
    for name, why in registry.distrusted.items():
        print(f"  does not count: {name} {why}")
    return 0


def _by(options: argparse.Namespace) -> str:
    who: str = getattr(options, "by", None) or me()
    return who[:31]


def _now_ns() -> int:
    return time.time_ns()
