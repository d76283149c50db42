"""Writes the reference of the journal's columns, from what a follower writes: `make docs` calls it."""

import re
import sys
from pathlib import Path
from typing import Final

from dita._kernel import journal_tables

MIGRATIONS: Final = Path(__file__).resolve().parents[1] / "python" / "dita" / "journal" / "migrations"
_TABLE: Final = re.compile(r"((?:^--[^\n]*\n)+)CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)", re.MULTILINE)
_HEAD: Final = """\
# The journal's columns

Generated from what a follower writes: `make docs`. How to ask, and what to know before, is in
[query the journal](../how-to/query-the-journal.md).

In every table `kernel`, `seq` and `n` name a row, and `time` is the kernel's. `Nullable` means that a value
may be missing. A number of the outside that 18 decimals cannot hold is NULL, and stands as text in `unheld`.
The view `fills_now` has the columns of `fills`, and each fill once."""


def about() -> dict[str, str]:
    """Return what each table holds, from the last line of the comment above it in the migrations."""
    sql = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))
    return {found[2]: found[1].strip().splitlines()[-1].removeprefix("-- ") for found in _TABLE.finditer(sql)}


def page() -> str:
    """Return the page."""
    told = about()
    parts = [_HEAD]
    for table, columns in journal_tables():
        rows = [f"| `{name}` | {_type(native, members)} |" for name, native, members in columns]
        parts.append("\n".join([f"## {table}", told[table], "", "| column | type |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _type(native: str, members: list[str] | None) -> str:
    if members is None:
        return f"`{native}`"
    null = ", or NULL" if native.startswith("Nullable(") else ""
    return f"one of {' '.join(f'`{member}`' for member in members)}{null}"


if __name__ == "__main__":
    sys.stdout.write(page())
