"""The rows of a sweep, and the file that keeps them: a line of JSON each, written as soon as it is known."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from dita.errors import refuse

FILE: Final = "runs.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """What one run came to.

    Attributes:
        run_id: Of code, data, parameters and settings: the same id, the same row.
        data_id: Of the data and its window alone.
        params: The values of the space's parameters, plain.
        metrics: Every figure as exact text; None where it is not defined. Empty where the run failed.
        trades: How many there were.
        final_k: What the wallet must hold at the end, as text; None where the run failed.
        periods: Daily returns that the Sharpe ratio was found in.
        skew: Their skewness; None where it is not defined.
        kurtosis: Their kurtosis, 3 for normal ones; None where it is not defined.
        error: Why the run failed; None where it did not.
        daily: Each UTC day's start and the equity at its end as text, where the run was asked for them.
    """

    run_id: str
    data_id: str
    params: Mapping[str, Any]
    metrics: Mapping[str, str | None]
    trades: int
    final_k: str | None
    periods: int
    skew: float | None
    kurtosis: float | None
    error: str | None
    daily: Sequence[Sequence[Any]] | None = None

    def value(self, name: str) -> Decimal | None:
        """Return a figure.

        Args:
            name: A metric's name, or `final_k`.
        """
        text = self.final_k if name == "final_k" else self.metrics.get(name)
        return None if text is None else Decimal(text)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON: the same text, whether the row was made or read."""
        return {**asdict(self), "metrics": dict(sorted(self.metrics.items()))}


class RowFile:
    """Rows that outlive the process. Several sweeps may share a file, one after another."""

    def __init__(self, directory: Path) -> None:
        """Read what is there; a half line at the end, as a killed process leaves it, is cut off.

        Args:
            directory: Where `runs.jsonl` is; it is made if it is not there.

        Raises:
            InvalidInput: A line that is whole is no row, by line; or another sweep writes the file.
            OSError: It cannot be read or written.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / FILE
        self.rows: dict[str, Row] = {}
        self._file = self.path.open("a+b")
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def _begin(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refuse("out", str(self.path), "is being written by another sweep") from None
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        for row in self._read(content[:whole]):
            self.rows[row.run_id] = row
        if whole < len(content):
            self._file.truncate(whole)

    def _read(self, content: bytes) -> Iterator[Row]:
        for number, line in enumerate(content.splitlines(), start=1):
            try:
                yield Row(**json.loads(line))
            except (ValueError, TypeError) as error:
                place = f"{FILE}, line {number}"
                raise refuse(
                    place, line.decode(errors="replace"), f"is no row of a sweep: {error}"
                ) from error

    def add(self, row: Row) -> None:
        """Write a row: it is with the operating system when this returns.

        Args:
            row: The row.
        """
        line = json.dumps(row.to_dict(), sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"
        self._file.write(line.encode())
        self._file.flush()
        self.rows[row.run_id] = row

    def close(self) -> None:
        """Write through to the disk, and close."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
