"""The command line: `dita --help`."""

from dita.cli.main import main

__all__ = ["main"]
