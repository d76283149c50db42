"""What every command that reads a log has in common: its options, its progress, and its failures."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dita.cli.failure import CommandFailure
from dita.cli.progress import Progress

Result = TypeVar("Result")
Listener = Callable[[int, int, int], None]


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Describe the option that all of them have.

    Args:
        parser: A command's parser.
    """
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def read_log(log_dir: Path, work: Callable[[Listener], Result]) -> Result:
    """Read a log, with progress on stderr where it takes long.

    Args:
        log_dir: The log's directory.
        work: Reads it, and calls the listener with its progress.

    Raises:
        CommandFailure: The log cannot be read; the text says why and what to do.
    """
    progress = Progress()

    def listen(_seq: int, bytes_done: int, bytes_all: int) -> None:
        if progress.is_due():
            progress.show(f"{log_dir}: {bytes_done / max(1, bytes_all):4.0%} read")

    if not log_dir.is_dir():
        raise CommandFailure(f"{log_dir}: is no directory; name the one that the kernel was given as log_dir")
    try:
        return work(listen)
    finally:
        progress.close()
