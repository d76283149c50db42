"""Capture files: raw frames with their receive times, compressed, each in one piece or not at all."""

import gzip
import json
import queue
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 256 * 1024
_PIECE_S: Final = 1.0
_LINES_MAX: Final = 200_000
_DAY_NS: Final = 86_400 * 1_000_000_000


class Capture:
    """One instrument's frames, in one file a day.

    A thread compresses and writes; who brings a frame never waits for it. Each write is a whole gzip member,
    so that what was written before a kill can be read.

    Attributes:
        path: The file that is written now.
        lines: How many lines were taken.
        gaps: How many gap rows.
        lost: How many lines did not fit into the queue: a gap row stands in their place.
        error: Why nothing is written any more; empty while all is well.
    """

    def __init__(self, folder: Path, symbol: str) -> None:
        """Begin a file.

        Args:
            folder: Where; it is there.
            symbol: The instrument.
        """
        self.symbol = symbol
        self.lines = 0
        self.gaps = 0
        self.lost = 0
        self.error = ""
        self._folder = folder
        self._day = -1
        self._queue: queue.Queue[str | None] = queue.Queue(_LINES_MAX)
        self.path = self._file_at(time.time_ns())
        self._thread = threading.Thread(target=self._write, name=f"dita-record-{symbol}", daemon=True)
        self._thread.start()

    def put(self, time_ns: int, text: str) -> bool:
        """Take a frame; never waits.

        Args:
            time_ns: When it was received.
            text: It, as it came.

        Returns:
            Whether it fits; where not, the frames have a gap.
        """
        try:
            self._queue.put_nowait(f"{time_ns} {text}\n")
        except queue.Full:
            self.lost += 1
            return False
        self.lines += 1
        return True

    @property
    def has_room(self) -> bool:
        """Whether half of the queue is free."""
        return self._queue.qsize() < _LINES_MAX // 2

    def gap(self, time_ns: int, why: str) -> None:
        """Say that something was missed before this moment, and that the book is not known any more.

        Args:
            time_ns: When that was seen.
            why: Why.
        """
        row = {"e": "gap", "s": self.symbol, "why": why}
        if self.put(time_ns, json.dumps(row, separators=(",", ":"))):
            self.gaps += 1

    def is_new_day(self, time_ns: int) -> bool:
        """Whether a day (UTC) has begun since the last call: the next lines go to a new file."""
        day = time_ns // _DAY_NS
        if self._day in (-1, day):
            self._day = day
            return False
        try:
            self._queue.put_nowait(f"{time_ns} \n")
        except queue.Full:
            return False
        self._day = day
        return True

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _file_at(self, time_ns: int) -> Path:
        at = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
        return self._folder / f"{self.symbol}-{at:%Y%m%dT%H%M%S}.jsonl.gz"

    def _write(self) -> None:
        piece: list[str] = []
        size, due_s = 0, time.monotonic() + _PIECE_S
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, due_s - time.monotonic()))
            except queue.Empty:
                line = ""
            ends = line is None
            begins = line is not None and line.endswith(" \n")
            if line and not begins:
                piece.append(line)
                size += len(line)
            if piece and (ends or begins or size >= _PIECE_BYTES or time.monotonic() >= due_s):
                self._append("".join(piece))
                piece, size = [], 0
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + _PIECE_S
            if begins and line is not None:
                self.path = self._file_at(int(line.split(" ", 1)[0]))
            if ends:
                return

    def _append(self, text: str) -> None:
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(gzip.compress(text.encode(), compresslevel=5, mtime=0))
        except OSError as error:
            self.error = f"{self.path}: {error.strerror or error}"
