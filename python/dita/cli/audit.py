"""`dita audit`: write, verify and head an audit ledger, and prove one trade of it."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita._kernel import log_bounds
from dita.audit import (
    CHECKER,
    HeadRefused,
    UnknownTrade,
    head_of,
    proof_of,
    read_head,
    sign,
    signer_of,
    verify,
)
from dita.audit.proofs import as_text
from dita.audit.verifying import Verified
from dita.cli.actions import add_action
from dita.cli.failure import CommandFailure
from dita.cli.log_source import add_json_option
from dita.errors import KernelError
from dita.follow import Follower, TargetRefused
from dita.follow.spec import FollowerSpec, build_target, kernel_name
from dita.text import as_json, count

EXIT_BAD: Final = 1

DESCRIPTION: Final = """\
The audit ledger says what was asked of a kernel, what it decided and what was executed, in a chain of hashes.
It is made from the kernel's log, and can be made again from it byte for byte. A kernel with
`[followers] audit` in dita.toml writes it by itself.

verify finds any edit, reorder, insertion and cut within it. Of its end it can say something only with a head
that was kept elsewhere: without --head nobody can tell whether records were cut off behind the last one, or
the whole chain was made anew."""

EPILOG: Final = """\
examples:
  dita audit write /var/lib/dita/main --to data/lakehouse
  dita audit verify data/lakehouse
  dita audit head data/lakehouse --sign key.pem | tee head-2026-11-24.json
  dita audit verify data/lakehouse --head head-2026-11-24.json
  dita audit prove data/lakehouse T-17 | tee proof.json"""

_PROVE: Final = """\
Print the proof of one trade: its records, and for each the hashes that lead to the head. A third person
checks it with Python alone, against a head that he trusts:

  dita audit prove data/lakehouse --checker | tee check_proof.py
  python check_proof.py proof.json ROOT"""

#: By action: what stands under its help.
_EXAMPLES: Final = {
    "write": "dita audit write /var/lib/dita/main --to data/lakehouse",
    "verify": "dita audit verify data/lakehouse --head head-2026-11-24.json",
    "head": "dita audit head data/lakehouse --sign key.pem | tee head-2026-11-24.json",
    "prove": "dita audit prove data/lakehouse T-17 | tee proof.json",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    write = add_action(
        actions, "write", "write a log's ledger up to the log's end", _write, _EXAMPLES["write"]
    )
    write.add_argument("log_dir", type=Path, metavar="LOG", help="the log's directory")
    write.add_argument("--to", type=Path, required=True, metavar="DIR", help="the ledger's folder")
    write.add_argument("--kernel", metavar="NAME", help="the kernel's name (the log directory's)")
    write.add_argument("--follow", action="store_true", help="go on with the log until stopped")
    add_json_option(write)
    verify = add_action(
        actions,
        "verify",
        "find any change; exit code 1 where there is one, or no record",
        _verify,
        _EXAMPLES["verify"],
    )
    _add_folder(verify)
    verify.add_argument("--head", type=Path, metavar="FILE", help="a head that was kept elsewhere")
    verify.add_argument("--key", metavar="BASE64", help="the public key that must have signed the head")
    add_json_option(verify)
    head = add_action(actions, "head", "print the head: what to keep elsewhere", _head, _EXAMPLES["head"])
    _add_folder(head)
    head.add_argument("--sign", type=Path, metavar="KEY", help="a private ed25519 key in PEM")
    prove = add_action(actions, "prove", "print the proof of one trade", _prove, _EXAMPLES["prove"], _PROVE)
    _add_folder(prove)
    prove.add_argument("trade_id", nargs="?", metavar="TRADE", help="the trade's id")
    prove.add_argument("--checker", action="store_true", help="print the program that checks a proof")


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the ledger's folder")


def _is_ledger(folder: Path) -> None:
    if not (folder / "audit.jsonl").is_file():
        raise CommandFailure(
            f"{folder}: has no audit.jsonl; name the ledger's folder, or write it: dita audit write"
        )


def _write(options: argparse.Namespace) -> int:
    if not options.log_dir.is_dir():
        raise CommandFailure(
            f"{options.log_dir}: is no directory; name the one that the kernel has as log_dir"
        )
    try:
        _check_log(options.log_dir)
        name = kernel_name(options.kernel, options.log_dir)
        spec = FollowerSpec("audit", str(options.to), str(options.log_dir), name)
        with _nothing_left_of_a_failure(options.log_dir, options.to):
            follower = Follower(spec.log_dir, build_target(spec), kernel=name)
            follower.run(until_end=not options.follow)
            report = verify(options.to)
            if not report.records:
                raise CommandFailure(f"{options.log_dir}: has nothing to audit yet; no ledger was made")
    except (TargetRefused, KernelError) as error:
        raise CommandFailure(str(error)) from error
    except KeyboardInterrupt:
        return 0
    if options.json:
        sys.stdout.write(as_json(_fields(report)))
    else:
        print(f"{options.to}: {count(report.records)} records, up to input {count(report.seq)}")
    return 0


def _check_log(log_dir: Path) -> None:
    """Refuse a log that is damaged, or of which nobody knows what was synced: only that is audited."""
    found = timetravel.verify(log_dir)
    if found["damage"] is not None:
        damage = found["damage"]
        raise CommandFailure(
            f"{damage['file']}: corrupt at byte {damage['offset']}, input {damage['seq']}: "
            f"{damage['reason']}; restore a copy of the log, and look at it with dita verify-log {log_dir}"
        )
    if found["records"] and not log_bounds(log_dir)[1]:
        raise CommandFailure(
            f"{log_dir / 'durable.mark'}: missing or damaged, and only what is known as synced is audited; "
            "open the log with its kernel once, which makes the mark again"
        )


@contextlib.contextmanager
def _nothing_left_of_a_failure(log_dir: Path, folder: Path) -> Iterator[None]:
    """Where the block fails, remove the ledger that it began, and what its follower left at the log."""
    existed = (folder / "audit.jsonl").exists()
    places = (*log_dir.glob("audit.*"), *(folder.iterdir() if folder.is_dir() else ()))
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    except BaseException as error:
        if not existed and not isinstance(error, KeyboardInterrupt):
            own = (*folder.glob("audit*"), *folder.glob("execution_logs*"), *log_dir.glob("audit.*"))
            for path in own:
                if path not in places:
                    path.unlink()
            with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                for place in made:
                    place.rmdir()
        raise


def _fields(report: Verified) -> dict[str, Any]:
    return asdict(report)


def _verify(options: argparse.Namespace) -> int:
    _is_ledger(options.folder)
    if options.key is not None and options.head is None:
        raise CommandFailure("--key: says who signed a head; name the head too: --head FILE")
    try:
        head = None if options.head is None else read_head(options.head)
        signer = "" if head is None else signer_of(head)
        report = verify(options.folder, head)
    except (HeadRefused, KernelError, OSError) as error:
        raise CommandFailure(str(error)) from error
    if options.key is not None and signer != options.key:
        raise CommandFailure(f"{options.head}: is signed by {signer or 'nobody'}, and not by {options.key}")
    if report.fault is None and head is not None and head.kernel != (report.kernel or ""):
        raise CommandFailure(
            f"{options.head}: is the head of {head.kernel!r}, and the ledger is of {report.kernel!r}"
        )
    if options.json:
        sys.stdout.write(as_json({**_fields(report), "signed_by": signer}))
    else:
        sys.stdout.write(_text(options.folder, report, signer))
    return 0 if report.fault is None and report.records else EXIT_BAD


def _text(folder: Path, report: Verified, signer: str) -> str:
    if report.fault is not None:
        return f"{folder}: does not hold\n  {report.fault_text()}\n"
    if not report.records:
        return f"{folder}: EMPTY: no record is in it; write it: dita audit write LOG --to {folder}\n"
    unseen = ", but records that were cut off at its end cannot be seen without a head (--head FILE)"
    lines = [
        f"{folder}: holds{'' if report.headed else unseen}",
        f"  kernel      {report.kernel or 'none yet'}",
        f"  records     {count(report.records)}, {count(report.executions)} of executions",
        f"  last input  {count(report.seq)}",
        f"  Merkle root {report.root}",
    ]
    if report.unfinished:
        lines.append(
            f"  unfinished  {count(report.unfinished)} records of an input that is not wholly written"
        )
    if report.headed:
        lines.append("  head        the records up to the head are those that it was made of")
        lines.append(f"  signed by   {signer or 'nobody: whoever can write the head can write another one'}")
    return "\n".join(lines) + "\n"


def _held(folder: Path) -> Verified:
    """Verify a ledger; refuse one that does not hold."""
    _is_ledger(folder)
    report = verify(folder)
    if report.fault is not None:
        raise CommandFailure(f"{folder}: does not hold: {report.fault_text()}")
    return report


def _head(options: argparse.Namespace) -> int:
    try:
        head = head_of(_held(options.folder))
        if options.sign is not None:
            head = sign(head, options.sign)
    except (HeadRefused, KernelError, OSError) as error:
        raise CommandFailure(str(error)) from error
    print(head.as_json())
    return 0


def _prove(options: argparse.Namespace) -> int:
    if options.checker:
        sys.stdout.write(CHECKER.read_text(encoding="utf-8"))
        return 0
    if options.trade_id is None:
        raise CommandFailure("TRADE: name the trade's id, or ask for the program that checks: --checker")
    try:
        _held(options.folder)
        sys.stdout.write(as_text(proof_of(options.folder, options.trade_id)))
    except (UnknownTrade, KernelError) as error:
        raise CommandFailure(str(error.args[0])) from error
    return 0
