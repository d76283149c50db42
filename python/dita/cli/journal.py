"""`dita journal`: asks the journal in ClickHouse."""

import argparse
import csv
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dita.cli.failure import CommandFailure
from dita.errors import shown
from dita.journal import JournalAway, JournalRefused, ask_journal
from dita.journal.place import place_of
from dita.journal.questions import QUESTIONS, question_sql
from dita.text import as_json, count, exact, table

if TYPE_CHECKING:
    from dita.journal import Result


DESCRIPTION: Final = """\
Ask the journal that a follower writes to ClickHouse: with a query of your own, or with a ready question.

The journal is a path (the embedded database) or a URL (a server). Where a follower has the embedded database
open, it is asked; where none has, the database is opened for the question. Nothing can be written."""

EPILOG: Final = """\
examples:
  dita journal query "SELECT asset, count() FROM fills_now GROUP BY asset" --journal journal.db
  dita journal trade t17 --journal journal.db
  dita journal rejects --journal http://reader:secret@clickhouse:8123 --csv
  dita journal drift --json"""

_HELP: Final = {
    "query": "a query of your own, in ClickHouse's SQL",
    "trade": "all that happened to a trade, in order",
    "slot": "all that happened in a slot, in order",
    "rejects": "what the kernel or the venue refused, and how often",
    "latency": "from the intent to the venue's first word and first fill, by both clocks",
    "drift": "K, E and their difference, as last known",
    "fees": "fees by day, instrument and liquidity",
}
_ARGUMENTS: Final = {"query": "SQL", "trade": "ID", "slot": "N"}
_EXAMPLES: Final = {
    "query": ' "SELECT asset, count() FROM fills_now GROUP BY asset"',
    "trade": " t17",
    "slot": " 3",
}


def add_options(journal: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parts = journal.add_subparsers(title="questions", metavar="QUESTION", required=True, dest="question")
    for name, text in _HELP.items():
        parser = parts.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"examples:\n  dita journal {name}{_EXAMPLES.get(name, '')} --journal journal.db",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name in _ARGUMENTS:
            parser.add_argument(
                "what", metavar=_ARGUMENTS[name], type=_slot if name == "slot" else str, help=text
            )
        parser.add_argument(
            "--journal",
            metavar="URL|PATH",
            help="a server, or the embedded database's directory; without it DITA_CLICKHOUSE_URL",
        )
        parser.add_argument("--database", default="dita", help="the database's name (dita)")
        if name != "query":
            parser.add_argument("--kernel", metavar="NAME", help="of this kernel only")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        form.add_argument("--csv", action="store_true", help="print CSV with a header instead of a table")
        parser.set_defaults(run=run, what=None, kernel=None)


def _slot(text: str) -> str:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{shown(text)} is no slot: a whole number from 0")
    return text


def run(options: argparse.Namespace) -> int:
    """Ask and print.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: The journal cannot be asked, or the query is wrong; the text says why and what to do.
    """
    own = options.question == "query"
    sql = options.what if own else question_sql(options.question, options.what, options.kernel)
    try:
        found = ask_journal(place_of(options.journal, options.database), sql)
    except (JournalAway, JournalRefused) as error:
        raise CommandFailure(str(error)) from error
    if options.json:
        sys.stdout.write(as_json({"columns": found.names, "types": found.types, "rows": list(found.dicts())}))
    elif options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found.names)
        writer.writerows([[_plain(value) for value in row] for row in found.rows])
    else:
        title = "" if own else QUESTIONS[options.question].title.replace("{id}", str(options.what))
        _print_table(title, found)
    return 0


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever a database holds
    if value is None:
        return ""
    return exact(value) if isinstance(value, Decimal) else str(value)


def _print_table(title: str, found: "Result") -> None:
    if title:
        print(title)
    numbers = [
        name
        for name, kind in zip(found.names, found.types, strict=True)
        if kind.removeprefix("Nullable(").startswith(("Int", "UInt", "Float", "Decimal"))
    ]
    for line in table(found.names, [[_cell(value) for value in row] for row in found.rows], right=numbers):
        print(line)
    rows = len(found.rows)
    print(f"{count(rows)} {'row' if rows == 1 else 'rows'}")


def _cell(value: Any) -> str:  # noqa: ANN401 - as above
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        return exact(value)
    text = str(value).replace("\n", " ")
    # A time's nine digits are mostly zeros.
    if len(text) == 29 and text[10:11] == " " and text[19:20] == ".":
        text = text.rstrip("0").rstrip(".")
    return text
