"""`dita config check|show`: what a configuration says, where it comes from, and what is wrong with it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dita.cli.failure import CommandFailure
from dita.cli.values import pair
from dita.config import ConfigError, load, standing_file
from dita.host.opening import faults_of
from dita.text import as_json, table

if TYPE_CHECKING:
    from dita.config import Fault, Loaded


DESCRIPTION: Final = """\
Check a configuration, or show what counts. First to last count: --set, the environment
(DITA_SECTION__KEY, as DITA_ACCOUNTS__MAIN__MAX_SLOTS=5), the file, the defaults. A key that is not
known is refused, with the nearest one that is."""

EPILOG: Final = """\
examples:
  dita config check
  dita config check /etc/dita/dita.toml --json
  dita config show --origin
  dita config show --set accounts.main.max_slots=5"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    words = parser.add_subparsers(title="words", metavar="WORD", required=True, dest="word")
    check = _word(words, "check", "name each fault", "/etc/dita/dita.toml --json")
    show = _word(words, "show", "show what counts", "--origin --set accounts.main.max_slots=5")
    show.add_argument("--origin", action="store_true", help="say where each value comes from")
    for word in (check, show):
        word.add_argument(
            "file", nargs="?", type=Path, metavar="FILE", help="default: ./dita.toml where it is there"
        )
        word.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        add_set_option(word)
        word.set_defaults(run=run)


def _word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str, example: str
) -> argparse.ArgumentParser:
    return words.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"examples:\n  dita config {name}\n  dita config {name} {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_set_option(parser: argparse.ArgumentParser) -> None:
    """Describe `--set`.

    Args:
        parser: A command's parser.
    """
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=pair("KEY=VALUE"),
        metavar="KEY=VALUE",
        dest="settings",
        help="a value that counts before all others; may be given again",
    )


def run(options: argparse.Namespace) -> int:
    """Check or show.

    Args:
        options: The parsed command line.

    Returns:
        0, or 1 where `check` has found faults.

    Raises:
        CommandFailure: `show` of a configuration that is wrong, or of no file.
    """
    faults: list[Fault]
    loaded: Loaded | None = None
    try:
        loaded = read(options)
        faults = [fault for name, one in loaded.config.accounts.items() for fault in faults_of(name, one)]
    except ConfigError as error:
        faults = list(error.faults)
    if options.word == "show":
        if loaded is None:
            raise CommandFailure("\n  ".join(["the configuration is wrong:", *map(str, faults)]))
        return _show(loaded, options)
    return _check(loaded, faults, options)


def read(options: argparse.Namespace) -> "Loaded":
    """Load the configuration that a command line means.

    Args:
        options: `file` and `settings`.

    Raises:
        ConfigError: It is wrong.
    """
    return load(options.file or standing_file(), overrides=dict(options.settings))


def _check(loaded: "Loaded | None", faults: "list[Fault]", options: argparse.Namespace) -> int:
    name = str(loaded.path) if loaded is not None and loaded.path else str(options.file or "no file")
    if options.json:
        rows = [
            {"field": one.field, "value": one.value, "why": one.why, "origin": one.origin} for one in faults
        ]
        sys.stdout.write(as_json({"file": name, "good": not faults, "faults": rows}))
    elif faults:
        print(f"{name}: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
        for fault in faults:
            print(f"  {fault}")
    elif loaded is not None:
        accounts, strategies = len(loaded.config.accounts), len(loaded.config.strategies)
        print(f"{name}: good (accounts: {accounts}, strategies: {strategies})")
    return 1 if faults else 0


def _show(loaded: "Loaded", options: argparse.Namespace) -> int:
    rows = list(loaded.values())
    if options.json:
        content = {key: {"value": value, "origin": origin} for key, value, origin in rows}
        sys.stdout.write(as_json(content))
        return 0
    header = ("key", "value", "origin") if options.origin else ("key", "value")
    for line in table(header, [row if options.origin else row[:2] for row in rows]):
        print(line)
    return 0
