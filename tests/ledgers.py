"""Ledgers to be looked at: a busy kernel's, in several files."""

import json
from pathlib import Path
from typing import Any

from dita._kernel import AuditLedger, LogFollower

PER_FILE = 16


def blocks_of(log_dir: Path) -> list[list[tuple[str, int, bytes]]]:
    """The journal's blocks of a whole log, input by input."""
    source = LogFollower(log_dir, "main", "reads", journal=True)
    batches = []
    while (batch := source.poll(records_max=1, bytes_max=1)) is not None:
        batches.append(batch["blocks"])
    return batches


def write(log_dir: Path, folder: Path, per_file: int = PER_FILE) -> AuditLedger:
    """Write a log's ledger."""
    ledger = AuditLedger(folder, "main", records_per_file=per_file)
    for blocks in blocks_of(log_dir):
        ledger.write(blocks)
    return ledger


def by_number(name: str) -> tuple[int, str]:
    """Sort a ledger's files as they follow one another."""
    return len(name), name


def chain(folder: Path) -> list[Path]:
    """The chain's files, one after the other."""
    return sorted(folder.glob("audit*.jsonl"), key=lambda path: by_number(path.name))


def lines(path: Path) -> list[dict[str, Any]]:
    """A file's lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a ledger, with its bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}
