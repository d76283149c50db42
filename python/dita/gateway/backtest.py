"""The page beside `dita backtest --web`: how far it is, then its report."""

import contextlib
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dita.gateway.beside import beside, needs_web
from dita.gateway.source import ReadOnlySource
from dita.signals import elsewhere

if TYPE_CHECKING:
    from dita.backtest import BacktestResult


class BacktestPage:
    """What the page shows of a backtest."""

    def __init__(self, name: str, place: Path) -> None:
        """Begin with nothing played.

        Args:
            name: The strategy's.
            place: Where the report's page goes.
        """
        self._row = {"name": name, "boot": "backtest", "heartbeat": "fresh", "kind": "backtest"}
        self._played, self._trades = 0.0, 0
        self._file = place / "report.html"

    def listen(self, fraction: float, trades: int) -> None:
        """Take the progress."""
        self._played, self._trades = fraction, trades

    def write(self, result: "BacktestResult") -> None:
        """Write the report's page."""
        draft = self._file.with_suffix(".new")
        draft.write_text(result.report_html(), encoding="utf-8", errors="backslashreplace")
        draft.replace(self._file)

    def report(self) -> Path | None:
        """Return the report's page; None while there is none."""
        return self._file if self._file.exists() else None

    def rows(self) -> Mapping[str, str]:
        """Return what the page shows."""
        played = {
            "played": round(self._played, 3),
            "trades": self._trades,
            "report": self.report() is not None,
        }
        return {"host": json.dumps({**self._row, **played})}


@contextlib.contextmanager
def backtest_page(name: str, port: int | None) -> Iterator[BacktestPage | None]:
    """Serve the page meanwhile, where it is wanted.

    Args:
        name: The strategy's.
        port: None where no page is wanted; 0 takes a free one.

    Raises:
        KernelError: The extra is missing, or the port is taken.
    """
    if port is None:
        yield None
        return
    needs_web("--web")
    with tempfile.TemporaryDirectory(prefix="dita-backtest-") as place:
        page = BacktestPage(name, Path(place))

        with beside(ReadOnlySource(name, "backtest", page.rows), port, page.report):
            yield page


def wait_for_end() -> None:
    """Wait for Ctrl-C or SIGTERM. Only in the main thread."""
    ended = threading.Event()
    before = {
        number: signal.signal(number, elsewhere(ended.set)) for number in (signal.SIGTERM, signal.SIGINT)
    }
    sys.stderr.write("the report is shown until Ctrl-C\n")
    sys.stderr.flush()
    try:
        ended.wait()
    finally:
        for number, action in before.items():
            signal.signal(number, action)
