"""`dita verify-log`: whether a log is whole, and whether its replay gives the same result."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.log_source import add_json_option, owner_lines, read_log
from dita.text import as_json, count, size_text, time_text

EXIT_BAD: Final = 1

DESCRIPTION: Final = """\
Check a log: the checksum of every record, that no number is missing, that each record carries the hash of
the one before it, and every snapshot. --replay also feeds all of it to a fresh kernel, and holds what comes
of each input against what came of it then, and the state against every snapshot on the way.

Reads only, takes no lock, and works beside a running kernel. The exit code is 0 for a good log and 1 for a
bad one."""

EPILOG: Final = """\
examples:
  dita verify-log /var/lib/dita/main
  dita verify-log /var/lib/dita/main --replay
  dita verify-log /backup/dita/main --replay --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument("--replay", action="store_true", help="also replay it, and compare")
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Check and report.

    Args:
        options: The parsed command line.

    Returns:
        0 for a good log, 1 for a bad one.

    Raises:
        CommandFailure: There is no log, or it cannot be read.
    """

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener

        return timetravel.verify(options.log_dir, replay=options.replay, progress=listen)

    found = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.write("\n".join(_lines(options.log_dir, found)) + "\n")
    return 0 if found["good"] else EXIT_BAD


def _lines(log_dir: Path, found: Mapping[str, Any]) -> Iterator[str]:
    damage = found["damage"]
    if damage is not None:
        yield f"{log_dir}: BAD"
        yield f"  file    {damage['file']}"
        yield f"  offset  {count(damage['offset'])} bytes from its start"
        yield f"  input   {damage['seq']}"
        yield f"  reason  {damage['reason']}"
        yield "Nothing was changed. Restore a copy of the directory, or start a new log at the venue's state."
        return
    verdict = "GOOD" if found["good"] else "BAD: it is whole, but its replay gives something else"
    yield f"{log_dir}: {verdict}"
    for at, line in enumerate(owner_lines(found["identity"])):
        yield f"  {'log' if at == 0 else '':9}  {line}"
    if found["records"]:
        yield f"  inputs     {count(found['first_seq'])} to {count(found['last_seq'])}, none missing"
        yield f"  time       {time_text(found['first_ns'])} to {time_text(found['last_ns'])} UTC"
    segments = _many(found["segments"], "segment")
    yield f"  records    {count(found['records'])}, {size_text(found['bytes'])}, in {segments}"
    yield f"  durable    up to input {count(found['durable_seq'])}"
    snapshots = ", ".join(f"after input {count(snapshot['seq'])}" for snapshot in found["snapshots"])
    yield f"  snapshots  {snapshots or 'none'}"
    if found["torn"] is not None:
        torn = found["torn"]
        yield (
            f"  torn tail  {torn['bytes']} bytes at the end of {torn['file']} that were never durable "
            f"({torn['reason']}): the next opening cuts them off"
        )
    for remark in found["remarks"]:
        yield f"  remark     {remark}"
    yield from _replay_lines(found["replay"])


def _replay_lines(replay: Mapping[str, Any] | None) -> Iterator[str]:
    if replay is None:
        return
    began = (
        "the log's beginning" if replay["began"] is None else f"the snapshot after input {replay['began']}"
    )
    yield f"  replay     {count(replay['replayed'])} inputs from {began}"
    for snapshot in replay["snapshots"]:
        verdict = "the same state" if snapshot["same"] else "ANOTHER STATE: damaged, or of other rules"
        yield f"             snapshot after input {count(snapshot['seq'])}: {verdict}"
    if replay["differences_all"]:
        yield f"  differs    {count(replay['differences_all'])} inputs come to something else than then:"
    words = {True: "accepted", False: "refused"}
    for difference in replay["differences"][:10]:
        then, now = words[difference["accepted_then"]], words[difference["accepted_now"]]
        yield f"             input {difference['seq']} was {then} then and is {now} now"
    yield f"  state      {replay['state_hash']}"


def _many(items: list[Any], name: str) -> str:
    return f"{len(items)} {name}" + ("" if len(items) == 1 else "s")
