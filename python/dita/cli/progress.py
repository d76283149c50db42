"""How far a long command is, on stderr: rewritten in place on a terminal, a line now and then elsewhere."""

import sys
import time
from typing import Final, TextIO

TERMINAL_INTERVAL_NS: Final = 100_000_000
PLAIN_INTERVAL_NS: Final = 2_000_000_000
BAR_WIDTH: Final = 30


class Progress:
    """Shows the latest state at most every tenth of a second (terminal) or two seconds (elsewhere)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Start the clock.

        Args:
            stream: Where to write; stderr by default.
        """
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._interval_ns = TERMINAL_INTERVAL_NS if self._terminal else PLAIN_INTERVAL_NS
        self._next_ns = time.monotonic_ns() + self._interval_ns
        self._shown = False
        self._last = ""

    def is_due(self) -> bool:
        """Whether `show` would be worth its cost now."""
        return time.monotonic_ns() >= self._next_ns

    def show(self, text: str) -> None:
        """Write the state, where it is another one than was shown last.

        Args:
            text: One line, without its end.
        """
        self._next_ns = time.monotonic_ns() + self._interval_ns
        if text == self._last:
            return
        self._last = text
        self._shown = True
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()

    def show_share(self, share: float, text: str) -> None:
        """Write how much is done: with a bar on a terminal.

        Args:
            share: From 0 to 1.
            text: What is done of it, without a line end.
        """
        done = min(max(share, 0.0), 1.0)
        drawn = f"[{'#' * int(done * BAR_WIDTH):<{BAR_WIDTH}}] " if self._terminal else ""
        self.show(f"{drawn}{done:4.0%} {text}")

    def close(self) -> None:
        """Leave the terminal's line clean for what follows."""
        if self._shown and self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
