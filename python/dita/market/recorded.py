"""What every recorded market says of itself."""

from pathlib import Path

from dita.market.events import MarketKind


class RecordedFile:
    """A file with one instrument's market.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, symbol: str) -> None:
        """Say where it is, and whose.

        Args:
            path: The file.
            symbol: The instrument's name.
        """
        self.path = path
        self._symbol = symbol

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
        """The instrument's name, as given."""
        return self._symbol

    def place_of(self, at_ns: int, value: str) -> "tuple[int | None, str]":  # noqa: ARG002 - files of lines use them
        """Return where a number stands: the line, where the file has lines, and words for its place else.

        Args:
            at_ns: The time of its event: of a bar its opening.
            value: The number.
        """
        return None, ""
