"""`dita token`: who may use a gateway."""

import argparse
import sys
from pathlib import Path
from typing import Final

from dita.cli.failure import CommandFailure
from dita.errors import KernelError
from dita.gateway.access import AccessRefused, TokenFile
from dita.text import as_json, table

DESCRIPTION: Final = """\
Say who may use a gateway. A token is shown once; the file keeps its SHA-256. Each role may what those before
it may: read looks on, trade sends orders, operate halts, freezes and flattens. A token that is taken back
ends open streams within a second."""

EPILOG: Final = """\
examples:
  dita token add anna --role read
  dita token list
  dita token revoke anna"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("action", choices=("add", "list", "revoke"), help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="whose token; it signs what is done with it")
    parser.add_argument("--role", choices=("read", "trade", "operate"), help="what it may, for add")
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="the file (~/.config/dita/tokens.json)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(options: argparse.Namespace) -> int:
    """Change or list the tokens.

    Args:
        options: The parsed command line.

    Returns:
        0: done.

    Raises:
        CommandFailure: It cannot be done; the text says why.
    """
    tokens = TokenFile(options.tokens or Path("~/.config/dita/tokens.json").expanduser())
    if options.action != "list" and not options.name:
        raise CommandFailure(f"NAME: say whose token to {options.action}")
    if options.action == "add" and options.role is None:
        raise CommandFailure("--role: say what it may: read, trade or operate")
    try:
        said = _done(tokens, options)
    except (KernelError, AccessRefused, OSError) as error:
        raise CommandFailure(str(error)) from error
    sys.stdout.write(said)
    return 0


def _done(tokens: "TokenFile", options: argparse.Namespace) -> str:
    if options.action == "add":
        token = tokens.add(options.name, options.role)
        return as_json({"name": options.name, "token": token}) if options.json else f"{token}\n"
    if options.action == "revoke":
        tokens.revoke(options.name)
        return as_json({"revoked": options.name}) if options.json else f"{options.name}: revoked\n"
    grants = [{"name": grant.name, "role": grant.role} for grant in tokens.read().values()]
    if options.json:
        return as_json({"items": grants})
    rows = [(grant["name"], grant["role"]) for grant in grants]
    return "\n".join(table(("name", "role"), rows)) + "\n" if rows else f"{tokens.path}: no tokens\n"
