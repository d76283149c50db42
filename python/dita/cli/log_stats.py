"""`dita log stats`: what is in a log, counted."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.log_source import add_json_option, owner_lines, read_log
from dita.text import as_json, count, size_text, table, time_text

DESCRIPTION: Final = "Commands about a log as such. `dita log stats` counts what is in it."
_STATS_DESCRIPTION: Final = """\
Count what is in a log: records and bytes by type, the time it spans, each opening of it, its segments and
snapshots, its largest records and its rates. Everything is verified on the way. Reads only, and takes no
lock."""
EPILOG: Final = """\
examples:
  dita log stats /var/lib/dita/main
  dita log stats /var/lib/dita/main --json"""
_SECOND_NS: Final = 1_000_000_000


def add_options(log: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parts = log.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="part")
    parser = parts.add_parser(
        "stats",
        help="records and bytes by type, time, openings, segments, rates",
        description=_STATS_DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Count and report.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: There is no log, it is damaged, or it cannot be read.
    """

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener

        return timetravel.stats(options.log_dir, progress=listen)

    found = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.write("\n".join(_lines(options.log_dir, found)) + "\n")
    return 0


def _lines(log_dir: Path, found: Mapping[str, Any]) -> Iterator[str]:
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
