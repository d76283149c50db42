"""`dita log stats`: what is in a log, counted."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from dita import timetravel
from dita.cli.log_source import add_json_option, read_log
from dita.text import as_json
from dita.timetravel.log_text import stats_lines

DESCRIPTION: Final = "Commands about a log as such. `dita log stats` counts what is in it."
_STATS_DESCRIPTION: Final = """\
Count what is in a log: records and bytes by type, the time it spans, each opening of it, its segments and
snapshots, its largest records and its rates. Everything is verified on the way. Reads only, and takes no
lock."""
EPILOG: Final = """\
examples:
  dita log stats /var/lib/dita/main
  dita log stats /var/lib/dita/main --json"""


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
        sys.stdout.write("\n".join(stats_lines(options.log_dir, found)) + "\n")
    return 0
