"""Prints the command line's reference in Markdown: `python -m dita.cli.reference`."""

import argparse
import os
from collections.abc import Iterator

from dita.cli.main import build_parser


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its commands, depth first, in the order they were added."""
    yield parser
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to list its commands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for command in action.choices.values():
                yield from parsers_of(command)


def reference() -> str:
    """Return the reference: every command's own help."""
    parts = ["# The command line\n\nGenerated from the program by `make docs`; do not edit.\n"]
    parts.extend(
        f"## {parser.prog}\n\n```text\n{parser.format_help()}```\n" for parser in parsers_of(build_parser())
    )
    return "\n".join(parts)


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    print(reference(), end="")
