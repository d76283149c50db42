"""Markets with depth as columns: what `dita convert` makes of raw captures, once, to be read fast."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from dita._kernel import CaptureConversion, MarketReader
from dita.market.binance_l2 import SAMPLE_STEP_NS, CaptureCounts, l2_events
from dita.market.events import Event, MarketKind
from dita.market.source import MarketFileError, opened

_HEAD_BYTES: Final = 8
_EVENTS_AT_ONCE: Final = 20_000


class L2File:
    """A file of columns.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        """Read the file's head.

        Args:
            path: The file.

        Raises:
            MarketFileError: It cannot be read, or is of another version.
        """
        self.path = path
        self._symbol = self.reader().symbol
        self._reader: MarketReader | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def kind(self) -> MarketKind:
        """Recorded."""
        return "real"

    @property
    def symbol(self) -> str:
        """The instrument that the file names."""
        return self._symbol

    @property
    def step_ns(self) -> int:
        """A quarter of a second, in nanoseconds, as of the capture."""
        return SAMPLE_STEP_NS

    @property
    def counts(self) -> CaptureCounts | None:
        """The counts of the captures; None until the last iteration has come to the end."""
        counts = None if self._reader is None else self._reader.counts
        return None if counts is None else CaptureCounts(**counts)

    def fraction_read(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 0.0 if self._reader is None else self._reader.fraction

    def reader(self) -> MarketReader:
        """Return a reader of the file, from its beginning.

        Raises:
            MarketFileError: It cannot be opened.
        """
        return opened(self.path, lambda: MarketReader.columns(self.path))

    def __iter__(self) -> Iterator[Event]:
        """Return the file's events, oldest first.

        Raises:
            MarketFileError: The file is damaged or was cut off.
        """
        self._reader = reader = self.reader()
        return l2_events(self.path, reader)


def is_l2_columns(path: Path) -> bool:
    """Return whether a file is one of columns, by its first bytes.

    Args:
        path: The file.
    """
    try:
        with path.open("rb") as file:
            return MarketReader.is_columns(file.read(_HEAD_BYTES))
    except OSError:
        # Whoever opens it says why it cannot be read.
        return False


def convert(
    captures: Sequence[Path],
    out: Path,
    *,
    allow_late_lines: bool = False,
    skip_bad_lines: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[str, dict[str, int]]:
    """Convert raw captures of one instrument into one file of columns.

    Args:
        captures: In order: each goes on where the one before it ends.
        out: The file; it gets its name once it is whole, and replaces one of that name.
        allow_late_lines: Whether a line received before the one above it is counted; else it is an error.
        skip_bad_lines: Whether lines that cannot be read are skipped and counted; else one is an error.
        progress: Called with the part of the captures read, from 0 to 1.

    Returns:
        The instrument, and the counts of the captures, by name, with the bytes `written`.

    Raises:
        MarketFileError: A capture has something that cannot be, or the file cannot be written.
    """
    given = {"allow_late_lines": allow_late_lines, "skip_bad_lines": skip_bad_lines}
    try:
        conversion = CaptureConversion(captures, out, **given)
        try:
            while conversion.step(_EVENTS_AT_ONCE):
                if progress is not None:
                    progress(conversion.fraction)
            return conversion.symbol, conversion.finish()
        finally:
            conversion.close()
    except ValueError as error:
        message, line, place = error.args
        raise MarketFileError(out if place is None else captures[place], message, line=line) from None
