"""`BacktestResult`: a backtest's values, and the reports that are made of them."""

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Self, TextIO

from dita.backtest.equity import EquityPoint
from dita.backtest.page import as_html
from dita.backtest.reading import values_of
from dita.backtest.report import as_text, few_lines
from dita.backtest.values import ASSUMPTIONS, NOT_STATED, Assumptions, Fill, ResultValues, Trade
from dita.errors import refuse

__all__ = ["ASSUMPTIONS", "NOT_STATED", "Assumptions", "BacktestResult", "EquityPoint", "Fill", "Trade"]


@dataclass(frozen=True, slots=True)
class BacktestResult(ResultValues):
    """What a backtest came to: its values, and its reports as text, JSON and a page."""

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read what `save` wrote. `seconds` is 0, mappings are sorted, and parameters are as JSON has them.

        Args:
            directory: Where `save` wrote; or its report.json.

        Raises:
            OSError: The file cannot be read.
            InvalidInput: It is no report.json of this version.
        """
        place = Path(directory)
        file = place / "report.json" if place.is_dir() else place
        try:
            content = json.loads(file.read_bytes())
        except ValueError as error:
            raise refuse("report.json", file.as_posix(), f"is no JSON: {error}") from None
        return cls(seconds=0.0, **values_of(content))

    def report_text(self) -> str:
        """Return the report for a terminal."""
        return as_text(self)

    def __repr__(self) -> str:
        """Return the run's name and id, and the lines of `print_report`."""
        return f"BacktestResult {self.name!r} {self.run_id}\n{self._few_lines()}".rstrip()

    def print_report(self, out: TextIO | None = None) -> None:
        """Print the report that bots print: seven lines between rules.

        Args:
            out: Where to; None means the standard output.
        """
        (out or sys.stdout).write(self._few_lines())

    def _few_lines(self) -> str:
        closed = [trade.pnl for trade in self.trades if trade.exit_time_ns is not None]
        return few_lines(sum(closed, Decimal(0)), len(closed), self.capital, self.metrics, self.asset)

    def report_html(self) -> str:
        """Return the report as one page that reaches for nothing outside."""
        return as_html(self)

    def save(self, directory: str | Path) -> tuple[Path, Path, Path]:
        """Write report.txt, report.json and report.html.

        Args:
            directory: Where; it is made if it is not there.

        Returns:
            The three files.

        Raises:
            OSError: They cannot be written.
        """
        place = Path(directory)
        place.mkdir(parents=True, exist_ok=True)
        contents = {
            "report.txt": self.report_text().encode("utf-8", "backslashreplace"),
            "report.json": self.to_json(),
            "report.html": self.report_html().encode("utf-8", "backslashreplace"),
        }
        for name, content in contents.items():
            (place / name).write_bytes(content)
        return place / "report.txt", place / "report.json", place / "report.html"
