"""`dita backup`: a verified copy of a log, also of one that a kernel writes to."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.log_source import add_json_option, read_log
from dita.text import as_json, count, size_text

DESCRIPTION: Final = """\
Copy a log and verify the copy: every checksum, the chain, and a replay held against what was logged. The
kernel may go on writing meanwhile; the copy ends with what was on disk when it was made. TO appears when the
copy is whole, and not before.

The copy opens like the log itself. Two kernels must never trade one account: open it only where the first
one is stopped."""

EPILOG: Final = """\
examples:
  dita backup /var/lib/dita/main /backup/main-2026-11-23
  dita backup /var/lib/dita/main /backup/main-2026-11-23 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("log_dir", type=Path, metavar="DIR", help="the log's directory")
    parser.add_argument(
        "to", type=Path, metavar="TO", help="the copy's directory: one that is not there, or is empty"
    )
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Copy, verify and report.

    Args:
        options: The parsed command line.

    Returns:
        0: the copy is there, and it is good.

    Raises:
        CommandFailure: There is no copy; the text says why and what to do.
    """

    def work(listen: Any) -> dict[str, Any]:  # noqa: ANN401 - a listener
        return timetravel.backup(options.log_dir, options.to, progress=listen)

    made = read_log(options.log_dir, work)
    if options.json:
        sys.stdout.write(as_json(made))
        return 0
    replayed = made["replay"]["replayed"]
    sys.stdout.write(
        f"{options.to}: {count(made['files'])} files, {size_text(made['copied_bytes'])}\n"
        f"  inputs   up to {count(made['last_seq'])}, durable up to {count(made['durable_seq'])}\n"
        f"  verified every checksum, and {count(replayed)} inputs replayed to the same\n"
    )
    return 0
