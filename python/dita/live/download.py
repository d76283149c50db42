"""A venue's past into a file that `dita backtest` reads: bars, trades, or funding. It needs no key."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dita.errors import InvalidInput
from dita.live.pages import Kind, Pages, Row, pages_of
from dita.runtime import interval_ns
from dita.venues.binance import requests
from dita.venues.binance.adapter import BinanceUsdm
from dita.venues.wire import reading
from dita.venues.wire.live import LiveAdapter
from dita.venues.wire.requests import Request

_MS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_PAGE: Final = 1_000
#: A search for trades by time spans less than an hour at the venue.
_SEARCH_NS: Final = 3_540 * _SECOND_NS
#: A question may have to wait for the next minute of the rate budget.
_WAIT_S: Final = 150.0

OnProgress = Callable[[int], object]


@dataclass(slots=True)
class Fetched:
    """What a download came to.

    Attributes:
        rows: How many rows were added.
        gaps: What the venue does not have, of the whole file: begin and end of each, ns.
    """

    rows: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)


def fetch(
    adapter: LiveAdapter,
    kind: Kind,
    symbol: str,
    interval: str,
    start_ns: int,
    end_ns: int,
    out: Path,
    progress: OnProgress | None = None,
) -> Fetched:
    """Fetch what a file does not have yet; a file that is there is gone on with.

    Args:
        adapter: The venue to ask. Its rate budget is kept.
        kind: bars, trades or funding.
        symbol: The instrument.
        interval: The bars' length; of no meaning for the others.
        start_ns: From when on.
        end_ns: Until when.
        out: The file: CSV where its name ends so (not for trades), else Parquet.
        progress: Called with the time that it has reached, ns.

    Raises:
        InvalidInput: The file is something else, or a length cannot be.
        Failure: The venue does not answer.
    """
    if kind == "trades" and not isinstance(adapter, BinanceUsdm):
        raise InvalidInput(
            "kind: trades: this venue's REST has only the newest ones; it publishes daily archives of them"
        )
    pages = pages_of(out, kind, symbol, interval if kind == "bars" else "")
    work = {"bars": _Bars, "trades": _Trades, "funding": _Funding}[kind](adapter, pages, start_ns, end_ns)
    try:
        while (rows := work.next()) is not None:
            work.fetched.rows += len(rows)
            pages.add(rows)
            if progress is not None:
                progress(work.at_ns)
        work.end()
    finally:
        pages.keep()
    work.fetched.gaps = pages.reached.gaps
    return work.fetched


class _Work:
    """One download: where it is, and what it has come to."""

    def __init__(self, adapter: LiveAdapter, pages: Pages, start_ns: int, end_ns: int) -> None:
        self.adapter = adapter
        self.reached = pages.reached
        self.start_ns, self.end_ns = start_ns, min(end_ns, time.time_ns())
        self.fetched = Fetched()
        self.at_ns = start_ns
        self.begin()

    def begin(self) -> None:
        """Go to where the file ends."""

    def next(self) -> list[Row] | None:
        """Ask for the next page; None where all is there."""
        raise NotImplementedError

    def end(self) -> None:
        """Look at what is missing at the end."""

    def ask(self, request: Request) -> list[dict[str, Any]]:
        return reading.table(self.adapter.ask(request, _WAIT_S), request.path)


class _Bars(_Work):
    def begin(self) -> None:
        self.length_ns = interval_ns(self.reached.interval)
        last_ns = self.reached.last_ns
        # What is before the first bar that there is, is a gap as well.
        self.due_ns = -(-self.start_ns // self.length_ns) * self.length_ns
        if last_ns is not None:
            self.due_ns = last_ns + self.length_ns
        self.at_ns = self.due_ns

    def next(self) -> list[Row] | None:
        if self.at_ns + self.length_ns > self.end_ns:
            return None
        until_ns = min(self.end_ns, self.at_ns + _PAGE * self.length_ns)
        bars = self.adapter.get_bars(self.reached.symbol, self.reached.interval, self.at_ns, until_ns)
        rows: list[Row] = []
        for bar in bars:
            self._miss(bar.open_ns)
            rows.append((bar.open_ns, *bar.texts))
            self.due_ns, self.reached.last_ns = bar.close_ns, bar.open_ns
        self.at_ns = until_ns
        return rows

    def end(self) -> None:
        # The venue may not have closed the last one yet.
        closed_ns = min(self.end_ns, time.time_ns() - 2 * self.length_ns)
        self._miss(closed_ns // self.length_ns * self.length_ns)

    def _miss(self, until_ns: int) -> None:
        if until_ns > self.due_ns:
            self.reached.gaps.append((self.due_ns, until_ns))


class _Trades(_Work):
    """Trades of others, in the venue's aggregates: their numbers have no gaps."""

    def begin(self) -> None:
        if self.reached.last_ns is not None:
            self.at_ns = self.reached.last_ns

    def next(self) -> list[Row] | None:
        if self.at_ns >= self.end_ns:
            return None
        number = self.reached.next_number
        if number is None:
            return self._found()
        page = self.ask(requests.agg_trades(self.reached.symbol, from_number=number))
        rows = self._rows(page)
        if len(rows) < _PAGE:
            self.at_ns = self.end_ns
        return rows

    def _found(self) -> list[Row]:
        """Look for the first trade, by time."""
        until_ns = min(self.end_ns, self.at_ns + _SEARCH_NS)
        begin_ms, end_ms = self.at_ns // _MS, (until_ns - 1) // _MS
        rows = self._rows(self.ask(requests.agg_trades(self.reached.symbol, begin_ms, end_ms)))
        self.at_ns = self.at_ns if rows else until_ns
        return rows

    def _rows(self, page: list[dict[str, Any]]) -> list[Row]:
        rows: list[Row] = []
        for row in page:
            at_ns, number = reading.nanoseconds(row, "T"), int(row["a"])
            if at_ns >= self.end_ns:
                break
            due = self.reached.next_number
            if due is not None and number > due:
                self.reached.gaps.append((self.reached.last_ns or self.start_ns, at_ns))
            price, size = reading.text(row, "p"), reading.text(row, "q")
            rows.append((at_ns, price, size, row.get("m") is True, number))
            self.reached.last_ns, self.reached.next_number = at_ns, number + 1
            self.at_ns = at_ns
        return rows


class _Funding(_Work):
    def begin(self) -> None:
        last_ns = self.reached.last_ns
        self.next_ms: int | None = (self.start_ns if last_ns is None else last_ns + _SECOND_NS) // _MS

    def next(self) -> list[Row] | None:
        if self.next_ms is None or self.next_ms * _MS >= self.end_ns:
            return None
        symbol = self.reached.symbol
        page = self.adapter.funding_rates(symbol, self.next_ms, (self.end_ns - 1) // _MS)
        rows: list[Row] = []
        for at_ns, rate, mark in page:
            self.at_ns = at_ns
            # Venues stamp some milliseconds late: the boundary is the second.
            second_ns = self.at_ns // _SECOND_NS * _SECOND_NS
            self._miss(second_ns)
            rows.append((second_ns, symbol, format(rate, "f"), mark))
            self.reached.last_ns = second_ns
        self.next_ms = None if len(page) < _PAGE else self.at_ns // _MS + 1
        return rows

    def _miss(self, at_ns: int) -> None:
        """Boundaries are eight hours apart at most: more than that is a gap."""
        last_ns = self.reached.last_ns
        if last_ns is not None and at_ns - last_ns > 8 * 3_600 * _SECOND_NS:
            self.reached.gaps.append((last_ns, at_ns))
