"""`dita second-names`: every name of the older systems, what it is here, and code that builds it.

The page docs/reference/second-names.md is printed by this module, and a test runs each row's code.
"""

import argparse
import sys
from typing import Final

from dita.compat.second_names import SECTIONS, page
from dita.text import as_json, table

DESCRIPTION: Final = "List every name of the systems that DITA replaces, and what it is here."
EPILOG: Final = "examples:\n  dita second-names\n  dita second-names order\n  dita second-names --json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="only rows that have it")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--markdown", action="store_true", help="print the page of the documentation")


def run(options: argparse.Namespace) -> int:
    """List the names, as text, as JSON or as the page of the documentation."""
    if options.markdown:
        sys.stdout.write(page())
        return 0
    found = {
        system: [row for row in rows if options.word.lower() in f"{row.there} {row.here}".lower()]
        for system, (_, rows) in SECTIONS.items()
    }
    if options.json:
        said = {
            name: [{"there": row.there, "here": row.here} for row in rows] for name, rows in found.items()
        }
        sys.stdout.write(as_json(said))
        return 0
    for name, rows in found.items():
        if rows:
            cells = [(row.there.replace("`", ""), row.here.replace("`", "")) for row in rows]
            sys.stdout.write("\n".join([name, *table(("there", "here"), cells)]) + "\n")
    return 0
