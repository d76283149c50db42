"""`dita convert`: raw captures become one file of columns, which a backtest reads fast."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress
from dita.market import convert

DESCRIPTION: Final = """\
Convert raw captures of a venue's messages (depth, best quotes, trades) into one file of columns, which
`dita backtest` reads many times faster. Prices and sizes keep their digits; depth is taken only where
the book is known to be whole. Several captures must be of one instrument, each going on where the one
before ends."""

EPILOG: Final = """\
a capture has one line a message: its receive time in ns (19 digits), a space, the venue's JSON;
plain or gzipped. `dita backtest STRATEGY --data OUT` plays what was written

examples:
  dita convert btcusdt.jsonl.gz -o btcusdt.l2
  dita convert monday.jsonl tuesday.jsonl -o week.l2 --json
  dita convert broken.jsonl -o broken.l2 --skip-bad-lines --allow-late-lines"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a capture, plain or gzipped")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="the file to write")
    parser.add_argument(
        "--allow-late-lines",
        action="store_true",
        help="count lines received before the line above, and give them the later time; else one is an error",
    )
    parser.add_argument(
        "--skip-bad-lines",
        action="store_true",
        help="skip and count lines that cannot be read; else one is an error",
    )
    parser.add_argument("--force", action="store_true", help="replace OUT where it is there")
    parser.add_argument("--json", action="store_true", help="print what was found as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Convert, and say what was found.

    Args:
        options: The parsed command line.

    Returns:
        0.

    Raises:
        CommandFailure: A capture has something that cannot be, or the file cannot be written.
    """
    if options.out.exists() and not options.force:
        raise CommandFailure(f"{options.out}: is there already; --force replaces it")
    progress, started = Progress(), time.monotonic()

    def listen(fraction: float) -> None:
        if progress.is_due():
            progress.show_share(fraction, "read")

    try:
        symbol, counts = convert(
            options.files,
            options.out,
            allow_late_lines=options.allow_late_lines,
            skip_bad_lines=options.skip_bad_lines,
            progress=listen,
        )
    finally:
        progress.close()
    seconds = time.monotonic() - started
    if options.json:
        print(json.dumps({"symbol": symbol, "out": str(options.out), **counts}))
    else:
        print("\n".join(_report(symbol, options.out, counts)))
    rate = counts["bytes"] / 1e6 / seconds if seconds else 0.0
    print(f"{counts['bytes'] / 1e6:,.1f} MB in {seconds:.2f} s ({rate:,.0f} MB a second)", file=sys.stderr)
    return 0


def _report(symbol: str, out: Path, counts: dict[str, int]) -> list[str]:
    depth = (
        f"{counts['levels']:,} levels in {counts['depth_updates']:,} updates, {counts['snapshots']:,} books"
    )
    rows = [
        f"{out}: {symbol}, {counts['written']:,} bytes of {counts['bytes']:,}",
        f"  {depth}, {counts['quotes']:,} quotes, {counts['prints']:,} trades",
    ]
    troubles = {
        "gaps": "gaps in the depth: the book is empty until the next whole one",
        "unused_updates": "updates without a whole book before them, left out",
        "late_lines": "lines received before the line above them, given the later time",
        "bad_lines": "lines that could not be read, skipped",
        "other": "messages of other streams, skipped",
    }
    rows.extend(f"  {counts[name]:,} {what}" for name, what in troubles.items() if counts[name])
    return rows
