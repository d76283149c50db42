"""`dita verify-log`: whether a log is whole, and whether its replay gives the same result."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.log_source import add_json_option, read_log
from dita.text import as_json
from dita.timetravel.log_text import verify_lines

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
        sys.stdout.write("\n".join(verify_lines(options.log_dir, found)) + "\n")
    return 0 if found["good"] else EXIT_BAD
