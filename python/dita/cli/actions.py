"""An action of a command: `dita portfolio plan` is one of `dita portfolio`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_action(
    actions: Any,  # noqa: ANN401 - argparse's own class is private
    name: str,
    what: str,
    run: Callable[[argparse.Namespace], int],
    example: str,
    description: str | None = None,
) -> argparse.ArgumentParser:
    """Add an action, with its example.

    Args:
        actions: What `add_subparsers` has returned.
        name: The action's name.
        what: What it does, without a capital and a stop.
        run: Does it, and returns the exit code.
        example: A line that uses it.
        description: What its help says; without it what it does.
    """
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=what,
        description=description or f"{what[0].upper()}{what[1:]}.",
        epilog=f"examples:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which host is meant."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--host", metavar="NAME", help="the host (default: the only one that runs)")
    place.add_argument("--dir", type=Path, metavar="DIR", help="the host's directory itself")
