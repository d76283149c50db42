"""What is in a log, and whether it is whole, as lines."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dita.text import count, size_text, table, time_text


def owner_lines(identity: str) -> list[str]:
    """Return whose log it is: its id, and the kernel's settings, in lines that fit a screen.

    Args:
        identity: As the log has it.
    """
    found = re.fullmatch(r"'(.*)' \(id (\w+)\)", identity)
    if found is None:
        return [identity]
    settings = textwrap.wrap(found[1].removeprefix("dita kernel: "), 88, break_on_hyphens=False)
    return [f"id {found[2]}, a kernel with", *settings]


_SECOND_NS: Final = 1_000_000_000


def stats_lines(log_dir: Path, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is in a log, counted, line by line.

    Args:
        log_dir: The log's directory.
        found: As `timetravel.stats` returns it.
    """
    first, *settings = owner_lines(found["identity"])
    yield f"{log_dir}: log {first}"
    yield from (f"    {line}" for line in settings)
    yield f"  {count(found['records'])} records, {size_text(found['bytes'])}"
    if not found["records"]:
        return
    span_ns = found["last_ns"] - found["first_ns"]
    yield f"  {time_text(found['first_ns'])} to {time_text(found['last_ns'])} UTC"
    mean = found["records"] * _SECOND_NS / span_ns if span_ns else float(found["records"])
    busiest = found["busiest_second"]
    yield (
        f"  {mean:,.1f} records a second on average; {count(busiest['records'])} in the busiest second, "
        f"{time_text(busiest['time_ns'])}"
    )
    yield ""
    yield "By type"
    types = sorted(found["types"], key=lambda row: -row["bytes"])
    yield from table(
        ("type", "records", "refused", "bytes", "share", "mean"),
        (
            (
                row["type"],
                count(row["records"]),
                count(row["refused"]),
                size_text(row["bytes"]),
                f"{row['bytes'] / found['bytes']:.1%}",
                f"{row['bytes'] / row['records']:.0f} B",
            )
            for row in types
        ),
        right="records refused bytes share mean",
    )
    yield ""
    yield "Openings"
    yield from table(
        ("epoch", "inputs", "from", "to"),
        (
            (
                str(row["epoch"]),
                f"{count(row['first_seq'])} to {count(row['last_seq'])}",
                time_text(row["first_ns"]),
                time_text(row["last_ns"]),
            )
            for row in found["epochs"]
        ),
    )
    yield ""
    yield "Segments"
    yield from table(
        ("file", "inputs", "bytes", "rules"),
        (
            (
                row["file"],
                f"{count(row['first_seq'])} to {count(row['last_seq'])}",
                size_text(row["bytes"]),
                str(row["rules_version"]),
            )
            for row in found["segments"]
        ),
        right="bytes rules",
    )
    yield ""
    yield "Snapshots"
    yield from (
        table(
            ("after input", "bytes"),
            ((count(row["seq"]), size_text(row["bytes"])) for row in found["snapshots"]),
            right="bytes",
        )
        if found["snapshots"]
        else ["  none"]
    )
    yield ""
    yield "Largest records"
    yield from table(
        ("input", "type", "bytes"),
        ((count(row["seq"]), row["type"], size_text(row["bytes"])) for row in found["largest"]),
        right="input bytes",
    )
    for remark in found["remarks"]:
        yield f"remark: {remark}"


def verify_lines(log_dir: Path, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield whether a log is whole, line by line.

    Args:
        log_dir: The log's directory.
        found: As `timetravel.verify` returns it.
    """
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
