"""`dita venues`: the venues that can be traded, and what each can do."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from dita.cli.failure import CommandFailure
from dita.extras import is_there, missing
from dita.text import table
from dita.venues.catalog import NATIVE
from dita.venues.ccxt.abilities import all_abilities

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from dita.venues.catalog import Native
    from dita.venues.ccxt.abilities import Abilities

_HEADER: Final = ("exchange", "verdict", "swap", "spot", "amend", "query", "positions", "funding", "ledger",
                  "leverage", "stops", "codes")  # fmt: skip
DESCRIPTION: Final = """\
List the venues that have an adapter of their own, with how far each was proven, and then every exchange of
ccxt's: whether it can be traded through ccxt's adapter, and what it can do there. What ccxt only imitates
counts as no. The list is read from the ccxt that is installed."""

_PAGE: Final = """\
# Venues

`dita venues --markdown` writes this page. **Nobody here has run any adapter against a real venue with
money.** What was proven, and on what, is in the last column.

## With an adapter of their own
{natives}

Real money at a venue that was not proven over a wire is refused without `--unproven` (in a program:
`unproven=True`).

## Order of fills
What each adapter states of its venue's sequence numbers
([what the values mean](../how-to/write-an-adapter.md#what-to-report)). None of these
adapters sends busts or corrections.

{stated}

## Through ccxt
{count} exchanges of ccxt {version}; {able} of them can be traded. `dita venues EXCHANGE` says the same of
those that are named.

| column | says |
|---|---|
| verdict | `trades`, or what is missing; without client ids an order that was not answered is lost |
| swap, spot | perpetuals, and spot |
| amend | orders are changed at the exchange; where ccxt cancels and sends anew, this is no |
| query | one order can be asked for |
| positions, funding, ledger | what can be asked of the account |
| leverage | it can be set |
| stops | stops are taken: where the order that a triggered stop sends can be followed |
| codes | errors are distinguished by its own codes; elsewhere by HTTP alone, and all but 4xx is in doubt |

{exchanges}
"""


EPILOG: Final = "examples:\n  dita venues\n  dita venues kraken okx\n  dita venues --json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("exchange", nargs="*", metavar="EXCHANGE", help="only these, by ccxt's names")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--markdown", action="store_true", help="print the page of the documentation")


def run(options: argparse.Namespace) -> int:
    """Print the list.

    Args:
        options: The parsed command line.

    Returns:
        The exit code.

    Raises:
        CommandFailure: An exchange is not known.
    """
    rows: list[Abilities] = []
    if is_there("ccxt"):
        rows = list(all_abilities(options.exchange))
    elif options.exchange or options.markdown:
        raise CommandFailure(missing("what ccxt's exchanges can do", "ccxt"))
    if options.json:
        natives = [{**asdict(one), "is_proven": one.is_proven} for one in NATIVE]
        ccxt = [{**asdict(row), "verdict": row.verdict} for row in rows]
        print(json.dumps({"native": natives, "ccxt": ccxt}, indent=2))
    elif options.markdown:
        print(page(NATIVE, rows), end="")
    else:
        natives_shown = () if options.exchange else NATIVE
        for line in _lines(natives_shown, rows):
            print(line)
        if not rows:
            print(missing("what ccxt's exchanges can do", "ccxt"))
    return 0


def page(natives: Iterable[Native], rows: Sequence[Abilities]) -> str:
    """Return the page of the documentation.

    Args:
        natives: The venues with adapters of their own.
        rows: The exchanges of ccxt's.
    """
    ccxt = importlib.import_module("ccxt")
    rows_of_natives, stated = [], []
    for one in natives:
        rows_of_natives.append((one.title, f"`{one.adapter}`", f"`{one.extra}`", one.proof))
        module, _, name = one.adapter.partition(":")
        adapter = getattr(importlib.import_module(module), name)
        stated.append((one.title, adapter.sequence_order, adapter.sequence_ties, adapter.revisions))
    return _PAGE.format(
        natives=_markdown(("venue", "adapter", "extra", "proven"), rows_of_natives),
        stated=_markdown(("venue", "sequence_order", "sequence_ties", "revisions"), stated),
        count=len(rows), able=sum(not row.lacks for row in rows), version=ccxt.__version__,
        exchanges=_markdown(_HEADER, [_cells(row) for row in rows]),
    )  # fmt: skip


def _lines(natives: Iterable[Native], rows: Sequence[Abilities]) -> Iterator[str]:
    shown = [(one.name, one.adapter, one.proof) for one in natives]
    if shown:
        yield from table(("venue", "adapter", "proven"), shown)
        yield ""
    if rows:
        yield from table(_HEADER, [_cells(row) for row in rows])


def _cells(row: Abilities) -> tuple[str, ...]:
    flags = (getattr(row, name) for name in _HEADER[2:])
    return row.exchange, row.verdict, *("yes" if flag else "no" for flag in flags)


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(header), "|".join("---" for _ in header), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" if at != 1 else f"|{line}|" for at, line in enumerate(lines))
